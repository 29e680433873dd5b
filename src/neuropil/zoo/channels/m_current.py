"""M current: a slow potassium current, without inactivation, that opens below threshold.

    i = g m (v - E_K),    m' = q (α (1 - m) - β m),    q = q10^((celsius - 21) / 10)
    α = 0.0033 e^(0.1 (v + 35)),    β = 0.0033 e^(-0.1 (v + 35))

so that m∞ = 1 / (1 + e^(-(v + 35)/5)). Adams, Brown & Constanti (1982) J. Physiol. 330:537; `Im` of Hay et al. (2011)
PLoS Comput. Biol. 7:e1002107, ModelDB 139653. The default conductance is that of the apical dendrite there.

Must show: half open at -35 mV, where τ is the longest: 1 / (2 · 0.0033 q) = 51 ms.
"""

from __future__ import annotations

from neuropil.maths import exp
from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import ConductanceDensity, Voltage, cm, mS, ms, mV


class MCurrent(Channel):
    """Im: one gate, open above -35 mV."""

    g: ConductanceDensity = 0.0675 * mS / cm**2
    e: Voltage = -85 * mV
    celsius: float = 34.0
    q10: float = 2.3

    v = Input(mV)
    m = State(STEADY)

    carries = "k"

    def current(self, s, x):
        return self.g * s.m * (x.v - self.e)

    def derivative(self, s, x):
        q, u = self.q10 ** ((self.celsius - 21) / 10) / ms, 0.1 * (x.v / mV + 35)
        return {"m": q * 0.0033 * (exp(u) * (1 - s.m) - exp(-u) * s.m)}
