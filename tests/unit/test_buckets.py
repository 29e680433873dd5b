"""The lists of what is on its way: any order of appending, draining, growing and emptying keeps what lists would hold."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from neuropil.engine.buckets import Buckets, append, bucket_bytes, drain, page_bits, pages


@njit
def add(buckets, channel, slot, block, value):
    append(buckets, channel, slot, block, value)


@pytest.mark.parametrize("shape", [(1, 4, 1), (2, 1 << 13, 1), (1, 1 << 18, 2)])
def test_buckets_are_lists(shape):
    """Pages of 64, 16 and 8 entries, at the bound of what there is room for; growth in between."""
    draw = np.random.default_rng(1)
    capacity = 900
    buckets, lists, held = Buckets.empty(*shape, capacity), {}, 0
    assert 1 << page_bits(int(np.prod(shape))) == {1: 64, 2: 16, 1 << 18: 8}[shape[0] if shape[1] < 1 << 18 else 1 << 18]
    places = [tuple(int(draw.integers(n)) for n in shape) for _ in range(7)]
    out = np.zeros(4000, np.int64)
    for turn in range(6000):
        place = places[int(draw.integers(len(places)) if turn % 3 else turn % 2)]
        if draw.random() < 0.97 and held < capacity:
            add(buckets.arrays, *place, turn)
            lists.setdefault(place, []).append(turn)
            held += 1
        else:
            n = drain(buckets.arrays, *place, out)
            assert out[:n].tolist() == lists.pop(place, [])
            held -= n
        if held == capacity and capacity < 3000:
            capacity *= 2
            buckets.grow(capacity)
    for place in list(lists):
        n = drain(buckets.arrays, *place, out)
        assert out[:n].tolist() == lists.pop(place)
    free, page = set(), int(buckets.free[0])
    while page:
        assert page not in free
        free.add(page)
        page = int(buckets.link[page])
    assert len(free) == buckets.link.size - 1, "no page is lost"


def test_room_is_enough_whatever_buckets_entries_go_to():
    """One entry in every bucket, or all in one: never more pages than were counted."""
    for n in (1, 64, 65, 5000):
        for buckets in (1, 16, 4096):
            spread = min(n, buckets) + max(0, n - min(n, buckets)) // 64
            assert pages(buckets, n) > max(spread, -(-n // 64))


def test_a_list_can_be_looked_at_and_dropped():
    buckets = Buckets.empty(1, 8, 1, 200)
    for value in range(150):
        add(buckets.arrays, 0, 3, 0, value)
    assert buckets.of(3).tolist() == list(range(150)) and buckets.of(2).size == 0
    buckets.clear()
    assert buckets.of(3).size == 0
    assert buckets.nbytes <= bucket_bytes(8, 200)
