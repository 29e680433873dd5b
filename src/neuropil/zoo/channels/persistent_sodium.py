"""Persistent sodium current: a small inward current below threshold that hardly inactivates.

    i = g m³ h (v - E_Na),    m' = (m∞ - m)/τ_m,    h' = (h∞ - h)/τ_h,    q = q10^((celsius - 21) / 10)
    m∞ = 1 / (1 + e^(-(v + 52.6)/4.6)),    τ_m = 6 / (α_m + β_m) / q    with α_m, β_m of the fast sodium current
    h∞ = 1 / (1 + e^((v + 48.8)/10)),      τ_h = 1 / (α_h + β_h) / q
    α_h = -2.88e-6 (v + 17) / (1 - e^((v + 17)/4.63)),    β_h = 6.94e-6 (v + 64.4) / (1 - e^(-(v + 64.4)/2.63))

Magistretti & Alonso (1999) J. Gen. Physiol. 114:491; `Nap_Et2` of Hay et al. (2011) PLoS Comput. Biol. 7:e1002107,
ModelDB 139653. The default conductance is that of the soma there.

Must show: m half open at -52.6 mV and h at -48.8 mV; inactivation over one to two seconds at -50 mV.
"""

from __future__ import annotations

from neuropil.maths import linoid, sigmoid
from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import ConductanceDensity, Voltage, cm, mS, ms, mV


class PersistentSodium(Channel):
    """Nap_Et2: m³h, open 15 mV below the fast current."""

    g: ConductanceDensity = 1.72 * mS / cm**2
    e: Voltage = 50 * mV
    celsius: float = 34.0
    q10: float = 2.3

    v = Input(mV)
    m = State(STEADY)
    h = State(STEADY)

    carries = "na"

    def current(self, s, x):
        return self.g * s.m**3 * s.h * (x.v - self.e)

    def derivative(self, s, x):
        q, u = self.q10 ** ((self.celsius - 21) / 10) / ms, x.v / mV
        w = (u + 38) / 6
        alpha_m, beta_m = 0.182 * 6 * linoid(-w), 0.124 * 6 * linoid(w)
        alpha_h, beta_h = 2.88e-6 * 4.63 * linoid((u + 17) / 4.63), 6.94e-6 * 2.63 * linoid(-(u + 64.4) / 2.63)
        return {
            "m": q * (alpha_m + beta_m) / 6 * (sigmoid((u + 52.6) / 4.6) - s.m),
            "h": q * (alpha_h + beta_h) * (sigmoid(-(u + 48.8) / 10) - s.h),
        }
