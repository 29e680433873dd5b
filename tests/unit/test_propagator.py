"""The matrix exponential against SciPy's, and a propagator against a closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import expm

from neuropil.errors import ModelError
from neuropil.lower.integrate import StepFunction
from neuropil.lower.propagator import exponential, propagators
from neuropil.lower.trace import TracedNeuron
from neuropil.model import Neuron, State
from neuropil.units import Time, ms, mV
from neuropil.zoo.neurons.lif import LIFAlpha, LIFExp


@settings(max_examples=200, deadline=None)
@given(arrays(float, (3, 5, 5), elements=st.floats(-3, 3)))
def test_exponential_equals_scipy(matrix: np.ndarray) -> None:
    reference = expm(matrix)
    scale = np.abs(reference).max(axis=(1, 2), keepdims=True)
    assert np.all(np.abs(exponential(matrix) - reference) <= 1e-11 * scale)  # SciPy itself is off by 1e-12 at times


def test_exponential_of_stiff_decay_is_exact() -> None:
    rates = np.array([-1e-9, -0.1, -1.0, -37.0, -700.0])
    assert np.allclose(exponential(np.diag(rates)[None])[0], np.diag(np.exp(rates)), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("tau", [0.5, 2.0, 9.99999, 10.0, 10.00001, 40.0])
def test_lif_propagator_is_the_published_one(tau: float) -> None:
    """Rotter & Diesmann (1999), also through the singular case of equal time constants."""
    model = LIFExp(tau_exc=tau * ms)
    step = StepFunction.of(TracedNeuron(model))
    values = {n: getattr(model, n).value for n in type(model).spec.parameters}
    found = propagators(step.scheme, values, ("current",), 0.1, step.prefixes)
    h, tau_m, c = 0.1, 10.0, 250.0
    if abs(tau - tau_m) < 1e-3:
        expected = h / c * np.exp(-h / tau_m)
    else:
        expected = tau * tau_m / (c * (tau - tau_m)) * (np.exp(-h / tau) - np.exp(-h / tau_m))
    assert found["P_v_i_exc"] == pytest.approx(expected, rel=1e-5 if abs(tau - tau_m) < 1e-3 else 1e-11)
    assert found["P_i_exc_i_exc"] == pytest.approx(np.exp(-h / tau), rel=1e-14)
    assert found["Q_v_current"] == pytest.approx(tau_m / c * -np.expm1(-h / tau_m), rel=1e-13)


def test_alpha_propagator_is_t_exp() -> None:
    step = StepFunction.of(TracedNeuron(LIFAlpha()))
    values = {n: getattr(LIFAlpha(), n).value for n in LIFAlpha.spec.parameters}
    found = propagators(step.scheme, values, ("current",), 0.1, step.prefixes)
    assert found["P_i_exc_di_exc"] == pytest.approx(0.1 * np.exp(-0.1 / 2.0), rel=1e-14)


class Feedback(Neuron):
    """w follows v while v is clamped: the held propagator differs from the free one."""

    tau: Time = 10 * ms
    t_ref: Time = 2 * ms
    v = State(5 * mV)
    w = State(0 * mV)
    refractory = "t_ref"
    clamps = ("v",)

    def derivative(self, s, x):  # type: ignore[no-untyped-def]
        return {"v": -s.v / self.tau, "w": (s.v - s.w) / self.tau}


def test_held_states_stay_and_drive_the_others() -> None:
    step = StepFunction.of(TracedNeuron(Feedback()))
    assert set(step.prefixes) == {"", "held_"}
    found = propagators(step.scheme, {"tau": 10.0, "t_ref": 2.0}, (), 0.1, step.prefixes)
    assert found["held_P_v_v"] == 1.0
    assert found["held_P_w_v"] == pytest.approx(-np.expm1(-0.01), rel=1e-13)
    assert found["P_w_v"] == pytest.approx(0.01 * np.exp(-0.01), rel=1e-13)


class Wrong(Neuron):
    """Asks for what it cannot have."""

    v = State(0.0)
    integrator = "exact"

    def derivative(self, s, x):  # type: ignore[no-untyped-def]
        return {"v": s.v * s.v / (1 * ms)}


def test_exact_integrator_refuses_a_nonlinear_model() -> None:
    with pytest.raises(ModelError, match="not linear"):
        StepFunction.of(TracedNeuron(Wrong()))
