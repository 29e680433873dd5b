"""Adaptive exponential integrate-and-fire neuron (AdEx) with exponential conductances.

    C dV/dt   = -g_L (V - E_L) + g_L Delta_T exp((V - V_T) / Delta_T) - w - g_exc (V - E_exc) - g_inh (V - E_inh) + I
    tau_w dw/dt = a (V - E_L) - w,    where V >= V_peak: spike, V <- V_reset, w <- w + b, V held for t_ref.

Brette & Gerstner (2005) J. Neurophysiol. 94:3637, whose parameters are the defaults (synapses: NEST's aeif_cond_exp).
PATTERNS: Naud, Marcille, Clopath & Gerstner (2008) Biol. Cybern. 99:335, Table 1, each with the step of current that
evokes it. Beyond V_peak the spike is cut: the equations see V no higher.

Must show: the eight firing patterns; rheobase of the defaults between 0.5 and 0.7 nA; adaptation of the defaults.
"""

from __future__ import annotations

from neuropil.maths import exp, minimum
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Capacitance, Conductance, Current, Time, Voltage, ms, mV, nS, pA, pF


class AdEx(Neuron):
    """A weight (nS, positive on both ports) is the jump of the conductance."""

    c_m: Capacitance = 281 * pF
    g_l: Conductance = 30 * nS
    e_l: Voltage = -70.6 * mV
    v_t: Voltage = -50.4 * mV
    delta_t: Voltage = 2 * mV
    a: Conductance = 4 * nS
    tau_w: Time = 144 * ms
    b: Current = 80.5 * pA
    v_peak: Voltage = 0 * mV
    v_reset: Voltage = -70.6 * mV
    t_ref: Time = 0 * ms
    e_exc: Voltage = 0 * mV
    e_inh: Voltage = -85 * mV
    tau_exc: Time = 0.2 * ms
    tau_inh: Time = 2 * ms

    v = State("e_l")
    w = State(0 * pA)
    g_exc = State(0 * nS)
    g_inh = State(0 * nS)
    exc = Port(nS)
    inh = Port(nS)
    current = Input(pA)

    integrator = "rk4"
    refractory = "t_ref"
    clamps = ("v",)

    def derivative(self, s, x):
        v = minimum(s.v, self.v_peak)
        spike = self.g_l * self.delta_t * exp((v - self.v_t) / self.delta_t)
        i_syn = -s.g_exc * (v - self.e_exc) - s.g_inh * (v - self.e_inh)
        return {
            "v": (-self.g_l * (v - self.e_l) + spike - s.w + i_syn + x.current) / self.c_m,
            "w": (self.a * (v - self.e_l) - s.w) / self.tau_w,
            "g_exc": -s.g_exc / self.tau_exc,
            "g_inh": -s.g_inh / self.tau_inh,
        }

    def receive(self, s, w):
        return {"g_exc": w.exc, "g_inh": w.inh}

    def fires(self, s):
        return s.v >= self.v_peak

    def reset(self, s):
        return {"v": self.v_reset, "w": s.w + self.b}


def _pattern(c_m, g_l, e_l, a, tau_w, b, v_reset, current):
    parameters = {
        "c_m": c_m * pF, "g_l": g_l * nS, "e_l": e_l * mV, "v_t": -50 * mV, "delta_t": 2 * mV,
        "a": a * nS, "tau_w": tau_w * ms, "b": b * pA, "v_reset": v_reset * mV,
    }  # fmt: skip
    return parameters, current * pA


# name -> (parameters of AdEx, step of current)
PATTERNS = {
    "tonic": _pattern(200, 10, -70, 2, 30, 0, -58, 500),
    "adaptation": _pattern(200, 12, -70, 2, 300, 60, -58, 500),
    "initial_burst": _pattern(130, 18, -58, 4, 150, 120, -50, 400),
    "regular_bursting": _pattern(200, 10, -58, 2, 120, 100, -46, 210),
    "delayed_accelerating": _pattern(200, 12, -70, -10, 300, 0, -58, 300),
    "delayed_regular_bursting": _pattern(100, 10, -65, -10, 90, 30, -47, 110),
    "transient": _pattern(100, 10, -65, 10, 90, 100, -47, 180),
    "irregular": _pattern(100, 12, -60, -11, 130, 30, -48, 160),
}
