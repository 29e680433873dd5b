"""Extracellular potentials against closed forms.

Why to believe it: the integral of a point source's potential along a line; the potential of a line at its own middle, worked out by hand; a cell's potentials from
its recorded currents; charge, whose potential falls with the distance where some is injected and with its square where none is.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

import neuropil as npl
from neuropil.errors import NetworkError, UnitError
from neuropil.model.probe.potential import ends_of
from neuropil.units import mm, mS, ms, mV, nS, pA, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.synapses.ampa import AMPA

SIGMA = 300.0  # nS/µm
START, END = np.array([[1.0, 2.0, 3.0]]), np.array([[11.0, -3.0, 8.0]])


@pytest.mark.parametrize("at", [(30.0, 0.0, 0.0), (6.0, 0.5, 6.5), (-20.0, 12.5, -7.5), (21.0, -8.0, 13.0), (1.0, 2.0, 9.0)])
def test_a_line_is_the_integral_of_points(at):
    at = np.array([at])
    length = float(np.linalg.norm(END - START))

    def density(x: float) -> float:
        along = (at[0] - START[0]) @ (END - START)[0] / length
        radius = max(np.sqrt(max(np.sum((at[0] - START[0]) ** 2) - along**2, 0.0)), 0.5)
        return 1.0 / np.sqrt((along - x * length) ** 2 + radius**2)

    expected = quad(density, 0.0, 1.0, epsabs=1e-13)[0] / (4 * np.pi * SIGMA)
    made = npl.LineSource(np.zeros((1, 3)) * um).weights(START, END, np.array([1.0]), at, SIGMA)
    assert made[0, 0] == pytest.approx(expected, rel=1e-10)


def test_by_hand():
    """At the middle of a line of 100 µm, 10 µm away: 2 asinh(5) / (4π · 0.3 S/m · 100 µm) for 1 nA is 12.27 µV."""
    made = npl.LineSource(np.zeros((1, 3)) * um).weights(np.array([[-50.0, 0, 0]]), np.array([[50.0, 0, 0]]), np.array([2.0]), np.array([[0.0, 10.0, 0.0]]), SIGMA)
    assert 1000 * made[0, 0] == pytest.approx(2 * np.arcsinh(5) / (4 * np.pi * 300 * 100) * 1000) == pytest.approx(0.012267, rel=1e-3)
    point = npl.PointSource(np.zeros((1, 3)) * um).weights(np.array([[0, 0, 0.0]]), np.array([[0, 0, 0.0]]), np.array([2.0]), np.array([[0.0, 10.0, 0.0], [0.0, 0.5, 0.0]]), SIGMA)
    np.testing.assert_allclose(point[:, 0], 1 / (4 * np.pi * 300 * np.array([10.0, 1.0])))


def driven(electrodes: np.ndarray, injected: bool) -> npl.Network:
    cell = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(8)).paint("all", Leak())
    cell.place("clamp", CurrentClamp(), "soma(0.5)").place("syn", AMPA(), "dend(0.9)")
    net = npl.Network("potentials")
    cells = net.population("cells", cell, 2, positions=np.array([[0.0, 0.0, 0.0], [40.0, -20.0, 10.0]]) * um)
    net.stimulate(cells, npl.Step(100.0 * injected * pA), input="clamp.amplitude")
    net.stimulate(cells, npl.Regular(1 * ms), port="syn.exc", weight=5 * nS)
    net.probe(cells, npl.LineSource(electrodes * um), name="line")
    net.probe(cells, "i_membrane", name="through")
    return net


def test_potentials_are_those_of_the_recorded_currents_and_fall_as_charge_says():
    near = np.array([[15.0, 10.0, 0.0], [-30.0, 90.0, 20.0]])
    away = np.array([1.0, 1.0, 1.0]) / np.sqrt(3)
    electrodes = np.vstack([near, 1e5 * away[None], 2e5 * away[None]])
    for injected in (True, False):
        net = driven(electrodes, injected)
        traces = npl.run(net, 5 * ms, precision="float64").traces
        cell = net["cells"].neuron
        start, end = ends_of(cell.compartments)
        assert np.allclose(np.linalg.norm(end - start, axis=1)[cell.compartments.has_membrane], cell.compartments.length[cell.compartments.has_membrane])
        through = traces["through"].values.reshape(-1, 2, len(cell))
        expected = 0.0
        for c, position in enumerate(net["cells"].positions):
            expected = expected + through[:, c] @ npl.LineSource(electrodes * um).weights(start + position, end + position, cell.compartments.diameter, electrodes, SIGMA).T
        np.testing.assert_allclose(traces["line"].values, expected, atol=1e-11)
        far = traces["line"].values[-1, 2:]
        assert far[0] / far[1] == pytest.approx(2.0 if injected else 4.0, rel=0.02)
    assert traces["line"].unit == "mV" and traces["line"].values.shape == (50, 4)


def test_refused():
    net = driven(np.zeros((1, 3)), True)
    cells = net["cells"]
    with pytest.raises(NetworkError, match="must be positions"):
        npl.LineSource(np.zeros(3) * um)
    with pytest.raises(UnitError):
        npl.LineSource(np.zeros((1, 3)) * um, conductivity=1 * mV)
    with pytest.raises(NetworkError, match="one positive number"):
        npl.LineSource(np.zeros((1, 3)) * um, conductivity=0 * mS / mm)
    with pytest.raises(NetworkError, match="no positions"):
        net.probe(net.population("nowhere", cells.neuron, 2), npl.LineSource(np.zeros((1, 3)) * um))
    with pytest.raises(NetworkError, match="rotation for each cell"):
        net.probe(cells, npl.LineSource(np.zeros((1, 3)) * um, rotations=np.eye(3)))
    with pytest.raises(NetworkError, match="all compartments"):
        net.probe(cells, npl.LineSource(np.zeros((1, 3)) * um), sites=[0])
