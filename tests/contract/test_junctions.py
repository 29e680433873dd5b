"""Gap junctions: the engine against the oracle, for any number of threads; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.errors import NetworkError
from neuropil.learn.rollout import Rollout
from neuropil.oracle import simulate
from neuropil.units import ms, mV, nS, pA
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.synapses.gap_junction import GapJunction

DT, TIME = 0.025 * ms, 30 * ms
RING = [(0, 1), (1, 2), (2, 0)]


def cells(excitable: bool = True) -> tuple[npl.Network, npl.Population]:
    cell = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(3))
    cell.paint("all", Leak(e=-65 * mV))
    if excitable:
        cell.paint("soma", HodgkinHuxleyMembrane())
    cell.place("clamp", CurrentClamp(), at="soma(0.5)")
    cell.place("gap", GapJunction(g=5 * nS), at=["soma(0.5)", "dend(0.5)"])
    network = npl.Network("coupled")
    population = network.population("cells", cell, 3)
    network.stimulate(population, npl.Step(np.array([800.0, 0.0, 0.0]) * pA, start=2 * ms), input="clamp.amplitude")
    network.probe(population, "v", at="soma(0.5)")
    return network, population


def test_engine_equals_oracle_for_any_threads():
    network, population = cells()
    network.couple((population, "gap"), (population, "gap"), RING, sites=(0, 1))
    truth = simulate(network, TIME, dt=DT)
    assert truth.spikes.step.size > 2
    digests = set()
    for threads in (1, 2, 3):
        result = npl.run(network, TIME, dt=DT, threads=threads)
        digests.add(result.spikes.digest())
        # Rounding at each spike's upstroke grows by its slope; nothing of order dt would stay this small.
        assert np.abs(result.traces["cells.v"].values - truth.traces["cells.v"]).max() < 1e-6
    assert digests == {truth.spikes.digest()}


def test_steady_potentials_are_those_of_the_circuit():
    """Two passive cells of one compartment and a bridge: a divider of three conductances."""
    cell = npl.Cell(npl.Morphology.cable(20 * npl.units.um, 20 * npl.units.um, kind="soma"), discretisation=npl.FixedCount(1))
    cell.paint("all", Leak(e=-70 * mV))
    cell.place("clamp", CurrentClamp(), at="soma(0.5)")
    cell.place("gap", GapJunction(g=0.8 * nS), at="soma(0.5)")
    network = npl.Network("pair")
    population = network.population("cells", cell, 2)
    network.couple((population, "gap"), (population, "gap"), [(0, 1)])
    network.stimulate(population, npl.Step(np.array([10.0, 0.0]) * pA, start=0 * ms), input="clamp.amplitude")
    network.probe(population, "v")
    v = npl.run(network, 400 * ms, dt=0.1 * ms).traces["cells.v"].values[-1] + 70.0
    leak, bridge = np.pi * 400.0 * 1e-3, 0.8  # nS: 0.1 mS/cm² is 1e-3 nS/µm²
    series = bridge * leak / (bridge + leak)
    assert v[0] == pytest.approx(10.0 / (leak + series), rel=1e-9)
    assert v[1] == pytest.approx(v[0] * bridge / (bridge + leak), rel=1e-9)


def test_chunks_do_not_matter():
    network, population = cells()
    network.couple((population, "gap"), (population, "gap"), RING, sites=(0, 1))
    whole = npl.run(network, TIME, dt=DT, threads=1).traces["cells.v"].values
    simulation = npl.Simulation(network, dt=DT, threads=1)
    for i in range(1, 11):
        result = simulation.run_until(3 * i * ms)
    assert np.array_equal(result.traces["cells.v"].values, whole)


def test_half_a_junction_needs_one_partner():
    network, population = cells()
    network.couple((population, "gap"), (population, "gap"), RING[:2], sites=(0, 1))
    with pytest.raises(NetworkError, match="one partner"):
        npl.run(network, TIME, dt=DT)


@pytest.mark.parametrize(
    ("first", "pairs", "sites", "words"),
    [
        ("clamp", RING, (0, 1), "not half a gap junction"),
        ("gab", RING, (0, 1), "gap"),
        ("gap", [(0, 3)], (0, 1), "no such neuron"),
        ("gap", RING, (0, 2), "no such site"),
        ("gap", [0, 1, 2], (0, 1), "rows of two"),
        ("gap", [(0.5, 1.0)], (0, 1), "no such neuron"),
    ],
)
def test_refused(first, pairs, sites, words):
    network, population = cells(excitable=False)
    with pytest.raises(NetworkError, match=words):
        network.couple((population, first), (population, "gap"), pairs, sites=sites)


# --- point neurons -----------------------------------------------------------------------------------------------


def points(g=None, pairs=RING, size: int = 3, **parameters) -> tuple[npl.Network, npl.Population]:
    """Leaky neurons, the first of them driven, joined at their input."""
    network = npl.Network("points")
    population = network.population("cells", LIFExp(**parameters), size)
    network.stimulate(population, npl.Step(np.where(np.arange(size) == 0, 2000.0, 0.0) * pA), input="current")
    network.couple((population, "current"), (population, "current"), pairs, g=g)
    network.probe(population, "v")
    return network, population


def test_point_neurons_equal_the_oracle_for_any_threads():
    """Several junctions on one neuron, conductances of their own, spikes; the same bits for any number of threads."""
    pairs = [(0, 1), (1, 2), (2, 0), (0, 3), (3, 1)]
    network, _ = points(np.array([5.0, 2.0, 0.5, 7.0, 0.0]) * nS, pairs, size=4)
    truth = simulate(network, TIME, dt=0.1 * ms)
    assert truth.spikes.step.size > 2
    digests, values = set(), []
    for threads in (1, 2, 3):
        result = npl.run(network, TIME, dt=0.1 * ms, threads=threads, precision="float64")
        digests.add(result.spikes.digest())
        values.append(result.traces["cells.v"].values)
        np.testing.assert_allclose(values[-1], truth.traces["cells.v"], rtol=1e-11)
    assert digests == {truth.spikes.digest()} and all(np.array_equal(v, values[0]) for v in values)


def test_point_neurons_in_a_rollout_equal_the_oracle():
    network, _ = points(4 * nS, v_th=1e6 * mV)
    truth = simulate(network, 10 * ms, dt=0.1 * ms).traces["cells.v"]
    ours = Rollout(network, dt=0.1 * ms, precision="float64").run(10 * ms).traces["cells.v"]
    np.testing.assert_allclose(ours, truth, rtol=1e-11)


def test_two_point_neurons_relax_to_a_divider_and_with_the_right_time_constant():
    """dd/dt = -(1/tau_m + 2 g / C) d for the difference of two potentials, started apart; first order in dt."""
    error = []
    for dt in (0.1, 0.05):
        network = npl.Network("pair")
        pair = network.population("cells", LIFExp(), 2, initial={"v": np.array([-60.0, -70.0]) * mV})
        network.couple((pair, "current"), (pair, "current"), [(0, 1)], g=10 * nS)
        network.probe(pair, "v")
        v = npl.run(network, 8 * ms, dt=dt * ms, precision="float64", threads=1).traces["cells.v"].values[-1]
        error.append(v[0] - v[1] - 10.0 * np.exp(-8.0 * (1 / 10.0 + 2 * 10.0 / 250.0)))
        assert v.sum() == pytest.approx(-130.0, abs=1e-9)  # what leaves one enters the other
    assert abs(error[0]) < 0.02 and error[0] / error[1] == pytest.approx(2.0, rel=0.02)


def test_a_run_in_pieces_and_a_point_neuron_joined_to_a_cell():
    network, population = cells(excitable=False)
    single = network.population("single", LIFExp(), 3)
    network.couple((population, "gap"), (single, "current"), [(0, 0), (1, 1), (2, 2)], g=5 * nS)
    network.couple((population, "gap"), (single, "current"), [(0, 1), (1, 2), (2, 0)], g=5 * nS, sites=(1, 0))
    network.probe(single, "v")
    truth = simulate(network, TIME, dt=DT).traces
    whole = npl.run(network, TIME, dt=DT, threads=1).traces
    for name in ("cells.v", "single.v"):
        np.testing.assert_allclose(whole[name].values, truth[name], rtol=1e-9)
    assert np.ptp(whole["single.v"].values[:, 0]) > 0.1  # the driven cell pulls its partner along
    simulation = npl.Simulation(network, dt=DT, threads=2)
    for stop in (7, 19, 30):
        result = simulation.run_until(stop * ms)
    assert np.array_equal(result.traces["single.v"].values, whole["single.v"].values)


@pytest.mark.parametrize(
    ("entry", "g", "words"),
    [
        ("currant", 1 * nS, "current"),
        ("current", None, "need a conductance"),
        ("current", -1 * nS, "not negative"),
        ("current", np.nan * nS, "finite|NaN"),
        ("current", np.ones(2) * nS, "shape|3"),
        ("current", 1 * pA, "unit"),
        ("current", npl.Normal(1 * nS, 0.1 * nS), "number or an array"),
    ],
)
def test_refused_between_point_neurons(entry, g, words):
    network = npl.Network("points")
    population = network.population("cells", LIFExp(), 3)
    with pytest.raises(npl.NeuropilError, match=words):
        network.couple((population, entry), (population, entry), RING, g=g)


def test_a_conductance_that_nothing_uses_is_refused():
    network, population = cells(excitable=False)
    with pytest.raises(NetworkError, match="leave g out"):
        network.couple((population, "gap"), (population, "gap"), RING, g=1 * nS, sites=(0, 1))
