"""A network that is disturbed while it runs, and its result when nothing disturbs it."""

from __future__ import annotations

from functools import cache

import numpy as np

import neuropil as npl
from neuropil.units import Hz, ms, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP


def network() -> npl.Network:
    net = npl.Network("guarded")
    e = net.population("e", LIFExp(), 100)
    net.stimulate(e, npl.Poisson(20000 * Hz), port="exc", weight=80 * pA)
    net.project(e, e, npl.FixedProbability(0.1), weight=30 * pA, delay=1.5 * ms, port="exc", synapse=AdditiveSTDP())
    net.probe(e, "v", neurons=[0], interval=1 * ms)
    return net


@cache
def undisturbed() -> npl.Result:
    return npl.run(network(), 200 * ms, threads=1)


def equal(a: npl.Result, b: npl.Result) -> bool:
    return a.summary["digest"] == b.summary["digest"] and all(np.array_equal(a.traces[n].values, b.traces[n].values) for n in a.traces)
