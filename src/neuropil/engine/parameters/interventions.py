"""What has been changed of a network since its simulation began: applied, listed in the summary, part of checkpoints."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from neuropil.engine.core import Core
from neuropil.engine.modulation.modulate import Modulation
from neuropil.engine.parameters.cells import changing_cells
from neuropil.engine.parameters.part import by_site, changing_part
from neuropil.engine.parameters.stimulus import change_stimulus, check_counts
from neuropil.engine.saved import Arrays, AsDescribed, array, group
from neuropil.errors import SimulationError
from neuropil.model.contents.contents import Population, StimulusConnection
from neuropil.model.network.changes import (
    ParameterChange,
    described,
    parameter_changes,
    sites_of,
    stimulus_changed,
    target_of,
    unit_of,
    with_followers,
)
from neuropil.model.neuron.composite import full_name, split
from neuropil.units import Quantity

Action: TypeAlias = Callable[[], None]
"""A change that has been checked."""

MOST_LISTED = 1000
"""Changes of one parameter of one target that are listed one by one: a closed loop may change it in every step."""


class Interventions(AsDescribed):
    """The changes of one simulation.

    Args:
        core: what is changed.
        modulation: acts on parameters from their changed values on.

    Attributes:
        log: of each change its time, target, parameter, value and unit.
        unlisted: how many there were besides.
        names: by population, full names of the parameters that are others than described.
        fields: by index of a stimulus, those that are others than described, as given.
        described: by population and full name, what parameters were before they were changed.
    """

    named_by = ""

    def __init__(self, core: Core, modulation: Modulation):
        self.core, self.modulation = core, modulation
        self.log: list[dict[str, Any]] = []
        self.unlisted = 0
        self._listed: Counter[tuple[str, str]] = Counter()
        self.names: dict[str, set[str]] = {}
        self.described: dict[tuple[str, str], Any] = {}
        self.fields: dict[int, dict[str, Any]] = {}

    def prepared(self, target: Any, values: Mapping[str, Any]) -> Action:
        """What does as `Simulation.set` says, after all checks.

        Args:
            target, values: as given there.

        Raises:
            SimulationError: nothing to set, and further as given there.
        """
        network = self.core.plan.network
        found = target_of(network, target)
        if not values:
            raise SimulationError("set() was given nothing to set", got=target, expected="set(population, parameter=value)")
        if isinstance(found, StimulusConnection):
            change = self._stimulus(next(j for j, d in enumerate(network.drives) if d is found), values)
        else:
            change = self._neurons(parameter_changes(network, found, values, self.core.plan.dt))

        def act() -> None:
            change()
            for given, value in values.items():
                self._record(found, given.replace("__", "."), value)

        return act

    def _record(self, target: Any, name: str, value: Any) -> None:
        key = (target.name, name)
        self._listed[key] += 1
        if self._listed[key] > MOST_LISTED:
            self.unlisted += 1
            return
        entry = {"time_ms": self.core.step * self.core.plan.dt, "target": target.name, "parameter": name, "value": described(value), "unit": unit_of(target, name, value)}
        if not isinstance(target, StimulusConnection):
            entry["neurons"] = target.size
        self.log.append(entry)

    def _neurons(self, changes: list[ParameterChange]) -> Action:
        """What applies changes of one population, checked also with what modulators do to them."""
        values = self._values(changes)
        for name, value in values.items():
            self.modulation.check(changes[0].population, {name: by_site(value)})
        change = self.neurons(changes[0].population, values)

        def act() -> None:
            change()
            self.modulation.renew()

        return act

    def neurons(self, population: Population, values: Mapping[str, Any]) -> Action:
        """What gives parameters of a population new values: those of a part together, so that its constants are computed once.

        Args:
            population: whose.
            values: by full name: a number, or float64[neurons, sites].
        """
        actions = list[Action]()
        if population.name in self.core.now.cells:
            actions.append(changing_cells(self.core, population, values))
        else:
            for part in dict.fromkeys(split(n)[0] for n in values):
                mine = {split(n)[1]: v for n, v in values.items() if split(n)[0] == part}
                actions.append(changing_part(self.core, population, part, mine))

        def act() -> None:
            for name in values:
                self.described.setdefault((population.name, name), self.value(population, name))
            for action in actions:
                action()
            for renew in self.core.machine.renewed:
                renew(self.core.now)
            for published in self.core.published:
                if published.projection.source.name == population.name:
                    published.renew(self.core.now)
            self.names.setdefault(population.name, set()).update(values)

        return act

    def _values(self, changes: list[ParameterChange]) -> dict[str, Any]:
        """By full name, parameters after changes: a number, or float64[neurons, sites]."""
        values: dict[str, Any] = {}
        for c in changes:
            values[c.name] = c.applied(values.get(c.name, self.value(c.population, c.name)), sites_of(c.population, c.part))
        return values

    def value(self, population: Population, name: str) -> Any:
        """A parameter as it is, modulators aside: a number, or float64[neurons, sites].

        Args:
            population: whose.
            name: its full name.
        """
        part, inner = split(name)
        if population.name in self.core.now.cells:
            return self.core.now.cells[population.name].parameter(name)
        g, m = self.core.plan.indices_of(population, part)
        member = self.core.now.groups[g].members[m]
        value = member.parameters[inner]
        return np.reshape(value, (member.sites, -1)).T if np.ndim(value) else value

    def _stimulus(self, index: int, values: Mapping[str, Any]) -> Action:
        """What changes fields of a stimulus."""
        return self.stimulus(index, self.core.now.drives[index].drive, {**self.fields.get(index, {}), **values}, values)

    def stimulus(self, index: int, drive: StimulusConnection, fields: dict[str, Any], values: Mapping[str, Any]) -> Action:
        """What changes a stimulus, and those that follow it.

        Args:
            index: its index in the network.
            drive: from which to start.
            fields: all that will be others than in the description, as given.
            values: fields that are others than in `drive`.
        """
        twin = stimulus_changed(drive, values, self.core.plan.dt) if values else drive
        check_counts(self.core.now.drives[index], twin, self.core.plan.dt)
        changed = list(with_followers([planned.drive for planned in self.core.now.drives], index, twin))
        named = {*fields, *self.fields.get(index, {})} if values is fields else set(values)

        def act() -> None:
            for j, one in changed:
                change_stimulus(self.core, j, one, named)
            self.fields[index] = fields

        return act

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def save(self) -> Arrays:
        """The log."""
        return {"log": np.frombuffer(json.dumps([self.log, self.unlisted]).encode(), np.uint8)}

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned, but for changes that do not act here; parameters and fields come before. The `step` does not matter."""
        log, self.unlisted = json.loads(array(arrays, "log").tobytes())
        drives = self.core.plan.network.drives
        acting = {**self.names, **{drives[j].name: set(fields) for j, fields in self.fields.items()}}
        self.log = [entry for entry in log if entry["parameter"] in acting.get(entry["target"], ())]
        self._listed = Counter((entry["target"], entry["parameter"]) for entry in self.log)


