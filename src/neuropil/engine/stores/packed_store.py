"""What the loop asks of a store of synapses, and the packed store's answer.

A store files the spikes of a step and, in every step, adds what is due to the accumulators of the thread's own
neurons. How it keeps its synapses is its own affair: packed words today; plastic ones, ones drawn again from their
counters, or factored ones come as further stores, with operations of their own in the same program.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from neuropil.connectivity.draw import expected_synapses
from neuropil.connectivity.samplers import delay_steps
from neuropil.engine.ring import ring_length
from neuropil.engine.stores.buckets import Buckets, bucket_bytes
from neuropil.engine.stores.deliver import Rows, delivery, file_again, file_spikes
from neuropil.engine.stores.packed import predict_memory, source_keys
from neuropil.engine.stores.synapse_kernels import ALL_SPIKES
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result
from neuropil.plan.plan import Plan
from neuropil.plan.weight_classes import WeightClasses


class Store(Protocol):
    """Synapses of any kind.

    Attributes:
        ring: steps it looks ahead, a power of two above the longest delay.
        capacity: spikes within the last `ring` steps that it has room for.
        size: number of synapses.
    """

    ring: int
    capacity: int

    @property
    def size(self) -> int:
        """Number of synapses."""
        ...

    def operations(self) -> list[Operation]:
        """One of phase "spikes" (file the spikes published in a step) and one of phase "delivery" (add what is due)."""
        ...

    def grow(self, spikes: int) -> None:
        """Make room for so many spikes within the ring."""
        ...

    def refile(self, neurons: np.ndarray, emitted: np.ndarray, now: int) -> None:
        """File spikes of earlier steps once more, in their order, leaving out what arrived before step `now`; there must be room.

        Args:
            neurons: int64[n], global indices.
            emitted: int64[n], steps in which they fired.
        """
        ...

    def drop(self) -> None:
        """Forget all spikes that are under way."""
        ...


def packed_buffers(plan: Plan, word: Any, owners: int, blocks: int, room: int) -> list[Buffer]:
    """What the store of a word will hold.

    Args:
        owners: of neurons; blocks: of targets, of each owner.
        room: spikes on their way to have room for.
        word: type of a stored synapse.
    """
    held = predict_memory(plan.network, plan.dt, owners * blocks, plan.classes(word).of, plan.scale, word)
    made = [Buffer(f"packed synapses: {purpose}", np.uint8, size, Owner.TARGET, purpose=purpose) for purpose, size in held.items()]
    under_way = _in_flight(plan, word, blocks, room)
    return [*made, Buffer("packed synapses: segments under way", np.uint8, under_way, Owner.EACH, purpose="spikes in flight")]


def _in_flight(plan: Plan, word: Any, blocks: int, room: int) -> float:
    """Bytes that an owner's buckets of packed segments will take, for so many spikes on their way."""
    held, classes = [plan.network.projections[j] for j in plan.packed[word]], plan.classes(word)
    longest, most = 1, 0
    for name in dict.fromkeys(p.source.name for p in held):
        outgoing = [(j, plan.network.projections[j]) for j in plan.packed[word] if plan.network.projections[j].source.name == name]
        steps = [(classes.of[j], delay_steps(p, plan.dt)) for j, p in outgoing]
        degree = sum(expected_synapses(p) / p.source.size for _, p in outgoing)
        longest = max(longest, *(int(s[-1]) for _, s in steps))
        most = max(most, min(len(source_keys(steps)) * blocks, int(degree + 6.0 * np.sqrt(degree) + 6.0)))
    return 8.0 * room + bucket_bytes(len(classes.channel) * ring_length(longest) * blocks, room * most)


class PackedStore:
    """The store of packed words (`neuropil.engine.stores.packed`).

    Args:
        rows: where every neuron's segments lie.
        accumulators: the accumulators of each thread, int[channels, slots].
        blocks: target blocks per thread.
        capacity: spikes within the ring to have room for at first.
        exact: the buffers that the accumulators are.
        classes: what distinguishes segments, besides their delay.
    """

    def __init__(self, rows: Rows, accumulators: list[np.ndarray], blocks: int, capacity: int, exact: tuple[Buffer, ...], classes: WeightClasses):
        self.rows, self.accumulators, self.exact = rows, accumulators, exact
        self.channel, self.multiples = np.array(classes.channel, np.int64), np.array(classes.multiples, np.int64)
        self.under_way = Buffer("segments under way", np.int64, capacity)
        self.ring = ring_length(rows.longest_delay)
        self.segments = rows.segments_of_a_spike(blocks)
        self.buckets = [Buckets.empty(self.channel.size, self.ring, blocks, capacity * self.segments) for _ in accumulators]
        self._make_room(capacity)

    def _make_room(self, spikes: int) -> None:
        # A spike adds at most one segment to a bucket.
        self.capacity, self.due = spikes, [np.zeros(spikes, np.int64) for _ in self.accumulators]

    @property
    def size(self) -> int:
        """Number of synapses."""
        return int(self.rows.words.size)

    def operations(self) -> list[Operation]:
        """File and deliver."""
        return [
            Operation("packed synapses: file segments", Phase.SPIKES, Kernel.of(file_spikes), self._filing, ALL_SPIKES, adds=(self.under_way,)),
            Operation(
                "packed synapses: add what is due", Phase.DELIVERY, Kernel.made(delivery, int(self.rows.words.dtype == np.uint16)), self._due, (Given.STEP,), Result.EVENTS,
                updates=(self.under_way,), adds=self.exact,
            ),
        ]  # fmt: skip

    def _filing(self, thread: int) -> tuple[object, ...]:
        bucket = self.buckets[thread]
        return thread, len(self.buckets), self.rows.index, bucket.memory

    def _due(self, thread: int) -> tuple[object, ...]:
        bucket = self.buckets[thread]
        return self.rows.words, bucket.memory, self.due[thread], self.accumulators[thread], self.channel, self.multiples

    def drop(self) -> None:
        """Nothing is under way."""
        for bucket in self.buckets:
            bucket.clear()

    def grow(self, spikes: int) -> None:
        """Twice the room that is needed now.

        Args:
            spikes: that wait now.
        """
        if spikes > self.capacity:
            for bucket in self.buckets:
                bucket.grow(2 * spikes * self.segments)
            self._make_room(2 * spikes)

    def refile(self, neurons: np.ndarray, emitted: np.ndarray, now: int) -> None:
        """For every thread's share.

        Args:
            neurons, emitted, now: as of `Store.refile`.
        """
        for t, bucket in enumerate(self.buckets):
            file_again(neurons, emitted, now, t, len(self.buckets), self.rows.index, bucket.memory)
