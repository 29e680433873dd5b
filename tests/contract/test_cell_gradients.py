"""Gradients of cells with morphology by every kind of parameter, against central finite differences."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract.cell_models import CELLS, inputs
from neuropil.learn import Rollout, surrogate
from neuropil.learn.cable import CellNeurons, roll
from neuropil.model import Edges, Network, SpikeList
from neuropil.units import ms, nS
from neuropil.zoo.neurons.relay import Relay

DT, STEPS = 0.025, 120


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def central(function, values, name, index, relative=1e-3):
    """Fourth-order central difference by one number of the dict."""
    value = np.asarray(values[name], float)
    h = relative * max(abs(float(value[index])), 1e-3)

    def at(shift):
        moved = value.copy()
        moved[index] += shift * h
        return float(function({**values, name: moved}))

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)


@cache
def branched(size: int = 1) -> CellNeurons:
    return CellNeurons.alone(CELLS["branched"](), size, DT)


@cache
def loss():
    """Mean squared distance of all potentials from -70 mV, by parameters and, as "weight", a factor on events."""
    neurons = branched()
    signals, events = inputs(neurons.cell, 1)

    def function(values):
        own = {n: v for n, v in values.items() if n != "weight"}
        arriving = {n: values["weight"] * v[:STEPS] for n, v in events.items()}
        given = {n: v[:STEPS] for n, v in signals.items()}
        traces = roll(neurons, STEPS, parameters=own, signals=given, events=arriving)
        return jnp.mean((traces["v"] + 70.0) ** 2)

    return function


def start():
    """The parameters of the description, some of them spread over compartments so that each has a gradient of its own."""
    neurons = branched()
    values = {**neurons.parameters, "weight": np.array(1.0)}
    values["axial"] = np.ones(len(neurons.cell))
    values["capacitance"] = np.linspace(0.9, 1.1, len(neurons.cell))
    values["FastSodium.g"] = np.array(values["FastSodium.g"]) * np.ones(neurons.cell.channels["FastSodium"].sum())
    return values


CHECKED = [
    ("Leak.g", 3), ("FastSodium.g", 1), ("Leak.e", ()), ("HCurrent.g", 6), ("SKPotassium.g", 0), ("CalciumPool.decay", 0),
    ("HighVoltageCalcium.g", 0), ("tuft.e", ()), ("tuft.nmda_decay", ()), ("tuft.mg", ()), ("weight", ()), ("axial", 5),
    ("capacitance", 2),
]  # fmt: skip

COARSE = {"CalciumPool.decay": 2e-2, "tuft.e": 10.0}
"""Relative steps where the usual one shows rounding of the loss alone: the pool hardly acts within 3 ms, and 0 mV has no
size of its own (this makes 0.01 mV)."""


def test_gradients_equal_finite_differences():
    """Densities, reversals, kinetics of gates, pools and synapses, the NMDA block, weights, axial resistance and capacitance."""
    values = start()
    gradient = jax.jit(jax.grad(loss()))(values)
    function = jax.jit(loss())
    for name, index in CHECKED:
        index = index if np.ndim(values[name]) else ()
        truth = central(function, values, name, index, COARSE.get(name, 1e-3))
        assert truth != 0.0, name
        np.testing.assert_allclose(float(gradient[name][index]), truth, rtol=1e-5, err_msg=f"{name}[{index}]")


def test_gradients_with_chunks_are_the_same():
    neurons = CellNeurons.alone(CELLS["cable"](), 1, DT)

    def energy(values, chunk):
        return jnp.mean(roll(neurons, 50, parameters=values, signals={"electrode.amplitude": 300.0}, chunk=chunk)["v"] ** 2)

    whole, chunked = (jax.jit(jax.grad(lambda p, c=chunk: energy(p, c)))(neurons.parameters) for chunk in (None, 11))
    for name, truth in whole.items():
        np.testing.assert_allclose(chunked[name], truth, rtol=1e-8, err_msg=name)
    assert sum(bool(truth != 0.0) for truth in whole.values()) == len(whole) - 1  # at 6.3 °C, q10 acts on nothing


def test_a_surrogate_lets_the_number_of_spikes_be_trained():
    """Without one the gradient is zero; with one, less sodium is fewer spikes; the spikes themselves are the same."""
    cell = CELLS["cable"]()
    found = {}
    for shape in (None, surrogate("superspike")):
        neurons = CellNeurons.alone(cell, 1, DT, surrogate=shape)

        def count(g, neurons=neurons):
            return roll(neurons, 200, parameters={"HodgkinHuxleyMembrane.g_na": g}, signals={"electrode.amplitude": 500.0})["spikes"].sum()

        found[shape is None] = jax.jit(jax.value_and_grad(count))(neurons.parameters["HodgkinHuxleyMembrane.g_na"])
    assert found[True][0] == found[False][0] == 1.0
    assert found[True][1] == 0.0
    assert np.isfinite(found[False][1]) and found[False][1] != 0.0


def test_a_networks_gradient_reaches_weights_and_cells():
    """Through delays into the synapses of a cell, by weights of single synapses and by a channel's density."""
    net = Network("cells")
    relay, cells = net.population("relay", Relay(), 2), net.population("cells", CELLS["passive"](), 2)
    net.stimulate(relay, SpikeList(np.array([0.5, 1.0]) * ms, np.array([0, 1])), port="spikes", weight=1.0)
    net.project(relay, cells, Edges(np.array([0, 1]), np.array([0, 1])), weight=2 * nS, delay=0.3 * ms, port="inhibition.inh[1]", name="in")
    net.probe(cells, "v", name="v")
    rollout = Rollout(net, dt=DT * ms, precision="float64", chunk=9)
    state, given = rollout.initial(), rollout.inputs(100)

    def by(values):
        tree = {"weights": {"in": values["weight"]}, "neurons": {**rollout.parameters["neurons"]}}
        tree["neurons"]["cells"] = {**tree["neurons"]["cells"], "Leak.g": values["g"]}
        return jnp.mean((rollout.apply(tree, state, given).traces["v"] + 60.0) ** 2)

    values = {"weight": rollout.parameters["weights"]["in"], "g": rollout.parameters["neurons"]["cells"]["Leak.g"]}
    gradient, function = jax.jit(jax.grad(by))(values), jax.jit(by)
    for name, index in (("weight", 0), ("weight", 1), ("g", ())):
        np.testing.assert_allclose(float(gradient[name][index]), central(function, values, name, index), rtol=1e-6)
