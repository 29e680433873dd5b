"""Convolutions and pooling: shared weights, through which spikes and graded values go in every executor.

Why to believe it: the products are those of JAX's convolution and of SciPy's correlation; the oracle lists every pair and its weight; finite
differences have the gradients. (Graded transmission through them is in `graded_networks.FORMS`, with the other structures.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pytest
from scipy.signal import correlate

import neuropil as npl
from contract.contract_networks import Run, assert_same, by_engine, by_rollout
from neuropil.errors import ModelError, NetworkError, SimulationError, UnitError
from neuropil.learn.rollout import Rollout
from neuropil.model.network.load import load_network
from neuropil.oracle import simulate
from neuropil.plan.plan import make_plan
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

DT, STEPS, SEED = 0.1 * ms, 300, 3
RANDOM = np.random.default_rng(7)


# --- what the weights are --------------------------------------------------------------------------------------------


def drawn(axes: int, k: int) -> tuple[npl.Convolution, dict[str, Any]]:
    """A convolution of random shapes, and the arguments of JAX's."""
    r = np.random.default_rng(100 * axes + k)
    groups = int(r.integers(1, 4))
    inner, outer = int(r.integers(1, 3)), int(r.integers(1, 3))
    window, stride, dilation = (tuple(int(v) for v in r.integers(1, 4, axes)) for _ in range(3))
    padding = tuple(tuple(int(v) for v in r.integers(0, 3, 2)) for _ in range(axes))
    size = tuple(int(v) + d * (w - 1) for v, w, d in zip(r.integers(1, 6, axes), window, dilation, strict=True))
    kernel = r.normal(size=(groups * outer, inner, *window))
    made = npl.Convolution(kernel, (groups * inner, *size), stride=stride, padding=padding, dilation=dilation, groups=groups)
    return made, {"window_strides": stride, "padding": padding, "rhs_dilation": dilation, "feature_group_count": groups}


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_random_shapes_are_those_of_jax(axes):
    for k in range(25):
        made, options = drawn(axes, k)
        x = RANDOM.normal(size=made.source_shape)
        with jax.enable_x64(True):
            wanted = np.asarray(jax.lax.conv_general_dilated(x[None], made.kernel, **options))[0]
        assert made.target_shape == wanted.shape
        np.testing.assert_allclose(made.product(x.ravel()), wanted.ravel(), rtol=0, atol=1e-12)
        np.testing.assert_allclose(x.ravel() @ made.dense(), wanted.ravel(), rtol=0, atol=1e-12)
        assert made.synapses == len(made.pairs()[0]) and made.shape == (x.size, wanted.size)


@pytest.mark.parametrize("padding", [((1, 0), (2, 2)), [(1, 0), 2], np.array([[1, 0], [2, 2]])])
def test_padding_may_be_a_pair_for_each_axis_or_for_some(padding):
    made = npl.Convolution(np.ones((1, 1, 2, 2)), (1, 5, 5), padding=padding)
    assert made.padding == ((1, 0), (2, 2)) and made.target_shape == (1, 5, 8)


def test_it_is_scipys_correlation_and_pooling_a_mean_of_blocks():
    kernel, x = RANDOM.normal(size=(1, 1, 5, 3)), RANDOM.normal(size=(1, 9, 9))
    same = npl.Convolution(kernel, x.shape, padding="same")
    np.testing.assert_allclose(same.product(x.ravel()), correlate(x[0], kernel[0, 0], "same").ravel(), rtol=0, atol=1e-12)
    x = RANDOM.normal(size=(3, 6, 8))
    pooled = npl.Pooling(x.shape, (3, 2), 1 / 6)
    assert pooled.target_shape == (3, 2, 4)
    np.testing.assert_allclose(pooled.product(x.ravel()), x.reshape(3, 2, 3, 4, 2).mean(axis=(2, 4)).ravel(), rtol=0, atol=1e-12)


# --- spikes through them ---------------------------------------------------------------------------------------------

KERNEL = np.random.default_rng(2).normal(1.5, 2.0, (4, 2, 3, 3)) * mV


@dataclass(frozen=True, eq=False)
class Ring(npl.SharedWeights):
    """Described outside of the package: each position sees itself and the next one on a ring, in all channels."""

    kernel: Any
    n: int

    def channels(self):
        onto, inner, _ = np.shape(self.parameters["kernel"])
        return inner, onto

    def reach(self):
        return np.stack([np.arange(self.n), (np.arange(self.n) + 1) % self.n])


