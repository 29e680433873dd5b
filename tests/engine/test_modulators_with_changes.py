"""Modulators of a network whose parameters are set, or that goes back to a snapshot: effects act on what is described, not on what they made of it.

Why to believe it: the bits are those of a run in which nothing is set and nothing restored.
"""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.engine import Simulation
from neuropil.model import AllToAll, FirstOrder, Morphology, Network
from neuropil.model.cell.cell import Cell
from neuropil.units import Hz, ms, nM, nS, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.synapses.ampa_nmda import AMPANMDA
from neuropil.zoo.synapses.scaled import Scaled


def changing():
    """One substance that changes synapses and the membranes of cells, released late: before, effects leave what they act on."""
    network = Network("changing")
    source = network.population("source", PoissonSource(rate=400 * Hz), 6)
    build = Morphology.builder("ball")
    build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    cells = network.population("cells", Cell(build.build()).paint("all", Leak(), name="leak").place("syn", AMPANMDA(), at="soma(0.5)"), 3)
    (into,) = network.project(source, cells, AllToAll(), weight=1 * nS, delay=1 * ms, port="syn.exc", synapse=Scaled(), name="in")
    m = network.modulator("m", FirstOrder(baseline=0 * nM, tau=15 * ms), volume=[into, cells], tick=1 * ms)
    m.modulates(into, "scale", lambda value, c: value * (1.0 + c / (100 * nM)), high=4.0).modulates(cells, "leak.g", lambda value, c: value * (1.0 + c / (20 * nM)))
    network.probe(cells, "v")
    return network


@pytest.mark.parametrize("threads", [1, 2])
def test_effects_act_on_the_described_values_after_other_changes(threads) -> None:
    """Not on what effects have made of them: values set as they are, and what goes on from a snapshot, give the bits of a run without either."""

    def onward(simulation, until):
        if simulation.core.step == 155:
            simulation.modulators["m"].release(80 * nM)
        simulation.step(until - simulation.core.step)
        return simulation.result().traces["cells.v"].values

    with Simulation(changing(), threads=threads) as plain, Simulation(changing(), threads=threads) as other:
        plain.step(155)
        onward(plain, 260)
        truth = onward(plain, 500)
        other.step(43)
        early = other.snapshot()
        other.step(112)
        onward(other, 260)
        other.set("source", rate=400 * Hz)
        other.set("cells", leak__g=Leak().g)
        late = other.snapshot()
        np.testing.assert_array_equal(onward(other, 500), truth)
        other.restore(late)
        np.testing.assert_array_equal(onward(other, 500), truth[260:])
        other.restore(early)  # when nothing had been released
        np.testing.assert_array_equal(onward(other, 155), truth[43:155])
        assert np.ptp(truth[300:]) > 1.0
