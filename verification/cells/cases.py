"""The cells that neuropil and NEURON are compared on: real morphologies with their membrane, a current into the soma."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.model.cell.cell import Cell
from neuropil.model.cell.discretise import MaxLength
from neuropil.model.cell.morphology import Morphology
from neuropil.units import Ohm, cm, mS, ms, mV, uF, um
from neuropil.zoo.channels.calcium_pool import CalciumPool
from neuropil.zoo.channels.fast_sodium import FastSodium
from neuropil.zoo.channels.h_current import HCurrent
from neuropil.zoo.channels.high_voltage_calcium import HighVoltageCalcium
from neuropil.zoo.channels.kv3_potassium import Kv3Potassium
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.low_voltage_calcium import LowVoltageCalcium
from neuropil.zoo.channels.m_current import MCurrent
from neuropil.zoo.channels.persistent_potassium import PersistentPotassium
from neuropil.zoo.channels.persistent_sodium import PersistentSodium
from neuropil.zoo.channels.sk_potassium import SKPotassium
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.channels.transient_potassium import TransientPotassium

MORPHOLOGIES = Path(__file__).resolve().parents[3] / "shared" / "data" / "morphology"
RESISTIVITY = 100.0  # Ω cm, of every case
SIEMENS = 1000 * mS / cm**2


@dataclass(frozen=True)
class Case:
    """A comparison.

    Attributes:
        name: of the comparison; file: an SWC file, or None for the small tree.
        build: paints a membrane on a morphology.
        celsius: of NEURON's hh; amplitude: current into the soma from t = 0, nA.
    """

    name: str
    file: Path | None
    build: Callable[[Morphology], Cell]
    celsius: float
    amplitude: float

    def cell(self) -> Cell:
        """The cell, its compartments at most 20 µm long; points of radius zero are taken as 0.5 µm thick."""
        return self.build(small_tree() if self.file is None else Morphology.from_swc(self.file, default_radius=0.25 * um))


def cases(folder: Path = MORPHOLOGIES, extra: tuple[Path, ...] = ()) -> list[Case]:
    """All comparisons whose files are there; `extra` morphologies get the squid's membrane."""
    listed = [
        Case("layer 5, its own channels", folder / "l5pc_with_axon.swc", layer5, 34.0, 1.0),
        Case("layer 5, squid membrane", folder / "l5pc_with_axon.swc", squid_everywhere, 6.3, 5.0),
        Case("layer 5, passive dendrites", folder / "l5pc_with_axon.swc", squid, 6.3, 2.0),
        Case("CA1, squid membrane", folder / "ca1_n120.swc", squid_everywhere, 6.3, 2.0),
        Case("retina, squid membrane", folder / "retina_20161028_1.swc", squid_everywhere, 6.3, 0.3),
        *(Case(f"{file.stem}, squid membrane", file, squid_everywhere, 6.3, 1.0) for file in extra),
    ]
    return [*SMALL, *(case for case in listed if case.file is not None and case.file.exists())]


def small_tree() -> Morphology:
    """A cell of seven sections: cones, forks, sections that sprout from a middle, and an apical dendrite through the hot zone."""
    build = Morphology.builder("small tree")
    soma = build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    build.section("axon", kind="axon", length=60 * um, diameter=1 * um, parent=soma, at=0.0)
    trunk = build.section("trunk", kind="apical", length=650 * um, diameter=[4 * um, 2.5 * um], parent=soma)
    build.section("tuft", kind="apical", length=300 * um, diameter=[2 * um, 1 * um], parent=trunk)
    build.section("tuft_2", kind="apical", length=225 * um, diameter=1.5 * um, parent=trunk)
    build.section("oblique", kind="apical", length=90 * um, diameter=1 * um, parent=trunk, at=0.3)
    build.section("basal", kind="basal", length=150 * um, diameter=[2 * um, 0.8 * um], parent=soma, at=0.5)
    return build.build()


def _divided(morphology: Morphology, capacitance: Any, initial: float) -> Cell:
    return Cell(
        morphology, discretisation=MaxLength(20 * um), capacitance=capacitance, resistivity=RESISTIVITY * Ohm * cm, initial=initial * mV
    )


def squid_everywhere(morphology: Morphology) -> Cell:
    """Hodgkin and Huxley's membrane all over."""
    return _divided(morphology, 1 * uF / cm**2, -65.0).paint("all", HodgkinHuxleyMembrane())


def squid(morphology: Morphology) -> Cell:
    """Hodgkin and Huxley's membrane in soma and axon, passive dendrites of 0.1 mS/cm²."""
    cell = _divided(morphology, 1 * uF / cm**2, -65.0)
    for kind in morphology.kinds:
        cell.paint(kind, HodgkinHuxleyMembrane() if kind in ("soma", "axon") else Leak(g=1e-4 * SIEMENS, e=-65 * mV))
    return cell


def layer5(morphology: Morphology) -> Cell:
    """The membrane of Hay et al. (2011), biophys3; see hay2011.md. The axon is passive, as there."""
    thick = {kind: (2 if kind in ("apical", "basal") else 1) * uF / cm**2 for kind in morphology.kinds}
    cell = _divided(morphology, thick, -80.0)
    for kind, g in (("soma", 3.38e-5), ("apical", 5.89e-5), ("basal", 4.67e-5), ("axon", 3.25e-5)):
        cell.paint(kind, Leak(g=g * SIEMENS, e=-90 * mV))
    for channel, g in (
        (FastSodium, 2.04), (PersistentSodium, 0.00172), (TransientPotassium, 0.0812), (PersistentPotassium, 0.00223),
        (Kv3Potassium, 0.693), (SKPotassium, 0.0441), (HCurrent, 2e-4), (HighVoltageCalcium, 9.92e-4), (LowVoltageCalcium, 0.00343),
    ):  # fmt: skip
        cell.paint("soma", channel(g=g * SIEMENS))
    cell.paint("soma", CalciumPool(gamma=0.000501, decay=460 * ms))
    for channel, g in ((FastSodium, 0.0213), (Kv3Potassium, 0.000261), (SKPotassium, 0.0012), (MCurrent, 6.75e-5)):
        cell.paint("apical", channel(g=g * SIEMENS))
    cell.paint("apical", CalciumPool(gamma=0.000509, decay=122 * ms))
    cell.paint("basal", HCurrent(g=2e-4 * SIEMENS))
    own = cell.compartments
    farthest = float(own.distance[own.kind == "apical"].max())
    cell.paint("apical", HCurrent(), g=lambda x: 2e-4 * (-0.8696 + 2.0870 * np.exp(3.6161 * x / farthest)) * SIEMENS)
    cell.paint("apical", HighVoltageCalcium(), g=lambda x: 5.55e-4 * np.where(_hot(x), 1.0, 0.1) * SIEMENS)
    cell.paint("apical", LowVoltageCalcium(), g=lambda x: 0.0187 * np.where(_hot(x), 1.0, 0.01) * SIEMENS)
    return cell


def _hot(distance: np.ndarray) -> np.ndarray:
    """Whether a compartment lies in the calcium hot zone of the apical dendrite."""
    return (distance > 685.0) & (distance < 885.0)


SMALL = [
    Case("small tree, layer-5 channels", None, layer5, 34.0, 0.5),
    Case("small tree, squid membrane", None, squid_everywhere, 6.3, 1.0),
]
"""Comparisons that need no file."""
