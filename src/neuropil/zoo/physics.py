"""Two constants of physical chemistry in neuropil's units, and the Nernst potential that they give.

The SI of 2019 fixes the elementary charge, Avogadro's and Boltzmann's constants exactly, hence these two as well.
"""

from __future__ import annotations

from typing import Any

from neuropil.maths import log
from neuropil.units import Quantity, mM, pA, second, um, volt

COULOMB = 1e12 * pA * second
MOLE = mM * (1e6 * um) ** 3
"""1 mM is 1 mol/m³."""

FARADAY = 1.602176634e-19 * 6.02214076e23 * COULOMB / MOLE
"""Charge of a mole of electrons: 96485.33 C/mol."""

GAS_CONSTANT = 1.380649e-23 * 6.02214076e23 * COULOMB * volt / MOLE
"""8.314 J/mol for each kelvin."""


def nernst(outside: Quantity, inside: Quantity, valence: int, celsius: Any) -> Quantity:
    """Potential (mV) at which an ion of these two concentrations (mM) is in equilibrium, at a temperature in °C.

    Args:
        outside, inside: concentrations.
        valence: charge of the ion.
        celsius: °C.
    """
    return GAS_CONSTANT * (celsius + 273.15) / (valence * FARADAY) * log(outside / inside)
