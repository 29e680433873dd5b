"""Static projections: what arrives is the stored weight, however small beside others, and the summary says what rounding did."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.engine import Simulation
from neuropil.errors import SimulationError
from neuropil.model import AllToAll, Network, Neuron, OneToOne, Port, SpikeList, State
from neuropil.units import ms, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.relay import Relay


class Sums(Neuron):
    """Adds up what arrives at two ports and never fires."""

    got = State(0 * pA)
    other = State(0 * pA)
    syn = Port(pA)
    more = Port(pA)

    def receive(self, s, w):
        return {"got": w.syn, "other": w.more}


def volley(weight, *, n=500, rule=None, targets=None, times=(1.0,), more=-100.0):
    """Sources that spike together; a second port of equal weights, which 16 bits hold."""
    network = Network("volley")
    source, target = network.population("source", Relay(), n), network.population("target", Sums(), n if targets is None else targets)
    network.stimulate(source, SpikeList(np.array(times) * ms), port="spikes", weight=1.0)
    network.project(source, target, rule or OneToOne(), weight=weight * pA, delay=1 * ms, port="syn", name="p")
    network.project(source, target, AllToAll(), weight=more * pA, delay=1 * ms, port="more", name="q")
    return network


def got(simulation, state="got"):
    return np.asarray(simulation.state("target", state).value, float)


WEIGHTS = {
    "six decades": np.logspace(-4, 2, 500),
    "90 % far below the rest": np.where(np.arange(500) % 10 == 0, 100.0, 0.0012),
    "one order": np.linspace(20.0, 100.0, 500),
}


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("threads", [1, 2])
def test_weights_over_decades_arrive_as_they_are_stored(name, threads):
    """One synapse each: the target is told its weight, within 1 % at most; no weight vanishes; the summary says the error."""
    weight = WEIGHTS[name]
    simulation = Simulation(volley(weight), threads=threads)
    simulation.step(25)
    stored, found = simulation.weights("p"), simulation.summary()
    np.testing.assert_allclose(got(simulation), stored, rtol=2.0**-22)
    np.testing.assert_allclose(got(simulation, "other"), -50_000.0, rtol=2.0**-22)
    simulation.close()
    worst = np.abs(stored / weight - 1).max()
    assert worst < (0.01 if name == "one order" else 1e-6)
    assert found["weight_rounding_max"] == pytest.approx(worst, rel=0.01, abs=2e-7)
    assert found["weights_vanished"] == found["weights_saturated"] == 0


def test_what_vanishes_all_the_same_is_counted():
    """One in a thousand may be stored as 0, those below 2^-47 of the largest always; a weight that is 0 has not vanished."""
    weight = np.where(np.arange(500) == 3, 1e-15, np.where(np.arange(500) % 2, 0.0, 50.0))
    simulation = Simulation(volley(weight), threads=1)
    found = simulation.summary()
    simulation.close()
    assert found["weights_vanished"] == 1 and found["weights_saturated"] == 0 and found["weight_rounding_max"] == 0.0


@pytest.mark.parametrize("n", [1000, 70_000])
def test_a_volley_of_any_size_is_exact(n):
    """All of a target's synapses at once: whole multiples of the weight scale, so the sum is right to the rounding of float32."""
    simulation = Simulation(volley(100.0, n=n, rule=AllToAll(), targets=1), threads=1)
    simulation.step(25)
    assert got(simulation)[0] == pytest.approx(100.0 * n, rel=2.0**-22)
    assert got(simulation, "other")[0] == pytest.approx(-100.0 * n, rel=2.0**-22)
    simulation.close()


@pytest.mark.parametrize("values", [np.linspace(0.3, 90.0, 500), np.full(500, 1e5), np.logspace(-3, -1, 500)])
def test_new_weights_bring_their_scale(values, tmp_path):
    """From 0, far larger or far smaller: what is written is delivered, beside others that stay, on waking too."""
    network = volley(0.0)
    network.project(network["source"], network["target"], OneToOne(), weight=np.linspace(1, 2, 500) * values.mean() * pA, delay=5 * ms, port="syn", name="beside")
    kept = {}
    for resume in (None, tmp_path / "written.h5"):
        simulation = Simulation(network, threads=1 if resume is None else 2, resume=resume)
        if resume is None:
            simulation.step(15)
            beside = simulation.weights("beside")
            simulation.set_weights("p", values)
            assert got(simulation).max() == 0.0
            simulation.checkpoint(tmp_path / "written.h5")
        simulation.step(10)
        kept[resume] = got(simulation)
        np.testing.assert_allclose(kept[resume], simulation.weights("p"), rtol=2.0**-22)
        np.testing.assert_allclose(simulation.weights("p"), values, rtol=0.01)
        np.testing.assert_allclose(simulation.weights("beside"), beside, rtol=0.01)
        simulation.close()
    np.testing.assert_array_equal(*kept.values())


@pytest.mark.parametrize("threads", (1, 2))
@pytest.mark.parametrize("first", (0, 4))
def test_what_float32_cannot_hold_stops_the_run(first, threads):
    """Two weights of 2·10³⁸ pA: their sum is infinite in float32, and said to be, whichever owner has the neuron."""
    network = Network("overflow")
    source, target = network.population("source", Relay(), 2), network.population("target", LIFExp(), 5)
    network.stimulate(source, SpikeList(np.array([1.0]) * ms), port="spikes", weight=1.0)
    network.project(source, target[first:], AllToAll(), weight=2e38 * pA, delay=1 * ms, port="exc")
    simulation = Simulation(network, threads=threads)
    with pytest.raises(SimulationError, match=f"i_exc of neuron {first} diverged"):
        simulation.step(40)
    simulation.close()
