"""Gates advanced by tables (`neuropil.lower.gate_tables`): where each compartment's potential lies in them, and the update.

Eight compartments are taken at a time: for each the row of its interval is evaluated, D and B of four gates in one vector; transposed,
these are vectors over compartments, as states lie in memory.
"""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import inner_njit
from neuropil.codegen.noalias import noalias_arguments
from neuropil.codegen.vector_values import access, element, fma, prefer_widest, spread, transposed
from neuropil.lower.gate_tables import DEGREE, SIDE_BY_SIDE

_COUNT = 2 * SIDE_BY_SIDE
_ROW = (DEGREE + 1) * _COUNT
_load, _store = access(_COUNT)
_load_one, _store_one = access(1)
_everywhere = spread(_COUNT)


@inner_njit(**KERNEL_FLAGS)
def locate(runs, lanes, low, per_width, intervals, v, interval, within):
    """Find the interval of each potential, and where in it it lies, in widths from its middle.

    Args:
        runs: of the membrane group; low: mV; per_width: 1/mV; intervals: number of intervals.
        v: potentials of the block.
        interval: int32, the result, counted from 1; 0 outside of the range, and for what is not a number.
        within: the result; 0 outside.

    Returns:
        Whether any potential is outside.
    """
    noalias_arguments()
    prefer_widest()
    top = np.float64(intervals)
    outside = np.int32(0)
    middle = np.float64(0.5)
    for r in range(runs.shape[0]):
        a, c = np.uint64(runs[r, 0] * lanes), np.uint64(runs[r, 1] * lanes)
        for q in range(np.uint64(runs[r, 2] * lanes)):
            y = (v[a + q] - low) * per_width
            inside = (y >= 0.0) & (y < top)
            y = y if inside else middle
            k = np.int32(y)
            interval[c + q] = np.int32(k + np.int32(1)) if inside else np.int32(0)
            within[c + q] = y - np.float64(k) - middle
            outside |= np.int32(0) if inside else np.int32(1)
    return outside != 0


@inner_njit(**KERNEL_FLAGS)
def _row(table, k, x):
    """D and B of four gates in interval k."""
    at = np.int64(k) * _ROW
    t = _everywhere(x)
    y = _load(table, at)
    for power in range(1, DEGREE + 1):
        y = fma(y, t, _load(table, at + power * _COUNT))
    return y


@inner_njit(**KERNEL_FLAGS)
def _advance(state, at, slope, shift):
    x = _load(state, at)
    _store(state, at, x + fma(slope, x, shift))


@inner_njit(**KERNEL_FLAGS)
def look_up(table, interval, within, gates, s0, s1, s2, s3):
    """Advance up to four gates of every compartment of a block.

    Args:
        table: the tile's part of the values, flat.
        interval, within: from `locate`.
        gates: how many of the states s0, s1, s2, s3 there are.
    """
    prefer_widest()
    n = np.int64(interval.size)
    whole = n - n % _COUNT
    for at in range(0, whole, _COUNT):
        q = np.uint64(at)
        rows = (
            _row(table, interval[q], within[q]), _row(table, interval[q + np.uint64(1)], within[q + np.uint64(1)]),
            _row(table, interval[q + np.uint64(2)], within[q + np.uint64(2)]), _row(table, interval[q + np.uint64(3)], within[q + np.uint64(3)]),
            _row(table, interval[q + np.uint64(4)], within[q + np.uint64(4)]), _row(table, interval[q + np.uint64(5)], within[q + np.uint64(5)]),
            _row(table, interval[q + np.uint64(6)], within[q + np.uint64(6)]), _row(table, interval[q + np.uint64(7)], within[q + np.uint64(7)]),
        )  # fmt: skip
        of = transposed(rows)
        _advance(s0, at, of[0], of[4])
        if gates > 1:
            _advance(s1, at, of[1], of[5])
        if gates > 2:
            _advance(s2, at, of[2], of[6])
        if gates > 3:
            _advance(s3, at, of[3], of[7])
    for at in range(whole, n):
        y = _row(table, interval[at], within[at])
        _advance_one(s0, at, element(y, 0), element(y, 4))
        if gates > 1:
            _advance_one(s1, at, element(y, 1), element(y, 5))
        if gates > 2:
            _advance_one(s2, at, element(y, 2), element(y, 6))
        if gates > 3:
            _advance_one(s3, at, element(y, 3), element(y, 7))


@inner_njit(**KERNEL_FLAGS)
def _advance_one(state, at, slope, shift):
    x = _load_one(state, at)
    _store_one(state, at, x + fma(slope, x, shift))
