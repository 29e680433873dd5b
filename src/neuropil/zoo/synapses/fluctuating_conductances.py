"""Two conductances that fluctuate, in place of the many synapses of a dendrite that is not described.

    i = g_e (v - E_e) + g_i (v - E_i),    dg/dt = -(g - g_0) / tau + sigma √(2 / tau) ξ,    white noise ξ of each

Destexhe, Rudolph, Fellous & Sejnowski (2001) Neuroscience 107:13; constants of their `Gfluct` (ModelDB 64259): 12.1 ± 3.0 and 57.3 ± 6.6 nS,
2.728 and 10.49 ms, 0 and -75 mV. As there, a conductance may be negative: g_e in one of 20,000 cases. `PointConductance` is a neuron with both.

Must show: conductances with the mean, the deviation and the correlation in time of Ornstein-Uhlenbeck processes, whatever the time step.
"""

from __future__ import annotations

from neuropil.maths import sqrt
from neuropil.model import Input, PointProcess, State
from neuropil.units import Conductance, Time, Voltage, ms, mV, nS


class FluctuatingConductances(PointProcess):
    """An excitatory and an inhibitory conductance with noise of their own."""

    e_exc: Voltage = 0 * mV
    e_inh: Voltage = -75 * mV
    g_exc_0: Conductance = 12.1 * nS
    g_inh_0: Conductance = 57.3 * nS
    sd_exc: Conductance = 3.0 * nS
    sd_inh: Conductance = 6.6 * nS
    tau_exc: Time = 2.728 * ms
    tau_inh: Time = 10.49 * ms

    v = Input(mV)
    noise_exc = Input(1.0)
    noise_inh = Input(1.0)
    g_exc = State("g_exc_0")
    g_inh = State("g_inh_0")

    def current(self, s, x):
        return s.g_exc * (x.v - self.e_exc) + s.g_inh * (x.v - self.e_inh)

    def derivative(self, s, x):
        return {
            "g_exc": (self.g_exc_0 - s.g_exc) / self.tau_exc + self.sd_exc * sqrt(2 / (self.tau_exc * ms)) * x.noise_exc,
            "g_inh": (self.g_inh_0 - s.g_inh) / self.tau_inh + self.sd_inh * sqrt(2 / (self.tau_inh * ms)) * x.noise_inh,
        }
