"""Steps far beyond 2^31, and delays of many thousands: the same dynamics, and memory for what is under way."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.engine import Simulation, memory
from neuropil.engine.stores.synapse_list import REFRESHED
from neuropil.errors import NetworkError
from neuropil.model import AllToAll, Edges, FixedInDegree, Network, OneToOne, SpikeList, State, Step, Synapse, Uniform
from neuropil.plan.plan import make_plan
from neuropil.units import Time, ms, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.relay import Relay


class Plastic(Synapse):
    """A trace on each side, a weight that fades by itself: states of the source, of the target and of each synapse wait."""

    tau: Time = 20 * ms
    fading: Time = 3e8 * ms

    weight = State(0 * pA)
    pre = State(0.0)
    post = State(0.0)

    def derivative(self, s, x):
        return dict(pre=-s.pre / self.tau, post=-s.post / self.tau, weight=-s.weight / self.fading)

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, weight=w - 5 * pA * s.post)

    def respond(self, s, w):
        return dict(post=s.post + 1.0, weight=w + 4 * pA * s.pre)


def learning(clock_driven=False, late=0.0):
    """Neurons that fire at fixed rates onto others that do, with refractoriness and a probe."""
    network = Network("long")
    a, b = network.population("a", LIFExp(), 3), network.population("b", LIFExp(), 3)
    network.stimulate(a, Step(np.array([500.0, 600.0, 700.0]) * pA), input="current")
    network.stimulate(b, Step(np.array([300.0, 500.0, 650.0]) * pA), input="current")
    network.project(
        a, b, AllToAll(), weight=100 * pA, delay=3 * ms, port="exc", synapse=Plastic(), name="p", clock_driven=clock_driven, response_delay=late * ms
    )
    network.project(b, a, AllToAll(), weight=-50 * pA, delay=1 * ms, port="inh")
    network.probe(b, "v", interval=1 * ms)
    return network


def found(start, clock_driven=False, late=0.0, steps=1200, resume=None):
    simulation = Simulation(learning(clock_driven, late), threads=1 if resume is None else 2, precision="float64")
    simulation.core.begin_at(start)
    if resume is not None:
        simulation.step(steps // 3)
        path = simulation.checkpoint(resume)
        simulation.close()
        simulation = Simulation(learning(clock_driven, late), threads=1, precision="float64", resume=path)
        steps -= steps // 3
    stamps, neurons = simulation.step(steps)
    state = {"v": simulation.state("b", "v").value, **simulation.synapses("p")}
    simulation.close()
    return stamps - start, neurons, state


@pytest.mark.parametrize("clock_driven, late", [(False, 0.0), (False, 2.0), (True, 0.0)])
def test_any_number_of_steps(clock_driven, late):
    """From 0, across 2^31 and 2^32, and from 10^12: spikes, potentials, weights and traces are the same."""
    stamps, neurons, states = found(0, clock_driven, late)
    assert stamps.size > 20
    for start in (2**31 - 500, 2**32 - 500, 10**12):
        later, who, after = found(start, clock_driven, late)
        np.testing.assert_array_equal(later, stamps)
        np.testing.assert_array_equal(who, neurons)
        for name, value in states.items():
            np.testing.assert_allclose(after[name], value, rtol=1e-11, atol=1e-11, err_msg=f"{name} from {start}")


@pytest.mark.parametrize("late", [0.0, 2.0])
def test_a_checkpoint_at_a_large_step(tmp_path, late):
    """10^12 steps fit a checkpoint, the spikes in flight and those on their way back to the synapses included."""
    whole = found(10**12, late=late)
    stamps, neurons, states = found(10**12, late=late, resume=tmp_path / "late.h5")
    np.testing.assert_array_equal(stamps, whole[0][whole[0] > 400])
    np.testing.assert_array_equal(neurons, whole[1][whole[0] > 400])
    for name, value in states.items():
        np.testing.assert_array_equal(value, whole[2][name], err_msg=name)


def test_what_waits_for_long_is_brought_up_to_date():
    """A synapse that nothing touches for 1.5 · 2^32 steps has faded by exp(-t/τ) all the same, in one chunk or in many."""
    network = Network("waiting")
    a, b = network.population("a", Relay(), 1), network.population("b", LIFExp(), 1)
    network.project(a, b, OneToOne(), weight=100 * pA, delay=1 * ms, port="exc", synapse=Plastic(fading=1e9 * ms), name="p")
    simulation = Simulation(network, threads=1, precision="float64")
    for turn in (1, 2, 3):
        simulation.core.step = turn * REFRESHED - 1  # as if these steps had been run: nothing happens in them
        simulation.step(2)
        assert simulation.synapses("p")["weight"][0] == pytest.approx(100 * np.exp(-(turn * REFRESHED + 1) * 1e-10), rel=1e-9)
    simulation.close()


# --- delays ----------------------------------------------------------------------------------------------------------


def delayed(n, delay):
    network = Network("delayed")
    p = network.population("p", LIFExp(), n)
    network.project(p, p, FixedInDegree(min(n, 10)), weight=1 * pA, delay=1.5 * ms, port="exc")
    network.project(p, p, FixedInDegree(1), weight=-1 * pA, delay=delay * ms, port="inh")
    return network


@pytest.mark.parametrize("n, delay, dt", [(1, 1000.0, 0.1), (20_000, 1000.0, 0.1), (20_000, 300.0, 0.01), (2, 100_000.0, 0.1)])
def test_a_delay_costs_what_is_under_way(n, delay, dt):
    """At most 200 MB in flight for 20,000 neurons with one synapse of 1 s each, said and allocated; 100 s are as well possible."""
    plan = make_plan(delayed(n, delay), dt=dt * ms)
    assert memory.predict(plan, 2)["spikes in flight"] < 200e6
    if n == 20_000 and dt == 0.1:
        simulation = Simulation(delayed(n, delay), threads=2)
        held = sum(b.nbytes for store in simulation.core.stores for b in store.buckets)
        simulation.close()
        assert held < 1.2 * simulation.memory["spikes in flight"] and held < 200e6


@pytest.mark.parametrize("synapse", [None, Plastic()])
def test_a_delay_of_many_thousand_steps(synapse):
    """Bursts that fill more than was there at first, 2 s and 30 s ahead: each arrives in its step, in full."""
    network = Network("far")
    n = 1500
    a, b = network.population("a", Relay(), n), network.population("b", LIFExp(), 2)
    network.stimulate(a, SpikeList(np.array([1.0, 1.5]) * ms), port="spikes", weight=1.0)
    delay = np.where(np.arange(n) < 1400, 2000.0, 30_000.0)
    network.project(a, b, Edges(np.arange(n), np.arange(n) % 2), weight=1 * pA, delay=delay * ms, port="exc", synapse=synapse, name="p")
    simulation = Simulation(network, threads=1)
    for at, many in ((20_000, 700), (300_000, 50)):
        simulation.step(at + 9 - simulation.core.step)
        np.testing.assert_allclose(simulation.state("b", "i_exc").value, 0.0, atol=1e-20)
        simulation.step(1)
        faded = 1.0 if synapse is None else np.exp(-delay[0 if many == 700 else -1] / 3e8)
        np.testing.assert_allclose(simulation.state("b", "i_exc").value, many * faded, rtol=1e-6)
    simulation.close()


def test_delays_that_cannot_be_are_refused():
    network = delayed(5, 300_000.0)
    with pytest.raises(NetworkError, match="too many time steps"):
        make_plan(network)
        Simulation(network, threads=1)
    wide = Network("wide")
    p = wide.population("p", LIFExp(), 5)
    wide.project(p, p, FixedInDegree(1), weight=1 * pA, delay=Uniform(1 * ms, 20_000 * ms), port="exc")
    with pytest.raises(NetworkError, match="different delays"):
        Simulation(wide, threads=1)
