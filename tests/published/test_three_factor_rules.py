"""Three-factor rules: eligibility in closed form, nothing without the third factor, unbiased policy gradients, e-prop's sum and what it learns."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.engine import Simulation
from neuropil.model import AllToAll, Apart, Becomes, Network, OneToOne, Signal, Step, Uniform
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
    store = next(iter(simulation.core.per_synapse.values()))
    amplitude = np.array([0.1, -0.15 if factor == "dopamine" else -0.1]) * np.exp(-10 / 20)
    simulation.run_until(1000 * ms)
    np.testing.assert_allclose(simulation.synapses("p")["efficacy"], 0.5, rtol=1e-15)
    store.change({factor: 0.5}, simulation.core.step)
    simulation.run_until(1500 * ms)
    store.change({factor: 0.0}, simulation.core.step)
    simulation.run_until(2000 * ms)
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
        result = simulation.run_until(2 * end * second)
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
    v = np.append(-65.0, simulation.run_until(steps * dt * ms).traces["target.v"].values[:, 0])
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


def pattern_errors(own: bool, trials: int = 24, n: int = 60, period: int = 400, tick: int = 4) -> np.ndarray:
    """float64[trials]: the mean squared error of a readout of neurons that hear 60 frozen trains over and over and should make a
    sum of three sines, learnt by e-prop with each neuron's own signal (its readout weight times the error), or the mean of these."""
    rng = np.random.default_rng(1)
    network = Network("pattern")
    source, cells = network.population("source", Relay(), 60), network.population("cells", LIFExp(), n)
    frozen = [np.sort(rng.uniform(1, period - 1, rng.poisson(8))) for _ in range(60)]
    script(network, source, [np.concatenate([t + k * period for k in range(trials)]) for t in frozen])
    network.stimulate(cells, Step(np.linspace(335, 375, n) * pA), input="current")
    rule = EProp(start=Uniform(0.2, 0.8), eta=2e-4 / ms**2)
    (into,) = network.project(source, cells, AllToAll(), weight=200 * pA, delay=1 * ms, port="exc", synapse=rule)
    learning = network.modulator("learning", Signal(), volume=into, tick=tick * ms, diffusion=Apart())
    learning.modulates(into, "learning_signal", Becomes())
    out = rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 1.5, n)
    wanted = sum(a * np.sin(2 * np.pi * f * np.arange(0, period, tick) / period + p) for f, a, p in ((1, 1.0, 0.3), (2, 0.7, 1.2), (3, 0.5, 2.1)))
    simulation, z, squares = Simulation(network, dt=0.5 * ms, precision="float64", threads=1), np.zeros(n), []
    for y in np.tile(wanted, trials):
        _, who = simulation.step(2 * tick)
        z = z * np.exp(-tick / 20.0) + np.bincount(who[who >= cells.first] - cells.first, minlength=n)
        error = out @ z / np.sqrt(n) - y
        squares.append(error**2)
        simulation.modulators["learning"].set_signal((out if own else np.full(n, out.mean())) * error)
    simulation.close()
    return np.array(squares).reshape(trials, -1).mean(axis=1)


def test_e_prop_learns_a_pattern_if_every_neuron_has_its_own_signal():
    """Deterministic. The target's variance is 0.87: a readout of rates that say nothing errs by as much or more."""
    own, common = pattern_errors(own=True), pattern_errors(own=False)
    assert own[:2].mean() > 0.85 and own[-4:].mean() < 0.7
    assert common[-4:].mean() > 0.85
