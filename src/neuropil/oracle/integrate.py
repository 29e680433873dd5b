"""How the states of one population (or of the synapses of one projection) advance over a step, decided by probing the model's functions with numbers.

The states fall into two sets. The *linear* set is the largest one that depends only on itself and on inputs, with
constant coefficients; the exact propagator advances it. The *remaining* states are advanced by the scheme that the
model names, or, for "auto", by exponential Euler if each of them is linear in its own variable, else by Runge-Kutta.
With "auto", states of one unit (potentials aside) that depend on each other, or of which one loses only to others, take
exponential Euler as one vector; a linear state among them leaves the linear set.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from neuropil.errors import ModelError, did_you_mean
from neuropil.model import Branch
from neuropil.model.base.described import DeclarativeModel, Values
from neuropil.model.base.integrators import DERIVED, Number, StochasticTableau, Tableau, check_integrator
from neuropil.model.base.noise import NoiseTerms, white
from neuropil.oracle.noise import diffused, diffusion_of, without
from neuropil.registry import named
from neuropil.units import Dimension, Quantity, magnitude

Array: TypeAlias = NDArray[Any]
States: TypeAlias = dict[str, Array]
Matrices: TypeAlias = tuple[Array, Array]

_PROBES = 64


class Equations:
    """The functions of a model on plain arrays with one value per neuron; units are checked on the way out.

    Args:
        neuron: the model.
        parameters: by name, base units.
        size: number of neurons.
    """

    def __init__(self, neuron: DeclarativeModel, parameters: States, size: int):
        self.name, self.spec, self.size = type(neuron).__name__, neuron.spec, size
        self.model: Any = neuron.bound(parameters)

    def _in(self, kind: str, values: States, dimensions: dict[str, Dimension]) -> Values:
        return Values(kind, self.name, {name: Quantity(values[name], d) for name, d in dimensions.items()})

    def states(self, s: States) -> Values:
        """The states `s` by name, as quantities."""
        return self._in("state", s, self.spec.state_dimensions)

    def _out(self, method: str, values: dict[str, Any], per_ms: bool = False) -> States:
        checked = {}
        for name, value in values.items():
            if name not in self.spec.states:
                raise ModelError(f"{self.name}.{method}: no state {name!r}", fix=did_you_mean(name, self.spec.states))
            ms, *rest = self.spec.state_dimensions[name]
            raw = magnitude(value, (ms - per_ms, *rest), f"{self.name}.{method}: {name}")  # type: ignore[arg-type]
            checked[name] = np.broadcast_to(np.asarray(raw, float), self.size)
        return checked

    def derivative(self, s: States, x: States) -> States:
        """d/dt by state (base units per ms), from states `s` and inputs `x` by name."""
        given = self.model.derivative(self.states(s), self._in("input", x, self.spec.inputs))
        return {name: np.zeros(self.size) for name in s} | self._out("derivative", given, per_ms=True)

    def receive(self, s: States, w: States) -> States:
        """Increments by state, from states `s` and summed weights `w` by port."""
        return self._out("receive", self.model.receive(self.states(s), self._in("port", w, self.spec.ports)))

    def reset(self, s: States) -> States:
        """New values by state after a spike, from states `s`; states that stay are left out."""
        return self._out("reset", self.model.reset(self.states(s)))

    def output(self, s: States, x: States) -> Array:
        """Output of branches into their soma, base units, from states `s` and inputs `x` by name."""
        assert isinstance(self.model, Branch)
        given = self.model.output(self.states(s), self._in("input", x, self.spec.inputs))
        raw = magnitude(given, self.model.output_dimension(), f"{self.name}.output")
        return np.broadcast_to(np.asarray(raw, float), self.size)

    def fires(self, s: States) -> Array:
        """bool[n]: which neurons in states `s` emit a spike."""
        return np.broadcast_to(np.asarray(self.model.fires(self.states(s)), bool), self.size)

    def hazard(self, s: States) -> Array:
        """float64[n]: rate of stochastic spikes, 1/ms, in states `s`."""
        rate = magnitude(self.model.hazard(self.states(s)), (-1, 0, 0, 0, 0), f"{self.name}.hazard")
        return np.broadcast_to(np.asarray(rate, float), self.size)


def classify(neuron: DeclarativeModel, parameters: States, scheme: str = "auto") -> tuple[list[str], list[str], bool, list[list[str]]]:
    """Names of the linear states, of the remaining ones, whether each of these is linear in its own variable, and which are one vector.

    The probes also vary the parameters, so that what counts is the form of an equation and not that a term is zero today.

    Args:
        neuron: the model.
        parameters: by name, base units.
        scheme: "auto" or the name of an integrator.
    """
    rng = np.random.default_rng(0)
    spec = neuron.spec
    shaken = {k: np.resize(v, _PROBES) * rng.uniform(0.7, 1.3, _PROBES) for k, v in parameters.items()}
    shaken = {k: np.where(v == 0, rng.uniform(0.01, 0.1, _PROBES), v) for k, v in shaken.items()}
    f = Equations(neuron, shaken, _PROBES).derivative
    names, inputs = list(spec.states), list(spec.inputs)

    def draw(keys: list[str]) -> States:
        # Potentials are tens of mV, concentrations 1e-5 to 1e-3 mM: a probe must find the bend of either.
        low = {k: -5.0 if k.startswith("c_") else -1.0 for k in keys}
        high = {k: -1.0 if k.startswith("c_") else 2.0 for k in keys}
        return {k: rng.normal(size=_PROBES) * 10.0 ** rng.uniform(low[k], high[k], _PROBES) for k in keys}

    def affine(a: Array, b: Array, c: Array, d: Array) -> bool:  # d is taken where the arguments are those of a + b - c
        # Where an equation is not defined (a power of a negative concentration) a probe says nothing of its form.
        known = np.isfinite(a) & np.isfinite(b) & np.isfinite(c) & np.isfinite(d)
        close = abs(a + b - c - d) <= 1e-9 * (abs(a) + abs(b) + abs(c) + abs(d))
        return bool(known.any() and np.all(close[known]))

    with np.errstate(all="ignore"):
        (p, q, r), (xp, xq, xr) = (tuple(draw(keys) for _ in range(3)) for keys in (names, inputs))
        at_p, at_q, at_r = f(p, xp), f(q, xq), f(r, xr)
        at_sum = f({k: p[k] + q[k] - r[k] for k in names}, {k: xp[k] + xq[k] - xr[k] for k in inputs})
        moved = {j: f({**p, j: q[j]}, xp) for j in names}  # only one state differs from p
        needs = {i: {j for j in names if np.any((moved[j][i] != at_p[i]) & np.isfinite(moved[j][i] + at_p[i]))} for i in names}
        linear = {i for i in names if affine(at_p[i], at_q[i], at_r[i], at_sum[i])}
        while any(not needs[i] <= linear for i in linear):
            linear = {i for i in linear if needs[i] <= linear}
        remaining = [i for i in names if i not in linear]
        in_own = all(
            affine(at_p[i], moved[i][i], f({**p, i: r[i]}, xp)[i], f({**p, i: p[i] + q[i] - r[i]}, xp)[i])
            for i in remaining
        )
        groups: list[list[str]] = []
        while scheme == "auto" and in_own and names:
            groups = [g for g in _vectors(spec.state_dimensions, needs, at_p, moved) if not linear.issuperset(g)]
            leave = {i for i in linear if any(i in g for g in groups)}
            if not leave:
                break
            linear -= leave
            while any(not needs[i] <= linear for i in linear):
                linear = {i for i in linear if needs[i] <= linear}
    return [i for i in names if i in linear], [i for i in names if i not in linear], in_own, groups


def _vectors(units: dict[str, Dimension], needs: dict[str, set[str]], at: States, moved: dict[str, States]) -> list[list[str]]:
    """States that exchange: a graph with an edge where two need each other, directly or not, or where one loses only to others."""
    names = [n for n in units if units[n] != (0, 1, 0, 0, 0)]
    index = {n: k for k, n in enumerate(names)}
    reads = np.array([[j in needs[i] and units[i] == units[j] for j in names] for i in names], bool).reshape(len(names), len(names))
    far = reads.copy()
    for k in range(len(names)):  # Warshall's closure
        far |= np.outer(far[:, k], far[k])
    edge = far & far.T
    for j in names:
        change = np.array([moved[j][i] - at[i] for i in names if units[i] == units[j]])
        # A rate may be as large as 10^300 at such probes: what cancels there, cancels everywhere.
        scale, known = np.abs(change).sum(axis=0), np.isfinite(change).all(axis=0)
        rounding = 1e-9 * np.array([np.abs(moved[j][i]) + np.abs(at[i]) for i in names if units[i] == units[j]]).sum(axis=0)
        known &= scale > 10 * rounding
        if known.any() and np.all(np.abs(change.sum(axis=0))[known] <= rounding[known]):
            edge[:, index[j]] |= reads[:, index[j]]
    edge |= edge.T | np.eye(len(names), dtype=bool)
    for k in range(len(names)):
        edge |= np.outer(edge[:, k], edge[k])
    found = dict.fromkeys(tuple(np.flatnonzero(row)) for row in edge)
    return [[names[k] for k in members] for members in found if len(members) > 1]


class Integrator:
    """Advances the states of one population by `dt` (ms).

    Args:
        neuron: the model.
        parameters: by name, base units.
        size: number of neurons.

    Raises:
        ModelError: the exact propagator is asked for, but the equations are not linear.
    """

    def __init__(self, neuron: DeclarativeModel, parameters: States, size: int, dt: float):
        self.neuron, self.equations = neuron, Equations(neuron, parameters, size)
        self.size, self.dt, self.clamps = size, dt, getattr(type(neuron), "clamps", ())
        self.scheme = getattr(type(neuron), "integrator", "auto")
        name = type(neuron).__name__
        self.noise, needs = _noise(neuron, parameters)
        self.scheme = self.noise.method(name, self.scheme)
        self.linear, self.remaining, self.in_own, self.vectors = classify(neuron, parameters, self.scheme)
        self.lone = [i for i in self.noise.of if i in self.linear and needs[i] <= {i}]
        if self.scheme == "auto":
            self.scheme = "exponential_euler" if self.in_own else "rk4"
        elif self.scheme == "exact" and self.remaining:
            raise ModelError(
                f"{type(neuron).__name__} asks for the exact propagator but is not linear",
                got=f"nonlinear: {', '.join(self.remaining)}",
                fix='set integrator = "auto"',
            )
        check_integrator(type(neuron).__name__, self.scheme)
        self.tableau = None if self.scheme in DERIVED else named(Tableau, self.scheme)
        self.exact = self._exact_at()

    def with_parameters(self, parameters: States) -> Integrator:
        """The same scheme with other values of the parameters."""
        twin = copy.copy(self)
        twin.equations = Equations(self.neuron, parameters, self.size)
        twin.exact = twin._exact_at()
        return twin

    def _exact_at(self) -> dict[Number, tuple[Matrices, Matrices]]:
        """The propagators to the end of the step (1) and to the times of the stages."""
        return {c: self._propagators(float(c) * self.dt) for c in {1, *(self.tableau.c if self.tableau else ())}}

    def _propagators(self, dt: float) -> tuple[Matrices, Matrices]:
        """(free, clamped), each as matrices [distinct, linear, linear + inputs + 1] and the index of each neuron's."""
        spec, f = self.equations.spec, self.equations.derivative
        zero = {k: np.zeros(self.size) for k in spec.states}
        off = {k: np.zeros(self.size) for k in spec.inputs}
        one = np.ones(self.size)
        columns = [*self.linear, *spec.inputs, None]
        m = np.zeros((self.size, len(columns), len(columns)))
        with np.errstate(all="ignore"):  # the nonlinear rows may be undefined at zero; they are not used
            constant = f(zero, off)
            for j, column in enumerate(columns):
                at = constant if column is None else (
                    f({**zero, column: one}, off) if column in zero else f(zero, {**off, column: one})
                )  # fmt: skip
                for i, row in enumerate(self.linear):
                    m[:, i, j] = at[row] if column is None else at[row] - constant[row]
        held = m.copy()
        held[:, [i for i, row in enumerate(self.linear) if row in self.clamps], :] = 0.0
        made = []
        for matrix in (m, held):
            if not self.size:
                made.append((np.zeros((1, len(self.linear), len(columns))), np.zeros(0, np.int64)))
                continue
            distinct, index = np.unique(matrix.reshape(self.size, -1), axis=0, return_inverse=True)
            exact = [expm(d.reshape(matrix.shape[1:]) * dt)[: len(self.linear)] for d in distinct]
            if dt == self.dt:
                for power, flat in zip(exact, distinct, strict=True):
                    self._spread(power, flat.reshape(matrix.shape[1:]), columns)
            made.append((np.array(exact), index.reshape(-1)))
        return made[0], made[1]

    def _spread(self, power: Array, matrix: Array, columns: list[str | None]) -> None:
        """Into a propagator to the end of the step, the spread of Ornstein-Uhlenbeck processes by noise: g √((e^(2 a h) - 1) / (2 a))."""
        for i in self.lone:
            row = self.linear.index(i)
            twice = 2.0 * matrix[row, row] * self.dt
            for k in self.noise.of[i]:
                spread = np.sqrt(np.expm1(twice) / twice) if twice else 1.0
                power[row, columns.index(k)] = matrix[row, columns.index(k)] * self.dt * spread

    def advance(self, s: States, x: States, held: Array) -> States:
        """States at the end of the step; `x` holds throughout, `held` marks the neurons whose clamps stay put.

        Args:
            s: states by name, [n].
        """
        if not self.remaining:
            return self._exact(1, s, x, held)
        moved = self._exponential_euler(s, x, held) if self.tableau is None else self._runge_kutta(self.tableau, s, x, held)
        return self._exact(1, s, x, held) | moved

    def _exact(self, time: Number, s: States, x: States, held: Array) -> States:
        if not self.linear:
            return dict(s)
        (free, i), (clamped, j) = self.exact[time]
        z = np.array([*(s[k] for k in self.linear), *x.values(), np.ones(self.size)])
        new = np.einsum("nij,jn->in", np.where(held[:, None, None], clamped[j], free[i]), z)
        return {**s, **dict(zip(self.linear, new, strict=True))}

    def _slope(self, s: States, x: States, held: Array) -> States:
        f = self.equations.derivative(s, x)
        return {i: np.where(held, 0.0, f[i]) if i in self.clamps else f[i] for i in self.remaining}

    def _exponential_euler(self, s: States, x: States, held: Array) -> States:
        f, moved = self._slope(s, x, held), {}
        for i in self.remaining:
            h = np.maximum(1.0, abs(s[i])) * (1.0 if self.in_own else 1e-5)
            above = self._slope({**s, i: s[i] + h}, x, held)[i]
            below = f[i] - (above - f[i]) if self.in_own else self._slope({**s, i: s[i] - h}, x, held)[i]
            z = (above - below) / (2 * h) * self.dt
            small = abs(z) < 1e-8
            phi = np.where(small, 1 + z / 2, np.expm1(z) / np.where(small, 1.0, z))
            moved[i] = s[i] + f[i] * self.dt * phi
        for group in self.vectors:
            moved |= self._vector(group, f, s, x, held)
        return moved

    def _vector(self, group: list[str], f: States, s: States, x: States, held: Array) -> States:
        """s + ∫ exp(J t) f dt over the step, from the exponential of the matrix [[J, f], [0, 0]]."""
        n = len(group)
        matrix = np.zeros((self.size, n + 1, n + 1))
        for j, column in enumerate(group):
            wide = np.maximum(1.0, abs(s[column]))
            above, below = (self._slope({**s, column: s[column] + h}, x, held) for h in (wide, -wide))
            near = 1e-6 * wide
            over, under = (self._slope({**s, column: s[column] + h}, x, held) for h in (near, -near))
            for i, row in enumerate(group):
                bend = abs(above[row] + below[row] - 2 * f[row])
                straight = bend <= 1e-9 * (abs(above[row]) + abs(below[row]))
                matrix[:, i, j] = np.where(straight, (above[row] - below[row]) / (2 * wide), (over[row] - under[row]) / (2 * near))
        matrix[:, :n, n] = np.array([f[i] for i in group]).T
        change = expm(matrix * self.dt)[:, :n, n]
        return {i: s[i] + change[:, k] for k, i in enumerate(group)}

    def _runge_kutta(self, tableau: Tableau, s: States, x: States, held: Array) -> States:
        def moved(row: Sequence[Number]) -> States:
            return {i: s[i] + self.dt * sum(float(w) * k[i] for w, k in zip(row, slopes, strict=False)) for i in self.remaining}

        slopes: list[States] = []
        drift = without(x) if isinstance(tableau, StochasticTableau) else x
        for row, time in zip(tableau.a, tableau.c, strict=True):  # linear states exact at that time, the others along the slopes
            slopes.append(self._slope({**self._exact(time, s, x, held), **moved(row)}, drift, held))
        end = moved(tableau.b)
        if isinstance(tableau, StochasticTableau):
            noise = {i: several for i, several in self.noise.of.items() if i in self.remaining}
            for i, jump in diffused(tableau, noise, self.equations.derivative, s, x, self.dt).items():
                end[i] = end[i] + (np.where(held, 0.0, jump) if i in self.clamps else jump)
        return end


def _noise(neuron: DeclarativeModel, parameters: States) -> tuple[NoiseTerms, dict[str, set[str]]]:
    """What noise does in the equations of a model, and what the states that have it depend on, by probes that also vary the parameters."""
    spec = neuron.spec
    if not white(spec.inputs):
        return NoiseTerms(), {}
    rng = np.random.default_rng(1)
    shaken = {k: np.resize(v, _PROBES) * rng.uniform(0.7, 1.3, _PROBES) for k, v in parameters.items()}
    shaken = {k: np.where(v == 0, rng.uniform(0.01, 0.1, _PROBES), v) for k, v in shaken.items()}
    states = [{n: rng.normal(size=_PROBES) * 10.0 ** rng.uniform(-1.0, 2.0, _PROBES) for n in spec.states} for _ in range(2)]
    with np.errstate(all="ignore"):
        return diffusion_of(type(neuron).__name__, Equations(neuron, shaken, _PROBES).derivative, states, {n: rng.normal(size=_PROBES) for n in spec.inputs})
