"""What the experiments stand on: capacities by counting, half-spaces by enumeration, the dendrite in its limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from neuropil.claims.a2_sigma_pi import INPUTS, best_halfspace, hidden, subsets, terms
from neuropil.claims.a3_nmda_spike import hill_coefficient
from neuropil.claims.a5_two_layer_neuron import BRANCHES, hats, patterns, predicted
from neuropil.claims.capacity import branched_bits, linear_bits
from neuropil.claims.claim import Trial
from neuropil.claims.dendrite import AMPA_NS, COUPLING_NS, SOMA_NS, Synapses, responses
from neuropil.rng import generator


@pytest.mark.parametrize(("branches", "per_branch", "lines"), [(2, 2, 3), (3, 1, 4), (2, 3, 2)])
def test_capacity_counts_the_ways_to_fill_a_cell(branches, per_branch, lines):
    multisets = itertools.combinations_with_replacement
    fillings = list(multisets(range(lines), per_branch))
    assert branched_bits(branches, per_branch, lines) == pytest.approx(2 * math.log2(len(list(multisets(fillings, branches)))))
    whole = list(multisets(range(lines), branches * per_branch))
    assert linear_bits(branches * per_branch, lines) == pytest.approx(2 * math.log2(len(whole)))


def test_one_branch_is_a_linear_neuron():
    assert branched_bits(1, 100, 50) == linear_bits(100, 50)
    assert branched_bits(40, 250, 1000) > linear_bits(10_000, 1000)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_no_half_space_answers_a_parity_better(order):
    """Integer weights up to 3 make every half-space of four inputs; signs of weights are the parity's two polarities."""
    x = np.array(list(itertools.product((-1, 1), repeat=order)))
    parity = x.prod(axis=1)
    best = 0.0
    for w in itertools.product(range(4), repeat=order):
        for threshold in np.arange(-3 * order, 3 * order + 1) + 0.5:
            agree = np.mean(np.where(x @ np.array(w) > threshold, 1, -1) == parity)
            best = max(best, agree, 1 - agree)
    assert best == best_halfspace(order)


def test_units_of_a2_have_equal_size():
    for order in (2, 3, 4, 5):
        assert terms(order) == len(subsets(order))
        for kind, each in (("product units", INPUTS + 1), ("MLP", INPUTS + 2)):
            assert abs(hidden(kind, order) * each + 1 - terms(order)) <= each
    assert terms(INPUTS) == 2**INPUTS


@pytest.mark.parametrize("h", [1.0, 2.5, 4.0])
def test_the_hill_fit_finds_its_own_curve(h):
    n = np.arange(1, 41.0)
    assert hill_coefficient(n, 60 / (1 + (12 / n) ** h)) == pytest.approx(h, rel=1e-4)


def test_many_synapses_pull_the_branch_towards_its_limit():
    """AMPA alone and far above the leak: the branch reaches the synapses' reversal potential, 70 mV above rest; the soma then
    sits between rest and there, no further than the conductances around it allow."""
    n = 300  # 150 nS: the most that Runge-Kutta takes at 0.1 ms
    flood = Synapses(np.zeros(n, int), np.zeros(n, int), np.ones(n), np.full(n, 1.0))
    soma, branch = responses(flood, 1, 1, nmda=0.0, ampa=AMPA_NS)
    assert 67.0 < branch[0, 0] <= 70.0
    assert 0 < soma[0] < 70.0 * COUPLING_NS / (SOMA_NS + COUPLING_NS)


def test_a_silent_branch_follows_the_soma():
    counts = np.array([[30, 0], [0, 0]])
    soma, branch = responses(Synapses.drawn(counts, generator(1, "test")), 2, 2)
    assert 0 < branch[0, 1] < soma[0] < branch[0, 0], "through the soma and no other way"
    assert soma[1] == 0 and not branch[1].any(), "cells do not hear each other"


def test_patterns_and_the_two_fits():
    """A response that is a sum over branches of a nonlinearity is fitted whole by two layers, and not by a point neuron."""
    counts = patterns(400, generator(2, "test"))
    assert counts.shape == (400, BRANCHES) and counts.sum(axis=1).min() >= 20 and counts.sum(axis=1).max() <= 80
    y = (counts >= 8).sum(axis=1) * 1.0
    fit = np.arange(400) < 300
    two = predicted(hats(counts), y, fit)
    point = predicted(counts.sum(axis=1, keepdims=True) * 1.0, y, fit)
    assert np.mean((two - y) ** 2) < 0.2 * np.mean((point - y) ** 2)
    assert hats(counts) @ np.ones(hats(counts).shape[1]) == pytest.approx(BRANCHES), "hats add up to one at every branch"


def test_a_trial_pairs_its_arms():
    found = Trial((3, 5)).each_seed(lambda seed: {"a": seed, "curve": np.arange(2) * seed})
    assert found["a"].tolist() == [3, 5] and found["curve"].tolist() == [[0, 3], [0, 5]]
