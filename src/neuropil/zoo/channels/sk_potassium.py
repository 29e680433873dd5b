"""SK current: a potassium current of small conductance that calcium opens, whatever the voltage.

    i = g z (v - E_K),    z' = (z∞ - z)/τ,    z∞ = 1 / (1 + (0.00043 mM / [Ca])^4.8)

Köhler et al. (1996) Science 273:1709; `SK_E2` of Hay et al. (2011) PLoS Comput. Biol. 7:e1002107, ModelDB 139653. The
default conductance is that of the soma there. [Ca] comes from a calcium pool in the same compartment. (The published file
adds 1e-7 mM where [Ca] is less than that, against a division by zero; z∞ as written below needs no such term.)

Must show: half open at 0.43 µM; shut without calcium.
"""

from __future__ import annotations

from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import Concentration, ConductanceDensity, Time, Voltage, cm, mM, mS, ms, mV


class SKPotassium(Channel):
    """SK_E2: one gate, opened by calcium."""

    g: ConductanceDensity = 44.1 * mS / cm**2
    e: Voltage = -85 * mV
    c_half: Concentration = 0.00043 * mM
    hill: float = 4.8
    tau: Time = 1 * ms

    v = Input(mV)
    c_ca = Input(mM)
    z = State(STEADY)

    carries = "k"

    def current(self, s, x):
        return self.g * s.z * (x.v - self.e)

    def derivative(self, s, x):
        bound = (x.c_ca / self.c_half) ** self.hill
        return {"z": (bound / (1 + bound) - s.z) / self.tau}
