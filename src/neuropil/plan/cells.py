"""A population of cells with morphology, planned: its cell lowered, its kernel, where it begins, in which precision."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.lower.cable import CablePlan, MembraneGroup
from neuropil.lower.cable_start import Start, draw_for
from neuropil.lower.neuron_program import Variant
from neuropil.lower.resolution import slow_flows
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population
from neuropil.plan.cable_signature import CableSignature
from neuropil.plan.kernel_cost import KernelCost
from neuropil.plan.parts import SolverBatch
from neuropil.plan.signature import Kind
from neuropil.plan.whole import Whole


@dataclass(frozen=True)
class PlannedCells:
    """A population of cells, lowered.

    Attributes:
        population: as described; cable: its cell, lowered; start: where it begins.
        signature: what its step is given; weight_scales: by point process and port.
        precision: of all its numbers; slow: states that float32 would not resolve -> why, for which they are float64.
    """

    population: Population
    cable: CablePlan
    start: Start
    signature: CableSignature
    weight_scales: Mapping[str, Mapping[str, float]]
    precision: str
    slow: dict[str, str]

    @classmethod
    def of(
        cls, population: Population, parts: Mapping[str, SolverBatch], dt: float, precision: str, modulated: frozenset[str] = frozenset(), seed: int = 1,
        gate_tables: bool = True,
    ) -> PlannedCells:  # fmt: skip
        """Lower a population whose point processes are in use as `parts` (by name) say; `modulated`: see `CablePlan.of`.

        Args:
            dt: time step, ms.
            precision: "float32" or "float64".
            seed: of what is drawn.
            gate_tables: as of `make_plan`.

        Returns:
            The planned cells.
        """
        cell = population.neuron
        assert isinstance(cell, Cell)
        variants = {name: part.variant for name, part in parts.items()}
        used = {f"{name}.{n}" for name, v in variants.items() for n in (*v.wired, *v.real, *v.driven)}
        draw = draw_for(population, seed)
        cable = CablePlan.of(cell, dt, precision, used, modulated, draw, gate_tables)
        start = Start.of(cable, population, seed)
        slow = _slow(cable, start, dt, modulated) if precision == "float32" else {}
        if slow:
            precision = "float64"
            cable = CablePlan.of(cell, dt, precision, used, modulated, draw, gate_tables)
        return cls(population, cable, start, CableSignature.of(cable, variants), {n: p.members[0].weight_scales for n, p in parts.items()}, precision, slow)

    def described_with(self, values: Mapping[str, Any], variants: Mapping[str, Variant], modulated: frozenset[str]) -> PlannedCells:
        """The population as it would have been planned with other parameters; where it begins is not found anew.

        Args:
            values: by "mechanism.name": a number, or float64[cells, 1 or sites of a point process or compartments of the cell].
            variants: of the point processes, by name.
            modulated: as of `CablePlan.of`.

        Raises:
            ModelError: a constant that is not finite.
        """
        cable = self.cable

        def columns(group: MembraneGroup, value: Any) -> Any:
            if not np.ndim(value) or group.name in self.population.parts or value.shape[1] == 1:
                return np.transpose(value) if np.ndim(value) else float(value)
            return value[:, cable.order[group.compartments]].T

        def twin(group: MembraneGroup) -> MembraneGroup:
            mine = {n: columns(group, v) for n, v in values.items() if n.partition(".")[0] in group.program.membrane.traced}
            return group.described_with(mine, cable.dt, modulated) if mine else group

        made = dataclasses.replace(cable, membranes=tuple(map(twin, cable.membranes)), points=tuple(map(twin, cable.points)))
        return dataclasses.replace(self, cable=made, signature=CableSignature.of(made, variants))

    def begun(self, seed: int) -> PlannedCells:
        """The population with the start that follows from its present parameters and a `seed`."""
        return dataclasses.replace(self, start=Start.of(self.cable, self.population, seed))

    def parameter(self, name: str) -> Any:
        """A parameter by "mechanism.name": a number, or float64[cells or 1, 1 or sites of a point process or compartments of the cell]."""
        part = name.partition(".")[0]
        groups = [g for g in self.cable.groups if part in g.program.membrane.traced]
        found = [g.parameters[name] for g in groups]
        if part in self.cable.cell.placed:
            return np.transpose(found[0]) if np.ndim(found[0]) else float(found[0])
        if not any(np.ndim(v) for v in found) and len(set(found)) == 1:
            return float(found[0])
        if all(np.ndim(v) and v.shape[0] == 1 for v in found) and all(np.array_equal(v, found[0]) for v in found):
            return np.transpose(found[0])
        whole = np.full((max(np.shape(v)[1] if np.ndim(v) else 1 for v in found), self.cable.size), np.nan)
        for group, value in zip(groups, found, strict=True):
            whole[:, self.cable.order[group.compartments]] = np.transpose(value)
        return whole

    @property
    def slow_states(self) -> dict[str, str]:
        """States that its precision would not resolve -> why."""
        return _slow(self.cable, self.start, self.cable.dt, frozenset()) if self.precision == "float32" else {}

    @property
    def compartment_states(self) -> int:
        """Numbers of a cell: the potentials of its compartments and the states of its channels."""
        return self.cable.size + sum(p.size * len(p.program.membrane.states) for p in self.cable.membranes)

    def costs(self, plan: Whole) -> list[KernelCost]:
        """A compartment's share of its cell: membranes, point processes and the tree solver.

        Args:
            plan: to which it belongs.
        """
        cable, real = self.cable, np.dtype(self.precision).itemsize
        states = sum(p.size * len(p.program.membrane.states) for p in cable.groups)
        entries = cable.size + sum(p.size for p in cable.points)
        # Each state, and at each entry the potential, the conductance and the current, is read and written.
        moved = 2 * real * (states + 3 * entries)
        for part in plan.bare:
            if part.members[0].population is self.population:
                moved += sum(part.members[0].sites * part.traffic(plan, a) for a in part.arguments if a.kind is not Kind.STATE)
        what = f"cells of {cable.size} compartments ({self.population.name})"
        count = self.population.size * cable.size
        return [KernelCost(what, "compartment", count, "step", cable.flops / cable.size, moved / cable.size, "lower/cable.py: CablePlan")]

    def flat(self) -> list[str]:
        """States of compartments by full name: "v" and the channels'."""
        return ["v", *dict.fromkeys(s for p in self.cable.membranes for s in p.program.membrane.states)]


def _slow(cable: CablePlan, start: Start, dt: float, modulated: frozenset[str]) -> dict[str, str]:
    """States of mechanisms that float32 would not resolve; of those that modulators may change, any parameter may become another."""
    found: dict[str, str] = {}
    for group in cable.groups:
        for name, step in group.program.membrane.steps.items():
            spec = step.traced.spec
            values = {n: group.parameters[f"{name}.{n}"] for n in spec.parameters}
            shape = np.broadcast_shapes(*(np.shape(v) for v in values.values()))
            values = {n: np.broadcast_to(v, shape).ravel() if np.ndim(v) else v for n, v in values.items()}
            initial = {n: start.states[group.name][f"{name}.{n}"] for n in spec.states}
            slow = slow_flows(step, values, initial, dt, spec.parameters if any(n.partition(".")[0] == name for n in modulated) else ())
            found |= {f"{name}.{n}": why for n, why in slow.items()}
    return found
