"""What a rollout is given: unknown names, missing keys and shapes that happen to broadcast are errors; gradients do not vanish."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuropil.errors import ModelError
from neuropil.learn import Rollout
from neuropil.learn.surrogate import SHAPES
from neuropil.model import AllToAll, Network
from neuropil.units import ms, mV
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.relay import Relay

STEPS = 12


def rollout(weight: float = 3.0, surrogate: str | None = "superspike", initial: Any = None) -> Rollout:
    network = Network("two")
    source, target = network.population("a", Relay(), 5), network.population("b", LIFDelta(), 4, initial=initial)
    network.project(source, target, AllToAll(), weight=weight * mV, delay=1 * ms, port="syn", name="w")
    return Rollout(network, dt=1 * ms, surrogate=surrogate)


ROLL = rollout()
EVENTS = (np.random.default_rng(0).uniform(size=(STEPS, 5)) < 0.3).astype(np.float32)


def given() -> dict[str, Any]:
    inputs = ROLL.inputs(STEPS)
    inputs["events"]["a"] = {"spikes": EVENTS}
    return inputs


def changed(change: Callable[[Any], Any]) -> dict[str, Any]:
    tree = given()
    change(tree)
    return tree


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda i: i["events"].update(A=i["events"].pop("a")), "unknown name 'A'.*a, b"),
        (lambda i: i["events"]["a"].update(spike=EVENTS), "unknown name 'spike'.*did you mean 'spikes'"),
        (lambda i: i["events"]["a"].update(spikes=EVENTS[:, 0]), r"shape \(12,\).*\(12, 5\)"),
        (lambda i: i["events"]["a"].update(spikes=EVENTS[:, :1]), r"shape \(12, 1\)"),
        (lambda i: i["events"]["a"].update(spikes=EVENTS[:, :3]), r"shape \(12, 3\)"),
        (lambda i: i["events"]["a"].update(spikes=EVENTS[:8]), r"shape \(8, 5\)"),
        (lambda i: i["currents"].update(b={"curent": np.zeros((STEPS, 4))}), "unknown name 'curent'"),
        (lambda i: i["currents"].update(b={"current": np.zeros(4)}), r"shape \(4,\)"),
        (lambda i: i.update(uniform={"a": np.zeros((STEPS, 5))}), "unknown name 'a'"),
        (lambda i: i.update(modulators={"w": np.zeros(STEPS)}), "unknown name 'w'"),
        (lambda i: i.update(event={}), "unknown name 'event'.*did you mean 'events'"),
        (lambda i: i.pop("step"), "lacks 'step'"),
        (lambda i: i.update(events=[EVENTS]), "must be a mapping"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(change: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(ModelError, match=f"(?s){said}"):
        ROLL.run(STEPS, inputs=changed(change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p["weights"].update(w=np.zeros((5, 4))), r"shape \(5, 4\).*\(20,\)"),
        (lambda p: p["weights"].update(w=1.0), r"shape \(\)"),
        (lambda p: p["weights"].update(ww=1.0), "unknown name 'ww'"),
        (lambda p: p["weights"].pop("w"), "lacks 'w'"),
        (lambda p: p["neurons"]["b"].update(tua_m=1.0), "unknown name 'tua_m'.*did you mean 'tau_m'"),
        (lambda p: p["neurons"]["b"].update(tau_m=np.ones(3)), r"shape \(3,\)"),
        (lambda p: p["neurons"].pop("a"), "lacks 'a'"),
        (lambda p: p.pop("weights"), "lacks 'weights'"),
        (lambda p: p["synapses"].update(w={}), "unknown name 'w'"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(change: Callable[[Any], Any], said: str) -> None:
    parameters = copy.deepcopy(ROLL.parameters)
    change(parameters)
    with pytest.raises(ModelError, match=f"(?s){said}"):
        ROLL.run(STEPS, parameters, given())


def test_a_state_that_does_not_fit_is_refused() -> None:
    state = ROLL.initial()
    state["neurons"]["b"]["v"] = np.zeros(1, np.float32)
    with pytest.raises(ModelError, match=r"(?s)\['v'\].*shape \(1,\).*\(4,\)"):
        ROLL.apply(ROLL.parameters, state, given())
    del state["neurons"]["b"]["v"]
    with pytest.raises(ModelError, match="no entry"):
        ROLL.apply(ROLL.parameters, state, given())


def test_one_parameter_may_differ_between_neurons() -> None:
    """What was one number may be one for each neuron, and the same for all gives the same."""
    parameters = copy.deepcopy(ROLL.parameters)
    parameters["neurons"]["b"]["tau_m"] = np.full(4, parameters["neurons"]["b"]["tau_m"])
    one, each = ROLL.run(STEPS, inputs=given()), ROLL.run(STEPS, parameters, given())
    np.testing.assert_allclose(one.state["neurons"]["b"]["v"], each.state["neurons"]["b"]["v"], rtol=1e-6)


def slope(roll: Rollout) -> float:
    """Mean |gradient| of the target's spikes by the weights."""

    def spikes(weights: Any) -> Any:
        inputs = {**roll.inputs(STEPS), "events": {"a": {"spikes": EVENTS}}}
        return roll.apply({**roll.parameters, "weights": {"w": weights}}, roll.initial(), inputs).spikes["b"].sum()

    return float(jnp.abs(jax.grad(spikes)(jnp.asarray(roll.parameters["weights"]["w"]))).mean())


@pytest.mark.parametrize("shape", SHAPES)
def test_the_automatic_scale_leaves_a_silent_network_a_gradient(shape: str) -> None:
    """Weights too small for any spike: training can begin only if the gradient is not zero, whatever the shape."""
    assert slope(rollout(1e-3, shape)) > 1e-5


def test_the_automatic_scale_is_not_that_of_a_start_at_threshold() -> None:
    near, usual = rollout(initial={"v": -50.001 * mV}), rollout()
    assert near._neurons["b"].scale == usual._neurons["b"].scale == 15.0
    assert slope(near) > 1e-3
