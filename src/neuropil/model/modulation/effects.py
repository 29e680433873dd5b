"""What a modulator does to a parameter: pure functions of the parameter's value and of the level of the modulator.

The level is the occupancy of a receptor (0 to 1), or the concentration itself (with its unit). Any function of two
quantities that returns one in the parameter's unit will do, such as ``lambda value, level: value * (1 + level)``; the
classes below say the usual ones in words, and print themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from neuropil.errors import NetworkError, SimulationError, did_you_mean
from neuropil.model.contents.contents import Population, Projection
from neuropil.model.neuron.composite import split
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, magnitude, ms, unit_name

if TYPE_CHECKING:
    from neuropil.model.modulation.modulator import Modulator
    from neuropil.model.network.network import Network

Change: TypeAlias = Callable[[Any, Any], Any]
Target: TypeAlias = Population | Projection


@dataclass(frozen=True)
class Gain:
    """Multiplies: value · (1 + by · (level - at)).

    Attributes:
        by: relative change for one unit of level (a number for an occupancy, 1/concentration for a concentration).
        at: the level that changes nothing.
    """

    by: Any
    at: Any = 0.0

    def __call__(self, value: Any, level: Any) -> Any:
        return value * (1.0 + self.by * (level - self.at))


@dataclass(frozen=True)
class Shift:
    """Adds: value + by · (level - at).

    Attributes:
        by: change for one unit of level, in the parameter's unit.
        at: the level that changes nothing.
    """

    by: Any
    at: Any = 0.0

    def __call__(self, value: Any, level: Any) -> Any:
        return value + self.by * (level - self.at)


@dataclass(frozen=True)
class Toward:
    """Mixes: value + (to - value) · level; a full receptor leaves `to` alone. `to` is in the parameter's unit."""

    to: Any

    def __call__(self, value: Any, level: Any) -> Any:
        return value + (self.to - value) * level


@dataclass(frozen=True)
class Becomes:
    """Replaces: scale · level. What a three-factor rule reads as its third factor.

    Args:
        scale: a quantity in the parameter's unit for each unit of the level.
    """

    scale: Any = 1.0

    def __call__(self, value: Any, level: Any) -> Any:
        return self.scale * level


@dataclass(frozen=True)
class Receptor:
    """Saturating binding: occupancy = Cⁿ / (ec50ⁿ + Cⁿ). Of a whole n every machine makes the same bits.

    Attributes:
        name: of the receptor, within its modulator.
        ec50: concentration at which half is bound, base units.
        hill: exponent n.
    """

    name: str
    ec50: float
    hill: float

    def occupancy(self, c: Any) -> Any:
        """Occupancy, 0 to 1, at the concentration `c` (base units, any shape); a negative one binds nothing."""
        most = 1e300 ** (1.0 / self.hill)  # beyond it the power would overflow, and the occupancy is 1 long before
        ratio = np.minimum(np.maximum(c, 0.0) / self.ec50, most)
        power = math.prod([ratio] * int(self.hill)) if self.hill.is_integer() else ratio**self.hill
        return power / (1.0 + power)


