"""Noise of channels: strong orders with the potential frozen, the law of an Ornstein-Uhlenbeck state, and the variance of open channels in voltage clamp.

A capacitance without bounds holds the potential of cells of one compartment.
"""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2, norm

import neuropil as npl
from contract.noisy_cells import Langevin
from neuropil.lower.classify import classify
from neuropil.lower.traced_mechanism import TracedMechanism
from neuropil.maths import exp, sqrt
from neuropil.model import Channel, FixedCount, Input, Morphology, Network, State, TimeArray
from neuropil.model.cell.cell import Cell
from neuropil.units import Time, kHz, ms, mV, uF, um
from neuropil.units import cm as cm_
from neuropil.zoo.channels.squid_channel_noise import NoisySquidPotassium, NoisySquidSodium
from neuropil.zoo.synapses.fluctuating_conductances import FluctuatingConductances

pytestmark = pytest.mark.filterwarnings("ignore:.*is coarse")  # for spikes, of which there are none
PATHS, DURATION, FINEST = 1200, 3.2, 0.00625  # ms
STEPS = (0.4, 0.2, 0.1)  # ms
CLAMP = -45.0
POTASSIUM, SODIUM = [f"NoisySquidPotassium.k_{i}" for i in range(1, 5)], [f"NoisySquidSodium.na_{i}" for i in range(1, 8)]
ALARM = 1e-7
"""The chance that a correct program fails one of the comparisons of moments."""


class Process(Channel):
    """An Ornstein-Uhlenbeck process of mean 0 and deviation 1; without a current."""

    tau: Time = 2 * ms
    y = State(0.0)
    noise = Input(1.0)

    def derivative(self, s, x):
        return {"y": -s.y / self.tau + sqrt(2 / (self.tau * ms)) * x.noise}


class Geometric(Channel):
    """dx = -x/τ(v) dt + σ x dW: x = x_0 exp(-(1/τ + σ²/2) t + σ W) in the sense of Itô."""

    tau_noise: Time = 9 * ms
    x = State(1.0)
    v = Input(mV)
    noise = Input(1.0)

    def derivative(self, s, x):
        return {"x": -0.05 * kHz * exp((x.v - CLAMP * mV) / (10 * mV)) * s.x + s.x * x.noise / sqrt(self.tau_noise * ms)}


class GeometricEuler(Geometric):
    integrator = "euler"


def clamped(size):
    """Cells of one compartment whose potential does not move."""
    shape = Morphology.builder("ball")
    shape.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    cell = Cell(shape.build(), discretisation=FixedCount(1), capacitance=1e9 * uF / cm_**2, initial=CLAMP * mV)
    for channel in (Langevin(), Geometric(), GeometricEuler(), Process(), NoisySquidPotassium(channels=300.0), NoisySquidSodium(channels=800.0)):
        cell.paint("all", channel)
    cell.place("background", FluctuatingConductances(), at="soma(0.5)")
    net = Network("clamped")
    net.population("cells", cell, size)
    return net


@cache
def fine():
    """Increments of a Brownian path over the finest steps, [steps, paths], √ms."""
    return np.random.default_rng(0).normal(scale=np.sqrt(FINEST), size=(round(DURATION / FINEST), PATHS))


@cache
def end(dt):
    """The states at the end of paths that are given, in steps of dt."""
    net = clamped(PATHS)
    means = fine().reshape(round(DURATION / dt), -1, PATHS).sum(axis=1) / dt
    for k, drive in enumerate(net.drives):
        net.drives[k] = dataclasses.replace(drive, stimulus=TimeArray(means, dt * ms))
    with npl.Simulation(net, dt=dt * ms, precision="float64", threads=1) as simulation:
        simulation.step(round(DURATION / dt))
        assert np.all(np.asarray(simulation.state("cells", "v").value) == pytest.approx(CLAMP, abs=1e-6))
        return {n: np.ravel(simulation.state("cells", n).value) for n in ("Geometric.x", "GeometricEuler.x", "NoisySquidPotassium.k_1")}


