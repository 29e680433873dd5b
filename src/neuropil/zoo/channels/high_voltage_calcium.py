"""High-voltage-activated calcium current: what carries the dendritic calcium spike once it has begun.

    i = g m² h (v - E_Ca),    m' = α_m (1 - m) - β_m m,  likewise h
    α_m = 0.055 (v + 27) / (1 - e^(-(v + 27)/3.8)),    β_m = 0.94 e^(-(v + 75)/17)
    α_h = 0.000457 e^(-(v + 13)/50),                   β_h = 0.0065 / (1 + e^(-(v + 15)/28))

Reuveni, Friedman, Amitai & Gutnick (1993) J. Neurosci. 13:4609; `Ca_HVA` of Hay et al. (2011) PLoS Comput. Biol.
7:e1002107, ModelDB 139653, which gives it no factor for temperature. The default conductance is that of the soma there.
E_Ca comes from a calcium pool in the same compartment.

Must show: activation above -30 mV within milliseconds, inactivation over hundreds; finite at -27 mV.
"""

from __future__ import annotations

from neuropil.maths import exp, linoid, sigmoid
from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import ConductanceDensity, cm, mS, ms, mV


class HighVoltageCalcium(Channel):
    """Ca_HVA: m²h."""

    g: ConductanceDensity = 0.992 * mS / cm**2

    v = Input(mV)
    e_ca = Input(mV)
    m = State(STEADY)
    h = State(STEADY)

    carries = "ca"

    def current(self, s, x):
        return self.g * s.m**2 * s.h * (x.v - x.e_ca)

    def derivative(self, s, x):
        u = x.v / mV
        alpha_m, beta_m = 0.055 * 3.8 * linoid(-(u + 27) / 3.8), 0.94 * exp(-(u + 75) / 17)
        alpha_h, beta_h = 0.000457 * exp(-(u + 13) / 50), 0.0065 * sigmoid((u + 15) / 28)
        return {
            "m": (alpha_m * (1 - s.m) - beta_m * s.m) / ms,
            "h": (alpha_h * (1 - s.h) - beta_h * s.h) / ms,
        }
