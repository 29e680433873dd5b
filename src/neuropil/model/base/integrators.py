"""Integrators that a model may name: explicit Runge-Kutta methods, each by its Butcher tableau.

Of dy/dt = f(t, y) with s stages, a step of length h is

    k_i = f(t + c_i h, y + h Σ_j<i a_ij k_j),    y(t + h) = y(t) + h Σ_i b_i k_i.

States that are linear with constant coefficients are not stepped: in each stage they have their exact values at t + c_i h. A method
is one object, registered once (`npl.register(Tableau(...))`); the engine, the oracle and the rollout all read it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, ClassVar, TypeAlias

from neuropil.errors import ModelError, did_you_mean
from neuropil.registry import Named, names, register

Number: TypeAlias = "int | float | Fraction"
Tree: TypeAlias = "tuple[Tree, ...]"

DERIVED = ("auto", "exact", "exponential_euler")
"""Integrators that follow from a model's Jacobian and have no tableau."""

ROUNDING = 1e-12
"""Within which the conditions on a tableau hold; fractions meet them exactly."""


@dataclass(frozen=True)
class Tableau(Named):
    """An explicit Runge-Kutta method.

    Args:
        name: by which models name it in their `integrator`.
        order: of its error: halving the step divides the error by 2**order.
        a: row i has the weights of the earlier slopes in stage i; zeros may follow them.
        b: weights of the slopes in the step, one for each stage.
        c: times of the stages within the step, the sums of the rows of `a`; the first is 0.
        title: for people, such as "Heun's method".
        citation: where it was published.

    Raises:
        ModelError: the name is taken by an integrator without a tableau, shapes do not fit, the method is implicit, times are no sums
            of rows, or the conditions for the order (those of all rooted trees) do not hold.

    Example:
        >>> Tableau("ralston", 2, a=((), (Fraction(2, 3),)), b=(Fraction(1, 4), Fraction(3, 4)), c=(0, Fraction(2, 3)),
        ...         title="Ralston's method", citation="Ralston 1962, Math. Comput. 16:431")

    Source: Butcher 1963, J. Austral. Math. Soc. 3:185; Hairer, Nørsett & Wanner 1993, Solving Ordinary Differential Equations I, II.2.
    """

    family: ClassVar[str] = "integrator"
    name: str
    order: int
    a: tuple[tuple[Number, ...], ...]
    b: tuple[Number, ...]
    c: tuple[Number, ...]
    title: str
    citation: str

    def __post_init__(self) -> None:
        where, stages = f"the tableau of {self.name!r}", len(self.b)
        if not isinstance(self.name, str) or not self.name or self.name in DERIVED:
            raise ModelError("a tableau needs a name of its own", got=self.name, expected=f"none of {', '.join(DERIVED)}")
        if not len(self.a) == len(self.c) == stages >= 1:
            raise ModelError(f"{where}: a, b and c have an entry for each stage", got=f"{len(self.a)}, {stages} and {len(self.c)}")
        if not isinstance(self.order, int) or isinstance(self.order, bool) or not 1 <= self.order <= stages:
            raise ModelError(f"{where}: its order is a whole number", got=self.order, expected=f"1 … {stages}: an explicit method has at least as many stages")
        if not all(isinstance(v, (int, float, Fraction)) and math.isfinite(v) for v in (*self.b, *self.c, *(v for row in self.a for v in row))):
            raise ModelError(f"{where}: its entries are finite numbers", got=(self.a, self.b, self.c))
        for i, row in enumerate(self.a):
            if any(row[i:]):
                raise ModelError(f"{where} is implicit", got=f"stage {i + 1} depends on the slopes {list(row)}", expected=f"weights of the first {i} slopes only")
            if not i <= len(row) <= stages:
                raise ModelError(f"{where}: stage {i + 1} has {len(row)} weights", got=list(row), expected=f"{i}, of the earlier slopes")
            total: Any = sum(row)
            if abs(total - self.c[i]) > ROUNDING:
                raise ModelError(f"{where}: the time of stage {i + 1} is not the sum of its weights", got=self.c[i], expected=total)
        for size in range(1, self.order + 1):
            for tree in _trees(size):
                found: Any = sum(w * f for w, f in zip(self.b, self._weights(tree), strict=True))
                if abs(found - Fraction(1, _density(tree))) > ROUNDING:
                    raise ModelError(f"{where} is not of order {self.order}", got=f"{float(found):g} in a condition of order {size}", expected=f"1/{_density(tree)}")

    def _weights(self, tree: Tree) -> list[Number]:
        """Of each stage, the elementary weight of a rooted tree without the factor b."""
        below = [self._weights(sub) for sub in tree]
        return [math.prod(sum((w * f for w, f in zip(row, part, strict=False)), Fraction(0)) for part in below) for row in self.a]

    @property
    def reason(self) -> str:
        """What an explanation says of it."""
        return f"{self.title}, order {self.order}"


