"""What modulators change of synapses: operations that evaluate effects, let what went before happen by the old values, and put the new in their place.

Every owner does this for the synapses on its own targets, with tables of constants of its own: one number for all synapses, or one for each target.
The kernels of the store read an entry for each target through the index of the target, so a tick takes time with the number of targets, not of synapses,
unless a state changes by itself under the parameter: then each synapse is brought up to the tick (`neuropil.lower.before_change`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neuropil.codegen.effect_source import OUTSIDE, SLOW, EffectsOnPart, Propagated
from neuropil.engine.effects.faults import Effects, explain_bounds, resolved
from neuropil.engine.effects.kernels import ALWAYS, commit
from neuropil.engine.effects.level import Level
from neuropil.engine.effects.modulated_target import ModulatedTarget, Own, first_number, room_of
from neuropil.engine.effects.propagator import Propagation
from neuropil.engine.stores.stateful_store import SynapseStore
from neuropil.errors import SimulationError
from neuropil.lower.before_change import entries_of, moved_leaves
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.graph import Graph
from neuropil.lower.integrate import Advance
from neuropil.lower.modulation import EffectProgram, graft
from neuropil.lower.resolution import RESOLVED, own_rates
from neuropil.lower.synapse_resolution import BETWEEN_SPIKES, resolution_depends, resolved_sums, slow_synapses
from neuropil.model.modulation.bound_effect import vary_by_cell
from neuropil.model.modulation.modulator import effects_on
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result
from neuropil.plan.plan import Plan


class ModulatedSynapses(ModulatedTarget):
    """The synapses of a projection that have a model, none of whose parameters is drawn.

    Args:
        store: of the projection.
        effects: by parameter.
        dt: ms; levels: of all modulators, by name.

    Attributes:
        operations: what acts at ticks, in this order: effects; what went before; new constants.
    """

    def __init__(self, store: SynapseStore, effects: Effects, dt: float, levels: Mapping[str, Level]):
        projection = store.projection
        super().__init__(projection.name, dt, effects, levels)
        self.store, self.program, self.tables = store, store.program, store.tables()
        self.base = {n: float(store.synapses.constants[n]) for n in effects}
        self.propagations: list[Propagation] = []
        self.wanted = self._wanted()
        self.compute(self.wanted)
        owners = range(len(store.targets))
        self.moved = [np.zeros(2, np.int64) for _ in owners]  # at this tick, maybe; since somebody asked
        # New constants wait here for what went before.
        self.numbers = [np.concatenate([table.numbers[t] for table in self.tables]) for t in owners]
        self.rows = [np.concatenate([table.targets[t] for table in self.tables]) for t in owners]
        self.operate([self._held(t) for t in owners], Buffer(f"modulated parameters of {projection.name}", np.float64, 3.0 * len(self.wanted.many) * projection.target.size, Owner.TARGET))
        self.before = store.before_change()
        self.operations = [self.operation, *self._following()]
        store.in_force = self.in_force
        store.renewed.append(self.renewed)

    # --- what is computed --------------------------------------------------------------------------------------------

    def _wanted(self) -> EffectsOnPart:
        """What depends on modulated parameters, and only that, is evaluated at ticks."""
        traced, many = EffectProgram.of(self.effects), [n for n, listed in self.effects.items() if vary_by_cell(listed)]
        mixed, fields = self.mixed_and_fields(many)
        graph, entries = Graph(), entries_of(self.program)
        given = dict(zip(map(parameter_leaf, entries), graft(graph, self.program.scheme.system.graph, entries.values()), strict=True))
        propagated = self._propagated(many)
        moved = moved_leaves(self.program, self.effects) | {leaf for p in propagated for leaf, _, _ in p.entries}
        nodes, columns, arrays = [], list[int | None](), list[int | None]()
        self.which: list[tuple[np.ndarray, np.ndarray]] = []
        column = row = 0
        for table in self.tables:
            places = [k for k, node in enumerate(table.hoisted) if table.graph.leaves(node) & moved]
            rows = {k: j for j, k in enumerate(sorted(table.varying))}
            nodes += graft(graph, table.graph, [table.hoisted[k] for k in places], given=given)
            columns += [None if k in rows else column + k for k in places]
            arrays += [row + rows[k] if k in rows else None for k in places]
            self.which.append((np.array([k for k in places if k not in rows], np.int64), np.array([rows[k] for k in places if k in rows], np.int64)))
            column, row = column + len(table.hoisted), row + len(rows)
        return EffectsOnPart(
            traced.graph, traced.values, traced.within, many, frozenset(), mixed, fields, self._enough(), propagated, (graph, nodes), columns, arrays, None, False,
            self.store.real.name, noted=True,
        )  # fmt: skip

    def _propagated(self, many: list[str]) -> list[Propagated]:
        """The propagators of a step, if there is one and it depends on the parameters."""
        program = self.program
        step, system = Advance(program.traced, program.scheme), program.scheme.system
        linear = system.graph.leaves(*system.a.values(), *system.b.values(), *system.constant.values())
        if program.event_driven or not step.prefixes or not linear & {parameter_leaf(n) for n in self.effects}:
            return []
        made = Propagation.of(step, self.dt)
        self.propagations = [made]
        graph, nodes = made.coefficients
        return [made.wanted(bool(graph.leaves(*nodes) & {parameter_leaf(n) for n in many}))]

    def _enough(self) -> tuple[Graph, list[int]]:
        """Whether states may have become too slow for float32; what several states decide together is asked outside of the operation."""
        graph, program = Graph(), self.program
        if self.store.real.name != "float32" or not resolution_depends(program, self.effects):
            return graph, []
        nodes, entangled = own_rates(program.scheme, self.effects)
        if entangled:
            return graph, [graph.const(False)]
        between = graph.const(max(self.dt, BETWEEN_SPIKES) if program.event_driven else self.dt)
        shares = [graph.add("mul", graph.add("abs", r), between) for r in graft(graph, program.scheme.system.graph, nodes)]
        rates = [graph.add("ge", s, graph.const(RESOLVED)) for s in shares]
        return graph, [*rates, *resolved_sums(graph, program, self.store.projection.weight, self.effects)]

    # --- what an owner holds -----------------------------------------------------------------------------------------

    def _held(self, t: int) -> Own:
        """The arguments of the function in a thread."""
        text, target, known = self.text, self.store.targets[t], self.store.synapses.constants
        own: Own = {"numbers": np.array([first_number(key, known) for key in text.numbers]), "rows": np.zeros((len(text.rows), target.size)), "size": target.size}
        for r, key in enumerate(text.rows):
            if key[0] == "now":
                own["rows"][r] = known[key[1]]
        own |= {"table": self.numbers[t].reshape(1, -1), "periods": np.zeros(1, np.int32), "first": 0, "last": 1, "sites": 1, "moved": self.moved[t]}
        own |= {f"c{k}": self.levels[name].c[t] for k, name in enumerate([*self.wanted.mixed, *self.wanted.fields])}
        for k, name in enumerate(self.wanted.fields):
            places = self.levels[name].modulator.grid.voxels[self.store.projection.target.name]
            own[f"j{k}"] = np.tile(places[target.low : target.low + target.neurons], target.sites)
        own |= {f"d{k}": self.rows[t][k] for k in self.wanted.arrays if k is not None}
        return own | room_of(self.propagations, [target.size if p.spread else 1 for p in self.wanted.propagated])

    def _following(self) -> list[Operation]:
        """What comes after the effects: nothing of it is done where nothing has moved."""
        name, periods, made = self.store.projection.name, self.operation.periods, []
        after = self.operation.sets
        if self.before is not None:
            function, own = self.before
            brought = Buffer(f"synapses of {name} at a tick", np.int64, 0)
            made.append(Operation(
                f"{name}: what went before a tick", Phase.MODULATION, Kernel.of(function), lambda t: (self.moved[t], *own(t)), (Given.STEP,), Result.FAULT,
                reads=after, sets=(brought,), periods=periods,
            ))  # fmt: skip
            after = (brought,)
        for j in range(len(self.tables)):
            made.append(Operation(f"{name}: constants", Phase.MODULATION, Kernel.of(commit), self._commits(j), (), Result.FAULT, reads=after, periods=periods))
        return made

    def _commits(self, j: int) -> Callable[[int], tuple[Any, ...]]:
        """The arguments of `commit` for one of the tables."""
        table, (which, rows) = self.tables[j], self.which[j]
        column, row = sum(len(one.hoisted) for one in self.tables[:j]), sum(len(one.varying) for one in self.tables[:j])
        width, height = len(table.hoisted), len(table.varying)
        own = [
            (self.moved[t], self.numbers[t][column : column + width], which, table.numbers[t], self.rows[t][row : row + height], rows, table.targets[t])
            for t in range(len(self.moved))
        ]  # fmt: skip
        return lambda t: own[t]

    # --- outside of the operations -----------------------------------------------------------------------------------

    def act(self, step: int, ticks: np.ndarray = ALWAYS) -> None:
        """Let the present levels change the parameters.

        Args:
            step: the present one.
            ticks: as of `arguments`.
        """
        super().act(step, ticks)
        for t, moved in enumerate(self.moved):
            if self.before is not None:
                function, own = self.before
                function(step, moved, *own(t))
            for j in range(len(self.tables)):
                commit(*self._commits(j)(t))

    def forget(self) -> None:
        """What was written is not what follows from the present values: it is in force until the next tick, whose values count as others."""
        self.store.present()
        super().forget()
        for moved in self.moved:
            moved[1] = 0

    def begin(self) -> None:
        """Parameters as described, until the first tick."""
        self.forget()
        self.store.give(self.base)

    def renewed(self) -> None:
        """Take up what the store has made of the constants, and what they are made of."""
        known = self.store.synapses.constants
        for t, own in enumerate(self.own):
            self.numbers[t][:] = np.concatenate([table.numbers[t] for table in self.tables])
            self.rows[t][:] = np.concatenate([table.targets[t] for table in self.tables])
            for k, key in enumerate(self.text.numbers):
                if key[0] == "known":
                    own["numbers"][k] = first_number(key, known)
            if self.has_acted(own):
                # By the function that acts at ticks: another one may round otherwise, and what was saved would go on with other bits.
                self.unknown(own)
                self.kernel(0, *self.arguments(t, ALWAYS))
                for j in range(len(self.tables)):
                    commit(*self._commits(j)(t))

    def in_force(self) -> dict[str, Any]:
        """Values of the parameters if they have changed since this was last asked: numbers, or float64[neurons of the target population]."""
        if not any(moved[1] for moved in self.moved):
            return {}
        for moved in self.moved:
            moved[1] = 0
        return {n: self._value(n) for n in self.effects}

    def _value(self, name: str) -> Any:
        """A parameter as it is: a number, or float64[neurons of the target population], those of other processes as described."""
        if ("now", name) in self.text.numbers:
            return float(self.own[0]["numbers"][self.text.numbers.index(("now", name))])
        values, row = np.full(self.store.projection.target.size, self.base[name]), self.text.rows.index(("now", name))
        for own, target in zip(self.own, self.store.targets, strict=True):
            values[target.low : target.low + target.neurons] = own["rows"][row][: target.neurons]
        return values

    def explain(self, step: int) -> None:
        """Say what was wrong when it last acted, if anything was.

        Args:
            step: in which it acted.

        Raises:
            SimulationError, ModelError: it must not go on.
        """
        fault, time, projection = self.fault, step * self.dt, self.store.projection
        if fault == OUTSIDE:
            explain_bounds(self.effects, self.base, {m: level.c[0] for m, level in self.levels.items()}, time, lambda local, _: local)
        if not fault:
            return
        values = {n: self._value(n) for n in self.effects}
        if fault & SLOW:
            resolved(f"projection {projection.name!r}", slow_synapses(self.program, projection.weight, self.dt, changed=values), time)
        if fault & ~SLOW:
            self.store.present()
            self.store.renew()  # which names what is not finite
            raise SimulationError(f"projection {projection.name!r}: a constant is not finite at t = {time:g} ms", got=", ".join(self.effects), fix="bounds of its effects (low=, high=)")


def modulated_synapses(plan: Plan, stores: Mapping[int, SynapseStore], levels: Mapping[str, Level]) -> list[ModulatedSynapses]:
    """What modulators change of synapses by operations.

    Args:
        plan: of the network; stores: by index of the projection.
        levels: of all modulators, by name.
    """
    network = plan.network
    return [ModulatedSynapses(s, effects_on(network.modulators, s.projection), plan.dt, levels) for s in stores.values() if s.before is not None]
