"""Leaky integrate-and-fire neurons with current-based synapses.

    C dV/dt = -C (V - E_L) / tau_m + I_syn + I,    spike and reset to V_reset where V >= V_th,
    V held at V_reset for t_ref after a spike.

Rotter & Diesmann (1999) Biol. Cybern. 81:381, exact integration; default parameters of Potjans & Diesmann (2014).
"""

from __future__ import annotations

import math

from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Capacitance, Current, Time, Voltage, ms, mV, pA, pF


class _LIF(Neuron):
    """The membrane all of them share."""

    c_m: Capacitance = 250 * pF
    tau_m: Time = 10 * ms
    e_l: Voltage = -65 * mV
    v_th: Voltage = -50 * mV
    v_reset: Voltage = -65 * mV
    t_ref: Time = 2 * ms
    i_e: Current = 0 * pA

    v = State("e_l")
    current = Input(pA)

    refractory = "t_ref"
    clamps = ("v",)

    def membrane(self, s, x, i_syn):
        return -(s.v - self.e_l) / self.tau_m + (i_syn + self.i_e + x.current) / self.c_m

    def fires(self, s):
        return s.v >= self.v_th

    def reset(self, s):
        return {"v": self.v_reset}


class LIFExp(_LIF):
    """Exponential synaptic currents: a weight (pA) is the jump of the current."""

    tau_exc: Time = 0.5 * ms
    tau_inh: Time = 0.5 * ms

    i_exc = State(0 * pA)
    i_inh = State(0 * pA)
    exc = Port(pA)
    inh = Port(pA)

    def derivative(self, s, x):
        return {
            "v": self.membrane(s, x, s.i_exc + s.i_inh),
            "i_exc": -s.i_exc / self.tau_exc,
            "i_inh": -s.i_inh / self.tau_inh,
        }

    def receive(self, s, w):
        return {"i_exc": w.exc, "i_inh": w.inh}


class LIFAlpha(_LIF):
    """Alpha-shaped synaptic currents: a weight (pA) is the peak of the current, reached after tau."""

    tau_exc: Time = 2 * ms
    tau_inh: Time = 2 * ms

    i_exc = State(0 * pA)
    di_exc = State(0 * pA / ms)
    i_inh = State(0 * pA)
    di_inh = State(0 * pA / ms)
    exc = Port(pA)
    inh = Port(pA)

    def derivative(self, s, x):
        return {
            "v": self.membrane(s, x, s.i_exc + s.i_inh),
            "i_exc": s.di_exc - s.i_exc / self.tau_exc,
            "di_exc": -s.di_exc / self.tau_exc,
            "i_inh": s.di_inh - s.i_inh / self.tau_inh,
            "di_inh": -s.di_inh / self.tau_inh,
        }

    def receive(self, s, w):
        return {"di_exc": math.e * w.exc / self.tau_exc, "di_inh": math.e * w.inh / self.tau_inh}


class LIFDelta(_LIF):
    """Delta synapses: a weight (mV) is the jump of the membrane potential; events while refractory are lost."""

    syn = Port(mV)

    def derivative(self, s, x):
        return {"v": self.membrane(s, x, 0 * pA)}

    def receive(self, s, w):
        return {"v": w.syn}
