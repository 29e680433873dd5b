"""What is on its way: a list for every step ahead, in pages of one pool, so that a delay costs what is under way and no more.

A bucket, the list of one step (and accumulator, and block of targets), is a chain of pages; pages that nothing is in form a chain
of their own. Entries keep the order in which they were appended.
"""

# mypy: disable-error-code="no-untyped-def"
# (Numba infers the types of the compiled functions from their arguments.)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit


def ring_length(longest: int) -> int:
    """Steps that buckets look ahead: a power of two above the longest delay, so that a remainder is a mask."""
    return 1 << int(longest).bit_length()


def page_bits(buckets: int) -> int:
    """Entries of a page, as a power of two: fewer where there are so many buckets that pages begun would take much memory."""
    return 6 if buckets <= 1 << 13 else 4 if buckets <= 1 << 18 else 3


def pages(buckets: int, entries: int) -> int:
    """Pages that so many entries can fill or begin, whatever buckets they are in; the first is never used."""
    return 1 + (entries >> page_bits(buckets)) + min(buckets, entries)


def bucket_bytes(buckets: int, entries: int) -> int:
    """What `Buckets.empty` allocates."""
    return 16 * buckets + 8 * pages(buckets, entries) * (1 + (1 << page_bits(buckets)))


@dataclass
class Buckets:
    """The buckets of one thread.

    Attributes:
        end: int64[channels, ring, blocks], where in the pool the next entry goes if its page has room; 0 for an empty bucket.
        first: int64[channels, ring, blocks], the first page.
        pool: int64[pages << bits], entries; link: int64[pages], the page after each; free: int64[1], the first free one.
        bits: entries of a page, as a power of two.
        capacity: entries that there is room for, whatever buckets they are in.
    """

    end: np.ndarray
    first: np.ndarray
    pool: np.ndarray
    link: np.ndarray
    free: np.ndarray
    bits: int
    capacity: int

    @classmethod
    def empty(cls, channels: int, ring: int, blocks: int, capacity: int) -> Buckets:
        """Buckets with room for so many entries."""
        shape = (max(channels, 1), ring, blocks)
        bits, n = page_bits(int(np.prod(shape))), pages(int(np.prod(shape)), capacity)
        link = np.arange(1, n + 1)
        link[-1] = 0
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(n << bits, np.int64), link, np.ones(1, np.int64), bits, capacity)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What `append` and `drain` work on."""
        return self.end, self.first, self.pool, self.link, self.free, self.bits

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.end.nbytes + self.first.nbytes + self.pool.nbytes + self.link.nbytes

    def grow(self, capacity: int) -> None:
        """Make room for more entries; what is there stays."""
        old, n = self.link.size, pages(self.end.size, capacity)
        if n <= old:
            return
        link = np.concatenate([self.link, np.arange(old + 1, n + 1)])
        link[-1] = self.free[0]
        self.link, self.free[0], self.capacity = link, old, capacity
        self.pool = np.concatenate([self.pool, np.zeros((n - old) << self.bits, np.int64)])

    def clear(self) -> None:
        """Nothing is on its way."""
        channels, ring, blocks = self.end.shape
        fresh = Buckets.empty(channels, ring, blocks, self.capacity)
        self.end, self.first, self.pool, self.link, self.free = fresh.end, fresh.first, fresh.pool, fresh.link, fresh.free

    def of(self, slot: int) -> np.ndarray:
        """The entries of a step, where there is one channel and one block."""
        end, page, found = int(self.end[0, slot, 0]), int(self.first[0, slot, 0]), []
        while end:
            start, last = page << self.bits, page == (end - 1) >> self.bits
            found.append(self.pool[start : end if last else start + (1 << self.bits)])
            if last:
                break
            page = int(self.link[page])
        return np.concatenate([*found, np.empty(0, np.int64)])


@njit(nogil=True, inline="always")
def append(buckets, channel, slot, block, value):
    """Add an entry to a bucket; there must be room."""
    end, first, pool, link, free, bits = buckets
    at = end[channel, slot, block]
    if at & ((1 << bits) - 1) == 0:  # the bucket is empty, or its last page is full
        page = free[0]
        free[0] = link[page]
        if at:
            link[(at - 1) >> bits] = page
        else:
            first[channel, slot, block] = page
        at = page << bits
    pool[at] = value
    end[channel, slot, block] = at + 1


@njit(nogil=True)
def drain(buckets, channel, slot, block, out):
    """Move the entries of a bucket to out[:n], in order; returns n."""
    end, first, pool, link, free, bits = buckets
    at = end[channel, slot, block]
    if at == 0:
        return 0
    end[channel, slot, block] = 0
    page, last, n = first[channel, slot, block], (at - 1) >> bits, 0
    begun = page
    while page != last:
        for j in range(page << bits, (page + 1) << bits):
            out[n] = pool[j]
            n += 1
        page = link[page]
    for j in range(page << bits, at):
        out[n] = pool[j]
        n += 1
    link[last] = free[0]
    free[0] = begun
    return n
