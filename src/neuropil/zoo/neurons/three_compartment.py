"""Pyramidal neurons of three compartments: soma, zone of calcium spikes, and a tuft whose synapses make NMDA spikes.

The soma and the zone are those of `TwoCompartment`; its apical synapses sit on a tuft beyond the zone instead:

    C_d dV_d/dt = … + g_t (V_t - V_d),      without the synapses
    C_t dV_t/dt = -g_tuft (V_t - E_L) + g_t (V_d - V_t) - (g_ampa + g_nmda B(V_t)) V_t + I_t

A chain, as in Larkum, Nevian, Sandler, Polsky & Schiller (2009) Science 325:756: thin distal branches make NMDA spikes,
which the zone of calcium spikes adds up, which drives the soma. The tuft stands for some branches together: its
capacitance is a quarter of the dendrite's, its time constant 10 ms, and it meets the zone through a conductance of the
size of its own leak; round numbers chosen so that its NMDA spike lasts tens of ms and does not make the cell spike alone.

Must show: beyond a number of synapses the tuft's potential jumps to a plateau of tens of ms (an NMDA spike), which without
NMDA is gone; and it turns a single somatic spike into a burst.
"""

from __future__ import annotations

from neuropil.model import Input, State
from neuropil.units import Capacitance, Conductance, nS, pA, pF
from neuropil.zoo.neurons.two_compartment import TwoCompartment


class ThreeCompartment(TwoCompartment):
    """Soma, calcium zone and tuft; weights (nS) at "apical" are jumps of the AMPA conductance on the tuft."""

    c_t: Capacitance = 40 * pF
    g_tuft: Conductance = 4 * nS
    g_t: Conductance = 4 * nS

    v_t = State("e_l")
    tuft_current = Input(pA)

    def derivative(self, s, x):
        tuft = -self.g_tuft * (s.v_t - self.e_l) + self.g_t * (s.v_d - s.v_t) + self.synapses(s, s.v_t)
        return {
            "v": (self.soma(s, x) + self.g_c * (s.v_d - s.v)) / self.c_s,
            "v_d": (self.dendrite(s, x) + self.g_t * (s.v_t - s.v_d)) / self.c_d,
            "v_t": (tuft + x.tuft_current) / self.c_t,
            **self.slow(s),
        }
