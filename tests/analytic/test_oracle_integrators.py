"""How the oracle integrates: the order of each scheme, what is exact, and what a wrong or a runaway equation comes to."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neuropil.errors import ModelError, SimulationError, UnitError
from neuropil.model import (
    Input,
    Network,
    Neuron,
    State,
    Step,
)
from neuropil.oracle import simulate
from neuropil.oracle.integrate import Integrator
from neuropil.units import Time, ms, mV
from neuropil.zoo.neurons.rate import RateUnit
from neuropil.zoo.registry import neuron


def one(model: Neuron, size: int = 1, **kwargs):
    net = Network()
    return net, net.population("p", model, size, **kwargs)


class Logistic(Neuron):
    """dx/dt = x (1 - x) y with dy/dt = -y: nonlinear over a linear state; x(t) = 1 / (1 + 4 exp(-(1 - exp(-t))))."""

    tau: Time = 1 * ms

    x = State(0.2)
    y = State(1.0)

    def derivative(self, s, x):
        return {"x": s.x * (1 - s.x) * s.y / self.tau, "y": -s.y / self.tau}


class Gate(Neuron):
    """dx/dt = y (1 - x), linear in x, with dy/dt = -y² nonlinear: y = 1 / (1 + t), x = t / (1 + t)."""

    tau: Time = 1 * ms

    x = State(0.0)
    y = State(1.0)

    def derivative(self, s, x):
        return {"x": s.y * (1 - s.x) / self.tau, "y": -s.y * s.y / self.tau}


class Linear(Neuron):
    """A damped oscillator under a constant input."""

    tau: Time = 1 * ms
    integrator = "exact"

    x = State(0.0)
    y = State(1.0)
    drive = Input(1.0)

    def derivative(self, s, x):
        return {"x": s.y / self.tau, "y": (-s.x - 0.4 * s.y + x.drive) / self.tau}


def with_integrator(model: type[Neuron], scheme: str) -> Neuron:
    return type(model.__name__, (model,), {"integrator": scheme, "__module__": __name__})()


@pytest.mark.parametrize(
    ("scheme", "order"), [("euler", 1), ("exponential_euler", 1), ("heun", 2), ("rk4", 4), ("auto", 4)]
)
@pytest.mark.parametrize("model", [Logistic, Gate])
def test_integrators_have_the_order_they_declare(model, scheme, order):
    truth = 1 / (1 + 4 * math.exp(-(1 - math.exp(-2)))) if model is Logistic else 2 / 3
    sizes, errors = np.array([0.2, 0.1, 0.05]), []
    for dt in sizes:
        net, _ = one(with_integrator(model, scheme))
        errors.append(abs(simulate(net, 2 * ms, dt=dt * ms).states["p"]["x"][0] - truth))
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.25)


def test_exact_propagation_is_exact_for_any_step():
    net, p = one(Linear())
    net.stimulate(p, Step(0.7, stop=2 * ms), input="drive")
    fine = simulate(net, 6 * ms, dt=0.01 * ms).states["p"]
    coarse = simulate(net, 6 * ms, dt=2 * ms).states["p"]
    for state in ("x", "y"):
        np.testing.assert_allclose(coarse[state], fine[state], atol=1e-12)
    w = math.sqrt(1 - 0.04)  # without input: x = exp(-0.2 t) sin(w t) / w
    net, _ = one(Linear())
    assert simulate(net, 6 * ms, dt=3 * ms).states["p"]["x"][0] == pytest.approx(math.exp(-1.2) * math.sin(6 * w) / w, abs=1e-13)


@pytest.mark.parametrize(
    ("name", "remaining", "scheme"),
    [
        ("lif_exp", [], None),
        ("lif_alpha", [], None),
        ("lif_delta", [], None),
        ("gif", [], None),
        ("leaky_readout", [], None),
        ("lif_cond_exp", ["v"], "rk4"),
        ("eif", ["v"], "rk4"),
        ("adex", ["v", "w"], "rk4"),
        ("izhikevich", ["v", "u"], "rk4"),
        ("hodgkin_huxley", ["v", "m", "h", "n"], "exponential_euler"),
        ("rate_unit", ["r"], "exponential_euler"),
    ],
)
def test_the_linear_states_are_found(name, remaining, scheme):
    model = neuron(name)()
    parameters = {k: np.full(2, getattr(model, k).value) for k in model.spec.parameters}
    integrator = Integrator(model, parameters, 2, 0.1)
    assert integrator.remaining == remaining
    assert scheme is None or integrator.scheme == scheme


def test_exact_refuses_a_nonlinear_model():
    net, _ = one(with_integrator(Logistic, "exact"))
    with pytest.raises(ModelError, match="nonlinear: x"):
        simulate(net, 1 * ms)


def test_exponential_euler_settles_at_the_fixed_point_of_a_stiff_equation():
    net, p = one(RateUnit(tau=0.01 * ms))
    net.stimulate(p, Step(4.0), input="drive")
    s = 1 / (1 + math.exp(-1.2 * (4 - 2.8))) - 1 / (1 + math.exp(1.2 * 2.8))
    assert simulate(net, 1 * ms).states["p"]["r"][0] == pytest.approx(s / (1 + s), abs=1e-12)


class WrongUnit(Neuron):
    v = State(0 * mV)

    def derivative(self, s, x):
        return {"v": s.v}


def test_a_wrong_unit_in_an_equation_is_named():
    net, _ = one(WrongUnit())
    with pytest.raises(UnitError) as caught:
        simulate(net, 1 * ms)
    assert "WrongUnit.derivative: v" in str(caught.value)


class Explodes(Neuron):
    v = State(1.0)

    def derivative(self, s, x):
        return {"v": s.v * s.v * s.v / ms}


def test_a_runaway_state_stops_the_run_and_says_where():
    net, _ = one(Explodes(), 3, initial={"v": np.array([0.0, 1.0, 0.0])})
    with pytest.raises(SimulationError) as caught, np.errstate(all="ignore"):
        simulate(net, 100 * ms)
    assert "p.v of neuron 1" in str(caught.value)
