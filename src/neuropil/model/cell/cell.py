"""Cells with morphology: what membrane, synapses and electrodes sit where.

A cell is built up like a network: a shape, divided into compartments; channels painted on regions; point processes
placed at locations; the location where its spikes are detected. It is inert data. Populations of it are in networks beside
point neurons; a projection to port "tuft.exc" reaches the point processes placed under the name "tuft".
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from neuropil.errors import ModelError, did_you_mean
from neuropil.model.base.described import DeclarativeModel, Spec, State
from neuropil.model.base.distribution import Distribution, axes, checked_values
from neuropil.model.base.noise import OwnNoise, white
from neuropil.model.cell.compartments import Compartments
from neuropil.model.cell.discretise import CAPACITANCE, RESISTIVITY, DLambda, Rule, discretise
from neuropil.model.cell.locations import At, location
from neuropil.model.cell.locations import region as region_of
from neuropil.model.cell.mechanism import Channel, Mechanism, PointProcess, check_physical, supplied, unphysical
from neuropil.model.cell.morphology import Morphology
from neuropil.model.cell.regional import along, is_listed
from neuropil.model.neuron.composite import Composite, Part
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, magnitude, mV

GIVEN = ("morphology", "discretisation", "capacitance", "resistivity", "temperature")
"""What a cell is made of, and keeps as compartments only."""

Draw = Callable[[str, Any, int], np.ndarray]
"""The values in a population of a parameter that differs between its cells: (full name, an array with one value for each
cell, or a distribution; number of sites) -> float64[sites, 1 or cells]. A channel counts as one site: a value is a cell's, wherever
in it the channel is."""


Warm = TypeVar("Warm", bound=Mechanism)


@dataclass(frozen=True)
class Painted:
    """A channel on a region; later ones of the same name replace earlier ones where they overlap.

    Attributes:
        where: int[n], compartments.
        along: parameters that differ between them: float64[n], base units.
        name: of the channel in this cell.
        channel: its model.
    """

    name: str
    where: np.ndarray
    channel: Channel
    along: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Placed:
    """A point process at each of some compartments, repeated where several sit in one.

    Attributes:
        name: of the point process in this cell.
        process: its model.
        compartments: int[sites], the compartment of each site.
    """

    name: str
    process: PointProcess
    compartments: np.ndarray


class Cell(Composite):
    """A neuron with morphology.

    Args:
        morphology: its shape.
        discretisation: how it is divided: `FixedCount`, `MaxLength` or `DLambda`.
        capacitance: of the membrane, per area: one quantity; a mapping of them by section, label, kind or "all" (the
            rest); a function of path distance from the soma (µm); or an array with one value for each compartment.
        resistivity: of the axoplasm (ohm·cm); likewise.
        initial: membrane potential at the start, everywhere. It may also be set afterwards: ``cell.initial = -80 * mV``.
        temperature: °C, at which every channel and point process with a parameter `celsius` works; None: at its own.

    Raises:
        MorphologyError, UnitError: what does not fit.
        ModelError: not a morphology or not a rule; a temperature outside of -10 to 60 °C.
    """

    coupling = "cable"

    def __init__(
        self, morphology: Morphology, *, discretisation: Rule | None = None, capacitance: Any = CAPACITANCE,
        resistivity: Any = RESISTIVITY, initial: Any = -65 * mV, temperature: float | None = None,
    ):  # fmt: skip
        if not isinstance(morphology, Morphology):
            raise ModelError("a Cell needs a Morphology", got=morphology, fix="Morphology.from_swc(path), or Morphology.builder()")
        if discretisation is not None and not isinstance(discretisation, Rule):
            raise ModelError("discretisation must be a rule", got=discretisation, expected="FixedCount(n), MaxLength(length) or DLambda(d)")
        self.compartments: Compartments = discretise(morphology, discretisation or DLambda(), resistivity, capacitance)
        self.initial = _one_number(initial, mV.dimension, "Cell.initial")
        self.temperature = None if temperature is None else _one_number(temperature, DIMENSIONLESS, "Cell.temperature")
        if self.temperature is not None and not -10.0 <= self.temperature <= 60.0:
            raise ModelError("Cell.temperature is out of range", got=f"{self.temperature:g}", expected="°C, from -10 to 60")
        self._frozen = False
        self.painted: list[Painted] = []
        self.placed: dict[str, Placed] = {}
        self.trigger = (0, 0.0)
        self._complete = True
        self.detect("soma" if "soma" in morphology.kinds else At(morphology.sections[0].name, 0.0))

    def __repr__(self) -> str:
        return f"Cell({self.compartments.morphology.name!r}, {len(self.compartments)} compartments)"

    def __len__(self) -> int:
        return len(self.compartments)

    def __setattr__(self, name: str, value: Any) -> None:
        """Of a cell that is made only `initial` may be set; the rest decides how its compartments were made."""
        if not self._complete:
            super().__setattr__(name, value)
        elif name == "initial":
            self._check_open()
            vars(self)["initial"] = _one_number(value, mV.dimension, "Cell.initial")
        elif name in GIVEN or name in vars(self) or hasattr(type(self), name):
            fix = f"make a new one: Cell(morphology, {name}=...)" if name in GIVEN else "paint(), place() and detect() change it"
            raise ModelError(f"Cell.{name} cannot be set once the cell is made", got=f"{name} = {value!r}", fix=fix)
        else:
            raise ModelError(f"a Cell has no attribute {name!r}", got=f"{name} = {value!r}", fix=did_you_mean(name, ["initial", *GIVEN]))

    # --- building --------------------------------------------------------------------------------------------------

    def frozen(self) -> Cell:
        """A copy as it is now, which refuses changes: what a population keeps, so that later ones cannot reach it."""
        twin = copy.copy(self)
        vars(twin).update(painted=list(self.painted), placed=dict(self.placed), _frozen=True)
        return twin

    def _with(self, changes: dict[str, dict[str, Any]]) -> Cell:
        """A value takes the place of that of every channel of the name, also where it varied along the dendrites."""
        twin = copy.copy(self)
        for part, values in changes.items():
            for name, value in values.items():
                _one_number(value, self.models[part].spec.parameters[name], f"{part}.{name}")
        vars(twin)["painted"] = [
            dataclasses.replace(p, channel=p.channel.with_(**changes[p.name]), along={n: a for n, a in p.along.items() if n not in changes[p.name]})
            if p.name in changes else p
            for p in self.painted
        ]  # fmt: skip
        vars(twin)["placed"] = {n: dataclasses.replace(p, process=p.process.with_(**changes[n])) if n in changes else p for n, p in self.placed.items()}
        return twin

    def _check_open(self) -> None:
        if self._frozen:
            raise ModelError("this cell is in a population and cannot be changed", fix="change the cell first, then make its population")

    def paint(self, region: Any, channel: Channel, *, name: str | None = None, **varying: Any) -> Cell:
        """Spread a channel over a region.

        Args:
            region: a region of `neuropil.model.cell.locations`, or text such as "apical" or "all".
            channel: its parameters are numbers, or differ between the cells of a population: an array with one value for each
                cell, or a distribution from which each cell draws one value (the same wherever in it the channel is).
            name: of this channel in the cell (its class's, if None).
            varying: parameters that vary along the cell: functions of path distance from the soma (µm), or arrays with one value for
                each compartment of the region, in the order of `compartments`.

        Returns:
            The cell itself.

        Raises:
            ModelError, MorphologyError: not a channel, an empty region, an unknown parameter, a negative density.
        """
        self._check_open()
        if not isinstance(channel, Channel):
            raise ModelError("only channels can be painted", got=channel, expected="an instance of a Channel", fix="use place() for point processes")
        label = self._free_name(type(channel).__name__ if name is None else name, channel, "a channel")
        for parameter in varying:
            if parameter not in channel.spec.parameters:
                raise ModelError(f"{type(channel).__name__} has no parameter {parameter!r}", fix=did_you_mean(parameter, channel.spec.parameters))
            if differs(getattr(channel, parameter)):
                got = "a value for each cell, and a function of distance"
                raise ModelError(f"{label}.{parameter} is given twice", got=got, fix="paint two channels of other names, or leave one out")
        channel = self._warmed(channel, varying)
        where = region_of(region).compartments(self.compartments)
        if not len(where):
            raise ModelError(f"{label}: there is nothing to paint", got=f"region {region!r} of {self.compartments.morphology.name}")
        values = {n: self._along(f"{label}.{n}", value, where, channel.spec.parameters[n]) for n, value in varying.items()}
        self.painted.append(Painted(label, np.asarray(where), channel, values))
        return self

    def place(self, name: str, process: PointProcess, at: Any) -> Cell:
        """Put a point process at each of some locations; its ports and inputs are "name.port" to the network.

        Args:
            name: new in this cell.
            process: its parameters are numbers, or arrays or distributions as those of a population: one value for each cell
                (or site, or for every site of every cell, cell by cell, where there are several).
            at: a location of `neuropil.model.cell.locations`, text such as "apical[12](0.3)", or a list of these.

        Returns:
            This cell, so that calls can be chained.

        Raises:
            ModelError: not a point process, a name that is taken, or no location.
            MorphologyError: a location that the cell does not have.
        """
        self._check_open()
        if not isinstance(process, PointProcess):
            raise ModelError("only point processes can be placed", got=process, expected="an instance of a PointProcess")
        self._free_name(name, process, "a point process")
        if name in self.placed:
            raise ModelError(f"there is a point process {name!r} in this cell already", fix="give this one another name")
        listed = at if isinstance(at, (list, tuple)) else [at]
        locations = [location(one) for one in listed]
        vars(self)["compartments"] = self.compartments.with_nodes(end for one in locations for end in one.ends(self.compartments))
        found = [np.atleast_1d(one.compartments(self.compartments)) for one in locations]
        where = np.concatenate(found).astype(np.int64) if found else np.empty(0, np.int64)
        if not where.size:
            raise ModelError(f"{name}: no location given", got=at)
        self.placed[name] = Placed(name, self._warmed(process), where)
        return self

    def _warmed(self, mechanism: Warm, varying: Container[str] = ()) -> Warm:
        """A mechanism at the temperature of the cell, if it has one and the mechanism has a parameter for it."""
        if self.temperature is None or "celsius" not in mechanism.spec.parameters:
            return mechanism
        own: Any = vars(mechanism)["celsius"]
        usual = "celsius" in mechanism.spec.defaults and not differs(own) and own.value == mechanism.spec.defaults["celsius"].value
        if "celsius" in varying or differs(own) or not (usual or own.value == self.temperature):
            got = f"celsius = {own.value if isinstance(own, Quantity) else own} in a cell at {self.temperature:g} °C"
            raise ModelError(f"{type(mechanism).__name__} has a temperature of its own", got=got, fix="leave out one of the two")
        return mechanism.with_(celsius=self.temperature)

    def detect(self, at: Any, threshold: Any = -20 * mV) -> Cell:
        """Set where spikes are detected: each time the potential there rises through the threshold.

        Args:
            at: a location that is one compartment, such as "soma(0.5)".
            threshold: a voltage.

        Returns:
            This cell, so that calls can be chained.

        Raises:
            ModelError: a location of several compartments.
            MorphologyError: a location that the cell does not have.
        """
        self._check_open()
        where = location(at).compartments(self.compartments)
        if where.size != 1:
            raise ModelError("spikes are detected in one compartment", got=f"{where.size} compartments", fix='for example "soma(0.5)"')
        vars(self)["trigger"] = (int(where[0]), _one_number(threshold, mV.dimension, "Cell.detect: threshold"))
        return self

    def _along(self, what: str, value: Any, where: np.ndarray, dimension: Dimension) -> np.ndarray:
        """The values of a function of distance or of an array, checked."""
        if not callable(value) and not is_listed(value):
            fix = "a value for all belongs to the channel itself"
            raise ModelError(f"{what} must be a function of distance, or an array with one value for each compartment painted", got=value, fix=fix)
        distance = self.compartments.distance[where]
        values = along(what, value, distance, dimension)
        if (bad := unphysical(values, dimension)).any():
            first = int(np.argmax(bad))
            made, where_first = self.compartments, int(where[first])
            located = f"{made.name[where_first]}({made.position[where_first]:.3g}), {distance[first]:.4g} µm from the soma"
            check_physical(f"{what} at {located}", values[first], dimension, "np.maximum(…, 0), or another region")
        return values

    def _free_name(self, name: Any, mechanism: Any, what: str) -> str:
        if not isinstance(name, str) or not name.isidentifier() or name.strip("_") != name or "__" in name:
            raise ModelError(f"{what} needs a name like a variable's, without underscores at its ends or in pairs", got=name)
        for state, declared in mechanism.spec.states.items():
            if isinstance(declared.initial, Distribution):
                raise ModelError(f"{type(mechanism).__name__}.{state} starts at a distribution", fix="Network.population(..., initial={name.state: ...})")
        same = [type(p.channel) for p in self.painted if p.name == name and type(p.channel) is not type(mechanism)]
        if same or (name in self.placed and isinstance(mechanism, Channel)):
            raise ModelError(f"{name!r} is used as a name in this cell already", fix=f"give {what} another name")
        return name

    # --- reading ---------------------------------------------------------------------------------------------------

    @property
    def parts(self) -> dict[str, Part]:
        """The placed point processes by name; of channels with white noise that noise, in each compartment that has the channel."""
        points = {p.name: Part(p.process, len(p.compartments), tuple(filter(supplied, p.process.spec.inputs))) for p in self.placed.values()}
        noises = {p.name: noise for p in self.painted if (noise := white(p.channel.spec.inputs))}
        return points | {name: Part(OwnNoise(noise), int(np.count_nonzero(self._owner(name) >= 0))) for name, noise in noises.items()}

    @property
    def models(self) -> dict[str, DeclarativeModel]:
        """The point processes, and the channels (of several under one name the first)."""
        return super().models | {p.name: p.channel for p in reversed(self.painted)}

    @property
    def channels(self) -> dict[str, np.ndarray]:
        """For every channel's name, whether it is in each compartment: bool[n]."""
        return {name: self._owner(name) >= 0 for name in dict.fromkeys(p.name for p in self.painted)}

    def _owner(self, name: str) -> np.ndarray:
        """For each compartment the index in `painted` of what counts there under this name; -1 where nothing does."""
        owner = np.full(len(self), -1)
        for k, p in enumerate(self.painted):
            if p.name == name:
                owner[p.where] = k
        return owner

    def parameters(self, name: str, where: np.ndarray, draw: Draw | None = None) -> tuple[Channel, dict[str, Any]]:
        """The channel of this name in some compartments: its model, and values by parameter; NaN where it is not.

        Args:
            draw: gives the values of parameters that differ between the cells of a population.
            name: of the channel.
            where: int[n], compartments.

        Returns:
            Values in base units: a float, [len(where)], or [len(where) or 1, cells].

        Raises:
            ModelError: the channel is in none of these compartments.
        """
        owner = self._owner(name)[where]
        if not np.any(owner >= 0):
            raise ModelError(f"channel {name!r} is in none of these compartments", got=where, fix=did_you_mean(name, self.channels))
        channel = self.painted[int(owner.max())].channel
        values: dict[str, Any] = {}
        for parameter, dimension in channel.spec.parameters.items():
            found = {int(k): self._columns(self.painted[int(k)], parameter, dimension, where[owner == k], draw) for k in np.unique(owner[owner >= 0])}
            full = np.full((len(where), max(v.shape[1] for v in found.values())), np.nan)
            for k, columns in found.items():
                full[owner == k] = columns
            if np.any(np.ptp(full, axis=0)):
                values[parameter] = full if full.shape[1] > 1 else full[:, 0]
            else:
                values[parameter] = full[:1] if full.shape[1] > 1 else float(full[0, 0])
        return channel, values

    def _columns(self, painted: Painted, parameter: str, dimension: Dimension, where: np.ndarray, draw: Draw | None) -> np.ndarray:
        """A parameter of a painted channel in some compartments, [len(where) or 1, 1 or cells]."""
        value = getattr(painted.channel, parameter)
        if parameter in painted.along:
            return painted.along[parameter][np.searchsorted(painted.where, where), None]
        if differs(value):
            return drawn_values(draw, f"{painted.name}.{parameter}", value, 1, dimension)
        return np.full((1, 1), magnitude(value, dimension, f"{painted.name}.{parameter}"))

    def check_size(self, population: str, size: int) -> None:
        """Refuse channels whose parameters are arrays of another length than a population of it would have."""
        for p in self.painted:
            for parameter, dimension in p.channel.spec.parameters.items():
                checked_values(getattr(p.channel, parameter), dimension, f"{population}.{p.name}.{parameter}, one value for each cell", (size,))

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


def differs(value: Any) -> bool:
    """Whether a value of a parameter differs between the cells of a population: a distribution or an array."""
    return isinstance(value, Distribution) or axes(value) > 0


def drawn_values(draw: Draw | None, name: str, value: Any, sites: int, dimension: Dimension) -> np.ndarray:
    """The values in a population of a parameter that differs between its cells, checked: float64[sites, 1 or cells].

    Args:
        draw: gives the values of one population; None: there is no population yet.
        name: of the parameter, for messages.
        value: a distribution or an array.
        sites: values of each cell.
        dimension: of the parameter.

    Raises:
        ModelError: without a population; a value that no parameter of this dimension can have.
    """
    if draw is None:
        raise ModelError(f"{name} differs between cells", got=value, fix="make a population: its size and the seed determine the values")
    values = draw(name, value, sites)
    check_physical(f"{name} of cell {int(np.argmax(unphysical(values, dimension).any(axis=0)))}", values, dimension, "bound the distribution: low=0 * unit")
    return values


def _one_number(value: Any, dimension: Dimension, where: str) -> float:
    """A finite number in base units."""
    if isinstance(value, Distribution) or axes(value):
        raise ModelError(f"{where} must be one number", got=value)
    return float(checked_values(value, dimension, where, ()))  # type: ignore[arg-type]
