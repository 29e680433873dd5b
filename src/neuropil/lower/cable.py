"""A cell with morphology, lowered: the order of its compartments and its membranes.

A step solves the cable equation implicitly. For every compartment, with axial conductances G to its neighbours,

    C (V' - V)/dt = -A (I + g (V' - V)) + Σ G (V'_neighbour - V') + (what point processes add)

which is one tree-shaped linear system, solved in linear time by elimination from the leaves (Hines 1984, Int. J. Bio-Med.
Comput. 15:69). Gates and pools then advance with the new potential.

Cells of one population are solved side by side: a *block* holds as many cells as the vector loops want, and its arrays
are [compartment, cell], so that every inner loop runs over cells, or over compartments and cells at once.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from neuropil.errors import ModelError, PlanError
from neuropil.lower.constants import Constants
from neuropil.lower.gate_tables import TABLE_FLOPS, GateTable, tabulate
from neuropil.lower.membrane import Membrane
from neuropil.lower.membrane_program import MembraneProgram
from neuropil.lower.traced_mechanism import TracedMechanism
from neuropil.model.base.distribution import Distribution
from neuropil.model.cell.cell import Cell, Draw, Placed, drawn_values
from neuropil.model.cell.mechanism import supplied

SOLVER_FLOPS = 17
"""Per compartment and step: coefficients 3, elimination 10 (a division among them), substitution 4."""

SITE_FLOPS = 4
"""Per point process and step: its conductance and current per area, added to its compartment's."""


@dataclass(frozen=True)
class MembraneGroup:
    """The compartments that carry the same channels, or the sites of a point process.

    Attributes:
        name: what its arrays are called by: the number of a membrane within its cell, or the name of a point process.
        program: the membrane.
        compartments: indices in the solver's order, ascending for channels.
        runs: int64[r, 3], stretches of consecutive ones: first compartment, first index within the group, how many.
        parameters: constants of the membrane by "mechanism.name", numbers or float64[compartments or 1, cells or 1].
        loops: constants of the loops (see `MembraneProgram.outputs`).
        table: of the gates that are read from one, or None.
        direct: of other states that read the potential, why they are computed by their equations.
    """

    name: str
    program: MembraneProgram
    compartments: np.ndarray
    runs: np.ndarray
    parameters: dict[str, Any]
    loops: dict[str, Constants]
    table: GateTable | None = None
    direct: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of compartments."""
        return len(self.compartments)

    @property
    def tabulated(self) -> tuple[str, ...]:
        """States that are read from a table."""
        return () if self.table is None else self.table.gates

    @cached_property
    def _fixed(self) -> frozenset[str]:
        """Parameters that the table depends on."""
        return frozenset(n for gate in self.tabulated for n in self.program.parameters_of(self.program.states[gate]))

    @property
    def outputs(self) -> dict[str, dict[str, int]]:
        """Nodes that each loop computes."""
        return self.program.outputs(self.tabulated)

    @property
    def flops(self) -> int:
        """Floating-point operations of a compartment and step, without the solver's."""
        return self.program.flops(self.tabulated) + TABLE_FLOPS * len(self.tabulated)

    def described_with(self, parameters: Mapping[str, Any], dt: float, modulated: frozenset[str]) -> MembraneGroup:
        """The group as it would have been made with other values of some parameters ("mechanism.name"): also its table is another.

        Args:
            parameters: new values: numbers or float64[compartments or 1, cells or 1].
            dt: time step, ms.
            modulated: as of `CablePlan.of`.
        """
        values = {
            name: {n: parameters.get(f"{name}.{n}", self.parameters[f"{name}.{n}"]) for n in traced.spec.parameters}
            for name, traced in self.program.membrane.traced.items()
        }  # fmt: skip
        tables = self.table is not None or bool(self.direct)
        return _group(self.name, self.program, self.compartments, self.runs, values, dt, modulated, tables)

    def changed(self, parameters: Mapping[str, Any], dt: float) -> dict[str, Constants]:
        """Constants of the loops if some parameters ("mechanism.name") had other values, of the same shapes.

        Args:
            parameters: new values by "mechanism.name".
            dt: time step, ms.

        Raises:
            PlanError: a gate that depends on one of them is read from a table.
        """
        if fixed := [n for n in parameters if n in self._fixed and np.any(parameters[n] != self.parameters[n])]:
            raise PlanError("gates are read from a table that was made for other values", got=f"a change of {', '.join(fixed)}", fix="plan it as one that may change")
        values: dict[str, dict[str, Any]] = {}
        for name, traced in self.program.membrane.traced.items():
            values[name] = {n: parameters.get(f"{name}.{n}", self.parameters[f"{name}.{n}"]) for n in traced.spec.parameters}
        return self.program.evaluated(self.program.membrane.constants(values, dt), self.size, as_given=True, tabulated=self.tabulated)


