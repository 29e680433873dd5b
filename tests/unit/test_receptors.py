"""Receptors of synapses: the peak that is the weight, magnesium's block, bursts and pulses of GABA, by closed forms and formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuropil.errors import ModelError
from neuropil.units import mM, ms, mV, pA
from neuropil.zoo.synapses.double_exponential import time_to_peak
from unit.mechanisms import call, model

TAUS = st.floats(0.1, 5.0), st.floats(1.05, 100.0)


@pytest.mark.parametrize("name", ["ampa", "nmda", "gaba_a"])
@given(rise=TAUS[0], ratio=TAUS[1])
def test_peak_of_double_exponential_is_the_weight(name: str, rise: float, ratio: float) -> None:
    receptor = model(name, tau_rise=rise * ms, tau_decay=rise * ratio * ms)
    port = next(iter(receptor.spec.ports))
    jump = call(receptor, "receive", {}, {port: 2.5})
    at = time_to_peak(receptor.tau_rise, receptor.tau_decay).to(ms)
    assert rise < at < rise * ratio
    t = np.array([0.999 * at, at, 1.001 * at])
    states = {"rising": jump["rising"].value * np.exp(-t / rise), "decaying": jump["decaying"].value * np.exp(-t / (rise * ratio))}
    g = states["decaying"] - states["rising"]
    assert g[1] == pytest.approx(2.5, rel=1e-9)
    assert g[1] > g[0] and g[1] > g[2]
    rates = call(receptor, "derivative", states, {})
    assert rates["decaying"].value[1] == pytest.approx(rates["rising"].value[1], rel=1e-9, abs=1e-12)


def test_rise_must_be_shorter_than_decay() -> None:
    with pytest.raises(ModelError, match="tau_rise < tau_decay"):
        model("ampa", tau_rise=2 * ms, tau_decay=2 * ms)
    assert model("ampa", tau_decay=np.array([1.0, 2.0]) * ms).tau_decay.value.shape == (2,)


@pytest.mark.parametrize("mg", [0.0, 0.5, 1.0, 2.0])
def test_magnesium_block(mg: float) -> None:
    v = np.array([-80.0, -40.0, 0.0])
    nmda = model("nmda", mg=mg * mM, e=10 * mV)
    share = call(nmda, "current", {"rising": 0.0, "decaying": 1.0}, {"v": v}).value / (v - 10)
    np.testing.assert_allclose(share, 1 / (1 + mg / 3.57 * np.exp(-0.062 * v)), rtol=1e-12)
    if mg == 1.0:
        np.testing.assert_allclose(share, [0.0244, 0.2302, 0.7812], atol=5e-5)


def test_nmda_current_has_negative_slope_below_minus_27() -> None:
    v = np.linspace(-90, 20, 1101)
    i = call(model("nmda"), "current", {"rising": 0.0, "decaying": 1.0}, {"v": v}).value
    assert v[np.argmin(i)] == pytest.approx(-27, abs=1)
    assert np.all(np.diff(i)[v[1:] < -28] < 0) and np.all(np.diff(i)[v[1:] > -26] > 0)


def test_ampa_and_nmda_at_one_port_are_the_two_receptors() -> None:
    shares = {"rising": 0.2, "decaying": 0.7}  # of what an event adds, some time after it

    def later(name: str, weight: float) -> float:
        """The current (pA) at -45 mV when each state has decayed to its share."""
        receptor = model(name)
        jump = call(receptor, "receive", {}, {"exc": weight})
        states = {n: shares[n.rpartition("_")[2]] * added.value for n, added in jump.items()}
        return call(receptor, "current", states, {"v": -45.0}).to(pA)

    assert later("ampa_nmda", 2.0) == pytest.approx(later("ampa", 2.0) + later("nmda", 0.71 * 2.0), rel=1e-12)


def response(pulses: int, dt: float = 0.25) -> tuple[float, float]:
    """Peak of the open share of GABA-B channels after pulses 5 ms apart, and when it comes (ms)."""
    receptor = model("gaba_b")
    r, protein, peak, when = 0.0, 0.0, 0.0, 0.0
    for k in range(round(400 / dt)):
        if k * dt % 5 == 0 and k * dt // 5 < pulses:
            r += call(receptor, "receive", {"r": r}, {"inh": 1.0})["r"].value
        slope = call(receptor, "derivative", {"r": r, "protein": protein}, {})
        r, protein = r + dt * slope["r"].value, protein + dt * slope["protein"].value
        g = call(receptor, "current", {"protein": protein}, {"v": -94.0}).value
        if g > peak:
            peak, when = g, (k + 1) * dt
    return peak, when


def test_gaba_b_needs_a_burst_and_peaks_at_100_ms() -> None:
    (one, when), (ten, _) = response(1), response(10)
    assert when == pytest.approx(100, abs=5)
    assert one < 1e-4 and ten > 100 * 10 * one


@given(weight=st.floats(0, 50), r=st.floats(0, 0.99))
def test_pulses_of_gaba_follow_the_exact_solution(weight: float, r: float) -> None:
    receptor = model("gaba_b")
    after = r + call(receptor, "receive", {"r": r}, {"inh": weight})["r"].value
    half = r + call(receptor, "receive", {"r": r}, {"inh": weight / 2})["r"].value
    twice = half + call(receptor, "receive", {"r": half}, {"inh": weight / 2})["r"].value
    assert after == pytest.approx(twice, rel=1e-9, abs=1e-12)
    assert r - 1e-12 <= after <= 0.52 * 0.5 / (0.52 * 0.5 + 0.0013) + 1e-12
