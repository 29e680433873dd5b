"""Pyramidal neurons of two compartments: a soma that spikes, and an apical dendrite with calcium and NMDA spikes.

    C_s dV/dt = -g_s (V - E_L) + g_c (V_d - V) - g_exc V - g_inh (V - E_inh) - w + I
    C_d dV_d/dt = -g_d (V_d - E_L) + g_c (V_seen - V_d) + g_ca f(V_d) - w_d - (g_ampa + g_nmda B(V_d)) V_d + I_d
    V_seen = V + p (V_ap - V),   dp/dt = -p / t_ap,   p = 1 after a spike
    tau_w dw/dt = -w,   w jumps by b at a spike;   tau_wd dw_d/dt = -w_d + a (V_d - E_L)
    f(V) = 1 / (1 + exp(-(V - E_ca) / D_ca)),   B(V) = 1 / (1 + [Mg]/3.57 mM exp(-0.062 V/mV))

A spike is an event here, so the dendrite cannot see its potential. It sees V_seen instead: the action potential, which
starts at V_ap and falls back within t_ap. What spreads back is thus carried by the same conductance g_c that carries the
dendrite's potential to the soma, and g_c = 0 decouples them.

Sources. Two compartments with one coupling conductance: Pinsky & Rinzel (1994) J. Comput. Neurosci. 1:39. The
regenerative current g_ca f with E_ca and D_ca, capacitances, time constants (g_s = C_s / 16 ms, g_d = C_d / 7 ms), both
adaptations: Naud & Sprekeler (2018) PNAS 115:E6329, from memory. Their dendrite gets 2600 pA for 2 ms from a spike; here
g_c (V_ap - V_d) is as much for V_ap = 30 mV and V_d near -60 mV with g_c = 29 nS, t_ap = 2 ms. g_ca is 2000 pA and not
their 1200, because here the current to the soma is taken from the dendrite. Threshold and resting potential are
theirs, reset and refractory period are round numbers. The block B: Jahr & Stevens (1990) J. Neurosci. 10:3178. Time constants of AMPA (2 ms), NMDA (50 ms) and GABA-A (8 ms) and twice as much
NMDA as AMPA conductance are round numbers of the usual size, not fitted.

Must show (Larkum, Zhu & Sakmann 1999, Nature 398:338): a short somatic pulse alone makes one spike, a dendritic current
like an EPSP alone none, both within 10 ms a burst; and without coupling no burst.
"""

from __future__ import annotations

from neuropil.maths import sigmoid
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Capacitance, Concentration, Conductance, Current, Time, Voltage, mM, ms, mV, nS, pA, pF
from neuropil.zoo.synapses.nmda import magnesium_block


class TwoCompartment(Neuron):
    """Soma and apical dendrite; weights (nS) are jumps of conductances, at "apical" that of AMPA."""

    c_s: Capacitance = 370 * pF
    g_s: Conductance = 23 * nS
    c_d: Capacitance = 170 * pF
    g_d: Conductance = 24 * nS
    g_c: Conductance = 29 * nS
    e_l: Voltage = -70 * mV
    v_th: Voltage = -50 * mV
    v_reset: Voltage = -60 * mV
    t_ref: Time = 2 * ms
    v_ap: Voltage = 30 * mV
    t_ap: Time = 2 * ms
    g_ca: Current = 2000 * pA
    e_ca: Voltage = -38 * mV
    d_ca: Voltage = 6 * mV
    a: Conductance = 13 * nS
    tau_wd: Time = 30 * ms
    b: Current = 200 * pA
    tau_w: Time = 100 * ms
    e_inh: Voltage = -75 * mV
    tau_ampa: Time = 2 * ms
    tau_nmda: Time = 50 * ms
    tau_inh: Time = 8 * ms
    nmda_ratio: float = 2.0
    mg: Concentration = 1 * mM

    v = State("e_l")
    v_d = State("e_l")
    w = State(0 * pA)
    w_d = State(0 * pA)
    p = State(0.0)
    g_exc = State(0 * nS)
    g_inh = State(0 * nS)
    g_ampa = State(0 * nS)
    g_nmda = State(0 * nS)
    exc = Port(nS)
    inh = Port(nS)
    apical = Port(nS)
    current = Input(pA)
    apical_current = Input(pA)

    integrator = "exponential_euler"  # one evaluation per step, and stable for any conductance
    refractory = "t_ref"
    clamps = ("v",)

    def soma(self, s, x):
        """Current into the soma but for what comes from the dendrite."""
        synaptic = -s.g_exc * s.v - s.g_inh * (s.v - self.e_inh)
        return -self.g_s * (s.v - self.e_l) + synaptic - s.w + x.current

    def dendrite(self, s, x):
        """Current into the zone of calcium spikes but for its NMDA synapses."""
        seen = s.v + s.p * (self.v_ap - s.v)
        spike = self.g_ca * sigmoid((s.v_d - self.e_ca) / self.d_ca)
        return -self.g_d * (s.v_d - self.e_l) + self.g_c * (seen - s.v_d) + spike - s.w_d + x.apical_current

    def synapses(self, s, v):
        """Current of the apical synapses where the potential is v."""
        return -(s.g_ampa + s.g_nmda * magnesium_block(v, self.mg)) * v

    def slow(self, s):
        """What follows its own time constant."""
        return {
            "w": -s.w / self.tau_w,
            "w_d": (-s.w_d + self.a * (s.v_d - self.e_l)) / self.tau_wd,
            "p": -s.p / self.t_ap,
            "g_exc": -s.g_exc / self.tau_ampa,
            "g_inh": -s.g_inh / self.tau_inh,
            "g_ampa": -s.g_ampa / self.tau_ampa,
            "g_nmda": -s.g_nmda / self.tau_nmda,
        }

    def derivative(self, s, x):
        return {
            "v": (self.soma(s, x) + self.g_c * (s.v_d - s.v)) / self.c_s,
            "v_d": (self.dendrite(s, x) + self.synapses(s, s.v_d)) / self.c_d,
            **self.slow(s),
        }

    def receive(self, s, w):
        return {"g_exc": w.exc, "g_inh": w.inh, "g_ampa": w.apical, "g_nmda": self.nmda_ratio * w.apical}

    def fires(self, s):
        return s.v >= self.v_th

    def reset(self, s):
        return {"v": self.v_reset, "w": s.w + self.b, "p": 1.0}
