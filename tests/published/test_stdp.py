"""Rules of spike timing do what their papers say: windows, pairings, triplets, bimodal weights, balance.

Expected changes are written as sums over pairs and triplets of spikes, where the rules keep traces.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from neuropil import rng
from neuropil.engine import Simulation
from neuropil.model import AllToAll, Network, Poisson
from neuropil.units import Hz, ms, mV, nS, pF
from neuropil.zoo.neurons.lif_cond import LIFCondExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.plasticity.inhibitory import InhibitorySTDP
from neuropil.zoo.plasticity.pair_stdp import (
    AdditiveSTDP,
    MultiplicativeSTDP,
    NearestAdditiveSTDP,
    NearestMultiplicativeSTDP,
    NearestPowerLawSTDP,
    PowerLawSTDP,
    VanRossumSTDP,
)  # fmt: skip
from neuropil.zoo.plasticity.triplet_stdp import HIPPOCAMPAL, VISUAL, TripletSTDP
from pairings import after

LAGS = np.array([-80.0, -40.0, -20.0, -10.0, -5.0, -1.0, -0.1, 0.1, 1.0, 5.0, 10.0, 20.0, 40.0, 80.0])
POWER = 0.1 * 0.01**0.6  # λ·r^(1-µ)
WINDOWS = {
    AdditiveSTDP: (0.005, 0.00525),
    VanRossumSTDP: (0.003, 0.003 * 0.5),
    MultiplicativeSTDP: (0.003 * 0.5, 0.003 * 0.5),
    PowerLawSTDP: (POWER * 0.5**0.4, 0.011 * 0.5),
}
WINDOWS |= {
    NearestAdditiveSTDP: WINDOWS[AdditiveSTDP],
    NearestMultiplicativeSTDP: WINDOWS[MultiplicativeSTDP],
    NearestPowerLawSTDP: WINDOWS[PowerLawSTDP],
}


@pytest.mark.parametrize("rule", list(WINDOWS))
def test_the_window_of_an_isolated_pair(rule):
    """Exponentials of the lag, from an efficacy of 0.5; nearest neighbours cannot tell."""
    plus, minus = WINDOWS[rule]
    change = after(rule(), [[100.0]] * LAGS.size, [[100.0 + lag] for lag in LAGS], 200.0)["efficacy"] - 0.5
    expected = np.where(LAGS > 0, plus * np.exp(-LAGS / 20.0), -minus * np.exp(LAGS / 20.0))
    np.testing.assert_allclose(change, expected, rtol=1e-9, atol=1e-15)
    for side, amplitude in ((LAGS > 0, plus), (LAGS < 0, minus)):
        slope, at_zero = np.polyfit(np.abs(LAGS[side]), np.log(np.abs(change[side])), 1)
        assert -1.0 / slope == pytest.approx(20.0, rel=1e-6) and np.exp(at_zero) == pytest.approx(amplitude, rel=1e-6)


def test_arriving_comes_before_the_targets_spike_of_the_same_stamp():
    assert after(AdditiveSTDP(), [[50.0]], [[50.0]], 60.0)["efficacy"][0] == pytest.approx(0.505, abs=1e-12)


def trains(seed: int, count: int = 6, rate: float = 0.03, duration: float = 1000.0) -> list[np.ndarray]:
    """Random trains on a grid of 0.1 ms."""
    draw = rng.generator(seed, "trains")
    return [np.flatnonzero(draw.random(int(duration * 10)) < rate * 0.1)[5:] * 0.1 + 1.0 for _ in range(count)]


PRE, POST = trains(1), trains(2)


@pytest.mark.parametrize("clock_driven", [False, True])
def test_all_spikes_pair_or_nearest_ones_only(clock_driven):
    """Sums over pairs, spelled out; amplitudes too small for the bounds."""
    size = {"a_plus": 1e-3, "a_minus": 2e-3}
    every, nearest = [], []
    for pre, post in zip(PRE, POST, strict=True):
        lag = post[None, :] - pre[:, None]
        near = lag > -1e-9  # an arrival of the same stamp comes first
        every.append(np.where(near, 1e-3 * np.exp(-lag / 20.0), -2e-3 * np.exp(np.minimum(lag, 0) / 20.0)).sum())
        up = sum(1e-3 * np.exp(-(t - pre[pre < t + 1e-9].max()) / 20.0) for t in post if (pre < t + 1e-9).any())
        down = sum(2e-3 * np.exp(-(t - post[post < t - 1e-9].max()) / 20.0) for t in pre if (post < t - 1e-9).any())
        nearest.append(up - down)
    for rule, expected in ((AdditiveSTDP, every), (NearestAdditiveSTDP, nearest)):
        found = after(rule(**size), PRE, POST, 1100.0, clock_driven=clock_driven)["efficacy"] - 0.5
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def triplets(pre, post, a2_plus, a3_plus, a2_minus, a3_minus, tau_plus, tau_minus, tau_x, tau_y):
    """The change by sums over pairs and triplets of spikes."""

    def sum_over(times, now, tau, strictly):
        past = times[times < now - 1e-9] if strictly else times[times < now + 1e-9]
        return np.exp(-(now - past) / tau.value).sum()

    up = sum(sum_over(pre, t, tau_plus, False) * (a2_plus + a3_plus * sum_over(post, t, tau_y, True)) for t in post)
    down = sum(sum_over(post, t, tau_minus, True) * (a2_minus + a3_minus * sum_over(pre, t, tau_x, True)) for t in pre)
    return up - down


@pytest.mark.parametrize("given", [VISUAL["full"], VISUAL["minimal"], HIPPOCAMPAL["full"], HIPPOCAMPAL["minimal"]])
def test_triplets_are_sums_over_triplets(given):
    small = {n: 0.1 * v if n[0] == "a" else v for n, v in given.items()}
    found = after(TripletSTDP(**small), PRE, POST, 1100.0)["efficacy"] - 0.5
    np.testing.assert_allclose(found, [triplets(a, b, **small) for a, b in zip(PRE, POST, strict=True)], rtol=1e-9, atol=1e-12)


FREQUENCIES = (0.1, 10.0, 20.0, 40.0, 50.0)  # Hz


def by_frequency(rule) -> dict[int, np.ndarray]:
    """Change of the weight over the first one by 60 pairings at ±10 ms; the rule begins at 0.5, at half its amplitudes."""
    found = {}
    for lag in (10, -10):
        pre = [100.0 + np.arange(60) * 1000.0 / f for f in FREQUENCIES]
        found[lag] = (after(rule, pre, [t + lag for t in pre], 600_200.0, dt=1.0)["efficacy"] - 0.5) / 0.5
    return found


def test_triplets_potentiate_at_40_hz_whatever_the_order_and_pairs_do_not():
    """Pfister & Gerstner 2006, its figure of visual cortex: nothing at 0.1 Hz for +10 ms, potentiation at 40 Hz for both.

    The equations give +0.5 and, while o₂ fills, +0.17 at 40 Hz; the slices of Sjöström & al. gave about 0.5 for both. Pairs lose
    by frequency what they gain at low ones: at 50 Hz ±10 ms are one pairing, and the depression is the larger.
    """
    half = {n: 0.5 * v if n[0] == "a" else v for n, v in VISUAL["minimal"].items()}
    as_pairs = {"a2_plus": 0.0025, "a3_plus": 0.0, "a2_minus": 0.002625, "a3_minus": 0.0}
    as_pairs |= {"tau_plus": 20 * ms, "tau_minus": 20 * ms, "tau_x": 1 * ms, "tau_y": 1 * ms}
    triplet, pair = by_frequency(TripletSTDP(**half)), by_frequency(AdditiveSTDP(a_plus=0.0025, a_minus=0.002625))
    for found, given in ((triplet, half), (pair, as_pairs)):
        for lag, changes in found.items():
            pre = [np.round(100.0 + np.arange(60) * 1000.0 / f) for f in FREQUENCIES]
            np.testing.assert_allclose(changes, [triplets(t, t + lag, **given) / 0.5 for t in pre], rtol=1e-9, atol=1e-12)
    assert abs(triplet[10][0]) < 0.1 and triplet[-10][0] < -0.2
    assert np.all(np.diff(triplet[10]) > 0), "potentiation grows with frequency"
    assert triplet[10][3] > 0.3 and triplet[-10][3] > 0.1
    assert np.all(pair[-10] < 0), "the pair rule depresses at every frequency for post before pre"
    assert np.all(pair[10][:4] > 0) and np.all(np.diff(pair[10]) < 0) and pair[10][4] < 0


def test_the_inhibitory_window_is_symmetric():
    rule = InhibitorySTDP(start=0.5, target_rate=0 * Hz)
    change = after(rule, [[100.0]] * LAGS.size, [[100.0 + lag] for lag in LAGS], 200.0)["efficacy"] - 0.5
    np.testing.assert_allclose(change, 0.002 * np.exp(-np.abs(LAGS) / 20.0), rtol=1e-9)
    alone = after(InhibitorySTDP(start=0.5), [[100.0]], [[]], 200.0)["efficacy"][0] - 0.5
    assert alone == pytest.approx(-0.002 * 2 * 0.005 * 20.0, rel=1e-9)


SONG = {
    "c_m": 200 * pF, "g_l": 10 * nS, "e_l": -70 * mV, "v_th": -54 * mV, "v_reset": -60 * mV, "t_ref": 0.2 * ms,
    "e_exc": 0 * mV, "e_inh": -70 * mV, "tau_exc": 5 * ms, "tau_inh": 5 * ms,
}  # fmt: skip


@functools.cache
def competing(rule, seconds: float, faster: float) -> np.ndarray:
    """Efficacies of 1000 synapses from Poisson sources of 15 Hz onto one neuron, as Song & al. 2000 set it up."""
    network = Network("song")
    source = network.population("source", PoissonSource(rate=15 * Hz), 1000)
    target = network.population("target", LIFCondExp(**SONG), 1)
    model = rule(a_plus=rule().a_plus * faster, a_minus=rule().a_minus * faster)
    network.project(source, target, AllToAll(), weight=0.15 * nS, delay=0.2 * ms, port="exc", synapse=model, name="p")
    network.stimulate(target, Poisson(200 * 10 * Hz), port="inh", weight=0.5 * nS)
    simulation = Simulation(network, dt=0.2 * ms, threads=1, record_spikes=False)
    simulation.run_until(1000 * seconds * ms)
    found = simulation.synapses("p")["efficacy"]
    simulation.close()
    return found


def at_the_bounds(efficacy: np.ndarray) -> tuple[float, float]:
    return float(np.mean(efficacy < 0.2)), float(np.mean(efficacy > 0.8))


@pytest.mark.slow
def test_additive_weights_gather_at_both_bounds_and_multiplicative_ones_in_the_middle():
    """Song 2000 against van Rossum 2000, learning faster than the papers; the paper's own rate is `slow`.

    Steps twice as large diffuse twice as fast for their drift, which fills the middle: the humps are lower than Song's, but there.
    A tenth of [0, 1] at either end holds more than 100 synapses of 1000, one in the middle some 50 (± 7): no false alarm in 10⁶.
    """
    tenths, _ = np.histogram(competing(AdditiveSTDP, 300.0, 2.0), 10, (0.0, 1.0))
    assert min(tenths[0], tenths[9]) > 1.5 * tenths[3:7].max(), tenths
    low, high = at_the_bounds(competing(MultiplicativeSTDP, 50.0, 6.0))
    assert low + high < 0.05


@pytest.mark.slow
def test_additive_weights_gather_at_both_bounds_at_the_papers_own_rate():
    low, high = at_the_bounds(competing(AdditiveSTDP, 1000.0, 1.0))
    assert low > 0.3 and high > 0.1 and low + high > 0.7


@pytest.mark.slow
def test_inhibition_balances_tuned_excitation_at_its_target_rate():
    """Vogels 2011: 20 neurons, excitation differing between 8 channels; the rate ends at 5 Hz and inhibition follows the tuning.

    2000 spikes are expected in the time counted, so that chance moves the rate by less than 10 % (4 standard deviations). Spikes of the
    target that a channel itself causes count as coincidences too, which lowers the rate at rest by a few per cent: 20 %.
    """
    network = Network("balance")
    target = network.population("target", LIFCondExp(v_th=-50 * mV, tau_exc=5 * ms, tau_inh=10 * ms), 20)
    tuning = 1.0 + 3.0 * np.exp(-((np.arange(8) - 4.0) ** 2) / 3.0)
    channels = []
    for k in range(8):
        # A channel's excitation and inhibition share its ups and downs.
        common = network.population(f"common{k}", PoissonSource(rate=10 * Hz), 10)
        network.project(common, target, AllToAll(), weight=float(0.25 * tuning[k]) * nS, delay=1 * ms, port="exc")
        rule = InhibitorySTDP(eta=0.003, target_rate=5 * Hz)
        channels.append(f"i{k}")
        network.project(common, target, AllToAll(), weight=10 * nS, delay=1.5 * ms, port="inh", synapse=rule, name=channels[-1])
    network.stimulate(target, Poisson(1500 * Hz), port="exc", weight=0.7 * nS)
    simulation = Simulation(network, threads=1)
    simulation.run_until(40_000 * ms)
    result = simulation.run_until(60_000 * ms)
    learned = [simulation.synapses(c)["efficacy"].mean() for c in channels]
    simulation.close()
    late = np.sum(result.spikes.of("target").step * 0.1 > 40_000.0)
    assert late / (20 * 20.0) == pytest.approx(5.0, rel=0.2)
    assert np.corrcoef(learned, tuning)[0, 1] > 0.7
