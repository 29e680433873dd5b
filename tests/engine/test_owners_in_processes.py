"""Owners in separate processes give the bits of one thread, and hold their own synapses alone."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.engine import Simulation
from neuropil.engine.processes import run_in_processes, run_part
from neuropil.units import Hz, ms, nS, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP

STEPS = [7, 393, 200]
PARTS = [range(2), range(2, 3)]  # two threads in one process, one in another


def static():
    """Targets drawn row by row, listed, and given; weights drawn; a smallest delay of 10 steps."""
    net = npl.Network("static")
    e, i = net.population("e", LIFExp(), 61), net.population("i", LIFExp(), 17)
    for population in (e, i):
        net.stimulate(population, npl.Poisson(20000 * Hz), port="exc", weight=80 * pA)
    net.project(e, i, npl.FixedProbability(0.2), weight=npl.Normal(60 * pA, 6 * pA), delay=npl.Uniform(1 * ms, 2 * ms), port="exc")
    net.project(i, e, npl.FixedInDegree(4), weight=npl.Normal(-100 * pA, 10 * pA), delay=1.5 * ms, port="inh")
    net.project(e, e, npl.FixedOutDegree(9), weight=20 * pA, delay=1 * ms, port="exc")
    return net


def plastic():
    """Learning beside static synapses."""
    net = static()
    net.project(net["e"], net["e"], npl.FixedProbability(0.2), weight=30 * pA, delay=1.5 * ms, port="exc", synapse=AdditiveSTDP(), name="learning")
    return net


def coupled():
    """Potentials cross as well."""
    net = static()
    net.couple((net["i"], "current"), (net["i"], "current"), [(j, j + 1) for j in range(16)], g=2 * nS)
    return net


def graded():
    """What potentials say crosses in the step in which they have it, and through a structure a step later."""
    net = static()
    given = {"input": "current", "synapse": npl.Graded()}
    net.project(net["e"], net["i"], npl.FixedProbability(0.2), weight=npl.Normal(0 * nS, 0.1 * nS), delay=0 * ms, **given)
    net.project(net["e"], net["e"], npl.AllToAll(), weight=npl.Circulant(np.cos(np.arange(61)) * 0.02 * nS), delay=0.1 * ms, **given)
    return net


NETWORKS = {"static": static, "plastic": plastic, "coupled": coupled, "graded": graded}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    made = [make() for make in NETWORKS.values()]
    return dict(zip(NETWORKS, run_in_processes(made, STEPS, PARTS, tmp_path_factory.mktemp("shared")), strict=True))


def in_order(pre, post, weight):
    order = np.lexsort((post, pre))
    return [values[order] for values in (pre, post, weight)]


def test_each_network_does_something_else(parts):
    """Or what crosses would not be seen in the spikes."""
    trains = [tuple(np.concatenate([p.stamps for p in found]).tolist()) for found in parts.values()]
    assert len(set(trains)) == len(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_bits_are_those_of_one_thread(name, parts):
    """Spikes, and weights that were learnt; a synapse is in one process, which holds as many as its owners have."""
    found = parts[name]
    with Simulation(NETWORKS[name](), threads=1) as simulation:
        stamps, neurons = simulation.step(sum(STEPS))
        core = simulation.core
        learnt = {s.projection.name: (s.synapses.pre, s.synapses.post, s.read("weight", core.step)) for s in core.per_synapse.values()}
        packed = sum(p.n_synapses for p in core.packed)
    assert stamps.size > 300
    joined = np.concatenate([np.stack([p.stamps, p.neurons]) for p in found], axis=1)
    np.testing.assert_array_equal(joined[:, np.lexsort((joined[1], joined[0]))], np.stack([stamps, neurons]))
    assert {p.interval for p in found} == {{"coupled": 1, "graded": 1}.get(name, 10)}
    assert sum(p.packed for p in found) == packed
    assert found[0].packed == pytest.approx(2 * found[1].packed, rel=0.25)
    assert ("learning" in learnt) == (name == "plastic")
    for projection, whole in learnt.items():
        mine = [p.synapses[projection] for p in found]
        assert mine[1][0].size < 0.5 * whole[0].size
        for got, expected in zip(in_order(*(np.concatenate(values) for values in zip(*mine, strict=True))), in_order(*whole), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_what_acts_between_steps_is_refused(tmp_path):
    net = static()
    net.probe(net["e"], "v")
    with pytest.raises(npl.PlanError, match=r"steps only[\s\S]*probes"):
        run_part(net, STEPS, 1, range(1), tmp_path)
