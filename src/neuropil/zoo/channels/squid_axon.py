"""The membrane of Hodgkin and Huxley's squid axon, whole and in its parts.

    i = g_Na m³ h (v - E_Na) + g_K n⁴ (v - E_K) + g_L (v - E_L),
    dm/dt = φ (alpha_m(v) (1 - m) - beta_m(v) m),  likewise h and n,    φ = q10^((celsius - 6.3) / 10)

Hodgkin & Huxley (1952) J. Physiol. 117:500, in today's sign with the rest near -65 mV; q10 = 3 as there. Constants
as in NEURON's `hh`.

Must show: rest at -64.97 mV; m, h, n = 0.0529, 0.596, 0.318 at -65 mV; gates 3 times faster 10 °C higher.
"""

from __future__ import annotations

from neuropil.maths import exp, linoid
from neuropil.model import STEADY, Channel, Input, State
from neuropil.units import ConductanceDensity, Voltage, cm, mS, ms, mV


def sodium_rates(v):
    """Opening and closing rates (1/ms) of m and of h at the potential v (mV) and 6.3 °C."""
    u = v / mV
    alpha_m, beta_m = linoid(-(u + 40) / 10), 4 * exp(-(u + 65) / 18)
    alpha_h, beta_h = 0.07 * exp(-(u + 65) / 20), 1 / (1 + exp(-(u + 35) / 10))
    return (alpha_m / ms, beta_m / ms), (alpha_h / ms, beta_h / ms)


def potassium_rates(v):
    """Opening and closing rates (1/ms) of n at the potential v (mV) and 6.3 °C."""
    u = v / mV
    return 0.1 * linoid(-(u + 55) / 10) / ms, 0.125 * exp(-(u + 65) / 80) / ms


class SquidSodium(Channel):
    """The sodium current alone."""

    g: ConductanceDensity = 120 * mS / cm**2
    e: Voltage = 50 * mV
    celsius: float = 6.3
    q10: float = 3.0

    v = Input(mV)
    m = State(STEADY)
    h = State(STEADY)

    carries = "na"

    def current(self, s, x):
        return self.g * s.m**3 * s.h * (x.v - self.e)

    def derivative(self, s, x):
        (alpha_m, beta_m), (alpha_h, beta_h) = sodium_rates(x.v)
        speed = self.q10 ** ((self.celsius - 6.3) / 10)
        return {
            "m": speed * (alpha_m * (1 - s.m) - beta_m * s.m),
            "h": speed * (alpha_h * (1 - s.h) - beta_h * s.h),
        }


class SquidPotassium(Channel):
    """The potassium current alone."""

    g: ConductanceDensity = 36 * mS / cm**2
    e: Voltage = -77 * mV
    celsius: float = 6.3
    q10: float = 3.0

    v = Input(mV)
    n = State(STEADY)

    carries = "k"

    def current(self, s, x):
        return self.g * s.n**4 * (x.v - self.e)

    def derivative(self, s, x):
        alpha, beta = potassium_rates(x.v)
        speed = self.q10 ** ((self.celsius - 6.3) / 10)
        return {"n": speed * (alpha * (1 - s.n) - beta * s.n)}


class HodgkinHuxleyMembrane(Channel):
    """Sodium, potassium and leak as one mechanism."""

    g_na: ConductanceDensity = 120 * mS / cm**2
    g_k: ConductanceDensity = 36 * mS / cm**2
    g_l: ConductanceDensity = 0.3 * mS / cm**2
    e_na: Voltage = 50 * mV
    e_k: Voltage = -77 * mV
    e_l: Voltage = -54.3 * mV
    celsius: float = 6.3
    q10: float = 3.0

    v = Input(mV)
    m = State(STEADY)
    h = State(STEADY)
    n = State(STEADY)

    def currents(self, s, x):
        return {
            "na": self.g_na * s.m**3 * s.h * (x.v - self.e_na),
            "k": self.g_k * s.n**4 * (x.v - self.e_k),
            "": self.g_l * (x.v - self.e_l),
        }

    def derivative(self, s, x):
        (alpha_m, beta_m), (alpha_h, beta_h) = sodium_rates(x.v)
        alpha_n, beta_n = potassium_rates(x.v)
        speed = self.q10 ** ((self.celsius - 6.3) / 10)
        return {
            "m": speed * (alpha_m * (1 - s.m) - beta_m * s.m),
            "h": speed * (alpha_h * (1 - s.h) - beta_h * s.h),
            "n": speed * (alpha_n * (1 - s.n) - beta_n * s.n),
        }
