"""Probes: sample states into a thread's buffer."""

from __future__ import annotations

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit


@cached_njit(**KERNEL_FLAGS)
def sample(step, every, source, slots, values, filled):
    """Copy source[slots] to the next row of `values` when a step ends on a multiple of `every` steps."""
    if (step + 1) % every == 0:
        row = filled[0]
        for j in range(slots.size):
            values[row, j] = source[slots[j]]
        filled[0] = row + 1


@cached_njit(**KERNEL_FLAGS)
def sample_cells(step, every, sources, values, filled):
    """Likewise from several arrays: for each (array, slots in it, columns of `values`)."""
    if (step + 1) % every == 0:
        row = filled[0]
        for source, slots, columns in sources:
            for j in range(slots.size):
                values[row, columns[j]] = source[slots[j]]
        filled[0] = row + 1
