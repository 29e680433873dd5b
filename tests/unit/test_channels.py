"""Channels, pools and electrodes, and what all mechanisms share: every registered one against what its file says it must show.

Each test draws its truth from a closed form or from the formula of the publication, written here a second time in plain
NumPy and, where the publication has one, with its singular point taken as a limit from both sides.
"""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import jax
import numpy as np
import pytest

from neuropil.errors import ModelError
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.trace import scalar_jaxpr
from neuropil.lower.traced_mechanism import TracedMechanism
from neuropil.model import Channel, Mechanism, PointProcess
from neuropil.units import kHz, magnitude, mM, ms, mV, nS, pA, um
from neuropil.zoo.physics import COULOMB, FARADAY, GAS_CONSTANT, MOLE, nernst
from neuropil.zoo.registry import CHANNELS, POINT_PROCESSES, channel, point_process
from unit.mechanisms import call, model

ALL = [*CHANNELS, *POINT_PROCESSES]
V = np.linspace(-150.0, 100.0, 2501)  # holds every whole and tenth millivolt, the singular points among them
SURROUNDINGS = {"c_ca": 1e-4, "e_ca": 131.0, "i_ca": -0.01, "v": V}


def gates(mechanism: Mechanism) -> list[str]:
    """States that start where they would rest."""
    return [n for n, state in mechanism.spec.states.items() if repr(state.initial) == "STEADY"]


def kinetics(mechanism: Mechanism, **x: Any) -> dict[str, tuple[Any, Any]]:
    """(steady state, time constant in ms) of each gate, read off its equation, which is linear in it."""
    x = {**SURROUNDINGS, **x}
    closed = call(mechanism, "derivative", dict.fromkeys(mechanism.spec.states, 0.0), x)
    opened = call(mechanism, "derivative", dict.fromkeys(mechanism.spec.states, 1.0), x)
    found = {}
    for n in gates(mechanism):
        gain, slope = closed[n].to(kHz), (closed[n] - opened[n]).to(kHz)
        found[n] = (gain / slope, 1 / slope)
    return found


# --- every registered mechanism --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_says_its_equation_and_source(name: str) -> None:
    text = inspect.getmodule(type(model(name))).__doc__
    if "double_exponential.py" in text:
        text += sys.modules["neuropil.zoo.synapses.double_exponential"].__doc__
    assert re.search(r"[A-Z][\w&,.' ]+ \((19|20)\d\d\)", text), "names its source"
    assert "Must show:" in text and " = " in text
    assert isinstance(model(name), Channel if name in CHANNELS else PointProcess)


@pytest.mark.parametrize("name", ALL)
def test_units_agree(name: str) -> None:
    mechanism = model(name)
    magnitude(call(mechanism, "current", {}, {}), mechanism.current_dimension, f"{name}.current()")
    per_ms = {n: (d[0] - 1, *d[1:]) for n, d in mechanism.spec.state_dimensions.items()}
    for n, value in call(mechanism, "derivative", {}, {}).items():
        magnitude(value, per_ms[n], f"{name}.{n}")
    for n, value in call(mechanism, "provides", {}, {}).items():
        magnitude(value, {"e": mV, "c": mM}[n[0]].dimension, f"{name}.{n}")
    if isinstance(mechanism, PointProcess):
        for n, value in call(mechanism, "receive", {}, {}).items():
            magnitude(value, mechanism.spec.state_dimensions[n], f"{name}.{n}")


