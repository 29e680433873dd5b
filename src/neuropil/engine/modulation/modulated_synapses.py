"""Modulated parameters of synapses: one value for all, one for each target, or, of drawn parameters, for each synapse."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.codegen.pointwise import Pointwise
from neuropil.engine.effects.faults import Effects, resolved
from neuropil.engine.modulation.modulated import Modulated
from neuropil.engine.stores.stateful_store import SynapseStore
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.graph import Graph
from neuropil.lower.learned import PLASTIC
from neuropil.lower.modulation import graft
from neuropil.lower.synapse import check_finite
from neuropil.lower.synapse_resolution import resolution_depends, slow_synapses
from neuropil.model.modulation.bound_effect import vary_by_cell
from neuropil.plan.plan import Plan


class ModulatedSynapses(Modulated):
    """The synapses of a projection that have a model.

    Args:
        plan: of the network; store: of the projection.
        effects: see `Modulated`.
    """

    def __init__(self, plan: Plan, store: SynapseStore, effects: Effects):
        super().__init__(effects, {n: store.synapses.constants[n] for n in effects}, store.projection.target.size, plan.dt)
        self.store, program = store, store.program
        self.checked = store.real.name == "float32" and resolution_depends(program, effects)
        system, leaves = program.scheme.system, {parameter_leaf(n) for n in effects}
        nodes = {f"A_{i}_{j}": n for (i, j), n in system.a.items()} | {f"b_{i}": n for i, n in system.constant.items()}
        self.entries = {n: node for n, node in nodes.items() if system.graph.leaves(node) & leaves}
        # Of drawn parameters there is one for each synapse, and propagators are made anew as they were made.
        self.whole = bool(program.traced.drawn) or (not program.event_driven and bool(self.entries))
        if not self.whole:
            self._prepare()

    def _prepare(self) -> None:
        """The constants of the kernels as functions of the modulated parameters, for each target where they differ."""
        program, size = self.store.program, self.store.projection.target.size
        arrays = {parameter_leaf(n) for n, listed in self.effects.items() if vary_by_cell(listed)}
        graph = Graph()
        roots = graft(graph, program.scheme.system.graph, list(self.entries.values()))
        self.coefficients = Pointwise("coefficients", graph, roots, arrays=frozenset(arrays), size=size)
        leaves = {parameter_leaf(n) for n in (*self.effects, *self.entries)}
        arrays |= {parameter_leaf(n) for n, v in zip(self.entries, self.coefficients.values, strict=True) if np.ndim(v)}
        self.functions = []
        self.reached_of: np.ndarray | None = None  # the list for which `reached`, the target of each synapse, was found
        self.reached: list[np.ndarray] = []
        for table in self.store.tables():
            indices = [k for k, node in enumerate(table.hoisted) if table.graph.leaves(node) & leaves]
            graph = Graph()
            roots = graft(graph, table.graph, [table.hoisted[k] for k in indices])
            finite = [graph.add("is_finite", r) for r in roots]
            self.functions.append((indices, Pointwise("constants", graph, roots, checks=finite, arrays=frozenset(arrays), size=size)))

    def cell_index(self, cells: np.ndarray, name: str) -> np.ndarray:
        """Each target's, or each synapse's."""
        return cells[self.store.synapses.post] if np.ndim(self.base[name]) else cells

    def write(self, changed: dict[str, Any], step: int) -> None:
        """Bring the synapses up to the step, then change their constants.

        Raises:
            SimulationError: states that have become too slow for float32.
        """
        store, projection = self.store, self.store.projection
        if self.checked:
            resolved(f"projection {projection.name!r}", slow_synapses(store.program, projection.weight, self.dt, changed=self.now), step * self.dt)
        if self.whole:
            return store.change({n: np.array(v) if np.ndim(v) else v for n, v in changed.items()}, step)
        store.bring_up(step)
        constants = store.synapses.constants
        store.changed.update(changed)
        known = {parameter_leaf(n): v for n, v in constants.items()} | {parameter_leaf(n): v for n, v in self.now.items()}
        self.coefficients(known)
        known |= {parameter_leaf(n): v for n, v in zip(self.entries, self.coefficients.values, strict=True)}
        for n, v in {**changed, **dict(zip(self.entries, self.coefficients.values, strict=True))}.items():
            constants[n] = v[store.synapses.post] if np.ndim(v) else v
        known[parameter_leaf(PLASTIC)] = constants[PLASTIC]
        tables = store.tables()
        if self.reached_of is not store.synapses.post:
            self.reached = [store.synapses.post[order].astype(np.intp) for order in tables[0].orders]
            self.reached_of = store.synapses.post
        for table, (indices, function) in zip(tables, self.functions, strict=True):
            finite, moved = function(known)
            if not finite:
                check_finite(f"projection {projection.name!r} ({store.program.traced.name})", function.values)
            for k in moved:
                table.write(indices[k], function.values[k], self.reached)
