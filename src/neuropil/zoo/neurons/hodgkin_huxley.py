"""Hodgkin and Huxley's squid axon as a point neuron, with alpha-shaped synaptic currents.

    C dV/dt = -g_Na m³ h (V - E_Na) - g_K n⁴ (V - E_K) - g_L (V - E_L) + I_syn + I,
    dm/dt = alpha_m(V) (1 - m) - beta_m(V) m,  likewise h and n;  a spike where V rises through v_th.

Hodgkin & Huxley (1952) J. Physiol. 117:500, with V in today's sign and rest at -65 mV, at 6.3 °C. `area` is the membrane:
the default, 10⁴ µm², has 100 pF, so that 1 µA/cm² is 100 pA.

Must show: rest at -65 mV; no repetitive firing below 6.2 µA/cm², firing that starts at about 50 Hz there (class 2) and
70 Hz at 10 µA/cm²; a spike on release from hyperpolarisation (anode break).
"""

from __future__ import annotations

import math

from neuropil.maths import exp, exprel
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import CapacitanceDensity, ConductanceDensity, Quantity, Time, Voltage, cm, mS, ms, mV, pA, uF, um


def rates(v):
    """How fast gates m, h and n open and close at a potential `v`: (alpha, beta) of each, 1/ms without the unit."""
    u = v / mV
    alpha_m, beta_m = 1 / exprel(-(u + 40) / 10), 4 * exp(-(u + 65) / 18)
    alpha_h, beta_h = 0.07 * exp(-(u + 65) / 20), 1 / (1 + exp(-(u + 35) / 10))
    alpha_n, beta_n = 0.1 / exprel(-(u + 55) / 10), 0.125 * exp(-(u + 65) / 80)
    return (alpha_m, beta_m), (alpha_h, beta_h), (alpha_n, beta_n)


class HodgkinHuxley(Neuron):
    """A weight (pA) is the peak of the alpha-shaped current, reached after tau."""

    area: Quantity = 1e4 * um**2
    c_m: CapacitanceDensity = 1 * uF / cm**2
    g_na: ConductanceDensity = 120 * mS / cm**2
    g_k: ConductanceDensity = 36 * mS / cm**2
    g_l: ConductanceDensity = 0.3 * mS / cm**2
    e_na: Voltage = 50 * mV
    e_k: Voltage = -77 * mV
    e_l: Voltage = -54.402 * mV
    v_th: Voltage = 0 * mV
    tau_exc: Time = 0.2 * ms
    tau_inh: Time = 2 * ms

    v = State(-65 * mV)
    m = State(0.05293)
    h = State(0.59612)
    n = State(0.31768)
    i_exc = State(0 * pA)
    di_exc = State(0 * pA / ms)
    i_inh = State(0 * pA)
    di_inh = State(0 * pA / ms)
    exc = Port(pA)
    inh = Port(pA)
    current = Input(pA)

    spikes_on = "rising"

    def derivative(self, s, x):
        i_na = self.g_na * s.m**3 * s.h * (s.v - self.e_na)
        i_k = self.g_k * s.n**4 * (s.v - self.e_k)
        i_l = self.g_l * (s.v - self.e_l)
        i_in = (s.i_exc + s.i_inh + x.current) / self.area
        (alpha_m, beta_m), (alpha_h, beta_h), (alpha_n, beta_n) = rates(s.v)
        return {
            "v": (i_in - i_na - i_k - i_l) / self.c_m,
            "m": (alpha_m * (1 - s.m) - beta_m * s.m) / ms,
            "h": (alpha_h * (1 - s.h) - beta_h * s.h) / ms,
            "n": (alpha_n * (1 - s.n) - beta_n * s.n) / ms,
            "i_exc": s.di_exc - s.i_exc / self.tau_exc,
            "di_exc": -s.di_exc / self.tau_exc,
            "i_inh": s.di_inh - s.i_inh / self.tau_inh,
            "di_inh": -s.di_inh / self.tau_inh,
        }

    def receive(self, s, w):
        return {"di_exc": math.e * w.exc / self.tau_exc, "di_inh": math.e * w.inh / self.tau_inh}

    def fires(self, s):
        return s.v >= self.v_th