@pytest.mark.parametrize("name", ALL)
def test_traces_to_native_operations_and_agrees_with_numpy(name: str) -> None:
    mechanism = model(name)
    spec, traced = mechanism.spec, TracedMechanism(mechanism)
    rng = np.random.default_rng(1)
    s = {n: rng.uniform(0.05, 0.95, 50) for n in spec.states}
    x = {n: rng.uniform(-150, 100, 50) if n == "v" else rng.uniform(0.05, 0.95, 50) for n in spec.inputs}
    w = {n: rng.uniform(0.05, 0.95, 50) for n in spec.ports}
    p = {n: getattr(mechanism, n).value for n in spec.parameters}

    def everything(p: dict, s: dict, x: dict, w: dict) -> dict[str, Any]:
        """All that the mechanism computes, in base units."""
        heard = traced.receive(p, s, w) if w else {}
        return {"i": traced.current(p, s, x), "d": traced.derivative(p, s, x), "o": traced.provides(p, s, x), "w": heard}

    arguments = [{n: f"{kind}.{n}" for n in of} for kind, of in (("p", p), ("s", s), ("x", x), ("w", w))]
    graph = Graph()
    leaves = [graph.leaf(leaf) for leaf in jax.tree.leaves(arguments)]
    roots = absorb(graph, scalar_jaxpr(everything, *arguments), leaves, name)
    values = dict(zip(jax.tree.leaves(arguments), jax.tree.leaves([p, s, x, w]), strict=True))
    reference = jax.tree.leaves(everything(p, s, x, w))
    for traced_value, value in zip(graph.evaluate(roots, values), reference, strict=True):
        np.testing.assert_allclose(traced_value, value, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", [n for n in CHANNELS if gates(model(n))])
def test_gates_stay_between_shut_and_open(name: str) -> None:
    for gate, (steady, tau) in kinetics(model(name)).items():
        assert np.all(np.isfinite(steady)) and np.all(np.isfinite(tau)), gate
        assert np.all((steady >= 0) & (steady <= 1)) and np.all(tau > 0), gate


@pytest.mark.parametrize("name", [n for n in CHANNELS if n not in ("leak", "calcium_pool", "hodgkin_huxley_membrane")])
def test_no_current_at_reversal_and_outward_above(name: str) -> None:
    mechanism = model(name)
    reversal = 131.0 if mechanism.carries == "ca" else mechanism.e.value
    at, above, below = (call(mechanism, "current", {}, {**SURROUNDINGS, "v": reversal + d}) for d in (0.0, 1.0, -1.0))
    assert at.value == 0.0
    np.testing.assert_allclose(above.value, -below.value, rtol=1e-12)
    assert above.value > 0


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ModelError, match="fast_sodium"):
        channel("fast_sodum")
    with pytest.raises(ModelError, match="ampa"):
        point_process("amp")


# --- steady states and time constants as published -------------------------------------------------------------------


