"""A cell whose sections differ in number of compartments, capacitance and resistivity, with electrodes at the ends, is NEURON's.

Squid membrane on soma, axon and one dendrite, passive elsewhere; spikes start at the far end of the axon, and a voltage clamp at
the tip of a dendrite lets go after 40 ms. Both compute the same circuit in double precision; what is left is rounding, some 1e-10
in NEURON's numerical derivatives, times what the upstroke of a spike makes of it. ``peer/neuron_sections.py`` is NEURON's side;
``neuron_sections.npz`` is what NEURON 9.0.2 made of it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from neuropil.engine import run
from neuropil.model import FixedCount, Morphology, Network, Step
from neuropil.model.cell.cell import Cell
from neuropil.units import MOhm, Ohm, cm, mS, ms, mV, nA, uF, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.electrodes.voltage_clamp import VoltageClamp
from peer.neuron_sections import CLAMP, CURRENTS, DETECT, LOCATIONS, SECTIONS

STORED = Path(__file__).with_name("neuron_sections.npz")
BOUND = 1e-6
"""mV, over 100 ms with seven spikes."""


def the_cell() -> Cell:
    build = Morphology.builder("sections")
    for name, length, diameter, *_, parent, at in SECTIONS:
        build.section(name, kind="soma" if name == "soma" else "dendrite", length=length * um, diameter=diameter * um, parent=parent, at=at)
    nseg, capacitance, resistivity = ({row[0]: row[k] for row in SECTIONS} for k in (3, 4, 5))
    cell = Cell(
        build.build(), discretisation=FixedCount(nseg), capacitance={n: c * uF / cm**2 for n, c in capacitance.items()},
        resistivity={n: r * Ohm * cm for n, r in resistivity.items()}, initial=-65 * mV,
    )  # fmt: skip
    for name, *_, mechanism, _, _ in SECTIONS:
        cell.paint(name, HodgkinHuxleyMembrane() if mechanism == "hh" else Leak(g=0.1 * mS / cm**2, e=-65 * mV))
    cell.place("electrodes", CurrentClamp(), at=[f"{name}({x})" for name, x, *_ in CURRENTS])
    cell.place("hold", VoltageClamp(r_series=CLAMP[4] * MOhm), at=f"{CLAMP[0]}({CLAMP[1]})")
    return cell.detect(f"{DETECT[0]}({DETECT[1]})", threshold=DETECT[2] * mV)


@cache
def ours() -> tuple[np.ndarray, np.ndarray]:
    """Potentials (mV) [locations, 200 samples], spike times (ms)."""
    net = Network("sections")
    p = net.population("c", the_cell(), 1)
    for k, (*_, delay, duration, amplitude) in enumerate(CURRENTS):
        net.stimulate(p, Step(amplitude * nA, start=delay * ms, stop=(delay + duration) * ms), input=f"electrodes.amplitude[{k}]")
    net.stimulate(p, Step(CLAMP[3] * mV, stop=CLAMP[2] * ms), input="hold.command")
    net.probe(p, "v", at=[f"{name}({x})" for name, x in LOCATIONS])
    result = run(net, 100 * ms, dt=0.025 * ms, threads=1)
    return result.traces["c.v"].values[19::20].T, result.spikes.times()


def test_potentials_and_spikes_are_neurons() -> None:
    v, spikes = ours()
    with np.load(STORED) as stored:
        assert np.abs(v - stored["v"]).max() < BOUND
        assert len(stored["spikes"]) == 7
        np.testing.assert_allclose(spikes, stored["spikes"], rtol=0, atol=1e-6)
