"""How static weights are rounded: what 16 bits represent, when 48 are chosen, and that no volley wraps."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.engine import memory
from neuropil.model import (
    AllToAll,
    Edges,
    FixedInDegree,
    FixedProbability,
    LogNormal,
    Network,
    Normal,
    OneToOne,
    Uniform,
)
from neuropil.plan.plan import make_plan
from neuropil.plan.weight_scale import largest_in_degree, scale_for
from neuropil.units import ms, pA
from neuropil.zoo.neurons.lif import LIFExp

BIMODAL = np.where(np.arange(500) % 10 == 0, 100.0, 0.0012)


def planned(*weights, rule=None, n=500, **options):
    """A network with a projection for each weight, all into one port."""
    network = Network("scales")
    a, b = network.population("a", LIFExp(), n), network.population("b", LIFExp(), n)
    for weight in weights:
        network.project(a, b, rule or OneToOne(), weight=weight * pA if isinstance(weight, (float, np.ndarray)) else weight, delay=1 * ms, port="exc")
    return make_plan(network, **options)


@pytest.mark.parametrize("word, accumulator", [(np.uint32, 2**31), (np.uint64, 2**63)])
def test_no_volley_wraps(word, accumulator):
    """All synapses of a target at once, each of the largest weight that a word may hold, fit its accumulator."""
    for in_degree in (1, 100, 65536, 65537, 3 * 10**6, 10**9):
        scale = scale_for(351.0, word, in_degree)
        assert in_degree * scale.top < accumulator
        assert 351.0 / scale.unit == (scale.top + 1) // 2, "a power of two"
    assert scale_for(0.0, word).unit == 1.0


def test_the_worst_volley_counts_every_synapse_of_a_target():
    """Several of one pair, and of several delays, each once; all projections into the port."""
    network = Network("volley")
    a = network.population("a", LIFExp(), 4)
    network.project(a, a, Edges([0, 0, 0, 1], [2, 2, 2, 2]), weight=1 * pA, delay=np.array([1.0, 1.0, 2.0, 3.0]) * ms, port="exc")
    network.project(a, a, FixedInDegree(3), weight=1 * pA, delay=1 * ms, port="exc")
    assert [largest_in_degree(p) for p in network.projections] == [4.0, 3.0]


WIDE = {
    "90 % far below the rest": (BIMODAL, None),
    "10 % far below the rest": (np.where(np.arange(500) % 10 == 0, 0.0012, 100.0), None),
    "six decades": (np.logspace(-4, 2, 500), None),
    "three decades, one synapse each": (np.logspace(-1, 2, 500), None),
    "a matrix most of whose sources vanish": (np.repeat(BIMODAL[:, None], 500, axis=1), AllToAll()),
    "a matrix of little above the scale": (np.where(np.arange(500) % 10 == 0, 100.0, 0.008)[:, None] * np.ones(500), AllToAll()),
    "one target of five hundred": (np.where(np.arange(500) == 7, 0.02, 100.0), None),
    "a heavy tail": (LogNormal(10 * pA, 30 * pA), FixedProbability(0.2)),
    "a log-normal one, few synapses": (LogNormal(10 * pA, 10 * pA), OneToOne()),
}
NARROW = {
    "one value": (87.8, None),
    "one value and zeros": (np.where(np.arange(500) % 2, 87.8, 0.0), None),
    "normal": (Normal(87.8 * pA, 8.8 * pA), FixedProbability(0.1)),
    "normal around 0": (Normal(0 * pA, 10 * pA), FixedProbability(0.1)),
    "log-normal": (LogNormal(10 * pA, 10 * pA), FixedProbability(0.1)),
    "uniform from 0": (Uniform(0 * pA, 10 * pA), FixedProbability(0.1)),
    "a matrix, normal around 0": (np.random.default_rng(1).normal(0, 10, (500, 500)), AllToAll()),
    "noise of computation": (np.where(np.arange(500) % 2, 87.8, 1e-16), None),
}


@pytest.mark.parametrize("name", WIDE)
def test_a_port_has_48_bits_where_16_would_distort_it(name):
    weight, rule = WIDE[name]
    plan = planned(weight, rule=rule)
    assert plan.scale[0].word == np.uint64 and "48-bit" in plan.reasons[0]


@pytest.mark.parametrize("name", NARROW)
def test_16_bits_are_enough_for_weights_of_one_order(name):
    weight, rule = NARROW[name]
    plan = planned(weight, rule=rule)
    assert plan.scale[0].word == (np.uint16 if name == "one value" else np.uint32) and "48-bit" not in plan.reasons[0]


def test_only_the_port_in_need_is_widened():
    """The projections that share it share its scale; another port keeps 16 bits; the forecast counts both."""
    network = Network("ports")
    a = network.population("a", LIFExp(), 500)
    network.project(a, a, FixedProbability(0.5), weight=100 * pA, delay=1 * ms, port="exc")
    network.project(a, a, OneToOne(), weight=0.01 * pA, delay=1 * ms, port="exc", name="small")
    network.project(a, a, FixedProbability(0.5), weight=Normal(-100 * pA, 5 * pA), delay=1 * ms, port="inh")
    plan = make_plan(network)
    assert [s.word for s in plan.scale] == [np.uint64, np.uint64, np.uint32]
    assert plan.scale[0].unit == plan.scale[1].unit and "'small'" in plan.reasons[0]
    assert plan.accumulator == np.int64 and plan.packed == {np.uint32: [2], np.uint64: [0, 1]}
    assert memory.predict(plan)["synapses"] == 125_000 * 4 + 125_500 * 8
    assert make_plan(network, precision="float64").packed == {np.uint64: [0, 1, 2]}