def linoid(x: Any) -> Any:
    """x / (1 - exp(-x)) away from its singular point; NaN in it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return x / -np.expm1(-x)


def logistic(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def two_rates(alpha: Any, beta: Any, speed: float = 1.0) -> tuple[Any, Any]:
    """Steady state and time constant of a gate with these rates (1/ms)."""
    return alpha / (alpha + beta), 1 / (alpha + beta) / speed


Q = 2.3**1.3
M_NA = (0.182 * 6 * linoid((V + 38) / 6), 0.124 * 6 * linoid(-(V + 38) / 6))
PUBLISHED: dict[str, dict[str, tuple[Any, Any]]] = {
    "hodgkin_huxley_membrane": {
        "m": two_rates(linoid((V + 40) / 10), 4 * np.exp(-(V + 65) / 18)),
        "h": two_rates(0.07 * np.exp(-(V + 65) / 20), logistic((V + 35) / 10)),
        "n": two_rates(0.1 * linoid((V + 55) / 10), 0.125 * np.exp(-(V + 65) / 80)),
    },
    "fast_sodium": {
        "m": two_rates(*M_NA, Q),
        "h": two_rates(0.015 * 6 * linoid(-(V + 66) / 6), 0.015 * 6 * linoid((V + 66) / 6), Q),
    },
    "persistent_sodium": {
        "m": (logistic((V + 52.6) / 4.6), 6 / sum(M_NA) / Q),
        "h": (
            logistic(-(V + 48.8) / 10),
            1 / (2.88e-6 * 4.63 * linoid(-(V + 17) / 4.63) + 6.94e-6 * 2.63 * linoid((V + 64.4) / 2.63)) / Q,
        ),
    },
    "transient_potassium": {
        "m": (logistic((V + 10) / 19), (0.34 + 0.92 * np.exp(-(((V + 81) / 59) ** 2))) / Q),
        "h": (logistic(-(V + 76) / 10), (8 + 49 * np.exp(-(((V + 83) / 23) ** 2))) / Q),
    },
    "persistent_potassium": {
        "m": (
            logistic((V + 11) / 12),
            (1.25 + np.where(V < -60, 175.03 * np.exp(0.026 * (V + 10)), 13 * np.exp(-0.026 * (V + 10)))) / Q,
        ),
        "h": (logistic(-(V + 64) / 11), (360 + (1010 + 24 * (V + 65)) * np.exp(-(((V + 85) / 48) ** 2))) / Q),
    },
    "kv3_potassium": {"m": (logistic((V - 18.7) / 9.7), 4 * logistic((V + 46.56) / 44.14))},
    "m_current": {"m": (logistic((V + 35) / 5), 1 / (0.0066 * np.cosh(0.1 * (V + 35))) / Q)},
    "h_current": {"m": two_rates(0.00643 * 11.9 * linoid(-(V + 154.9) / 11.9), 0.193 * np.exp(V / 33.1))},
    "high_voltage_calcium": {
        "m": two_rates(0.055 * 3.8 * linoid((V + 27) / 3.8), 0.94 * np.exp(-(V + 75) / 17)),
        "h": two_rates(0.000457 * np.exp(-(V + 13) / 50), 0.0065 * logistic((V + 15) / 28)),
    },
    "low_voltage_calcium": {
        "m": (logistic((V + 40) / 6), (5 + 20 * logistic(-(V + 35) / 5)) / Q),
        "h": (logistic(-(V + 90) / 6.4), (20 + 50 * logistic(-(V + 50) / 7)) / Q),
    },
    "sk_potassium": {"z": (1 / (1 + 4.3**4.8) * np.ones_like(V), np.ones_like(V))},
}
PUBLISHED["squid_sodium"] = {gate: PUBLISHED["hodgkin_huxley_membrane"][gate] for gate in "mh"}
PUBLISHED["squid_potassium"] = {"n": PUBLISHED["hodgkin_huxley_membrane"]["n"]}
PUBLISHED |= {f"noisy_{name}": PUBLISHED[name] for name in ("squid_sodium", "squid_potassium")}


@pytest.mark.parametrize("name", [n for n in CHANNELS if gates(model(n))])
def test_kinetics_are_the_published_ones(name: str) -> None:
    found = kinetics(model(name))
    assert found.keys() == PUBLISHED[name].keys()
    for gate, published in PUBLISHED[name].items():
        for mine, theirs in zip(found[gate], published, strict=True):
            regular = np.isfinite(theirs) & (np.abs(np.nan_to_num(theirs)) < 1e100)
            assert regular.sum() >= len(V) - 2
            np.testing.assert_allclose(np.broadcast_to(mine, V.shape)[regular], theirs[regular], rtol=1e-9, atol=1e-15, err_msg=gate)


SINGULAR = {"fast_sodium": (-38, -66), "persistent_sodium": (-38, -17, -64.4), "h_current": (-154.9,),
            "high_voltage_calcium": (-27,), "squid_sodium": (-40,), "squid_potassium": (-55,)}  # fmt: skip


@pytest.mark.parametrize(("name", "at"), [(n, v) for n, vs in SINGULAR.items() for v in vs])
def test_removable_singularities_take_their_limit(name: str, at: float) -> None:
    here, beside = (kinetics(model(name), v=np.array([at + d for d in ds])) for ds in ((0.0,), (-1e-3, 1e-3)))
    for gate, pair in here.items():
        for value, around in zip(pair, beside[gate], strict=True):
            np.testing.assert_allclose(value, around.mean(), rtol=1e-6, err_msg=gate)


@pytest.mark.parametrize(
    ("name", "factor"), [("hodgkin_huxley_membrane", 3.0), ("squid_sodium", 3.0), ("fast_sodium", 2.3), ("m_current", 2.3)]
)
def test_ten_degrees_speed_gates_by_q10(name: str, factor: float) -> None:
    mechanism = model(name)
    warmer = mechanism.with_(celsius=mechanism.celsius.value + 10)
    for gate, (steady, tau) in kinetics(mechanism).items():
        np.testing.assert_allclose(kinetics(warmer)[gate][0], steady, rtol=1e-12)
        np.testing.assert_allclose(tau / kinetics(warmer)[gate][1], factor, rtol=1e-12)


def test_squid_membrane_is_the_sum_of_its_parts_and_rests_where_neuron_does() -> None:
    whole, parts = model("hodgkin_huxley_membrane"), [model("squid_sodium"), model("squid_potassium"), model("leak")]
    parts[2] = parts[2].with_(g=whole.g_l, e=whole.e_l)
    at = {"v": np.array([-64.98, -64.97])}
    rest = {gate: steady for gate, (steady, _) in kinetics(whole, **at).items()}
    total = call(whole, "current", rest, at).value
    np.testing.assert_allclose(total, sum(call(p, "current", rest, at).value for p in parts), rtol=1e-12, atol=1e-16)
    assert total[0] < 0 < total[1]


def test_sk_is_half_open_at_its_constant_and_shut_without_calcium() -> None:
    for c, expected in ((0.00043, 0.5), (0.0, 0.0), (1.0, 1.0)):
        np.testing.assert_allclose(kinetics(model("sk_potassium"), c_ca=c)["z"][0], expected, atol=1e-12)


# --- the calcium pool --------------------------------------------------------------------------------------------------


def test_physical_constants() -> None:
    # CODATA 2018, to all the digits it prints.
    assert FARADAY.to(COULOMB / MOLE) == pytest.approx(96485.33212, abs=5e-6)
    assert GAS_CONSTANT.to(1e3 * mV * COULOMB / MOLE) == pytest.approx(8.314462618, abs=5e-10)
    # 58 mV a decade at 20 °C, halved for two charges.
    assert (nernst(10 * mM, 1 * mM, 2, 20.0)).to(mV) == pytest.approx(58.17 / 2, abs=0.01)


def test_pool_returns_to_its_minimum() -> None:
    pool = model("calcium_pool")
    rate = call(pool, "derivative", {"c_ca": np.array([1e-4, 3e-4])}, {"i_ca": 0.0})["c_ca"]
    assert rate.value[0] == 0.0
    assert -rate.to(mM / ms)[1] * 460 == pytest.approx(2e-4, rel=1e-12)


def test_pool_fills_as_one_counts_ions() -> None:
    pool = model("calcium_pool", gamma=1.0)
    # 1 pA/µm² into 0.1 µm of depth for 1 ms: 10⁻¹⁵ C in 10⁻¹⁶ litre, and two elementary charges in each ion.
    ions = 1e-15 / (2 * 1.602176634e-19)
    expected_mm = ions / 6.02214076e23 / 1e-16 * 1e3
    rate = call(pool, "derivative", {"c_ca": 1e-4}, {"i_ca": -1.0})["c_ca"]
    assert rate.to(mM / ms) == pytest.approx(expected_mm, rel=1e-12)
    # The published form: -10⁴ i γ / (2 F d) with i in mA/cm² (0.1 of them is 1 pA/µm²) and d in µm.
    assert rate.to(mM / ms) == pytest.approx(1e4 * 0.1 / (2 * 96485.33212 * 0.1), rel=1e-9)


def test_pool_provides_calcium_and_its_reversal() -> None:
    offered = call(model("calcium_pool"), "provides", {"c_ca": 1e-4}, {})
    assert offered["c_ca"].to(mM) == 1e-4
    assert offered["e_ca"].to(mV) == pytest.approx(8.314462618 * 307.15 / (2 * 96485.33212) * 1e3 * np.log(2e4), rel=1e-9)


# --- electrodes ----------------------------------------------------------------------------------------------------------


def test_positive_amplitude_flows_inward() -> None:
    assert call(model("current_clamp"), "current", {}, {"amplitude": 50.0}).to(pA) == -50.0


def test_voltage_clamp_obeys_ohm() -> None:
    # 10 mV over 1 MΩ is 10 nA; outward, because the membrane is above the command.
    assert call(model("voltage_clamp"), "current", {}, {"v": -60.0, "command": -70.0, "active": 0.0}).to(pA) == pytest.approx(1e4)
    assert call(model("voltage_clamp"), "current", {}, {"v": -60.0, "command": -70.0, "active": -1.0}).to(pA) == 0  # let go


def test_dynamic_clamp_is_a_conductance() -> None:
    clamp = model("dynamic_clamp", e=-80 * mV)
    assert call(clamp, "current", {}, {"v": -60.0, "conductance": 3.0}).to(pA) == pytest.approx(60.0)


def test_halves_of_a_gap_junction_cancel() -> None:
    half = model("gap_junction", g=2 * nS)
    there, back = (call(half, "current", {}, {"v": v, "v_partner": p}).to(pA) for v, p in ((-60.0, -75.0), (-75.0, -60.0)))
    assert there == -back == pytest.approx(30.0)


def test_densities_are_per_square_micrometre() -> None:
    assert call(model("leak"), "current", {}, {"v": -69.0}).to(pA / um**2) == pytest.approx(0.001)
