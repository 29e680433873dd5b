"""Temporal-difference learning against its forward view and against values that are known."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.claims.b1_dopamine import asymmetry, compound, conditioned
from neuropil.claims.td import lambda_returns, learn_trial
from neuropil.rng import generator


@pytest.mark.parametrize("trace", [0.0, 0.5, 0.9, 1.0])
def test_backward_and_forward_view_are_equal(trace):
    """Over a trial learnt offline, the traces make the change that the lambda-returns ask for (Sutton & Barto, ch. 12)."""
    g = generator(1, "td")
    x, r, w = g.normal(size=(12, 5)), g.normal(size=12), g.normal(size=5)
    values = x @ w
    ahead = lambda_returns(values, r, gamma=0.9, trace=trace)
    # The first error, on the arrival at the first state, changes nothing: no weight is eligible yet.
    expected = 0.1 * (ahead - values) @ x
    changed = w.copy()
    learn_trial(changed, x, r, alpha=0.1, gamma=0.9, trace=trace, online=False)
    assert changed - w == pytest.approx(expected, abs=1e-12)


def test_the_ends_of_lambda():
    values, r = np.array([0.3, -0.2, 0.5, 0.1]), np.array([9.0, 1.0, 2.0, 4.0])
    assert lambda_returns(values, r, gamma=0.5, trace=0.0)[:-1] == pytest.approx(r[1:] + 0.5 * values[1:])
    assert lambda_returns(values, r, gamma=0.5, trace=1.0) == pytest.approx([1 + 1 + 1, 2 + 2, 4, 0])


def test_values_reach_the_discounted_reward():
    w, r = np.zeros(20), np.eye(25)[15]
    for _ in range(600):
        learn_trial(w, compound(), r, alpha=0.1, gamma=0.98, trace=0.5)
    steps = np.arange(9, -1, -1)
    assert w[:10] == pytest.approx(0.98**steps, abs=1e-6)
    assert w[10:] == pytest.approx(0.0, abs=1e-12)


def test_a_look_teaches_nothing_and_errors_add_up():
    w = generator(2, "td").normal(size=20)
    kept = w.copy()
    errors = learn_trial(w, compound(), np.eye(25)[15], alpha=0.0, gamma=1.0, trace=0.9)
    assert np.array_equal(w, kept)
    assert errors.sum() == pytest.approx(1.0), "without discount, errors telescope to the reward of the trial"


def test_rewards_at_random_go_on_surprising():
    _, at_reward, _ = conditioned(1, 0.9, 150, random=True)
    assert at_reward[75:].mean() > 0.8


def test_a_gradient_would_be_symmetric():
    assert asymmetry() > 0.1
