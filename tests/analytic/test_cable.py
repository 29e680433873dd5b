"""Cells with morphology against closed forms: Rall (1977) Handbook of Physiology, ch. 3; Koch (1999) Biophysics of Computation, ch. 2, 3."""

from __future__ import annotations

import numpy as np
import pytest

from analytic.cables import TAU, C, E, input_resistance, length_constant, passive_network
from neuropil.engine import Simulation, run
from neuropil.model import FixedCount, Morphology, Network, SpikeList, Step
from neuropil.model.cell.cell import Cell
from neuropil.units import MOhm, Ohm, cm, mS, ms, mV, nS, pA, uF, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.electrodes.dynamic_clamp import DynamicClamp
from neuropil.zoo.electrodes.voltage_clamp import VoltageClamp
from neuropil.zoo.synapses.ampa import AMPAExponential

LENGTH, DIAMETER = 1000.0, 2.0
RESTING = 40 * TAU * ms  # e^-40 of the way remains
NO_CURRENT = ((0.0,), (0.0,))


def volts(net: Network, duration, dt=0.025 * ms, **options) -> np.ndarray:
    """[samples, cells, compartments], mV above rest."""
    cells = net["cable"]
    trace = run(net, duration, dt=dt, threads=1, **options).traces["cable.v"].values
    return trace.reshape(len(trace), cells.size, -1) - E


def slope(steps, errors) -> float:
    return float(np.polyfit(np.log(steps), np.log(np.abs(errors)), 1)[0])


# --- steady states ---------------------------------------------------------------------------------------------------


def steady(net: Network) -> np.ndarray:
    """Any step will do: an implicit step leaves a steady state where it is."""
    return volts(net, RESTING, dt=0.4 * TAU * ms)[-1]


def test_steady_potential_along_a_sealed_cable():
    """V(x) = I R∞ cosh((L - x)/λ) / sinh(L/λ), the current at the sealed end; 201 compartments: 1e-4 of the largest."""
    n, lam = 201, length_constant(DIAMETER)
    v = steady(passive_network(compartments=n))[0]
    x = np.append((np.arange(n) + 0.5) * LENGTH / n, [0.0, LENGTH])  # the two ends, which hold the electrodes, come last
    truth = 100 * input_resistance(DIAMETER) * np.cosh((LENGTH - x) / lam) / np.sinh(LENGTH / lam)
    assert np.abs(v - truth).max() < 1e-4 * truth[n]


