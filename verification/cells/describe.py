"""A `Cell` of neuropil as the description that ``neuron_reference.py`` builds: the same sections, division and membrane.

NEURON makes its own areas and resistances from the points; ``geometry_errors`` compares them with neuropil's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.compartments import Compartments

CONDUCTANCE = 0.1  # S/cm² in 1 nS/µm²
CAPACITANCE = 100.0  # µF/cm² in 1 pF/µm²
RESISTANCE = 1e3  # MΩ in 1 GΩ

MECHANISMS: dict[str, tuple[str, dict[str, tuple[str, float]], dict[str, str]]] = {
    "Leak": ("pas", {"g": ("g", CONDUCTANCE), "e": ("e", 1.0)}, {}),
    "HodgkinHuxleyMembrane": (
        "hh",
        {"g_na": ("gnabar", CONDUCTANCE), "g_k": ("gkbar", CONDUCTANCE), "g_l": ("gl", CONDUCTANCE), "e_l": ("el", 1.0)},
        {"e_na": "ena", "e_k": "ek"},
    ),
    "FastSodium": ("NaTa_t", {"g": ("gbar", CONDUCTANCE)}, {"e": "ena"}),
    "PersistentSodium": ("Nap_Et2", {"g": ("gbar", CONDUCTANCE)}, {"e": "ena"}),
    "TransientPotassium": ("K_Tst", {"g": ("gbar", CONDUCTANCE)}, {"e": "ek"}),
    "PersistentPotassium": ("K_Pst", {"g": ("gbar", CONDUCTANCE)}, {"e": "ek"}),
    "Kv3Potassium": ("SKv3_1", {"g": ("gbar", CONDUCTANCE)}, {"e": "ek"}),
    "MCurrent": ("Im", {"g": ("gbar", CONDUCTANCE)}, {"e": "ek"}),
    "SKPotassium": ("SK_E2", {"g": ("gbar", CONDUCTANCE)}, {"e": "ek"}),
    "HCurrent": ("Ih", {"g": ("gbar", CONDUCTANCE), "e": ("e", 1.0)}, {}),
    "HighVoltageCalcium": ("Ca_HVA", {"g": ("gbar", CONDUCTANCE)}, {}),
    "LowVoltageCalcium": ("Ca_LVAst", {"g": ("gbar", CONDUCTANCE)}, {}),
    "CalciumPool": (
        "CaDynamics_E2",
        {n: (m, 1.0) for n, m in (("gamma", "gamma"), ("decay", "decay"), ("depth", "depth"), ("c_min", "rest"), ("start", "start"))},
        {},
    ),
}
"""Channel of neuropil -> NEURON's mechanism; its parameters and what they are multiplied by; and its reversal potentials."""


def describe(cell: Cell, *, resistivity: float, dt: float, stop: float, celsius: float, **rest: Any) -> dict:
    """The description of a cell without its point processes.

    Args:
        resistivity: of the axoplasm, Ω cm (a cell keeps resistances only).
        dt, stop: ms.
        celsius: of NEURON's `celsius`; neuropil's channels have theirs among their parameters.
        rest: further entries, such as point_processes, record and spikes.

    Raises:
        ModelError: a channel without a counterpart, or two reversal potentials of one ion in a section.
    """
    made = cell.compartments
    sections = []
    for number, section in enumerate(made.morphology.sections):
        own = made.of_section(number)
        mechanisms, ions = _membrane(cell, own)
        sections.append(
            {
                "points": section.points.tolist(),
                "parent": None if section.parent < 0 else section.parent,
                "parent_x": section.parent_at,
                "nseg": len(own),
                "ra": resistivity,
                "cm": (CAPACITANCE * made.capacitance[own] / made.area[own]).tolist(),
                "mechanisms": mechanisms,
                "ions": ions,
            }
        )
    return {"sections": sections, "dt": dt, "stop": stop, "celsius": celsius, "v_init": cell.initial, **rest}


def _membrane(cell: Cell, own: np.ndarray) -> tuple[dict, dict]:
    """Mechanisms and reversal potentials of one section; where a channel is absent its conductance is nought."""
    mechanisms: dict[str, dict[str, list[float]]] = {}
    ions: dict[str, float] = {}
    for name, present in cell.channels.items():
        here = own[present[own]]
        if not len(here):
            continue
        channel, values = cell.parameters(name, here)
        if type(channel).__name__ not in MECHANISMS:
            raise ModelError(f"{type(channel).__name__} has no counterpart in NEURON", got=name, expected=", ".join(MECHANISMS))
        suffix, parameters, reversals = MECHANISMS[type(channel).__name__]
        mechanisms[suffix] = {}
        for parameter, (theirs, factor) in parameters.items():
            full = np.zeros(len(own))
            full[present[own]] = factor * np.asarray(values[parameter])
            if not parameter.startswith("g"):
                full[~present[own]] = full[present[own]][0]
            mechanisms[suffix][theirs] = full.tolist()
        for parameter, ion in reversals.items():
            value = float(np.mean(values[parameter]))
            if ions.setdefault(ion, value) != value:
                raise ModelError(f"two values of {ion} in one section", got=f"{ions[ion]} and {value} mV")
    return mechanisms, ions


def at(compartments: Compartments, place: int) -> dict:
    """A compartment as {"section", "x"}."""
    return {"section": int(compartments.section[place]), "x": float(compartments.position[place])}


def geometry_errors(compartments: Compartments, made: dict[str, np.ndarray]) -> dict[str, float]:
    """Largest relative difference of areas, and of axial resistances within sections, between neuropil's circuit and NEURON's.

    NEURON keeps points and the arc along them in single precision: some 1e-5 is its rounding.
    """
    own = compartments.numbers
    order = np.lexsort((made["x"], made["section"]))
    area, ri = made["area"][order], made["ri"][order]
    resistance = RESISTANCE * compartments.resistance[own]
    same = np.diff(compartments.section[own], prepend=-1) == 0
    return {
        "area": float(np.max(np.abs(area / compartments.area[own] - 1))),
        "resistance": float(np.max(np.abs(ri[same] / resistance[same] - 1), initial=0.0)),
    }
