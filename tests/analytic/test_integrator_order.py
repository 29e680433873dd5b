"""Each integrator converges with the order it declares, in every executor, on a system with a known solution.

    dy/dt = -y² / tau + g y / tau,    dg/dt = -g / tau_g,

has a linear state g, advanced exactly, within the stages of a nonlinear one. With G(t) = ∫ g / tau, y is a Bernoulli
equation: 1/y = exp(-G(t)) (1/y_0 + ∫₀ᵗ exp(G(r)) dr / tau). One of the methods is defined here, by its tableau, and by nothing else.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import jax
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

import neuropil as npl
from neuropil.engine import Simulation
from neuropil.errors import ModelError
from neuropil.learn import Rollout
from neuropil.model import Network, Neuron, State
from neuropil.oracle import simulate
from neuropil.plan import make_plan
from neuropil.units import Time, ms

Y_0, G_0, TAU, TAU_G, DURATION = 0.1, 2.0, 5.0, 3.0, 1.6
STEPS = (0.4, 0.2, 0.1, 0.05)  # ms


def third(n: int) -> Fraction:
    return Fraction(n, 3)


HEUN3 = npl.register(
    npl.Tableau(
        "heun3", 3, a=((), (third(1),), (0, third(2))), b=(Fraction(1, 4), 0, Fraction(3, 4)), c=(0, third(1), third(2)),
        title="Heun's method of order 3", citation="Heun 1900, Z. Math. Phys. 45:23",
    )
)  # fmt: skip
SSPRK3 = npl.register(
    npl.Tableau(
        "ssprk3", 3, a=((), (1.0,), (0.25, 0.25)), b=(1 / 6, 1 / 6, 2 / 3), c=(0.0, 1.0, 0.5),
        title="strong-stability-preserving Runge-Kutta", citation="Shu & Osher 1988, J. Comput. Phys. 77:439",
    )
)  # fmt: skip


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


class HeunOfOrder3(Growth):
    integrator = "heun3"


class StabilityPreserving(Growth):
    integrator = "ssprk3"


class ExponentialEuler(Growth):
    integrator = "exponential_euler"


class Oscillator(Neuron):
    """A driven, damped oscillator: linear, hence exact."""

    tau: Time = 3 * ms
    x = State(1.0)
    u = State(0.0)

    def derivative(self, s, x):
        return {"x": s.u / self.tau, "u": (-2.0 * s.x - 0.3 * s.u + 0.5) / self.tau}


ORDERS = {Euler: 1, Heun: 2, RungeKutta: 4, ExponentialEuler: 1, HeunOfOrder3: HEUN3.order, StabilityPreserving: SSPRK3.order}


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


@cache
def elsewhere(executor: str, dt: float) -> dict[str, float]:
    """y at the end, by model, in the oracle or the rollout."""
    network = Network("orders")
    for model in ORDERS:
        network.population(model.__name__, model(), 1)
    duration = round(DURATION / dt) * dt * ms
    if executor == "oracle":
        found = simulate(network, duration, dt=dt * ms).states
        return {name: float(found[name]["y"][0]) for name in network.populations}
    for population in network.populations.values():
        network.probe(population, "y", name=population.name)
    with jax.enable_x64(True):
        traces = Rollout(network, dt=dt * ms, precision="float64").run(duration).traces
        return {name: float(np.asarray(traces[name])[-1, 0]) for name in network.populations}


@pytest.mark.parametrize("executor", ["oracle", "rollout"])
@pytest.mark.parametrize("model", ORDERS, ids=lambda m: m.integrator)
def test_the_other_executors_take_the_same_steps(executor, model):
    """Stage by stage: equal to the engine but for rounding, hence of the same order."""
    for dt in STEPS[:2]:
        assert elsewhere(executor, dt)[model.__name__] == pytest.approx(finals(dt)[model.__name__]["y"], rel=2e-7 if model is ExponentialEuler else 1e-12)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"b": (0, 1, 0)}, "not of order 3"),
        ({"order": 4}, "order"),
        ({"c": (0, 1, 1)}, "not the sum of its weights"),
        ({"a": ((), (1,), (0, 0, 1)), "c": (0, 1, 1)}, "implicit"),
        ({"a": ((Fraction(1, 2),), (1,), (0, 1)), "c": (Fraction(1, 2), 1, 1)}, "implicit"),
        ({"a": ((), (Fraction(1, 2),))}, "entry for each stage"),
        ({"a": ((), (), (0, Fraction(3, 4)))}, "weights"),
        ({"b": (float("nan"), 0, 1)}, "finite"),
        ({"name": "exact"}, "name of its own"),
    ],
)
def test_a_tableau_that_is_wrong_is_refused(change, says):
    with pytest.raises(ModelError, match=says):
        npl.Tableau(**{**vars(HEUN3), "name": "other", **change})


def test_a_name_is_registered_once_and_must_exist():
    with pytest.raises(ModelError, match="registered already"):
        npl.register(npl.Tableau(**{**vars(HEUN3), "title": "another"}))
    with pytest.raises(ModelError, match=r"Misspelt\.integrator is unknown.*\n*.*heun3"):

        class Misspelt(Growth):
            integrator = "heun33"

    class Later(Growth):
        pass

    Later.integrator = "heun33"  # after the class was checked
    network = Network()
    network.population("p", Later(), 1)
    for executor in (make_plan, Rollout, lambda n: simulate(n, 1 * ms)):
        with pytest.raises(ModelError, match="heun3"):
            executor(network)


def test_the_conditions_are_those_of_all_trees():
    """Kutta's 3/8 rule and the classical method meet all eight conditions up to order 4; each weight matters in one of them."""
    good = dict(
        name="three_eighths", order=4, a=((), (third(1),), (-third(1), 1), (1, -1, 1)), b=tuple(Fraction(n, 8) for n in (1, 3, 3, 1)), c=(0, third(1), third(2), 1),
        title="3/8 rule", citation="Kutta 1901",
    )  # fmt: skip
    npl.Tableau(**good)
    for row in ((0, Fraction(1), 0), (Fraction(1, 2), Fraction(1, 2), 0)):
        with pytest.raises(ModelError, match="not of order 4"):
            npl.Tableau(**{**good, "a": (*good["a"][:3], row)})
