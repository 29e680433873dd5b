"""Izhikevich's simple model of a spiking neuron, with delta synapses.

    dv/dt = k_2 v² + k_1 v + k_0 - u + I,    du/dt = a (b (v - v_u) - k_u u),
    where v >= v_peak: spike, v <- c, u <- u + d.

Izhikevich (2003) IEEE Trans. Neural Netw. 14:1569. Its k_2, k_1, k_0, v_u and k_u are fixed at 0.04, 5, 140, 0 and 1;
three of the twenty regimes of Izhikevich (2004), IEEE Trans. Neural Netw. 15:1063, change them, so they are parameters
here. The regimes are in `izhikevich_regimes`. Units: v mV, u and I mV/ms, b 1/ms; the papers write them without.

Must show: the twenty regimes.
"""

from __future__ import annotations

from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Quantity, Rate, Voltage, ms, mV


class Izhikevich(Neuron):
    """Regular spiking by default. A weight (mV) is the jump of the membrane potential."""

    a: Rate = 0.02 / ms
    b: Rate = 0.2 / ms
    c: Voltage = -65 * mV
    d: Quantity = 8 * mV / ms
    k_2: Quantity = 0.04 / (ms * mV)
    k_1: Rate = 5 / ms
    k_0: Quantity = 140 * mV / ms
    v_u: Voltage = 0 * mV
    k_u: float = 1.0
    v_peak: Voltage = 30 * mV

    v = State(-65 * mV)
    u = State(-13 * mV / ms)
    syn = Port(mV)
    current = Input(mV / ms)

    integrator = "rk4"

    def derivative(self, s, x):
        return {
            "v": self.k_2 * s.v * s.v + self.k_1 * s.v + self.k_0 - s.u + x.current,
            "u": self.a * (self.b * (s.v - self.v_u) - self.k_u * s.u),
        }

    def receive(self, s, w):
        return {"v": w.syn}

    def fires(self, s):
        return s.v >= self.v_peak

    def reset(self, s):
        return {"v": self.c, "u": s.u + self.d}
