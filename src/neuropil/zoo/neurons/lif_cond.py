"""Leaky integrate-and-fire neurons with conductance-based synapses.

    C dV/dt = -g_L (V - E_L) - g_exc (V - E_exc) - g_inh (V - E_inh) + I,    spike and reset to V_reset where V >= V_th,
    V held at V_reset for t_ref after a spike.

Meffin, Burkitt & Grayden (2004) J. Comput. Neurosci. 16:159; default parameters of NEST's iaf_cond_exp, iaf_cond_alpha.
The COBA network of Vogels & Abbott (2005) is LIFCondExp with c_m=200 pF, g_l=10 nS, e_l=-60 mV, v_th=-50 mV,
v_reset=-60 mV, e_exc=0 mV, e_inh=-80 mV, t_ref=5 ms, tau_exc=5 ms, tau_inh=10 ms and weights of 6 nS and 67 nS.

Why Runge-Kutta: synapses decay within a few steps (0.2 ms), and a first-order step that freezes the conductance at the
beginning of a step of 0.1 ms lets through 27 % too much charge.

Must show: V settles at the conductance-weighted mean of the reversal potentials; the effective membrane time constant is
C over the sum of the conductances.
"""

from __future__ import annotations

import math

from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Capacitance, Conductance, Current, Time, Voltage, ms, mV, nS, pA, pF


class _LIFCond(Neuron):
    """The membrane both of them share."""

    c_m: Capacitance = 250 * pF
    g_l: Conductance = 16.6667 * nS
    e_l: Voltage = -70 * mV
    e_exc: Voltage = 0 * mV
    e_inh: Voltage = -85 * mV
    v_th: Voltage = -55 * mV
    v_reset: Voltage = -60 * mV
    t_ref: Time = 2 * ms
    tau_exc: Time = 0.2 * ms
    tau_inh: Time = 2 * ms
    i_e: Current = 0 * pA

    v = State("e_l")
    current = Input(pA)

    integrator = "rk4"
    refractory = "t_ref"
    clamps = ("v",)

    def membrane(self, s, x):
        i_syn = -s.g_exc * (s.v - self.e_exc) - s.g_inh * (s.v - self.e_inh)
        return (-self.g_l * (s.v - self.e_l) + i_syn + self.i_e + x.current) / self.c_m

    def fires(self, s):
        return s.v >= self.v_th

    def reset(self, s):
        return {"v": self.v_reset}


class LIFCondExp(_LIFCond):
    """Exponential conductances: a weight (nS, positive on both ports) is the jump of the conductance."""

    g_exc = State(0 * nS)
    g_inh = State(0 * nS)
    exc = Port(nS)
    inh = Port(nS)

    def derivative(self, s, x):
        return {
            "v": self.membrane(s, x),
            "g_exc": -s.g_exc / self.tau_exc,
            "g_inh": -s.g_inh / self.tau_inh,
        }

    def receive(self, s, w):
        return {"g_exc": w.exc, "g_inh": w.inh}


class LIFCondAlpha(_LIFCond):
    """Alpha-shaped conductances: a weight (nS, positive on both ports) is the peak, reached after tau."""

    g_exc = State(0 * nS)
    dg_exc = State(0 * nS / ms)
    g_inh = State(0 * nS)
    dg_inh = State(0 * nS / ms)
    exc = Port(nS)
    inh = Port(nS)

    def derivative(self, s, x):
        return {
            "v": self.membrane(s, x),
            "g_exc": s.dg_exc - s.g_exc / self.tau_exc,
            "dg_exc": -s.dg_exc / self.tau_exc,
            "g_inh": s.dg_inh - s.g_inh / self.tau_inh,
            "dg_inh": -s.dg_inh / self.tau_inh,
        }

    def receive(self, s, w):
        return {"dg_exc": math.e * w.exc / self.tau_exc, "dg_inh": math.e * w.inh / self.tau_inh}
