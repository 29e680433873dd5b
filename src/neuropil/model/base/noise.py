"""White noise by its name: inputs of a model that are noise of its own, and how the states that read it may be advanced.

An input called `noise`, or `noise_` and more, is white noise: in every step a normal number over √(dt / 1 ms), so that its integral over a
time t has the variance t · 1 ms; in an equation d/dt that is noise / √(1 ms · τ). Each input has numbers of its own. Equations are linear in
it and are read in the sense of Itô. The diffusion of a state is its slope by the noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from neuropil.errors import ModelError, UnitError
from neuropil.model.base.described import DeclarativeModel, Spec
from neuropil.model.base.integrators import StochasticTableau, Tableau
from neuropil.registry import named, names
from neuropil.units import DIMENSIONLESS, Dimension, unit_name

NOISE = "noise"


def is_white(name: str) -> bool:
    """Whether the input of this name is white noise."""
    return name == NOISE or name.startswith(f"{NOISE}_")


def white(inputs: Iterable[str]) -> tuple[str, ...]:
    """Those of these inputs that are white noise."""
    return tuple(n for n in inputs if is_white(n))


def check_white(model: str, inputs: Mapping[str, Dimension]) -> None:
    """Refuse white noise with a unit.

    Args:
        model: name of the class; inputs: of all its inputs, the dimension.

    Raises:
        UnitError: an input that is white noise has a unit.
    """
    for given in white(inputs):
        if inputs[given] != DIMENSIONLESS:
            raise UnitError(f"{model}.{given} is white noise, which has no unit", got=unit_name(inputs[given]), fix=f"{given} = Input(1.0), or another name")


@dataclass(frozen=True)
class NoiseTerms:
    """What noise does in the equations of a model.

    Attributes:
        of: of each state whose equation has noise, the noise that it has.
        read: of each of these, the other ones and itself, if its diffusion depends on them.
    """

    of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    read: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def additive(self) -> bool:
        """No diffusion depends on a state that has noise: the senses of Itô and Stratonovich agree."""
        return not any(self.read.values())

    @property
    def diagonal(self) -> bool:
        """Each state has one noise of its own, and its diffusion depends on no other state with noise."""
        given = [k for several in self.of.values() for k in several]
        return len(given) == len(set(given)) == len(self.of) and all(self.read[i] <= {i} for i in self.of)

    def method(self, model: str, wanted: str) -> str:
        """The integrator of a model: the one `wanted`, or what "auto" stands for where a diffusion depends on states with noise.

        Args:
            model: name of the class.
            wanted: the integrator that it names.

        Raises:
            ModelError: one that does not converge to the solution in the sense of Itô, or not with its order.
        """
        if self.additive:
            return wanted
        if wanted == "auto":
            return "milstein" if self.diagonal else "euler"
        fits = [n for n in names(Tableau) if isinstance(named(Tableau, n), StochasticTableau)] if self.diagonal else []
        if wanted not in ("euler", *fits):
            i = next(i for i in self.of if self.read[i])
            raise ModelError(
                f"{model}: the diffusion of {i!r} depends on {', '.join(sorted(self.read[i]))}, for which its integrator is not made", got=wanted,
                expected=f"one of auto, euler{''.join(f', {n}' for n in fits)}", fix='set integrator = "auto"',
            )  # fmt: skip
        return wanted

    def strong_order(self, method: str | None) -> float:
        """The declared strong order of the states with noise.

        Args:
            method: of the states that are not exact.
        """
        return 0.5 if not self.additive and method == "euler" else 1.0


class OwnNoise(DeclarativeModel):
    """What a network sees of a channel: inputs that are white noise.

    Args:
        inputs: their names.
    """

    def __init__(self, inputs: tuple[str, ...]):
        super().__init__()
        object.__setattr__(self, "spec", Spec(inputs=dict.fromkeys(inputs, DIMENSIONLESS)))
