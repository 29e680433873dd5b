"""Stimuli at native speed: the kernels that fill a thread's counts, events and currents before its neurons advance.

Random numbers are counters' values (element = index in the population, step), so a stimulus is the same for any number
of threads. On a part with several sites, arrays have a row for each, and `start` and `lower` (int64[sites]) say where a
site's elements begin, in the array and among the counters. Poisson counts of four steps are found together, and what is drawn from
the generator of two words for an even step and the odd one after it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from neuropil.codegen.draws import (
    draw_word,
    normal_quantile32,
    normal_quantile64,
    threefry2x32,
    to_uniform32,
    to_uniform64,
)
from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.poisson import AT_ONCE, STEPS, event_bits, poisson_block
from neuropil.codegen.vectors import lowest_bit


@cached_njit(**KERNEL_FLAGS)
def poisson_counts(step, bounds, lower, keys, halves, known, table, size, made, count, rows, undecided):
    """Poisson counts of a step for every segment: how many thresholds a word reaches. Those of four steps are found together.

    Args:
        keys: uint32[segments, 2].
        halves: uint16[segments, most], the upper halves of the thresholds below 0xFFFF; known: int64[segments], how many there are.
        table: uint32[segments, all], the thresholds, ascending; size: int64[segments], how many there are.
        made: int64[1], the four steps that are in `rows`; -1: none.
        rows: uint8[4, slots + AT_ONCE]; undecided: uint32[blocks of a segment, 4], scratch.
    """
    quarter = step >> 2
    if made[0] != quarter or (step & 3) == 0:
        made[0] = quarter
        for s in range(bounds.shape[0]):
            _segment(quarter, bounds[s, 0], bounds[s, 1], lower[s], keys[s, 0], keys[s, 1], halves[s, : known[s]], table[s, : size[s]], rows, undecided)
    now = rows[step & 3]
    for i in range(np.uint64(count.size)):
        count[i] = now[i]


@inner_njit(**KERNEL_FLAGS)
def _segment(quarter, start, stop, lower, key0, key1, halves, table, rows, undecided):
    """The counts of one segment in four steps."""
    flat, stride = rows.reshape(-1), rows.shape[1]
    low, high = np.uint32(quarter), np.uint32(quarter >> 32)
    if lower & 1 and stop > start:  # elements come in pairs
        for r in range(STEPS):
            rows[r, start] = event_count(lower, 4 * quarter + r, key0, key1, table)
        start += 1
        lower += 1
    blocks = np.uint64((stop - start + AT_ONCE - 1) // AT_ONCE)
    for b in range(blocks):
        at = start + np.int64(b) * AT_ONCE
        pair = np.uint32((lower >> 1) + np.int64(b) * (AT_ONCE // 2))
        undecided[b, 0], undecided[b, 1], undecided[b, 2], undecided[b, 3] = poisson_block(flat, at, stride, key0, key1, pair, low, high, halves)
    for b in range(blocks):  # in a loop of its own: few are left, and the first loop has all registers
        if undecided[b, 0] | undecided[b, 1] | undecided[b, 2] | undecided[b, 3]:
            first = np.int64(b) * AT_ONCE
            for r in range(STEPS):
                left = np.uint64(undecided[b, r])
                while left:
                    i = first + np.int64(lowest_bit(left))
                    left &= left - np.uint64(1)
                    rows[r, start + i] = event_count(lower + i, 4 * quarter + r, key0, key1, table)


@inner_njit(**KERNEL_FLAGS)
def event_count(number, step, key0, key1, table):
    """How many thresholds the word of an element and a step reaches; its lower half is drawn only if it decides."""
    upper = _upper(number, step, key0, key1)
    n = _reached(table, upper | np.uint32(0xFFFF))
    if n and table[n - 1] > upper:
        n = _reached(table, upper | _lower(number, step, key0, key1))
    return n


@inner_njit(**KERNEL_FLAGS)
def _reached(table, word):
    """How many thresholds are not above a word. (NumPy's search costs a fifth of a second of compilation.)"""
    low, high = np.uint64(0), np.uint64(table.size)
    while low < high:
        middle = (low + high) >> np.uint64(1)
        if table[middle] <= word:
            low = middle + np.uint64(1)
        else:
            high = middle
    return np.int64(low)


@inner_njit(**KERNEL_FLAGS)
def _upper(number, step, key0, key1):
    quarter, shift = step >> 2, np.uint32(16) * np.uint32(number & 1)
    word = event_bits(key0, key1, np.uint32(number >> 1), np.uint32(quarter), np.uint32(quarter >> 32), np.uint32(0), np.uint32(step & 3))
    return np.uint32(((word >> shift) & np.uint32(0xFFFF)) << np.uint32(16))


@inner_njit(**KERNEL_FLAGS)
def _lower(number, step, key0, key1):
    return np.uint32(event_bits(key0, key1, np.uint32(number), np.uint32(step), np.uint32(step >> 32), np.uint32(1), np.uint32(0)) & np.uint32(0xFFFF))


@cached_njit(**KERNEL_FLAGS)
def poisson_events(step, row, start, lower, key0, key1, classes, size, table, weight, event):
    """Add weighted Poisson events of any rate; classes int32[rows, sites or 1, neurons or 1] point into table uint32[classes, width]."""
    for s in range(start.size):
        q = s if classes.shape[1] > 1 else 0
        for i in range(weight.shape[1]):
            c = classes[row, q, i if classes.shape[2] > 1 else 0]
            n = size[c]
            if n:
                event[start[s] + i] += event_count(lower[s] + i, step, key0, key1, table[c, :n]) * weight[s, i]


@cached_njit(**KERNEL_FLAGS)
def listed_events(step, start, when, target, weight, event):
    """Add the events listed for this step; `when` is sorted, target -1 means all neurons of the slice."""
    first = np.searchsorted(when, step, side="left")
    for j in range(first, when.size):
        if when[j] != step:
            break
        for s in range(start.size):
            if target[j] >= 0:
                event[start[s] + target[j]] += weight[s, target[j]]
            else:
                for i in range(weight.shape[1]):
                    event[start[s] + i] += weight[s, i]


@cached_njit(**KERNEL_FLAGS)
def scaled_current(wave, amplitude, current):
    """current += amplitude * wave, on the slice of one population."""
    flat = amplitude.reshape(-1)
    for i in range(flat.size):
        current[i] += flat[i] * wave


@cached_njit(**KERNEL_FLAGS)
def sampled_current(row, start, neurons, values, current):
    """current += values[row], a column each, on some neurons of the slice of one population; no row beyond the last."""
    if row < values.shape[0]:
        for s in range(start.size):
            for i in range(values.shape[1]):
                current[start[s] + neurons[i]] += values[row, i]


@cache
def gaussian_current(precision: str) -> Callable[..., Any]:
    """The kernel of a noise current in a precision."""
    quantile = normal_quantile32 if precision == "float32" else normal_quantile64

    @cached_njit(**KERNEL_FLAGS)
    def noise(draw, start, lower, key0, key1, mean, sd, current):
        """current += mean + sd * normal(element, draw), on the slice of one population."""
        for s in range(start.size):
            n, first, m, spread = mean.shape[1], np.uint64(lower[s]), mean[s], sd[s]
            mine = current[start[s] : start[s] + n]
            # Unsigned bounds spare Numba its test for negative indices, which would stop LLVM from vectorising.
            for i in range(np.uint64(n)):
                word = draw_word(key0, key1, np.uint32(first + i), draw)
                mine[i] += m[i] + spread[i] * quantile(word)

    return noise


@cache
def uniform_numbers(precision: str) -> Callable[..., Any]:
    """The kernel that draws one uniform number per neuron and step, for models with a hazard; of a pair, the second is kept in `later`.

    Args:
        precision: "float32" or "float64".
    """
    uniform = to_uniform32 if precision == "float32" else to_uniform64

    @inner_njit(**KERNEL_FLAGS)
    def pairs(element, key0, key1, pair, now, later):
        for i in range(now.size):
            first, second = threefry2x32(key0, key1, element + np.uint32(i), pair)
            now[i] = uniform(first)
            later[i] = uniform(second)

    @cached_njit(**KERNEL_FLAGS)
    def draw(step, bounds, lower, keys, made, numbers, later):
        pair = step >> 1
        if made[0] != pair or (step & 1) == 0:
            made[0] = pair
            high = np.uint32(pair >> 32)
            for s in range(bounds.shape[0]):
                a, b = bounds[s, 0], bounds[s, 1]
                pairs(np.uint32(lower[s]), keys[s, 0], keys[s, 1] ^ high, np.uint32(pair), numbers[a:b], later[a:b])
        if (step & 1) == 1:
            for i in range(numbers.size):
                numbers[i] = later[i]

    return draw


@cached_njit(**KERNEL_FLAGS)
def clear(array):
    """Set to zero."""
    for i in range(array.size):
        array[i] = 0