def network() -> npl.Network:
    """Two layers, the first read through a view in another order; pooling; and a kind from outside, on top of a dense projection."""
    net = npl.Network("convolution")
    seen = net.population("seen", PoissonSource(rate=120 * Hz), 80)
    hidden = net.population("hidden", LIFDelta(), 4 * 3 * 4 + 5)
    out = net.population("out", LIFDelta(), 24)
    net.project(seen[np.arange(79, 7, -1)], hidden[3:51], npl.AllToAll(), weight=npl.Convolution(KERNEL, (2, 6, 6), stride=(2, 1), padding=((1, 0), (0, 0))), delay=0.3 * ms, port="syn", name="first")
    net.project(hidden[3:51], out[:24], npl.AllToAll(), weight=npl.Pooling((4, 3, 4), (1, 2), 12 * mV), delay=1.2 * ms, port="syn", name="pool")
    net.project(hidden[:24], out, npl.AllToAll(), weight=Ring(KERNEL[:2, :, 0, :2], 12), delay=0.1 * ms, port="syn", name="ring")
    net.project(out, hidden, npl.AllToAll(), weight=-0.2 * mV, delay=0.5 * ms, port="syn", name="back")
    for population in (hidden, out):
        net.probe(population, "v", name=population.name)
    return net


def test_engine_oracle_and_rollout_agree():
    net = network()
    assert [kind.name for kind in make_plan(net, dt=DT).stores] == ["shared weights"] * 3 + ["packed"]
    found = simulate(net, STEPS * DT, dt=DT, seed=SEED)
    truth = Run(found.spikes, found.traces)
    assert min(len(truth.spikes.of(n)) for n in ("hidden", "out")) > 50
    run = by_engine(net, DT, steps=STEPS, seed=SEED)
    assert_same(run, truth, 1e-8)  # the packed weight of "back" is rounded
    assert_same(by_rollout(net, DT, steps=STEPS, seed=SEED), truth, 1e-11)
    for threads in (2, 3):
        assert_same(by_engine(net, DT, threads=threads, steps=STEPS, seed=SEED), run, 0.0)
        single, several = (by_engine(net, DT, "float32", threads=n, steps=STEPS, seed=SEED) for n in (1, threads))
        assert_same(several, single, 0.0)


def test_weights_are_kept_once_set_saved_and_taken_over(tmp_path):
    net = network()
    plan = make_plan(net, dt=DT)
    (held,) = (b for b in plan.stores[0].buffers(net.projections[0], 1, 0) if b.purpose == "synapses")
    assert net.projections[0].matrix.synapses > 700
    assert held.bytes(1) <= 8 * 72 + 8 * 9 * 12 + 8 * (36 + 12 + 1) + 4 * (72 + 48)  # kernel, table of positions, neurons: none for each synapse
    halved = npl.Convolution(0.5 * KERNEL, (2, 6, 6), stride=(2, 1), padding=((1, 0), (0, 0)))
    with npl.Simulation(net, dt=DT, seed=SEED, precision="float64", threads=2) as sim:
        np.testing.assert_array_equal(sim.weights("first").kernel.value, KERNEL.value)
        assert np.nanmax(sim.weights("first", dense=True)) == KERNEL.value.max()
        sim.run(10 * ms)
        sim.set_weights("first", halved)
        sim.checkpoint(tmp_path / "half.h5")
        spikes = sim.run(10 * ms).spikes
        with npl.Simulation(net, dt=DT, seed=SEED, precision="float64", threads=1, resume=tmp_path / "half.h5") as other:
            np.testing.assert_array_equal(other.run(10 * ms).spikes.neuron[-20:], spikes.neuron[-20:])
            np.testing.assert_array_equal(other.weights("first").kernel.value, 0.5 * KERNEL.value)
            other.reset()
            np.testing.assert_array_equal(other.weights("first").kernel.value, 0.5 * KERNEL.value)
            other.reset(weights=False)
            np.testing.assert_array_equal(other.weights("first").kernel.value, KERNEL.value)
            other.load_weights(sim, ["first"])
            np.testing.assert_array_equal(other.weights("first").kernel.value, 0.5 * KERNEL.value)
        with pytest.raises(SimulationError, match="padding cannot be set"):
            sim.set_weights("first", npl.Convolution(KERNEL, (2, 6, 6), stride=(2, 1), padding=((0, 1), (0, 0))))
        with pytest.raises(SimulationError, match="has no list of weights"):
            sim.synapses("first")
    replaced = by_engine(net.replace(projections={"first": {"weight": halved}}), DT, steps=STEPS, seed=SEED)
    assert len(replaced.spikes) < len(by_engine(net, DT, steps=STEPS, seed=SEED).spikes)


