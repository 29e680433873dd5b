"""What the experiments stand on: capacities by counting, half-spaces by enumeration, the dendrite in its limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuropil.claims.a2_sigma_pi import INPUTS, best_halfspace, hidden, subsets, terms
from neuropil.claims.a3_nmda_spike import hill_coefficient
from neuropil.claims.a5_two_layer_neuron import BRANCHES, hats, patterns, predicted
from neuropil.claims.capacity import branched_bits, linear_bits
from neuropil.claims.claim import Trial
from neuropil.claims.dendrite import (
    AMPA_NS,
    COUPLING_NS,
    NMDA_NS,
    REST_MV,
    SOMA_NS,
    SOMA_PF,
    STEP_MS,
    Synapses,
    responses,
)
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
    n = 300  # 150 nS: three quarters of what Runge-Kutta takes at 0.1 ms
    flood = Synapses(np.zeros(n, int), np.zeros(n, int), np.ones(n), np.full(n, 1.0))
    soma, branch = responses(flood, 1, 1, nmda=0.0, ampa=AMPA_NS)
    assert 67.0 < branch[0, 0] <= 70.0
    assert 0 < soma[0] < 70.0 * COUPLING_NS / (SOMA_NS + COUPLING_NS)


def test_a_silent_branch_follows_the_soma():
    soma, branch = beside_a_silent_cell(30)
    assert 0 < branch[0, 1] < soma[0] < branch[0, 0], "through the soma and no other way"


@pytest.mark.parametrize(("clustered", "mg"), [(5, 1.0), (15, 1.0), (15, 0.0)])
def test_the_neuron_solves_its_equations(clustered, mg):
    """Against SciPy's solver at a tolerance of 1e-8: `clustered` synapses on one of five branches, one on another."""
    synapses = Synapses(np.zeros(clustered + 1, int), np.r_[np.zeros(clustered, int), 1], np.ones(clustered + 1), np.zeros(clustered + 1))
    opened = np.array([clustered, 1, 0, 0, 0])

    def flow(t, y):
        branch, soma = y[:-1], y[-1]
        block = 1 / (1 + mg / 3.57 * np.exp(-0.062 * branch))
        open_nS = opened * (AMPA_NS * math.exp(-t / 2) + NMDA_NS * math.exp(-t / 50) * block)
        along = COUPLING_NS * (branch - soma)
        of_branches = (-0.5 * (branch - REST_MV) - open_nS * branch - along) / 7.5
        return np.append(of_branches, (-SOMA_NS * (soma - REST_MV) + along.sum()) / SOMA_PF)

    exact = solve_ivp(flow, (0, 59), np.full(6, REST_MV), rtol=1e-8, atol=1e-8, max_step=0.1).y.max(axis=1) - REST_MV
    soma, branch = responses(synapses, 1, 5, mg=mg)
    assert soma[0] == pytest.approx(exact[-1], rel=0.01)
    assert branch[0] == pytest.approx(exact[:-1], abs=0.2)


def test_a_silent_cell_stays_at_rest_whatever_its_neighbour_does():
    """Rest is a fixed point up to rounding: a unit in the last place at each step, and the leak that takes it back."""
    soma, branch = beside_a_silent_cell(30)
    forgotten = STEP_MS * SOMA_NS / SOMA_PF  # of a deviation, in a step
    assert max(soma[1], *branch[1]) < 2 * np.spacing(-REST_MV) / forgotten < 1e-11
    quieter_soma, quieter_branch = beside_a_silent_cell(1)
    assert quieter_soma[0] < 0.2 * soma[0]
    assert quieter_soma[1] == soma[1] and (quieter_branch[1] == branch[1]).all(), "cells do not hear each other"


def beside_a_silent_cell(active):
    """Peaks of two cells of two branches; `active` synapses, all on the first branch of the first."""
    return responses(Synapses.drawn(np.array([[active, 0], [0, 0]]), generator(1, "test")), 2, 2)


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
