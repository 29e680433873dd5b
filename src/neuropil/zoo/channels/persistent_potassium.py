"""Persistent potassium current: a slow delayed rectifier.

    i = g m² h (v - E_K),    m' = (m∞ - m)/τ_m,    h' = (h∞ - h)/τ_h,    q = q10^((celsius - 21) / 10)
    m∞ = 1 / (1 + e^(-(v + 11)/12))
    τ_m = (1.25 + 175.03 e^(0.026 (v + 10))) / q  where v < -60 mV, else  (1.25 + 13 e^(-0.026 (v + 10))) / q
    h∞ = 1 / (1 + e^((v + 64)/11)),    τ_h = (360 + (1010 + 24 (v + 65)) e^(-((v + 85)/48)²)) / q

Korngreen & Sakmann (2000) J. Physiol. 525:621; `K_Pst` of Hay et al. (2011) PLoS Comput. Biol. 7:e1002107, ModelDB
139653, which moves them by -10 mV for the junction potential; here that is done. The default conductance is the soma's.

Must show: m half open at -11 mV, h at -64 mV; the two branches of τ_m meeting at -60 mV within 10⁻³ ms.
"""

from __future__ import annotations

from neuropil.maths import exp, sigmoid, where
from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import ConductanceDensity, Voltage, cm, mS, ms, mV


class PersistentPotassium(Channel):
    """K_Pst: m²h, inactivating over hundreds of milliseconds."""

    g: ConductanceDensity = 2.23 * mS / cm**2
    e: Voltage = -85 * mV
    celsius: float = 34.0
    q10: float = 2.3

    v = Input(mV)
    m = State(STEADY)
    h = State(STEADY)

    carries = "k"

    def current(self, s, x):
        return self.g * s.m**2 * s.h * (x.v - self.e)

    def derivative(self, s, x):
        q, u = self.q10 ** ((self.celsius - 21) / 10), x.v / mV
        below = u < -60
        # One exponential for both branches: the sign and the factor are chosen, not the value.
        tau_m = (1.25 + where(below, 175.03, 13.0) * exp(where(below, 0.026, -0.026) * (u + 10))) / q * ms
        tau_h = (360 + (1010 + 24 * (u + 65)) * exp(-(((u + 85) / 48) ** 2))) / q * ms
        return {
            "m": (sigmoid((u + 11) / 12) - s.m) / tau_m,
            "h": (sigmoid(-(u + 64) / 11) - s.h) / tau_h,
        }
