"""Native gradients against JAX: every registered neuron, the same spikes, and float64 gradients equal to rounding.

Why to believe it: both backends share the equations and nothing of what runs them. JAX scans the traced step and derives its own reverse pass; the
native backend runs kernels emitted from a graph of the product, with rings, lists and a tape of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract.contract_networks import record, recurrent_edges, varied
from contract.native_comparison import assert_near, both, functional
from neuropil.errors import ModelError
from neuropil.learn import Native, Rollout, surrogate
from neuropil.model import AllToAll, Network, Step
from neuropil.units import pA
from neuropil.zoo.contract import contract_drive
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.registry import NEURONS, neuron

STEPS = 300


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def network(name: str) -> Network:
    """A registered model, driven and varied, recurrent over delays of 1 to 15 steps with multapses, all states recorded."""
    drive, net = contract_drive(name), Network(name)
    wired = net.population("wired", varied(neuron(name)(), 7), 7)
    drive.apply(net, wired)
    record(net, wired)
    for salt, (port, (weight, _)) in enumerate(drive.events.items()):
        rule, factor, delay = recurrent_edges(7, 7, 40, salt)
        net.project(wired, wired, rule, weight=(-0.5 if len(drive.events) == 1 else 1.0) * factor * weight, delay=delay * drive.dt, port=port)
    return net


QUICK = ("lif_exp", "adex", "escape_lif", "three_compartment", "rate_unit")
"""In the default tests, one for each kind of path: exact propagator, threshold at a spike's upstroke, stochastic threshold, several compartments, no spikes."""


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NEURONS])
def test_native_gradients_of_a_registered_neuron_equal_those_of_jax(name):
    net = network(name)
    roll = Rollout(net, dt=contract_drive(name).dt, precision="float64", surrogate=surrogate("superspike", width=0.3))
    (value, spikes), gradients = both(roll, "native", roll.inputs(STEPS))
    (truth, expected), reference = both(roll, "jax", roll.inputs(STEPS))
    assert jax.tree.all(jax.tree.map(np.array_equal, spikes, expected))
    np.testing.assert_allclose(value, truth, rtol=1e-11)
    assert_near(gradients, reference, 1e-10)


@cache
def layered() -> Rollout:
    """A matrix and lists of synapses, a shape of compact support, gradients through the reset, a state that is probed."""
    net = Network("layers")
    first, second = net.population("first", LIFExp(), 70), net.population("second", LIFExp(), 5)
    draw = np.random.default_rng(1)
    net.project(first, second, AllToAll(), weight=draw.uniform(-200, 500, (70, 5)) * pA, delay=contract_drive("lif_exp").dt, port="exc", name="matrix")
    rule, factor, delay = recurrent_edges(5, 5, 20, 3)
    net.project(second, second, rule, weight=factor * 900 * pA, delay=delay * contract_drive("lif_exp").dt, port="inh", name="lists")
    net.probe(second, "v", name="v")
    return Rollout(net, precision="float64", surrogate=surrogate("triangle", width=0.3), reset_gradient=True)


def batch(samples: int, steps: int = 250) -> Any:
    """Inputs of a batch: events of its own for each sample, one current for all."""
    draw, roll = np.random.default_rng(2), layered()
    events = 3000.0 * (draw.random((samples, steps, 70)) < 0.02)
    return {**roll.inputs(steps), "events": {"first": {"exc": events}}, "currents": {"second": {"current": np.full((steps, 5), 300.0)}}}


