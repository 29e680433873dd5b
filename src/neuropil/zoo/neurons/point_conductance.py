"""Leaky integrate-and-fire neurons under fluctuating conductances: the synapses of a whole dendrite at one point.

    C dV/dt = -g_L (V - E_L) - g_e (V - E_e) - g_i (V - E_i) + I,    spike and reset to V_reset where V >= V_th,
    dg/dt = -(g - g_0) / tau + sigma √(2 / tau) ξ,    for g_e and g_i, with white noise ξ of each.

Destexhe, Rudolph, Fellous & Sejnowski (2001) Neuroscience 107:13, with the conductances of their `Gfluct` (ModelDB 64259): 12.1 ± 3.0 and
57.3 ± 6.6 nS, 2.728 and 10.49 ms, 0 and -75 mV. Theirs spikes by Hodgkin-Huxley currents; here a threshold takes their place. As there, a
conductance may be negative: g_e in one of 20,000 cases.

Must show: conductances with the mean, the deviation and the correlation in time of Ornstein-Uhlenbeck processes, whatever the time step;
a potential about the conductance-weighted mean of the reversal potentials.
"""

from __future__ import annotations

from neuropil.maths import sqrt
from neuropil.model import Input, Neuron, State
from neuropil.units import Capacitance, Conductance, Time, Voltage, ms, mV, nS, pA, pF


class PointConductance(Neuron):
    """A membrane with two conductances that fluctuate by noise of their own."""

    c_m: Capacitance = 250 * pF
    g_l: Conductance = 16.6667 * nS
    e_l: Voltage = -70 * mV
    e_exc: Voltage = 0 * mV
    e_inh: Voltage = -75 * mV
    v_th: Voltage = -55 * mV
    v_reset: Voltage = -60 * mV
    t_ref: Time = 2 * ms
    g_exc_0: Conductance = 12.1 * nS
    g_inh_0: Conductance = 57.3 * nS
    sd_exc: Conductance = 3.0 * nS
    sd_inh: Conductance = 6.6 * nS
    tau_exc: Time = 2.728 * ms
    tau_inh: Time = 10.49 * ms

    v = State("e_l")
    g_exc = State("g_exc_0")
    g_inh = State("g_inh_0")
    current = Input(pA)
    noise_exc = Input(1.0)
    noise_inh = Input(1.0)

    refractory = "t_ref"
    clamps = ("v",)

    def derivative(self, s, x):
        i_syn = -s.g_exc * (s.v - self.e_exc) - s.g_inh * (s.v - self.e_inh)
        return {
            "v": (-self.g_l * (s.v - self.e_l) + i_syn + x.current) / self.c_m,
            "g_exc": (self.g_exc_0 - s.g_exc) / self.tau_exc + self.sd_exc * sqrt(2 / (self.tau_exc * ms)) * x.noise_exc,
            "g_inh": (self.g_inh_0 - s.g_inh) / self.tau_inh + self.sd_inh * sqrt(2 / (self.tau_inh * ms)) * x.noise_inh,
        }

    def fires(self, s):
        return s.v >= self.v_th

    def reset(self, s):
        return {"v": self.v_reset}
