"""Gradients of a rollout: those of the smooth dynamics are exact, those of spikes are what the surrogate says."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuropil import maths
from neuropil.errors import ModelError
from neuropil.learn import SHAPES, Rollout, Surrogate, surrogate
from neuropil.model import Edges, Network, Neuron, SpikeList, State, Step
from neuropil.units import Voltage, ms, mV, nS, pA
from neuropil.zoo.neurons.gif import GIF
from neuropil.zoo.neurons.lif import LIFAlpha, LIFExp
from neuropil.zoo.neurons.lif_cond import LIFCondExp
from neuropil.zoo.neurons.relay import Relay

STEPS = 400


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def network(current=0 * pA) -> Network:
    """Relays that repeat a list drive three kinds of neurons, one with a time constant per neuron."""
    net = Network("gradients")
    relay = net.population("relay", Relay(), 4)
    listed = SpikeList(np.array([1.0, 3.0, 5.5, 7.0, 9.0, 14.0]) * ms, np.array([0, 1, 2, 3, 1, 0]))
    net.stimulate(relay, listed, port="spikes", weight=1.0)
    rule = Edges(np.array([0, 1, 2, 3, 3, 0]), np.array([0, 1, 2, 0, 1, 2]))
    delay = np.array([0.1, 0.5, 1.5, 2.0, 0.1, 0.3]) * ms
    for name, model, unit in (
        ("exact", LIFExp(tau_m=np.array([8.0, 10.0, 14.0]) * ms), 100 * pA),
        ("alpha", LIFAlpha(), 50 * pA),
        ("rk4", LIFCondExp(), 4 * nS),
    ):
        target = net.population(name, model, 3)
        net.stimulate(target, Step(current), input="current")
        weight = np.linspace(0.5, 1.5, 6) * unit
        net.project(relay, target, rule, weight=weight, delay=delay, port="exc", name=name)
        net.probe(target, "v", name=name)
    return net


@cache
def rollout(shape=None, reset_gradient=False, current=0.0) -> Rollout:
    return Rollout(network(current * pA), precision="float64", surrogate=shape, reset_gradient=reset_gradient)


def mean_potential(parameters, of=rollout):
    """A smooth functional: the squared mean distance of potentials from -70 mV, all below threshold."""
    rolled = of().apply(parameters, of().initial(), of().inputs(STEPS))
    return sum(jnp.mean((v + 70.0) ** 2) for v in rolled.traces.values())


def central(function, parameters, path, index, relative=1e-4):
    """Fourth-order central difference by one number of the tree."""
    value = np.asarray(parameters[path[0]][path[1]] if len(path) == 2 else parameters[path[0]][path[1]][path[2]])
    h = relative * max(abs(float(value[index])), 1.0)

    def at(shift):
        moved = value.copy()
        moved[index] += shift * h
        branch = {**parameters[path[0]]}
        branch[path[1]] = moved if len(path) == 2 else {**branch[path[1]], path[2]: moved}
        return float(function({**parameters, path[0]: branch}))

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)


def test_gradients_of_the_potential_equal_finite_differences():
    """By weights, time constants, capacitances and reversal potentials, through delays and exact propagators."""
    roll = rollout()
    function = jax.jit(mean_potential)
    rolled = roll.run(STEPS)
    assert all(float(rolled.spikes[n].sum()) == 0 for n in ("exact", "alpha", "rk4"))
    assert float(rolled.spikes["relay"].sum()) == 6
    gradient = jax.jit(jax.grad(mean_potential))(roll.parameters)
    checked = [
        (("weights", "exact"), 0), (("weights", "alpha"), 4), (("weights", "rk4"), 5),
        (("neurons", "exact", "tau_m"), 2), (("neurons", "exact", "tau_exc"), ()), (("neurons", "exact", "c_m"), ()),
        (("neurons", "alpha", "tau_m"), ()), (("neurons", "alpha", "tau_exc"), ()), (("neurons", "alpha", "e_l"), ()),
        (("neurons", "rk4", "tau_exc"), ()), (("neurons", "rk4", "g_l"), ()), (("neurons", "rk4", "e_exc"), ()),
    ]  # fmt: skip
    for path, index in checked:
        leaf = gradient
        for key in path:
            leaf = leaf[key]
        truth = central(function, roll.parameters, path, index)
        assert truth != 0.0
        np.testing.assert_allclose(float(leaf[index]), truth, rtol=1e-6, err_msg=str((path, index)))


def test_refractory_and_spiking_runs_have_finite_gradients():
    for shape in (None, "superspike"):
        roll = rollout(shape, True, 500.0)

        def loss(parameters, roll=roll):
            rolled = roll.apply(parameters, roll.initial(), roll.inputs(STEPS))
            return sum(jnp.mean(v**2) for v in rolled.traces.values())

        assert float(roll.run(STEPS).spikes["exact"].sum()) > 3
        assert all(np.all(np.isfinite(g)) for g in jax.tree.leaves(jax.jit(jax.grad(loss))(roll.parameters)))


def spike_count(roll: Rollout):
    def count(parameters):
        rolled = roll.apply(parameters, roll.initial(), roll.inputs(STEPS))
        return rolled.spikes["exact"].sum()

    return jax.jit(jax.value_and_grad(count))(roll.parameters)


def test_the_true_gradient_of_a_spike_count_is_zero_and_a_surrogate_gives_one():
    count, gradient = spike_count(rollout(None, False, 500.0))
    assert count > 3
    assert all(not np.any(g) for g in jax.tree.leaves(gradient))
    for reset_gradient in (False, True):
        same, gradient = spike_count(rollout("superspike", reset_gradient, 500.0))
        assert same == count
        # More excitation, more spikes; a higher threshold, fewer.
        assert np.sum(gradient["weights"]["exact"]) > 0
        assert np.sum(gradient["neurons"]["exact"]["v_th"]) < 0
        assert np.all(gradient["weights"]["rk4"] == 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_surrogate_is_a_step_forward_and_its_formula_backward(shape):
    x = jnp.linspace(-3, 3, 61) + 0.003
    made = surrogate(shape, width=0.7, height=0.3)
    z = np.asarray(x) / 0.7
    formula = {
        "superspike": 1 / (1 + np.abs(z)) ** 2,
        "sigmoid": 1 / np.cosh(z / 2) ** 2,
        "triangle": np.clip(1 - np.abs(z), 0, None),
        "arctan": 1 / (1 + (np.pi * z / 2) ** 2),
        "gaussian": np.exp(-(z**2) / 2),
        "rectangle": (np.abs(z) < 0.5).astype(float),
    }[shape]
    value, pull = jax.vjp(lambda x: made.spike(x >= 0, x), x)
    np.testing.assert_array_equal(value, np.asarray(x) >= 0)
    np.testing.assert_allclose(pull(jnp.ones_like(x))[0], 0.3 * formula, rtol=1e-12, atol=1e-15)
    assert SHAPES[shape][0](0.0) == 1.0


def test_the_gradient_of_one_spike_is_the_slope_at_its_distance():
    """A neuron that one event lifts over its threshold: dS/dw = slope(x) dx/dw, by hand."""
    net = Network("one")
    relay = net.population("relay", Relay(), 1)
    net.stimulate(relay, SpikeList(np.array([0.5]) * ms), port="spikes", weight=1.0)
    target = net.population("target", Jump(), 1)
    net.project(relay, target, Edges([0], [0]), weight=17 * pA, delay=0.1 * ms, port="exc", name="p")
    shape = Surrogate("superspike", 0.5)
    roll = Rollout(net, precision="float64", surrogate=shape, scale={"target": 4 * mV})

    def first(parameters):
        return roll.apply(parameters, roll.initial(), roll.inputs(6)).spikes["target"][5, 0]

    value, gradient = jax.value_and_grad(first)(roll.parameters)
    assert value == 1.0
    slope = float(shape.slope(jnp.asarray((17 - 15) / 4))) / 4
    np.testing.assert_allclose(gradient["weights"]["p"][0], slope, rtol=1e-12)
    np.testing.assert_allclose(gradient["neurons"]["target"]["v_th"], -slope, rtol=1e-12)


def test_the_width_of_a_surrogate_is_in_units_of_the_way_to_rest():
    """A neuron at rest, 15 mV below threshold, has the slope of the shape at its distance over the way: none where the shape ends before it."""
    net = Network("resting")
    relay = net.population("relay", Relay(), 1)
    net.stimulate(relay, SpikeList(np.array([0.5]) * ms), port="spikes", weight=1.0)
    target = net.population("target", Jump(), 1)
    net.project(relay, target, Edges([0], [0]), weight=3 * pA, delay=0.1 * ms, port="exc", name="p")
    for shape, width in (("triangle", 0.5), ("triangle", 0.79), ("triangle", 0.9), ("rectangle", 1.5), ("rectangle", 1.7), ("superspike", 0.1), ("triangle", None), ("rectangle", None)):
        made = surrogate(shape, width=width)
        roll = Rollout(net, precision="float64", surrogate=made)
        gradient = jax.grad(lambda w, roll=roll: roll.apply({**roll.parameters, "weights": {"p": w}}, roll.initial(), roll.inputs(6)).spikes["target"][5, 0])(roll.parameters["weights"]["p"])
        np.testing.assert_allclose(gradient[0], float(made.slope(jnp.asarray(-12 / 15))) / 15, rtol=1e-12)  # 12 of 15 mV are left
        assert (gradient[0] > 0) == (made.reach > 12 / 15)


class Jump(LIFExp):
    """Events move the potential at once; no leak."""

    def derivative(self, s, x):
        return {}

    def receive(self, s, w):
        return {"v": w.exc * (1 * mV / pA)}


def test_a_stochastic_threshold_has_a_surrogate_too():
    net = Network("gif")
    pop = net.population("gif", GIF(), 5)
    net.stimulate(pop, Step(150 * pA), input="current")
    roll = Rollout(net, precision="float64", surrogate="sigmoid")
    gradient = jax.grad(lambda p: roll.apply(p, roll.initial(), roll.inputs(300)).spikes["gif"].sum())(roll.parameters)
    assert gradient["neurons"]["gif"]["v_t"] < 0


class Window(Neuron):
    """Fires within a band: no single comparison."""

    low: Voltage = 1 * mV
    v = State(0 * mV)

    def fires(self, s):
        return maths.logical_and(s.v > self.low, s.v < 2 * self.low)

    def reset(self, s):
        return {}


def test_a_threshold_that_is_no_comparison_is_refused_only_with_a_surrogate():
    net = Network("window")
    net.population("p", Window(), 1)
    Rollout(net).run(3)
    with pytest.raises(ModelError, match=r"Window\.fires"):
        Rollout(net, surrogate="triangle")


def test_dense_and_sparse_delivery_agree():
    """A projection too large for matrices goes the other way; the sum is the same."""
    from neuropil.learn.delivery import DENSE_ENTRIES, Wiring

    draw, n = np.random.default_rng(0), 40
    pre, post, delay = draw.integers(0, n, 500), draw.integers(0, n, 500), draw.integers(1, 16, 500)
    sparse = Wiring("w", "a", "b", "p", pre, post, delay, (n, n))
    assert not sparse.dense and 15 * n * n > DENSE_ENTRIES
    weight, spikes = draw.normal(size=500), draw.integers(0, 2, n).astype(float)
    ring = sparse.send(jnp.asarray(weight), jnp.asarray(spikes), jnp.zeros((15, n)), 7)
    expected = np.zeros((15, n))
    np.add.at(expected, ((7 + delay) % 15, post), weight * spikes[pre])
    np.testing.assert_allclose(ring, expected, rtol=1e-12, atol=1e-12)
    small = Wiring("w", "a", "b", "p", pre[:50] % 9, post[:50] % 9, delay[:50], (9, 9))
    assert small.dense
    weights = jnp.asarray(weight[:50])
    ring = small.send(small.prepare(weights), jnp.asarray(spikes[:9]), jnp.zeros((15, 9)), 7)
    expected = np.zeros((15, 9))
    np.add.at(expected, ((7 + delay[:50]) % 15, post[:50] % 9), weight[:50] * spikes[:9][pre[:50] % 9])
    np.testing.assert_allclose(ring, expected, rtol=1e-12, atol=1e-12)


def test_a_float64_rollout_outside_of_x64_is_refused():
    net = network()
    roll = Rollout(net, precision="float64")
    with jax.enable_x64(False), pytest.raises(ModelError, match="x64"):
        roll.apply(roll.parameters, roll.initial(), roll.inputs(2))


def test_a_name_that_is_taken_gets_a_number_and_a_run_goes_on_from_its_state():
    net = Network("twice")
    pop = net.population("p", LIFExp(), 3)
    net.stimulate(pop, Step(600 * pA), input="current")
    for port in ("exc", "inh"):
        net.project(pop, pop, Edges([0, 1], [1, 2]), weight=90 * pA, delay=1.2 * ms, port=port)
    net.probe(pop, "v", interval=0.2 * ms)
    roll = Rollout(net)
    assert set(roll.parameters["weights"]) == {"p→p", "p→p #2"}
    whole = roll.run(200)
    assert whole.traces["p.v"].shape == (100, 3) and whole.traces["p.v"].dtype == np.float32
    inputs = roll.inputs(200)
    first = roll.apply(roll.parameters, roll.initial(), jax.tree.map(lambda a: a[:90], inputs))
    second = roll.apply(roll.parameters, first.state, jax.tree.map(lambda a: a[90:], inputs))
    np.testing.assert_array_equal(np.concatenate([first.spikes["p"], second.spikes["p"]]), whole.spikes["p"])
    assert float(whole.spikes["p"].sum()) >= 3


def test_a_batch_axis_is_as_many_calls():
    """Of inputs, of the state, or of both; arrays without the axis are the same for all samples."""
    roll = rollout()
    inputs = roll.inputs(60)
    current = np.linspace(0.0, 300.0, 3)[:, None, None] * np.ones((3, 60, 3))
    several = {**inputs, "currents": {**inputs["currents"], "exact": {"current": current}}}
    whole = roll.apply(roll.parameters, roll.initial(), several)
    assert whole.spikes["relay"].shape == (3, 60, 4)
    again = roll.apply(roll.parameters, whole.state, several)
    for b in range(3):
        one = roll.apply(roll.parameters, roll.initial(), {**several, "currents": {**inputs["currents"], "exact": {"current": current[b]}}})
        two = roll.apply(roll.parameters, one.state, {**several, "currents": {**inputs["currents"], "exact": {"current": current[b]}}})
        np.testing.assert_allclose(whole.traces["exact"][b], one.traces["exact"], rtol=1e-12)
        np.testing.assert_allclose(again.traces["exact"][b], two.traces["exact"], rtol=1e-12)
    with pytest.raises(ModelError, match="different numbers of samples"):
        roll.apply(roll.parameters, jax.tree.map(lambda a: a[:2], whole.state), several)
    with pytest.raises(ModelError, match="unknown backend"):
        roll.apply(roll.parameters, roll.initial(), inputs, backend="nativ")
