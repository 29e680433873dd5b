"""The thick-tufted layer-5 pyramidal neuron of Hay et al.: its channels and their densities.

Hay, Hill, Schürmann, Markram & Segev (2011) PLoS Comput. Biol. 7:e1002107, ModelDB 139653, the parameters of the file
biophys3 ("BAC firing and step firing"). The table below is in mS/cm² (10⁻³ S/cm²).

Along the apical dendrite, x µm from the soma: the h current grows as -0.8696 + 2.087 e^(3.6161 x/x_max), x_max the path
to the farthest tip; the calcium channels are whole where 685 < x < 885 µm and elsewhere 0.1 (high-voltage) and 0.01
(low-voltage) of that. Distances are from the middle of the soma to the middle of a compartment. 34 °C, E_Na = 50 mV,
E_K = -85 mV, 100 Ω·cm; 1 µF/cm², but 2 in dendrites, for their spines.

Must show: on the morphology of the paper, a dendritic calcium spike and a burst when a back-propagating spike meets
dendritic input (BAC firing), and regular firing on a step of current. Other morphologies may not.
"""

from __future__ import annotations

import numpy as np

from neuropil.model import Channel, Morphology
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.discretise import Rule
from neuropil.units import Ohm, Quantity, cm, mS, ms, mV, uF
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
from neuropil.zoo.channels.transient_potassium import TransientPotassium

DENSITIES: dict[str, dict[type[Channel], float]] = {
    "soma": {
        Leak: 0.0338, FastSodium: 2040, PersistentSodium: 1.72, TransientPotassium: 81.2, PersistentPotassium: 2.23,
        Kv3Potassium: 693, HCurrent: 0.2, HighVoltageCalcium: 0.992, LowVoltageCalcium: 3.43, SKPotassium: 44.1,
    },
    "apical": {
        Leak: 0.0589, FastSodium: 21.3, Kv3Potassium: 0.261, MCurrent: 0.0675, HCurrent: 0.2, HighVoltageCalcium: 0.555,
        LowVoltageCalcium: 18.7, SKPotassium: 1.2,
    },
    "basal": {Leak: 0.0467, HCurrent: 0.2},
    "axon": {Leak: 0.0325},
}  # fmt: skip
"""Conductance by kind of section and channel, mS/cm²; the apical calcium channels' in their hot zone, HCurrent's where
the factor along the dendrite is 1."""

POOLS = {"soma": (0.000501, 460 * ms), "apical": (0.000509, 122 * ms)}
"""gamma and decay of the calcium pool."""

HOT_ZONE = (685.0, 885.0)
CONTEXT_INPUTS = {HighVoltageCalcium: 0.1, LowVoltageCalcium: 0.01}
"""µm from the soma, and the share of apical calcium channels that lies outside of it."""

CAPACITANCES = {"soma": 1 * uF / cm**2, "axon": 1 * uF / cm**2, "apical": 2 * uF / cm**2, "basal": 2 * uF / cm**2}


def layer5_pyramidal(morphology: Morphology, *, discretisation: Rule | None = None, initial: Quantity = -80 * mV) -> Cell:
    """A cell of this shape with the channels of the layer-5 pyramidal neuron.

    Args:
        morphology: with sections of the kinds soma, apical, basal and axon (any of them may be missing).
        discretisation, initial: as of `Cell`.

    Returns:
        The cell, to which synapses and electrodes can be added. Spikes are detected in the soma.
    """
    capacitance = {kind: CAPACITANCES[kind] for kind in CAPACITANCES if kind in morphology.kinds}
    cell = Cell(
        morphology, discretisation=discretisation, capacitance=capacitance, resistivity=100 * Ohm * cm, initial=initial
    )
    for kind, channels in DENSITIES.items():
        if kind in morphology.kinds:
            for channel, density in channels.items():
                _paint(cell, kind, channel, density * mS / cm**2)
            if kind in POOLS:
                gamma, decay = POOLS[kind]
                cell.paint(kind, CalciumPool(gamma=gamma, decay=decay))
    return cell


def _paint(cell: Cell, kind: str, channel: type[Channel], g: Quantity) -> None:
    """One channel on one kind of section, its conductance uniform or along the apical dendrite."""
    if channel is Leak:
        cell.paint(kind, Leak(g=g, e=-90 * mV))
    elif kind == "apical" and channel is HCurrent:
        farthest = _farthest_tip(cell, kind)
        cell.paint(kind, HCurrent(), g=lambda x: g * (-0.8696 + 2.087 * np.exp(3.6161 * x / farthest)))
    elif kind == "apical" and channel in CONTEXT_INPUTS:
        share = CONTEXT_INPUTS[channel]
        cell.paint(kind, channel(), g=lambda x: g * np.where((x > HOT_ZONE[0]) & (x < HOT_ZONE[1]), 1.0, share))
    else:
        cell.paint(kind, channel(g=g))


def _farthest_tip(cell: Cell, kind: str) -> float:
    """Path distance from the soma to the farthest end of a section of this kind, µm."""
    made = cell.compartments
    here = made.kind == kind
    return float(np.max(made.distance[here] + made.length[here] / 2))
