"""An effect bound to what it acts on: the parameter of a target, a modulator's level there, and the bounds of the outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from neuropil.errors import NetworkError, SimulationError, did_you_mean
from neuropil.model.contents.contents import Population, Projection
from neuropil.model.modulation.diffusion import Grid
from neuropil.model.modulation.effects import Change, name_of
from neuropil.model.modulation.receptor import Receptor
from neuropil.model.neuron.composite import split
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, magnitude, ms, unit_name

Target: TypeAlias = Population | Projection


@dataclass(frozen=True, eq=False)
class BoundEffect:
    """What a modulator does to one parameter; see `Modulator.modulates`.

    Attributes:
        modulator: its name; concentration: the dimension of its concentration; grid: where it is.
        target, parameter: what is changed.
        change: the function; receptor: whose occupancy its level is; None: the concentration.
        low, high: bounds of the outcome, base units.
        order: its index among all effects of the network.
    """

    modulator: str
    concentration: Dimension
    grid: Grid
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
        return f"{self.modulator}{via}: {name_of(self.change)} on {self.target.name}.{self.parameter}"

    @property
    def population(self) -> Population:
        """Where the level acts: on synapses at their target neurons."""
        return self.target.target if isinstance(self.target, Projection) else self.target

    def local(self, c: np.ndarray) -> Any:
        """The concentration at the target: one number, or one per neuron.

        Args:
            c: float64[grid.size], concentrations, base units.
        """
        return float(c[0]) if self.grid.mixed else self.grid.at(c, self.population.name)

    def level(self, c: Any) -> Any:
        """What the effect depends on at a concentration `c` (base units): an occupancy, or the concentration."""
        return c if self.receptor is None else self.receptor.occupancy(c)

    def outcome(self, value: Any, c: Any) -> Any:
        """The parameter's value after this effect, at a concentration: what executors trace.

        Args:
            value: of the parameter before, base units; c: concentration, base units; of one shape, or numbers.

        Returns:
            The value, base units, unchecked.
        """
        level = Quantity(self.level(c), self.concentration if self.receptor is None else DIMENSIONLESS)
        return magnitude(self.change(Quantity(value, self.dimension), level), self.dimension, "its outcome")

    def apply(self, value: Any, c: Any, when: float) -> Any:
        """The outcome, checked.

        Args:
            value: of the parameter before, base units: one number or float64[neurons].
            c: concentration, base units: one number or float64[neurons].
            when: ms, for messages.

        Returns:
            One number, or float64[neurons].

        Raises:
            SimulationError: the value leaves its bounds, or is not a number; the change fails, or makes another number of values.
        """
        try:
            raw = np.asarray(self.outcome(value, c), float)
        except Exception as error:
            raise SimulationError(f"an effect fails: {self.label} at t = {when:g} ms", got=f"{type(error).__name__}: {error}") from error
        if raw.shape != np.broadcast_shapes(np.shape(value), np.shape(c)):
            expected = np.broadcast_shapes(np.shape(value), np.shape(c))
            raise SimulationError(f"an effect returns values of another shape: {self.label} at t = {when:g} ms", got=raw.shape, expected=expected)
        with np.errstate(invalid="ignore"):
            bad = ~((raw >= self.low) & (raw <= self.high) & np.isfinite(raw))
        if bad.any():
            worst = int(np.argmax(bad))
            which = f" of neuron {worst}" if raw.ndim else ""
            unit, level = unit_name(self.dimension), np.broadcast_to(self.level(c), raw.shape).ravel()[worst]
            raise SimulationError(
                f"an effect leaves its bounds: {self.label}{which} at t = {when:g} ms", got=f"{raw.ravel()[worst]:g} {unit} at level {level:g}",
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
        raise NetworkError(f"a parameter of {target.name} must be given by its name", got=parameter)
    if isinstance(target, Projection):
        if target.synapse is None:
            raise NetworkError(
                f"projection {target.name!r} has no synapse model, so it has no parameters that can be modulated", got=f"parameter {parameter!r}",
                fix="give it a synapse model: project(..., synapse=Scaled()) of neuropil.zoo.synapses.scaled has a parameter `scale`",
            )  # fmt: skip
        return target.synapse
    part, _ = split(parameter)
    if part not in target.models:
        raise NetworkError(f"{target.name} has no part {part!r}", got=parameter, fix=did_you_mean(part, target.models))
    return target.models[part]


def vary_by_cell(effects: Iterable[BoundEffect]) -> bool:
    """Whether some effects may give different values in different neurons, or at different targets.

    Args:
        effects: of any parameters.
    """
    return any(not e.grid.mixed for e in effects)


def must_be_positive(name: str, dimension: Dimension) -> bool:
    """Whether equations divide by parameters of this name and dimension."""
    return (dimension == ms.dimension and name.startswith("tau")) or name in ("c_m", "tau")
