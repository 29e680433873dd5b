"""Owners meet once per smallest delay: no bit depends on how often, on who owns what, or on where runs end."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.engine import Simulation
from neuropil.engine.exchange import exchange
from neuropil.engine.exchange.spikes import MEETINGS
from neuropil.model import Edges, Network, SpikeList
from neuropil.oracle import simulate
from neuropil.units import Hz, ms, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP


def network(shortest=1.0):
    """Excitation that learns and static inhibition; the smallest delay in ms is given."""
    net = npl.Network("meetings")
    e, i = net.population("e", LIFExp(), 61), net.population("i", LIFExp(), 17)
    net.stimulate(e, npl.Poisson(20000 * Hz), port="exc", weight=80 * pA)
    net.project(e, i, npl.FixedProbability(0.2), weight=60 * pA, delay=1.5 * ms, port="exc")
    net.project(i, e, npl.FixedProbability(0.2), weight=-100 * pA, delay=shortest * ms, port="inh")
    net.project(e, e, npl.FixedProbability(0.2), weight=30 * pA, delay=1.5 * ms, port="exc", synapse=AdditiveSTDP(), name="learning")
    return net


def run(net, threads, pieces):
    """Spikes, learnt weights, and how often owners met."""
    with Simulation(net, threads=threads) as simulation:
        found = [np.stack(simulation.step(n)) for n in pieces]
        return np.concatenate(found, axis=1), simulation.synapses("learning")["weight"], int(simulation.core.logs[0].counters[MEETINGS])


@pytest.fixture(scope="module")
def after_every_step():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "LONGEST", 1)
        spikes, weights, meetings = run(network(), 1, [600])
    assert meetings == 600
    assert spikes.shape[1] > 300
    return spikes, weights


@pytest.mark.parametrize(("threads", "pieces", "meetings"), [(1, [600], 60), (2, [1, 7, 13, 40, 539], 63), (3, [600], 60)])
def test_bits_do_not_depend_on_how_often_owners_meet(threads, pieces, meetings, after_every_step):
    """A smallest delay of 10 steps, with static and plastic synapses: as owners that meet after every step."""
    spikes, weights, met = run(network(), threads, pieces)
    np.testing.assert_array_equal(spikes, after_every_step[0])
    np.testing.assert_array_equal(weights, after_every_step[1])
    assert meetings <= met <= meetings + 30  # runs are cut into chunks, at whose ends owners meet as well


@pytest.mark.parametrize(("shortest", "interval"), [(0.1, 1), (0.7, 7), (1.5, 15)])
def test_the_interval_is_the_smallest_delay(shortest, interval):
    with Simulation(network(shortest), threads=1) as simulation:
        assert simulation.core.exchange.interval == interval


class Counting(npl.Neuron):
    """Adds up what arrives and never fires."""

    got = npl.State(0 * pA)
    syn = npl.Port(pA)

    def receive(self, s, w):
        return {"got": w.syn}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_burst_that_fills_the_room_between_two_meetings(threads):
    """700 neurons fire in each of 12 steps, more than there is room for at first; each arrives once, and at its time."""
    net = Network("burst")
    source, target = net.population("source", Relay(), 700), net.population("target", Counting(), 3)
    net.stimulate(source, SpikeList(np.arange(5, 17) * 0.1 * ms), port="spikes", weight=1.0)
    who = np.arange(700)
    net.project(source, target, Edges(who, who % 3), weight=1 * pA, delay=1.5 * ms, port="syn")
    net.probe(target, "got")
    with Simulation(net, threads=threads, precision="float64") as simulation:
        assert simulation.core.stores[0].capacity < 12 * 700
        simulation.step(9)
        simulation.step(41)
        found = simulation.result()
    np.testing.assert_array_equal(found.traces["target.got"].values, simulate(net, 5 * ms).traces["target.got"])
    assert found.summary["spikes"] == 12 * 700


class Bomb(npl.Neuron):
    """Grows until it is beyond all bounds."""

    v = npl.State(1.0)

    def derivative(self, s, x):
        return dict(v=s.v * s.v / ms)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_state_that_diverges_between_meetings_is_told_with_its_time(threads):
    net = Network("alarm")
    net.population("bomb", Bomb(), 5)
    relays = net.population("relays", Relay(), 5)
    net.project(relays, relays, Edges(np.arange(4), np.arange(1, 5)), weight=1.0, delay=3 * ms, port="spikes")
    with pytest.raises(npl.SimulationError) as error:
        npl.run(net, 20 * ms, threads=threads)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(npl.SimulationError) as exact:
        patch.setattr(exchange, "LONGEST", 1)
        npl.run(net, 20 * ms, threads=threads)
    assert error.value.what == exact.value.what
    assert "v of neuron 0 diverged at t = 1." in error.value.what


def test_an_alarm_of_steps_to_come_counts_at_the_next_meeting():
    """A fast owner may diverge in the steps after a meeting that a slow one has not left yet: both must judge that meeting alike."""
    alarm = np.zeros(2 * exchange.WORDS, np.int64)
    alarm[exchange.WORDS] = 25 + 1  # of the second owner, in the steps from 20 on
    assert not exchange.alarmed(alarm, 10, 20)
    assert exchange.alarmed(alarm, 20, 30)
    alarm[0] = 19 + 1
    assert exchange.alarmed(alarm, 10, 20) and not exchange.alarmed(alarm, 0, 10)
