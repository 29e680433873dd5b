"""Statistics of spiking against closed forms, and against SciPy where it computes the same.

Where chance enters, the seed is fixed and the bound is a stated number of standard errors: at 5 standard errors a
correct program would fail for fewer than one seed in a million.
"""

import warnings

import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from neuropil.errors import ResultError
from neuropil.result import Spikes
from neuropil.view import (
    correlations,
    describe,
    isi_cv,
    ks_distance,
    neuron_rates,
    population_rate,
    power_spectrum,
)
from neuropil.view.statistics import welch

ONE = {"p": (0, 1)}


def poisson(size, rate_hz, duration_ms, seed=0, dt=0.1):
    """Independent Bernoulli spikes on the grid, (0, duration]."""
    rng = np.random.default_rng(seed)
    number = round(duration_ms / dt)
    fired = [np.flatnonzero(rng.random(number) < rate_hz * dt / 1000) + 1 for _ in range(size)]
    neuron = np.repeat(np.arange(size), [len(each) for each in fired])
    return Spikes.from_unsorted(np.concatenate(fired), neuron, {"p": (0, size)}, dt)


def test_rates_count_spikes_per_second_in_the_window():
    spikes = Spikes.from_unsorted([1, 5, 10, 10, 20], [0, 0, 0, 2, 2], {"p": (0, 3)}, 1.0)
    np.testing.assert_allclose(neuron_rates(spikes, "p", 0, 20), [150.0, 0.0, 100.0])
    np.testing.assert_allclose(neuron_rates(spikes, "p", 5, 10), [200.0, 0.0, 200.0])


def test_a_regular_train_has_no_irregularity():
    spikes = Spikes(np.arange(1, 1000) * 77, np.zeros(999, np.int64), ONE, 0.1)
    assert isi_cv(spikes, "p").tolist() == [0.0]


def test_cv_of_known_intervals():
    # Neuron 0 has intervals 1, 3, 1, 3: mean 2, deviation 1. Neuron 1 has two spikes and is left out. Neuron 2 has
    # intervals 2, 4: mean 3, deviation 1.
    step, neuron = [1, 2, 5, 6, 9, 1, 9, 1, 3, 7], [0, 0, 0, 0, 0, 1, 1, 2, 2, 2]
    spikes = Spikes.from_unsorted(step, neuron, {"p": (0, 3)}, 0.5)
    np.testing.assert_allclose(isi_cv(spikes, "p"), [1 / 2, 1 / 3])
    np.testing.assert_allclose(isi_cv(spikes, "p", min_spikes=4), [1 / 2])


def test_poisson_trains_have_a_cv_of_one():
    size, rate, dt = 200, 20.0, 0.1
    spikes = poisson(size, rate, 20_000.0)
    cvs = isi_cv(spikes, "p")
    assert cvs.size == size
    # Intervals on the grid are geometric: their CV is sqrt(1 - p). With n intervals a neuron's estimate has, to first
    # order, a deviation of 1 / sqrt(n) and a bias of magnitude at most 1 / n; n is about 400 here.
    n = rate * 20
    bound = 5 / np.sqrt(n * size) + 1 / n
    assert abs(cvs.mean() - np.sqrt(1 - rate * dt / 1000)) < bound


def test_independent_trains_are_uncorrelated():
    spikes = poisson(100, 20.0, 20_000.0, seed=1)
    pairs = correlations(spikes, "p", 0, 20_000)
    assert pairs.size == 100 * 99 // 2
    # A sample correlation of independent counts over n bins has a deviation of 1 / sqrt(n - 1), whatever their law.
    assert abs(pairs.mean()) < 5 / np.sqrt(9_999 * pairs.size)
    assert pairs.std() == pytest.approx(1 / np.sqrt(9_999), rel=0.1)


def test_a_planted_common_input_is_found():
    # Each neuron copies each spike of a common Poisson mother with probability c, in the same step: counts in a bin
    # are thinned Poisson, their covariance c² λ and their variance c λ, so every pair correlates by c.
    rng, copy, size, number, dt = np.random.default_rng(2), 0.3, 60, 400_000, 0.1
    mother = np.flatnonzero(rng.random(number) < 50.0 * dt / 1000) + 1
    copied = rng.random((mother.size, size)) < copy
    event, neuron = np.nonzero(copied)
    spikes = Spikes.from_unsorted(mother[event], neuron, {"p": (0, size)}, dt)
    pairs = correlations(spikes, "p", 0, number * dt)
    # About 2000 events in 20,000 bins: the mean over pairs, which share the mother, is known to a few per cent.
    assert pairs.mean() == pytest.approx(copy, abs=0.02)


def test_correlations_equal_numpy_across_blocks():
    spikes = poisson(5, 40.0, 12_000.0, seed=3)  # 6000 bins: two blocks
    edges = np.arange(6001) * 2.0
    counts = [np.histogram(train - 0.05, edges)[0] for train in spikes.trains("p")]
    expected = np.corrcoef(counts)[np.triu_indices(5, 1)]
    found = correlations(spikes, "p", 0, 12_000)
    np.testing.assert_allclose(np.sort(found), np.sort(expected), atol=1e-12)