def test_second_order_in_space():
    """Input resistance at the middle, R∞/2 coth(L/2λ), by odd numbers of compartments."""
    truth = 100 * input_resistance(DIAMETER) / 2 / np.tanh(LENGTH / 2 / length_constant(DIAMETER))
    counts = [3, 9, 27, 81]
    errors = [steady(passive_network(compartments=n, sites=("cable(0.5)", "cable(1)")))[0, n // 2] - truth for n in counts]
    assert slope(1 / np.array(counts), errors) == pytest.approx(2.0, abs=0.05)
    assert abs(errors[-1]) < 1e-4 * truth


def tree() -> Morphology:
    build = Morphology.builder("tree")
    build.section("soma", kind="soma", length=25 * um, diameter=20 * um)
    build.section("trunk", kind="apical", length=200 * um, diameter=[4, 2] * um, parent="soma")
    build.section("left", kind="apical", length=150 * um, diameter=[1.5, 0.5] * um, parent="trunk", direction=(1, 1, 0))
    build.section("right", kind="apical", length=90 * um, diameter=1 * um, parent="trunk", direction=(1, -1, 0))
    build.section("twig", kind="apical", length=60 * um, diameter=0.6 * um, parent="left", at=0.4, direction=(0, 1, 0))
    return build.build()


def test_transfer_resistances_are_reciprocal():
    net = passive_network(tree(), 3, ("twig(0.9)", "right(0.2)"), ((50.0, 0.0), (0.0, 50.0)))
    at = net["cable"].neuron.placed["clamp"].compartments
    v = steady(net)
    assert v[0, at[1]] == pytest.approx(v[1, at[0]], rel=1e-11)
    assert v[0, at[0]] > 1.5 * v[0, at[1]] > 0


def test_a_tree_of_three_halves_is_a_cylinder():
    """Rall (1959): daughters with d^(3/2) that add up to the parent's, of equal electrotonic length, act as one cylinder.

    The discrete circuits are equal too, node by node: conductances and areas go with d^(3/2).
    """

    def shape(daughters: list[float]) -> Morphology:
        build = Morphology.builder("tree")
        build.section("cable", kind="basal", length=300 * um, diameter=2 * um)
        for i, d in enumerate(daughters):
            build.section(f"d{i}", kind="basal", length=0.4 * length_constant(d) * um, diameter=d * um, parent="cable", direction=(1, i - 0.5, 0))
        return build.build()

    thin = 2 * 0.5 ** (2 / 3)
    sites = ("cable(0)", "cable(1)")
    tree_v, rod_v = (volts(passive_network(shape(d), 7, sites), 10 * ms)[:, 0] for d in ([thin, thin], [2.0]))
    np.testing.assert_allclose(tree_v[:, :7], rod_v[:, :7], rtol=1e-10)


# --- in time ---------------------------------------------------------------------------------------------------------


def cosine(n: int, mode: int) -> np.ndarray:
    """An eigenfunction of the sealed cable, of the continuous one and, sampled at the middles, of the discrete one."""
    return np.cos(mode * np.pi * (np.arange(n) + 0.5) / n)


@pytest.mark.parametrize("mode", [0, 1])
def test_first_order_in_time(mode):
    """Against e^(-t/τ) after 10 ms. Mode 0, an isopotential cell, is the point neuron with this time constant."""
    n = 101
    tau = TAU / (1 + (mode * np.pi * length_constant(DIAMETER) / LENGTH) ** 2)
    steps = [0.2, 0.1, 0.05, 0.025]
    errors = []
    for dt in steps:
        v = volts(passive_network(compartments=n, currents=NO_CURRENT, initial=E + 10 * cosine(n, mode)), 10 * ms, dt=dt * ms)
        # The discrete mode's own time constant, so that only the error of the step is left.
        discrete = TAU / (1 + (2 * n / LENGTH * np.sin(mode * np.pi / 2 / n) * length_constant(DIAMETER)) ** 2)
        errors.append(v[-1, 0, 0] / (10 * cosine(n, mode)[0]) - np.exp(-10 / discrete))
        assert v[-1, 0, 0] / (10 * cosine(n, mode)[0]) == pytest.approx((1 + dt / discrete) ** -round(10 / dt), rel=1e-10)
    assert discrete == pytest.approx(tau, rel=1e-3)
    assert slope(steps, errors) == pytest.approx(1.0, abs=0.03)


def test_time_constants_by_peeling():
    """A charge at one end: the tail gives τ0 = C/g; what is left of the start gives τ1 = τ0/(1 + (πλ/L)²). Within 1 %."""
    n, dt = 101, 0.05
    start = np.full(n, E)
    start[0] += 100
    v = volts(passive_network(compartments=n, currents=NO_CURRENT, initial=start), 80 * ms, dt=dt * ms)[:, 0, 0]
    t = dt * (1 + np.arange(len(v)))
    tau1 = TAU / (1 + (np.pi * length_constant(DIAMETER) / LENGTH) ** 2)
    tail = t > 10 * tau1
    rate0, offset = np.polyfit(t[tail], np.log(v[tail]), 1)
    rest = v - np.exp(rate0 * t + offset)
    early = (t > 1.5 * tau1) & (t < 5 * tau1)
    rate1, _ = np.polyfit(t[early], np.log(rest[early]), 1)
    assert -1 / rate0 == pytest.approx(TAU, rel=0.01)
    assert -1 / rate1 == pytest.approx(tau1, rel=0.01)


def test_charge_is_conserved():
    """Without leak, all that is injected lies on the capacitance."""
    net = passive_network(tree(), 4, ("twig(0.9)", "soma"), ((80.0,), (-30.0,)), g=0.0)
    v = volts(net, 5 * ms)[:, 0]
    charge = v @ net["cable"].neuron.compartments.capacitance  # fC
    np.testing.assert_allclose(charge, 50.0 * 0.025 * (1 + np.arange(len(v))), rtol=1e-10)


# --- electrodes ------------------------------------------------------------------------------------------------------


def test_clamps_and_events_at_sites():
    """One compartment with every electrode: V∞ = (G E + command/R + g e + I)/(G + 1/R + g), reached with C over the sum.

    The implicit step is (1 + dt/τ)^-k, to rounding. A synapse hears a list of events at one site of one cell only.
    """
    g_m, dt, steps = 0.1, 0.1, 80
    cell = Cell(Morphology.cable(50 * um, 20 * um), discretisation=FixedCount(1), capacitance=C * uF / cm**2, initial=E * mV)
    cell.paint("all", Leak(g=g_m * mS / cm**2, e=E * mV))
    cell.place("hold", VoltageClamp(r_series=100 * MOhm), at="cable")
    cell.place("inject", CurrentClamp(), at="cable")
    cell.place("shunt", DynamicClamp(e=-20 * mV), at="cable")
    cell.place("syn", AMPAExponential(), at=["cable", "cable"])
    net = Network("electrodes")
    p = net.population("one", cell, 4)
    command, injected, shunt = np.array([-70.0, -50.0, -70.0, -70.0]), np.array([0.0, 0.0, 40.0, 0.0]), np.array([0.0, 5.0, 0.0, 3.0])
    net.stimulate(p, Step(command * mV), input="hold.command")
    net.stimulate(p, Step(injected * pA), input="inject.amplitude")
    net.stimulate(p, Step(shunt * nS), input="shunt.conductance")
    net.stimulate(p, SpikeList([2.0, 5.0] * ms, neurons=[0, 0]), port="syn.exc[1]", weight=1.5 * nS)
    net.probe(p, "v")
    net.probe(p, "syn.g")
    result = run(net, steps * dt * ms, dt=dt * ms, threads=2)
    v, g = result.traces["one.v"].values, result.traces["one.syn.g"].values.reshape(steps, 4, 2)
    area = np.pi * 50 * 20
    leak, series = 1e-2 * g_m * area, 10.0  # nS
    total = leak + series + shunt
    final = (leak * E + series * command + shunt * -20 + injected) / total
    tau = 1e-2 * C * area / total  # 1 µF/cm² is 0.01 pF/µm²
    k = 1 + np.arange(steps)[:, None]
    truth = final + (E - final) * (1 + dt / tau) ** -k
    np.testing.assert_allclose(v[:, 1:], truth[:, 1:], rtol=1e-11)
    assert v[-1, 1] > E and v[-1, 2] > E and v[-1, 3] > E, "outward currents hyperpolarise, injected ones do not"
    # The clamp's current balances the leak (cell 1 at rest with its clamp): (v - command)/R = -g (v - E) - shunt.
    np.testing.assert_allclose(series * (final - command), -leak * (final - E) - shunt * (final + 20) + injected, rtol=1e-9, atol=1e-9)
    t, decay = dt * (1 + np.arange(steps)), AMPAExponential().tau.value
    expected = sum(1.5 * np.where(t >= s - 1e-9, np.exp(-(t - s) / decay), 0) for s in (2.0, 5.0))
    np.testing.assert_allclose(g[:, 0, 1], expected, atol=1e-12)
    assert not g[:, 0, 0].any() and not g[:, 1:].any()
    assert v[25, 0] > E + 0.1


# --- precision -------------------------------------------------------------------------------------------------------

SINGLE_PASSIVE, SINGLE_ACTIVE = 2e-4, 0.03
"""mV: bounds on what float32 changes over 50 ms (see docs/cells.md for what was measured)."""


def axon() -> Network:
    net = Network("axon")
    cell = Cell(Morphology.cable(1000 * um, 2 * um), discretisation=FixedCount(50), resistivity=100 * Ohm * cm)
    cell.paint("all", HodgkinHuxleyMembrane()).place("clamp", CurrentClamp(), at="cable(0)").detect("cable(1)")
    p = net.population("cable", cell, 2)
    net.stimulate(p, Step([200, 300] * pA, start=1 * ms), input="clamp.amplitude")
    net.probe(p, "v")
    return net


@pytest.mark.slow
def test_single_precision():
    """Passive: largest difference over 50 ms. Active: where the potential changes slowly (below 1 mV/ms), spikes within a step."""
    one, two = (volts(passive_network(tree(), 5, ("soma", "twig(1)")), 50 * ms, precision=p) for p in ("float32", "float64"))
    passive = np.abs(one - two).max()
    a, b = (Simulation(axon(), dt=0.025 * ms, threads=1, precision=p).run(50 * ms) for p in ("float32", "float64"))
    va, vb = a.traces["cable.v"].values, b.traces["cable.v"].values
    slow = np.abs(np.gradient(vb, 0.025, axis=0)) < 1.0
    print(f"float32 against float64: passive {passive:.2g} mV, active {np.abs(va - vb).max():.2g} mV ({np.abs(va - vb)[slow].max():.2g} between spikes), spikes {len(a.spikes)}")
    assert passive < SINGLE_PASSIVE
    assert np.abs(va - vb).max() < SINGLE_ACTIVE
    assert len(a.spikes) == len(b.spikes) > 4
    assert np.abs(a.spikes.step - b.spikes.step).max() <= 1
