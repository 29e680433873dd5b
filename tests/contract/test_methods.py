"""Methods of training against backpropagation through time, and against what theory says of them.

Why to believe it: forward mode and whole windows have the same derivative as BPTT, to rounding; e-prop is BPTT without the paths from hidden neuron to
hidden neuron, so it equals BPTT where there are none, and BPTT of a network whose recurrent spikes are played back from a list where there are.
"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neuropil as npl
from neuropil.errors import ModelError
from neuropil.learn import FreeParameters, Rollout, Trainable
from neuropil.learn.methods import EProp, Method, Truncated, compare_gradients, method_of
from neuropil.model import AllToAll, FixedProbability, Network, Normal, Poisson
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

STEPS = 200


def network(recurrent: bool) -> Network:
    net = Network("methods")
    relay = net.population("relay", Relay(), 8)
    net.stimulate(relay, Poisson(120 * Hz), port="spikes", weight=1.0)
    hidden = net.population("hidden", LIFExp(tau_exc=2 * ms, t_ref=1 * ms), 10)
    out = net.population("out", LeakyReadout(), 2)
    net.project(relay, hidden, FixedProbability(0.7), weight=Normal(400 * pA, 200 * pA), delay=0.5 * ms, port="exc", name="in")
    if recurrent:
        net.project(hidden, hidden, AllToAll(allow_self=False), weight=Normal(0 * pA, 150 * pA), delay=1 * ms, port="exc", name="rec")
    net.project(hidden, out, AllToAll(), weight=Normal(0.0, 1.0), delay=0.3 * ms, port="syn", name="out")
    net.probe(out, "y", name="v")
    return net


@cache
def free(recurrent: bool) -> FreeParameters:
    net = network(recurrent)
    asked = [Trainable(p, "weight") for p in net.projections]
    asked += [Trainable(net["hidden"], n, bounds=b) for n, b in (("tau_m", None), ("v_th", (-60 * mV, -40 * mV)))]
    asked += [Trainable(net["hidden"], "v"), Trainable(net["out"], "tau")]
    return FreeParameters(Rollout(net, precision="float64", surrogate="triangle"), asked)


def loss(rolled):
    wanted = np.sin(np.arange(STEPS) / 20.0)
    return jnp.mean((rolled.traces["v"] - wanted[:, None]) ** 2) + 0.01 * jnp.mean(jnp.sum(rolled.spikes["hidden"], axis=0) ** 2)


def gradients(recurrent: bool, *methods):
    of = free(recurrent)
    made = compare_gradients(of, loss, of.rollout.inputs(STEPS), ["bptt", *methods], show=False)
    assert len(set(np.round(list(made.values.values()), 12))) == 1
    assert np.isfinite(made.norm("bptt")) and all(made.norm("bptt", n) > 0 for n in of.start)
    return made


def equal(made, method, rtol=1e-9):
    for label, truth in made.gradients["bptt"].items():
        np.testing.assert_allclose(made.gradients[method][label], truth, rtol=rtol, atol=rtol * np.abs(truth).max(), err_msg=f"{method} {label}")


def test_methods_equal_bptt_where_theory_says_so():
    """Without recurrence e-prop does; forward mode and one window as long as the run do in any case."""
    made = gradients(False, "eprop", method_of("forward"), Truncated(STEPS))
    for method in ("eprop", "forward", "truncated"):
        equal(made, method)
    assert "cosine" in str(made) and "in.weight" in str(made)


@pytest.mark.slow
def test_recurrent_networks():
    """Cosines to BPTT: symmetric feedback is near, more so for recurrent weights; a window loses what lies before it; the loss itself is the same."""
    made = gradients(True, EProp(), EProp("random"), Truncated(30), Truncated(STEPS))
    names = [m for m in made.gradients if m != "bptt"]
    cosine = {m: made.cosine(m) for m in names}
    assert 0.7 < cosine[names[0]] < 0.9999 and made.cosine(names[0], "rec.weight") > 0.9
    assert cosine[names[0]] > cosine[names[1]]
    equal(made, names[3])
    assert 0.3 < cosine[names[2]] < 0.9999


def test_eprop_cuts_the_paths_between_hidden_neurons_and_no_others():
    """Recurrent spikes that are played back from a list have no derivative: BPTT of that network is e-prop of the recurrent one."""
    of = free(True)
    rollout, inputs = of.rollout, of.rollout.inputs(STEPS)
    spikes = np.asarray(rollout.run(STEPS).spikes["hidden"])
    twin = network(True)
    relay = twin.population("played", Relay(), 10)
    twin.project(relay, twin["hidden"], AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", name="played")
    played = Rollout(twin, precision="float64", surrogate="triangle")
    given = {**inputs, "events": {**inputs["events"], "played": {"spikes": spikes}}}

    def of_list(weights):
        parameters = {**played.parameters, "weights": {**rollout.parameters["weights"], "rec": np.zeros(90), "played": jnp.zeros((10, 10)).at[~np.eye(10, dtype=bool)].set(weights).ravel()}}
        return loss(played.apply(parameters, played.initial(), given))

    def by_eprop(weights):
        parameters = {**rollout.parameters, "weights": {**rollout.parameters["weights"], "rec": weights}}
        return loss(EProp().apply(rollout, parameters, rollout.initial(), inputs))

    with jax.enable_x64(True):
        start = jnp.asarray(rollout.parameters["weights"]["rec"])
        truth, found = (np.asarray(jax.jit(jax.grad(f))(start)) for f in (of_list, by_eprop))
    assert np.abs(truth).max() > 0
    np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-9 * np.abs(truth).max())


def test_batches_and_learned_feedback():
    """A batch gives the sum over samples; learned feedback gets the gradient of the weights that it stands for."""
    of = free(True)
    rollout = of.rollout
    inputs = rollout.inputs(60)
    twice = {**inputs, "events": jax.tree.map(lambda a: np.stack([a, a[::-1]]), inputs["events"])}
    method = EProp("learned")
    start = method.start(rollout, of.start)
    assert set(start) - set(of.start) == {"feedback of out"}
    with jax.enable_x64(True):
        run = jax.jit(method.gradient(rollout, of.values, lambda rolled: (jnp.sum(rolled.traces["v"] ** 2), None)))
        whole = run(start, twice)[1]
        parts = [run(start, {**inputs, "events": jax.tree.map(lambda a, k=k: a[k], twice["events"])})[1] for k in (0, 1)]
    for label in start:
        np.testing.assert_allclose(whole[label], np.asarray(parts[0][label]) + np.asarray(parts[1][label]), rtol=1e-9, atol=1e-12, err_msg=label)
    a, b = np.asarray(whole["feedback of out"]), np.asarray(whole["out.weight"])
    np.testing.assert_allclose(a * b[np.argmax(np.abs(b))], b * a[np.argmax(np.abs(b))], rtol=1e-9)


def test_what_methods_do_not_support_is_refused():
    of = free(False)
    for given, words in (("backprop", "no method of training"), (3, "not a method")):
        with pytest.raises(ModelError, match=words):
            method_of(given)
    for make in (lambda: Truncated(0), lambda: EProp("mirror"), lambda: EProp(decay=-1.0)):
        with pytest.raises(ModelError):
            make()
    with pytest.raises(ModelError, match="too many free numbers"):
        method_of("forward").gradient(of.rollout, of.values, loss)({n: np.zeros(1000) for n in of.start}, of.rollout.inputs(5))
    from neuropil.zoo.plasticity.fast_weights import FastWeights

    net = Network("plastic")
    a, b = net.population("a", Relay(), 2), net.population("b", LIFExp(), 2)
    net.project(a, b, AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", synapse=FastWeights())
    for name in ("eprop", "eventprop"):
        with pytest.raises(ModelError, match="synapse model"):
            method_of(name).check(Rollout(net))
    assert isinstance(method_of(EProp()), Method)


def test_fit_takes_methods():
    """e-prop and a window give fit the same loss and another gradient, with learned feedback too; what a method cannot do is said before training."""
    random = np.random.default_rng(1)
    x, y = random.uniform(size=(8, 4)), random.integers(0, 2, 8)
    net = Network("fitted")
    source, hidden, out = net.population("input", Relay(), 4), net.population("hidden", LIFDelta(t_ref=1 * ms), 6), net.population("output", LeakyReadout(), 2)
    net.project(source, hidden, AllToAll(), weight=Normal(4 * mV, 4 * mV), delay=1 * ms, port="syn", name="in")
    net.project(hidden, out, AllToAll(), weight=Normal(0.0, 0.5), delay=1 * ms, port="syn", name="out")
    options = {"encoder": npl.data.LatencyEncoder(10 * ms, least=0.05), "epochs": 1, "batch": 8, "checks": False, "backend": "jax", "precision": "float64", "learning_rate": 0.1}
    weights = {}
    for method in ("bptt", EProp(), EProp("learned"), Truncated(2)):
        made = npl.fit(net, (x, y), method=method, **options)
        weights[getattr(method, "label", method)] = [np.asarray(p.weight) for p in made.network.projections]
        assert set(made.facts["trained"]) == {"in.weight", "out.weight"}
    (inner, outer), learned = weights["bptt"], EProp("learned").label
    np.testing.assert_allclose(weights[EProp().label][0], inner, rtol=1e-6)  # no recurrence
    np.testing.assert_allclose(weights[learned][1], outer, rtol=1e-6)  # the readout needs no way back
    assert all(np.abs(weights[m][0] - inner).max() > 1e-3 for m in (learned, Truncated(2).label))
    for method, words in (("eventprop", "move the threshold's state"), ("adjoint", "no method of training")):
        with pytest.raises(ModelError, match=words):
            npl.fit(net, (x, y), method=method, **options)