def test_silent_neurons_and_constant_counts_take_no_part():
    # Neuron 0 fires in every 2 ms bin, neuron 3 never: neither has a correlation. Neurons 1 and 2 always fire together.
    every, some = np.arange(1, 101) * 20, np.arange(1, 21) * 100
    step = np.concatenate((every, some, some))
    neuron = np.repeat([0, 1, 2], [100, 20, 20])
    spikes = Spikes.from_unsorted(step, neuron, {"p": (0, 4)}, 0.1)
    np.testing.assert_allclose(correlations(spikes, "p", 0, 200), [1.0])


def test_the_sample_is_bounded_and_repeatable():
    spikes = poisson(300, 30.0, 500.0)
    assert correlations(spikes, "p", 0, 500, sample=20).size == 190
    first, again = (correlations(spikes, "p", 0, 500, sample=20, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_population_rate_bins_close_on_the_right():
    spikes = Spikes.from_unsorted([1, 10, 11, 20], [0, 0, 1, 1], {"p": (0, 2)}, 0.1)
    centres, rate = population_rate(spikes, "p", 0, 3.0)
    np.testing.assert_allclose(centres, [0.5, 1.5, 2.5])
    np.testing.assert_allclose(rate, [1000.0, 1000.0, 0.0])


@pytest.mark.parametrize(("length", "segment"), [(5000, 256), (5000, 255), (100, 256), (257, 256), (3, 256)])
def test_welch_equals_scipy(length, segment):
    signal = np.random.default_rng(5).normal(size=length)
    expected = scipy.signal.welch(signal, 1000.0, nperseg=min(segment, length))
    for found, wanted in zip(welch(signal, 1000.0, segment), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-18)


def test_poisson_spectrum_is_flat_at_twice_the_rate_over_the_size():
    size, rate = 100, 10.0
    frequencies, power = power_spectrum(poisson(size, rate, 60_000.0, seed=6), "p", 0, 60_000)
    inner = power[2:-1]
    # 60 s give 467 half-overlapping windows, worth about 0.5 independent ones each, and 126 frequencies that share
    # neighbours: a relative error of the mean near 1 / sqrt(60 · 1000 / 2) = 0.6 %; bounded at five times that.
    assert inner.mean() == pytest.approx(2 * rate / size, rel=0.03)
    assert frequencies[-1] == 500.0
    assert inner[:60].mean() == pytest.approx(inner[60:].mean(), rel=0.06)


def test_a_rhythm_shows_at_its_frequency():
    rng = np.random.default_rng(7)
    steps = np.arange(1, 100_001)
    drive = 20.0 * (1 + 0.8 * np.sin(2 * np.pi * 62.5 * steps * 1e-4)) * 1e-4
    fired, neuron = np.nonzero(rng.random((steps.size, 50)) < drive[:, None])
    spikes = Spikes.from_unsorted(fired + 1, neuron, {"p": (0, 50)}, 0.1)
    frequencies, power = power_spectrum(spikes, "p", 0, 10_000)
    assert frequencies[1:][np.argmax(power[1:])] == 62.5


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_ks_distance_equals_scipy(a, b):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of SciPy's about its p-value, which nobody asked for
        expected = scipy.stats.ks_2samp(a, b, method="asymp").statistic
    assert ks_distance(a, b) == pytest.approx(expected, abs=1e-12)


def test_ks_distance_of_ties_and_of_nothing():
    assert ks_distance([1, 1, 2], [1, 2, 2]) == pytest.approx(1 / 3)
    assert ks_distance([1, 2], [3, 4]) == 1.0
    with pytest.raises(ResultError, match="two samples"):
        ks_distance([], [1.0])


def test_describe_collects_every_population():
    spikes = Spikes.from_unsorted(
        [100, 200, 300, 400, 500, 100], [0, 0, 0, 1, 1, 3], {"a": (0, 3), "b": (3, 1), "none": (4, 2)}, 0.1
    )
    found = describe(spikes, 0.0, 100.0)
    assert list(found) == ["a", "b", "none"]
    assert (found["a"].rate, found["b"].rate, found["none"].rate) == pytest.approx((5 / 3 / 0.1, 10.0, 0.0))
    assert found["a"].silent == pytest.approx(1 / 3)
    assert found["a"].cv == 0.0
    assert found["none"].silent == 1.0
    assert np.isnan(found["b"].cv)
    assert np.isnan(found["b"].correlation)


def test_describe_leaves_out_the_transient():
    spikes = Spikes.from_unsorted([1, 2, 3, 900, 1000], [0] * 5, ONE, 0.1)
    assert describe(spikes, 50.0, 100.0)["p"].rate == pytest.approx(2 / 0.05)


def test_an_empty_window_is_refused():
    with pytest.raises(ResultError, match="must have a length"):
        neuron_rates(Spikes.empty(ONE, 0.1), "p", 5.0, 5.0)