@pytest.mark.parametrize(
    ("channel", "state", "method", "order"),
    [(Geometric, "x", "milstein", 1.0), (GeometricEuler, "x", "euler", 0.5), (NoisySquidPotassium, "k_1", "exponential_euler", 1.0)],
)
def test_the_observed_strong_order_is_the_declared_one(channel, state, method, order):
    scheme = classify(TracedMechanism(channel()))
    assert scheme.method == method and scheme.noise.strong_order(method) == order
    name = f"{channel.__name__}.{state}"
    exact = end(FINEST)[name] if channel is NoisySquidPotassium else np.exp(-(0.05 + 1 / 18) * DURATION + fine().sum(axis=0) / 3)
    errors = [np.sqrt(np.mean((end(dt)[name] - exact) ** 2)) for dt in STEPS]
    slope = np.polyfit(np.log(STEPS), np.log(errors), 1)[0]
    assert order - 0.15 < slope < order + 0.35, (errors, slope)


def linoid(x):
    return x / (1 - np.exp(-x))


def steady(opening, closing):
    return opening / (opening + closing)


@pytest.fixture(scope="module")
def drawn():
    """Many cells at 2 and 4 ms, and after 15 ms, when all is stationary: [cells] by state."""
    with npl.Simulation(clamped(8000), dt=0.02 * ms, seed=5, precision="float64") as simulation:
        found = []
        for steps in (100, 100, 550):
            simulation.step(steps)
            found.append({n: np.ravel(simulation.state("cells", n).value) for n in ("Process.y", "Langevin.x", *POTASSIUM, *SODIUM, "background.g_exc", "background.g_inh")})
        return found


def test_an_ornstein_uhlenbeck_state_has_its_law(drawn):
    """From 0, of variance 1 - exp(-2 t / τ); what the second half of a time brings is independent of the first."""
    first, second = drawn[0]["Process.y"], drawn[1]["Process.y"]
    n = first.size
    for at, values in ((2.0, first), (4.0, second)):
        variance = 1 - np.exp(-at)
        assert abs(values.mean()) < norm.isf(ALARM / 2) * np.sqrt(variance / n)
        low, high = chi2.ppf([ALARM / 2, 1 - ALARM / 2], n) * variance / n
        assert low < np.mean(values**2) < high
    left = second - np.exp(-1.0) * first
    assert abs(np.corrcoef(left, first)[0, 1]) < norm.isf(ALARM / 2) / np.sqrt(n)


def test_open_shares_in_voltage_clamp_have_the_variance_of_independent_channels(drawn):
    """Of N channels a share of mean p, variance p (1 - p) / N; the step's error of the variance is below 2 %."""
    a, b = 0.2 * np.exp((CLAMP + 60) / 20), 0.5
    p, x = a / (a + b), drawn[2]["Langevin.x"]
    assert abs(x.mean() - p) < norm.isf(ALARM / 2) * np.sqrt(p * (1 - p) / 400 / x.size)
    n4, m3h = steady(0.1 * linoid((CLAMP + 55) / 10), 0.125 * np.exp(-(CLAMP + 65) / 80)) ** 4, steady(linoid((CLAMP + 40) / 10), 4 * np.exp(-(CLAMP + 65) / 18)) ** 3
    m3h *= steady(0.07 * np.exp(-(CLAMP + 65) / 20), 1 / (1 + np.exp(-(CLAMP + 35) / 10)))
    potassium, sodium = (sum(drawn[2][n] for n in names) for names in (POTASSIUM, SODIUM))
    for found, mean, channels in ((x, p, 400), (potassium + n4, n4, 300), (sodium + m3h, m3h, 800)):
        low, high = chi2.ppf([ALARM / 2, 1 - ALARM / 2], x.size) / x.size
        assert 0.98 * low < np.mean((found - mean) ** 2) / (mean * (1 - mean) / channels) < 1.02 * high


def test_fluctuating_conductances_have_the_published_moments(drawn):
    """From its mean a conductance spreads to σ² (1 - exp(-2 t / τ)): means 12.1 and 57.3 nS, deviations 3.0 and 6.6 nS, 2.728 and 10.49 ms (Destexhe et al. 2001)."""
    for name, mean, deviation, tau in (("exc", 12.1, 3.0, 2.728), ("inh", 57.3, 6.6, 10.49)):
        for at, states in zip((2.0, 4.0, 15.0), drawn, strict=True):
            values = states[f"background.g_{name}"] - mean
            variance = deviation**2 * (1 - np.exp(-2 * at / tau))
            assert abs(values.mean()) < norm.isf(ALARM / 2) * np.sqrt(variance / values.size)
            low, high = chi2.ppf([ALARM / 2, 1 - ALARM / 2], values.size) * variance / values.size
            assert low < np.mean(values**2) < high
