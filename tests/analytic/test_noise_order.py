"""Stochastic integrators converge with the strong order that they declare, and Ornstein-Uhlenbeck processes have their law.

Strong order: the same Brownian paths drive steps of several lengths. The increment of a coarse step is the sum of the fine ones within it,
given to the inputs in place of the noise that a network draws. Where there is a closed form of the path it is the reference, else a run with
steps 16 times shorter than the shortest compared.
"""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2, norm

import neuropil as npl
from neuropil.engine import Simulation
from neuropil.errors import ModelError
from neuropil.learn import Rollout
from neuropil.lower.classify import classify
from neuropil.lower.trace import TracedNeuron
from neuropil.maths import sqrt, tanh
from neuropil.model import Input, Network, Neuron, State, TimeArray
from neuropil.oracle import simulate
from neuropil.units import Time, cm, ms, mV, uF, um
from neuropil.zoo.neurons.channel_noise import ChannelNoise
from neuropil.zoo.neurons.hodgkin_huxley import rates

PATHS, DURATION, FINEST = 1500, 6.4, 0.0125  # ms
STEPS = (0.8, 0.4, 0.2)  # ms


class Geometric(Neuron):
    """dy = -y/τ dt + σ y dW: y = y_0 exp(-(1/τ + σ²/2) t + σ W) in the sense of Itô."""

    tau: Time = 20 * ms
    tau_noise: Time = 16 * ms
    y = State(1.0)
    noise = Input(1.0)

    def derivative(self, s, x):
        return {"y": -s.y / self.tau + s.y * x.noise / sqrt(self.tau_noise * ms)}


class GeometricEuler(Geometric):
    integrator = "euler"


class TwoLevels(Geometric):
    """Diffusions that depend on the other state: noise that is not diagonal."""

    u = State(1.0)
    noise_u = Input(1.0)

    def derivative(self, s, x):
        return {"y": -s.y / self.tau + s.u * x.noise / sqrt(self.tau_noise * ms), "u": s.y * x.noise_u / sqrt(self.tau_noise * ms)}


class Wells(Geometric):
    """Additive noise in a nonlinear equation."""

    def derivative(self, s, x):
        return {"y": (s.y - s.y**3) / (5 * ms) + x.noise / sqrt(self.tau_noise * ms)}


class WellsEuler(Wells):
    integrator = "euler"


class Coloured(Geometric):
    """An Ornstein-Uhlenbeck process that drives another state, exactly advanced, and a third, by exponential Euler."""

    z = State(0.0)
    q = State(0.0)

    def derivative(self, s, x):
        return {"y": -s.y / (5 * ms) + x.noise / sqrt(self.tau_noise * ms), "z": (s.y - s.z) / (5 * ms), "q": (s.y - s.q) * (1 + tanh(s.z)) / (5 * ms)}


class Bent(Geometric):
    """A diffusion that is no product of the state and a constant."""

    def derivative(self, s, x):
        return {"y": -s.y / self.tau + sqrt(1 + s.y * s.y) * x.noise / sqrt(self.tau_noise * ms)}


CASES = {
    Geometric: ("milstein", 1.0, "y"), GeometricEuler: ("euler", 0.5, "y"), TwoLevels: ("euler", 0.5, "y"), Wells: ("rk4", 1.0, "y"), WellsEuler: ("euler", 1.0, "y"),
    Bent: ("milstein", 1.0, "y"), Coloured: ("exponential_euler", 1.0, "q"),
}  # fmt: skip


@cache
def fine(seed):
    """Increments of Brownian paths over the finest steps, [steps, paths], √ms."""
    return np.random.default_rng(seed).normal(scale=np.sqrt(FINEST), size=(round(DURATION / FINEST), PATHS))


