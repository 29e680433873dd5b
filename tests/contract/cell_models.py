"""Cells that the rollout is compared on: small, but with every kind of mechanism between them."""

from __future__ import annotations

import numpy as np

from neuropil.model import Morphology
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.discretise import FixedCount
from neuropil.units import cm as centimetre
from neuropil.units import mS, mV, um
from neuropil.zoo.cells.layer5_pyramidal import layer5_pyramidal
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.synapses.ampa_nmda import AMPANMDA
from neuropil.zoo.synapses.gaba_a import GABAA

STEPS = 300


def passive() -> Cell:
    """Ball and stick."""
    cell = Cell(Morphology.ball_and_stick(), discretisation=FixedCount(7))
    cell.paint("all", Leak(g=0.1 * mS / centimetre**2, e=-70 * mV))
    return cell.place("electrode", CurrentClamp(), "soma(0.5)").place("inhibition", GABAA(), ["dend(0.9)", "dend(0.9)", "dend(1)", "dend(0)"])


def cable() -> Cell:
    """A squid axon, stimulated at one end, listened to at the other."""
    cell = Cell(Morphology.cable(1000 * um, 2 * um), discretisation=FixedCount(20))
    cell.paint("all", HodgkinHuxleyMembrane())
    return cell.place("electrode", CurrentClamp(), "cable(0)").detect("cable(1)", 0 * mV)


def branched() -> Cell:
    """Soma, trunk that forks, basal dendrite and axon with the channels of a layer-5 pyramidal cell and synapses with NMDA block."""
    build = Morphology.builder("small pyramidal cell")
    build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    build.section("trunk", kind="apical", length=700 * um, diameter=4 * um, parent="soma")
    for name in ("left", "right"):
        build.section(name, kind="apical", length=100 * um, diameter=1.5 * um, parent="trunk")
    build.section("basal", kind="basal", length=150 * um, diameter=2 * um, parent="soma")
    build.section("axon", kind="axon", length=60 * um, diameter=1 * um, parent="soma")
    cell = layer5_pyramidal(build.build(), discretisation=FixedCount(4))
    cell.place("electrode", CurrentClamp(), "soma(0.5)")
    return cell.place("tuft", AMPANMDA(), ["left(0.9)", "right(0.5)", "left(0.9)"])


CELLS = {"passive": passive, "cable": cable, "branched": branched}


def inputs(cell: Cell, size: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A step of current and a few events for every input and port: [steps, cells, sites]."""
    g = np.random.default_rng(1)
    shapes = {n: (STEPS, size, cell.spec.sites.get(n, 1)) for n in (*cell.spec.inputs, *cell.spec.ports)}
    strong = 1500.0 if "tuft.exc" in cell.spec.ports else 300.0
    signals = {n: np.where(np.arange(STEPS) > 20, strong, 0.0)[:, None, None] * g.uniform(0.8, 1.2, shapes[n][1:]) for n in cell.spec.inputs}
    events = {n: np.where(g.random(shapes[n]) < 0.02, g.uniform(0.5, 3.0, shapes[n]), 0.0) for n in cell.spec.ports}
    return signals, events
