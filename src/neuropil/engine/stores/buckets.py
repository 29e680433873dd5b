"""What is on its way: a list for every step ahead, in pages of one pool, so that a delay costs what is under way and no more.

A bucket, the list of one step (and accumulator, and block of targets), is a chain of pages; pages that nothing is in form a chain
of their own. Entries keep the order in which they were appended.
"""

# mypy: disable-error-code="no-untyped-def"
# (Numba infers the types of the compiled functions from their arguments.)

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuropil.codegen.kernel_cache import inner_njit


def page_bits(buckets: int) -> int:
    """Entries of a page, as a power of two: fewer where there are so many buckets that pages begun would take much memory."""
    return 6 if buckets <= 1 << 13 else 4 if buckets <= 1 << 18 else 3


def pages(buckets: int, entries: int) -> int:
    """Pages that so many entries can fill or begin, whatever buckets they are in; the first is never used."""
    return 1 + entries // ((1 << page_bits(buckets)) - 1) + min(buckets, entries)


def bucket_bytes(buckets: int, entries: int) -> int:
    """Bytes that `Buckets.empty` allocates for a number of buckets and of entries."""
    return 8 * (HEAD + 2 * buckets + (pages(buckets, entries) << page_bits(buckets)))


FREE, BITS, RING, BLOCKS, COUNT, BASE, HEAD = range(7)
"""Words of the memory before its buckets: the first free page, a page's size as a power of two, the steps ahead, the blocks, how
many buckets there are, where the pages begin. Then, for each bucket, where among the pages its next entry goes if that page has
room (0: it is empty), and for each its first page. A page begins with the number of the next one."""


@dataclass
class Buckets:
    """The buckets of one thread: bucket (channel * ring + slot) * blocks + block.

    Attributes:
        memory: int64[words], all in one array, for what is called with many arrays from a loop is not inlined.
        capacity: entries that there is room for, whatever buckets they are in.
    """

    memory: np.ndarray
    capacity: int

    @classmethod
    def empty(cls, channels: int, ring: int, blocks: int, capacity: int) -> Buckets:
        """Buckets with room for so many entries.

        Args:
            channels: their number.
            ring: steps of the ring, a power of two.
            blocks: of targets.
            capacity: entries.
        """
        count = max(channels, 1) * ring * blocks
        memory = np.zeros(bucket_bytes(count, capacity) // 8, np.int64)
        memory[:HEAD] = 1, page_bits(count), ring, blocks, count, HEAD + 2 * count
        made = cls(memory, capacity)
        made._chain(1, 0)
        return made

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.memory.nbytes

    def _chain(self, first: int, last: int) -> None:
        """Link the pages from `first` on, the end to page `last`."""
        pool = self.memory[self.memory[BASE] :]
        size = 1 << int(self.memory[BITS])
        n = pool.size // size
        pool[first * size :: size] = np.arange(first + 1, n + 1)
        if n > first:
            pool[(n - 1) * size] = last

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` entries; what is there stays."""
        old = (self.memory.size - int(self.memory[BASE])) >> int(self.memory[BITS])
        n = pages(int(self.memory[COUNT]), capacity)
        if n > old:
            free, self.capacity = int(self.memory[FREE]), capacity
            self.memory = np.concatenate([self.memory, np.zeros((n - old) << int(self.memory[BITS]), np.int64)])
            self._chain(old, free)
            self.memory[FREE] = old

    def clear(self) -> None:
        """Nothing is on its way."""
        self.memory[HEAD : self.memory[BASE]] = 0
        self.memory[FREE] = 1
        self._chain(1, 0)


@inner_njit(nogil=True)
def append(memory, bucket, value):
    """Add an entry to a bucket; there must be room."""
    append_if(memory, memory[BITS], memory[BASE], bucket, value, True)


@inner_njit(nogil=True)
def append_if(memory, bits, base, bucket, value, wanted):
    """Add an entry to a bucket if it is `wanted`; there must be room.

    It is written either way, where the next one will overwrite it or into the page that is never used: a branch on what is wanted of many
    entries would be mispredicted again and again. `bits` and `base` are what `memory` says, read once for many entries.
    """
    where = np.uint64(HEAD + bucket)
    at = memory[where]
    full = at & ((1 << bits) - 1) == 0  # the bucket is empty, or its last page is full
    if full & wanted:
        page = memory[FREE]
        memory[FREE] = memory[np.uint64(base + (page << bits))]
        if at:
            memory[np.uint64(base + (((at - 1) >> bits) << bits))] = page
        else:
            memory[np.uint64(memory[COUNT]) + where] = page
        at = (page << bits) + 1
        full = False
    memory[np.uint64(base + (0 if full else at))] = value
    memory[where] = at + np.int64(wanted)


@inner_njit(nogil=True)
def drain(memory, bucket, out):
    """Move the entries of a bucket to out[:n], in order; returns n."""
    at = memory[HEAD + bucket]
    if at == 0:
        return 0
    bits, base = memory[BITS], memory[BASE]
    memory[HEAD + bucket] = 0
    begun = memory[HEAD + memory[COUNT] + bucket]
    page, last, n = begun, (at - 1) >> bits, 0
    while True:
        start = base + (page << bits)
        stop = base + at if page == last else start + (1 << bits)
        for j in range(start + 1, stop):
            out[n] = memory[j]
            n += 1
        if page == last:
            break
        page = memory[start]
    memory[base + (last << bits)] = memory[FREE]
    memory[FREE] = begun
    return n


@inner_njit(nogil=True)
def due_now(memory, step, out):
    """`drain` for a step's bucket, where there is one channel and one block."""
    return drain(memory, step & (memory[RING] - 1), out)
