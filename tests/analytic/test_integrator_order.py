"""Each integrator converges with the order it declares, in the native kernels, on a system with a known solution.

    dy/dt = -y² / tau + g y / tau,    dg/dt = -g / tau_g,

has a linear state g, advanced exactly, within the stages of a nonlinear one. With G(t) = ∫ g / tau, y is a Bernoulli
equation: 1/y = exp(-G(t)) (1/y_0 + ∫₀ᵗ exp(G(r)) dr / tau).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

from neuropil.engine import Simulation
from neuropil.model import Network, Neuron, State
from neuropil.units import Time, ms

Y_0, G_0, TAU, TAU_G, DURATION = 0.1, 2.0, 5.0, 3.0, 1.6
STEPS = (0.4, 0.2, 0.1, 0.05)  # ms


class Growth(Neuron):
    """A logistic variable whose growth rate fades."""

    tau: Time = TAU * ms
    tau_g: Time = TAU_G * ms
    y = State(Y_0)
    g = State(G_0)

    def derivative(self, s, x):
        return {"y": (-s.y * s.y + s.g * s.y) / self.tau, "g": -s.g / self.tau_g}


class Euler(Growth):
    integrator = "euler"


class Heun(Growth):
    integrator = "heun"


class RungeKutta(Growth):
    integrator = "rk4"


class ExponentialEuler(Growth):
    integrator = "exponential_euler"


class Oscillator(Neuron):
    """A driven, damped oscillator: linear, hence exact."""

    tau: Time = 3 * ms
    x = State(1.0)
    u = State(0.0)

    def derivative(self, s, x):
        return {"x": s.u / self.tau, "u": (-2.0 * s.x - 0.3 * s.u + 0.5) / self.tau}


ORDERS = {Euler: 1, Heun: 2, RungeKutta: 4, ExponentialEuler: 1}


@cache
def finals(dt: float) -> dict[str, dict[str, float]]:
    """Final states of all models, from one run of the engine in float64."""
    network = Network("orders")
    for model in (*ORDERS, Oscillator):
        network.population(model.__name__, model(), 1)
    simulation = Simulation(network, dt=dt * ms, precision="float64", threads=1)
    simulation.step(round(DURATION / dt))
    read = {
        name: {s: float(simulation.state(name, s).value[0]) for s in type(p.neuron).spec.states}
        for name, p in network.populations.items()
    }
    simulation.close()
    return read


def exact() -> float:
    """y at the end."""

    def grown(t: float) -> float:
        return G_0 * TAU_G / TAU * (1.0 - np.exp(-t / TAU_G))

    integral = quad(lambda r: np.exp(grown(r)) / TAU, 0.0, DURATION, epsabs=1e-13, epsrel=1e-13)[0]
    return float(1.0 / (np.exp(-grown(DURATION)) * (1.0 / Y_0 + integral)))


@pytest.mark.parametrize("model", ORDERS, ids=lambda m: m.integrator)
def test_observed_order_is_the_declared_one(model):
    """The slope of log error over log dt, fitted to three halvings of the step."""
    errors = [abs(finals(dt)[model.__name__]["y"] - exact()) for dt in STEPS]
    slope = np.polyfit(np.log(STEPS), np.log(errors), 1)[0]
    assert abs(slope - ORDERS[model]) < 0.15, (slope, errors)


@pytest.mark.parametrize("dt", STEPS)
def test_linear_states_are_exact_for_any_step(dt):
    """Alone, and beside nonlinear ones."""
    a = np.array([[0.0, 1.0, 0.0], [-2.0, -0.3, 0.5], [0.0, 0.0, 0.0]]) / 3.0
    truth = expm(a * DURATION) @ [1.0, 0.0, 1.0]
    oscillator = finals(dt)["Oscillator"]
    np.testing.assert_allclose([oscillator["x"], oscillator["u"]], truth[:2], rtol=0, atol=1e-13)
    for model in ORDERS:
        np.testing.assert_allclose(finals(dt)[model.__name__]["g"], G_0 * np.exp(-DURATION / TAU_G), rtol=1e-13)
