"""Spikes to synapses: push a spike's segments into the steps they arrive in, and add the segments that are due.

When a neuron fires, its row of segment bounds is read once and each segment goes to the bucket of the step in which it
arrives (`neuropil.engine.stores.buckets`), so that a step walks one list. Weights are whole multiples of a weight scale and their sums exact: no order of events, and hence no
number of threads, can change a result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.threads import prefetch
from neuropil.engine.layout import BLOCK
from neuropil.engine.stores.buckets import BASE, BITS, BLOCKS, RING, append_if, drain
from neuropil.engine.stores.packed import PackedSynapses, signed_words
from neuropil.errors import NetworkError
from neuropil.plan.plan import Plan

LENGTH_BITS = 24
LENGTHS = 1 << LENGTH_BITS
"""Bound of a segment's length: a start and a length share a word, so that filing a segment touches one cache line."""

AHEAD = 10
"""Segments prefetched ahead of the one being added: hides the latency of main memory."""


SPIKES_AHEAD = 16
"""Spikes whose segment bounds are prefetched ahead."""


@dataclass(frozen=True)
class Rows:
    """The store's index, shared by all threads: where each neuron's segments lie.

    Attributes:
        population: uint16[neurons], index of a neuron's population among the sources.
        first: int64[populations], global index of its first neuron.
        key_start: int64[populations + 1], its range in `channel` and `delay`.
        channel, delay: int32[keys]; the first is the class of the segments (`neuropil.plan.weight_classes`).
        offset_start: int64[populations], start of its part of `offsets`.
        offsets: uint32[...], segment bounds within rows, as in `PackedSynapses`, population after population.
        row_start: int64[neurons + 1].
        words: int32 or int64, one per synapse; uint16 where they have no weights.
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
        """The index of a store whose source populations have these sizes.

        Raises:
            NetworkError: too many synapses of one neuron, or too many populations.
        """
        longest = int(np.diff(store.row_start).max(initial=0))
        if longest >= LENGTHS or len(sizes) > 0xFFFF:
            raise NetworkError(
                "the synapses do not fit the packed store",
                got=f"{longest} synapses of one neuron, {len(sizes)} populations",
                expected=f"below {LENGTHS} and {0xFFFF}",
                fix="divide the source among more neurons, or merge populations",
            )
        first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        keys = np.concatenate([*store.keys, np.empty((0, 2), np.int32)]).astype(np.int32)
        lengths = [o.size for o in store.offsets]
        return cls(
            np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes),
            first[:-1],
            np.concatenate([[0], np.cumsum([len(k) for k in store.keys])]).astype(np.int64),
            np.ascontiguousarray(keys[:, 0]),
            np.ascontiguousarray(keys[:, 1]),
            np.concatenate([[0], np.cumsum(lengths)])[:-1].astype(np.int64),
            np.concatenate([o.ravel() for o in store.offsets]) if len(lengths) > 1 else store.offsets[0].ravel(),
            store.row_start,
            signed_words(store.words),
        )

    @classmethod
    def empty(cls, sizes: list[int], word: type) -> Rows:
        """The index of no synapses at all.

        Args:
            sizes: of the source populations.
            word: type of a stored synapse.
        """
        none = np.zeros((0, 2), np.int32)
        offsets = [np.zeros((size, 1, 1), np.uint32) for size in sizes]
        starts = np.zeros(sum(sizes) + 1, np.int64)
        return cls.of(PackedSynapses(np.zeros(0, word), starts, [none] * len(sizes), offsets, [], []), sizes)

    @cached_property
    def index(self) -> tuple[np.ndarray, ...]:
        """The arrays that filing a spike reads: one tuple, so that a look at it tells whether they are still the same."""
        return (self.population, self.first, self.key_start, self.channel, self.delay, self.offset_start, self.offsets,
                self.row_start)  # fmt: skip

    def segments_of_a_spike(self, blocks: int) -> int:
        """The most segments of a neuron's row within a thread's blocks."""
        longest = int(np.diff(self.row_start).max(initial=0))
        return min(longest, int(np.diff(self.key_start).max(initial=0)) * blocks)

    @property
    def longest_delay(self) -> int:
        """In steps; at least 1."""
        return int(self.delay.max(initial=1))


def first_capacity(plan: Plan) -> int:
    """Spikes on their way that there is room for to begin with; bursts enlarge it."""
    return max(1024, min(plan.network.size, 1 << 14))


@inner_njit(nogil=True)
def look_up(neuron, thread, all_blocks, rows, blocks):
    """Prefetch the segment bounds of a neuron that `push` will read soon."""
    population, first, key_start, _, _, offset_start, offsets, row_start = rows
    p = population[neuron]
    keys = key_start[p + 1] - key_start[p]
    bound = offset_start[p] + ((neuron - first[p]) * all_blocks + thread * blocks) * (keys + 1)
    for j in range(bound, bound + blocks * (keys + 1) + 16, 16):
        prefetch(offsets, j)
    prefetch(row_start, np.int64(neuron))


@inner_njit(nogil=True)
def push(neuron, step, age, thread, all_blocks, rows, buckets):
    """File the segments of a neuron that fired in `step`, `age` steps ago; arrivals that are over by now are left out.

    `rows` is `Rows.index`; only the blocks of `thread` are filed.
    """
    population, first, key_start, channel, delay, offset_start, offsets, row_start = rows
    # Unsigned indices throughout: Numba tests a signed one for being negative.
    who = np.uint64(neuron)
    p = np.uint64(population[who])
    k0 = np.uint64(key_start[p])
    keys = np.uint64(key_start[p + np.uint64(1)]) - k0
    ring, blocks, bits, base = buckets[RING], buckets[BLOCKS], buckets[BITS], buckets[BASE]
    row = row_start[who]
    bound = np.uint64(offset_start[p] + ((neuron - first[p]) * all_blocks + thread * blocks) * np.int64(keys + np.uint64(1)))
    for b in range(blocks):
        start = np.int64(offsets[bound])
        for k in range(k0, k0 + keys):
            bound += np.uint64(1)
            stop, late = np.int64(offsets[bound]), np.int64(delay[k])
            bucket = (channel[k] * ring + ((step + late) & (ring - 1))) * blocks + b
            append_if(buckets, bits, base, bucket, (row + start) * LENGTHS + (stop - start), (stop > start) & (late > age))
            start = stop
        bound += np.uint64(1)


@cached_njit(nogil=True)
def file_spikes(step, published, bounds, thread, threads, rows, buckets):
    """File the segments of every neuron that any owner published for `step`, in the blocks of one of the threads that share the rows."""
    blocks = buckets[BLOCKS]
    for t in range(bounds.shape[0]):
        begin, end = bounds[t, 0], bounds[t, 1]
        for q in range(begin, min(begin + SPIKES_AHEAD, end)):
            look_up(published[t, q], thread, threads * blocks, rows, blocks)
        for q in range(begin, end):
            if q + SPIKES_AHEAD < end:
                look_up(published[t, q + SPIKES_AHEAD], thread, threads * blocks, rows, blocks)
            push(published[t, q], step, 0, thread, threads * blocks, rows, buckets)


@cached_njit(nogil=True)
def file_again(neurons, emitted, now, thread, threads, rows, buckets):
    """File spikes of earlier steps once more, leaving out what arrived before step `now`."""
    for q in range(neurons.size):
        push(neurons[q], emitted[q], now - 1 - emitted[q], thread, threads * buckets[BLOCKS], rows, buckets)


@cache
def delivery(alike: int) -> Callable[..., Any]:
    """The kernel that adds the synapses that are due at the end of a step to the accumulators int[channels, slots], and returns how many.

    Its further arguments: due, room for the segments of a bucket; of each class its channel and its weight.

    Args:
        alike: 1 where the synapses of a class weigh the same and words are targets, 0 where each word has a weight.
    """
    add_one = _add_weight if alike else _add_word

    @inner_njit(**KERNEL_FLAGS)
    def add(words, segments, n, weight, target):  # type: ignore[no-untyped-def]
        events = 0
        for q in range(min(AHEAD, n)):
            _fetch(words, segments[q])
        for q in range(n):
            if q + AHEAD < n:
                _fetch(words, segments[q + AHEAD])
            start = segments[q] >> LENGTH_BITS
            stop = start + (segments[q] & (LENGTHS - 1))
            events += stop - start
            for j in range(np.uint64(start), np.uint64(stop)):
                add_one(target, words[j], weight)
        return events

    @cached_njit(nogil=True)
    def deliver(step, words, buckets, due, arrived, channel, multiples):  # type: ignore[no-untyped-def]
        ring, blocks = buckets[RING], buckets[BLOCKS]
        events = 0
        for c in range(channel.size):
            for b in range(blocks):
                n = drain(buckets, (c * ring + (step & (ring - 1))) * blocks + b, due)
                if n:
                    events += add(words, due, n, multiples[c], arrived[channel[c], b * BLOCK :])
        return events

    return deliver


@inner_njit(inline="always", **KERNEL_FLAGS)
def _add_word(target, word, weight):
    """What a word of a target and its own weight adds to the accumulators of a block."""
    target[word & 0xFFFF] += word >> 16


@inner_njit(inline="always", **KERNEL_FLAGS)
def _add_weight(target, word, weight):
    """What a word that is a target adds: `weight`, as all of its class."""
    target[word] += weight


@inner_njit(nogil=True, inline="always")
def _fetch(words, segment):
    start = segment >> LENGTH_BITS
    for j in range(start, start + (segment & (LENGTHS - 1)), 64 // words.itemsize):
        prefetch(words, j)