def driven(model, dt):
    """A network whose noise is given: the means of white noise over steps of dt."""
    net = Network("paths")
    pop = net.population("pop", model(), PATHS)
    for k, drive in enumerate(net.drives):
        steps = round(DURATION / dt)
        means = fine(k).reshape(steps, -1, PATHS).sum(axis=1) / dt
        net.drives[k] = dataclasses.replace(drive, stimulus=TimeArray(means, dt * ms))
    for name in model.spec.states:
        net.probe(pop, name, interval=DURATION * ms)
    return net


def by_engine(model, dt, state):
    return np.asarray(npl.run(driven(model, dt), DURATION * ms, dt=dt * ms, precision="float64", threads=1).traces[f"pop.{state}"].values)[-1]


@cache
def reference(model, state):
    if model in (Geometric, GeometricEuler):
        return np.exp(-(1 / 20 + 1 / 32) * DURATION + fine(0).sum(axis=0) / 4)
    return by_engine(model, FINEST, state)


@pytest.mark.parametrize("model", CASES, ids=lambda m: m.__name__)
def test_the_observed_strong_order_is_the_declared_one(model):
    method, order, state = CASES[model]
    scheme = classify(TracedNeuron(model()))
    assert scheme.method == method and scheme.noise.strong_order(method) == order
    assert all(f"strong order {order}" in scheme.reasons[i] for i in scheme.noise.of)
    errors = [np.sqrt(np.mean((by_engine(model, dt, state) - reference(model, state)) ** 2)) for dt in STEPS]
    slope = np.polyfit(np.log(STEPS), np.log(errors), 1)[0]
    assert order - 0.15 < slope < order + 0.35, (errors, slope)


