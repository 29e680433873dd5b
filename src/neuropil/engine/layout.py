"""Who owns which neuron: the division of a plan over threads, and where a neuron lies in its owner's arrays.

Each thread owns an equal, contiguous part of every population, so load is even whatever the populations do. Within a
thread the groups follow one another; a neuron's *slot* is its place there, and 65,536 slots make a *block*, the reach
of a packed synapse's 16-bit target. Results never depend on the division.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuropil.lower.plan import Plan

BLOCK = 1 << 16
ALIGN = 64  # slots: keeps every group's slice on its own cache lines in every array


@dataclass(frozen=True)
class Share:
    """What one thread owns.

    Attributes:
        start: first slot of each group.
        bounds: for each group, int64[members + 1], ends of its populations relative to the group's start.
        lower: for each group and member, the first owned index within the population.
        size: number of slots, padding included.
        neurons: int32[size], global index of the neuron in each slot (-1 for padding).
    """

    start: tuple[int, ...]
    bounds: tuple[np.ndarray, ...]
    lower: tuple[tuple[int, ...], ...]
    size: int
    neurons: np.ndarray


@dataclass(frozen=True)
class Layout:
    """The shares of all threads, and the place of every neuron.

    Attributes:
        shares: one per thread.
        blocks: blocks per thread.
        thread_of, slot_of: int32[neurons].
    """

    shares: tuple[Share, ...]
    blocks: int
    thread_of: np.ndarray
    slot_of: np.ndarray

    @classmethod
    def of(cls, plan: Plan, threads: int) -> Layout:
        """Divide a plan."""
        shares = tuple(_share(plan, t, threads) for t in range(threads))
        thread_of = np.empty(plan.network.size, np.int32)
        slot_of = np.empty(plan.network.size, np.int32)
        for t, share in enumerate(shares):
            real = share.neurons >= 0
            thread_of[share.neurons[real]] = t
            slot_of[share.neurons[real]] = np.flatnonzero(real)
        blocks = max(-(-s.size // BLOCK) for s in shares)
        return cls(shares, max(blocks, 1), thread_of, slot_of)

    @property
    def block_of(self) -> np.ndarray:
        """uint16[neurons], numbered over all threads."""
        return (self.thread_of * self.blocks + self.slot_of // BLOCK).astype(np.uint16)

    @property
    def local_of(self) -> np.ndarray:
        """uint16[neurons], place within the block."""
        return (self.slot_of % BLOCK).astype(np.uint16)


def part(size: int, thread: int, threads: int) -> tuple[int, int]:
    """The owned range of a population of this size."""
    return size * thread // threads, size * (thread + 1) // threads


def _share(plan: Plan, thread: int, threads: int) -> Share:
    start, bounds, lower, neurons, slot = [], [], [], [], 0
    for group in plan.groups:
        start.append(slot)
        ends, firsts = [0], []
        for member in group.members:
            a, b = part(member.population.size, thread, threads)
            firsts.append(a)
            ends.append(ends[-1] + b - a)
            neurons.append(np.arange(member.population.first + a, member.population.first + b))
        bounds.append(np.array(ends, np.int64))
        lower.append(tuple(firsts))
        padding = -ends[-1] % ALIGN
        neurons.append(np.full(padding, -1))
        slot += ends[-1] + padding
    ids = np.concatenate(neurons).astype(np.int32) if neurons else np.empty(0, np.int32)
    return Share(tuple(start), tuple(bounds), tuple(lower), slot, ids)