class Parameters(AsDescribed):
    """Changed parameters of neurons, by population.

    Args:
        interventions: of the simulation.
    """

    named_by, overrides = "population", False

    def __init__(self, interventions: Interventions):
        self._own = interventions

    def free(self, name: str) -> frozenset[str]:
        """All of the population `name`: it may be another that are changed."""
        population = self._own.core.plan.network[name]
        return frozenset(full_name(part, n) for part, model in population.models.items() for n in model.spec.parameters)

    def save(self) -> Arrays:
        """What each is, and what it is in the description: a number, or float64[neurons, sites]."""
        return {name: {n: self._saved(name, n) for n in sorted(names)} for name, names in self._own.names.items() if names}

    def _saved(self, name: str, parameter: str) -> Arrays:
        population = self._own.core.plan.network[name]
        return {"set": np.array(self._own.value(population, parameter), float), "described": np.array(self._own.described[name, parameter], float)}

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned, and what is described of those that it does not name; the `step` does not matter.

        A parameter that is described otherwise than where it was saved stays as it is described.
        """
        own, network = self._own, self._own.core.plan.network
        for name in {**arrays, **own.names}:
            saved = group(arrays, name) if name in arrays else {}
            wanted = dict[str, Any]()
            for n in saved:
                one = group(saved, n)
                described = own.described.get((name, n), own.value(network[name], n))
                # NaN: compartments without the mechanism.
                if np.array_equal(array(one, "described"), np.asarray(described, float), equal_nan=True):
                    value = array(one, "set")
                    wanted[n] = value if np.ndim(value) else float(value)
            back = {n: own.described[name, n] for n in own.names.get(name, ()) if n not in wanted}
            if {**wanted, **back}:
                own.neurons(network[name], {**wanted, **back})()
                own.names[name] = set(wanted)
        own.modulation.renew(act=False)


class Settings(AsDescribed):
    """Changed fields of stimuli, by stimulus.

    Args:
        interventions: of the simulation.
    """

    named_by, overrides = "stimulus", True

    def __init__(self, interventions: Interventions):
        self._own = interventions

    def free(self, name: str) -> frozenset[str]:
        """All fields of the stimulus `name`."""
        stimulus: Any = self._own.core.plan.drives[self._index_of[name]].drive.stimulus
        return frozenset({"weight", *(f.name for f in dataclasses.fields(stimulus))})

    @property
    def _index_of(self) -> dict[str, int]:
        return {d.name: j for j, d in enumerate(self._own.core.plan.network.drives)}

    def save(self) -> Arrays:
        """Values, with their units."""
        drives = self._own.core.plan.network.drives
        return {drives[j].name: {n: _as_array(v) for n, v in fields.items()} for j, fields in self._own.fields.items() if fields}

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned, and what is described of those that it does not name; the `step` does not matter."""
        own, index_of = self._own, self._index_of
        for index in {**{index_of[name]: 0 for name in arrays}, **own.fields}:
            drive = own.core.plan.network.drives[index]
            fields = {n: _from_array(v) for n, v in group(arrays, drive.name).items()} if drive.name in arrays else {}
            if fields or own.fields.get(index):
                own.stimulus(index, drive, fields, fields)()


def _as_array(value: Any) -> Arrays:
    """A field of a stimulus as arrays."""
    if isinstance(value, Quantity):
        return {"value": np.asarray(value.value, float), "dimension": np.asarray(value.dimension, np.int64)}
    if value is None:
        return {}
    if isinstance(value, str):
        return {"text": np.frombuffer(value.encode(), np.uint8)}
    return {"value": np.asarray(value)}


def _from_array(arrays: Any) -> Any:
    """The field that `_as_array` was given."""
    if not arrays:
        return None
    if "text" in arrays:
        return np.asarray(arrays["text"], np.uint8).tobytes().decode()
    value = arrays["value"] if np.ndim(arrays["value"]) else np.asarray(arrays["value"]).item()
    return Quantity(value, tuple(int(n) for n in arrays["dimension"])) if "dimension" in arrays else value  # type: ignore[arg-type]