@dataclass(frozen=True)
class StochasticTableau(Tableau):
    """A Runge-Kutta method for noise that is diagonal: each state has noise of its own, and its diffusion depends on no other such state.

    Of dy = f dt + g(y) dW (Itô) with I = (ΔW² - h) / 2, the drift is stepped by the tableau without noise, and

        H_i = y + Σ_j<i d_ij g(H_j) I / √h,    y(t + h) = … + Σ_i (e_i ΔW + m_i √h) g(H_i).

    The strong order is 1.0.

    Args:
        diffusion: row i has the weights d of the earlier diffusions in stage i.
        increment: the weights e; correction: the weights m.

    Raises:
        ModelError: besides those of a tableau, the conditions for the strong order 1.0 do not hold.

    Source: Rößler 2010, SIAM J. Numer. Anal. 48:922.
    """

    diffusion: tuple[tuple[Number, ...], ...]
    increment: tuple[Number, ...]
    correction: tuple[Number, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        where, stages = f"the tableau of {self.name!r}", len(self.increment)
        if not len(self.diffusion) == len(self.correction) == stages >= 1 or any(len(row) > i for i, row in enumerate(self.diffusion)):
            raise ModelError(f"{where}: diffusion, increment and correction have an entry for each stage, which reads earlier stages", got=(self.diffusion, self.increment, self.correction))
        reached = [sum(row, Fraction(0)) for row in self.diffusion]
        twice = [sum((w * reached[j] for j, w in enumerate(row)), Fraction(0)) for row in self.diffusion]
        found: dict[str, tuple[Any, int]] = {
            "Σ e": (sum(self.increment), 1),
            "Σ m": (sum(self.correction), 0),
            "Σ e d": (sum(e * d for e, d in zip(self.increment, reached, strict=True)), 0),
            "Σ m d": (sum(m * d for m, d in zip(self.correction, reached, strict=True)), 1),
            "Σ m d²": (sum(m * d * d for m, d in zip(self.correction, reached, strict=True)), 0),
            "Σ m d d": (sum(m * d for m, d in zip(self.correction, twice, strict=True)), 0),
        }
        for what, (value, expected) in found.items():
            if abs(value - expected) > ROUNDING:
                raise ModelError(f"{where} is not of strong order 1.0", got=f"{what} = {float(value):g}", expected=expected)

    @property
    def reason(self) -> str:
        """What an explanation says of it."""
        return f"{self.title}, strong order 1.0 for diagonal noise"


def common_denominator(row: Sequence[Number]) -> tuple[tuple[float, ...], float]:
    """Weights as whole numbers over one denominator, so that no weight is rounded; as they are, over 1, where any is no fraction.

    Args:
        row: rational numbers.
    """
    if any(isinstance(v, float) and not v.is_integer() for v in row):
        return tuple(map(float, row)), 1.0
    fractions = [Fraction(v) for v in row]
    below = math.lcm(*(f.denominator for f in fractions))
    return tuple(float(f * below) for f in fractions), float(below)


def check_integrator(owner: str, name: object) -> None:
    """Refuse an integrator that does not exist.

    Args:
        owner: the model that names it.
        name: of the integrator.

    Raises:
        ModelError: names the nearest.
    """
    known = (*DERIVED, *names(Tableau))
    if not isinstance(name, str) or name not in known:
        raise ModelError(f"{owner}.integrator is unknown", got=name, expected=f"one of {', '.join(known)}", fix=did_you_mean(name, known) if isinstance(name, str) else "a name, in quotes")


@cache
def _trees(size: int) -> tuple[Tree, ...]:
    """All rooted trees with so many nodes; a tree is the sorted tuple of its subtrees."""
    return ((),) if size == 1 else tuple(sorted({grown for tree in _trees(size - 1) for grown in _grown(tree)}))


def _grown(tree: Tree) -> Iterator[Tree]:
    """The trees with one more leaf."""
    yield tuple(sorted((*tree, ())))
    for i, sub in enumerate(tree):
        for grown in _grown(sub):
            yield tuple(sorted((*tree[:i], grown, *tree[i + 1 :])))


def _nodes(tree: Tree) -> int:
    return 1 + sum(map(_nodes, tree))


def _density(tree: Tree) -> int:
    """γ of a rooted tree: the product, over its nodes, of the sizes of the subtrees that begin there."""
    return _nodes(tree) * math.prod(map(_density, tree))


_HALF = Fraction(1, 2)

register(Tableau("euler", 1, a=((),), b=(1,), c=(0,), title="forward Euler", citation="Euler 1768, Institutionum calculi integralis I, §650"))
register(Tableau("heun", 2, a=((), (1,)), b=(_HALF, _HALF), c=(0, 1), title="Heun's method", citation="Heun 1900, Z. Math. Phys. 45:23"))
register(
    Tableau(
        "rk4", 4, a=((), (_HALF,), (0, _HALF), (0, 0, 1)), b=(Fraction(1, 6), Fraction(1, 3), Fraction(1, 3), Fraction(1, 6)),
        c=(0, _HALF, _HALF, 1), title="the classical Runge-Kutta method", citation="Kutta 1901, Z. Math. Phys. 46:435",
    )
)  # fmt: skip
register(
    StochasticTableau(
        "milstein", 1, a=((),), b=(1,), c=(0,), title="Milstein's method without derivatives", citation="Rößler 2010, SIAM J. Numer. Anal. 48:922",
        diffusion=((), (1,), (-1,)), increment=(1, 0, 0), correction=(0, _HALF, -_HALF),
    )
)  # fmt: skip
