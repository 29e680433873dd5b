"""Connection rules that are no part of the package: one class, the same synapses in every executor.

Why to believe it: the rule's `targets` is called here a second time, source by source with its documented generator, and every executor
must hold just these synapses; spikes and potentials of engine, oracle and rollout then agree, for any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pytest

import neuropil as npl
from contract.contract_networks import Run, assert_same, by_engine, by_rollout
from neuropil import rng
from neuropil.connectivity.draw import edges, expected_synapses
from neuropil.model.contents.pairs import ends_of
from neuropil.oracle import simulate
from neuropil.units import Hz, ms, mV, um
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP

N, STEPS, DT, SEED = 23, 400, 0.1 * ms, 3


@dataclass(frozen=True)
class SmallWorld(npl.Rule):
    """Every source to its k successors on a ring, each replaced with probability p by any other neuron (Watts & Strogatz 1998)."""

    k: int
    p: float

    def targets(self, source: int, ends: npl.Ends, random: np.random.Generator) -> np.ndarray:
        near = (source + 1 + np.arange(self.k)) % ends.n_targets
        stays = random.random(self.k) >= self.p
        others = np.setdiff1d(np.arange(ends.n_targets), [*near, source])
        return np.concatenate([near[stays], random.choice(others, self.k - np.count_nonzero(stays), replace=False)])

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return n_source * self.k


@dataclass(frozen=True)
class Nearest(npl.Rule):
    """Every source to the k targets that are nearest to it."""

    needs_positions: ClassVar[bool] = True
    rewires: ClassVar[bool] = True

    k: int

    def targets(self, source: int, ends: npl.Ends, random: np.random.Generator) -> np.ndarray:
        return np.argsort(ends.distances(np.array([source]), np.arange(ends.n_targets))[0], kind="stable")[: self.k]

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return n_source * self.k


RULES: dict[str, npl.Rule] = {"small world": SmallWorld(5, 0.4), "nearest": Nearest(4)}


@cache
def network() -> npl.Network:
    """Each rule between populations, between views, within a population, with plastic synapses, and with a matrix of weights."""
    net = npl.Network("outside")
    where = rng.generator(1, "where").uniform(0, 500, (2, N, 2)) * um
    src = net.population("src", PoissonSource(rate=200 * Hz), N, positions=where[0])
    for name, rule in RULES.items():
        out = net.population(name, LIFDelta(), N, positions=where[1])
        net.project(src, out, rule, weight=rng.generator(1, "w").uniform(2, 6, (N, N)) * mV, delay=0.7 * ms, port="syn")
        net.project(src[np.arange(20, 3, -1)], out[2:19], rule, weight=4 * mV, delay=0.3 * ms, port="syn", name="viewed")
        net.project(out, out, rule, weight=1.5 * mV, delay=1.2 * ms, port="syn", name="within")
        net.project(src, out, rule, weight=3 * mV, delay=0.9 * ms, port="syn", synapse=AdditiveSTDP(a_plus=0.1, a_minus=0.1), name="plastic")
        net.probe(out, "v", name=name)
    return net


def drawn(projection: npl.Projection) -> list[tuple[int, int]]:
    """The pairs by the documented definition, one source after the other."""
    key = rng.stream_key(SEED, "projection", *projection.stream, "target")
    sources, targets = (np.arange(N) if view is None else view for view in (projection.sources, projection.targets))
    pairs = []
    for i, source in enumerate(sources.tolist()):
        random = np.random.Generator(np.random.Philox(key=key[0] | key[1] << 32, counter=[0, 0, 0, source]))
        pairs += [(source, int(targets[t])) for t in projection.rule.targets(i, ends_of(projection), random)]
    return sorted(pairs)


@cache
def oracle() -> Run:
    """The truth, which draws by itself: it is given no list."""
    result = simulate(network(), STEPS * DT, dt=DT, seed=SEED)
    return Run(result.spikes, result.traces)


def test_every_executor_holds_the_pairs_of_the_definition():
    for projection in network().projections:
        pre, post, *_ = edges(projection, SEED, 0.1)
        assert list(zip(pre.tolist(), post.tolist(), strict=True)) == drawn(projection)
        assert expected_synapses(projection) == pre.size


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_engine_equals_the_oracle(threads):
    run = by_engine(network(), DT, threads=threads, steps=STEPS, seed=SEED)
    assert len(run.spikes.of("nearest")) > 3 * N
    assert_same(run, oracle(), 1e-11)


def test_the_rollout_equals_the_oracle():
    assert_same(by_rollout(network(), DT, steps=STEPS, seed=SEED), oracle(), 1e-11)


def test_rewiring_asks_the_rule():
    """Where any pair may be joined a rewired projection equals the oracle; other rules are refused."""

    def described(rule: npl.Rule) -> npl.Network:
        net = npl.Network("rewired")
        src = net.population("src", PoissonSource(rate=200 * Hz), N, positions=np.arange(2 * N).reshape(N, 2) * um)
        out = net.population("out", LIFDelta(), N, positions=np.arange(2 * N).reshape(N, 2) * um)
        net.project(src, out, rule, weight=4 * mV, delay=0.7 * ms, port="syn", structure=npl.Rewiring(5 * ms, eliminate=40 * Hz))
        net.probe(out, "v")
        return net

    net = described(Nearest(4))
    result = simulate(net, STEPS * DT, dt=DT, seed=SEED)
    assert_same(by_engine(net, DT, steps=STEPS, seed=SEED), Run(result.spikes, result.traces), 1e-11)
    with pytest.raises(npl.NetworkError, match="SmallWorld does not support structural plasticity"):
        described(SmallWorld(5, 0.4))


@dataclass(frozen=True)
class Given(npl.Rule):
    """For every source the same targets, whatever they are."""

    which: Any

    def targets(self, source: int, ends: npl.Ends, random: np.random.Generator) -> Any:
        return self.which() if callable(self.which) else self.which

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return 3.0 * n_source


@dataclass(frozen=True)
class Several(Given):
    """Likewise, and several synapses may join two neurons."""

    allow_multiple: bool = True


@pytest.mark.parametrize(("rule", "says"), [
    (Given([0, 7]), "no such target"),
    (Given([0.5]), "whole numbers"),
    (Given([1, 1]), "more than once"),
    (Several([1, 1]), "more synapses than it declares"),
    (Given(lambda: np.random.default_rng().permutation(5)), "other targets when it is called again"),
])  # fmt: skip
def test_wrong_targets_are_refused_with_the_projection_named(rule, says):
    net = npl.Network("wrong")
    pop = net.population("pop", LIFDelta(), 5)
    net.project(pop, pop, rule, weight=1 * mV, delay=1 * ms, port="syn")
    with pytest.raises(npl.NetworkError, match=says) as caught:
        edges(net.projections[0], 1, 0.1)
    assert "pop→pop" in str(caught.value)


def test_what_nothing_draws_is_refused_when_it_is_described():
    class Nothing(npl.Rule):
        pass

    class Uncounted(npl.Rule):
        def targets(self, source: int, ends: npl.Ends, random: np.random.Generator) -> Any:
            return []

    net = npl.Network("none")
    pop = net.population("pop", LIFDelta(), 5)
    for rule, says in ((Nothing(), r"define Nothing.targets\(source, ends, random\)"), (Uncounted(), "define Uncounted.expected_synapses")):
        with pytest.raises(npl.NetworkError, match=says):
            net.project(pop, pop, rule, weight=1 * mV, delay=1 * ms, port="syn")
    with pytest.raises(npl.NetworkError, match="has no positions"):
        net.project(pop, pop, Nearest(2), weight=1 * mV, delay=1 * ms, port="syn")
        npl.run(net, 1 * ms)


def test_a_subclass_that_defines_targets_is_not_drawn_by_the_builder_of_its_base():
    @dataclass(frozen=True)
    class Next(npl.AllToAll):
        def targets(self, source: int, ends: npl.Ends, random: Any) -> Any:
            return [(source + 1) % ends.n_targets]

    net = npl.Network("subclass")
    pop = net.population("pop", LIFDelta(), 5)
    net.project(pop, pop, Next(), weight=1 * mV, delay=1 * ms, port="syn")
    post = edges(net.projections[0], 1, 0.1)[1]
    assert post.tolist() == [1, 2, 3, 4, 0]
