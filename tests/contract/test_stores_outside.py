"""A store of synapses that is no part of the package: it keeps one weight for all synapses of a projection from all to all.

Why to believe it: the oracle, and the engine with the store of the package, give the same spikes and potentials, for any number of threads.
"""

# mypy: disable-error-code="no-untyped-def"
# (Numba infers the types of the kernel from its arguments.)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import neuropil as npl
from contract.contract_networks import Run, assert_same, by_engine, by_rollout
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.connectivity.draw import delay_steps, edges
from neuropil.engine.ring import ring_length
from neuropil.engine.stores.buckets import Buckets, due_now
from neuropil.engine.stores.synapse_kernels import ALL_SPIKES, file_segments, file_segments_again
from neuropil.model.neuron.composite import split
from neuropil.oracle import simulate
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result
from neuropil.plan.plan import make_plan
from neuropil.plan.signature import Argument, Kind
from neuropil.plan.stores import StoreKind
from neuropil.units import Hz, ms, mV
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.poisson_source import PoissonSource

N, STEPS, DT, SEED = 20, 400, 0.1 * ms, 4


@dataclass(frozen=True)
class Broadcast(npl.AllToAll):
    """From all to all, for projections with one weight and one delay."""


class OneWeight(StoreKind):
    """One weight for all synapses: no memory for each."""

    name = "one weight"

    def carries(self, projection: npl.Projection, program: Any) -> bool:
        return program is None and isinstance(projection.rule, Broadcast) and isinstance(projection.weight, float) and isinstance(projection.delay, float)


npl.register(OneWeight())


@cached_njit(nogil=True)
def deliver_one_weight(k, weight, buckets, due, arrived):
    """Add the weight to every target, for every spike that is due."""
    n = due_now(buckets, k, due)
    for _ in range(n):
        for i in range(arrived.size):
            arrived[i] += weight
    return n * arrived.size


@npl.register(OneWeight, "engine")
class OneWeightStore:
    """See `neuropil.engine.stores.packed_store.Store`."""

    def __init__(self, plan: Any, index: int, layout: Any, machine: Any, room: int):
        p = plan.network.projections[index]
        part, port = split(p.port)
        self.projection, self.delays = p, delay_steps(p, plan.dt)
        self.ring = ring_length(int(self.delays[0]))
        self.argument = Argument(Kind.REAL, port)
        self.port, self.under_way = plan.buffer(p.target, part, self.argument), Buffer("spikes under way", np.int64, room)
        g, _ = plan.indices_of(p.target, part)
        self.arrived = []
        for t, share in enumerate(layout.shares):
            mine = layout.slice(p.target, part, t)
            self.arrived.append(machine.groups[t][g].arrays[self.argument][mine.start - share.start[g] : mine.stop - share.start[g]])
        self.bounds, self.size = np.arange(p.source.size + 1), p.source.size * p.target.size
        self.capacity, self.due = room, [np.zeros(room, np.int64) for _ in self.arrived]
        self.buckets = [Buckets.empty(1, self.ring, 1, room) for _ in self.arrived]

    def operations(self) -> list[Operation]:
        return [
            Operation("one weight: file spikes", Phase.SPIKES, Kernel.of(file_segments), self.filing, ALL_SPIKES, adds=(self.under_way,)),
            Operation(
                "one weight: deliver", Phase.DELIVERY, Kernel.of(deliver_one_weight), self.delivering, (Given.STEP,), Result.EVENTS,
                updates=(self.under_way,), adds=(self.port,),
            ),
        ]  # fmt: skip

    def filing(self, t: int) -> tuple[Any, ...]:
        return self.projection.source.first, self.projection.source.size, self.delays, self.bounds, self.buckets[t].memory

    def delivering(self, t: int) -> tuple[Any, ...]:
        return float(self.projection.weight), self.buckets[t].memory, self.due[t], self.arrived[t]

    def grow(self, spikes: int) -> None:
        if spikes > self.capacity:
            self.capacity, self.due = 2 * spikes, [np.zeros(2 * spikes, np.int64) for _ in self.arrived]
            for bucket in self.buckets:
                bucket.grow(2 * spikes)

    def refile(self, neurons: np.ndarray, emitted: np.ndarray, now: int) -> None:
        for t in range(len(self.buckets)):
            file_segments_again(neurons, emitted, now, *self.filing(t))

    def drop(self) -> None:
        for bucket in self.buckets:
            bucket.clear()


def network(rule: npl.Rule) -> npl.Network:
    """The store beside the packed one at the same port, and into the sources of the spikes themselves."""
    net = npl.Network("one weight")
    src, out = net.population("src", PoissonSource(rate=100 * Hz), N), net.population("out", LIFDelta(), N)
    net.project(src, out, rule, weight=0.7 * mV, delay=0.6 * ms, port="syn", name="broadcast")
    net.project(src, out, npl.FixedProbability(0.3), weight=1.3 * mV, delay=1.1 * ms, port="syn")
    net.project(out, out, rule, weight=-0.4 * mV, delay=2.5 * ms, port="syn")
    net.probe(out, "v")
    return net


def test_the_plan_chooses_the_kind_that_carries_a_projection():
    kinds = [kind.name for kind in make_plan(network(Broadcast()), dt=DT).stores]
    assert kinds == ["one weight", "packed", "one weight"]
    plan = make_plan(network(npl.AllToAll()), dt=DT)
    assert [kind.name for kind in plan.stores] == ["packed"] * 3
    costs = {c.what: c for m in make_plan(network(Broadcast()), dt=DT).mechanisms for c in m.costs(make_plan(network(Broadcast()), dt=DT))}
    assert costs["events of broadcast"].count == N * N
    assert [scale is None for scale in make_plan(network(Broadcast()), dt=DT).scale] == [True, False, True]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_spikes_and_potentials_are_the_oracles(threads):
    net = network(Broadcast())
    result = simulate(net, STEPS * DT, dt=DT, seed=SEED, edges={1: edges(net.projections[1], SEED, 0.1)})
    run = by_engine(net, DT, threads=threads, steps=STEPS, seed=SEED)
    assert len(run.spikes.of("out")) > 2 * N
    assert_same(run, Run(result.spikes, result.traces), 1e-11)


def test_the_rollout_and_the_package_s_store_agree():
    truth = by_engine(network(Broadcast()), DT, steps=STEPS, seed=SEED)
    assert_same(by_rollout(network(Broadcast()), DT, steps=STEPS, seed=SEED), truth, 1e-11)
    assert_same(by_engine(network(npl.AllToAll()), DT, steps=STEPS, seed=SEED), truth, 1e-9)


def test_single_synapses_of_such_a_store_are_refused():
    with npl.Simulation(network(Broadcast()), dt=DT, seed=SEED, threads=1) as sim:
        assert sim.run(1 * ms).summary["synapses"] == 2 * N * N + edges(sim.network.projections[1], SEED, 0.1)[0].size
        with pytest.raises(npl.SimulationError, match="'one weight' gives no access to single synapses"):
            sim.set_weights("broadcast", np.ones(N * N) * mV)