def test_a_batch_with_sparse_surrogate_equals_jax_and_no_bit_depends_on_threads_or_memory():
    """By one thread and by two."""
    roll, inputs = layered(), batch(10)
    (value, spikes), gradients = both(roll, Native(threads=1), inputs)
    (truth, expected), reference = both(roll, "jax", inputs)
    assert float(spikes["first"].sum()) > 20 and float(spikes["second"].sum()) > 20
    assert jax.tree.all(jax.tree.map(np.array_equal, spikes, expected))
    np.testing.assert_allclose(value, truth, rtol=1e-11)
    assert_near(gradients, reference, 1e-10)
    for native in (Native(threads=2), Native(threads=2, memory=400_000.0), Native(threads=1, memory=30_000.0)):
        again = both(roll, native, inputs)
        assert jax.tree.all(jax.tree.map(np.array_equal, again, ((value, spikes), gradients))), native


def test_windows_and_checkpoints_change_no_more_than_the_order_of_sums(monkeypatch):
    """Windows of 16 steps are as one window (which equals JAX), but for rounding; between windows checkpoints change no bit."""
    inputs = batch(3)
    whole = both(layered(), Native(threads=1), inputs)
    monkeypatch.setattr("neuropil.learn.native.machine._MOST", 16)
    roll = Rollout(layered().network, precision="float64", surrogate=surrogate("triangle", width=0.3), reset_gradient=True)
    cut = both(roll, Native(threads=1), inputs)
    assert_near(cut, whole, 1e-10)
    for memory in (150_000.0, 0.0):
        assert jax.tree.all(jax.tree.map(np.array_equal, both(roll, Native(threads=2, memory=memory), inputs), cut)), memory


def test_only_what_is_wanted_is_computed_and_the_rest_is_untouched():
    """The gradient by some weights alone is that part of the whole gradient."""
    roll, inputs = layered(), batch(2, 120)
    _, (whole, *_) = both(roll, "native", inputs)

    def value(matrix: Any) -> Any:
        parameters = {**roll.parameters, "weights": {**roll.parameters["weights"], "matrix": matrix}}
        return functional(roll.apply(parameters, roll.initial(), inputs, backend="native"))

    np.testing.assert_allclose(jax.grad(value)(roll.parameters["weights"]["matrix"]), whole["weights"]["matrix"], rtol=1e-12)


def test_vmap_and_two_halves_of_time_are_one_run():
    """`vmap` over a call without a batch axis; and gradients go through the state from which a second call goes on."""
    roll, inputs = layered(), batch(3, 120)

    def halves(weights: Any, events: Any, backend: str) -> Any:
        parameters, given = {**roll.parameters, "weights": weights}, {**inputs, "events": {"first": {"exc": events}}}
        parts = [jax.tree.map(lambda a, cut=cut: a[cut], given) for cut in (slice(0, 50), slice(50, 120))]
        first = roll.apply(parameters, roll.initial(), parts[0], backend=backend)
        second = roll.apply(parameters, first.state, parts[1], backend=backend)
        return first.spikes["second"].sum() + functional(second)

    def total(weights: Any, backend: str) -> Any:
        return jax.vmap(lambda e: halves(weights, e, backend))(inputs["events"]["first"]["exc"]).sum()

    assert_near(jax.grad(total)(roll.parameters["weights"], "native"), jax.grad(total)(roll.parameters["weights"], "jax"), 1e-10)


def test_the_true_gradient_and_finite_differences():
    """Without a surrogate both backends give the true gradient: that of the potential equals central differences, that of spikes is zero."""
    roll, inputs = Rollout(layered().network, precision="float64"), batch(1, 60)

    def potential(current: Any) -> Any:
        rolled = roll.apply(roll.parameters, roll.initial(), {**inputs, "events": {}, "currents": {"second": {"current": current * jnp.ones((60, 5))}}}, backend="native")
        return (rolled.traces["v"] ** 2).mean(), rolled.spikes["second"].sum()

    assert potential(300.0)[1] == 0
    slope = jax.grad(lambda c: potential(c)[0])(300.0)
    np.testing.assert_allclose(slope, (potential(300.5)[0] - potential(299.5)[0]) / 1.0, rtol=1e-8)
    assert jax.grad(lambda c: potential(c)[1])(900.0) == 0


