"""Spikes at chosen times on both sides of many synapses at once, each synapse between a source and a target of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.engine import Simulation
from neuropil.model import Network, Neuron, OneToOne, Port, SpikeList, State, Synapse
from neuropil.units import Time, ms
from neuropil.zoo.neurons.relay import Relay


class Listening(Synapse):
    """Adds up what its trace is when the target spikes, and transmits nothing."""

    tau: Time = 20 * ms

    weight = State(0.0)
    pre = State(0.0)

    def derivative(self, s, x):
        return dict(pre=-s.pre / self.tau)

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0)

    def respond(self, s, w):
        return dict(weight=w + s.pre)

    def transmits(self, s, w):
        return 0.0 * w


class Scripted(Neuron):
    """Spikes when it is told to; adds up what its synapses send."""

    told = State(0.0)
    felt = State(0.0)
    spikes = Port(1.0)
    synapses = Port(1.0)

    def receive(self, s, w):
        return {"told": w.spikes, "felt": w.synapses}

    def fires(self, s):
        return s.told > 0

    def reset(self, s):
        return {"told": 0.0}


def script(network: Network, population: Any, times: list[Any]) -> None:
    """Tell each neuron of a population when to spike, in ms."""
    every = np.concatenate([np.asarray(t, float) for t in times])
    who = np.repeat(np.arange(len(times)), [len(t) for t in times])
    if every.size:
        network.stimulate(population, SpikeList(every * ms, who, grid="nearest"), port="spikes", weight=1.0)


def scripted(rule: Synapse, arrivals: list[Any], spikes: list[Any], dt: float = 0.1, clock_driven: bool = False) -> Simulation:
    """A simulation of one synapse for each pair of trains; its projection is called "p".

    Args:
        arrivals: times (ms, from 2 dt on) at which spikes arrive; spikes: times of the target's spikes.
    """
    network = Network("pairings")
    source, target = network.population("source", Relay(), len(arrivals)), network.population("target", Scripted(), len(spikes))
    script(network, source, [np.asarray(a, float) - dt for a in arrivals])
    script(network, target, spikes)
    network.project(
        source, target, OneToOne(), weight=1.0, delay=dt * ms, port="synapses", synapse=rule, name="p", clock_driven=clock_driven
    )
    return Simulation(network, dt=dt * ms, precision="float64", threads=1)


def after(rule: Synapse, arrivals: list[Any], spikes: list[Any], duration: float, **how: Any) -> dict[str, np.ndarray]:
    """The states of the synapses, in the order of their trains, at the end."""
    simulation = scripted(rule, arrivals, spikes, **how)
    simulation.run(duration * ms)
    found = simulation.synapses("p")
    simulation.close()
    return found
