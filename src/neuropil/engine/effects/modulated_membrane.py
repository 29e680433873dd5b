"""Modulated parameters of cells with morphology: an operation that writes the constants of the loops over membranes and point processes.

A parameter is modulated alike in all cells, but it may differ between compartments, and may have been drawn for each cell. Constants that
differ between cells lie in other arrays than those that differ between compartments alone; each kind has an operation of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from neuropil.codegen.effect_source import OUTSIDE, EffectsOnPart
from neuropil.engine.cells.arrays import WIDEST, CellArrays
from neuropil.engine.effects.faults import Effects, explain_bounds
from neuropil.engine.effects.level import Level
from neuropil.engine.effects.modulated_target import ModulatedTarget, Own, first_number, known_name, room_of
from neuropil.engine.effects.propagator import Propagation
from neuropil.errors import SimulationError
from neuropil.lower.cable import MembraneGroup
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.graph import Graph
from neuropil.lower.modulation import EffectProgram, graft, within_mechanism
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.neuron.composite import split
from neuropil.plan.buffers import Buffer
from neuropil.plan.cells import PlannedCells
from neuropil.plan.plan import Plan

Place = tuple[int, bool]
"""The number of a membrane group, and whether the constants are those that differ between cells."""


class ModulatedMembrane(ModulatedTarget):
    """Parameters of a membrane group.

    Args:
        planned: the population; owned: the cells of each owner.
        place: the group, and which of its constants.
        effects: by "mechanism.name".
        dt: ms; levels: of all modulators, by name.
        buffer: of the values of parameters.
    """

    def __init__(self, planned: PlannedCells, owned: list[CellArrays], place: Place, effects: Effects, dt: float, levels: Mapping[str, Level], buffer: Buffer):
        self.g, self.between_cells = place
        self.group: MembraneGroup = planned.cable.groups[self.g]
        super().__init__(f"{planned.population.name}, {'' if self.g in planned.cable.point_groups else 'membrane '}{self.group.name}", dt, effects, levels)
        self.signature = planned.signature
        self.propagations: list[Propagation] = []
        self.wanted = self._wanted()
        self.compute(self.wanted)
        self.operate([self._held(t, cells) for t, cells in enumerate(owned)], buffer)

    # --- what is computed --------------------------------------------------------------------------------------------

    def _wanted(self) -> EffectsOnPart:
        """What depends on modulated parameters, and only that, is evaluated at ticks."""
        group, graph, traced = self.group, self.group.program.graph, EffectProgram.of(self.effects)
        many = [n for n in self.effects if np.size(group.parameters[n]) > 1]
        rows = frozenset(parameter_leaf(n) for n, v in group.parameters.items() if np.size(v) > 1)
        moved = _propagating(group, self.effects)
        leaves = {parameter_leaf(n) for n in (*self.effects, *(f"{m}.{n}" for m in moved for n in group.program.membrane.steps[m].entry_names))}
        nodes: list[int] = []
        self.columns: list[int | None] = []
        self.arrays: list[Any] = []
        before = 0
        for loop in self.signature.loops_of(self.g):
            constants = group.loops[loop.kind]
            listed = [] if self.between_cells else [(node, before + k, None) for k, node in enumerate(constants.nodes)]
            listed += [(node, None, loop.constants[node]) for node, values in constants.arrays.items() if (values.shape[1] != 1) == self.between_cells]  # type: ignore[misc]
            for node, column, array in listed:
                if graph.leaves(node) & leaves:
                    nodes.append(node)
                    self.columns.append(column)
                    self.arrays.append(array)
            before += loop.length(constants)
        read, propagated = graph.leaves(*nodes), []
        for m in moved:
            made = Propagation.of(group.program.membrane.steps[m], self.dt, m)
            if read & {leaf for leaf, _, _ in made.entries}:
                self.propagations.append(made)
                coefficients, at = made.coefficients
                propagated.append(made.wanted(bool(coefficients.leaves(*at) & rows)))
        mixed, fields = self.mixed_and_fields(many)
        constants_graph = Graph()
        roots = graft(constants_graph, graph, nodes)
        places = [None if a is None else k for k, a in enumerate(self.arrays)]
        return EffectsOnPart(
            traced.graph, traced.values, traced.within, many, rows, mixed, fields, (Graph(), []), propagated, (constants_graph, roots), self.columns, places,
            None, False, "float64",
        )  # fmt: skip

    # --- what an owner holds -----------------------------------------------------------------------------------------

    def _held(self, t: int, cells: CellArrays) -> Own:
        """The arguments of the function in a thread."""
        text, known = self.text, self.group.parameters
        size = cells.elements(self.g, np.zeros((1, 1)), self.between_cells).size
        numbers, rows = np.array([first_number(key, known) for key in text.numbers]), np.zeros((len(text.rows), size))
        for r, key in enumerate(text.rows):
            if key[0] in ("base", "now", "known"):
                rows[r] = cells.elements(self.g, known[known_name(key)], self.between_cells)
        own: Own = {"numbers": numbers, "rows": rows, "size": size, "table": cells.numbers[self.g].reshape(1, -1), "periods": np.zeros(1, np.int32)}
        own |= {"first": 0, "last": 1, "sites": 1}
        for k, name in enumerate(self.wanted.mixed):
            own[f"c{k}"] = self.levels[name].c[t]
        own |= {f"d{k}": cells.made[a].reshape(-1) for k, a in enumerate(self.arrays) if a is not None}
        return own | room_of(self.propagations, [size if p.spread else 1 for p in self.wanted.propagated])

    # --- outside of the operation ------------------------------------------------------------------------------------

    def explain(self, step: int) -> None:
        fault, time = self.fault, step * self.dt
        if not fault:
            return
        concentrations = {m: level.c[0] for m, level in self.levels.items()}
        base = {n: self.group.parameters[n] for n in self.effects}
        if fault == OUTSIDE:
            explain_bounds(self.effects, {n: np.ravel(v) if np.ndim(v) else v for n, v in base.items()}, concentrations, time, lambda local, _: local)
        for name, listed in self.effects.items():
            for effect in listed:
                base[name] = effect.apply(base[name], effect.local(concentrations[effect.modulator]), time)
        self.group.changed(base, self.dt)
        raise SimulationError(f"{self.label}: a constant is not finite at t = {time:g} ms", got=", ".join(self.effects), fix="bounds of its effects (low=, high=)")


def _propagating(group: MembraneGroup, names: Iterable[str]) -> list[str]:
    """Mechanisms whose propagators depend on any of these parameters."""
    found = []
    for mechanism, step in group.program.membrane.steps.items():
        system = step.scheme.system
        linear = system.graph.leaves(*system.a.values(), *system.b.values(), *system.constant.values())
        if step.prefixes and {within_mechanism(leaf, mechanism) for leaf in linear} & {parameter_leaf(n) for n in names}:
            found.append(mechanism)
    return found


def modulated_places(plan: Plan) -> dict[tuple[str, Place], Effects]:
    """What modulators change of cells with morphology: effects by population and place.

    Args:
        plan: of the network, as it is now.
    """
    found: dict[tuple[str, Place], Effects] = {}
    for name, planned in plan.cells.items():
        whole = effects_on(plan.network.modulators, planned.population)
        for g, group in enumerate(planned.cable.groups):
            mine = {n: listed for n, listed in whole.items() if split(n)[0] in group.program.membrane.traced}
            alike = {n: listed for n, listed in mine.items() if np.ndim(v := group.parameters[n]) < 2 or v.shape[1] == 1}
            if alike:
                found[name, (g, False)] = alike
            if len(alike) < len(mine) or (mine and any(v.shape[1] != 1 for constants in group.loops.values() for v in constants.arrays.values())):
                found[name, (g, True)] = mine
    return found


def modulated_values_of(plan: Plan, name: str, place: Place, effects: Effects) -> Buffer:
    """What is declared of parameters of cells that modulators change: as described, as they are now, and whether they changed.

    Args:
        plan: of the network.
        name: of the population.
        place: the group, and which of its constants.
        effects: by "mechanism.name".
    """
    planned, (g, between_cells) = plan.cells[name], place
    group, size = planned.cable.groups[g], planned.population.size
    elements = group.size * (size if between_cells or g in planned.cable.point_groups else min(size, WIDEST))
    varied = sum(np.size(group.parameters[n]) > 1 for n in effects)
    return Buffer(f"modulated parameters of {name} {group.name}{' of each cell' if between_cells else ''}", np.float64, 3.0 * varied * elements)
