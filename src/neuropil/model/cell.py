"""Cells with morphology: what membrane, synapses and electrodes sit where.

A cell is built up like a network: a shape, divided into compartments; channels painted on regions; point processes
placed at locations; the place where its spikes are detected. It is inert data. Populations of it live in networks beside
point neurons; a projection to port "tuft.exc" reaches the point processes placed under the name "tuft".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.errors import ModelError, did_you_mean
from neuropil.model.compartments import Compartments
from neuropil.model.composite import Composite, Part
from neuropil.model.described import Spec, State
from neuropil.model.discretise import DLambda, Rule, discretise
from neuropil.model.distribution import Distribution
from neuropil.model.mechanism import Channel, PointProcess, supplied
from neuropil.model.morphology import Morphology
from neuropil.model.places import location
from neuropil.model.places import region as region_of
from neuropil.units import Ohm, Quantity, cm, magnitude, mV, uF

Along = Callable[[np.ndarray], Any]
"""A parameter as a function of path distance from the soma (µm, float64[n]): a quantity with one value each."""


@dataclass(frozen=True)
class Painted:
    """A channel on a region; later ones of the same name replace earlier ones where they overlap."""

    name: str
    where: np.ndarray
    channel: Channel
    along: dict[str, Along] = field(default_factory=dict)


@dataclass(frozen=True)
class Placed:
    """A point process at each of some compartments, repeated where several sit in one."""

    name: str
    process: PointProcess
    compartments: np.ndarray


class Cell(Composite):
    """A neuron with morphology.

    Args:
        morphology: its shape.
        discretisation: how it is divided: `FixedCount`, `MaxLength` or `DLambda`.
        capacitance: of the membrane, per area; one quantity, or one for each kind of section.
        resistivity: of the axoplasm (ohm·cm); likewise.
        initial: membrane potential at the start, everywhere.

    Raises:
        MorphologyError, UnitError: what does not fit.
    """

    coupling = "cable"

    def __init__(
        self, morphology: Morphology, *, discretisation: Rule | None = None, capacitance: Any = 1 * uF / cm**2,
        resistivity: Any = 100 * Ohm * cm, initial: Any = -65 * mV,
    ):  # fmt: skip
        if not isinstance(morphology, Morphology):
            raise ModelError("a cell needs a shape", got=morphology, fix="Morphology.from_swc(path), or Morphology.builder()")
        self.compartments: Compartments = discretise(morphology, discretisation or DLambda(), resistivity, capacitance)
        self.initial = float(magnitude(initial, mV.dimension, "Cell.initial"))
        if not np.isfinite(self.initial):
            raise ModelError("Cell.initial must be finite", got=initial)
        self.painted: list[Painted] = []
        self.placed: dict[str, Placed] = {}
        self.trigger = (0, 0.0)
        self.detect("soma" if "soma" in morphology.kinds else 0)

    def __repr__(self) -> str:
        return f"Cell({self.compartments.morphology.name!r}, {len(self.compartments)} compartments)"

    def __len__(self) -> int:
        return len(self.compartments)

    # --- building --------------------------------------------------------------------------------------------------

    def paint(self, region: Any, channel: Channel, *, name: str | None = None, **along: Along) -> Cell:
        """Spread a channel over a region.

        Args:
            region: a region of `neuropil.model.places`, or text such as "apical" or "all".
            channel: with numbers for parameters.
            name: of this channel in the cell (its class's, if None).
            along: parameters that vary with path distance from the soma: functions of it.

        Returns:
            The cell itself.

        Raises:
            ModelError, MorphologyError: not a channel, an empty region, an unknown parameter.
        """
        if not isinstance(channel, Channel):
            raise ModelError("only channels can be painted", got=channel, expected="an instance of a Channel", fix="place() puts point processes")
        label = self._free_name(name or type(channel).__name__, channel, "a channel")
        for parameter in along:
            if parameter not in channel.spec.parameters:
                raise ModelError(f"{type(channel).__name__} has no parameter {parameter!r}", fix=did_you_mean(parameter, channel.spec.parameters))
        where = region_of(region).compartments(self.compartments)
        if not len(where):
            raise ModelError(f"{label}: there is nothing to paint", got=f"region {region!r} of {self.compartments.morphology.name}")
        self.painted.append(Painted(label, np.asarray(where), channel, dict(along)))
        return self

    def place(self, name: str, process: PointProcess, at: Any) -> Cell:
        """Put a point process at each of some locations; its ports and inputs are "name.port" to the network.

        Args:
            name: new in this cell.
            at: a location of `neuropil.model.places`, text such as "apical[12](0.3)", or a list of these.
        """
        if not isinstance(process, PointProcess):
            raise ModelError("only point processes can be placed", got=process, expected="an instance of a PointProcess")
        if not isinstance(name, str) or not name.isidentifier() or name.strip("_") != name or "__" in name:
            raise ModelError("a point process needs a name like a variable's, without underscores at its ends or in pairs", got=name)
        self._free_name(name, process, "a point process")
        if name in self.placed:
            raise ModelError(f"there is a point process {name!r} in this cell already", fix="give this one another name")
        listed = at if isinstance(at, (list, tuple)) else [at]
        found = [np.atleast_1d(location(one).compartments(self.compartments)) for one in listed]
        where = np.concatenate(found).astype(np.int64) if found else np.empty(0, np.int64)
        if not where.size:
            raise ModelError(f"{name}: no location given", got=at)
        self.placed[name] = Placed(name, process, where)
        return self

    def detect(self, at: Any, threshold: Any = -20 * mV) -> Cell:
        """Where spikes are detected: each time the potential there rises through the threshold."""
        where = np.atleast_1d(self.compartments.of_section(at)[:1] if isinstance(at, int) else location(at).compartments(self.compartments))
        if where.size != 1:
            raise ModelError("spikes are detected at one place", got=f"{where.size} compartments", fix='for example "soma(0.5)"')
        self.trigger = (int(where[0]), float(magnitude(threshold, mV.dimension, "Cell.detect: threshold")))
        return self

    def _free_name(self, name: str, mechanism: Any, what: str) -> str:
        for parameter in mechanism.spec.parameters:
            value = getattr(mechanism, parameter)
            if isinstance(value, Distribution) or np.ndim(value.value if isinstance(value, Quantity) else value):
                raise ModelError(f"{type(mechanism).__name__}.{parameter} must be a number in a cell", got=value, fix="paint(…, parameter=function of distance)")
        same = [type(p.channel) for p in self.painted if p.name == name and type(p.channel) is not type(mechanism)]
        if same or (name in self.placed and isinstance(mechanism, Channel)):
            raise ModelError(f"{name!r} is the name of something else in this cell", fix=f"give {what} another name")
        return name

    # --- reading ---------------------------------------------------------------------------------------------------

    @property
    def parts(self) -> dict[str, Part]:
        """The placed point processes by name."""
        return {p.name: Part(p.process, len(p.compartments), tuple(filter(supplied, p.process.spec.inputs))) for p in self.placed.values()}

    @property
    def channels(self) -> dict[str, np.ndarray]:
        """For every channel's name, whether it is in each compartment: bool[n]."""
        return {name: self._owner(name) >= 0 for name in dict.fromkeys(p.name for p in self.painted)}

    def _owner(self, name: str) -> np.ndarray:
        """For each compartment the place in `painted` of what counts there under this name; -1 where nothing does."""
        owner = np.full(len(self), -1)
        for k, p in enumerate(self.painted):
            if p.name == name:
                owner[p.where] = k
        return owner

    def parameters(self, name: str, where: np.ndarray) -> tuple[Channel, dict[str, Any]]:
        """The channel of this name in compartments that have it: its model, and values by parameter, float or [len(where)]."""
        owner = self._owner(name)[where]
        channel = self.painted[int(owner[0])].channel
        values: dict[str, Any] = {}
        for parameter, dimension in channel.spec.parameters.items():
            full = np.empty(len(where))
            for k in np.unique(owner):
                painted, here = self.painted[int(k)], owner == k
                value = getattr(painted.channel, parameter)
                if parameter in painted.along:
                    value = painted.along[parameter](self.compartments.distance[where[here]])
                full[here] = magnitude(value, dimension, f"{name}.{parameter}")
            if not np.all(np.isfinite(full)):
                raise ModelError(f"{name}.{parameter} is not finite somewhere", got=full[~np.isfinite(full)][0])
            values[parameter] = float(full[0]) if np.ptp(full) == 0.0 else full
        return channel, values

    @property
    def spec(self) -> Spec:
        """Ports, inputs and states as the network sees them: "tuft.exc", "clamp.amplitude", "v" and "Ih.m" of every compartment."""
        whole = super().spec
        n = len(self)
        whole.states["v"], whole.state_dimensions["v"], whole.sites["v"] = State(self.initial * mV), mV.dimension, n
        for name in dict.fromkeys(p.name for p in self.painted):
            inner = next(p.channel for p in self.painted if p.name == name).spec
            for state, declared in inner.states.items():
                whole.states[f"{name}.{state}"] = declared
                whole.state_dimensions[f"{name}.{state}"] = inner.state_dimensions[state]
                whole.sites[f"{name}.{state}"] = n
        return whole
