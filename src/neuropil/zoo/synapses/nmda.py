"""NMDA receptors: slow excitation, blocked by magnesium until the membrane is depolarised.

    i = g B(v) (v - E),    B(v) = 1 / (1 + [Mg]/3.57 mM · e^(-0.062 v)),    E = 0 mV

with a conductance g that rises and decays (see double_exponential.py). The block: Jahr & Stevens (1990) J. Neurosci.
10:3178; it follows the voltage at once. Rise of 0.29 ms and decay of 43 ms: Markram et al. (2015) Cell 163:456.

Must show: B = 1/2 at ln([Mg]/3.57 mM)/0.062 mV (-20.5 mV at 1 mM); a current-voltage curve of negative
slope below -27 mV at 1 mM, from which NMDA spikes come; no block without magnesium.
"""

from __future__ import annotations

from neuropil.maths import exp
from neuropil.model import Input, Port
from neuropil.units import Concentration, Time, Voltage, mM, ms, mV, nS
from neuropil.zoo.synapses.double_exponential import DoubleExponential


def magnesium_block(v, mg):
    """Share of the conductance that magnesium (concentration mg) leaves open at a potential v."""
    return 1 / (1 + mg / (3.57 * mM) * exp(-0.062 * v / mV))


class NMDA(DoubleExponential):
    """A weight (nS) is the peak conductance without block."""

    tau_rise: Time = 0.29 * ms
    tau_decay: Time = 43 * ms
    e: Voltage = 0 * mV
    mg: Concentration = 1 * mM

    v = Input(mV)
    exc = Port(nS)

    def current(self, s, x):
        return self.conductance(s) * magnesium_block(x.v, self.mg) * (x.v - self.e)

    def receive(self, s, w):
        return self.jump(w.exc)