def test_given_spikes_take_the_place_of_a_population_and_its_states_stay():
    """As a list, padded; equal to the run in which the population gives these spikes by itself, and in both backends."""
    roll, inputs = layered(), batch(3, 120)
    whole = roll.apply(roll.parameters, roll.initial(), inputs)
    lists = np.full((2, 3, 900), -1)
    for b in range(3):
        step, neuron = np.nonzero(np.asarray(whole.spikes["first"][b]))
        lists[:, b, : step.size] = step, neuron
    given = {**{k: inputs[k] for k in ("step", "uniform", "currents")}, "events": {}, "spikes": {"first": {"step": lists[0], "neuron": lists[1]}}}

    def value(weights: Any, backend: Any) -> Any:
        rolled = roll.apply({**roll.parameters, "weights": weights}, roll.initial(), given, backend=backend)
        return jnp.einsum("btn,t->", rolled.spikes["second"], np.cos(np.arange(120))) + rolled.traces["v"].sum(), rolled

    found = {}
    for backend in ("jax", "native"):
        (_, rolled), found[backend] = jax.value_and_grad(value, has_aux=True)(roll.parameters["weights"], backend)
        for name in ("first", "second"):
            np.testing.assert_array_equal(rolled.spikes[name], whole.spikes[name])
        np.testing.assert_array_equal(rolled.state["neurons"]["first"]["v"], np.full((3, 70), -65.0))
    assert np.any(found["jax"]["matrix"] != 0.0)
    assert_near(found["native"], found["jax"], 1e-10)


def test_what_arrives_at_a_population_whose_spikes_are_given_changes_nothing():
    """It is a target, too, over more steps than a window has: values, what is in flight at the end, and gradients are those of JAX."""
    net = Network("fed back")
    first, second = net.population("first", LIFExp(), 4), net.population("second", LIFExp(), 3)
    for name, pre, post, weight, steps in (("there", first, second, 900, 10), ("back", second, first, 300, 20), ("own", second, second, 100, 5)):
        net.project(pre, post, AllToAll(), weight=weight * pA, delay=steps * contract_drive("lif_exp").dt, port="exc", name=name)
    roll, steps = Rollout(net, precision="float64", surrogate=surrogate("triangle", width=0.3)), 407
    when, who = np.nonzero(np.random.default_rng(0).random((steps, 4)) < 0.1)
    inputs = {**roll.inputs(steps), "spikes": {"first": {"step": when, "neuron": who}}}
    value = lambda weights, backend: functional(roll.apply({**roll.parameters, "weights": weights}, roll.initial(), inputs, backend=backend))  # noqa: E731
    found, truth = (jax.value_and_grad(value)(roll.parameters["weights"], backend) for backend in ("native", "jax"))
    assert np.any(truth[1]["there"] != 0.0)
    assert_near(found, truth, 1e-10)


def test_no_steps_leave_the_state_as_it_is():
    """With a stimulus, in both backends."""
    net = Network("still")
    cells = net.population("cells", LIFExp(), 2)
    net.stimulate(cells, Step(700 * pA), input="current")
    roll = Rollout(net, precision="float64")
    for backend in ("jax", "native"):
        rolled = roll.apply(roll.parameters, roll.initial(), roll.inputs(0), backend=backend)
        assert rolled.spikes["cells"].shape == (0, 2) and np.array_equal(rolled.state["neurons"]["cells"]["v"], [-65.0, -65.0])


