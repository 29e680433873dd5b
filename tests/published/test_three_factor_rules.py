"""Three-factor rules: eligibility in closed form, nothing without the third factor, unbiased policy gradients, e-prop's sum."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.engine import Simulation
from neuropil.model import AllToAll, Network, OneToOne, Step
from neuropil.units import Hz, ms, pA, second
from neuropil.zoo.neurons.escape_lif import EscapeLIF
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.plasticity.three_factor import DopamineSTDP, EProp, RewardMax, RewardSTDP
from pairings import script, scripted

STEPS = {"dopamine": DopamineSTDP, "success": RewardSTDP}


@pytest.mark.parametrize("clock_driven", [False, True])
@pytest.mark.parametrize("factor", list(STEPS))
def test_a_late_reward_finds_what_is_still_eligible(factor, clock_driven):
    """One pairing; a third factor from 1 s to 1.5 s: Δw = rate·c₀·∫exp(-t/τ_c). Izhikevich's distal reward, to 1e-9."""
    simulation = scripted(STEPS[factor](), [[50.0], [60.0]], [[60.0], [50.0]], clock_driven=clock_driven)
    store = next(iter(simulation.core.listed.values()))
    amplitude = np.array([0.1, -0.15 if factor == "dopamine" else -0.1]) * np.exp(-10 / 20)
    simulation.run(1000 * ms)
    np.testing.assert_allclose(simulation.synapses("p")["efficacy"], 0.5, rtol=1e-15)
    store.change({factor: 0.5}, simulation.core.step)
    simulation.run(1500 * ms)
    store.change({factor: 0.0}, simulation.core.step)
    simulation.run(2000 * ms)
    found = simulation.synapses("p")
    simulation.close()
    lasted = np.exp(-(1000 - 60) / 1000) - np.exp(-(1500 - 60) / 1000)
    np.testing.assert_allclose(found["efficacy"] - 0.5, 0.5e-3 * amplitude * 1000 * lasted, rtol=1e-9)
    np.testing.assert_allclose(found["eligibility"], amplitude * np.exp(-(2000 - 60) / 1000), rtol=1e-9)


def test_the_eligibility_of_a_policy_gradient_has_no_mean():
    """Score function: E[e] = 0 whatever the rates. 40 neurons × 10 sources, sampled far apart: |mean| below 4 standard errors.

    Hazards are those of the step's beginning, of which the engine tests the end; for potentials that move by a few hundredths
    of a mV a step the difference is below a tenth of the standard error. False alarms below 1e-4.
    """
    network = Network("score")
    source = network.population("source", PoissonSource(rate=30 * Hz), 10)
    target = network.population("target", EscapeLIF(), 40)
    network.stimulate(target, Step(260 * pA), input="current")
    rule = RewardMax()
    network.project(source, target, AllToAll(), weight=40 * pA, delay=1 * ms, port="exc", synapse=rule, name="p")
    simulation = Simulation(network, precision="float64", threads=1)
    means, spikes = [], 0
    for end in range(1, 5):
        result = simulation.run(2 * end * second)
        means.append(simulation.synapses("p")["eligibility"].reshape(10, 40).mean(0))
    spikes = len(result.spikes.of("target"))
    simulation.close()
    assert spikes / (40 * 8.0) > 3.0, "alive"
    every = np.concatenate(means)  # of one neuron's ten synapses: they share its spikes
    assert abs(every.mean()) < 4.0 * every.std() / np.sqrt(every.size)


def test_e_prop_is_its_sum_over_the_recorded_potential():
    """Δw = -η·L·Σ ē over steps, e and x̄ by exponential Euler from v: to 1e-9 of a reference written out here."""
    arrivals, dt, steps = np.array([20.0, 35.0, 36.0, 60.0]), 0.1, 1200
    network = Network("eprop")
    source, target = network.population("source", Relay(), 1), network.population("target", LIFExp(), 1)
    script(network, source, [arrivals - 1.0])
    network.stimulate(target, Step(390 * pA), input="current")
    rule = EProp(learning_signal=0.5)
    network.project(source, target, OneToOne(), weight=300 * pA, delay=1 * ms, port="exc", synapse=rule, name="p")
    network.probe(target, "v")
    simulation = Simulation(network, precision="float64", threads=1)
    v = np.append(-65.0, simulation.run(steps * dt * ms).traces["target.v"].values[:, 0])
    found = simulation.synapses("p")
    simulation.close()
    stamps, x, e, w = np.round(arrivals / dt).astype(int), 0.0, 0.0, 0.5
    for k in range(steps):
        slope = 0.3 * max(1.0 - abs(v[k] + 50.0) / 15.0, 0.0)
        w -= 1e-3 * 0.5 * e * dt
        e += (slope * x - e / 20.0) * 20.0 * -np.expm1(-dt / 20.0)
        x = x * np.exp(-dt / 10.0) + np.sum(stamps == k + 1)
    assert v.max() > -52.0
    assert found["eligibility"][0] == pytest.approx(e, rel=1e-9)
    assert found["efficacy"][0] - 0.5 == pytest.approx(w - 0.5, rel=1e-8)
