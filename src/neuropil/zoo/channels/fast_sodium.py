"""Fast, inactivating sodium current of layer-5 pyramidal neurons: spikes of the axon, soma and dendrite.

    i = g m³ h (v - E_Na),    m' = q (α_m (1 - m) - β_m m),  likewise h,    q = q10^((celsius - 21) / 10)
    α_m = 0.182 (v + 38) / (1 - e^(-(v + 38)/6))      β_m = -0.124 (v + 38) / (1 - e^((v + 38)/6))
    α_h = -0.015 (v + 66) / (1 - e^((v + 66)/6))      β_h = 0.015 (v + 66) / (1 - e^(-(v + 66)/6))

Colbert & Pan (2002) Nature Neurosci. 5:533; `NaTa_t` of Hay, Hill, Schürmann, Markram & Segev (2011) PLoS Comput. Biol.
7:e1002107, ModelDB 139653. The default conductance is that of the soma there.

Must show: h half open at -66 mV and α_m / β_m = 0.182 / 0.124 at -38 mV, where the formulas are 0/0.
"""

from __future__ import annotations

from neuropil.maths import linoid
from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import ConductanceDensity, Voltage, cm, mS, ms, mV


class FastSodium(Channel):
    """NaTa_t: m³h, activating at -40 mV within a fifth of a millisecond."""

    g: ConductanceDensity = 2040 * mS / cm**2
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
        q = self.q10 ** ((self.celsius - 21) / 10) / ms
        u, w = (x.v / mV + 38) / 6, (x.v / mV + 66) / 6
        alpha_m, beta_m = 0.182 * 6 * linoid(-u), 0.124 * 6 * linoid(u)
        alpha_h, beta_h = 0.015 * 6 * linoid(w), 0.015 * 6 * linoid(-w)
        return {
            "m": q * (alpha_m * (1 - s.m) - beta_m * s.m),
            "h": q * (alpha_h * (1 - s.h) - beta_h * s.h),
        }
