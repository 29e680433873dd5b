"""Whatever else is in a network leaves the draws of everything in it as they were: streams are keyed by names.

The truth is the network alone: the same draws must come out, to the bit, with others added before, between and after, and in another
order of declaration.
"""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.connectivity.draw import edges
from neuropil.engine import Simulation
from neuropil.learn import Rollout
from neuropil.model.network.network import Network
from neuropil.units import Hz, kHz, ms, mV, pA
from neuropil.zoo.neurons.escape_lif import EscapeLIF
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.synapses.short_term import TsodyksMarkram

STEPS = 400
RULES = {
    "probability": npl.FixedProbability(0.2),
    "total": npl.FixedTotal(60),
    "in": npl.FixedInDegree(3),
    "out": npl.FixedOutDegree(4, allow_multiple=False),
    None: npl.FixedProbability(0.3),
}


def populations(net):
    net.population("a", PoissonSource(rate=npl.Uniform(20 * Hz, 90 * Hz)), 20)
    net.population("b", LIFExp(tau_m=npl.Normal(10 * ms, 1 * ms, low=5 * ms)), 30, initial={"v": npl.Uniform(-65 * mV, -55 * mV)})


def projections(net):
    law = {"weight": npl.Normal(40 * pA, 5 * pA), "delay": npl.Uniform(0.5 * ms, 3 * ms), "port": "exc"}
    return [
        *(lambda n=n, r=r: net.project(net["a"], net["b"], r, name=n, **law) for n, r in RULES.items()),
        lambda: net.project(net["a"], net["b"], RULES[None], synapse=TsodyksMarkram(use=npl.Uniform(0.2, 0.8)), name="states", **law),
        lambda: net.project(net["b"], net["b"], RULES[None], structure=npl.Rewiring(10 * ms, eliminate=20 * Hz), name="moving", **law),
    ]  # fmt: skip


def drives(net):
    b, drawn = net["b"], npl.Uniform(5 * pA, 9 * pA)
    return [
        lambda: net.stimulate(b, npl.Poisson(2 * kHz), port="exc", weight=20 * pA),
        lambda: net.stimulate(b, npl.Poisson(npl.Uniform(500 * Hz, 900 * Hz)), port="inh", weight=npl.Normal(-9 * pA, 1 * pA), name="loud"),
        lambda: net.stimulate(b, npl.InhomogeneousPoisson([1.0, 2.0] * kHz, 5 * ms), port="exc", weight=drawn),
        lambda: net.stimulate(b, npl.Noise(5 * pA, drawn), input="current"),
        lambda: net.stimulate(b, npl.Step(npl.Uniform(350 * pA, 450 * pA)), input="current"),
    ]


def others(net, n):
    """One more of each kind: a population with its own noise, projections and drives of it, a probe."""
    z = net.population(f"z{n}", LIFExp(tau_m=npl.Uniform(8 * ms, 12 * ms)), 5 + n)
    law = {"weight": npl.Uniform(1 * pA, 2 * pA), "delay": 1 * ms, "port": "exc"}
    net.project(z, z, npl.FixedProbability(0.5), **law)
    net.project(z, z, npl.FixedProbability(0.5), synapse=TsodyksMarkram(), **law)
    net.stimulate(z, npl.Poisson(1 * kHz), port="exc", weight=npl.Uniform(1 * pA, 2 * pA))
    net.stimulate(z, npl.Noise(0 * pA, 9 * pA), input="current")
    net.probe(z, "v", neurons=[0])


def network(added=False, backwards=False):
    net, turn = Network("named"), -1 if backwards else 1
    if added:
        others(net, 0)
    populations(net)
    for n, make in enumerate(projections(net)[::turn], 1):
        make()
        if added and n % 3 == 0:
            others(net, n)
    for n, make in enumerate(drives(net)[::turn], 1):
        make()
        if added and n == 2:
            others(net, 20)
            # Between the same populations, on other ports: a silent drive and a projection without weight.
            net.stimulate(net["b"], npl.Poisson(0 * Hz), port="inh", weight=1 * pA)
            net.project(net["a"], net["b"], npl.AllToAll(), weight=0 * pA, delay=1 * ms, port="inh")
    net.probe(net["b"], "v")
    return net


def drawn(net):
    """By name of a projection (None: the one without) its synapses, by population its spikes, the potentials; from the engine."""
    simulation = Simulation(net, threads=2, dt=0.1 * ms, seed=3)
    names = [p.name for p in net.projections if p.name.split("→")[0] not in [n for n in net.populations if n[0] == "z"] and p.port == "exc"]
    start = {("start", n): simulation.synapses(n) for n in names}
    stamp, neuron = simulation.step(STEPS)
    found = {("end", n): simulation.synapses(n) for n in ("states", "moving")} | start
    found = {(*key, name): values for key, arrays in found.items() for name, values in arrays.items()}
    for name in ("a", "b"):
        mine = (neuron >= net[name].first) & (neuron < net[name].first + net[name].size)
        found["spikes", name] = np.array([stamp[mine], neuron[mine] - net[name].first])
    found["v"] = simulation.state("b", "v").value
    simulation.close()
    return found


def same(one, other):
    assert one.keys() == other.keys()
    for key, values in one.items():
        np.testing.assert_array_equal(other[key], values, err_msg=str(key))


@pytest.fixture(scope="module")
def alone():
    return drawn(network())


def test_others_leave_all_draws_as_they_were(alone):
    assert alone["spikes", "b"].shape[1] > 20 and ("start", "a→b", "weight") in alone
    same(alone, drawn(network(added=True)))


def test_the_order_of_declaration_does_not_matter_to_draws():
    """Sums of currents depend on the order, by rounding; the draws do not."""
    one, other = (
        {p.stream: edges(p, 3, 0.1) for p in network(backwards=turned).projections} for turned in (False, True)
    )
    assert one.keys() == other.keys() and len(one) == len(RULES) + 2
    for key, arrays in one.items():
        for mine, theirs in zip(arrays, other[key], strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert {d.stream for d in network().drives} == {d.stream for d in network(backwards=True).drives}


def test_the_rollout_draws_by_name_too():
    def inputs(added):
        net = Network("drives")
        if added:
            others(net, 0)
        net.population("b", LIFExp(), 30)
        for n, make in enumerate(drives(net)):
            if added and n == 2:
                others(net, 1)
            make()
        return Rollout(net, dt=0.1 * ms, seed=3).inputs(50)

    alone, more = inputs(False), inputs(True)
    for kind in ("events", "currents"):
        for name, values in alone[kind]["b"].items():
            np.testing.assert_array_equal(more[kind]["b"][name], values)


def test_equals_are_told_apart_by_their_order_and_names_by_themselves():
    net = Network()
    net.population("a", EscapeLIF(), 9)
    same_port = [net.project(net["a"], net["a"], npl.FixedProbability(0.5), weight=1 * pA, delay=1 * ms, port="exc")[0] for _ in range(2)]
    first, second = (edges(p, 1, 0.1)[1] for p in same_port)
    assert first.size != second.size or np.any(first != second)
    named = [net.project(net["a"], net["a"], npl.FixedProbability(0.5), weight=1 * pA, delay=1 * ms, port=p, name="n")[0] for p in ("exc", "inh")]
    assert [p.name for p in named] == ["n", "n #2"] and len({p.stream for p in (*named, *same_port)}) == 4
