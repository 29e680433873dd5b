"""Poisson counts of the compiled kernels are those of the reference words (`neuropil.rng.event_words`), however elements are divided."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil import rng
from neuropil.engine.stimuli import compose
from neuropil.engine.stimuli.kernels import poisson_counts, poisson_events

KEY = rng.stream_key(7, "poisson")


def counted(step, segments, lam, gap=0):
    """Counts of segments (first element, size), as a thread would draw them, by mean."""
    stops = np.cumsum([n + gap for _, n in segments])
    bounds = np.array([(stop - n, stop) for stop, (_, n) in zip(stops, segments, strict=True)], np.int64)
    slots = int(-(-stops[-1] // 64) * 64)
    lower = np.array([first for first, _ in segments], np.int64)
    table, size = compose.padded([rng.poisson_thresholds(lam)] * len(segments))
    halves, known = compose.padded([compose.upper_halves(rng.poisson_thresholds(lam))] * len(segments))
    keys = np.array([KEY] * len(segments), np.uint32)
    count, rows = np.zeros(slots, np.uint8), np.zeros((4, slots + 64), np.uint8)
    made, undecided = np.full(1, -1, np.int64), np.zeros((slots // 32 + 1, 4), np.uint32)
    found = []
    for k in step:
        poisson_counts(k, bounds, lower, keys, halves, known, table, size, made, count, rows, undecided)
        found.append(np.concatenate([count[a:b] for a, b in bounds]))
    return np.array(found)


def reference(step, segments, lam):
    """The same from the definition."""
    element = np.concatenate([np.arange(first, first + n) for first, n in segments])
    return rng.poisson(lam, rng.event_words(KEY, element[None, :], np.array(step)[:, None]))


@pytest.mark.parametrize("lam", [0.001, 0.18, 2.32, 8.0])
def test_counts_are_those_of_the_reference(lam):
    """Segments that begin with odd and even elements, shorter and longer than a vector; steps from the middle of four, and beyond 2**34."""
    segments = [(0, 5), (31, 1), (7, 1000), (4096, 333), (2**31 + 1, 70)]
    for step in (range(10), [2, 3, 4, 9], [2**34 + 1, 2**34 + 2, 2**34 + 5]):
        np.testing.assert_array_equal(counted(step, segments, lam, gap=3), reference(step, segments, lam))


def test_draws_on_a_threshold_are_decided_by_the_lower_half():
    """Among 3.2 million draws some hundreds fall on the upper half of a threshold, on either side of it."""
    lam, segments, step = 1.8, [(1, 80_000)], range(40)
    words = rng.event_words(KEY, np.arange(1, 80_001)[None, :], np.arange(40)[:, None])
    thresholds = rng.poisson_thresholds(lam)
    on = np.isin(words >> np.uint32(16), thresholds >> np.uint32(16))
    coarse = rng.poisson(lam, words & np.uint32(0xFFFF0000))
    assert 200 < np.count_nonzero(on) < 2000 and np.count_nonzero(coarse != rng.poisson(lam, words)) > 50
    np.testing.assert_array_equal(counted(step, segments, lam), rng.poisson(lam, words))


def test_events_of_any_rates_are_those_of_the_same_words():
    rates = np.array([0.02, 0.0, 3.0, 40.0])
    table, size = compose.padded([rng.poisson_thresholds(x) for x in rates])
    classes, weight = (np.arange(3000) % 4).astype(np.int32).reshape(1, 1, -1), np.full((1, 3000), 2.0)
    for step in (0, 5, 2**34 + 3):
        event = np.zeros(3000)
        poisson_events(step, 0, np.zeros(1, np.int64), np.full(1, 9, np.int64), *KEY, classes, size, table, weight, event)
        words = rng.event_words(KEY, np.arange(9, 3009), np.uint64(step))
        np.testing.assert_array_equal(event, [2.0 * rng.poisson(rates[i % 4], w) for i, w in enumerate(words)])
