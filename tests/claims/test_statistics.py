"""Intervals against closed forms, and their coverage against the distribution they are meant for."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from neuropil import rng
from neuropil.claims.statistics import (
    ENUMERATED,
    _resamples,
    mean_interval,
    of_means,
    paired_difference,
    paired_ratio,
    r_squared,
    wilson,
)
from neuropil.errors import NeuropilError


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_enumerated_bootstrap_is_the_bootstrap(n):
    """Against all n**n ordered resamples."""
    counts, chance = _resamples(n)
    assert counts.shape == (math.comb(2 * n - 1, n), n)
    assert np.all(counts.sum(axis=1) == n) and chance.sum() == pytest.approx(1, abs=1e-12)
    values = rng.generator(1, "t", n).normal(size=n)
    brute = np.sort([np.mean(values[list(rows)]) for rows in itertools.product(range(n), repeat=n)])
    mean = counts @ values / n
    assert chance @ mean == pytest.approx(values.mean())
    assert chance @ (mean - values.mean()) ** 2 == pytest.approx(values.var() / n)  # the bootstrap's closed form
    for q in (0.1, 0.5, 0.9):
        assert chance[mean <= np.quantile(brute, q) + 1e-12].sum() == pytest.approx((brute <= np.quantile(brute, q) + 1e-12).mean())


@pytest.mark.parametrize(("n", "least"), [(5, 0.90), (8, 0.92), (10, 0.92)])
def test_coverage(n, least):
    """The share of intervals that hold the true mean of normal values; 2,000 of them, so the standard error is 0.006 and a
    true coverage two hundredths above `least` fails once in 2,000 runs (the draws are seeded, so in fact never or always)."""
    drawn = rng.generator(3, "coverage", n).normal(size=(2000, n))
    intervals = [mean_interval(row) for row in drawn]
    covered = np.mean([i.low <= 0 <= i.high for i in intervals])
    assert least <= covered <= 0.975


def test_equal_values_have_an_interval_of_no_width():
    interval = mean_interval([0.1] * 5)
    assert interval.value == pytest.approx(0.1) and interval.low == interval.high == pytest.approx(0.1)
    assert mean_interval([0.1] * (ENUMERATED + 3)).low == pytest.approx(0.1)


def test_one_value_has_no_interval():
    assert mean_interval([2.0]) == type(mean_interval([2.0]))(2.0, -math.inf, math.inf)


def test_pairing_removes_what_the_pairs_share():
    shared = rng.generator(4, "shared").normal(size=5) * 100
    difference = paired_difference(shared + 1.0, shared)
    assert difference.value == pytest.approx(1) and difference.high - difference.low < 1e-9
    ratio = paired_ratio(3 * shared, shared)
    assert ratio.low == pytest.approx(3) and ratio.high == pytest.approx(3)


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(NeuropilError, match="one length"):
        of_means(lambda a, b: a, [1.0, 2.0], [1.0])
    with pytest.raises(NeuropilError, match="one length"):
        mean_interval([])


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (50, 100), (100, 100)])
def test_wilson_solves_its_equation(k, n):
    """The bounds are the p at which the score test (p̂ − p)² = z² p (1 − p) / n just rejects."""
    interval, z2 = wilson(k, n), 1.959963984540054**2
    assert interval.value == k / n and 0 <= interval.low <= k / n <= interval.high <= 1
    for p in (interval.low, interval.high):
        assert (k / n - p) ** 2 == pytest.approx(z2 * p * (1 - p) / n, abs=1e-12)


def test_wilson_refuses_what_is_no_proportion():
    with pytest.raises(NeuropilError, match="not a proportion"):
        wilson(3, 2)


def test_r_squared():
    truth = np.array([1.0, 2.0, 3.0])
    assert r_squared(truth, truth) == 1 and r_squared(truth, np.full(3, 2.0)) == 0
