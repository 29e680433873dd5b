"""Spikes to synapses: push a spike's segments into the steps they arrive in, and add the segments that are due.

When a neuron fires, its row of segment bounds is read once and each segment goes to the bucket of the step in which it
arrives, so that a step walks one list. Weights are whole quanta and their sums exact: no order of events, and hence no
number of threads, can change a result. These are the operations of the packed store; another kind of store (plastic,
regenerated, factored) brings its own `push` and `deliver` and leaves the loop as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from neuropil.engine.layout import BLOCK
from neuropil.engine.packed import PackedSynapses
from neuropil.lower.flags import KERNEL_FLAGS
from neuropil.lower.threads import prefetch

AHEAD = 10
"""Segments prefetched ahead of the one being added: hides the latency of main memory."""


@dataclass
class Rows:
    """The store's index, shared by all threads: where each neuron's segments lie.

    Attributes:
        population: uint16[neurons], place of a neuron's population among the sources.
        first: int64[populations], global index of its first neuron.
        key_start: int64[populations + 1], its range in `channel` and `delay`.
        channel, delay: int32[keys].
        offset_start: int64[populations], start of its part of `offsets`.
        offsets: uint32[...], segment bounds within rows, as in `PackedSynapses`, population after population.
        row_start: int64[neurons + 1].
        words: int32 or int64, one per synapse.
    """

    population: np.ndarray
    first: np.ndarray
    key_start: np.ndarray
    channel: np.ndarray
    delay: np.ndarray
    offset_start: np.ndarray
    offsets: np.ndarray
    row_start: np.ndarray
    words: np.ndarray

    @classmethod
    def of(cls, store: PackedSynapses, sizes: list[int]) -> Rows:
        """The index of a store whose source populations have these sizes."""
        first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        keys = np.concatenate([*store.keys, np.empty((0, 2), np.int32)]).astype(np.int32)
        lengths = [o.size for o in store.offsets]
        signed = np.int32 if store.words.dtype == np.uint32 else np.int64
        return cls(
            np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes),
            first[:-1],
            np.concatenate([[0], np.cumsum([len(k) for k in store.keys])]).astype(np.int64),
            np.ascontiguousarray(keys[:, 0]),
            np.ascontiguousarray(keys[:, 1]),
            np.concatenate([[0], np.cumsum(lengths)])[:-1].astype(np.int64),
            np.concatenate([o.ravel() for o in store.offsets]) if len(lengths) != 1 else store.offsets[0].ravel(),
            store.row_start,
            store.words.view(signed),
        )

    @property
    def longest_delay(self) -> int:
        """In steps; at least 1."""
        return int(self.delay.max(initial=1))


@dataclass
class Buckets:
    """What one thread has to deliver, by channel, arrival step (modulo the ring) and block.

    Attributes:
        begin, end: int64[channels, ring, blocks, capacity], segments as ranges of words.
        fill: int64[channels, ring, blocks], how many there are.
    """

    begin: np.ndarray
    end: np.ndarray
    fill: np.ndarray

    @classmethod
    def empty(cls, channels: int, ring: int, blocks: int, capacity: int) -> Buckets:
        """Buckets of this capacity."""
        shape = (max(channels, 1), ring, blocks)
        return cls(np.zeros((*shape, capacity), np.int64), np.zeros((*shape, capacity), np.int64), np.zeros(shape, np.int64))

    @property
    def capacity(self) -> int:
        """Segments each bucket can hold."""
        return self.begin.shape[-1]

    def grown(self, capacity: int) -> Buckets:
        """The same contents with more room."""
        new = Buckets.empty(*self.fill.shape, capacity)
        new.begin[..., : self.capacity] = self.begin
        new.end[..., : self.capacity] = self.end
        new.fill[...] = self.fill
        return new


def ring_length(longest_delay: int) -> int:
    """Steps the buckets look ahead: a power of two, so that a remainder is a mask."""
    return 1 << int(longest_delay).bit_length()


@njit(nogil=True)
def push(neuron, step, age, thread, all_blocks, rows, begin, end, fill):
    """File the segments of a neuron that fired in `step`, `age` steps ago; arrivals that are over by now are left out.

    `rows` is the tuple of the arrays of `Rows` up to row_start; only the blocks of `thread` are filed.
    """
    population, first, key_start, channel, delay, offset_start, offsets, row_start = rows
    p = population[neuron]
    k0 = key_start[p]
    keys = key_start[p + 1] - k0
    if keys == 0:
        return
    mask = fill.shape[1] - 1
    blocks = fill.shape[2]
    row = row_start[neuron]
    bound = offset_start[p] + ((neuron - first[p]) * all_blocks + thread * blocks) * (keys + 1)
    for b in range(blocks):
        start = row + offsets[bound]
        for k in range(keys):
            stop = row + offsets[bound + k + 1]
            if stop > start and delay[k0 + k] > age:
                c = channel[k0 + k]
                slot = (step + delay[k0 + k]) & mask
                n = fill[c, slot, b]
                begin[c, slot, b, n] = start
                end[c, slot, b, n] = stop
                fill[c, slot, b] = n + 1
            start = stop
        bound += keys + 1


@njit(nogil=True)
def deliver(step, words, begin, end, fill, arrived):
    """Add the synapses that are due at the end of `step` to the accumulators int[channels, slots]; returns how many."""
    slot = step & (fill.shape[1] - 1)
    events = 0
    for c in range(fill.shape[0]):
        for b in range(fill.shape[2]):
            n = fill[c, slot, b]
            if n:
                fill[c, slot, b] = 0
                events += _add(words, begin[c, slot, b], end[c, slot, b], n, arrived[c, b * BLOCK :])
    return events


@njit(**KERNEL_FLAGS)
def _add(words, begin, end, n, target):
    """Sum n segments of words into the accumulators of one block."""
    line = 64 // words.itemsize
    events = 0
    for q in range(min(AHEAD, n)):
        for j in range(begin[q], end[q], line):
            prefetch(words, j)
    for q in range(n):
        if q + AHEAD < n:
            for j in range(begin[q + AHEAD], end[q + AHEAD], line):
                prefetch(words, j)
        a, b = begin[q], end[q]
        events += b - a
        for j in range(np.uint64(a), np.uint64(b)):
            word = words[j]
            target[word & 0xFFFF] += word >> 16
    return events