def test_such_a_network_is_saved(tmp_path):
    net = npl.Network("saved")
    seen, out = net.population("seen", PoissonSource(rate=120 * Hz), 16), net.population("out", LIFDelta(), 8)
    net.project(seen, out, npl.AllToAll(), weight=npl.Convolution(KERNEL[:2, :1], (1, 4, 4)), delay=0.3 * ms, port="syn")
    loaded = load_network(net.save(tmp_path / "net.h5"))
    run, again = (npl.run(n, 20 * ms, seed=2) for n in (net, loaded))
    assert len(run.spikes.of("out")) and np.array_equal(run.spikes.neuron, again.spikes.neuron)
    assert loaded.projections[0].matrix.target_shape == (2, 2, 2)


def test_gradients_of_shared_weights():
    """With a surrogate, the gradient of a kernel is the sum of those of all synapses that have it: the same network with a weight for each."""
    net = npl.Network("gradient")
    seen, out = net.population("seen", PoissonSource(rate=200 * Hz), 16), net.population("out", LIFDelta(), 8)
    made = npl.Convolution(KERNEL[:2, :1], (1, 4, 4))
    net.project(seen, out, npl.AllToAll(), weight=made, delay=0.3 * ms, port="syn", name="c")
    pre, post = made.pairs()
    listed = npl.Network("listed")
    seen, out = listed.population("seen", PoissonSource(rate=200 * Hz), 16), listed.population("out", LIFDelta(), 8)
    listed.project(seen, out, npl.Edges(pre, post), weight=made.entry(pre, post), delay=0.3 * ms, port="syn", name="c")
    gradients = []
    with jax.enable_x64(True):
        for one in (net, listed):
            rollout = Rollout(one, dt=DT, seed=SEED, precision="float64", surrogate="sigmoid")
            state, inputs = rollout.initial(), rollout.inputs(200)
            probe = np.random.default_rng(3).normal(size=(200, 8))
            gradients.append(np.asarray(jax.jit(jax.grad(lambda p, r=rollout, s=state, i=inputs, b=probe: (r.apply(p, s, i).spikes["out"] * b).sum()))(rollout.parameters)["weights"]["c"]))
    numbered = npl.Convolution(np.arange(18.0).reshape(2, 1, 3, 3), (1, 4, 4)).entry(pre, post).astype(int)
    summed = np.bincount(numbered, gradients[1], 18).reshape(2, 1, 3, 3)
    assert np.abs(summed).max() > 1e-3
    np.testing.assert_allclose(gradients[0], summed, rtol=1e-9, atol=1e-12)