@dataclass(frozen=True)
class CablePlan:
    """A lowered cell.

    Attributes:
        cell: the description.
        order: int64[n], the cell's compartments in the solver's order; rank is the inverse.
        parent: int64[n] in that order.
        axial: float64[n], conductance to the parent, nS; area: µm²; capacitance: pF; all in that order.
        membranes: membranes; every compartment with membrane is in one.
        points: point processes.
        dt: ms.
        rank: int64[n], the solver's index of each compartment.
    """

    cell: Cell
    order: np.ndarray
    rank: np.ndarray
    parent: np.ndarray
    axial: np.ndarray
    area: np.ndarray
    capacitance: np.ndarray
    membranes: tuple[MembraneGroup, ...]
    points: tuple[MembraneGroup, ...]
    dt: float

    @classmethod
    def of(
        cls, cell: Cell, dt: float, precision: str = "float64", used: Container[str] = (), modulated: frozenset[str] = frozenset(),
        draw: Draw | None = None, gate_tables: bool = False,
    ) -> CablePlan:  # fmt: skip
        """Lower a cell for a time step (ms) and a precision.

        Args:
            used: names of the inputs and ports of point processes that anything reaches.
            modulated: parameters by "mechanism.name" that may change while the cell runs.
            draw: gives the values of parameters that differ between the cells of a population (see `neuropil.lower.cable_start`).
            dt: time step, ms.
            precision: "float32" or "float64".
            gate_tables: whether gates may be read from tables, which are of float64 only (see `neuropil.lower.gate_tables`).

        Returns:
            The lowered cell.
        """
        made = cell.compartments
        kinds = _membranes(cell)
        order = _order(np.asarray(made.parent), kinds)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        parent = np.where(made.parent[order] >= 0, rank[made.parent[order]], -1)
        axial = np.zeros(len(order))
        axial[1:] = 1.0 / made.resistance[order][1:]
        lowering = _Lowering(cell, order, rank, dt, precision, used, modulated, draw, gate_tables and precision == "float64")
        membranes = tuple(lowering.membrane(i, np.flatnonzero(kinds[order] == i)) for i in range(kinds.max() + 1))
        points = tuple(lowering.point(name, membranes) for name in cell.placed)
        return cls(cell, order, rank, parent, axial, made.area[order], made.capacitance[order], membranes, points, dt)

    @property
    def groups(self) -> tuple[MembraneGroup, ...]:
        """Membranes, then point processes."""
        return (*self.membranes, *self.points)

    @property
    def point_groups(self) -> range:
        """Indices of the point processes among the groups."""
        return range(len(self.membranes), len(self.membranes) + len(self.points))

    @property
    def size(self) -> int:
        """Number of compartments, branch points included."""
        return len(self.order)

    @property
    def diagonal(self) -> np.ndarray:
        """float64[n]: what of the system's diagonal never changes, nS: capacitance/dt and axial conductances."""
        total = self.capacitance / self.dt + self.axial
        np.add.at(total, self.parent[1:], self.axial[1:])
        return total

    @property
    def gate_error(self) -> float:
        """The largest stated error of a gate that is read from a table, by its range; 0 without."""
        return max((e for p in self.groups if p.table for e in p.table.errors.values()), default=0.0)

    @property
    def uncarried(self) -> dict[str, str]:
        """Ion currents that a mechanism reads and none in the cell carries, with the first reader."""
        traced = {n: t for p in self.groups for n, t in p.program.membrane.traced.items()}
        carried = {i for t in traced.values() for i in t.ions}
        read = {i: n for n, t in reversed(traced.items()) for i in t.spec.inputs if i.startswith("i_") and supplied(i)}
        return {i: n for i, n in read.items() if i not in carried}

    @property
    def flops(self) -> int:
        """Floating-point operations of one cell and step."""
        sites = sum(SITE_FLOPS * p.size for p in self.points)
        return SOLVER_FLOPS * self.size + sites + sum(p.flops * p.size for p in self.groups)

    def bytes_per_step(self, itemsize: int) -> int:
        """Bytes of state that one cell's step reads and writes: potentials, the system (assembled, eliminated, substituted), states.

        Args:
            itemsize: bytes of a number.
        """
        moved = 2 * self.size + 2 * self.size + 2 * 2 * 2 * self.size
        for group in self.groups:
            program = group.program
            moved += group.size * (len(program.membrane.states) + len(program.changing) + 2 * len(program.membrane.counted))
            moved += group.size * sum(len(loop.arrays) for kind, loop in group.loops.items() if kind != "gates")
            moved += 3 * group.size if group.table else 0  # the position in the table, half a number and a number, is written and read
        noise = sum(3 * p.size * len(p.program.membrane.signals) for p in self.membranes)  # read, written to the block and read there
        return itemsize * (moved + noise + sum(6 * p.size for p in self.points))


