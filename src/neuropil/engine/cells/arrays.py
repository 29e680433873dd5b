"""The arrays of a population of cells in one thread, and where each of its states lies in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuropil.codegen.cable_source import CableSource
from neuropil.engine.cells.kernels import read_sites
from neuropil.lower.cable import MembraneGroup
from neuropil.lower.constants import Constants
from neuropil.plan.cells import PlannedCells
from neuropil.plan.signature import Argument, Kind

CACHE_BYTES = 400_000
"""What a block of cells may take, so that a step finds it in the second-level cache."""

NARROWEST, WIDEST = 16, 64
"""Cells side by side: at least two vectors, so that divisions overlap; no more than helps."""


def cells_side_by_side(own: int, compartments: int, states: int, itemsize: int) -> int:
    """Cells per block, blocks being as equal as can be."""
    fit = CACHE_BYTES // (max(compartments, 1) * (states + 4) * itemsize)
    most = int(np.clip(fit, NARROWEST, WIDEST))
    blocks = max(1, -(-own // most))
    return max(1, -(-own // blocks))


class CellArrays:
    """Cells of one population owned by one thread.

    Args:
        planned: the lowered population; source: of its step; owned: which of its cells.
        precision: of all numbers.
        parts: for each point process its arrays as the network fills and reads them.
        fired: uint8[>= own], where to note spikes.
    """

    def __init__(self, planned: PlannedCells, source: CableSource, owned: slice, precision: str, parts: Mapping[str, Mapping[Argument, np.ndarray]], fired: np.ndarray):
        self.plan, self.owned, self.source = planned.cable, owned, source
        self.own = own = owned.stop - owned.start
        plan, start = self.plan, planned.start
        self.real: Any = np.dtype(precision)
        real, per_compartment = self.real, round(sum(p.size * len(p.program.membrane.states) for p in plan.patches) / max(plan.size, 1))
        self.lanes = lanes = cells_side_by_side(own, plan.size, per_compartment, real.itemsize)
        self.blocks = -(-own // lanes)
        self.v = self._blocked(start.v[plan.order])
        self.states: dict[str, np.ndarray] = {}
        self.sites: dict[str, tuple[np.ndarray, ...]] = {}
        place, threshold = int(plan.rank[plan.cell.trigger[0]]), real.type(plan.cell.trigger[1])
        tree = (
            plan.parent, plan.axial.astype(real), plan.area.astype(real), plan.diagonal.astype(real), place, threshold,
        )  # fmt: skip
        made: dict[str, Any] = {n: values.astype(real) for n, values in source.numbers.items()}
        made.update({f"runs_{p.name}": p.runs for p in (*plan.patches, *plan.points)})
        for name, (patch, state) in source.states.items():
            made[name] = self._state(patch, state, start.states[patch.name][state], parts)
        for name in source.wholes:
            made[name] = np.zeros(plan.size * lanes, real)
        for name, point in source.around.items():
            made[name] = np.zeros(self._sites(point) * own, real)
        for name, (patch, values) in source.expanded.items():
            made[name] = self._spread(patch, values)
        for patch in plan.points:
            made.update(self._point(patch, start.v[plan.order[patch.compartments]]))
        for name, (part, argument) in source.given.items():
            made[name] = parts[part][argument][: self.own * self._sites(part)]
        scratch = [np.zeros(plan.size * lanes, real) for _ in range(2)]
        self.made = made
        self.arguments = ((self.blocks, lanes, own), self.v, *scratch, tree, (np.zeros(own, real), fired), *(made[n] for n in source.arguments))

    def _blocked(self, values: np.ndarray) -> np.ndarray:
        """[rows, 1 or all cells] -> [blocks, rows × lanes]; places beside the last cell hold what it holds."""
        rows, (blocks, lanes) = len(values), (self.blocks, self.lanes)
        if values.shape[1] == 1:
            return np.array(np.broadcast_to(values[None], (blocks, rows, lanes)), self.real, order="C").reshape(blocks, rows * lanes)
        mine = values[:, self.owned.start + np.minimum(np.arange(blocks * lanes), self.own - 1)]
        return np.array(mine.reshape(rows, blocks, lanes).transpose(1, 0, 2), self.real, order="C").reshape(blocks, rows * lanes)

    def _by_site(self, values: np.ndarray) -> np.ndarray:
        """[sites, 1 or all cells] -> [sites × own cells]."""
        mine = values if values.shape[1] == 1 else values[:, self.owned]
        return np.array(np.broadcast_to(mine, (len(values), self.own)), self.real, order="C").ravel()

    def _spread(self, patch: MembraneGroup, values: np.ndarray) -> np.ndarray:
        """Constants of a loop, [places, 1 or all cells], as it reads them: the same for all blocks where cells do not differ."""
        if patch in self.plan.points:
            return self._by_site(values)
        return np.repeat(values[:, 0], self.lanes).astype(self.real) if values.shape[1] == 1 else self._blocked(values)

    def change(self, patch: MembraneGroup, loops: Mapping[str, Constants]) -> None:
        """Give the loops of a patch other constants."""
        for loop, constants in loops.items():
            function = f"{loop}_{patch.name}"
            if f"numbers_{function}" in self.made:  # there is such a loop
                self.made[f"numbers_{function}"][: constants.numbers.size] = constants.numbers
                for node, values in constants.arrays.items():
                    self.made[f"k{node}_{function}"][:] = self._spread(patch, values)

    def _sites(self, part: str) -> int:
        return next(p.size for p in self.plan.points if p.name == part)

    def _state(self, patch: MembraneGroup, state: str, start: np.ndarray, parts: Mapping[str, Mapping[Argument, np.ndarray]]) -> np.ndarray:
        """[blocks, compartments × lanes], or the network's own [sites × cells] of a point process."""
        if patch in self.plan.points:
            array = parts[patch.name][Argument(Kind.STATE, state.partition(".")[2])][: patch.size * self.own]
            array[:] = self._by_site(start)
            return array
        self.states[f"{state}/{patch.name}"] = self._blocked(start)
        return self.states[f"{state}/{patch.name}"]

    def potentials(self, part: str) -> np.ndarray:
        """Potentials at the sites of a point process, [sites × cells], as the end of a step left them."""
        return self.sites[part][3]

    def look(self) -> None:
        """Bring `potentials` up to date with the compartments, before a first step."""
        for sites in self.sites.values():
            for b in range(self.blocks):
                read_sites(b, self.lanes, self.own, self.v[b], sites)

    def _point(self, point: MembraneGroup, start: np.ndarray) -> dict[str, Any]:
        n, real = point.size * self.own, self.real
        v, g, out = self._by_site(start), np.zeros(n, real), np.zeros(n, real)
        area = self.plan.area[point.compartments]
        per_area = np.divide(1.0, area, out=np.zeros_like(area), where=area > 0).astype(real)
        sites = self.sites[point.name] = (point.compartments.astype(np.int64), g, out, v)
        return {f"v_{point.name}": v, f"g_{point.name}": g, f"out_{point.name}": out, f"sites_{point.name}": sites, f"area_{point.name}": per_area}

    def pieces(self, state: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Where "v" or a channel's state ("Ih.m") lies.

        Returns:
            A list of (flat array, places int64[cells, k] in it, compartments int64[k] of the cell).
        """
        if state == "v":
            return [(self.v.reshape(-1), self._places(self.plan.size), self.plan.order)]
        return [
            (self.states[f"{state}/{p.name}"].reshape(-1), self._places(p.size), self.plan.order[p.compartments])
            for p in self.plan.patches
            if state in p.program.membrane.states
        ]

    def compartments_with(self, state: str) -> np.ndarray:
        """Compartments of the cell that have it."""
        return np.concatenate([compartments for *_, compartments in self.pieces(state)])

    def _places(self, rows: int) -> np.ndarray:
        cell = np.arange(self.own)
        block, lane = cell // self.lanes, cell % self.lanes
        return block[:, None] * (rows * self.lanes) + np.arange(rows)[None, :] * self.lanes + lane[:, None]


def gather(owned: Sequence[tuple[slice, CellArrays]], size: int, state: str) -> np.ndarray:
    """A state of all cells, [size, compartments]; NaN where a compartment does not have it."""
    arrays = owned[0][1]
    whole = np.full((size, arrays.plan.size), np.nan, arrays.v.dtype)
    for own, cells in owned:
        for flat, places, compartments in cells.pieces(state):
            whole[own][:, compartments] = flat[places]
    return whole


def scatter(owned: Sequence[tuple[slice, CellArrays]], state: str, values: np.ndarray) -> None:
    """Set it, from [size, compartments]."""
    for own, cells in owned:
        for flat, places, compartments in cells.pieces(state):
            flat[places] = values[own][:, compartments]
