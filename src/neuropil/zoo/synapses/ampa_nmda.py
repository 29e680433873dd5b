"""AMPA and NMDA receptors side by side at one excitatory synapse, driven by the same events.

    i = (g_AMPA + g_NMDA B(v)) (v - E)

An event of weight w gives g_AMPA the peak w and g_NMDA the peak ratio · w. Time courses, block and their sources as in
ampa.py and nmda.py; the ratio of 0.71 is that of Markram et al. (2015) Cell 163:456.

Must show: the sum of the two receptors alone, one with weight w and the other with ratio · w.
"""

from __future__ import annotations

from neuropil.model import Input, PointProcess, Port, State
from neuropil.units import Concentration, Time, Voltage, mM, ms, mV, nS
from neuropil.zoo.synapses.double_exponential import peak_factor
from neuropil.zoo.synapses.nmda import magnesium_block


class AMPANMDA(PointProcess):
    """A weight (nS) is the peak AMPA conductance."""

    ratio: float = 0.71
    ampa_rise: Time = 0.2 * ms
    ampa_decay: Time = 1.7 * ms
    nmda_rise: Time = 0.29 * ms
    nmda_decay: Time = 43 * ms
    e: Voltage = 0 * mV
    mg: Concentration = 1 * mM

    v = Input(mV)
    ampa_rising = State(0 * nS)
    ampa_decaying = State(0 * nS)
    nmda_rising = State(0 * nS)
    nmda_decaying = State(0 * nS)
    exc = Port(nS)

    def current(self, s, x):
        ampa, nmda = s.ampa_decaying - s.ampa_rising, s.nmda_decaying - s.nmda_rising
        return (ampa + nmda * magnesium_block(x.v, self.mg)) * (x.v - self.e)

    def derivative(self, s, x):
        return {
            "ampa_rising": -s.ampa_rising / self.ampa_rise,
            "ampa_decaying": -s.ampa_decaying / self.ampa_decay,
            "nmda_rising": -s.nmda_rising / self.nmda_rise,
            "nmda_decaying": -s.nmda_decaying / self.nmda_decay,
        }

    def receive(self, s, w):
        ampa = w.exc * peak_factor(self.ampa_rise, self.ampa_decay)
        nmda = w.exc * self.ratio * peak_factor(self.nmda_rise, self.nmda_decay)
        return {"ampa_rising": ampa, "ampa_decaying": ampa, "nmda_rising": nmda, "nmda_decaying": nmda}
