"""Who owns which neuron: the division of a plan over owners, and where a neuron lies in its owner's arrays.

An owner is a thread; owners may be in several processes, each of which has the parts of its own threads alone. Each thread owns an equal, contiguous part of every population, so load is even whatever the populations do, and all
elements of its neurons: their branches, their synapse locations. Within a thread the batches of the plan follow one
another; an element's *slot* is its index there, and 65,536 slots make a *block*, the reach of a packed synapse's 16-bit
target. Of a part with several sites, the thread's neurons lie together site by site,

    slot = start + site * neurons + (neuron - lower),

so that a loop over a site runs over neurons. Results never depend on the division.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuropil.model.contents.contents import Population
from neuropil.plan.parts import PlannedPart
from neuropil.plan.plan import Plan

BLOCK = 1 << 16
ALIGN = 64  # slots: keeps every batch's slice on its own cache lines in every array
ALIGN_MEMBER = 16
"""Slots: the neurons of a member of a batch begin on a cache line of 32-bit numbers, unless they are fewer than `ALIGN`."""


@dataclass(frozen=True)
class Slice:
    """The slots of a part of a population within one thread.

    Attributes:
        start: the first slot.
        lower, neurons: the first owned neuron of the population, and how many.
        sites: of the part in each neuron.
    """

    start: int
    lower: int
    neurons: int
    sites: int

    @property
    def stop(self) -> int:
        """The slot after the last."""
        return self.start + self.neurons * self.sites


@dataclass(frozen=True)
class Partition:
    """What one thread owns. A *segment* is one site of one member of an batch: the slots of the neurons owned.

    Attributes:
        start: first slot of each batch, and the end of the last.
        bounds: for each batch, int64[segments, 2], where its segments begin and end, relative to its start.
        lower: for each batch, int64[segments], the counter of random numbers of a segment's first element.
        size: number of slots, padding included.
        elements: int32[size], the element in each slot (-1 for padding); the first elements are the neurons.
        slices: (population, part) -> its slots.
    """

    start: tuple[int, ...]
    bounds: tuple[np.ndarray, ...]
    lower: tuple[np.ndarray, ...]
    size: int
    elements: np.ndarray
    slices: dict[tuple[str, str], Slice]


@dataclass(frozen=True)
class Layout:
    """The shares of the threads of this process, and the slot of every element in them.

    Attributes:
        shares: one per thread.
        blocks: blocks per thread.
        thread_of, slot_of: int32[elements]; an element of another process has thread -1.
        mine: which of all owners the threads are; owners: how many there are.
    """

    shares: tuple[Partition, ...]
    blocks: int
    thread_of: np.ndarray
    slot_of: np.ndarray
    mine: range
    owners: int

    @classmethod
    def of(cls, plan: Plan, owners: int, mine: range | None = None) -> Layout:
        """The neurons of a plan divided over a number of owners, with the shares of some of them.

        Args:
            owners: their number.
            mine: whose shares are taken; None: all.
        """
        mine = range(owners) if mine is None else mine
        shares = tuple(_share(plan, t, owners) for t in mine)
        thread_of = np.full(plan.elements, -1, np.int32)
        slot_of = np.zeros(plan.elements, np.int32)
        for t, share in enumerate(shares):
            real = share.elements >= 0
            thread_of[share.elements[real]] = t
            slot_of[share.elements[real]] = np.flatnonzero(real)
        blocks = max(-(-s.size // BLOCK) for s in shares)
        return cls(shares, max(blocks, 1), thread_of, slot_of, mine, owners)

    @property
    def whole(self) -> bool:
        """Whether all owners are threads of this process."""
        return len(self.mine) == self.owners

    def owned(self, population: Population) -> slice | None:
        """The neurons of a population that threads of this process own; None: all of them."""
        if self.whole:
            return None
        return slice(part(population.size, self.mine.start, self.owners)[0], part(population.size, self.mine.stop - 1, self.owners)[1])

    def slice(self, population: Population, part: str, thread: int) -> Slice:
        """Where a part of a population lies in a thread's arrays."""
        return self.shares[thread].slices[population.name, part]

    @property
    def block_of(self) -> np.ndarray:
        """uint16[elements], numbered over all threads (0 of an element of another process)."""
        return (np.maximum(self.thread_of, 0) * self.blocks + self.slot_of // BLOCK).astype(np.uint16)

    @property
    def local_of(self) -> np.ndarray:
        """uint16[elements], slot within the block."""
        return (self.slot_of % BLOCK).astype(np.uint16)


def part(size: int, thread: int, threads: int) -> tuple[int, int]:
    """The owned range of a population of this size.

    Args:
        size: neurons of the population.
        thread: number of the thread; threads: how many there are.
    """
    return size * thread // threads, size * (thread + 1) // threads


def _share(plan: Plan, thread: int, threads: int) -> Partition:
    start, bounds, lower, elements, slices, slot = [0], [], [], [], {}, 0
    for batch in plan.batches:
        segments, firsts, end = [], [], 0
        for member in batch.members:
            planned = plan.parts[member.population.name, member.part]
            a, b = part(member.population.size, thread, threads)
            if b - a >= ALIGN:
                elements.append(np.full(-end % ALIGN_MEMBER, -1))
                end += -end % ALIGN_MEMBER
            slices[member.population.name, member.part] = Slice(slot + end, a, b - a, member.sites)
            for site in range(member.sites):
                firsts.append(site * member.population.size + a)
                segments.append((end, end + b - a))
                end += b - a
            elements.append(_elements(planned, a, b))
        bounds.append(np.array(segments, np.int64).reshape(-1, 2))
        lower.append(np.array(firsts, np.int64))
        elements.append(np.full(-end % ALIGN, -1))
        slot += end + -end % ALIGN
        start.append(slot)
    ids = np.concatenate(elements).astype(np.int32) if elements else np.empty(0, np.int32)
    return Partition(tuple(start), tuple(bounds), tuple(lower), slot, ids, slices)


def _elements(planned: PlannedPart, a: int, b: int) -> np.ndarray:
    """The elements of neurons a … b-1, one site after the other."""
    sites = planned.part.sites
    return (planned.first + np.arange(a, b) * sites + np.arange(sites)[:, None]).ravel()
