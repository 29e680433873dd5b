"""Rules of several time scales, and of the neuron as a whole: fast weights, caching, cascades, scaling, intrinsic plasticity."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from neuropil.engine import Simulation
from neuropil.model import AllToAll, Network, Poisson, Uniform
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.intrinsic import IntrinsicLIF
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.plasticity.caching import SynapticCaching
from neuropil.zoo.plasticity.cascade import Cascade
from neuropil.zoo.plasticity.fast_weights import FastWeights
from neuropil.zoo.plasticity.scaling import ScaledSTDP, Scaling
from pairings import after, scripted


def test_a_fast_weight_fades_and_a_slow_one_stays():
    """One pairing at +10 ms, read 10 and 500 ms later."""
    simulation = scripted(FastWeights(), [[50.0]], [[60.0]])
    for when in (70.0, 560.0):
        simulation.run_until(when * ms)
        found = simulation.synapses("p")
        assert found["fast"][0] == pytest.approx(0.2 * np.exp(-10 / 20) * np.exp(-(when - 60.0) / 500), rel=1e-9)
        assert found["efficacy"][0] == pytest.approx(0.2 + 0.002 * np.exp(-10 / 20), rel=1e-9)
    simulation.close()


def test_the_energy_of_one_cached_change_is_its_upkeep_and_then_its_price():
    """A change below the threshold costs maintenance while it decays; one above is paid for once and stays."""
    change = 0.1 * np.exp(-10 / 20)
    cached = after(SynapticCaching(a_plus=0.1, threshold=0.5), [[50.0]], [[60.0]], 1060.0)
    assert cached["transient"][0] == pytest.approx(change * np.exp(-1.0), rel=1e-9)
    assert cached["efficacy"][0] == 0.5
    assert cached["energy"][0] == pytest.approx(1e-3 * 1000.0 * change * (1.0 - np.exp(-1.0)), rel=1e-9)
    kept = after(SynapticCaching(a_plus=0.1, threshold=0.05), [[50.0]], [[60.0]], 1060.0)
    assert kept["efficacy"][0] == pytest.approx(0.5 + change, rel=1e-9)
    assert kept["energy"][0] == pytest.approx(change, rel=1e-9) and kept["transient"][0] == 0.0


def test_caching_saves_energy_where_changes_cancel():
    """200 synapses, potentiated and depressed by turns at random: less energy at every threshold than without a cache.

    Li & van Rossum 2020 find a saving of several times and an optimum between no cache and an endless one.
    """
    draw = np.random.default_rng(7)
    pre = [np.round(100.0 + 200.0 * np.arange(100), 1)] * 200
    post = [np.round(p + np.where(draw.random(100) < 0.5, 5.0, -5.0), 1) for p in pre]
    energy, spread = {}, {}
    for threshold in (0.0, 0.01, 0.03, 0.1):
        rule = SynapticCaching(a_plus=0.01, a_minus=0.01, threshold=threshold, maintenance=1e-4 / ms, tau_transient=10_000 * ms)
        found = after(rule, pre, post, 20_200.0, dt=1.0)
        energy[threshold], spread[threshold] = found["energy"].mean(), np.std(found["efficacy"])
    assert energy[0.0] == pytest.approx(100 * 0.01 * np.exp(-5 / 20), rel=0.02), "the naive learner pays for every change"
    assert min(energy[0.01], energy[0.03], energy[0.1]) < 0.5 * energy[0.0]
    assert spread[0.0] > spread[0.1], "what is not consolidated is not remembered"


def test_a_change_runs_down_the_chain_as_its_matrix_says_and_fades_as_a_root():
    """The propagator against scipy's of the same matrix, to 1e-9; the log-log slope of u₁ between the first time constant and the last."""
    k = np.arange(6)
    bore, width = 2.0 ** -(k + 2.0) * 1e-3, 2.0**k
    matrix = np.zeros((6, 6))
    for i in range(6):
        matrix[i, i] -= bore[i] / width[i]
        if i < 5:
            matrix[i, i + 1] += bore[i] / width[i]
            matrix[i + 1, i + 1] -= bore[i] / width[i + 1]
            matrix[i + 1, i] += bore[i] / width[i + 1]
    simulation = scripted(Cascade(a_plus=0.1), [[50.0]], [[60.0]], dt=1.0)
    begun = 0.1 * np.exp(-10 / 20)
    times = np.array([300.0, 1e4, 2e4, 4e4, 8e4, 1.6e5, 3.2e5])
    seen = []
    for t in times:
        simulation.run_until((60.0 + t) * ms)
        found = simulation.synapses("p")
        seen.append(found["u1"][0])
        expected = expm(matrix * t)[:, 0] * begun
        np.testing.assert_allclose([found[f"u{j + 1}"][0] for j in range(6)], expected, rtol=1e-8, atol=1e-12)
    simulation.close()
    slopes = np.diff(np.log(seen[1:])) / np.diff(np.log(times[1:]))
    assert np.all((slopes > -0.65) & (slopes < -0.35)), slopes


