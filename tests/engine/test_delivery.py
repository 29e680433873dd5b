"""What a port receives: equal to the stored weights whatever they were at the start, summed in the order of the contract."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neuropil.engine import Simulation
from neuropil.model import AllToAll, Edges, Network, Neuron, Port, SpikeList, State, Synapse
from neuropil.oracle import simulate
from neuropil.units import Current, ms, pA
from neuropil.zoo.neurons.relay import Relay


class Sum(Neuron):
    """Adds up what arrives and never fires."""

    got = State(0 * pA)
    syn = Port(pA)

    def receive(self, s, w):
        return {"got": w.syn}


class Grown(Synapse):
    """After its first spike the weight is `top`."""

    top: Current = 1 * pA

    weight = State(0 * pA)

    def arrive(self, s, w):
        return dict(weight=self.top)


class Shrinking(Synapse):
    """Every spike takes a quarter of the weight."""

    weight = State(0 * pA)

    def arrive(self, s, w):
        return dict(weight=0.75 * w)


def source(network, times, n, name="source"):
    """Neurons that spike together at these times (ms), 0.1 ms each as given."""
    made = network.population(name, Relay(), n)
    network.stimulate(made, SpikeList(np.asarray(times, float) * ms), port="spikes", weight=1.0)
    return made


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("clock_driven", [False, True])
def test_what_arrives_equals_the_stored_weight(precision, clock_driven):
    """From 0 to 20 nA, from 1e-3 to 65 pA, in volleys of 1000: n times the weight, within 2^-20 (2^-40)."""
    bound = 2.0**-20 if precision == "float32" else 2.0**-40
    for n, start, top in ((1, 0.0, 0.48), (1000, 0.0, 2e4), (1000, 1e-3, 65.0), (784, 0.003, 1e30)):
        network = Network("grown")
        target = network.population("target", Sum(), 1)
        how = dict(weight=start * pA, delay=1 * ms, port="syn", synapse=Grown(top=top * pA), clock_driven=clock_driven)
        network.project(source(network, [1, 5], n), target, AllToAll(), name="p", **how)
        simulation = Simulation(network, precision=precision, threads=1)
        simulation.step(40)
        before = float(simulation.state("target", "got").value[0])
        simulation.step(40)
        arrived = float(simulation.state("target", "got").value[0]) - before
        stored = simulation.synapses("p")["weight"].sum()
        simulation.close()
        assert before == pytest.approx(n * start, rel=bound)
        assert stored == pytest.approx(n * top, rel=2.0**-23)
        assert abs(arrived - stored) <= bound * stored


def test_a_small_plastic_weight_beside_a_large_static_one():
    """10 fA among 5 nA: each arrives in full, whatever the other's size."""
    network = Network("beside")
    target = network.population("target", Sum(), 1)
    network.project(source(network, [1, 2], 1), target, AllToAll(), weight=0.01 * pA, delay=1 * ms, port="syn", synapse=Grown(top=0.02 * pA))
    network.project(source(network, [4], 1, "large"), target, AllToAll(), weight=5000 * pA, delay=1 * ms, port="syn")
    simulation = Simulation(network, threads=1)
    simulation.step(45)
    assert simulation.state("target", "got").value[0] == pytest.approx(0.03, rel=1e-6)
    simulation.step(10)
    assert simulation.state("target", "got").value[0] == pytest.approx(5000.03, rel=1e-6)
    simulation.close()


def wide(sources=37, targets=5, synapses=400):
    """A clock-driven and an event-driven projection, and a stimulus, into one port, with weights over 16 decades and delays
    that bring spikes of different steps together: float64 sums that every other order changes."""
    draw = np.random.default_rng(5)
    network = Network("wide")
    a = network.population("a", Relay(), sources)
    target = network.population("target", Sum(), targets)
    when = draw.integers(1, 40, 300)
    network.stimulate(a, SpikeList(when * 0.1 * ms, neurons=draw.integers(0, sources, 300)), port="spikes", weight=1.0)
    network.stimulate(target, SpikeList(np.arange(1, 60, 7) * 0.1 * ms), port="syn", weight=0.1 * pA)
    for clock_driven in (True, False):
        weight = draw.choice([-1.0, 1.0], synapses) * 10.0 ** draw.uniform(-8, 8, synapses)
        rule = Edges(draw.integers(0, sources, synapses), draw.integers(0, targets, synapses))
        how = dict(weight=weight * pA, delay=draw.integers(1, 12, synapses) * 0.1 * ms, synapse=Shrinking(), clock_driven=clock_driven)
        network.project(a, target, rule, port="syn", name=f"clocked {clock_driven}", **how)
    network.probe(target, "got")
    return network


@pytest.fixture(scope="module")
def sums():
    return simulate(wide(), 6 * ms).traces["target.got"]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_order_of_a_sum_is_the_contracts(threads, sums):
    """Bit for bit the oracle's: stimuli, then projections in the network's order, each by emission, source and index."""
    simulation = Simulation(wide(), precision="float64", threads=threads)
    for n in (1, 7, 13, 39):
        simulation.step(n)
    found = simulation.result().traces["target.got"].values
    simulation.close()
    np.testing.assert_array_equal(found, sums)


def test_the_order_survives_a_checkpoint(tmp_path, sums):
    """Spikes in flight are filed again in the order in which they were emitted."""
    first = Simulation(wide(), precision="float64", threads=2)
    first.step(17)
    path = first.checkpoint(tmp_path / "flight.h5")
    first.close()
    second = Simulation(wide(), precision="float64", threads=1, resume=path)
    found = second.run_until(6 * ms).traces["target.got"].values
    second.close()
    np.testing.assert_array_equal(found[-43:], sums[17:])


def test_a_sum_in_float32_is_as_good_as_its_weights():
    """5000 weights of both signs: within 2^-20 of the sum of magnitudes of the exact sum."""
    draw = np.random.default_rng(1)
    weight = draw.normal(0, 50, (5000, 1))
    network = Network("volley")
    target = network.population("target", Sum(), 1)
    network.project(source(network, [1], 5000), target, AllToAll(), weight=weight * pA, delay=1 * ms, port="syn", synapse=Shrinking())
    simulation = Simulation(network, threads=1)
    simulation.step(25)
    got = float(simulation.state("target", "got").value[0])
    simulation.close()
    assert abs(got - math.fsum(weight.ravel())) <= 2.0**-20 * np.abs(weight).sum()