@dataclass(frozen=True, eq=False)
class Effect:
    """What a modulator does to one parameter; see `Modulator.modulates`. Bounds are in base units.

    Attributes:
        modulator: whose concentration acts.
        target: the population or projection.
        parameter: its name.
        change: the parameter's new value as a function of the old one and of the level.
        receptor: whose occupancy is the level; None: the concentration is.
        low, high: bounds of the outcome.
        order: among the effects on one parameter.
    """

    modulator: Modulator
    target: Target
    parameter: str
    change: Change
    receptor: Receptor | None
    low: float
    high: float
    order: int

    @property
    def dimension(self) -> Dimension:
        """Of the parameter."""
        return model_of(self.target, self.parameter).spec.parameters[split(self.parameter)[1]]

    @property
    def label(self) -> str:
        """Modulator, change and parameter, for people."""
        via = f" by {self.receptor.name}" if self.receptor is not None else ""
        return f"{self.modulator.name}{via}: {name_of(self.change)} on {self.target.name}.{self.parameter}"

    def level(self, c: Any) -> Any:
        """What the effect depends on at a concentration `c` (base units): an occupancy, or the concentration."""
        return c if self.receptor is None else self.receptor.occupancy(c)

    def apply(self, value: Any, c: Any, when: float) -> Any:
        """The parameter's value (base units) after this effect, at a concentration; both one number, or one per neuron.

        Args:
            value: of the parameter before, base units: one number or float64[neurons].
            c: concentration, base units: one number or float64[neurons].
            when: ms, for messages.

        Raises:
            SimulationError: the value leaves its bounds, or is no number; the change fails, or makes another number of values.
        """
        level = Quantity(self.level(c), self.modulator.kinetics.dimension if self.receptor is None else DIMENSIONLESS)
        try:
            raw = np.asarray(magnitude(self.change(Quantity(value, self.dimension), level), self.dimension, "its outcome"), float)
        except Exception as error:
            raise SimulationError(f"an effect fails: {self.label} at t = {when:g} ms", got=f"{type(error).__name__}: {error}") from error
        if raw.shape != np.broadcast_shapes(np.shape(value), np.shape(c)):
            expected = np.broadcast_shapes(np.shape(value), np.shape(c))
            raise SimulationError(f"an effect makes another number of values: {self.label} at t = {when:g} ms", got=raw.shape, expected=expected)
        with np.errstate(invalid="ignore"):
            bad = ~((raw >= self.low) & (raw <= self.high) & np.isfinite(raw))
        if bad.any():
            worst = int(np.argmax(bad))
            which = f" of neuron {worst}" if raw.ndim else ""
            unit = unit_name(self.dimension)
            raise SimulationError(
                f"an effect leaves its bounds: {self.label}{which} at t = {when:g} ms",
                got=f"{raw.ravel()[worst]:g} {unit} at level {np.broadcast_to(level.value, raw.shape).ravel()[worst]:g}",
                expected=f"{self.low:g} to {self.high:g} {unit}", fix="a weaker effect, a saturating receptor, or wider bounds (low=, high=)",
            )  # fmt: skip
        return raw if raw.ndim else float(raw)


def model_of(target: Target, parameter: Any) -> Any:
    """The model whose parameter is meant.

    Args:
        target: a population or a projection.
        parameter: its name, of a part "part.name".

    Raises:
        NetworkError: there is none that a modulator can change.
    """
    if not isinstance(parameter, str):
        raise NetworkError(f"a parameter of {target.name} is meant by its name", got=parameter)
    if isinstance(target, Projection):
        if target.synapse is None:
            raise NetworkError(
                f"projection {target.name!r} has bare weights, which are summed without parameters of their own", got=f"parameter {parameter!r}",
                fix="give it a synapse model: project(..., synapse=Scaled()) of neuropil.zoo.synapses.scaled has a parameter `scale`",
            )  # fmt: skip
        return target.synapse
    part, _ = split(parameter)
    if part not in target.models:
        raise NetworkError(f"{target.name} has no part {part!r}", got=parameter, fix=did_you_mean(part, target.models))
    return target.models[part]


def vary_by_cell(effects: Iterable[Effect]) -> bool:
    """Whether some effects may give different values in different neurons, or at different targets."""
    return any(not e.modulator.grid.mixed for e in effects)


def must_be_positive(name: str, dimension: Dimension) -> bool:
    """Whether equations divide by parameters of this name and dimension."""
    return (dimension == ms.dimension and name.startswith("tau")) or name in ("c_m", "tau")


def name_of(change: Change) -> str:
    """A change as people know it."""
    name = getattr(change, "__name__", None)
    return "a function" if name == "<lambda>" else name or repr(change)


def effects_on(network: Network, target: Target) -> dict[str, tuple[Effect, ...]]:
    """By parameter, the effects on a target in the order in which they were stated."""
    mine = [e for m in network.modulators.values() for e in m.effects if e.target is target]
    ordered = sorted(mine, key=lambda e: e.order)
    return {name: tuple(e for e in ordered if e.parameter == name) for name in dict.fromkeys(e.parameter for e in ordered)}