def _membranes(cell: Cell) -> np.ndarray:
    """For each compartment the number of its membrane, -1 for branch points without any."""
    channels = cell.channels
    table = np.array([channels[n] for n in channels]).reshape(len(channels), len(cell))
    kinds = np.full(len(cell), -1)
    membrane = np.asarray(cell.compartments.has_membrane)
    _, kinds[membrane] = np.unique(table[:, membrane].T, axis=0, return_inverse=True) if len(channels) else (None, 0)
    return kinds


def _order(parent: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Parents before children, with long stretches of one membrane: take what is ready of the present kind, then change."""
    children: list[list[int]] = [[] for _ in parent]
    for i, p in enumerate(parent.tolist()):
        if p >= 0:
            children[p].append(i)
    ready: dict[int, list[int]] = {int(kinds[0]): [0]}
    order: list[int] = []
    while ready:
        kind = max(ready, key=lambda k: (len(ready[k]), -k))
        stack = ready.pop(kind)[::-1]
        while stack:
            i = stack.pop()
            order.append(i)
            for c in reversed(children[i]):
                if kinds[c] == kind:
                    stack.append(c)
                else:
                    ready.setdefault(int(kinds[c]), []).append(c)
    return np.array(order, np.int64)


@dataclass(frozen=True)
class _Lowering:
    """What making membrane groups needs; see `CablePlan.of`."""

    cell: Cell
    order: np.ndarray
    rank: np.ndarray
    dt: float
    precision: str
    used: Container[str]
    modulated: frozenset[str]
    draw: Draw | None
    tables: bool

    @cached_property
    def processes(self) -> tuple[TracedMechanism, ...]:
        """The point processes."""
        return tuple(TracedMechanism(placed.process) for placed in self.cell.placed.values())

    @cached_property
    def counted(self) -> tuple[str, ...]:
        """Ion currents that need the compartment's sum because point processes add to it or read it."""
        readers = {i for p in self.cell.painted for i in p.channel.spec.inputs} | {i for t in self.processes for i in t.spec.inputs}
        return tuple(dict.fromkeys(i for t in self.processes for i in (*t.ions, *t.spec.inputs) if i.startswith("i_") and supplied(i) and i in readers))

    def membrane(self, index: int, rows: np.ndarray) -> MembraneGroup:
        """A membrane, in compartments by their indices in the solver's order."""
        cell, where = self.cell, self.order[rows]
        names = [n for n, has in cell.channels.items() if has[where[0]]]
        found = {n: cell.parameters(n, where, self.draw) for n in names}
        label = f"the membrane of {cell.compartments.name[where[0]]}"
        membrane = Membrane({n: channel for n, (channel, _) in found.items()}, label, counted=self.counted)
        wanted = sorted({i for t in self.processes for i in t.spec.inputs if supplied(i)})
        program = MembraneProgram.of(membrane, self.precision, wanted=wanted)
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
        lengths = np.diff(np.append(starts, len(rows)))
        runs = np.stack([rows[starts], starts, lengths], axis=1).astype(np.int64)
        return self._made(str(index), program, rows, runs, {n: values for n, (_, values) in found.items()}, self.tables)

    def point(self, name: str, membranes: tuple[MembraneGroup, ...]) -> MembraneGroup:
        """The sites of a point process."""
        placed = self.cell.placed[name]
        sites = self.rank[placed.compartments]
        beneath = [p for p in membranes if np.isin(sites, p.compartments).any()]
        bare = sum(int(np.isin(sites, p.compartments).sum()) for p in beneath) < len(sites)  # at an end of a section there is no membrane
        offered = [] if bare else sorted(set.intersection(*(set(p.program.membrane.offers) for p in beneath)))
        ends = not self.cell.compartments.has_membrane[placed.compartments].all()
        label = f"the location of {name!r}" + (", an end of a section, which has no membrane (inside, as at x = 0.99, there is)" if ends else "")
        membrane = Membrane({name: placed.process}, label, offered, self.counted)
        if ends and not {*membrane.traced[name].ions}.isdisjoint(self.counted):
            raise ModelError(f"{label}: {name} adds to an ion concentration, which exists only where there is membrane", got=placed.process, fix="place it at x = 0.99 or 0.01")
        values = {n: self._values(placed, n) for n in placed.process.spec.parameters}
        runs = np.array([[0, 0, len(sites)]], np.int64)
        return self._made(name, MembraneProgram.of(membrane, self.precision, self.used), sites, runs, {name: values})

    def _values(self, placed: Placed, parameter: str) -> Any:
        """A parameter of a point process: a number, or [sites, 1 or cells]."""
        value = getattr(placed.process, parameter)
        if not isinstance(value, Distribution) and not np.ndim(value.value):
            return value.value
        return drawn_values(self.draw, f"{placed.name}.{parameter}", value, len(placed.compartments), placed.process.spec.parameters[parameter])

    def _made(
        self, name: str, program: MembraneProgram, rows: np.ndarray, runs: np.ndarray, values: dict[str, dict[str, Any]], tables: bool = False
    ) -> MembraneGroup:
        columns = {n: {q: v[:, None] if np.ndim(v) == 1 else v for q, v in of.items()} for n, of in values.items()}
        return _group(name, program, rows, runs, columns, self.dt, self.modulated, tables)


def _group(
    name: str, program: MembraneProgram, rows: np.ndarray, runs: np.ndarray, values: dict[str, dict[str, Any]], dt: float,
    modulated: frozenset[str], tables: bool,
) -> MembraneGroup:  # fmt: skip
    """A membrane group with these parameters, numbers or [rows or 1, cells or 1], by mechanism and name."""
    constants, table, direct = program.membrane.constants(values, dt), None, dict[str, str]()
    as_given = any(n.partition(".")[0] in values for n in modulated)
    if tables:
        changing = {state: modulated & program.parameters_of(node) for state, node in program.changing.items()}
        table, direct = tabulate(program.graph, program.changing, constants, len(rows), changing=changing, as_given=as_given)
    loops = program.evaluated(constants, len(rows), as_given=as_given, tabulated=table.gates if table else ())
    return MembraneGroup(name, program, rows, runs, constants, loops, table, direct)
