"""Changes of a network that runs: values of parameters of neurons and of stimuli, checked against the description.

What an executor does with a change is its own matter; what may be asked for is said here, once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError, NetworkError, did_you_mean
from neuropil.model.base.described import DeclarativeModel
from neuropil.model.base.distribution import Distribution, axes, checked_values
from neuropil.model.base.grid import fault
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.mechanism import check_physical
from neuropil.model.contents.chosen import inverse_index
from neuropil.model.contents.contents import Population, Projection, StimulusConnection
from neuropil.model.contents.in_context import target_parameters
from neuropil.model.contents.population import View, indices_of, whole
from neuropil.model.contents.windows import window_drives
from neuropil.model.network.network import Network
from neuropil.model.network.replace import redescribed_drive
from neuropil.model.network.validate import parameter_faults
from neuropil.model.neuron.composite import full_name, split
from neuropil.units import Quantity, unit_name

Target = Population | View | StimulusConnection


@dataclass(frozen=True, eq=False)
class ParameterChange:
    """A new value of a parameter of neurons.

    Attributes:
        population: whose; neurons: int64[n], which of them, in the order of the values; None: all.
        name: full name of the parameter ("tau_m", "branch.g_l", "Ih.g_max").
        value: in base units: one for all, or [neurons · sites], neuron by neuron.
    """

    population: Population
    neurons: np.ndarray | None
    name: str
    value: float | np.ndarray

    @property
    def part(self) -> str:
        """The part, channel or point process whose parameter it is."""
        return split(self.name)[0]

    def applied(self, before: Any, sites: int) -> float | np.ndarray:
        """The parameter after the change: a number, or float64[neurons, values of each].

        Args:
            before: its values: a number, or [neurons, values of each], of a channel one or one for each compartment.
            sites: how many values of each neuron are given.
        """
        if self.neurons is None and not np.ndim(self.value):
            return float(self.value)
        whole = sites if self.neurons is None or not np.ndim(before) else max(sites, np.shape(before)[1])
        made = np.array(np.broadcast_to(np.nan if self.neurons is None else before, (self.population.size, whole)), float)
        made[slice(None) if self.neurons is None else self.neurons] = np.reshape(self.value, (-1, sites)) if np.ndim(self.value) else self.value
        return made


def sites_of(population: Population, part: str) -> int:
    """How many values of a parameter of a `part` each neuron of a `population` has; of a channel one."""
    if isinstance(cell := population.neuron, Cell) and part not in cell.placed:
        return 1
    return population.parts[part].sites


def target_of(network: Network, target: Any) -> Target:
    """What is to be changed: a population, a view or a stimulus of a network, given itself or by its name.

    Args:
        target: one of these, or the name of a population or stimulus.

    Raises:
        NetworkError: nothing of this name, or a name of both; a projection.
    """
    name = getattr(target, "name", target)
    drives = {d.name: d for d in network.drives if d.follows is None}
    if isinstance(target, (list, tuple)) and len(target) == 1 and isinstance(target[0], StimulusConnection):
        raise NetworkError("set() changes one stimulus, not a list", got=target, fix="stimulate() returns a list: (drive,) = net.stimulate(...)")
    if isinstance(target, (list, tuple)) and len(target) != 1:
        raise NetworkError("set() changes one population, view or stimulus at a time", got=target, fix="for each in (...): simulation.set(each, ...)")
    if isinstance(target, Projection) or (isinstance(target, str) and name not in network.populations and name not in drives and any(p.name == name for p in (*network.projections, *network.graded))):
        raise NetworkError(f"set() changes neurons and stimuli; {name!r} is a projection", fix="set_weights() sets its weights, set_synapses() the states of its synapses")
    if isinstance(target, StimulusConnection) or (isinstance(target, str) and name in drives):
        if isinstance(target, str) and name in network.populations:
            raise NetworkError(f"{name!r} is the name of a population and of a stimulus", fix="pass the population, or what stimulate() returned")
        if name not in drives:
            raise NetworkError(f"the network has no stimulus {name!r}", fix=did_you_mean(name, drives))
        return drives[name]
    if not isinstance(name, str) or name not in network.populations:
        raise NetworkError(f"set(): the network has no population or stimulus {name!r}", fix=did_you_mean(str(name), [*network.populations, *drives]))
    if isinstance(target, View):
        return View(network[name], target.indices, target.label)
    return network[name]


# --- neurons ----------------------------------------------------------------------------------------------------------


def parameter_changes(network: Network, target: Population | View, values: Mapping[str, Any], dt: float) -> list[ParameterChange]:
    """New values of parameters of neurons, checked as they would be in a description.

    Args:
        target: of the network.
        values: by the name of the parameter; of a part "part.name", or part__name.
        dt: time step, ms.

    Raises:
        NetworkError, ModelError, UnitError: no such parameter, a value that does not fit, or one that something has read once and for all.
    """
    population, models = whole(target), whole(target).models
    made = []
    for given, value in values.items():
        name = given.replace("__", ".")
        part, inner = split(name)
        if part not in models or inner not in models[part].spec.parameters:
            known = [full_name(p, n) for p, model in models.items() for n in model.spec.parameters]
            raise NetworkError(f"{population.name} has no parameter {name!r}", fix=_remedy(population, name, known))
        _check_read(network, population, name)
        made.append(ParameterChange(population, indices_of(target), name, _values(target, models[part], part, inner, value, dt)))
    for part in dict.fromkeys(c.part for c in made):  # what a model's own constructor refuses
        dimensions = models[part].spec.parameters
        with suppress(ValueError):  # values of some neurons cannot be compared with others of all
            models[part].with_(**{(n := split(c.name)[1]): Quantity(c.value, dimensions[n]) for c in made if c.part == part})
    return made


def _remedy(population: Population, name: str, known: Sequence[str]) -> str:
    if name in population.neuron.spec.states:
        return f"{name} is a state: set_state() sets it"
    if name in ("size", "positions", "initial", "neuron"):
        return f"{name} decides what the network is made of: describe another network with Network.replace"
    return did_you_mean(name, known)


def _values(target: Population | View, model: DeclarativeModel, part: str, name: str, value: Any, dt: float) -> float | np.ndarray:
    """A value in base units, checked: a number, or float64[neurons · sites]."""
    population, where = whole(target), f"{target.name}.{full_name(part, name)}"
    if isinstance(value, Distribution):
        raise ModelError(f"{where} must be a number or an array, not a distribution", got=value, fix="draw the values with NumPy, and set them as an array")
    sites, dimension = sites_of(population, part), model.spec.parameters[name]
    shape: tuple[int, ...] = (target.size * sites,)
    bare = value.value if isinstance(value, Quantity) else value
    if sites > 1 and axes(value) == 1 and np.shape(bare) == (sites,):
        value = Quantity(np.tile(bare, target.size), value.dimension) if isinstance(value, Quantity) else np.tile(bare, target.size)
    checked = checked_values(value, dimension, where, shape)
    assert not isinstance(checked, Distribution)
    for error in parameter_faults(where, name, dimension, checked):
        raise error
    if isinstance(population.neuron, Cell):
        check_physical(where, checked, dimension)
    if name == getattr(type(model), "refractory", None) and not np.ndim(checked):
        for error in fault(Quantity(checked, dimension), dt, where, least=0):
            raise error
    return checked


def _check_read(network: Network, population: Population, name: str) -> None:
    """Refuse a parameter that something else of the network has taken a copy of."""
    for projection in network.projections:
        if projection.target is population and name in target_parameters(projection):
            raise NetworkError(f"{population.name}.{name} cannot be changed: the synapses of {projection.name!r} read it when they are made", fix="let them read a state of the target")


# --- stimuli ----------------------------------------------------------------------------------------------------------


def stimulus_changed(drive: StimulusConnection, values: Mapping[str, Any], dt: float) -> StimulusConnection:
    """A stimulus with some fields changed, checked as it would be in a description.

    Args:
        drive: as it is.
        values: by the name of the field ("rate", "times", "amplitude"), or "weight" of its events.
        dt: time step, ms.

    Raises:
        NetworkError, ModelError, UnitError: no such field, or a value that does not fit.
    """
    stimulus, kind = drive.stimulus, type(drive.stimulus).__name__
    fields = {f.name for f in dataclasses.fields(stimulus)}  # type: ignore[arg-type]
    known = fields | ({"weight"} if drive.port is not None else set())
    for name, value in values.items():
        if name not in known:
            fixed = name in ("port", "input", "site", "target", "neurons")
            fix = "where a stimulus acts is part of the network: describe both, and set the one to zero" if fixed else did_you_mean(name, sorted(known))
            raise NetworkError(f"stimulus {drive.name!r} ({kind}) has no field {name!r}", fix=fix)
        if isinstance(value, Distribution):
            raise ModelError(f"stimulus {drive.name!r}: {name} must be a number or an array, not a distribution", got=value, fix="draw the values with NumPy")
    changes: dict[str, Any] = {"weight": values["weight"]} if "weight" in values else {}
    if own := {n: v for n, v in values.items() if n in fields}:
        changes["stimulus"] = _fields_changed(drive, own)
    twin = redescribed_drive(drive, changes)
    for error in twin.stimulus.faults(dt, f"stimulus {twin.name}"):
        raise error
    return twin


def _fields_changed(drive: StimulusConnection, values: Mapping[str, Any]) -> Any:
    """The stimulus as it would be given to `stimulate`, with these fields; a `SpikeList` names neurons within the view."""
    stimulus = drive.stimulus
    if stimulus.addressed is not None and drive.neurons is not None and "neurons" not in values:
        stimulus = stimulus.addressing(inverse_index(drive.neurons, drive.target.size)[stimulus.addressed])
    return dataclasses.replace(stimulus, **values)  # type: ignore[type-var]


def with_followers(drives: Sequence[StimulusConnection], index: int, twin: StimulusConnection) -> Iterator[tuple[int, StimulusConnection]]:
    """A changed stimulus and the signals of its window to the target (`Input.window`), each with its index.

    Args:
        drives: all of the network, as they are.
        index: index of the one that changes.
        twin: what takes its place.
    """
    yield index, twin
    signals = {one.name: one for one in window_drives(twin)}
    for j, drive in enumerate(drives):
        if drive.follows is not None and drive.follows.name == twin.name:
            yield j, signals[drive.name]


def described(value: Any) -> Any:
    """A value for people and files: a number, text, or the smallest and largest of an array."""
    bare = value.value if isinstance(value, Quantity) else value
    if bare is None or isinstance(bare, (str, bool)):
        return bare
    array = np.asarray(bare)
    if array.ndim == 0:
        return array.item()
    return [float(array.min()), float(array.max())] if array.size else []


def unit_of(target: Any, name: str, value: Any) -> str:
    """The unit of a change, as text.

    Args:
        target: what is changed.
        name: of the parameter.
        value: as it was given.
    """
    if isinstance(target, StimulusConnection):
        if name == "weight":
            return unit_name(target.target.neuron.spec.ports[str(target.port)])
        return unit_name(value.dimension) if isinstance(value, Quantity) else ""
    part, inner = split(name)
    return unit_name(whole(target).models[part].spec.parameters[inner])

