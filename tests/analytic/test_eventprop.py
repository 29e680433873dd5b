"""EventProp's gradients against finite differences of spike times in continuous time.

Why to believe it: spike times are found from closed solutions of the membrane by bisection, without a grid; loss and gradients on the grid approach
theirs as dt, through a chain of neurons that spike several times, with delays, refractoriness and a neuron's inhibition of itself.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from neuropil.errors import ModelError
from neuropil.learn import Rollout
from neuropil.learn.methods import EventProp
from neuropil.model import Edges, Network, OneToOne, SpikeList
from neuropil.units import ms, mV, pA
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

C, TAU, TAU_S, REST, THRESHOLD, HOLD, END = 250.0, 10.0, 5.0, -65.0, -50.0, 2.0, 40.0
DRAWS, NAMES = 8, ("first", "second", "onward", "back", "threshold", "tau_m")


def network() -> Network:
    net = Network("chain")
    relay = net.population("relay", Relay(), 2)
    net.stimulate(relay, SpikeList(np.array([1.0, 4.0]) * ms, np.array([0, 1])), port="spikes", weight=1.0)
    model = LIFExp(tau_exc=TAU_S * ms, tau_inh=TAU_S * ms, t_ref=HOLD * ms)
    a, b = net.population("a", model, 1), net.population("b", model, 1)
    net.project(relay, a, Edges(np.array([0, 1]), np.array([0, 0])), weight=1 * pA, delay=1 * ms, port="exc", name="in")
    net.project(a, b, OneToOne(), weight=1 * pA, delay=1 * ms, port="exc", name="onward")
    net.project(b, b, OneToOne(), weight=-1 * pA, delay=2 * ms, port="inh", name="back")
    return net


def train(events: list[tuple[float, float]], threshold: float, tau: float, back: float) -> list[float]:
    """Spike times of a neuron: events are (time, jump of the current), `back` the jump that each spike sends to the neuron itself after 2 ms."""
    t, v, i, hold = 0.0, REST, 0.0, -1.0
    out: list[float] = []

    def after(h: float) -> float:
        part = (np.exp(-h / tau) - np.exp(-h / TAU_S)) * (tau * TAU_S) / (tau - TAU_S)
        return REST + (v - REST) * np.exp(-h / tau) + i / C * part

    while t < END:
        held = t < hold - 1e-12
        end = min([END, *(e for e, _ in events if e > t + 1e-12), *([hold] if held else [])])
        if not held:
            grid = np.linspace(0.0, end - t, 80)
            crossed = np.flatnonzero((after(grid[1:]) >= threshold) & (after(grid[:-1]) < threshold))
            if crossed.size:
                h = brentq(lambda h: after(h) - threshold, grid[crossed[0]], grid[crossed[0] + 1], xtol=1e-14)
                t, v, i, hold = t + h, REST, i * np.exp(-h / TAU_S), t + h + HOLD
                out.append(t)
                events = [*events, (t + 2.0, back)] if back else events
                continue
            v = after(end - t)
        i, t = i * np.exp(-(end - t) / TAU_S), end
        i += sum(w for e, w in events if abs(e - t) < 1e-12)
    return out


def continuous(x: np.ndarray) -> tuple[float, int]:
    """The loss, and how many spikes there are."""
    first, second, onward, back, threshold, tau = x
    a = train([(2.0, first), (5.0, second)], threshold, tau, 0.0)
    b = train([(t + 1.0, onward) for t in a], THRESHOLD, TAU, back)
    return sum(t**2 for t in b) / 50.0, 100 * len(a) + len(b)


def on_grid(dt: float) -> Callable[[jax.Array], jax.Array]:
    rollout, method = Rollout(network(), dt=dt * ms, precision="float64"), EventProp()
    method.check(rollout)
    steps = round(END / dt)
    inputs, times = rollout.inputs(steps), np.arange(1, steps + 1) * dt

    def loss(x: jax.Array) -> jax.Array:
        p = rollout.parameters
        weights = {"in": x[:2], "onward": x[2:3], "back": x[3:4]}
        neurons = {**p["neurons"], "a": {**p["neurons"]["a"], "v_th": x[4], "tau_m": x[5]}}
        rolled = method.apply(rollout, {**p, "weights": weights, "neurons": neurons}, rollout.initial(), inputs)
        return jnp.sum(rolled.spikes["b"][:, 0] * times**2) / 50.0

    return jax.jit(jax.vmap(jax.grad(loss)))


def test_gradients_approach_those_of_continuous_spike_times_as_the_step():
    rng = np.random.default_rng(3)
    draws, truth = [], []
    while len(draws) < DRAWS:
        x = np.array([rng.uniform(1800, 4500), rng.uniform(500, 3000), rng.uniform(1500, 3500), rng.uniform(-600, -100), rng.uniform(-52, -48), rng.uniform(8, 14)])
        spikes, slopes = {continuous(x)[1]}, []
        for k, h in enumerate((1e-2, 1e-2, 1e-2, 1e-2, 1e-5, 1e-5)):
            ends = [continuous(x + sign * h * np.eye(6)[k]) for sign in (1, -1)]
            spikes |= {n for _, n in ends}
            slopes.append((ends[0][0] - ends[1][0]) / (2 * h))
        if len(spikes) == 1 and spikes.pop() % 100 >= 2 and np.abs(slopes[0]) < 0.05:  # no spike about to appear, none that grazes the threshold
            draws.append(x)
            truth.append(slopes)
    expected = np.array(truth)
    error = []
    with jax.enable_x64(True):
        for dt in (0.1, 0.05, 0.025):
            found = np.asarray(on_grid(dt)(jnp.asarray(draws)))
            error.append(np.median(np.abs(found - expected), axis=0) / np.median(np.abs(expected), axis=0))
    error = np.array(error)
    assert np.all(error[2] < 0.05), dict(zip(NAMES, error[2], strict=True))
    order = np.log2(error[0] / error[2]) / 2
    assert 0.7 < np.mean(order) < 1.5, dict(zip(NAMES, order, strict=True))


def test_a_loss_of_traces_that_jump_has_the_gradient_of_its_integral():
    """A readout that jumps at every spike and decays, and the neuron's own potential, which is reset: the mean square of both over time, from closed forms."""
    tau_y, weight, level = 8.0, 1.0, 0.4
    net = network()
    out = net.population("out", LeakyReadout(tau=tau_y * ms), 1)
    net.project(net["a"], out, OneToOne(), weight=weight, delay=1 * ms, port="syn", name="read")
    net.probe(out, "y", name="y")

    def integral(x: np.ndarray) -> tuple[float, int]:
        """(1 / END) of the integral of (y - level)²."""
        first, second, threshold, tau = x
        s = np.array([t + 1.0 for t in train([(2.0, first), (5.0, second)], threshold, tau, 0.0) if t + 1.0 < END])
        i, j = np.meshgrid(s, s)
        last = np.maximum(i, j)
        square = weight**2 * tau_y / 2 * (np.exp((i + j - 2 * last) / tau_y) - np.exp((i + j - 2 * END) / tau_y)).sum()
        return float(square - 2 * level * weight * tau_y * (1 - np.exp((s - END) / tau_y)).sum()) / END + level**2, len(s)

    x, truth = np.array([4000.0, 2500.0, -50.5, 10.0]), []
    for k, h in enumerate((1e-2, 1e-2, 1e-5, 1e-5)):
        (above, n), (below, m) = (integral(x + sign * h * np.eye(4)[k]) for sign in (1, -1))
        assert n == m >= 2
        truth.append((above - below) / (2 * h))
    rollout, method = Rollout(net, dt=0.025 * ms, precision="float64"), EventProp()
    steps = round(END / 0.025)
    inputs = rollout.inputs(steps)

    def loss(x: jax.Array) -> jax.Array:
        p = rollout.parameters
        neurons = {**p["neurons"], "a": {**p["neurons"]["a"], "v_th": x[2], "tau_m": x[3]}}
        return jnp.mean((method.apply(rollout, {**p, "weights": {**p["weights"], "in": x[:2]}, "neurons": neurons}, rollout.initial(), inputs).traces["y"] - level) ** 2)

    with jax.enable_x64(True):
        found = np.asarray(jax.jit(jax.grad(loss))(jnp.asarray(x)))
    np.testing.assert_allclose(found, truth, rtol=0.1)


def test_networks_of_another_kind_are_refused():
    net = Network("jumps")
    relay, jumping = net.population("relay", Relay(), 1), net.population("jumping", LIFDelta(), 1)
    net.project(relay, jumping, OneToOne(), weight=1 * mV, delay=1 * ms, port="syn")
    with pytest.raises(ModelError, match="move the threshold's state at once"):
        EventProp().check(Rollout(net))
