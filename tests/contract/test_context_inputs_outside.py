"""Context inputs of synapses that are no part of the package: one class each, registered here, the same values in every executor.

Why to believe it: a twin model reads the potential alone and has the threshold and the distances as parameters written by hand; its states
must be those of the model that reads the registered inputs. The oracle, which shares no lowering code, and the rollout agree as well.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest

import neuropil as npl
from contract.contract_networks import Run, assert_same, by_engine, by_rollout
from neuropil import rng
from neuropil.learn import Rollout
from neuropil.maths import exp
from neuropil.model.synapse.context import ContextInput
from neuropil.oracle import simulate
from neuropil.units import Hz, Length, Time, Voltage, ms, mV, um
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.poisson_source import PoissonSource

N, STEPS, DT, SEED = 12, 300, 0.1 * ms, 2
WHERE = rng.generator(1, "where").uniform(0, 300, (2, N, 2))
THRESHOLDS = np.linspace(-56.0, -52.0, N)


class AboveThreshold(ContextInput):
    """The target's potential relative to its threshold."""

    name, unit = "v_above", mV

    def of_target(self, target: Any) -> Any:
        return target.v - target.v_th


class Apart(ContextInput):
    """The distance between the two neurons."""

    name, unit = "apart", um

    def of_pair(self, ends: npl.Ends) -> Any:
        return ends.distances(np.arange(ends.n_sources), np.arange(ends.n_targets)) * um


npl.register(AboveThreshold())
npl.register(Apart())


class Gated(npl.Synapse):
    """A level that follows the target's potential, the less so the farther it is."""

    tau: Time = 20 * ms
    reach: Length = 200 * um
    level = npl.State(1.0)
    v_above = npl.Input(mV)
    apart = npl.Input(um)

    def derivative(self, s, x):
        return dict(level=(2.0 + x.v_above / (10 * mV) * exp(-x.apart / self.reach) - s.level) / self.tau)

    def transmits(self, s, w):
        return w * s.level


class Bare(npl.Neuron):
    """A potential without threshold."""

    v = npl.State(0 * mV)
    syn = npl.Port(mV)

    def receive(self, s, w):
        return dict(v=w.syn)


class ByHand(npl.Synapse):
    """The same with what it reads written out."""

    tau: Time = 20 * ms
    reach: Length = 200 * um
    threshold: Voltage = -50 * mV
    far: Length = 1 * um
    level = npl.State(1.0)
    v = npl.Input(mV)

    def derivative(self, s, x):
        return dict(level=(2.0 + (x.v - self.threshold) / (10 * mV) * exp(-self.far / self.reach) - s.level) / self.tau)

    def transmits(self, s, w):
        return w * s.level


def network(synapse: npl.Synapse | None = None, views: bool = True, thresholds: Any = THRESHOLDS) -> npl.Network:
    net = npl.Network("context")
    src = net.population("src", PoissonSource(rate=200 * Hz), N, positions=WHERE[0] * um)
    out = net.population("out", LIFDelta(v_th=thresholds * mV), N, positions=WHERE[1] * um)
    source, target = (src[[7, 2, 5, 9]], out[3:11]) if views else (src, out)
    net.project(source, target, npl.FixedProbability(0.6), weight=2 * mV, delay=0.5 * ms, port="syn", synapse=synapse or Gated(), name="gated")
    net.probe(out, "v")
    return net


def by_hand(views: bool = True) -> npl.Synapse:
    far = np.linalg.norm(WHERE[0][:, None] - WHERE[1][None], axis=2)
    rows, columns = ([7, 2, 5, 9], np.arange(3, 11)) if views else (np.arange(N), np.arange(N))
    return ByHand(far=far[np.ix_(rows, columns)] * um, threshold=np.broadcast_to(THRESHOLDS[columns], (len(rows), columns.size)) * mV)


@cache
def oracle() -> Run:
    from neuropil.connectivity.draw import numbered_edges

    net = network()
    result = simulate(net, STEPS * DT, dt=DT, seed=SEED, edges={0: numbered_edges(net.projections[0], SEED, 0.1)})
    return Run(result.spikes, result.traces)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_engine_equals_the_oracle(threads):
    run = by_engine(network(), DT, threads=threads, steps=STEPS, seed=SEED)
    assert len(run.spikes) > 50
    assert_same(run, oracle(), 1e-11)


def test_the_rollout_equals_the_oracle():
    assert_same(by_rollout(network(), DT, steps=STEPS, seed=SEED), oracle(), 1e-11)


@pytest.mark.parametrize("views", [True, False])
def test_states_are_those_of_the_model_written_by_hand(views):
    levels = []
    for synapse in (None, by_hand(views)):
        with npl.Simulation(network(synapse, views), dt=DT, seed=SEED, precision="float64", threads=1) as sim:
            sim.run(STEPS * DT)
            levels.append(np.asarray(sim.synapses("gated")["level"]))
    np.testing.assert_allclose(levels[0], levels[1], rtol=1e-13)
    assert np.ptp(levels[0]) > 0.1


def test_a_gradient_passes_through_a_context_input():
    """Of a synapse's level, by the starting potential of its target, against finite differences."""
    net = network(views=False)
    with jax.enable_x64(True):
        rollout = Rollout(net, dt=DT, seed=SEED, precision="float64")
        inputs, state = rollout.inputs(20), rollout.initial()

        def total(shift):
            v = state["neurons"]["out"]["v"]
            moved = {**state, "neurons": {**state["neurons"], "out": {**state["neurons"]["out"], "v": v - 20.0 + shift}}}
            return rollout.apply(rollout.parameters, moved, inputs).state["synapses"]["gated"]["states"]["level"].sum()

        slope, h = jax.grad(total)(0.0), 1e-4
        assert abs(float(slope) / float((total(h) - total(-h)) / (2 * h)) - 1) < 1e-6


def test_what_does_not_fit_is_refused_when_the_projection_is_added():
    net = npl.Network("refused")
    src = net.population("src", PoissonSource(rate=200 * Hz), N)
    out = net.population("out", LIFDelta(), N)
    drawn = net.population("drawn", LIFDelta(v_th=npl.Uniform(-56 * mV, -52 * mV)), N, positions=WHERE[1] * um)
    near = net.population("near", PoissonSource(rate=200 * Hz), N, positions=WHERE[0] * um)
    more: dict[str, Any] = dict(weight=1 * mV, delay=1 * ms, port="syn", synapse=Gated())
    with pytest.raises(npl.NetworkError, match="positions"):
        net.project(src, out, npl.OneToOne(), **more)
    with pytest.raises(npl.NetworkError, match="v_th must be one number"):
        net.project(near, drawn, npl.OneToOne(), **more)
    bare = net.population("bare", Bare(), N, positions=WHERE[0] * um)
    with pytest.raises(npl.NetworkError, match="bare has no state or parameter 'v_th'"):
        net.project(near, bare, npl.OneToOne(), **more)
    with pytest.raises(npl.UnitError, match="wrong unit"):
        type("Wrong", (npl.Synapse,), {"level": npl.State(1.0), "v_above": npl.Input(ms)})
