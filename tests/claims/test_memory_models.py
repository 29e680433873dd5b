"""The helpers of B2, C7, D12 and E11 against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neuropil.claims import b2_acetylcholine as b2
from neuropil.claims import c7_hopfield as c7
from neuropil.claims import e11_synaptic_caching as e11
from neuropil.rng import generator


def test_one_pattern_is_stable_and_attracts():
    g = generator(1, "test")
    xi = np.where(g.random((1, 200)) < 0.5, -1.0, 1.0)
    w = c7.hebb(xi)
    assert w.diagonal() == pytest.approx(0.0) and np.array_equal(w, w.T)
    assert np.array_equal(c7.settled(w, xi, g), xi)
    assert c7.energy(w, xi) == pytest.approx(-(200 - 1) / 2)
    damaged = np.where(g.random(xi.shape) < 0.3, -xi, xi)
    assert np.array_equal(c7.settled(w, damaged, g), xi)
    assert np.array_equal(c7.settled(w, -damaged, g), -xi), "its mirror image is as deep"


def test_rest_is_rest_and_lower():
    g = generator(2, "test")
    patterns = np.where(g.random((60, 200)) < 0.5, -1.0, 1.0)
    w = c7.hebb(patterns)
    start = np.where(g.random((20, 200)) < 0.5, -1.0, 1.0)
    rest = c7.settled(w, start, g)
    assert np.all(rest * (rest @ w) > -1e-8), "every neuron agrees with its field, ties apart"
    assert np.all(c7.energy(w, rest) < c7.energy(w, start))


def test_the_first_errors_are_gaussian():
    """The crosstalk of P other patterns has variance P / N, so a neuron disagrees with chance Phi(-sqrt(N / P))."""
    g = generator(3, "test")
    patterns = np.where(g.random((200, 1000)) < 0.5, -1.0, 1.0)
    wrong = np.mean(patterns * (patterns @ c7.hebb(patterns)) < 0)
    expected = 0.5 * math.erfc(math.sqrt(1000 / 200 / 2))
    # 2·10⁵ draws at 1.3 %: three standard errors are 6 % of it, with room for their correlation.
    assert wrong == pytest.approx(expected, rel=0.15)


def test_mean_field_breaks_where_it_is_known_to():
    loads = np.linspace(0.13, 0.145, 61)
    alive = [c7.mean_field(a) > 0 for a in loads]
    assert loads[np.argmin(alive)] == pytest.approx(0.138, abs=1e-3)
    assert c7.mean_field(0.1375) == pytest.approx(0.967, abs=0.01), "Amit, Gutfreund & Sompolinsky (1985)"


def test_crossing():
    loads = np.array([0.1, 0.2, 0.3])
    assert c7.crossing(loads, np.array([1.0, 0.75, 0.25]), 0.5) == pytest.approx(0.25)
    assert math.isnan(c7.crossing(loads, np.ones(3), 0.5)) and math.isnan(c7.crossing(loads, np.zeros(3), 0.5))


def test_without_a_cache_each_change_costs_one_a_synapse():
    x, d = e11.task(1, 40, 60)
    naive = e11.learn(x, d, 0.0)
    assert naive.learnt and naive.upkeep == 0
    assert naive.consolidation == naive.changes * x.shape[1]
    free = e11.learn(x, d, np.inf, decay=0.0, upkeep=0.0)
    assert free.consolidation == free.least == naive.least, "one consolidation at the end is the least that would do"
    assert (free.changes, free.presentations) == (naive.changes, naive.presentations), "a cache that forgets nothing learns alike"


def test_perceptron_changes_as_its_paper_counts_them():
    counted = [e11.learn(*e11.task(seed, 200, 200), 0.0).changes for seed in range(1, 9)]
    assert np.mean(counted) == pytest.approx(2 * 200, rel=0.3), "K = 2 P / (2 - P / N)²; a seed's K scatters by a quarter"


def test_the_delta_rule_at_rate_one_corrects_whole():
    s = b2.stream(1, 3)
    exact = b2.Stream(np.tile(s.x[:1], (3, 1)), np.tile(s.a[:1], (3, 1)), np.tile(s.x[:1] @ s.a[0], 3), s.changed)
    assert b2.followed(exact, np.ones((3, 1)))[1:] == pytest.approx(0.0, abs=1e-24)
    half = b2.followed(exact, np.full((3, 1), 0.5))[:, 0]
    assert half[1:] == pytest.approx(half[:-1] / 4)


def test_the_gate_is_an_average_of_surprise():
    s = b2.stream(2, 400)
    error, rate = b2.gated(s, np.array([0.1]))
    assert np.all(rate <= 1) and error.shape == rate.shape == (400, 1)
    assert b2.followed(s, rate) == pytest.approx(error), "its own rates, given, make its own errors"


def test_bayes_knows_the_noise():
    """Of a map that stays, Bayes' error falls to about d · noise² / n of the mean square of an input's projection, 1 / d each."""
    s = b2.stream(3, 4000)
    still = np.zeros_like(s.changed)
    still[0] = True
    a = np.tile(s.a[:1], (4000, 1))
    y = np.einsum("td,td->t", a, s.x) + b2.NOISE * generator(3, "noise").standard_normal(4000)
    late = b2.told(b2.Stream(s.x, a, y, still))[2000:]
    assert late.mean() == pytest.approx(b2.DIMENSIONS * b2.NOISE**2 * math.log(2) / 2000, rel=0.6)
