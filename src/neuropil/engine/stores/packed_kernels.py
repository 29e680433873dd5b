"""Compiled packing: draw a row, pack it, sort it by (block, key) and write it to its final position."""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import overload

from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.connectivity.kernels import (
    SLACK,
    draw_delays,
    draw_sites,
    draw_targets,
    draw_weights,
    number_elements,
)


def _packed(slot, multiples, words):
    """Target below, signed multiple of the weight scale above, in the type of the array `words`."""
    raise NotImplementedError("compiled only")


@overload(_packed, jit_options={"nogil": True}, inline="always")
def _packed_as(slot, multiples, words):
    if words.dtype == types.uint32:
        return lambda slot, multiples, words: np.uint32(
            np.uint32(slot & np.uint32(0xFFFF)) | np.uint32(np.uint32(np.int32(multiples)) << np.uint32(16))
        )
    return lambda slot, multiples, words: (
        np.uint64(slot & np.uint32(0xFFFF)) | (np.uint64(np.int64(multiples)) << np.uint64(16))
    )


@inner_njit(nogil=True)
def _round_to_multiples(n, largest, row):
    """Round row[:n] to whole numbers within ±largest; returns how many were beyond, how many are 0 now, and the largest error
    of the others relative to themselves."""
    real = row.dtype.type
    top, half = real(largest), real(0.5)
    beyond, zeros, worst = np.int32(0), np.int32(0), real(0.0)
    for i in range(n):
        w = row[i]
        q = np.floor(w + half)
        row[i] = min(max(q, -top), top)
        if abs(q) > top:
            beyond += np.int32(1)
        elif q == 0:
            zeros += np.int32(1)
        else:
            worst = max(worst, abs(q - w) / abs(w))
    return beyond, zeros, worst


@inner_njit(nogil=True)
def _write_row(
    n, first_target, slot, key_of, key_start, n_keys, target, delay, multiples, words, bins, items, histogram
):
    """Pack `n` synapses into `items` and find the bin (block, key) of each, counting them."""
    keys = np.uint32(n_keys)
    # Unsigned throughout: Numba checks a signed index for being negative.
    first, start = np.uint64(first_target), np.uint64(key_start)
    for i in range(n):
        where = slot[first + np.uint64(target[i])]
        b = np.uint32(np.uint32(np.uint32(where >> np.uint32(16)) * keys) + key_of[start + np.uint64(delay[i])])
        bins[i] = b
        items[i] = _packed(where, multiples[i], words)
        histogram[b] += 1


@inner_njit(nogil=True)
def _sort_row(n, row_start, n_blocks, n_keys, bins, items, histogram, cursor, offsets, words, targets):
    """Counting sort of a row into its final position, stable; leaves the histogram empty. Where `targets` has room, words go there, without weights."""
    total = np.int64(0)
    for block in range(n_blocks):
        for key in range(n_keys):
            b = block * n_keys + key
            offsets[block, key] = np.uint32(total)
            cursor[b] = np.uint64(row_start + total)
            total += histogram[b]
            histogram[b] = 0
        offsets[block, n_keys] = np.uint32(total)
    narrow = targets.size > 0
    for i in range(n):
        b = bins[i]
        at = cursor[b]
        if narrow:
            targets[at] = np.uint16(items[i] & items.dtype.type(0xFFFF))
        else:
            words[at] = items[i]
        cursor[b] = at + np.uint64(1)


@cached_njit(nogil=True)
def pack_rows(
    first, last, samplers, starts, counts, positions, targets, weights, delays, sites, threshold, pair, first_target, most_targets, slot,
    key_of, key_start, unit, top, row_start, real, offsets, words, alike,
):  # fmt: skip
    """Draw, pack, sort and write the rows of sources first … last-1.

    Returns float64[n_projections, 3]: how many weights are saturated, how many are stored as 0, and the largest error of the
    others relative to themselves.
    """
    n_projections, n_blocks, n_keys = samplers.size, offsets.shape[1], offsets.shape[2] - 1
    longest = np.int64(0)
    for source in range(first, last):
        longest = max(longest, row_start[source + 1] - row_start[source])
    scratch = max(longest, most_targets) + SLACK
    drawn, target, site = np.empty(scratch, np.uint32), np.empty(scratch, np.uint32), np.empty(scratch, np.uint32)
    delay, weight = np.empty(longest + SLACK, np.uint16), np.empty(longest + SLACK, real.dtype)
    bins, items = np.empty(longest + SLACK, np.uint32), np.empty(longest + SLACK, words.dtype)
    taken = np.zeros((most_targets + 127) >> 6, np.uint64)
    histogram, cursor = np.zeros(n_blocks * n_keys, np.int32), np.empty(n_blocks * n_keys, np.uint64)
    account = np.zeros((n_projections, 3))
    for source in range(first, last):
        filled = np.int64(0)
        for j in range(n_projections):
            sampler, start, n = samplers[j], starts[j, source], counts[j, source]
            draw_targets(sampler, source, start, n, targets, drawn, taken, target)
            draw_delays(sampler, source, start, n, positions, delays, threshold, pair, drawn, delay)
            if sampler.n_sites > 1:
                draw_sites(sampler, source, start, n, positions, sites, drawn, site)
                number_elements(sampler.n_sites, n, target, site)
            draw_weights(sampler, source, start, n, positions, weights, unit[j], drawn, weight)
            beyond, zeros, worst = _round_to_multiples(n, top[j], weight)
            account[j, 0] += beyond
            account[j, 1] += zeros
            account[j, 2] = max(account[j, 2], worst)
            _write_row(
                n, first_target[j], slot, key_of, key_start[j], n_keys, target, delay, weight, words,
                bins[filled:], items[filled:], histogram,
            )  # fmt: skip
            filled += n
        _sort_row(filled, row_start[source], n_blocks, n_keys, bins, items, histogram, cursor, offsets[source], words, alike)
    return account
