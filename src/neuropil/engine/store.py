"""What the loop asks of a store of synapses, and the packed store's answer.

A store takes note of the spikes of a step and, in every step, adds what is due to the accumulators of the thread's own
neurons. How it keeps its synapses is its own affair: packed words today; plastic ones, ones drawn again from their
counters, or factored ones come as further stores, with operations of their own in the same program.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from neuropil.engine.deliver import Buckets, Rows, off_sets, push, ring_length
from neuropil.engine.program import Operation


class Store(Protocol):
    """Synapses of any kind.

    Attributes:
        ring: steps it looks ahead, a power of two above the longest delay.
        capacity: spikes within the last `ring` steps that it has room for.
    """

    ring: int

    @property
    def capacity(self) -> int: ...

    def operations(self) -> list[Operation]:
        """One of phase "spikes" (note the spikes published in a step) and one of phase "delivery" (add what is due)."""
        ...

    def grow(self, spikes: int) -> None:
        """Make room for so many spikes within the ring."""
        ...

    def refile(self, neuron: int, emitted: int, now: int) -> None:
        """Note a spike of an earlier step once more, leaving out what arrived before step `now`."""
        ...

    def drop(self) -> None:
        """Forget all spikes that are under way."""
        ...


class PackedStore:
    """The store of packed words (`neuropil.engine.packed`).

    Args:
        rows: where every neuron's segments lie.
        arrived: the accumulators of each thread, int[channels, slots].
        blocks: target blocks per thread.
        capacity: spikes within the ring to have room for at first.
    """

    def __init__(self, rows: Rows, arrived: list[np.ndarray], blocks: int, capacity: int):
        self.rows, self.arrived = rows, arrived
        self.ring = ring_length(rows.longest_delay)
        channels = arrived[0].shape[0]
        self.buckets = [Buckets.empty(channels, self.ring, blocks, off_sets(capacity)) for _ in arrived]

    @property
    def capacity(self) -> int:
        """A spike adds at most one segment to a bucket."""
        return self.buckets[0].capacity

    def operations(self) -> list[Operation]:
        """File and deliver."""
        module = "from neuropil.engine.deliver import "
        return [
            Operation(
                "spikes", "packed synapses: file segments", ("file_spikes", module + "file_spikes"),
                "k - 1, thread, threads, published, count, *a", self._filing,
            ),
            Operation("delivery", "packed synapses: add what is due", ("deliver", module + "deliver"), "k, *a", self._due, "events"),
        ]  # fmt: skip

    def _filing(self, thread: int) -> tuple[object, ...]:
        bucket = self.buckets[thread]
        return self.rows.index, bucket.segments, bucket.fill

    def _due(self, thread: int) -> tuple[object, ...]:
        bucket = self.buckets[thread]
        return self.rows.words, bucket.segments, bucket.fill, self.arrived[thread]

    def drop(self) -> None:
        """Nothing is under way."""
        for bucket in self.buckets:
            bucket.fill[:] = 0

    def grow(self, spikes: int) -> None:
        """Twice the room that is needed now."""
        if spikes > self.capacity:
            self.buckets = [b.grown(off_sets(2 * spikes)) for b in self.buckets]

    def refile(self, neuron: int, emitted: int, now: int) -> None:
        """For every thread's share."""
        blocks = self.buckets[0].fill.shape[2]
        for t, bucket in enumerate(self.buckets):
            push(
                neuron, emitted, now - 1 - emitted, t, blocks * len(self.buckets), self.rows.index, bucket.segments, bucket.fill
            )
