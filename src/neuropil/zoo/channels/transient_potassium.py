"""Transient potassium current (A-type): opens fast and closes again within tens of milliseconds.

    i = g m⁴ h (v - E_K),    m' = (m∞ - m)/τ_m,    h' = (h∞ - h)/τ_h,    q = q10^((celsius - 21) / 10)
    m∞ = 1 / (1 + e^(-(v + 10)/19)),    τ_m = (0.34 + 0.92 e^(-((v + 81)/59)²)) / q
    h∞ = 1 / (1 + e^((v + 76)/10)),     τ_h = (8 + 49 e^(-((v + 83)/23)²)) / q

Korngreen & Sakmann (2000) J. Physiol. 525:621; `K_Tst` of Hay et al. (2011) PLoS Comput. Biol. 7:e1002107, ModelDB
139653, which moves them by -10 mV for the junction potential; here that is done. The default conductance is the soma's.

Must show: m half open at -10 mV, h at -76 mV; τ_h that peaks at -83 mV.
"""

from __future__ import annotations

from neuropil.maths import exp, sigmoid
from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import ConductanceDensity, Voltage, cm, mS, ms, mV


class TransientPotassium(Channel):
    """K_Tst: m⁴h, mostly inactivated at rest."""

    g: ConductanceDensity = 81.2 * mS / cm**2
    e: Voltage = -85 * mV
    celsius: float = 34.0
    q10: float = 2.3

    v = Input(mV)
    m = State(STEADY)
    h = State(STEADY)

    carries = "k"

    def current(self, s, x):
        return self.g * s.m**4 * s.h * (x.v - self.e)

    def derivative(self, s, x):
        q, u = self.q10 ** ((self.celsius - 21) / 10), x.v / mV
        tau_m = (0.34 + 0.92 * exp(-(((u + 81) / 59) ** 2))) / q * ms
        tau_h = (8 + 49 * exp(-(((u + 83) / 23) ** 2))) / q * ms
        return {
            "m": (sigmoid((u + 10) / 19) - s.m) / tau_m,
            "h": (sigmoid(-(u + 76) / 10) - s.h) / tau_h,
        }
