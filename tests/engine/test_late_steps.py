"""Whatever counts steps outside synapses goes on alike 10¹² steps later: stimuli, draws, probes, refractory periods, modulators.

Believed because what does not depend on chance is shifted by whole intervals only, so that late steps must repeat the early
ones exactly, and because what is drawn must be the number of the documented stream at that step, by `neuropil.rng`.
"""

import numpy as np
import pytest

from neuropil import rng
from neuropil.engine import Simulation
from neuropil.model import FirstOrder, Input, Network, Neuron, Noise, Poisson, Regular, Sine, State, Step
from neuropil.units import Hz, ms, nM, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.relay import Relay

LATE = 10**12
"""A multiple of every interval below, and of the sine's 1000 steps."""


class Follower(Neuron):
    """Repeats its input of the step."""

    y = State(0.0)
    x = Input(1.0)

    def derivative(self, s, x):
        return {"y": (x.x - s.y) / (1e-3 * ms)}


def network():
    net = Network("late")
    lif = net.population("lif", LIFExp(), 4)
    net.stimulate(lif, Step(np.array([300.0, 400, 600, 900]) * pA), input="current")
    net.stimulate(lif, Sine(100 * pA, 10 * Hz), input="current")
    net.stimulate(lif, Regular(2.5 * ms), port="exc", weight=200 * pA)
    relay = net.population("relay", Relay(), 3)
    net.stimulate(relay, Regular(1.6 * ms), port="spikes", weight=1.0)
    net.probe(lif, "v", interval=2 * ms)
    m = net.modulator("m", FirstOrder(tau=10 * ms, baseline=0 * nM), volume=[lif], tick=4 * ms)
    m.released_by(relay, 1 * nM)
    return net


def steps(start, threads=1):
    """Spikes after a start, and the samples of the probe, of 2000 steps."""
    simulation = Simulation(network(), threads=threads, precision="float64")
    simulation.core.step = start
    simulation._modulation.restore(simulation._modulation.save(), start)
    parts = [simulation.step(n) for n in (700, 1, 1299)]
    v, m = simulation.state("lif", "v").value, float(simulation.modulators["m"].concentration.value)
    simulation.close()
    return np.concatenate([p[0] for p in parts]) - start, np.concatenate([p[1] for p in parts]), v, m


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_steps_come_again(threads):
    early, late = steps(0), steps(LATE, threads)
    assert early[0].size > 100
    np.testing.assert_array_equal(early[0], late[0])
    np.testing.assert_array_equal(early[1], late[1])
    np.testing.assert_allclose(early[2], late[2], rtol=1e-6)  # the sine's phase is 6·10⁹ rad, known to 10⁻⁶
    assert early[3] == late[3] > 0.0


@pytest.mark.parametrize("start", [2**31 - 3, 2**32 - 3, LATE])
def test_draws_are_those_of_the_documented_streams(start):
    """A hazard, a counted and an irregular Poisson train and a held noise, each by `rng` at its step."""
    n, seed = 40, 5
    net = Network("draws")
    source = net.population("source", PoissonSource(rate=2000 * Hz), n)
    counted, irregular = net.population("counted", Relay(), n), net.population("irregular", Relay(), n)
    noisy = net.population("noisy", Follower(), n)
    trains = [net.stimulate(counted, Poisson(3000 * Hz), port="spikes", weight=1.0), net.stimulate(irregular, Poisson(np.full(n, 3000.0) * Hz), port="spikes", weight=1.0)]
    noise = net.stimulate(noisy, Noise(0.0, 1.0, interval=0.3 * ms), input="x")
    simulation = Simulation(net, seed=seed, threads=2, precision="float64")
    simulation.core.step = start
    for k in range(start, start + 8):
        stamp, neuron = simulation.step(1)
        assert set(stamp) <= {k + 1}
        fired = rng.uniform(rng.stream_key(seed, "hazard", source.name), np.arange(n), k) < -np.expm1(-0.2)
        np.testing.assert_array_equal(neuron[neuron < n], np.flatnonzero(fired))
        for population, drive in zip((counted, irregular), trains, strict=True):
            events = rng.poisson(0.3, rng.event_words(rng.stream_key(seed, "drive", *drive[0].stream), np.arange(n), k))
            own = neuron[(neuron >= population.first) & (neuron < population.first + n)] - population.first
            np.testing.assert_array_equal(own, np.flatnonzero(events))
        expected = rng.normal(rng.stream_key(seed, "drive", *noise[0].stream), np.arange(n), k // 3)
        np.testing.assert_allclose(simulation.state("noisy", "y").value, expected, atol=1e-12)
    simulation.close()
