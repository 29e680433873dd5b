"""Gap junctions: the engine against the oracle, for any number of threads; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.errors import NetworkError
from neuropil.oracle import simulate
from neuropil.units import ms, mV, nS, pA
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
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
        result = simulation.run(3 * i * ms)
    assert np.array_equal(result.traces["cells.v"].values, whole)


def test_half_a_junction_needs_one_partner():
    network, population = cells()
    network.couple((population, "gap"), (population, "gap"), RING[:2], sites=(0, 1))
    with pytest.raises(NetworkError, match="one partner"):
        npl.run(network, TIME, dt=DT)


@pytest.mark.parametrize(
    ("first", "pairs", "sites", "words"),
    [
        ("clamp", RING, (0, 1), "no half"),
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
