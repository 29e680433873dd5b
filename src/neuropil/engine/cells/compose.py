"""Populations with morphology in a network's program: their arrays, their step, their probes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from neuropil.codegen.cable_source import SOURCE_NAME, emit_cable
from neuropil.codegen.cache import load
from neuropil.engine.cells.arrays import CellArrays
from neuropil.engine.exchange.spikes import collecting
from neuropil.engine.layout import Layout
from neuropil.errors import NetworkError
from neuropil.model.contents.contents import Probe
from neuropil.plan.buffers import Buffer
from neuropil.plan.cells import PlannedCells
from neuropil.plan.operations import Kernel, Operation, Phase, Result
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, Kind

Owned = list[tuple[slice, CellArrays]]
"""For each thread the cells it owns and their arrays."""

PartArrays = Callable[[int, int], dict[Argument, np.ndarray]]
"""(thread, batch) -> its arrays."""


def cells_of(plan: Plan, layout: Layout, arrays: PartArrays, planned: PlannedCells) -> tuple[Owned, Buffer, list[Operation]]:
    """Allocate a population of cells; the buffer of their compartments' states; operations that advance them and collect those that fired.

    Args:
        arrays: of the parts of the plan.
        planned: the population.

    Returns:
        The arrays of each thread, the buffer, and the operations.
    """
    population = planned.population
    somas, _ = plan.indices_of(population)
    owned, lists = [], []
    for t, share in enumerate(layout.shares):
        mine = layout.slice(population, "", t)
        fired = np.zeros(share.start[somas + 1] - share.start[somas], np.uint8)
        parts = {name: arrays(t, plan.indices_of(population, name)[0]) for name in population.parts}
        cells = CellArrays(planned, slice(mine.lower, mine.lower + mine.neurons), planned.precision, parts, fired)
        owned.append((cells.owned, cells))
        lists.append((fired, share.elements[share.start[somas] : share.start[somas + 1]]))
    kernel = kernel_of(planned)
    compartments = compartments_of(planned)
    fires = Buffer(f"fired of {population.name}", np.uint8, population.size)
    used = [(g, a) for name in population.parts for g in [plan.indices_of(population, name)[0]] for a in plan.batches[g].arguments]
    inputs = tuple(plan.buffers[key] for key in used if key[1].kind is Kind.INPUT)
    brought = tuple(plan.buffers[key] for key in used if key[1].kind is not Kind.INPUT)
    label, own = f"{population.name}: cells", lambda t: owned[t][1].arguments
    advance = Operation(label, Phase.NEURONS, kernel, own, result=Result.DIVERGED, sets=(fires,), reads=inputs, updates=(compartments, *brought))
    return owned, compartments, [advance, collecting(population.name, lists.__getitem__, fires)]


def kernel_of(planned: PlannedCells) -> Kernel:
    """What advances `planned` cells."""
    return Kernel.of(load(SOURCE_NAME, emit_cable(planned)).advance)


def compartments_of(planned: PlannedCells) -> Buffer:
    """The states of the compartments of `planned` cells."""
    population = planned.population
    return Buffer(f"compartments of {population.name}", planned.precision, population.size * planned.compartment_states, saved=True)


def sampled(probe: Probe, own: slice, cells: CellArrays) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """What a thread records of a state of compartments.

    Args:
        own: cells of the thread.
        cells: their arrays.

    Returns:
        The probe's columns that are the thread's, and for every array that holds some of them (array, indices in it,
        which of the columns); columns of compartments without the channel are in none.
    """
    neurons, sites = np.divmod(probe.flat_index, cells.plan.size)
    columns = np.flatnonzero((neurons >= own.start) & (neurons < own.stop))
    found = []
    for flat, indices, compartments in cells.pieces(probe.variable):
        row = np.full(cells.plan.size, -1)
        row[compartments] = np.arange(compartments.size)
        into = np.flatnonzero(row[sites[columns]] >= 0)
        found.append((flat, indices[neurons[columns[into]] - own.start, row[sites[columns[into]]]], into))
    return columns, found


def check_probe(probe: Probe, owned: Sequence[tuple[slice, CellArrays]]) -> None:
    """Refuse a probe none of whose compartments has the state.

    Args:
        owned: slice of the population and arrays of each thread.

    Raises:
        NetworkError: no compartment of the probe has the state.
    """
    cells = owned[0][1]
    sites = np.unique(probe.flat_index % cells.plan.size)
    having = cells.compartments_with(probe.variable)
    if not np.isin(sites, having).any():
        raise NetworkError(
            f"probe {probe.name!r}: none of these compartments has {probe.variable}", got=f"sites {sites[:8].tolist()}",
            expected=f"some of {np.sort(having)[:8].tolist()} …",
        )  # fmt: skip
