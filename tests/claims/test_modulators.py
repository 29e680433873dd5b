"""The helpers of A6, B3, B4, B5, D11 and D12 against closed forms and brute force."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy.linalg import expm

from neuropil.claims import a6_leaky_soma as a6
from neuropil.claims import b3_norepinephrine as b3
from neuropil.claims import b4_serotonin as b4
from neuropil.claims import b5_global_fast as b5
from neuropil.claims import cascade
from neuropil.claims import d11_wireheading as d11
from neuropil.claims import d12_time_scales as d12
from neuropil.rng import generator


def test_what_is_left_of_an_input_decays_with_the_membrane():
    tau, lag = np.array([10.0, 20.0, 30.0]), np.array([10.0, 50.0, 30.0])
    least = a6.least_input(tau, lag, 0.5, 0.005)
    assert 1 - least == pytest.approx(0.5 * np.exp(-lag / tau), abs=0.005)
    assert a6.least_input(tau[:1], lag[:1], 0.0, 0.005)[0] == pytest.approx(1.0, abs=0.006)


def test_auc_counts_pairs():
    g = generator(1, "test")
    a, b = np.round(g.normal(size=30), 1), np.round(g.normal(0.5, 1, size=40), 1)  # rounded, for ties
    pairs = (b > a[:, None]).mean() + 0.5 * (b == a[:, None]).mean()
    assert b3.auc(a, b) == pytest.approx(pairs)
    assert b3.auc(a, a) == pytest.approx(0.5)


def test_detection_follows_its_closed_form():
    found = b3.detection(1, 20_000)
    # The standard error of an AUC of 10⁴ draws a side is below 0.003; four of them.
    assert found["downstream"] == pytest.approx(b3.predicted(), abs=0.012)
    assert np.ptp(found["upstream"]) < 1e-6


def test_a_temperature_of_each_is_a_temperature_of_all():
    g = generator(2, "test")
    logits, chosen = g.normal(size=(50, 4)), g.integers(4, size=50)
    assert b3.surprise(logits, chosen, np.full(50, 2.0)) == pytest.approx(b3.surprise(logits, chosen, 2.0))
    assert b3.surprise(logits, chosen, 1e9) == pytest.approx(np.log(4), rel=1e-6)


def test_patience_without_delay_and_without_gain():
    gamma, g = np.full(30, 0.9), generator(3, "test")
    assert b4.choices(gamma, 1.0, 2.0, 0, 1500, g)[-100:].mean() > 0.9
    assert b4.choices(gamma, 1.0, 1.0, 5, 300, g)[-100:].mean() < 0.1
    assert b4.switch_point(1.0, 4.0, 2) == pytest.approx(0.5)


def test_the_split_of_a_clean_row():
    gamma = np.linspace(0.5, 0.9, 5)
    assert b4.split(gamma, np.array([0, 0, 1, 1, 1])) == pytest.approx(0.65)
    assert b4.split(gamma, np.zeros(5)) == gamma[-1] and b4.split(gamma, np.ones(5)) == gamma[0]


def test_learners_of_b5_have_equal_size_and_a_cue_that_matters_where_it_should():
    sizes = [b5.size(arm) for arm in b5.ARMS]
    assert max(sizes) - min(sizes) <= 2
    x = np.ones((1, 2), np.float32)
    for arm in b5.ARMS:
        w = b5.begun(arm, jax.random.key(1))
        answers = [float(b5.output(arm, w, x, cue)[0]) for cue in np.eye(4, dtype=np.float32)]
        assert (len(set(answers)) == 1) == (arm in ("none", "local gate"))


def test_contexts_of_b5_switch_and_related_ones_differ_by_a_factor():
    _, y, cue, _ = b5.examples(1, False, 12)
    shown = cue.argmax(axis=1).reshape(12, b5.BLOCK)
    assert np.all(shown == shown[:, :1]) and np.all(shown[1:, 0] != shown[:-1, 0])
    assert y.shape == (12 * b5.BLOCK, b5.BATCH)


def test_the_grid_has_walls():
    to = d11.moves()
    assert to[0].tolist() == [0, 5, 0, 1] and to[24].tolist() == [19, 24, 23, 24]
    assert to[d11.TILE].tolist() == [4, 9, 3, 4]


def test_running_mean_of_a_constant():
    assert d11.running_mean(np.ones((50, 1)), 10)[:, 0] == pytest.approx(1 - 0.9 ** np.arange(1, 51))


def test_a_loss_is_found_where_it_is():
    reward = np.ones(20_000)
    assert d11.loss_at(reward, 8000) == np.inf
    reward[10_000:] = 0.0
    assert d11.loss_at(reward, 8000) == 10_000 + d11.LOSS * d11.WINDOW


def test_healthy_dopamine_is_bounded_by_reward():
    """Errors telescope: over a run their discounted sum is that of rewards less what was expected, so m does not stay above 0."""
    none = np.zeros(4, bool)
    course = d11.experienced(generator(4, "test"), 15_000, 1000, none, np.full(4, np.inf), none, none)
    assert d11.dopamine_without_return(course)[14_000:].max() < 0.02
    assert abs(course.felt[14_000:].mean()) < 0.02 < course.reward[14_000:].mean()


def test_the_chain_leaks_at_its_end_alone():
    a = cascade.chain(5)
    capacity = 2.0 ** np.arange(1, 6)
    flow = capacity @ a
    assert flow[:-1] == pytest.approx(0.0, abs=1e-15), "what leaves one stage enters the next"
    assert flow[-1] == pytest.approx(-(2.0**-6))
    assert cascade.kernel(1, 9) == pytest.approx(np.exp(-np.arange(9) / 8))
    assert cascade.kernel(5, 40)[-1] == pytest.approx(expm(39 * a)[0, 0])


def test_measured_signal_to_noise_is_the_expected():
    lags = np.array([1, 4, 16])
    found = cascade.measured_snr(4, 400, 4000, lags, generator(5, "test"))
    # The signal's standard error is about sqrt(1 / 3000) of the noise, 0.02; the noise itself is known to a few per cent.
    assert found == pytest.approx(cascade.expected_snr(4, 400, lags), rel=0.06)


def test_fits_tell_an_exponential_from_a_power_law():
    lags = np.arange(1, 30)
    assert cascade.power(lags, lags**-0.5) == pytest.approx(-0.5)
    exponential, law = cascade.residuals(lags, np.exp(-lags / 8))
    assert exponential < 1e-20 < law


def test_adaptation_is_gradient_descent():
    """One step of the network's last bias, whose gradient is twice the mean error."""
    key = jax.random.key(0)
    w = d12.begun(key)
    x, y = d12.sines(jax.random.key(1), 1, 10)
    after = d12.descended(w, x[0], y[0], 0.01, 1)
    gradient = 2 * np.mean(np.asarray(d12.output(w, x[0]) - y[0]))
    assert float(after[-1][1][0] - w[-1][1][0]) == pytest.approx(-0.01 * gradient, rel=1e-3)
    assert float(d12.loss(after, x[0], y[0])) < float(d12.loss(w, x[0], y[0]))
