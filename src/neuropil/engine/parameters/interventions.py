"""What has been changed of a network since its simulation began: applied, listed in the summary, part of checkpoints."""

from __future__ import annotations

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
from neuropil.engine.saved import Arrays
from neuropil.errors import SimulationError
from neuropil.model.contents.contents import Population, StimulusConnection
from neuropil.model.network.changes import (
    ParameterChange,
    described,
    parameter_changes,
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


class Interventions:
    """The changes of one simulation.

    Args:
        core: what is changed.
        modulation: acts on parameters from their changed values on.

    Attributes:
        log: of each change its time, target, parameter, value and unit.
        unlisted: how many there were besides.
    """

    def __init__(self, core: Core, modulation: Modulation):
        self.core, self.modulation = core, modulation
        self.log: list[dict[str, Any]] = []
        self.unlisted = 0
        self._listed: Counter[tuple[str, str]] = Counter()
        self._names: dict[str, set[str]] = {}  # by population, full names of the parameters that were changed
        self._fields: dict[int, dict[str, Any]] = {}  # by place of a stimulus, the fields that were changed, as given

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
                self._note(found, given.replace("__", "."), value)

        return act

    def _note(self, target: Any, name: str, value: Any) -> None:
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
        """What applies changes of one population: those of a part together, so that its constants are computed once."""
        population, actions = changes[0].population, list[Action]()
        for part in dict.fromkeys(c.part for c in changes):
            mine = [c for c in changes if c.part == part]
            if population.name in self.core.now.cells:
                actions.append(changing_cells(self.core, population, part, mine))
                continue
            values: dict[str, Any] = {}
            for c in mine:
                name = split(c.name)[1]
                values[name] = c.applied(values.get(name, self._before(c)), population.parts[part].sites)
            self.modulation.check(population, {full_name(part, n): by_site(v) for n, v in values.items()})
            actions.append(changing_part(self.core, population, part, values))

        def act() -> None:
            for action in actions:
                action()
            self._names.setdefault(population.name, set()).update(c.name for c in changes)
            self.modulation.renew()

        return act

    def _before(self, change: ParameterChange) -> Any:
        """A parameter as it is, modulators aside: a number, or float64[neurons, sites]."""
        g, m = self.core.plan.place_of(change.population, change.part)
        member = self.core.now.groups[g].members[m]
        value = member.parameters[split(change.name)[1]]
        return np.reshape(value, (member.sites, -1)).T if np.ndim(value) else value

    def _stimulus(self, index: int, values: Mapping[str, Any]) -> Action:
        """What changes a stimulus, and those that follow it."""
        drives = [planned.drive for planned in self.core.now.drives]
        twin = stimulus_changed(drives[index], values, self.core.plan.dt)
        check_counts(self.core.now.drives[index], twin, self.core.plan.dt)
        changed = list(with_followers(drives, index, twin))

        def act() -> None:
            for j, drive in changed:
                change_stimulus(self.core, j, drive, values)
            self._fields.setdefault(index, {}).update(values)

        return act

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def save(self) -> Arrays:
        """The log, the changed parameters as they are, and the changed fields of stimuli."""
        neurons: Arrays = {name: self._saved(self.core.plan.network[name], names) for name, names in self._names.items()}
        stimuli: Arrays = {str(j): {n: _as_array(v) for n, v in fields.items()} for j, fields in self._fields.items()}
        log = np.frombuffer(json.dumps([self.log, self.unlisted]).encode(), np.uint8)
        return {"log": log, "neurons": neurons, "stimuli": stimuli}

    def _saved(self, population: Population, names: set[str]) -> Arrays:
        return {n: np.asarray(self._before(ParameterChange(population, None, n, 0.0)), float) for n in sorted(names)}

    def restore(self, arrays: Arrays, step: int) -> None:
        """Apply what `save` returned: parameters are what they were.

        Args:
            arrays: see `save`.
            step: does not matter.
        """
        if not arrays:
            return
        self.log, self.unlisted = json.loads(np.asarray(arrays["log"], np.uint8).tobytes())
        self._listed.update((entry["target"], entry["parameter"]) for entry in self.log)
        neurons, stimuli, network = arrays["neurons"], arrays["stimuli"], self.core.plan.network
        assert isinstance(neurons, dict) and isinstance(stimuli, dict)
        for name, values in neurons.items():
            assert isinstance(values, dict)
            self._neurons([ParameterChange(network[name], None, n, _flat(v)) for n, v in values.items()])()
        for index, fields in stimuli.items():
            assert isinstance(fields, dict)
            self._stimulus(int(index), {n: _from_array(v) for n, v in fields.items()})()


def _flat(saved: Any) -> float | np.ndarray:
    """A parameter as `ParameterChange` has it."""
    return np.ravel(saved) if np.ndim(saved) else float(saved)


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
