"""Low-voltage-activated calcium current: opens near -40 mV and starts the dendritic calcium spike.

    i = g m² h (v - E_Ca),    m' = (m∞ - m)/τ_m,    h' = (h∞ - h)/τ_h,    q = q10^((celsius - 21) / 10)
    m∞ = 1 / (1 + e^(-(v + 40)/6)),     τ_m = (5 + 20 / (1 + e^((v + 35)/5))) / q
    h∞ = 1 / (1 + e^((v + 90)/6.4)),    τ_h = (20 + 50 / (1 + e^((v + 50)/7))) / q

Steady states: Avery & Johnston (1996) J. Neurosci. 16:5567; time constants: Randall & Tsien (1997) Neuropharmacology
36:879; `Ca_LVAst` of Hay et al. (2011) PLoS Comput. Biol. 7:e1002107, ModelDB 139653, which moves them by -10 mV for the
junction potential; here that is done. The default conductance is the soma's. E_Ca comes from a calcium pool in the same
compartment.

Must show: m half open at -40 mV, h at -90 mV.
"""

from __future__ import annotations

from neuropil.maths import sigmoid
from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import ConductanceDensity, cm, mS, ms, mV


class LowVoltageCalcium(Channel):
    """Ca_LVAst: m²h."""

    g: ConductanceDensity = 3.43 * mS / cm**2
    celsius: float = 34.0
    q10: float = 2.3

    v = Input(mV)
    e_ca = Input(mV)
    m = State(STEADY)
    h = State(STEADY)

    carries = "ca"

    def current(self, s, x):
        return self.g * s.m**2 * s.h * (x.v - x.e_ca)

    def derivative(self, s, x):
        q, u = self.q10 ** ((self.celsius - 21) / 10), x.v / mV
        tau_m = (5 + 20 * sigmoid(-(u + 35) / 5)) / q * ms
        tau_h = (20 + 50 * sigmoid(-(u + 50) / 7)) / q * ms
        return {
            "m": (sigmoid((u + 40) / 6) - s.m) / tau_m,
            "h": (sigmoid(-(u + 90) / 6.4) - s.h) / tau_h,
        }
