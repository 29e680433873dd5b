"""Native gradients of what joins neurons: every form of graded transmission, every registered neuron that sends it, shared weights, every registered synapse.

Why to believe it: as in `test_native_gradients`. The networks are those with which the engine and the oracle are compared, so a new form or model is enrolled here, too.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest

import neuropil as npl
from contract import graded_networks, test_convolution, test_graded_neurons, test_synapses
from contract.contract_networks import recurrent_edges
from contract.native_comparison import assert_near, both, compared
from neuropil.errors import ModelError
from neuropil.learn import Native, Rollout, surrogate
from neuropil.model.synapse.context import WhiteNoise, reads
from neuropil.units import ms, mV, pA
from neuropil.zoo.contract import contract_drive, synapse_use
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.registry import SYNAPSES, neuron_names, synapse


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def test_every_form_of_graded_weights():
    """At once; more steps than a window of checkpoints has, so that what is under way is kept between them."""
    _, (parameters, state, _) = compared(graded_networks.network(*graded_networks.FORMS), graded_networks.DT, 300)
    assert set(parameters["graded"]) == set(graded_networks.FORMS)
    for form, by_name in parameters["graded"].items():
        assert all(np.any(g != 0) for g in by_name.values()), form
    assert np.any(state["graded"]["drawn delays"] != 0)


@pytest.mark.parametrize("name", [n if n in ("rate_unit", "branch_neuron") else pytest.param(n, marks=pytest.mark.slow) for n in neuron_names()])
def test_every_neuron_sends_and_receives(name):
    compared(test_graded_neurons.network(name), contract_drive(name).dt, 200)


def test_spikes_through_convolutions_and_pooling():
    """And through shared weights that are described outside of the package; the gradient is that of the kernel."""
    spikes, (parameters, *_) = compared(test_convolution.network(), test_convolution.DT, 300)
    assert spikes["hidden"].sum() > 20 and spikes["out"].sum() > 20
    assert parameters["weights"]["first"].shape == test_convolution.KERNEL.value.shape
    for name in ("first", "pool", "ring"):
        assert np.all(parameters["weights"][name] != 0), name


@pytest.mark.parametrize("name", [n if n in ("tsodyks_markram", "homeostatic") else pytest.param(n, marks=pytest.mark.slow) for n in SYNAPSES])
def test_every_synapse(name):
    """Short-term plasticity, receptors with states, learning rules: by weights, parameters and starting states, through spikes of both sides."""
    net, steps = test_synapses.small_network(name), 400
    if reads(synapse(name).spec.inputs, WhiteNoise):
        roll = Rollout(net, precision="float64")
        with pytest.raises(ModelError, match="noise in in"):
            roll.apply(roll.parameters, roll.initial(), roll.inputs(2), backend="native")
        return
    signal = {p: np.full(steps, synapse_use(name).modulator) for p in ("in", "back")}
    spikes, (parameters, state, _) = compared(net, 0.1 * ms, steps, {"modulators": signal})
    assert spikes["target"].sum() > 10
    for p in ("in", "back"):
        states = state["synapses"][p]["states"].values()
        assert np.any(parameters["weights"][p] != 0) and (not states or any(np.any(g != 0) for g in states))


def test_delays_as_parameters():
    """Between two steps, on a step and the longest; gradients by delays and by weights."""
    net = npl.Network("delays")
    first, second = net.population("first", LIFExp(), 6), net.population("second", LIFExp(), 4)
    net.stimulate(first, npl.Step(np.linspace(600, 1200, 6) * pA), input="current")
    net.project(first, second, npl.AllToAll(), weight=3000 * pA, delay=1 * ms, port="exc", name="there")
    rule, factor, _ = recurrent_edges(4, 6, 30, 1)
    net.project(second, first, rule, weight=300 * factor * pA, delay=0.4 * ms, port="exc", name="back")
    net.probe(second, "v", name="v")
    roll = Rollout(net, precision="float64", surrogate=surrogate("superspike", width=0.3), delays={"there": 2 * ms, "back": 1.5 * ms})
    delays = {n: np.random.default_rng(k).uniform(0.1, longest, roll.parameters["weights"][n].size) for k, (n, longest) in enumerate((("there", 2.0), ("back", 1.5)))}
    delays["there"][:3] = 0.1, 0.7, 2.0
    held = {"delays": delays, "weights": roll.parameters["weights"]}
    (value, spikes), (found, *_) = both(roll, Native(threads=1), roll.inputs(400), held)
    (truth, expected), (reference, *_) = both(roll, "jax", roll.inputs(400), held)
    assert spikes["second"].sum() > 5
    assert jax.tree.all(jax.tree.map(np.array_equal, spikes, expected))
    np.testing.assert_allclose(value, truth, rtol=1e-11)
    assert_near(found, reference, 1e-10)
    assert all(np.any(g != 0) for g in reference["delays"].values())


def test_a_population_with_given_spikes_sends_its_states_and_is_probed():
    """They stay as they are at the start, and gradients reach them there."""
    net = npl.Network("given")
    a, b = net.population("a", LIFExp(), 3), net.population("b", LIFExp(), 2)
    net.project(a, b, npl.AllToAll(), weight=np.ones((3, 2)) * 100 * pA, delay=0.2 * ms, input="current", synapse=npl.Graded(lambda s, p: npl.maths.tanh(s.v / (50 * mV))))
    net.probe(a, "v", name="a")
    net.probe(b, "v", name="b")
    roll = Rollout(net, precision="float64", surrogate=surrogate("superspike", width=0.3))
    inputs = {**roll.inputs(50), "spikes": {"a": {"step": np.array([3, 7]), "neuron": np.array([0, 2])}}}
    (value, _), found = both(roll, "native", inputs)
    (truth, _), reference = both(roll, "jax", inputs)
    np.testing.assert_allclose(value, truth, rtol=1e-11)
    assert_near(found, reference, 1e-10)
    assert np.all(reference[1]["neurons"]["a"]["v"] != 0)
