"""Modulated parameters of neurons: an operation that writes the constants of a kernel that depend on them, and the refractory period.

The first owner also writes the table that all read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuropil.codegen.effect_source import LONG, OUTSIDE, SLOW, EffectsOnPart, Propagated
from neuropil.engine.effects.faults import Effects, explain_bounds, resolved
from neuropil.engine.effects.level import Level
from neuropil.engine.effects.modulated_target import ModulatedTarget, Own, first_number, known_name, room_of
from neuropil.engine.effects.propagator import Propagation
from neuropil.engine.layout import Layout, Slice
from neuropil.errors import SimulationError
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.graph import Graph
from neuropil.lower.modulation import EffectProgram, graft
from neuropil.lower.resolution import RESOLVED, own_rates, slow_flows
from neuropil.model.modulation.bound_effect import vary_by_cell
from neuropil.plan.buffers import Buffer
from neuropil.plan.builder import check_finite, constants, depending, derived, propagating, refractory_steps
from neuropil.plan.parts import KernelBatch, PopulationSlice
from neuropil.plan.signature import Argument, Kind


class ModulatedPart(ModulatedTarget):
    """A part of a population with a kernel of its own.

    Args:
        dt: ms.
        layout: of the neurons.
        arrays: of each owner the arrays of the batch, by argument; table, periods: of the batch.
        start: of each owner the first slot of the batch.
        batch, member: the kernel, and the part.
        effects: by parameter, within the model.
        levels: of all modulators, by name.
        buffer: of the values of parameters.
    """

    def __init__(
        self, dt: float, layout: Layout, arrays: list[dict[Argument, np.ndarray]], table: np.ndarray, periods: np.ndarray, start: list[int], batch: KernelBatch,
        member: PopulationSlice, effects: Effects, levels: Mapping[str, Level], buffer: Buffer,
    ):  # fmt: skip
        super().__init__(".".join(n for n in (member.population.name, member.part) if n), dt, effects, levels)
        self.batch, self.member, self.program = batch, member, batch.program
        self.refractory = getattr(type(self.program.step.traced.neuron), "refractory", None)
        self.slices = [layout.slice(member.population, member.part, t) for t in range(len(layout.shares))]
        self.wanted = self._wanted()
        self.compute(self.wanted)
        before = sum(m.sites for m in batch.members[: [m is member for m in batch.members].index(True)])
        self._rows = (before, before + member.sites)  # of the kernel's table
        slots = [slice(s.start - a, s.stop - a) for s, a in zip(self.slices, start, strict=True)]
        self.operate([self._held(t, {a: array[slots[t]] for a, array in arrays[t].items()}, table, periods) for t in range(len(self.slices))], buffer)

    # --- what is computed --------------------------------------------------------------------------------------------

    def _wanted(self) -> EffectsOnPart:
        """What depends on modulated parameters, and only that, is evaluated at ticks."""
        member, program, effects = self.member, self.program, self.effects
        traced, names = EffectProgram.of(effects), set(effects)
        many = [n for n in effects if np.ndim(member.parameters[n]) or vary_by_cell(effects[n])]
        rows = {parameter_leaf(n) for n, v in member.parameters.items() if np.ndim(v)}
        mixed, fields = self.mixed_and_fields(many)
        spread = rows | {parameter_leaf(n) for n in many}
        propagated = [self._propagated(spread)] if propagating(program, names) and program.step.prefixes else []
        places = sorted(depending(program, names))
        graph = Graph()
        nodes = graft(graph, program.graph, [program.hoisted[k] for k in places])
        self.places, signature = places, self.batch.signature
        written = [Argument(Kind.CONSTANT, k) for k in places]
        return EffectsOnPart(
            traced.graph, traced.values, traced.within, many, frozenset(rows), mixed, fields, self._enough(),
            propagated, (graph, nodes), [None if a in signature.arguments else signature.columns.index(a) for a in written],
            [k if a in signature.arguments else None for k, a in zip(places, written, strict=True)],
            self.refractory if self.refractory in effects else None, Argument(Kind.PERIOD) in signature.arguments, self.batch.precision,
        )  # fmt: skip

    def _propagated(self, spread: set[str]) -> Propagated:
        """The propagators, each of whose entries may depend on all of the matrix."""
        self.propagation = made = Propagation.of(self.program.step, self.dt)
        graph, nodes = made.coefficients
        return made.wanted(bool(graph.leaves(*nodes) & spread))

    def _enough(self) -> tuple[Graph, list[int]]:
        """Whether states may have become too slow for float32; what several states decide together is asked outside of the operation."""
        graph, self.entangled = Graph(), False
        if self.batch.precision != "float32":
            return graph, []
        scheme = self.program.step.scheme
        nodes, self.entangled = own_rates(scheme, self.effects)
        if self.entangled:
            return graph, [graph.const(False)]
        shares = [graph.add("mul", graph.add("abs", r), graph.const(self.dt)) for r in graft(graph, scheme.system.graph, nodes)]
        return graph, [graph.add("ge", s, graph.const(RESOLVED)) for s in shares]

    # --- what an owner holds -----------------------------------------------------------------------------------------

    def _held(self, t: int, arrays: dict[Argument, np.ndarray], table: np.ndarray, periods: np.ndarray) -> Own:
        """The arguments of the function in a thread."""
        text, size, wanted = self.text, self.slices[t].neurons * self.member.sites, self.wanted
        known = {**self.member.parameters, **derived(self.program, self.member.parameters, self.dt), "dt": self.dt}
        numbers, rows = np.array([first_number(key, known) for key in text.numbers]), np.zeros((len(text.rows), size))
        for r, key in enumerate(text.rows):
            if key[0] in ("base", "now", "known"):
                rows[r] = self._mine(known[known_name(key)], self.slices[t])
        writer = next((k for k, s in enumerate(self.slices) if s.neurons), 0)
        first, last = self._rows if t == writer else (0, 0)
        own: Own = {"numbers": numbers, "rows": rows, "size": size, "table": table, "periods": periods, "first": first, "last": last, "sites": self.member.sites}
        for k, name in enumerate([*wanted.mixed, *wanted.fields]):
            own[f"c{k}"] = self.levels[name].c[t]
        mine = slice(self.slices[t].lower, self.slices[t].lower + self.slices[t].neurons)
        for k, name in enumerate(wanted.fields):
            places = self.levels[name].modulator.grid.voxels[self.member.population.name]
            own[f"j{k}"] = np.tile(places[mine], self.member.sites)
        own |= {f"d{k}": arrays[Argument(Kind.CONSTANT, k)] for k in wanted.arrays if k is not None}
        if wanted.period_array:
            own["period_array"] = arrays[Argument(Kind.PERIOD)]
        return own | room_of([self.propagation] if wanted.propagated else [], [size if p.spread else 1 for p in wanted.propagated])

    def _mine(self, value: Any, own: Slice) -> Any:
        """Of a value of every element, site by site, those of an owner."""
        if not np.ndim(value):
            return value
        return np.reshape(value, (self.member.sites, -1))[:, own.lower : own.lower + own.neurons].ravel()

    # --- outside of the operation ------------------------------------------------------------------------------------

    def value(self, name: str) -> Any:
        """A parameter as it is: a number, or float64[sites · neurons].

        Args:
            name: of the parameter.
        """
        if ("now", name) in self.text.numbers:
            return float(self.own[0]["numbers"][self.text.numbers.index(("now", name))])
        row, sites = self.text.rows.index(("now", name)), self.member.sites
        return np.concatenate([own["rows"][row].reshape(sites, -1) for own in self.own], axis=1).ravel()

    def explain(self, step: int) -> None:
        """Say what was wrong when it last acted, if anything was.

        Args:
            step: in which it acted.

        Raises:
            SimulationError, ModelError: it must not go on.
        """
        fault, time, population = self.fault, step * self.dt, self.member.population.name
        if fault == OUTSIDE:
            concentrations = {m: level.c[0] for m, level in self.levels.items()}
            explain_bounds(self.effects, self.member.parameters, concentrations, time, lambda local, _: np.tile(local, self.member.sites))
        if not fault:
            return
        parameters = {**self.member.parameters, **{n: self.value(n) for n in self.effects}}
        if fault & SLOW:
            resolved(f"population {population!r}", slow_flows(self.program.step, parameters, self.member.initial, self.dt), time)
        if fault & LONG:
            refractory_steps(parameters[str(self.refractory)], self.dt, f"{population}.{self.refractory}")
        if fault & ~SLOW:
            check_finite(self.program, constants(self.program, parameters, self.dt), population)
            raise SimulationError(f"population {population!r}: a constant is not finite at t = {time:g} ms", got=", ".join(self.effects), fix="bounds of its effects (low=, high=)")
