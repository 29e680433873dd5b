"""Noise of neurons: the bits of a run do not depend on how it is run, held states stay, and nothing else flows into it."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.engine import Simulation
from neuropil.errors import ModelError, NetworkError, UnitError
from neuropil.maths import sqrt
from neuropil.model import Branch, Branched, Input, Network, Neuron, Noise, State, Synapse
from neuropil.oracle import simulate
from neuropil.units import Time, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp

STEPS = 60


class NoisyMembrane(LIFExp):
    """Noise on the potential itself, which is held while refractory, and a process with multiplicative noise."""

    tau_noise: Time = 10 * ms
    y = State(1.0)
    noise_v = Input(1.0)
    noise = Input(1.0)

    def derivative(self, s, x):
        own = super().derivative(s, x)
        own["v"] += 6 * mV * sqrt(2 / (self.tau_m * ms)) * x.noise_v
        own["y"] = -s.y / self.tau_noise + s.y * x.noise / sqrt(self.tau_noise * ms)
        return own


class NoisyBranch(Branch):
    y = State(0.0)
    noise = Input(1.0)

    def derivative(self, s, x):
        return {"y": -s.y / (5 * ms) + x.noise / sqrt(5 * ms * ms)}

    def output(self, s, x):
        return s.y * 20 * pA


def network(size=40):
    net = Network("noisy")
    net.population("a", NoisyMembrane(i_e=330 * pA), size)
    net.population("b", Branched(NoisyMembrane(i_e=330 * pA), NoisyBranch(), 2, reads={}), 9)
    return net


def states(simulation):
    """All states, and the spikes so far."""
    found = [np.asarray(simulation.state(p, n).value) for p in ("a", "b") for n in ("v", "y")]
    return [*found, np.asarray(simulation.state("b", "branch.y").value)]


@pytest.fixture(scope="module")
def alone():
    with Simulation(network(), seed=3, threads=1) as simulation:
        simulation.step(STEPS)
        return states(simulation)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_bits_do_not_depend_on_threads_and_chunks(alone):
    with Simulation(network(), seed=3, threads=3) as simulation:
        for chunk in (7, 1, STEPS - 8):
            simulation.step(chunk)
        assert same(states(simulation), alone)


def test_a_snapshot_goes_on_with_the_same_noise_or_with_that_of_another_seed(alone):
    with Simulation(network(), seed=3, threads=2) as simulation:
        simulation.step(20)
        kept = simulation.snapshot()
        simulation.step(STEPS - 20)
        assert same(states(simulation), alone)
        simulation.restore(kept)
        simulation.step(STEPS - 20)
        assert same(states(simulation), alone)
        simulation.restore(kept, seed=4)
        simulation.step(STEPS - 20)
        assert not any(np.array_equal(a, b) for a, b in zip(states(simulation), alone, strict=True))


def test_a_neuron_s_noise_does_not_depend_on_the_size_of_its_population(alone):
    with Simulation(network().replace(populations={"a": {"size": 55}}), seed=3, threads=1) as simulation:
        simulation.step(STEPS)
        assert same([v[:40] for v in states(simulation)[:2]], alone[:2])


def test_noises_of_states_neurons_and_sites_are_independent():
    net = network(400)
    drawn = [npl.learn.Rollout(net, seed=1).inputs(40)["currents"][p][n] for p, n in (("a", "noise"), ("a", "noise_v"), ("b", "branch.noise"))]
    assert drawn[2].shape == (40, 18)
    columns = np.concatenate(drawn, axis=1) * np.sqrt(0.1)
    assert abs(columns.std() - 1) < 0.03  # 32,720 numbers: the deviation is within 0.004
    assert np.unique(columns).size > 0.99 * columns.size  # float32
    assert abs(np.corrcoef(drawn[0].ravel(), drawn[1].ravel())[0, 1]) < 0.04  # 5 / √16,000


def test_the_oracle_agrees_while_neurons_fire_and_are_held(alone):
    net = network()
    net.probe(net["a"], "v")
    truth, found = simulate(net, STEPS * 5 * 0.1 * ms, seed=3), npl.run(net, STEPS * 5 * 0.1 * ms, seed=3, precision="float64")
    v = np.asarray(found.traces["a.v"].values)
    theirs = truth.traces["a.v"]
    np.testing.assert_allclose(v, np.asarray(getattr(theirs, "values", theirs)), rtol=1e-10)
    held = (v[1:] == -65.0) & (v[:-1] == -65.0)
    assert held.sum() > 100  # twenty steps after each spike, without noise
    assert len(found.spikes) > 20


def test_parameters_of_noise_change_while_it_runs():
    with Simulation(network(), seed=3, precision="float64") as simulation:
        simulation.step(20)
        simulation.set("a", tau_noise=4 * ms)
        simulation.step(20)
        found = np.asarray(simulation.state("a", "y").value)
    truth = simulate(network_probed(), 40 * 0.1 * ms, seed=3, settings={20: [("a", {"tau_noise": 4 * ms})]}).traces["a.y"]
    np.testing.assert_allclose(found, np.asarray(getattr(truth, "values", truth))[-1], rtol=1e-11)


def network_probed():
    net = network()
    net.probe(net["a"], "y")
    return net


def test_what_flows_into_noise_or_cannot_have_it_is_refused(tmp_path):
    net = network()
    with pytest.raises(NetworkError, match="white noise of the neurons' own"):
        net.stimulate(net["a"], Noise(0.0, 1.0), input="noise")
    with pytest.raises(NetworkError, match="white noise"):
        net.replace(populations={"a": {"neuron": LIFExp()}})
    with pytest.raises(UnitError, match="no unit"):
        type("Wrong", (Neuron,), {"y": State(0.0), "noise": Input(pA)})
    with pytest.raises(ModelError, match="one white noise"):
        type("Both", (Synapse,), {"y": State(0.0), "noise_y": Input(1.0)})
    net.save(tmp_path / "net.h5")
    assert [d.name for d in npl.load_network(tmp_path / "net.h5", trust=True).drives] == ["a.noise_v", "a.noise", "b.noise_v", "b.noise", "b.branch.noise"]
