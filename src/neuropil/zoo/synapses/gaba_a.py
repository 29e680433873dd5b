"""GABA-A receptors: fast inhibition.

    i = g (v - E),    E = -80 mV

with a conductance g that rises and decays (see double_exponential.py). Rise of 0.2 ms, decay of 8 ms and the reversal
potential: Markram et al. (2015) Cell 163:456.

Must show: no current at -80 mV; a peak conductance equal to the weight.
"""

from __future__ import annotations

from neuropil.model import Input, Port
from neuropil.units import Time, Voltage, ms, mV, nS
from neuropil.zoo.synapses.double_exponential import DoubleExponential


class GABAA(DoubleExponential):
    """A weight (nS, positive) is the peak conductance."""

    tau_rise: Time = 0.2 * ms
    tau_decay: Time = 8 * ms
    e: Voltage = -80 * mV

    v = Input(mV)
    inh = Port(nS)

    def current(self, s, x):
        return self.conductance(s) * (x.v - self.e)

    def receive(self, s, w):
        return self.jump(w.inh)
