"""What sits at x = 0 and x = 1 sits on the ends of a section, as in NEURON.

A passive cable of 500 by 2 µm, 100 ohm·cm, 1e-4 S/cm² at -70 mV, 200 ms of 0.025 ms: potentials (mV) at the electrode and at the
middle, made by NEURON 9.0.2 (IClamp of 0.1 nA; SEClamp of 10 MΩ at 0 mV, 5 compartments). Cable theory gives -33.0327 for the end.
"""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.engine import run
from neuropil.model import FixedCount, Morphology, Network, Step
from neuropil.model.cell.cell import Cell
from neuropil.units import MOhm, Ohm, cm, mS, ms, mV, nA, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.electrodes.voltage_clamp import VoltageClamp

INJECTED = {
    1: {0.0: (-30.211264294125108, -38.16901144871988), 0.05: (-38.16901144871988, -38.16901144871988), 1.0: (-30.211264294125108, -38.16901144871988)},
    5: {0.0: (-32.91782079526231, -38.79559588470241), 0.5: (-36.91084987208565, -36.91084987208565), 1.0: (-32.91782079526231, -38.79559588470241)},
    51: {0.0: (-33.031560725485235, -38.82235198639572), 0.95: (-33.76967751658404, -38.80437064505804), 1.0: (-33.031560725485235, -38.82235198639572)},
}
CLAMPED = -1.8381301001796446


def cable(n: int) -> Cell:
    cell = Cell(Morphology.cable(500 * um, 2 * um), discretisation=FixedCount(n), resistivity=100 * Ohm * cm, initial=-70 * mV)
    return cell.paint("all", Leak(g=0.1 * mS / cm**2, e=-70 * mV))


def settled(cell: Cell, at: list[str], stimulus: Step | None = None) -> np.ndarray:
    net = Network("cable")
    p = net.population("c", cell, 1)
    if stimulus is not None:
        net.stimulate(p, stimulus, input="clamp.amplitude")
    net.probe(p, "v", at=at)
    return run(net, 200 * ms, dt=0.025 * ms, threads=1).traces["c.v"].values[-1]


@pytest.mark.parametrize("n", INJECTED)
def test_current_clamp(n: int) -> None:
    for x, theirs in INJECTED[n].items():
        v = settled(cable(n).place("clamp", CurrentClamp(), at=f"cable({x})"), [f"cable({x})", "cable(0.5)"], Step(0.1 * nA))
        np.testing.assert_allclose(v, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("x", [0, 1])
def test_voltage_clamp(x: int) -> None:
    v = settled(cable(5).place("clamp", VoltageClamp(r_series=10 * MOhm), at=f"cable({x})"), [f"cable({x})"])
    np.testing.assert_allclose(v, CLAMPED, rtol=0, atol=1e-9)
