"""The arrays of a population of cells in one thread, and where each of its states lies in them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

from neuropil.engine.cable import read_sites
from neuropil.lower.cable import CablePlan, Patch
from neuropil.lower.cable_source import CableSource
from neuropil.lower.elementwise import Constants

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
        plan, source: the lowered cell; own: how many cells.
        precision: of all numbers.
        parts: for each point process its arrays as the network fills and reads them: `s_*`, `arrived_*`, `real_*`, `x_*_`.
        fired: uint8[>= own], where to note spikes.
        given: states of point processes whose starting values are there already.
    """

    def __init__(
        self, plan: CablePlan, source: CableSource, own: int, precision: str, parts: Mapping[str, Mapping[str, np.ndarray]],
        fired: np.ndarray, given: Container[str] = (),
    ):  # fmt: skip
        self.plan, self.own, self.given = plan, own, given
        real: Any = np.dtype(precision)
        per_compartment = round(sum(p.size * len(p.program.membrane.states) for p in plan.patches) / max(plan.size, 1))
        self.lanes = lanes = cells_side_by_side(own, plan.size, per_compartment, real.itemsize)
        self.blocks = -(-own // lanes)
        start = plan.cell.initial
        self.v = np.full((self.blocks, plan.size * lanes), start, real)
        self.states: dict[str, np.ndarray] = {}
        self.sites: dict[str, tuple[np.ndarray, ...]] = {}
        place, threshold = int(plan.rank[plan.cell.trigger[0]]), real.type(plan.cell.trigger[1])
        tree = (
            plan.parent, plan.axial.astype(real), plan.area.astype(real), plan.diagonal.astype(real), place, threshold,
        )  # fmt: skip
        made: dict[str, Any] = {n: values.astype(real) for n, values in source.numbers.items()}
        made.update({f"runs_{p.name}": p.runs for p in (*plan.patches, *plan.points)})
        for name, (patch, state) in source.states.items():
            made[name] = self._state(patch, state, parts, real)
        for name, (patch, _) in source.ions.items():
            made[name] = np.zeros((self.blocks, patch.size * lanes), real)
        for name, values in source.expanded.items():
            made[name] = np.repeat(values, lanes).astype(real)  # only membranes have any: a process has the same numbers everywhere
        for point in plan.points:
            made.update(self._point(point, start, real))
        for name in source.arguments:
            if name not in made:
                array, _, part = name.rpartition("__")
                made[name] = parts[part][array][: self.own * self._sites(part)]
        scratch = [np.zeros(plan.size * lanes, real) for _ in range(2)]
        self.made = made
        self.arguments = ((self.blocks, lanes, own), self.v, *scratch, tree, (np.zeros(own, real), fired), *(made[n] for n in source.arguments))

    def change(self, patch: Patch, currents: Constants, states: Constants) -> None:
        """Give the loops of a patch other constants."""
        for loop, constants in ((f"currents_{patch.name}", currents), (f"states_{patch.name}", states)):
            if f"numbers_{loop}" in self.made:  # it has states that change
                self.made[f"numbers_{loop}"][: constants.numbers.size] = constants.numbers
            for node, values in constants.arrays.items():
                self.made[f"k{node}_{loop}"][:] = np.repeat(values, self.lanes)

    def _sites(self, part: str) -> int:
        return next(p.size for p in self.plan.points if p.name == part)

    def _state(self, patch: Patch, state: str, parts: Mapping[str, Mapping[str, np.ndarray]], real: Any) -> np.ndarray:
        """[blocks, compartments × lanes], or the network's own [sites × cells] of a point process."""
        initial = np.broadcast_to(patch.initial[state], patch.size)
        if patch in self.plan.points:
            array = parts[patch.name][f"s_{state.partition('.')[2]}"][: patch.size * self.own]
            if state not in self.given:
                array[:] = np.repeat(initial, self.own)
            return array
        array = np.empty((self.blocks, patch.size, self.lanes), real)
        array[...] = initial[None, :, None]
        self.states[f"{state}/{patch.name}"] = array.reshape(self.blocks, -1)
        return self.states[f"{state}/{patch.name}"]

    def potentials(self, part: str) -> np.ndarray:
        """Potentials at the sites of a point process, [sites × cells], as the end of a step left them."""
        return self.sites[part][3]

    def look(self) -> None:
        """Bring `potentials` up to date with the compartments, before a first step."""
        for sites in self.sites.values():
            for b in range(self.blocks):
                read_sites(b, self.lanes, self.own, self.v[b], sites)

    def _point(self, point: Patch, start: float, real: Any) -> dict[str, Any]:
        n = point.size * self.own
        v, g, out = np.full(n, start, real), np.zeros(n, real), np.zeros(n, real)
        sites = self.sites[point.name] = (point.compartments.astype(np.int64), g, out, v)
        return {f"v_{point.name}": v, f"g_{point.name}": g, f"out_{point.name}": out, f"sites_{point.name}": sites}

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
