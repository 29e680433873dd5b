"""Kv3.1 potassium current: opens only in a spike and ends it.

    i = g m (v - E_K),    m' = (m∞ - m)/τ,    m∞ = 1 / (1 + e^(-(v - 18.7)/9.7)),    τ = 4 / (1 + e^(-(v + 46.56)/44.14))

Rettig et al. (1992) EMBO J. 11:2473; `SKv3_1` of Hay et al. (2011) PLoS Comput. Biol. 7:e1002107, ModelDB 139653, which
gives it no factor for temperature. The default conductance is that of the soma there.

Must show: half open at 18.7 mV; τ of 2 ms at -46.56 mV.
"""

from __future__ import annotations

from neuropil.maths import sigmoid
from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import ConductanceDensity, Voltage, cm, mS, ms, mV


class Kv3Potassium(Channel):
    """SKv3_1: one gate, shut below -20 mV."""

    g: ConductanceDensity = 693 * mS / cm**2
    e: Voltage = -85 * mV

    v = Input(mV)
    m = State(STEADY)

    carries = "k"

    def current(self, s, x):
        return self.g * s.m * (x.v - self.e)

    def derivative(self, s, x):
        u = x.v / mV
        tau = 4 * ms * sigmoid((u + 46.56) / 44.14)
        return {"m": (sigmoid((u - 18.7) / 9.7) - s.m) / tau}
