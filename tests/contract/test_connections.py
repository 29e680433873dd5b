"""Every connection rule, between populations and within one: the engine delivers the synapses that are listed.

The oracle is given the list that `neuropil.connectivity.draw.edges` makes; spikes and potentials then follow only if
the packed store of the engine holds the same synapses, with the same weights and delays, for any number of threads.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from contract.contract_networks import Run, assert_same, by_engine, by_oracle, by_rollout, error
from neuropil.connectivity.draw import edges
from neuropil.model import (
    AllToAll,
    DistanceDependent,
    Edges,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    LogNormal,
    Network,
    Normal,
    OneToOne,
    Poisson,
    Rule,
    Step,
    Uniform,
)
from neuropil.units import Hz, ms, mV, pA, um
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.poisson_source import PoissonSource

N, STEPS, DT = 23, 600, 0.1 * ms
_draw = np.random.default_rng(8)
_near = DistanceDependent(lambda d: np.exp(-d / 150.0), allow_self=False)
_ring = DistanceDependent(lambda d: 0.5 * (d < 120.0), periodic=[500, 500] * um)
_pairs = Edges(_draw.integers(0, N, 90), _draw.integers(0, N, 90))

RULES: dict[str, tuple[Rule, Any, Any]] = {
    "one to one": (OneToOne(), np.linspace(0.1, 0.9, N) * mV, np.linspace(0.1, 1.4, N) * ms),
    "all to all": (AllToAll(), _draw.normal(0, 0.1, (N, N)) * mV, _draw.uniform(0.1, 1.5, (N, N)) * ms),
    "all to all but oneself": (AllToAll(allow_self=False), 0.05 * mV, Uniform(0.2 * ms, 1 * ms)),
    "probability": (FixedProbability(0.2), Normal(0.3 * mV, 0.1 * mV), Normal(1 * ms, 0.4 * ms, low=0.1 * ms)),
    "probability but oneself": (FixedProbability(0.9, allow_self=False), 0.05 * mV, 0.1 * ms),
    "total": (FixedTotal(150), Normal(0.3 * mV, 0.1 * mV, low=0 * mV), 1.5 * ms),
    "total, once each": (FixedTotal(200, allow_multiple=False, allow_self=False), 0.2 * mV, 0.6 * ms),
    "in-degree": (FixedInDegree(6), LogNormal(0.3 * mV, 0.2 * mV), LogNormal(1 * ms, 0.3 * ms, low=0.1 * ms)),
    "in-degree, once each": (FixedInDegree(9, allow_multiple=False, allow_self=False), 0.2 * mV, 0.3 * ms),
    "out-degree": (FixedOutDegree(6), Uniform(0.1 * mV, 0.5 * mV), Uniform(0.1 * ms, 3 * ms)),
    "out-degree, once each": (FixedOutDegree(9, allow_multiple=False, allow_self=False), 0.2 * mV, 2 * ms),
    "edges": (_pairs, _draw.normal(0.2, 0.1, 90) * mV, _draw.integers(1, 40, 90) * DT),
    "no edges": (Edges(np.zeros(0, int), np.zeros(0, int)), 1 * mV, 1 * ms),
    "distance": (_near, 0.2 * mV, 0.4 * ms),
    "distance, periodic": (_ring, Normal(0.3 * mV, 0.1 * mV), 0.4 * ms),
}


@cache
def network() -> Network:
    """For each rule a population that sources project to by it, and that projects to itself by it."""
    made = Network("connections")
    at = np.random.default_rng(4).uniform(0, 500, (N, 2)) * um
    source = made.population("source", PoissonSource(rate=100 * Hz), N, positions=at)
    for name, (rule, weight, delay) in RULES.items():
        target = made.population(name, LIFDelta(), N, positions=at)
        made.stimulate(target, Step(350 * pA), input="current")
        made.stimulate(target, Poisson(500 * Hz), port="syn", weight=0.4 * mV)
        for pre in (source, target):
            made.project(pre, target, rule, weight=weight, delay=delay, port="syn")
        made.probe(target, "v", name=name)
    return made


@cache
def run_of(executor: str) -> Run:
    """One run of all rules."""
    return {"oracle": by_oracle, "engine": by_engine, "rollout": by_rollout}[executor](network(), DT, steps=STEPS)


@pytest.mark.parametrize("executor", ["engine", "rollout"])
@pytest.mark.parametrize("rule", RULES)
def test_rule_equals_oracle(rule, executor):
    truth, run = run_of("oracle"), run_of(executor)
    assert len(truth.spikes.of(rule)) > N
    assert run.spikes.of(rule) == truth.spikes.of(rule)
    assert error(run.traces[rule], truth.traces[rule]) < 1e-11


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_do_not_matter(threads):
    assert_same(by_engine(network(), DT, threads=threads, steps=STEPS), run_of("engine"), 0.0)


def test_another_seed_is_another_network():
    first, second = (by_engine(network(), DT, steps=STEPS, seed=s) for s in (1, 2))
    assert first.spikes != second.spikes
    for projection in network().projections:
        pre, post, weight, delay, _ = edges(projection, 2, 0.1)
        assert pre.size == post.size == weight.size == delay.size
        assert delay.min(initial=1) >= 1
