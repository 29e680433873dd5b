"""Stimuli at native speed: the kernels that fill a thread's counts, events and currents before its neurons advance.

Random numbers are counters' values (element = index in the population, step), so a stimulus is the same for any number
of threads. On a part with several sites, arrays have a row for each, and `start` and `lower` (int64[sites]) say where a
site's elements begin, in the array and among the counters. Poisson counts come in pairs: one evaluation of the generator serves an even step and the odd one after it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from neuropil.codegen.draws import (
    count_at_least,
    draw_word,
    normal_quantile32,
    normal_quantile64,
    threefry2x32,
    to_uniform32,
    to_uniform64,
)
from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit

FEW, AT_ONCE = 4, 8
"""Thresholds of a Poisson count that are compared in registers together: where these few are enough, and otherwise."""
BLOCK = 512
"""Elements whose words are kept, in the first-level cache, where more thresholds than these are compared."""


@cached_njit(**KERNEL_FLAGS)
def poisson_counts(step, bounds, lower, keys, table, size, width, made, count, later, words):
    """Poisson counts of a step for every segment: how many thresholds a word reaches.

    The first `width` thresholds, `FEW` or a multiple of `AT_ONCE`, are compared for all; counts that reach it are rare: they are found
    afterwards and counted again with all thresholds.

    Args:
        table: uint32[segments, all], ascending, filled up with 2**32 - 1; size: int64[segments], how many there are.
        keys: uint32[segments, 2]; made: int64[1], the pair of steps that is in `count` and `later`; words: uint32[2, BLOCK], scratch.
    """
    pair = step >> 1
    if made[0] != pair or (step & 1) == 0:
        made[0] = pair
        high = np.uint32(pair >> 32)
        for s in range(bounds.shape[0]):
            key0, key1 = keys[s, 0], keys[s, 1] ^ high
            start, stop = bounds[s, 0], bounds[s, 1]
            if width == FEW:
                few = to_fixed_tuple(table[s], FEW)
                _pairs(np.uint32(lower[s]), key0, key1, np.uint32(pair), few, count[start:stop], later[start:stop])
            elif width == AT_ONCE:
                first = to_fixed_tuple(table[s], AT_ONCE)
                _pairs(np.uint32(lower[s]), key0, key1, np.uint32(pair), first, count[start:stop], later[start:stop])
            else:
                _blocks(np.uint32(lower[s]), key0, key1, np.uint32(pair), table[s], width, count[start:stop], later[start:stop], words)
        _recount(2 * pair, width, bounds, lower, keys, table, size, count)
        _recount(2 * pair + 1, width, bounds, lower, keys, table, size, later)
    if (step & 1) == 1:
        _copy(later, count)


@inner_njit(**KERNEL_FLAGS)
def _pairs(element, key0, key1, pair, thresholds, count, later):
    for i in range(count.size):
        now, next_ = threefry2x32(key0, key1, element + np.uint32(i), pair)
        count[i] = count_at_least(now, thresholds)
        later[i] = count_at_least(next_, thresholds)


@inner_njit(**KERNEL_FLAGS)
def _blocks(element, key0, key1, pair, thresholds, width, count, later, words):
    """As `_pairs`, for any number of thresholds."""
    for a in range(0, count.size, BLOCK):
        b = min(a + BLOCK, count.size)
        _words(element + np.uint32(a), key0, key1, pair, words[0, : b - a], words[1, : b - a])
        count[a:b], later[a:b] = 0, 0
        for k in range(0, width, AT_ONCE):
            more = to_fixed_tuple(thresholds[k:], AT_ONCE)
            _add(words[0], more, count[a:b])
            _add(words[1], more, later[a:b])


@inner_njit(**KERNEL_FLAGS)
def _words(element, key0, key1, pair, now, later):
    for i in range(now.size):
        now[i], later[i] = threefry2x32(key0, key1, element + np.uint32(i), pair)


@inner_njit(**KERNEL_FLAGS)
def _add(words, thresholds, count):
    for i in range(count.size):
        count[i] += count_at_least(words[i], thresholds)


@inner_njit(**KERNEL_FLAGS)
def _recount(step, width, bounds, lower, keys, table, size, count):
    """Count again, with all thresholds, where `width` of them were not enough."""
    ones = np.uint64(0x0101010101010101)
    pattern = ones * np.uint64(width)
    words = count.view(np.uint64)
    s = 0
    for line in range(words.size // 8):
        found = np.uint64(0)
        for j in range(8 * line, 8 * line + 8):
            x = words[j] ^ pattern
            found |= (x - ones) & ~x & (ones << np.uint64(7))  # some byte of the eight equals `width`
        if found:
            for i in range(64 * line, 64 * line + 64):
                if count[i] == width and i < bounds[-1, 1]:
                    while bounds[s, 1] <= i:
                        s += 1
                    if i < bounds[s, 0]:
                        continue
                    word = draw_word(keys[s, 0], keys[s, 1], np.uint32(lower[s] + i - bounds[s, 0]), step)
                    n = min(width, size[s])
                    while n < size[s] and table[s, n] <= word:
                        n += 1
                    count[i] = n


@inner_njit(**KERNEL_FLAGS)
def _copy(source, target):
    a, b = source.view(np.uint64), target.view(np.uint64)
    for j in range(a.size):
        b[j] = a[j]


@cached_njit(**KERNEL_FLAGS)
def poisson_events(step, row, start, lower, key0, key1, classes, size, table, weight, event):
    """Add weighted Poisson events of any rate; classes int32[rows, sites or 1, neurons or 1] point into table uint32[classes, width]."""
    for s in range(start.size):
        q = s if classes.shape[1] > 1 else 0
        for i in range(weight.shape[1]):
            c = classes[row, q, i if classes.shape[2] > 1 else 0]
            n = size[c]
            if n:
                word = draw_word(key0, key1, np.uint32(lower[s] + i), step)
                count = np.searchsorted(table[c, :n], word, side="right")
                event[start[s] + i] += count * weight[s, i]


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