def test_what_is_not_supported_is_refused_in_words():
    net = Network("probed")
    net.probe(net.population("cells", LIFExp(), 2), "v")
    roll = Rollout(net, precision="float64")
    inputs = roll.inputs(4)
    with pytest.raises(ModelError, match="threads must be at least 1"):
        Native(threads=0)
    with pytest.raises(ModelError, match="a whole number"):
        Native(threads=1.5)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="needs a sample"):
        roll.apply(roll.parameters, roll.initial(), {**inputs, "currents": {"cells": {"current": np.zeros((0, 4, 2))}}}, backend="native")
    with pytest.raises(ModelError, match="wrong shape"):
        roll.apply(roll.parameters, roll.initial(), {**inputs, "currents": {"cells": {"current": np.zeros((4, 3))}}}, backend="native")
    skipped = {**inputs, "step": np.array([0, 1, 3, 4])}
    with pytest.raises(Exception, match="steps that follow each other"):
        jax.block_until_ready(roll.apply(roll.parameters, roll.initial(), skipped, backend="native").spikes)




def test_float32_gradients_are_as_near_to_float64_as_those_of_jax():
    """Within a factor of 3, on the samples in which all three give the same spikes."""
    exact = layered()
    single = Rollout(exact.network, precision="float32", surrogate=surrogate("triangle", width=0.3), reset_gradient=True)
    inputs = batch(3, 250)

    def gradient(roll: Rollout, backend: str) -> Any:
        given = {**inputs, **{kind: jax.tree.map(lambda a: a.astype(roll.dtype), inputs[kind]) for kind in ("events", "currents")}}

        def value(weights: Any) -> Any:
            rolled = roll.apply({**roll.parameters, "weights": weights}, roll.initial(), given, backend=backend)
            return jnp.einsum("btn,t->", rolled.spikes["second"], np.cos(np.arange(250)).astype(roll.dtype)), rolled.spikes

        return jax.jit(jax.grad(value, has_aux=True))(roll.parameters["weights"])

    (truth, spikes), (mine, mine_too), (theirs, theirs_too) = gradient(exact, "native"), gradient(single, "native"), gradient(single, "jax")
    for name in spikes:
        np.testing.assert_array_equal(mine_too[name], spikes[name])
        np.testing.assert_array_equal(theirs_too[name], spikes[name])
    for name, values in truth.items():
        scale = np.abs(values).max()
        assert scale > 0, name
        off, reference = (np.abs(np.asarray(g[name], float) - values).max() / scale for g in (mine, theirs))
        assert off <= 3 * reference + 1e-6, (name, off, reference)


_TWO_DEVICES = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from neuropil.learn import Rollout
from neuropil.model import AllToAll, Network, Step
from neuropil.units import ms, pA
from neuropil.zoo.neurons.lif import LIFExp

net = Network("two devices")
cells = net.population("cells", LIFExp(), 3)
net.project(cells, cells, AllToAll(), weight=50 * pA, delay=0.5 * ms, port="exc", name="w")
roll = Rollout(net, surrogate="triangle")
inputs, current = roll.inputs(80), 900 + 100 * np.random.default_rng(1).random((4, 80, 3), np.float32)

def count(weights, current):
    given = {**inputs, "currents": {"cells": {"current": current}}}
    return roll.apply({**roll.parameters, "weights": {"w": weights}}, roll.initial(), given, backend="jax").spikes["cells"].sum()

gradient = jax.jit(jax.value_and_grad(count))
shared = jax.device_put(current, NamedSharding(Mesh(np.array(jax.devices()), ("samples",)), PartitionSpec("samples")))
assert len(jax.devices()) == len(shared.sharding.device_set) == 2
text = gradient.lower(roll.parameters["weights"]["w"], shared).as_text()
assert "callback" not in text and "neuropil" not in text
for one, two in zip(gradient(roll.parameters["weights"]["w"], current), gradient(roll.parameters["weights"]["w"], shared)):
    np.testing.assert_allclose(one, two, rtol=1e-5)
    assert np.any(np.asarray(one) != 0)
"""


def test_the_jax_backend_calls_nothing_on_the_host_and_shares_a_batch_over_two_devices():
    """In a process of its own with two forced host devices: half of the samples on each, the same value and gradient."""
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_ENABLE_X64": "0"}
    done = subprocess.run([sys.executable, "-c", _TWO_DEVICES], env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
