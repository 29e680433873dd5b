"""Modulated parameters of neurons: the constants of a kernel that depend on them, and the refractory period."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.codegen.pointwise import Pointwise
from neuropil.engine.core import Core
from neuropil.engine.modulation.modulated import Effects, Modulated, resolved, unknown
from neuropil.engine.modulation.propagator import Propagator
from neuropil.engine.parameters.part import write
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.graph import Graph
from neuropil.lower.modulation import graft
from neuropil.lower.resolution import RESOLVED, own_rates, slow_flows
from neuropil.model.modulation.bound_effect import vary_by_cell
from neuropil.plan.builder import check_finite, depending, derived, propagating, refractory_steps
from neuropil.plan.parts import KernelBatch, PopulationSlice
from neuropil.plan.signature import Argument, Kind


class ModulatedPart(Modulated):
    """A part of a population with a kernel of its own.

    Args:
        core: whose arrays are written; g: number of the batch.
        batch, member: the kernel, and the part.
        effects: see `Modulated`.
    """

    def __init__(self, core: Core, g: int, batch: KernelBatch, member: PopulationSlice, effects: Effects):
        super().__init__(effects, {n: member.parameters[n] for n in effects}, member.size, core.plan.dt)
        self.core, self.g, self.batch, self.program, self.member, self.precision = core, g, batch, batch.program, member, batch.precision
        before = sum(m.sites for m in batch.members[: [m is member for m in batch.members].index(True)])
        self.rows = slice(before, before + member.sites)  # of the kernel's table of constants
        self.refractory = getattr(type(self.program.step.traced.neuron), "refractory", None)
        self._index: dict[int, np.ndarray] = {}
        self._prepare_constants()
        self._prepare_rates()

    def _prepare_constants(self) -> None:
        """What depends on a modulated parameter, and only that, is evaluated again."""
        program, member, names, step = self.program, self.member, set(self.effects), self.program.step
        values = {parameter_leaf(n): v for n, v in {**member.parameters, **derived(program, member.parameters, self.dt), "dt": self.dt}.items()}
        self.known = {leaf: np.array(v, float) if np.ndim(v) else float(v) for leaf, v in values.items()}
        arrays = {leaf for leaf, v in self.known.items() if np.ndim(v)} | {parameter_leaf(n) for n, e in self.effects.items() if vary_by_cell(e)}
        self.propagating = {n for n in names if propagating(program, {n})}
        self.propagator = Propagator(step, frozenset(arrays), member.size, self.dt) if self.propagating and step.prefixes else None
        if self.propagator is not None:
            arrays |= self.propagator.arrays
        self.arrays = frozenset(arrays)
        self.constants = sorted(depending(program, names))  # indices in the program's hoisted constants
        graph = Graph()
        roots = graft(graph, program.graph, [program.hoisted[k] for k in self.constants])
        finite = [graph.add("is_finite", r) for r in roots]
        self.function = Pointwise("constants", graph, roots, checks=finite, arrays=self.arrays, size=member.size)

    def _prepare_rates(self) -> None:
        """Which states might become too slow for float32."""
        self.rates: Pointwise | None = None
        self.entangled = False
        if self.precision == "float32":
            scheme, graph = self.program.step.scheme, Graph()
            nodes, self.entangled = own_rates(scheme, self.effects)
            shares = [graph.add("mul", graph.add("abs", r), graph.const(self.dt)) for r in graft(graph, scheme.system.graph, nodes)]
            enough = [graph.add("ge", s, graph.const(RESOLVED)) for s in shares]
            self.rates = Pointwise("rates", graph, [], checks=enough, arrays=self.arrays, size=self.member.size) if enough else None

    def cell_index(self, cells: np.ndarray, name: str) -> np.ndarray:
        """Values lie site by site."""
        if self.member.sites == 1:
            return cells
        if id(cells) not in self._index:
            self._index[id(cells)] = np.tile(cells, self.member.sites)
        return self._index[id(cells)]

    def write(self, changed: dict[str, Any], step: int) -> None:
        """Constants, propagators, and the refractory period.

        Raises:
            SimulationError: states that have become too slow for float32.
        """
        known = self.known
        for n, value in changed.items():
            known[parameter_leaf(n)] = value
        if self.entangled or (self.rates is not None and not self.rates(known)[0]):
            parameters = {**self.member.parameters, **self.now}
            resolved(f"population {self.member.population.name!r}", slow_flows(self.program.step, parameters, self.member.initial, self.dt), step * self.dt)
        if self.propagator is not None and not self.propagating.isdisjoint(changed):
            known.update(self.propagator(known))
        finite, moved = self.function(known)
        if not finite:
            check_finite(self.program, self.function.values, self.member.population.name, self.constants)
        for k in moved:
            self._write(Argument(Kind.CONSTANT, self.constants[k]), self.function.values[k])
        if self.refractory in changed:
            self._write(Argument(Kind.PERIOD), refractory_steps(changed[self.refractory], self.dt, f"{self.member.population.name}.{self.refractory}"))

    def forget(self) -> None:
        """Constants, too."""
        super().forget()
        unknown(self.function)

    def _write(self, argument: Argument, value: Any) -> None:
        """One value for all, or one for each element, site by site."""
        rows = np.reshape(value, (self.member.sites, -1)) if np.ndim(value) else value
        write(self.core, self.g, self.batch, self.member, self.rows, argument, rows)
