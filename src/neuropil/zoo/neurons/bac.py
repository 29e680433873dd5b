"""A pyramidal neuron of two compartments: a soma that spikes, and a distal dendrite with calcium channels behind an axis.

    C_s dV/dt = -I_Na - I_K - I_leak - g_c (V - V_d) + I,          I_Na = g_Na m³ h (V - E_Na),  I_K = g_K n⁴ (V - E_K)
    C_d dV_d/dt = -I_Ca - I_M - I_leak - g_c (V_d - V) + I_dend,   I_Ca = g_Ca c² d (V_d - E_Ca),  I_M = g_M u (V_d - E_K)

Back-propagation-activated calcium spikes: Larkum, Zhu & Sakmann (1999) Nature 398:338. Soma: the regular-spiking cell of
Pospischil et al. (2008) Biol. Cybern. 99:427, after Traub & Miles (1991). Calcium: Reuveni, Friedman, Amitai & Gutnick
(1993) J. Neurosci. 13:4609; M current: Adams, Brown & Constanti (1982) J. Physiol. 330:537, at 34 °C. The areas, the axial
conductance and the densities of the dendrite are choices, made so that the dendrite is excitable yet silent by itself.

Must show: one spike to a brief pulse at the soma, none to a dendritic input, two or more where both meet, and one again
where the compartments are decoupled.
"""

from __future__ import annotations

import math

from neuropil.maths import exp, exprel, sigmoid
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import (
    CapacitanceDensity,
    Conductance,
    ConductanceDensity,
    Quantity,
    Time,
    Voltage,
    cm,
    mS,
    ms,
    mV,
    nS,
    pA,
    uF,
    um,
)


class BACNeuron(Neuron):
    """A weight (pA) on `dend` is the peak of an alpha-shaped current into the dendrite, reached after tau."""

    area: Quantity = 1e4 * um**2
    area_d: Quantity = 3e3 * um**2
    g_c: Conductance = 20 * nS
    c_m: CapacitanceDensity = 1 * uF / cm**2
    g_na: ConductanceDensity = 50 * mS / cm**2
    g_k: ConductanceDensity = 5 * mS / cm**2
    g_l: ConductanceDensity = 0.1 * mS / cm**2
    g_ca: ConductanceDensity = 0.7 * mS / cm**2
    g_m: ConductanceDensity = 1 * mS / cm**2
    e_na: Voltage = 50 * mV
    e_k: Voltage = -90 * mV
    e_ca: Voltage = 120 * mV
    e_l: Voltage = -70 * mV
    v_t: Voltage = -56.2 * mV
    v_spike: Voltage = 0 * mV
    tau: Time = 5 * ms

    v = State("e_l")
    m = State(0.0)
    h = State(1.0)
    n = State(0.0)
    v_d = State("e_l")
    c = State(0.0)
    d = State(0.7)
    u = State(0.0)
    i = State(0 * pA)
    di = State(0 * pA / ms)
    dend = Port(pA)
    current = Input(pA)

    spikes_on = "rising"

    def derivative(self, s, x):
        axial = self.g_c * (s.v - s.v_d)
        return {
            "v": (-self.soma(s) + (x.current - axial) / self.area) / self.c_m,
            "v_d": (-self.dendrite(s) + (s.i + axial) / self.area_d) / self.c_m,
            "i": s.di - s.i / self.tau,
            "di": -s.di / self.tau,
            **self.sodium_and_potassium(s),
            **self.calcium_and_m(s),
        }

    def soma(self, s):
        """Outward current density of the soma, for states s."""
        return self.g_na * s.m**3 * s.h * (s.v - self.e_na) + self.g_k * s.n**4 * (s.v - self.e_k) + self.g_l * (s.v - self.e_l)

    def dendrite(self, s):
        """Outward current density of the dendrite, for states s."""
        return self.g_ca * s.c**2 * s.d * (s.v_d - self.e_ca) + self.g_m * s.u * (s.v_d - self.e_k) + self.g_l * (s.v_d - self.e_l)

    def sodium_and_potassium(self, s):
        """d/dt of the gates m, h and n of the soma."""
        y = (s.v - self.v_t) / mV
        alpha_m, beta_m = 1.28 / exprel(-(y - 13) / 4), 1.4 / exprel((y - 40) / 5)
        alpha_h, beta_h = 0.128 * exp(-(y - 17) / 18), 4 * sigmoid((y - 40) / 5)
        alpha_n, beta_n = 0.16 / exprel(-(y - 15) / 5), 0.5 * exp(-(y - 10) / 40)
        return {
            "m": (alpha_m * (1 - s.m) - beta_m * s.m) / ms,
            "h": (alpha_h * (1 - s.h) - beta_h * s.h) / ms,
            "n": (alpha_n * (1 - s.n) - beta_n * s.n) / ms,
        }

    def calcium_and_m(self, s):
        """d/dt of the gates c, d and u of the dendrite."""
        y = s.v_d / mV
        alpha_c, beta_c = 0.209 / exprel(-(y + 27) / 3.8), 0.94 * exp(-(y + 75) / 17)
        alpha_d, beta_d = 0.000457 * exp(-(y + 13) / 50), 0.0065 * sigmoid((y + 15) / 28)
        rate = 0.0033 * 2.3**1.3  # Q10 of 2.3 from 21 to 34 °C
        alpha_u, beta_u = rate * exp(0.1 * (y + 35)), rate * exp(-0.1 * (y + 35))
        return {
            "c": (alpha_c * (1 - s.c) - beta_c * s.c) / ms,
            "d": (alpha_d * (1 - s.d) - beta_d * s.d) / ms,
            "u": (alpha_u * (1 - s.u) - beta_u * s.u) / ms,
        }

    def receive(self, s, w):
        return {"di": math.e * w.dend / self.tau}

    def fires(self, s):
        return s.v >= self.v_spike
