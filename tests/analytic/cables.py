"""Passive cells for tests, all run by one compiled program: their text is the same whatever their shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.model import Morphology, Network, Step
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.discretise import FixedCount, Rule
from neuropil.units import Ohm, cm, mS, ms, mV, pA, uF, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.electrodes.current_clamp import CurrentClamp

E = -70.0  # mV
G, C, R = 0.05, 1.0, 150.0  # mS/cm², µF/cm², ohm·cm
TAU = C / G  # ms

G_UM, R_UM = 1e-2 * G, 1e-5 * R
"""The same in nS/µm² and GΩ·µm."""


def passive_cell(shape: Morphology, rule: Rule, sites: list[str], g: float = G) -> Cell:
    cell = Cell(shape, discretisation=rule, capacitance=C * uF / cm**2, resistivity=R * Ohm * cm, initial=E * mV)
    cell.paint("all", Leak(g=g * mS / cm**2, e=E * mV))
    return cell.place("clamp", CurrentClamp(), at=sites)


def passive_network(
    shape: Morphology | None = None, compartments: int = 5, sites: tuple[str, str] = ("cable(0)", "cable(1)"), currents: Any = ((100.0,), (0.0,)),
    g: float = G, stop: float | None = None, initial: Any = None,
) -> Network:  # fmt: skip
    """Cells with a current clamp at two sites.

    Args:
        currents: pA, [2 sites][cells].
        stop: end of the currents, ms.
        initial: potentials, mV, [cells * compartments].
    """
    shape = Morphology.cable(1000 * um, 2 * um) if shape is None else shape
    net = Network("cable")
    cell = passive_cell(shape, FixedCount(compartments), list(sites), g)
    p = net.population("cable", cell, len(currents[0]), initial=None if initial is None else {"v": initial * mV})
    for site, amplitude in enumerate(currents):
        net.stimulate(p, Step(np.asarray(amplitude) * pA, stop=None if stop is None else stop * ms), input=f"clamp.amplitude[{site}]")
    net.probe(p, "v")
    return net


def length_constant(diameter: float) -> float:
    """µm."""
    return float(np.sqrt(diameter / (4 * G_UM * R_UM)))


def input_resistance(diameter: float) -> float:
    """Of a semi-infinite cable, GΩ."""
    return 2 / np.pi * float(np.sqrt(R_UM / G_UM)) * diameter**-1.5