@pytest.mark.parametrize("model", [Geometric, TwoLevels, Coloured, Bent], ids=lambda m: m.__name__)
def test_oracle_and_rollout_take_the_same_steps(model):
    state, dt = CASES[model][2], STEPS[0]
    engine, net = by_engine(model, dt, state), driven(model, dt)
    found = simulate(net, DURATION * ms, dt=dt * ms).traces[f"pop.{state}"]
    rolled = Rollout(net, dt=dt * ms, precision="float64").run(DURATION * ms).traces[f"pop.{state}"]
    np.testing.assert_allclose(engine, np.asarray(rolled)[-1], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(engine, np.asarray(getattr(found, "values", found))[-1], rtol=1e-11, atol=1e-12)


# --- moments ------------------------------------------------------------------------------------------------------------

ALARM = 1e-7
"""The chance that a correct program fails one of the comparisons of moments."""

N = 20_000


class Process(Neuron):
    """An Ornstein-Uhlenbeck process of mean 0 and deviation 1."""

    tau: Time = 5 * ms
    y = State(0.0)
    noise = Input(1.0)

    def derivative(self, s, x):
        return {"y": -s.y / self.tau + sqrt(2 / (self.tau * ms)) * x.noise}


@pytest.mark.parametrize("dt", [0.5, 5.0])
def test_ornstein_uhlenbeck_processes_have_their_law_at_any_step(dt):
    """From 0, of variance 1 - exp(-2 t / τ) at t; the correlation over a time is exp(-t / τ). The other step is as long as τ."""
    net = Network("law")
    pop = net.population("pop", Process(), N)
    net.probe(pop, "y", interval=5 * ms)
    y = np.asarray(npl.run(net, 10 * ms, dt=dt * ms, seed=4).traces["pop.y"].values, float)
    for at, row in zip((5.0, 10.0), y, strict=True):
        variance = 1 - np.exp(-2 * at / 5)
        assert abs(row.mean()) < norm.isf(ALARM / 2) * np.sqrt(variance / N)
        low, high = chi2.ppf([ALARM / 2, 1 - ALARM / 2], N) * variance / N
        assert low < np.mean(row**2) < high
    left = y[1] - np.exp(-1.0) * y[0]  # what the noise of the second half brings: independent of the first
    low, high = chi2.ppf([ALARM / 2, 1 - ALARM / 2], N) * (1 - np.exp(-2.0)) / N
    assert low < np.mean(left**2) < high
    assert abs(np.corrcoef(left, y[0])[0, 1]) < norm.isf(ALARM / 2) / np.sqrt(N)


def test_channels_in_voltage_clamp_are_open_with_the_variance_of_independent_ones():
    """A capacitance without bounds holds the potential. Of N channels the share p is open; the step's error of the variance is below 1 %."""
    net = Network("clamped")
    patches = net.population("patches", ChannelNoise(c_m=1e9 * uF / cm**2, area=100 * um**2), 3000, initial={"v": -40 * mV})
    with Simulation(net, dt=0.025 * ms, seed=2, precision="float64") as simulation:
        simulation.step(1200)
        open_k, open_na = (sum(np.asarray(simulation.state("patches", f"{name}_{i}").value) for i in range(1, last)) for name, last in (("k", 5), ("na", 8)))
    m, h, n = (float((a / (a + b)).value if hasattr(a, "value") else a / (a + b)) for a, b in rates(-40 * mV))
    for found, p, channels in ((open_k, n**4, 1800), (open_na, m**3 * h, 6000)):
        low, high = chi2.ppf([ALARM / 2, 1 - ALARM / 2], patches.size) / patches.size
        assert 0.99 * low < np.mean(found**2) / (p * (1 - p) / channels) < 1.01 * high


# --- what is refused ---------------------------------------------------------------------------------------------------------


def test_what_no_integrator_can_do_is_refused():
    class Squared(Geometric):
        def derivative(self, s, x):
            return {"y": x.noise * x.noise / ms}

    class Stratonovich(Geometric):
        integrator = "heun"

    class NotDiagonal(TwoLevels):
        integrator = "milstein"

    for model, message in ((Squared, "not linear in noise"), (Stratonovich, "diffusion of 'y'"), (NotDiagonal, "diffusion of")):
        net = Network("refused")
        net.population("pop", model(), 2)
        with pytest.raises(ModelError, match=message):
            Simulation(net)
        with pytest.raises(ModelError, match=message):
            simulate(net, 1 * ms)


@pytest.mark.parametrize(
    "change", [{"correction": (0, 1, -1)}, {"increment": (0.5, 0, 0)}, {"diffusion": ((), (1,), (1,))}], ids=lambda c: next(iter(c))
)
def test_a_tableau_that_is_not_of_strong_order_1_is_refused(change):
    given = {"diffusion": ((), (1,), (-1,)), "increment": (1, 0, 0), "correction": (0, 0.5, -0.5)} | change
    with pytest.raises(ModelError, match="strong order"):
        npl.model.base.integrators.StochasticTableau("false", 1, a=((),), b=(1,), c=(0,), title="", citation="", **given)


def test_a_rollout_with_the_same_noise_and_its_gradient():
    import jax

    net = Network("learned")
    pop = net.population("pop", Bent(), 3)
    net.probe(pop, "y")
    with jax.enable_x64():
        rollout = Rollout(net, dt=0.1 * ms, seed=5, precision="float64")
        inputs = rollout.inputs(20)

        def loss(tau):
            parameters = {**rollout.parameters, "neurons": {"pop": {**rollout.parameters["neurons"]["pop"], "tau_noise": tau}}}
            return (rollout.apply(parameters, rollout.initial(), inputs).traces["pop.y"][-1] ** 2).sum()

        tau = np.float64(16.0)
        slope = float(jax.grad(loss)(tau))
        assert slope == pytest.approx(float(loss(tau + 1e-4) - loss(tau - 1e-4)) / 2e-4, rel=1e-6) and slope != 0
        engine = np.asarray(npl.run(net, 2 * ms, seed=5, precision="float64").traces["pop.y"].values)
        assert float(loss(tau)) == pytest.approx((engine[-1] ** 2).sum(), rel=1e-12)