def test_scaling_keeps_ratios_and_follows_its_closed_form():
    """L after spikes at known times, and what a synapse sends: the same factor for all."""
    spikes = 100.0 + 40.0 * np.arange(10)
    rule = Scaling(start=Uniform(0.2, 0.9), k=0.05, tau_s=500 * ms, target_rate=10 * Hz)
    simulation = scripted(rule, [[], []], [spikes, []])
    simulation.run_until(700 * ms)
    found = simulation.synapses("p")
    simulation.close()
    rest = 0.05 * 0.01 * 500 * (1 - np.exp(-700 / 500))
    expected = [rest - 0.05 * np.exp(-(700 - spikes) / 500).sum(), rest]
    np.testing.assert_allclose(found["log_factor"], expected, rtol=1e-9)


def test_scaled_stdp_brings_the_rate_near_its_target():
    """A neuron driven far above its target without scaling comes at least half the way back; timing still decides between synapses."""

    def rate(k):
        network = Network("scaled")
        source = network.population("source", PoissonSource(rate=20 * Hz), 100)
        target = network.population("target", IntrinsicLIF(step=0 * mV), 5)  # a LIF
        rule = ScaledSTDP(k=k, tau_s=5000 * ms, target_rate=10 * Hz, start=0.5, a_plus=0.001, a_minus=0.0011)
        network.project(source, target, AllToAll(), weight=1400 * pA, delay=1 * ms, port="exc", synapse=rule)
        simulation = Simulation(network, threads=1)
        result = simulation.run_until(15_000 * ms)
        simulation.close()
        return np.sum(result.spikes.of("target").step > 100_000) / 25.0

    free, held = rate(0.0), rate(0.02)
    assert free > 25.0
    assert abs(held - 10.0) < 0.5 * (free - 10.0), (free, held)


def test_the_threshold_learns_the_rate_and_moves_by_what_was_missed():
    """offset = step·(spikes - goal·T) exactly, and from three different drives one rate, 10 Hz within 15 %."""
    network = Network("intrinsic")
    target = network.population("target", IntrinsicLIF(goal=10 * Hz, step=0.2 * mV), 30)
    network.stimulate(target, Poisson(np.repeat([4000.0, 6000.0, 9000.0], 10) * Hz), port="exc", weight=180 * pA)
    simulation = Simulation(network, precision="float64", threads=1)
    result = simulation.run_until(12_000 * ms)
    offset = simulation.state("target", "offset").value
    simulation.close()
    count = np.bincount(result.spikes.of("target").neuron, minlength=30)
    np.testing.assert_allclose(offset, 0.2 * (count - 10 * 12.0), rtol=1e-6, atol=1e-6)
    late = result.spikes.of("target")
    rates = np.bincount(late.neuron[late.step > 60_000], minlength=30).reshape(3, 10).mean(1) / 6.0
    np.testing.assert_allclose(rates, 10.0, rtol=0.15)
