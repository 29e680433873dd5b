"""Kinetic schemes and states at rest: against SciPy's matrix exponential, the null space of the rates, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

import neuropil as npl
from neuropil.errors import ModelError
from neuropil.lower.classify import classify
from neuropil.lower.coupled import evaluate_flow
from neuropil.lower.membrane import Membrane
from neuropil.lower.traced_mechanism import TracedMechanism
from neuropil.maths import exp, sigmoid
from neuropil.model import STEADY, Channel, Input, Morphology, PointProcess, State, Step
from neuropil.model.cell.cell import Cell
from neuropil.units import mM, ms, mV, nA, nS, pA, um
from neuropil.zoo.channels.calcium_pool import CalciumPool
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.physics import FARADAY


def rates(n: int, scale: float, seed: int) -> np.ndarray:
    """A random kinetic scheme: columns sum to zero, rates over four decades; one passage is one-way."""
    g = np.random.default_rng(seed)
    a = scale * 10.0 ** g.uniform(-3, 1, (n, n)) * (g.random((n, n)) < 0.7)
    a[0, 1] = 0.0
    np.fill_diagonal(a, 0.0)
    return a - np.diag(a.sum(axis=0))


@pytest.mark.parametrize("n", [2, 3, 5, 12])
@pytest.mark.parametrize("scale", [1e-3, 0.05, 1.0, 30.0, 1e4])
def test_a_step_is_the_matrix_exponential_and_keeps_occupancies(n, scale):
    """Whatever the step: 10⁵ times a time constant included. What is lost to rounding is 10⁻¹⁶ of the norm of A dt."""
    a = rates(n, scale, n)
    s = np.random.default_rng(1).dirichlet(np.ones(n))
    change = evaluate_flow(*a.ravel(), *(a @ s))
    norm = max(1.0, np.abs(a).sum(axis=1).max())
    np.testing.assert_allclose(s + change, expm(a) @ s, rtol=0, atol=1e-14 * norm)
    assert abs(change.sum()) < 1e-15 * norm
    assert (s + change).min() > -1e-15 * norm and (s + change).max() < 1 + 1e-15 * norm


def test_many_stiff_steps_reach_the_stationary_distribution():
    a = rates(4, 1e3, 3)
    s = np.array([1.0, 0, 0, 0])
    for _ in range(2000):
        s = s + evaluate_flow(*a.ravel(), *(a @ s))
    assert abs(s.sum() - 1) < 1e-9
    np.testing.assert_allclose(a @ s / np.abs(a).max(), 0, atol=1e-12)


class Follows(Channel):
    """Slow inactivation that follows an activation; no exchange, hence each by itself."""

    v = Input(mV)
    a = State(STEADY)
    b = State(STEADY)

    def derivative(self, s, x):
        return {"a": (sigmoid((x.v + 60 * mV) / (5 * mV)) - s.a) / (2 * ms), "b": (s.a - s.b) / (100 * ms)}


class Dies(Channel):
    """c → o → d, one way, at rates of which one depends on the potential."""

    v = Input(mV)
    c = State(1.0)
    o = State(0.0)
    d = State(0.0)
    other = State(1 * mM)

    def derivative(self, s, x):
        k = exp(x.v / (50 * mV)) / ms
        return {"c": -2 / ms * s.c, "o": 2 / ms * s.c - k * s.o, "d": k * s.o, "other": -s.other * k}


def test_the_jacobian_decides_what_is_solved_together():
    assert classify(TracedMechanism(Follows())).coupled == ()
    scheme = classify(TracedMechanism(Dies()))
    assert scheme.coupled == (("c", "o", "d"),) and "other" in scheme.stepped
    assert "kinetic scheme with c, d" in scheme.reasons["o"]


def resting(channel: Channel, v: float = -65.0) -> dict[str, float]:
    membrane = Membrane({"x": channel})
    values = {n: getattr(channel, n).value for n in channel.spec.parameters}
    found = membrane.initial(membrane.constants({"x": values}, 0.025), np.array([[v]]), {}, {})
    return {n.partition(".")[2]: float(value.ravel()[0]) for n, value in found.items()}


def test_states_that_depend_on_each_other_rest_together():
    expected = 1 / (1 + np.exp(1))
    assert resting(Follows()) == pytest.approx({"a": expected, "b": expected}, rel=1e-14)


class Own(Channel):
    """m' = k - m², which rests at √k."""

    k: float = 0.04
    m = State(STEADY)

    def derivative(self, s, x):
        return {"m": (self.k - s.m**2) / (10 * ms)}


class Never(Channel):
    """m' = 0.1 / ms: no rest."""

    m = State(STEADY)

    def derivative(self, s, x):
        return {"m": 0.1 / ms}


class Nowhere(Channel):
    """m' = -1 - m²: no rest either, though its slope does not vanish."""

    m = State(STEADY)

    def derivative(self, s, x):
        return {"m": -(1 + s.m**2) / ms}


def test_a_rest_of_one_equation_that_is_not_linear():
    assert resting(Own())["m"] == pytest.approx(0.2, rel=1e-12)


@pytest.mark.parametrize("channel", [Never, Nowhere])
def test_no_rest_is_an_error(channel):
    with pytest.raises(ModelError, match=r"x\.m"):
        resting(channel())


class Electrode(PointProcess):
    """A current of calcium that a stimulus gives."""

    amplitude = Input(pA)
    carries = "ca"

    def current(self, s, x):
        return -x.amplitude


def test_a_pool_fills_from_a_point_process_by_the_closed_form():
    """c' = γ I / (2 F depth area) - (c - c_min)/τ with a constant I: an exponential, exact whatever dt."""
    cell = Cell(Morphology.cable(100 * um, 1 * um), discretisation=npl.FixedCount(1))
    cell.paint("all", Leak()).paint("all", CalciumPool(gamma=0.05, decay=80 * ms, start=1e-4 * mM)).place("ca", Electrode(), at="cable(0.5)")
    net = npl.Network("pool")
    cells = net.population("cells", cell, 1)
    net.stimulate(cells, Step(0.01 * nA), input="ca.amplitude")
    net.probe(cells, "CalciumPool.c_ca", at="cable(0.5)")
    net.probe(cells, "v", at="cable(0.5)")
    result = npl.run(net, 50 * ms, dt=0.1 * ms)
    trace = result.traces["cells.CalciumPool.c_ca"]
    area = np.pi * 100 * um**2
    rise = float((0.05 * 10 * pA / (2 * FARADAY * 0.1 * um * area) * 80 * ms).to(mM))
    np.testing.assert_allclose(trace.values[:, 0], 1e-4 + rise * -np.expm1(-trace.times_ms / 80), rtol=1e-11)
    g = 1e-6 * 1e3 * np.pi * 100  # 0.1 mS/cm² over the area, nS: at rest v = e + I/g
    assert result.traces["cells.v"].values[-1, 0] == pytest.approx(-70 + 10 / g, abs=0.3)
    assert nS.dimension == (pA / mV).dimension
