"""H current: a mixed cation current that opens when the membrane is hyperpolarised.

    i = g m (v - E_h),    m' = α (1 - m) - β m
    α = 0.00643 (v + 154.9) / (e^((v + 154.9)/11.9) - 1),    β = 0.193 e^(v/33.1)

Kole, Hallermann & Stuart (2006) J. Neurosci. 26:1677; `Ih` of Hay et al. (2011) PLoS Comput. Biol. 7:e1002107, ModelDB
139653, which gives it no factor for temperature. The default conductance is that of the soma there; along the apical
dendrite it grows with the distance.

Must show: more open the more negative v is, finite at -154.9 mV; an inward current at rest.
"""

from __future__ import annotations

from neuropil.maths import exp, linoid
from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import ConductanceDensity, Voltage, cm, mS, ms, mV


class HCurrent(Channel):
    """Ih: one gate, half open at -110 mV."""

    g: ConductanceDensity = 0.2 * mS / cm**2
    e: Voltage = -45 * mV

    v = Input(mV)
    m = State(STEADY)

    def current(self, s, x):
        return self.g * s.m * (x.v - self.e)

    def derivative(self, s, x):
        u = x.v / mV
        alpha, beta = 0.00643 * 11.9 * linoid((u + 154.9) / 11.9), 0.193 * exp(u / 33.1)
        return {"m": (alpha * (1 - s.m) - beta * s.m) / ms}
