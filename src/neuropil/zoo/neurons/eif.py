"""Exponential integrate-and-fire neuron.

    C dV/dt = -g_L (V - E_L) + g_L Delta_T exp((V - V_T) / Delta_T) + I_syn + I,
    spike where V >= V_peak, then V held at V_reset for t_ref.

Fourcaud-Trocmé, Hansel, van Vreeswijk & Brunel (2003) J. Neurosci. 23:11628; parameters fitted there to the
Wang-Buzsáki neuron (1 µF/cm², 0.1 mS/cm²), here for 10⁴ µm² of membrane. Beyond V_peak the spike is cut: the
equations see V no higher, so that the step in which it is cut stays finite.

Must show: rheobase g_L (V_T - E_L - Delta_T) = 16.2 pA, reached at V = V_T; a rate that grows as the square root of the
current above it.
"""

from __future__ import annotations

from neuropil.maths import exp, minimum
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Capacitance, Conductance, Time, Voltage, ms, mV, nS, pA, pF


class ExponentialLIF(Neuron):
    """Exponential synaptic currents: a weight (pA) is the jump of the current."""

    c_m: Capacitance = 100 * pF
    g_l: Conductance = 10 * nS
    e_l: Voltage = -65 * mV
    v_t: Voltage = -59.9 * mV
    delta_t: Voltage = 3.48 * mV
    v_peak: Voltage = -30 * mV
    v_reset: Voltage = -68 * mV
    t_ref: Time = 1.7 * ms
    tau_exc: Time = 2 * ms
    tau_inh: Time = 5 * ms

    v = State("e_l")
    i_exc = State(0 * pA)
    i_inh = State(0 * pA)
    exc = Port(pA)
    inh = Port(pA)
    current = Input(pA)

    integrator = "rk4"
    refractory = "t_ref"
    clamps = ("v",)

    def derivative(self, s, x):
        v = minimum(s.v, self.v_peak)
        spike = self.g_l * self.delta_t * exp((v - self.v_t) / self.delta_t)
        return {
            "v": (-self.g_l * (v - self.e_l) + spike + s.i_exc + s.i_inh + x.current) / self.c_m,
            "i_exc": -s.i_exc / self.tau_exc,
            "i_inh": -s.i_inh / self.tau_inh,
        }

    def receive(self, s, w):
        return {"i_exc": w.exc, "i_inh": w.inh}

    def fires(self, s):
        return s.v >= self.v_peak

    def reset(self, s):
        return {"v": self.v_reset}
