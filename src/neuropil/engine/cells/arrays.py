"""The arrays of a population of cells in one thread, and where each of its states lies in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuropil.engine.aligned import aligned_zeros
from neuropil.engine.cells.kernels import read_blocks
from neuropil.lower.cable import MembraneGroup
from neuropil.lower.gate_tables import LOW
from neuropil.plan.cable_signature import CableArgument, CableKind, CableTable, numbers_of
from neuropil.plan.cells import PlannedCells
from neuropil.plan.signature import Argument, Kind

CACHE_BYTES = 400_000
"""What a block of cells may take, so that a step finds it in the second-level cache."""

NARROWEST, WIDEST = 16, 64
"""Cells side by side: at least two vectors, so that divisions overlap; no more than helps."""


def _aligned(values: np.ndarray) -> np.ndarray:
    """A copy that begins on a cache line."""
    copy = aligned_zeros(values.shape, values.dtype)
    copy[...] = values
    return copy


def cells_side_by_side(own: int, compartments: int, states: int, itemsize: int) -> int:
    """Cells per block, blocks being as equal as can be.

    Args:
        own: cells of the thread.
        compartments: of a cell; states: of a compartment.
        itemsize: bytes of a number.
    """
    fit = CACHE_BYTES // (max(compartments, 1) * (states + 4) * itemsize)
    most = int(np.clip(fit, NARROWEST, WIDEST))
    blocks = max(1, -(-own // most))
    return max(1, -(-own // blocks))


class CellArrays:
    """Cells of one population owned by one thread.

    Args:
        planned: the lowered population; owned: which of its cells.
        precision: of all numbers.
        parts: for each point process, and channel with noise, its arrays as the network fills and reads them.
        fired: uint8[>= own], where spikes are marked.
    """

    def __init__(self, planned: PlannedCells, owned: slice, precision: str, parts: Mapping[str, Mapping[Argument, np.ndarray]], fired: np.ndarray):
        self.plan, self.owned, self.signature = planned.cable, owned, planned.signature
        self.own = own = owned.stop - owned.start
        plan, start = self.plan, planned.start
        self.real: Any = np.dtype(precision)
        real, per_compartment = self.real, round(sum(p.size * len(p.program.membrane.states) for p in plan.membranes) / max(plan.size, 1))
        self.lanes = lanes = cells_side_by_side(own, plan.size, per_compartment, real.itemsize)
        self.blocks = -(-own // lanes)
        self.v = self._blocked(start.v[plan.order])
        self.states: dict[tuple[str, int], np.ndarray] = {}
        self.sites: dict[str, tuple[np.ndarray, ...]] = {}
        trigger, threshold = int(plan.rank[plan.cell.trigger[0]]), real.type(plan.cell.trigger[1])
        bare = np.setdiff1d(np.arange(plan.size), np.concatenate([g.compartments for g in plan.membranes]))
        tree = (plan.parent, plan.axial.astype(real), trigger, threshold, bare)
        self.made: dict[CableArgument, Any] = {}
        for g, group in enumerate(plan.groups):
            self.made[CableArgument(CableKind.RUNS, g)] = group.runs
            for name in group.program.membrane.states:
                self.made[CableArgument(CableKind.STATE, g, name)] = self._state(g, name, start.states[group.name][name], parts)
        self._take(planned, planned.weight_scales)
        for g in plan.point_groups:
            self._point(g, start.v[plan.order[plan.groups[g].compartments]])
        for argument in self.signature.arguments:
            if argument.kind is CableKind.NETWORK:
                assert argument.group is not None and isinstance(argument.name, Argument)
                group = plan.groups[argument.group]
                self.made[argument] = parts[group.name][argument.name][: own * group.size]
            elif argument.kind in (CableKind.SHARED, CableKind.CARRIED):
                count = plan.size * lanes if argument.group is None else plan.groups[argument.group].size * own
                self.made[argument] = np.zeros(count, real)
        for drawn, into in self.signature.noises:
            self.made |= self._noise(drawn, into, parts)
        system = [aligned_zeros(plan.size * lanes, real) for _ in range(2)]
        fixed = [_aligned(np.repeat(values, lanes).astype(real)) for values in (plan.area, plan.diagonal)]
        self._first = ((self.blocks, lanes, own), self.v, *system, *fixed, tree, (np.zeros(own, real), fired))

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What a step of the cells is given."""
        return (*self._first, *(self.made[a] for a in self.signature.arguments))

    def _take(self, planned: PlannedCells, weight_scales: Mapping[str, Mapping[str, float]]) -> None:
        """Fill what loops and tables read of parameters."""
        self.plan, self.signature = planned.cable, planned.signature
        self.numbers: list[np.ndarray] = []  # of each group, those of its loops one after the other
        for g, group in enumerate(self.plan.groups):
            loops = self.signature.loops_of(g)
            apart = [numbers_of(group, loop, weight_scales.get(group.name, {})) for loop in loops]
            self.numbers.append(np.concatenate([np.zeros(0), *apart]).astype(self.real))
            parts = np.split(self.numbers[g], np.cumsum([len(own) for own in apart], dtype=int))
            self.made |= {loop.numbers: part for loop, part in zip(loops, parts, strict=False)}
            for loop in loops:
                for node, argument in loop.constants.items():
                    self.made[argument] = self._spread(g, group.loops[loop.kind].arrays[node])
        self.made.update({a: value for table in self.signature.tables for a, value in self._table(table).items()})

    def retake(self, planned: PlannedCells) -> None:
        """Hold other parameters of the same cells; the weight scales stay.

        Args:
            planned: the population with other parameters.
        """
        weight_scales: dict[str, dict[str, float]] = {}
        for loop in self.signature.loops.values():
            for leaf, port in loop.ports.items():
                if port.exact is not None:
                    _, name, entry = leaf.split(".")
                    weight_scales.setdefault(name, {})[entry] = float(self.made[loop.numbers][port.weight_index])
        self._take(planned, weight_scales)

    def elements(self, g: int, values: Any, between_cells: bool) -> np.ndarray:
        """Values of a group, a number or [compartments or 1, cells or 1], as its loops read constants, float64[elements].

        Args:
            g: the group.
            values: of it.
            between_cells: as constants that differ between cells, not only between compartments.
        """
        rows, size = np.reshape(values, (1, 1)) if np.ndim(values) < 2 else values, self.plan.groups[g].size
        if not between_cells and g not in self.plan.point_groups:
            return np.repeat(np.broadcast_to(rows, (size, 1))[:, 0], self.lanes).astype(float)
        whole = np.broadcast_to(rows, (size, rows.shape[1]))
        return (self._by_site(whole, float) if g in self.plan.point_groups else self._blocked(whole, float)).reshape(-1)

    def _blocked(self, values: np.ndarray, real: Any = None) -> np.ndarray:
        """[rows, 1 or all cells] -> [blocks, rows × lanes]; lanes beside the last cell hold what it holds."""
        rows, (blocks, lanes) = len(values), (self.blocks, self.lanes)
        if values.shape[1] == 1:
            return _aligned(np.broadcast_to(values[None], (blocks, rows, lanes)).astype(real or self.real).reshape(blocks, rows * lanes))
        mine = values[:, self.owned.start + np.minimum(np.arange(blocks * lanes), self.own - 1)]
        return _aligned(mine.reshape(rows, blocks, lanes).transpose(1, 0, 2).astype(real or self.real).reshape(blocks, rows * lanes))

    def _by_site(self, values: np.ndarray, real: Any = None) -> np.ndarray:
        """[sites, 1 or all cells] -> [sites × own cells]."""
        mine = values if values.shape[1] == 1 else values[:, self.owned]
        return np.array(np.broadcast_to(mine, (len(values), self.own)), real or self.real, order="C").ravel()

    def _spread(self, g: int, values: np.ndarray) -> np.ndarray:
        """Constants of a loop, [sites, 1 or all cells], as it reads them: the same for all blocks where cells do not differ."""
        if g in self.plan.point_groups:
            return self._by_site(values)
        return np.repeat(values[:, 0], self.lanes).astype(self.real) if values.shape[1] == 1 else self._blocked(values)

    def _noise(self, drawn: CableArgument, into: CableArgument, parts: Mapping[str, Mapping[Argument, np.ndarray]]) -> dict[CableArgument, Any]:
        """What is drawn for a channel, and where the loops of a membrane group read it."""
        assert drawn.group is not None
        name, _, noise = str(drawn.name).partition(".")
        having, group = np.flatnonzero(self.plan.cell.channels[name]), self.plan.groups[drawn.group]
        values = parts[name][Argument(Kind.INPUT, noise)][: self.own * having.size]
        sites = np.searchsorted(having, self.plan.order[group.compartments])
        return {drawn: (values, sites), into: aligned_zeros(group.size * self.lanes, self.real)}

    def _table(self, table: CableTable) -> dict[CableArgument, Any]:
        """What the gates of a membrane group are read from."""
        group = self.plan.groups[table.group]
        assert group.table is not None
        values = _aligned(group.table.values.reshape(len(group.table.values), -1))
        interval, within = table.located
        elements = group.size * self.lanes
        return {
            table.values: (values, LOW, 1.0 / group.table.width, group.table.intervals),
            interval: aligned_zeros(elements, np.int32), within: aligned_zeros(elements, float),
        }  # fmt: skip

    def set_weight_scale(self, part: str, port: str, weight_scale: float) -> None:
        """Change the weight scale at a port of a point process.

        Args:
            part: name of the point process.
            port: its name.
            weight_scale: the new unit of stored weights.
        """
        numbers, index = self.weight_scale(part, port)
        numbers[index] = weight_scale

    def _state(self, g: int, state: str, start: np.ndarray, parts: Mapping[str, Mapping[Argument, np.ndarray]]) -> np.ndarray:
        """[blocks, compartments × lanes], or the network's own [sites × cells] of a point process."""
        group = self.plan.groups[g]
        if g in self.plan.point_groups:
            array = parts[group.name][Argument(Kind.STATE, state.partition(".")[2])][: group.size * self.own]
            array[:] = self._by_site(start)
            return array
        self.states[state, g] = self._blocked(start)
        return self.states[state, g]

    def potentials(self, part: str) -> np.ndarray:
        """Potentials at the sites of a point process (`part`), [sites × cells], as the end of a step left them."""
        return self.sites[part][3]

    def look(self) -> None:
        """Bring `potentials` up to date with the compartments, before a first step."""
        for sites in self.sites.values():
            read_blocks(self.lanes, self.own, self.v, sites)

    def _point(self, g: int, start: np.ndarray) -> None:
        """Make what a point process has at its sites."""
        point, real = self.plan.groups[g], self.real
        n = point.size * self.own
        v, conductance, current = self._by_site(start), np.zeros(n, real), np.zeros(n, real)
        area = self.plan.area[point.compartments]
        per_area = np.divide(1.0, area, out=np.zeros_like(area), where=area > 0).astype(real)
        sites = self.sites[point.name] = (point.compartments.astype(np.int64), conductance, current, v)
        kinds = {CableKind.POTENTIAL: v, CableKind.CONDUCTANCE: conductance, CableKind.CURRENT: current, CableKind.SITES: sites, CableKind.PER_AREA: per_area}
        self.made |= {CableArgument(kind, g): array for kind, array in kinds.items()}

    def at(self, state: str, group: MembraneGroup | None, cell: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where a `state`, "v" (`group` None) or a channel's in a membrane `group`, lies: (flat array, indices int64[n] in it).

        Args:
            cell: int64[n], of this thread's; row: int64[n], compartments in the solver's order, or indices in the group.
        """
        if group is None:
            return self.v.reshape(-1), self._flat_index(self.plan.size)[cell, row]
        g = next(j for j, one in enumerate(self.plan.groups) if one is group)
        return self.states[state, g].reshape(-1), self._flat_index(group.size)[cell, row]

    def weight_scale(self, part: str, port: str) -> tuple[np.ndarray, int]:
        """The numbers among which the weight scale at a port of the point process `part` stands, and its index."""
        g = next(g for g in self.plan.point_groups if self.plan.groups[g].name == part)
        argument, index = self.signature.weight_scale(g, part, port)
        return self.made[argument], index

    def pieces(self, state: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Where "v" or a channel's state ("Ih.m") lies.

        Returns:
            A list of (flat array, indices int64[cells, k] in it, compartments int64[k] of the cell).
        """
        if state == "v":
            return [(self.v.reshape(-1), self._flat_index(self.plan.size), self.plan.order)]
        return [
            (self.states[state, g].reshape(-1), self._flat_index(p.size), self.plan.order[p.compartments])
            for g, p in enumerate(self.plan.membranes)
            if state in p.program.membrane.states
        ]

    def compartments_with(self, state: str) -> np.ndarray:
        """int64[n]: compartments of the cell that have a state."""
        return np.concatenate([compartments for *_, compartments in self.pieces(state)])

    def _flat_index(self, rows: int) -> np.ndarray:
        cell = np.arange(self.own)
        block, lane = cell // self.lanes, cell % self.lanes
        return block[:, None] * (rows * self.lanes) + np.arange(rows)[None, :] * self.lanes + lane[:, None]


def gather(owned: Sequence[tuple[slice, CellArrays]], size: int, state: str) -> np.ndarray:
    """A state of all cells, [size, compartments]; NaN where a compartment does not have it.

    Args:
        owned: slice of the population and arrays of each thread.
        size: cells of the population.
        state: its name.
    """
    arrays = owned[0][1]
    whole = np.full((size, arrays.plan.size), np.nan, arrays.v.dtype)
    for own, cells in owned:
        for flat, indices, compartments in cells.pieces(state):
            whole[own][:, compartments] = flat[indices]
    return whole


def scatter(owned: Sequence[tuple[slice, CellArrays]], state: str, values: np.ndarray) -> None:
    """Set a state of all cells.

    Args:
        owned: slice of the population and arrays of each thread.
        state: its name.
        values: [size, compartments].
    """
    for own, cells in owned:
        for flat, indices, compartments in cells.pieces(state):
            flat[indices] = values[own][:, compartments]
