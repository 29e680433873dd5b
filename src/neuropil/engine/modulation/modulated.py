"""What a modulator changes: parts of populations and projections, whose constants are evaluated anew and written in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.engine.cells.arrays import CellArrays
from neuropil.engine.core import Core
from neuropil.engine.stores.stateful_store import SynapseStore
from neuropil.errors import SimulationError
from neuropil.lower.cable import MembraneGroup
from neuropil.lower.resolution import RESOLVED, slow_flows
from neuropil.lower.synapse_resolution import slow_synapses
from neuropil.model.modulation.bound_effect import BoundEffect
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.neuron.composite import full_name, split
from neuropil.plan.builder import check_finite, depending, derived, propagating, refractory_steps
from neuropil.plan.parts import KernelBatch, PopulationSlice
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, Kind


class Modulated:
    """Parameters under effects: their values in the description (`base`) and at present (`now`), by name within the model."""

    def __init__(self, effects: dict[str, tuple[BoundEffect, ...]], base: dict[str, Any], dt: float):
        self.effects, self.base, self.now, self.dt = effects, base, dict(base), dt
        self.modulators = {e.modulator for listed in effects.values() for e in listed}

    def act(self, concentrations: dict[str, np.ndarray], step: int) -> None:
        """Let the concentrations (by modulator) change the parameters."""
        changed = {}
        for name, listed in self.effects.items():
            value = self.base[name]
            for effect in listed:
                felt = effect.felt(concentrations[effect.modulator])
                value = effect.apply(value, self.each(felt, name) if np.ndim(felt) else felt, step * self.dt)
            if not np.array_equal(value, self.now[name]):
                changed[name] = value
        if changed:
            self.now.update(changed)
            self.write(changed, step)

    def each(self, felt: np.ndarray, name: str) -> np.ndarray:
        """For every value of a parameter, of what each cell feels (float64[cells])."""
        raise NotImplementedError

    def write(self, changed: dict[str, Any], step: int) -> None:
        """Bring the new values to where they are read."""
        raise NotImplementedError


class ModulatedPart(Modulated):
    """A part of a population with a kernel of its own."""

    def __init__(self, core: Core, g: int, group: KernelBatch, member: PopulationSlice, effects: dict[str, tuple[BoundEffect, ...]]):
        super().__init__(effects, {n: member.parameters[n] for n in effects}, core.plan.dt)
        self.core, self.g, self.program, self.member, self.precision = core, g, group.program, member, group.precision
        before = sum(m.sites for m in group.members[: [m is member for m in group.members].index(True)])
        self.rows = slice(before, before + member.sites)  # of the kernel's table of constants
        self.refractory = getattr(type(group.program.step.traced.neuron), "refractory", None)
        # Only what depends on a modulated parameter is evaluated again.
        self.places = sorted(depending(self.program, set(effects)))
        columns = group.signature.columns
        self.columns = {k: columns.index(constant) for k in self.places if (constant := Argument(Kind.CONSTANT, k)) in columns}
        self.propagating = {n for n in effects if propagating(self.program, {n})}
        self.entries = derived(self.program, member.parameters, self.dt)

    def each(self, felt: np.ndarray, name: str) -> np.ndarray:
        return np.tile(felt, self.member.sites)

    def write(self, changed: dict[str, Any], step: int) -> None:
        """Constants, propagators, and the refractory period.

        Raises:
            SimulationError: states that have become too slow for float32.
        """
        parameters, program, name = {**self.member.parameters, **self.now}, self.program, self.member.population.name
        if self.precision == "float32":
            resolved(f"population {name!r}", slow_flows(program.step, parameters, self.member.initial, self.dt), step * self.dt)
        if self.propagating & set(changed):
            self.entries = derived(program, parameters, self.dt)
        leaves = {f"p.{n}": v for n, v in {**parameters, **self.entries, "dt": self.dt}.items()}
        values = program.graph.evaluate([program.hoisted[k] for k in self.places], leaves)
        check_finite(program, values, name, self.places)
        table = self.core.machine.numbers[self.g]
        for k, value in zip(self.places, values, strict=True):
            if k not in self.columns:
                self._spread(Argument(Kind.CONSTANT, k), value)
            else:  # one value for each site
                table[self.rows, self.columns[k]] = np.reshape(value, (self.member.sites, -1))[:, 0] if np.size(value) > 1 else value
        if self.refractory in changed:
            steps = refractory_steps(parameters[self.refractory], self.dt, f"{name}.{self.refractory}")
            if (each := Argument(Kind.PERIOD)) in self.member.arrays:
                self._spread(each, steps)
            else:
                self.core.machine.periods[self.g][self.rows] = int(np.ravel(steps)[0])

    def _spread(self, argument: Argument, value: Any) -> None:
        member = self.member
        whole = np.broadcast_to(np.reshape(value, (member.sites, -1)), (member.sites, member.population.size))
        self.core.scatter(member.population, member.part, argument, whole.T)


class ModulatedMembrane(Modulated):
    """What some compartments carry, or a point process, in all cells of a population alike."""

    def __init__(self, plan: Plan, cells: list[CellArrays], membrane: MembraneGroup, effects: dict[str, tuple[BoundEffect, ...]]):
        super().__init__(effects, {n: membrane.parameters[n] for n in effects}, plan.dt)
        self.cells, self.membrane = cells, membrane

    def write(self, changed: dict[str, Any], step: int) -> None:
        loops = self.membrane.changed(self.now, self.dt)
        for cells in self.cells:
            cells.change(self.membrane, loops)


class ModulatedSynapses(Modulated):
    """The synapses of a projection that have a model: one value for all, one for each target, or, of drawn parameters, for each synapse."""

    def __init__(self, plan: Plan, store: SynapseStore, effects: dict[str, tuple[BoundEffect, ...]]):
        super().__init__(effects, {n: store.synapses.constants[n] for n in effects}, plan.dt)
        self.store = store

    def each(self, felt: np.ndarray, name: str) -> np.ndarray:
        return felt[self.store.synapses.post] if np.ndim(self.base[name]) else felt

    def write(self, changed: dict[str, Any], step: int) -> None:
        projection, precision = self.store.projection, self.store.real.name
        if precision == "float32":
            resolved(f"projection {projection.name!r}", slow_synapses(self.store.program, projection.weight, self.dt, changed=self.now), step * self.dt)
        self.store.change(changed, step)


def resolved(where: str, slow: dict[str, str], time: float) -> None:
    """Stop where modulators have made states too slow for float32 (ms).

    Raises:
        SimulationError: names the state and the remedy.
    """
    for state, why in slow.items():
        raise SimulationError(
            f"{where}: modulators have made {state} too slow for float32", got=f"{why} at {time:g} ms",
            expected=f"at most {1.0 / RESOLVED:g} steps", fix='Simulation(..., precision="float64")',
        )  # fmt: skip


def modulated(plan: Plan, core: Core) -> list[Modulated]:
    """All targets of a network's modulators."""
    network = plan.network
    made: list[Modulated] = []
    for g, group in enumerate(plan.groups):
        for member in group.members:
            if member.modulated:
                whole = effects_on(network.modulators, member.population)
                mine = {n: whole[full_name(member.part, n)] for n in sorted(member.modulated)}
                made.append(ModulatedPart(core, g, group, member, mine))
    for name, cells in plan.cells.items():
        whole = effects_on(network.modulators, cells.population)
        for membrane in cells.cable.groups:
            if mine := {n: whole[n] for n in whole if split(n)[0] in membrane.program.membrane.traced}:
                made.append(ModulatedMembrane(plan, [arrays for _, arrays in core.machine.cells[name]], membrane, mine))
    for j, store in core.listed.items():
        if effects := effects_on(network.modulators, network.projections[j]):
            made.append(ModulatedSynapses(plan, store, effects))
    return made
