"""A dendritic branch as one compartment with AMPA and NMDA synapses; its NMDA spike is the block leaving the channels.

    C dV/dt = -g_L (V - E_L) - [g_A + g_N B(V)] (V - E_syn) + I,    B(V) = 1 / (1 + exp(-0.062 V / mV) [Mg] / 3.57 mM),
    dg_A/dt = -g_A / tau_ampa,  dg_N/dt = -g_N / tau_nmda.

B(V): Jahr & Stevens (1990) J. Neurosci. 10:3178. NMDA spikes: Schiller, Major, Koester & Schiller (2000) Nature 404:285.
Passive constants are of the order of a thin basal branch of 150 µm by 0.8 µm with spines (7.5 pF; 0.5 nS through its own
membrane and 3 nS along it towards the soma), decay times those commonly used; both are choices, fitted to no one cell.
The model does not spike: it is a part of a neuron, to be read out as `v`.

Must show: for many synapses a jump of V that is absent without magnesium; V settles at the conductance-weighted mean of
the reversal potentials.
"""

from __future__ import annotations

from neuropil.maths import exp
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Capacitance, Concentration, Conductance, Time, Voltage, mM, ms, mV, nS, pA, pF


class NMDABranch(Neuron):
    """A weight (nS) is the jump of the conductance on its port."""

    c_m: Capacitance = 7.5 * pF
    g_l: Conductance = 3.5 * nS
    e_l: Voltage = -70 * mV
    e_syn: Voltage = 0 * mV
    tau_ampa: Time = 2 * ms
    tau_nmda: Time = 50 * ms
    mg: Concentration = 1 * mM

    v = State("e_l")
    g_a = State(0 * nS)
    g_n = State(0 * nS)
    ampa = Port(nS)
    nmda = Port(nS)
    current = Input(pA)

    integrator = "rk4"  # AMPA decays within a few membrane time constants; first order would lose charge

    def derivative(self, s, x):
        block = 1 / (1 + exp(-0.062 * s.v / mV) * self.mg / (3.57 * mM))
        i_syn = -(s.g_a + s.g_n * block) * (s.v - self.e_syn)
        return {
            "v": (-self.g_l * (s.v - self.e_l) + i_syn + x.current) / self.c_m,
            "g_a": -s.g_a / self.tau_ampa,
            "g_n": -s.g_n / self.tau_nmda,
        }

    def receive(self, s, w):
        return {"g_a": w.ampa, "g_n": w.nmda}