def test_a_convolution_is_trained_and_the_trained_one_runs_on_the_engine():
    """Weights of kernel and pooling follow the gradient, stay shared, and fire on the engine what the rollout fires."""
    random = np.random.default_rng(1)
    x = random.uniform(size=(24, 16))
    y = (x.reshape(-1, 4, 4)[:, :2].sum(axis=(1, 2)) > x.reshape(-1, 4, 4)[:, 2:].sum(axis=(1, 2))).astype(int)
    net = npl.Network("trained")
    seen, hidden, out = net.population("input", Relay(), 16), net.population("hidden", LIFDelta(t_ref=1 * ms), 18), net.population("output", LeakyReadout(), 2)
    conv = npl.Convolution(random.normal(6.0, 4.0, (2, 1, 2, 2)) * mV, (1, 4, 4))
    net.project(seen, hidden, npl.AllToAll(), weight=conv, delay=1 * ms, port="syn", name="conv")
    net.project(hidden, out, npl.AllToAll(), weight=npl.Convolution(random.normal(0.0, 0.5, (2, 2, 3, 3)), (2, 3, 3)), delay=1 * ms, port="syn", name="read")
    fitted = npl.fit(net, (x, y), epochs=3, batch=8, encoder=npl.data.LatencyEncoder(12 * ms, least=0.05), backend="jax", checks=False, precision="float64")
    assert fitted.facts["trained"] == {"conv.weight": 8, "read.weight": 36}
    matrix = fitted.network.projections[0].matrix
    assert isinstance(matrix, npl.Convolution) and np.abs(matrix.kernel.value - conv.kernel.value).max() > 1e-4
    agreed = fitted.agreement(x[:4])
    assert agreed.samples == agreed.same_spikes == 4 and agreed.spikes > 20


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "message"), [
    (lambda: npl.Convolution(np.ones((2, 3, 3, 3)), (2, 8, 8)), "channels do not fit"),
    (lambda: npl.Convolution(np.ones((3, 1, 3, 3)), (2, 8, 8), groups=2), "channels do not fit"),
    (lambda: npl.Convolution(np.ones((2, 2, 3)), (2, 8, 8)), "wrong shape"),
    (lambda: npl.Convolution(np.ones((2, 2, 9, 9)), (2, 8, 8)), "window does not fit"),
    (lambda: npl.Convolution(np.ones((2, 2, 3, 3)), (2, 8, 8), stride=0), "stride does not fit"),
    (lambda: npl.Convolution(np.ones((2, 2, 3, 3)), (2, 8, 8), stride=1.5), "stride does not fit"),
    (lambda: npl.Convolution(np.ones((2, 2, 3, 3)), (2, 8, 8), stride=2, padding="same"), "with a stride of 1"),
    (lambda: npl.Convolution(np.ones((2, 2, 3, 3)), (2, 8, 8), padding=((1, 1),)), "wrong length"),
    (lambda: npl.Convolution(np.ones((2, 2, 3, 3)), 128), "source_shape"),
    (lambda: npl.Convolution(np.ones((2, 2, 3, 3)), np.array(128)), "source_shape"),
    (lambda: npl.Convolution(np.ones((2, 2, 0, 3)), (2, 8, 8)), "none of them empty"),
    (lambda: npl.Convolution(np.ones((2, 2, 3, 3)) * 1j, (2, 8, 8)), "real numbers"),
    (lambda: npl.Pooling((2, 8, 8), (2, 2, 2)), "size does not fit"),
])  # fmt: skip
def test_shapes_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ModelError, match=message):
        make()


@pytest.mark.parametrize(("changed", "error", "message"), [
    ({"weight": npl.Convolution(KERNEL[:2, :1], (1, 5, 4))}, ModelError, "does not fit the populations"),
    ({"weight": npl.Convolution(KERNEL.value[:2, :1] * pA, (1, 4, 4))}, UnitError, "kernel"),
    ({"weight": npl.Convolution(KERNEL[:2, :1] * np.nan, (1, 4, 4))}, ModelError, "not finite"),
    ({"rule": npl.FixedProbability(0.1)}, NetworkError, "says which neurons are joined"),
    ({"delay": npl.Uniform(1 * ms, 2 * ms)}, NetworkError, "one delay"),
    ({"synapse": npl.Graded("v")}, NetworkError, "no port"),
    ({"structure": npl.Rewiring(100 * ms, eliminate=0.1 * Hz)}, NetworkError, "shared and cannot change"),
    ({"weight": npl.Circulant(np.ones(16) * mV)}, NetworkError, "graded transmission"),
])  # fmt: skip
def test_projections_that_do_not_fit_are_refused(changed, error, message):
    net = npl.Network("refused")
    seen, out = net.population("seen", LIFDelta(), 16), net.population("out", LIFDelta(), 8)
    options = {"rule": npl.AllToAll(), "weight": npl.Convolution(KERNEL[:2, :1], (1, 4, 4)), "delay": 0.3 * ms, "port": "syn", **changed}
    with pytest.raises(error, match=message):
        net.project(seen, out, options.pop("rule"), **options)
    assert not net.projections


def test_plastic_shared_weights_are_refused_in_words():
    from neuropil.zoo.plasticity.pair_stdp import PairSTDP

    net = npl.Network("plastic")
    seen, out = net.population("seen", LIFExp(), 16), net.population("out", LIFExp(), 8)
    with pytest.raises(NetworkError, match="shared and cannot change") as caught:
        net.project(seen, out, npl.AllToAll(), weight=npl.Convolution(KERNEL.value[:2, :1] * pA, (1, 4, 4)), delay=1 * ms, port="exc", synapse=PairSTDP())
    assert "weight=matrix.dense() with Edges" in str(caught.value)
