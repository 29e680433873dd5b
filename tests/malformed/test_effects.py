"""Equations that draw, count or read a clock are refused with their name: traced once, the number would be frozen.

Believed because the same equations without the effect are accepted, in every kind of model and every method.
"""

import itertools
import random

import numpy as np
import pytest

import neuropil as npl
from neuropil.errors import ModelError
from neuropil.plan.plan import make_plan
from neuropil.units import Time, cm, mS, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp

_generator = np.random.default_rng(1)
_counter = itertools.count(1)

EFFECTS = {
    "numpy.random": lambda: np.random.randn(),  # noqa: NPY002
    "a generator": lambda: _generator.normal(),
    "random": lambda: random.random(),
    "a counter": lambda: float(next(_counter)),
    "nothing": lambda: 0.25,
}


def neuron(effect, where):
    """A neuron in one of whose equations a factor has an effect."""

    def factor(name):
        return effect() if name == where else 0.5

    class Noisy(npl.Neuron):
        tau: Time = 10 * ms
        v = npl.State(-65 * mV)
        syn = npl.Port(mV)

        def derivative(self, s, x):
            return {"v": -factor("derivative") * (s.v + 65 * mV) / self.tau}

        def receive(self, s, w):
            return {"v": factor("receive") * w.syn}

        def fires(self, s):
            return s.v >= factor("fires") * -50 * mV

        def reset(self, s):
            return {"v": s.v - factor("reset") * 10 * mV}

    return Noisy()


def plan_of(model):
    network = npl.Network("one")
    population = network.population("p", model, 2)
    network.stimulate(population, npl.Poisson(10 * npl.units.Hz), port="syn", weight=1 * mV)
    return make_plan(network)


@pytest.mark.parametrize("where", ["derivative", "receive", "fires", "reset"])
@pytest.mark.parametrize("kind", EFFECTS)
def test_neurons(kind, where):
    model = neuron(EFFECTS[kind], where)
    if kind == "nothing":
        plan_of(model)
        return
    with pytest.raises(ModelError, match=rf"Noisy\.{where}\(\) has an effect") as caught:
        plan_of(model)
    assert "Noise" in caught.value.fix
    assert kind not in ("numpy.random", "random") or f"{kind} was drawn from" in caught.value.got


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_a_chance_branch_is_found_though_both_traces_agree(fraction):
    """The branch taken is the same both times; that the global generator moved gives it away."""

    class Chance(npl.Neuron):
        v = npl.State(0.0)

        def derivative(self, s, x):
            return {"v": (-s.v if np.random.rand() < fraction else s.v) / (10 * ms)}  # noqa: NPY002

    network = npl.Network("one")
    network.population("p", Chance(), 1)
    with pytest.raises(ModelError, match="has an effect"):
        make_plan(network)


def test_hazards():
    class Source(npl.Neuron):
        r = npl.State(0.0)

        def hazard(self, s):
            return _generator.uniform() / ms

    network = npl.Network("one")
    network.population("p", Source(), 1)
    with pytest.raises(ModelError, match=r"Source\.hazard\(\) has an effect"):
        make_plan(network)


@pytest.mark.parametrize("where", ["derivative", "arrive", "respond", "transmits"])
def test_synapses(where):
    def factor(name):
        return _generator.uniform() if name == where else 0.5

    class Fickle(npl.Synapse):
        tau: Time = 20 * ms
        x = npl.State(0.0)

        def derivative(self, s, x):
            return {"x": -factor("derivative") * s.x / self.tau}

        def arrive(self, s, w):
            return {"x": s.x + factor("arrive")}

        def respond(self, s, w):
            return {"x": s.x - factor("respond")}

        def transmits(self, s, w):
            return w * factor("transmits")

    network = npl.Network("two")
    population = network.population("p", LIFExp(), 2)
    network.project(population, population, npl.AllToAll(), weight=10 * pA, delay=1 * ms, port="exc", synapse=Fickle())
    with pytest.raises(ModelError, match=rf"Fickle\.{where}\(\) has an effect"):
        make_plan(network)


@pytest.mark.parametrize("where", ["derivative", "current"])
def test_channels(where):
    def factor(name):
        return _generator.uniform() if name == where else 0.5

    class Odd(npl.Channel):
        g: npl.Conductance = 1 * npl.units.nS
        m = npl.State(0.0)
        v = npl.Input(mV)

        def derivative(self, s, x):
            return {"m": factor("derivative") * (1 - s.m) / (5 * ms)}

        def current(self, s, x):
            return 0.3 * mS / cm**2 * factor("current") * s.m * (x.v + 65 * mV)

    from neuropil.lower.membrane import Membrane

    with pytest.raises(ModelError, match=rf"Odd\.{where}\(\) has an effect"):
        Membrane({"odd": Odd()})


def test_the_zoo_is_without_effects():
    """Every registered neuron and synapse is traced twice when it is planned; none is refused."""
    from neuropil.zoo.registry import NEURONS, neuron

    for name in NEURONS:
        network = npl.Network(name)
        network.population("p", neuron(name)(), 1)
        make_plan(network, dt=0.025 * ms)
