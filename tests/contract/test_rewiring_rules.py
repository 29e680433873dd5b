"""Synapses that form obey the rule of their projection, in the engine as in the oracle; what a rule promises holds after many rewirings."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.connectivity.draw import edges
from neuropil.engine import Simulation
from neuropil.errors import NetworkError
from neuropil.oracle import simulate
from neuropil.units import Hz, ms, pA, um
from neuropil.zoo.neurons.lif import LIFExp

N, REACH = 24, 150.0
POSITIONS = np.random.default_rng(0).uniform(0, 400, (N, 2))
SOURCES, TARGETS = np.array([20, 3, 7, 4, 11, 0, 15]), np.array([3, 4, 5, 6, 20])
RULES = {
    "probability": npl.FixedProbability(0.3),
    "others": npl.FixedProbability(0.6, allow_self=False),
    "distance": npl.DistanceDependent(lambda d: np.where(d < REACH, 0.7, 0.0), allow_self=False),
    "torus": npl.DistanceDependent(lambda d: np.where(d < REACH, 0.5, 0.0), periodic=[400, 400] * um),
    "in": npl.FixedInDegree(6, allow_self=False, allow_multiple=False),
    "in, multiple": npl.FixedInDegree(6),
    "out": npl.FixedOutDegree(5, allow_multiple=False),
    "total": npl.FixedTotal(60, allow_self=False, allow_multiple=False),
    "all": npl.AllToAll(allow_self=False),
    "edges": npl.Edges(np.arange(N - 1), np.arange(1, N)),
    "edges twice": npl.Edges([0, 0, 1, 5], [3, 3, 4, 6]),
}
STEPS = 400


def network(views=False, form=None):
    """A projection by each rule; pairs of spikes do not matter here."""
    net = npl.Network("rewired")
    p = net.population("p", LIFExp(), N, positions=POSITIONS * um)
    net.stimulate(p, npl.Step(np.linspace(300, 600, N) * pA), input="current")
    how = {"weight": 20 * pA, "delay": npl.Uniform(1 * ms, 2 * ms), "port": "exc"}
    for name, rule in RULES.items():
        if views and name.startswith("edges"):
            continue
        rule = npl.FixedTotal(20, allow_self=False, allow_multiple=False) if views and name == "total" else rule
        rule = npl.FixedInDegree(4, allow_self=False, allow_multiple=False) if views and name == "in" else rule
        source, target = (p[SOURCES], p[TARGETS]) if views else (p, p)
        net.project(source, target, rule, name=name, structure=npl.Rewiring(5 * ms, eliminate=60 * Hz, form=form), **how)
    return net


def distances(pre, post, periodic):
    apart = np.abs(POSITIONS[pre] - POSITIONS[post])
    apart = np.minimum(apart, 400 - apart) if periodic else apart
    return np.hypot(*apart.T)


@pytest.mark.parametrize(("views", "form"), [(False, None), (False, 200 * Hz), (True, None)], ids=["replaced", "formed", "views"])
def test_new_synapses_obey_the_rule_as_in_the_oracle(views, form):
    net = network(views, form)
    start = {p.name: edges(p, 1, 0.1) for p in net.projections}
    truth = simulate(net, STEPS * 0.1 * ms, edges={j: start[p.name] for j, p in enumerate(net.projections)})
    with Simulation(net, threads=2, precision="float64") as simulation:
        simulation.step(STEPS)
        for p in net.projections:
            found, before = simulation.synapses(p.name), start[p.name]
            pre, post, rule = found["source"].astype(int), found["target"].astype(int), p.rule
            for key in ("source", "target", "weight"):
                np.testing.assert_array_equal(found[key], truth.synapses[p.name][key], err_msg=f"{p.name} {key}")
            if p.name not in ("edges twice", "all", "out"):  # which have too few synapses, or leave no choice
                assert not np.array_equal(np.sort(pre * N + post), np.sort(before[0] * N + before[1])), p.name
            multiple = getattr(rule, "allow_multiple", False) or p.name == "edges twice"
            assert multiple or np.unique(pre * N + post).size == pre.size, p.name
            assert getattr(rule, "allow_self", True) or np.all(pre != post), p.name
            if p.name in ("distance", "torus"):
                assert distances(pre, post, p.name == "torus").max() < REACH
            if views:
                assert np.isin(pre, SOURCES).all() and np.isin(post, TARGETS).all()
            if form is None:
                np.testing.assert_array_equal(np.bincount(post, minlength=N), np.bincount(before[1], minlength=N), err_msg=p.name)


def test_partners_are_drawn_uniformly_from_those_that_are_free():
    """Of 10 sources 4 hold on (their weight is above the bound); the others are equally often among the one that comes and goes."""
    net = npl.Network()
    p = net.population("p", LIFExp(), 11)
    counts = np.zeros(11)
    net.project(p[:10], p[10], npl.FixedInDegree(1, allow_multiple=False), weight=1 * pA, delay=1 * ms, port="exc", structure=npl.Rewiring(0.1 * ms, eliminate=1e6 * Hz), name="x")
    with Simulation(net, threads=1) as simulation:
        for _ in range(600):
            simulation.step(1)
            counts[simulation.synapses("x")["source"]] += 1
    assert counts[10] == 0 and counts.sum() == 600
    assert ((counts[:10] - 60) ** 2 / 60).sum() < 27.9, "chi-squared, 9 degrees of freedom: once in a thousand"


def test_one_to_one_is_refused():
    net = npl.Network()
    p = net.population("p", LIFExp(), 4)
    with pytest.raises(NetworkError, match="does not support structural plasticity"):
        net.project(p, p, npl.OneToOne(), weight=1 * pA, delay=1 * ms, port="exc", structure=npl.Rewiring(1 * ms, eliminate=1 * Hz))
