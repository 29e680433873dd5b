"""The lists of what is on its way: any order of appending, draining, growing and emptying keeps what lists would hold."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from neuropil.engine.stores import buckets as compiled
from neuropil.engine.stores.buckets import BASE, BITS, FREE, Buckets, bucket_bytes, page_bits, pages


@njit
def append(memory, bucket, value):
    """As kernels call it."""
    compiled.append(memory, bucket, value)


@njit
def pass_over(memory, bucket, value):
    """An entry that is not wanted."""
    compiled.append_if(memory, memory[BITS], memory[BASE], bucket, value, False)


@njit
def drain(memory, bucket, out):
    """As kernels call it."""
    return compiled.drain(memory, bucket, out)


def test_functions_within_kernels_are_refused_from_python():
    buckets = Buckets.empty(1, 4, 1, 10)
    append(buckets.memory, 0, 1)
    with pytest.raises(TypeError):
        compiled.append(buckets.memory, 0, 1)


@pytest.mark.parametrize("shape", [(1, 4, 1), (2, 1 << 13, 1), (1, 1 << 18, 2)])
def test_buckets_are_lists(shape):
    """Pages of 64, 16 and 8 words, at the bound of what there is room for; growth in between; no page is lost."""
    draw = np.random.default_rng(1)
    capacity = 900
    buckets, lists, held = Buckets.empty(*shape, capacity), {}, 0
    assert buckets.memory[BITS] == {4: 6, 1 << 13: 4, 1 << 18: 3}[shape[1]] and buckets.nbytes == bucket_bytes(int(np.prod(shape)), capacity)
    buckets_used = draw.choice(int(np.prod(shape)), 4, replace=False).tolist()
    out = np.zeros(4000, np.int64)
    for turn in range(6000):
        bucket = buckets_used[int(draw.integers(len(buckets_used)) if turn % 3 else turn % 2)]
        pass_over(buckets.memory, bucket, -turn)
        if draw.random() < 0.97 and held < capacity:
            append(buckets.memory, bucket, turn)
            lists.setdefault(bucket, []).append(turn)
            held += 1
        else:
            n = drain(buckets.memory, bucket, out)
            assert out[:n].tolist() == lists.pop(bucket, [])
            held -= n
        if held == capacity and capacity < 3000:
            capacity *= 2
            buckets.grow(capacity)
    for bucket in list(lists):
        n = drain(buckets.memory, bucket, out)
        assert out[:n].tolist() == lists.pop(bucket)
    assert len(free_pages(buckets)) == (buckets.memory.size - buckets.memory[BASE] >> buckets.memory[BITS]) - 1


def free_pages(buckets):
    found, page = set(), int(buckets.memory[FREE])
    while page:
        assert page not in found
        found.add(page)
        page = int(buckets.memory[buckets.memory[BASE] + (page << buckets.memory[BITS])])
    return found


def test_room_is_enough_whatever_buckets_entries_go_to():
    """All in one bucket, or first one in each: never more pages than were counted."""
    for n in (1, 63, 64, 5000):
        for buckets in (1, 16, 4096):
            size = (1 << page_bits(buckets)) - 1
            spread = min(n, buckets) + max(0, n - min(n, buckets)) // size
            assert pages(buckets, n) > max(spread, -(-n // size))


def test_emptied_buckets_are_as_new():
    buckets = Buckets.empty(1, 8, 1, 200)
    for value in range(150):
        append(buckets.memory, value % 8, value)
    buckets.clear()
    np.testing.assert_array_equal(free_pages(buckets), free_pages(Buckets.empty(1, 8, 1, 200)))
    assert drain(buckets.memory, 3, np.zeros(200, np.int64)) == 0
