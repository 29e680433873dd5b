"""Generalised integrate-and-fire neuron: spike-triggered current, moving threshold, stochastic escape.

    C dV/dt = -g_L (V - E_L) - eta_1 - eta_2 + I_syn + I,    V held at V_reset for t_ref after a spike,
    hazard = lambda_0 exp((V - V_T - gamma_1 - gamma_2) / Delta_V),
    eta_i and gamma_i decay exponentially and jump by q_eta_i and q_gamma_i at each spike.

Mensi, Naud, Pozzorini, Avermann, Petersen & Gerstner (2012) J. Neurophysiol. 107:1756; Pozzorini, Mensi, Hagens, Naud,
Koch & Gerstner (2015) PLoS Comput. Biol. 11:e1004275. Default parameters: the GABAergic neuron fitted in the former.

Must show: the hazard at V = V_T at rest is lambda_0; a firing rate that adapts to a step over hundreds of ms.
"""

from __future__ import annotations

from neuropil.maths import exp
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Capacitance, Conductance, Current, Hz, Rate, Time, Voltage, ms, mV, nS, pA, pF


class GIF(Neuron):
    """Exponential synaptic currents: a weight (pA) is the jump of the current."""

    c_m: Capacitance = 83.1 * pF
    g_l: Conductance = 3.7 * nS
    e_l: Voltage = -67 * mV
    v_t: Voltage = -39.6 * mV
    delta_v: Voltage = 1.4 * mV
    lambda_0: Rate = 1 * Hz
    v_reset: Voltage = -36.7 * mV
    t_ref: Time = 4 * ms
    q_eta_1: Current = 56.7 * pA
    tau_eta_1: Time = 57.8 * ms
    q_eta_2: Current = -6.9 * pA
    tau_eta_2: Time = 218.2 * ms
    q_gamma_1: Voltage = 11.7 * mV
    tau_gamma_1: Time = 53.8 * ms
    q_gamma_2: Voltage = 1.8 * mV
    tau_gamma_2: Time = 640 * ms
    tau_exc: Time = 10 * ms
    tau_inh: Time = 2 * ms

    v = State("e_l")
    eta_1 = State(0 * pA)
    eta_2 = State(0 * pA)
    gamma_1 = State(0 * mV)
    gamma_2 = State(0 * mV)
    i_exc = State(0 * pA)
    i_inh = State(0 * pA)
    exc = Port(pA)
    inh = Port(pA)
    current = Input(pA)

    refractory = "t_ref"
    clamps = ("v",)

    def derivative(self, s, x):
        i_in = s.i_exc + s.i_inh + x.current
        return {
            "v": (-self.g_l * (s.v - self.e_l) - s.eta_1 - s.eta_2 + i_in) / self.c_m,
            "eta_1": -s.eta_1 / self.tau_eta_1,
            "eta_2": -s.eta_2 / self.tau_eta_2,
            "gamma_1": -s.gamma_1 / self.tau_gamma_1,
            "gamma_2": -s.gamma_2 / self.tau_gamma_2,
            "i_exc": -s.i_exc / self.tau_exc,
            "i_inh": -s.i_inh / self.tau_inh,
        }

    def receive(self, s, w):
        return {"i_exc": w.exc, "i_inh": w.inh}

    def hazard(self, s):
        return self.lambda_0 * exp((s.v - self.v_t - s.gamma_1 - s.gamma_2) / self.delta_v)

    def reset(self, s):
        return {
            "v": self.v_reset,
            "eta_1": s.eta_1 + self.q_eta_1,
            "eta_2": s.eta_2 + self.q_eta_2,
            "gamma_1": s.gamma_1 + self.q_gamma_1,
            "gamma_2": s.gamma_2 + self.q_gamma_2,
        }
