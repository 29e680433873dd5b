"""AMPA receptors: fast excitation.

    i = g (v - E),    E = 0 mV

with a conductance g that jumps and decays (`AMPAExponential`), or rises and decays (`AMPA`; see double_exponential.py).
Rise of 0.2 ms and decay of 1.7 ms: Häusser & Roth (1997) J. Neurosci. 17:7606, as used by Markram et al. (2015) Cell
163:456. The single exponential has 2 ms.

Must show: no current at 0 mV; a peak conductance equal to the weight; for `AMPA` it comes 0.48 ms after the event.
"""

from __future__ import annotations

from neuropil.model import Input, PointProcess, Port, State
from neuropil.units import Time, Voltage, ms, mV, nS
from neuropil.zoo.synapses.double_exponential import DoubleExponential


class AMPA(DoubleExponential):
    """Double exponential: a weight (nS) is the peak conductance."""

    tau_rise: Time = 0.2 * ms
    tau_decay: Time = 1.7 * ms
    e: Voltage = 0 * mV

    v = Input(mV)
    exc = Port(nS)

    def current(self, s, x):
        return self.conductance(s) * (x.v - self.e)

    def receive(self, s, w):
        return self.jump(w.exc)


class AMPAExponential(PointProcess):
    """Single exponential: a weight (nS) is the jump of the conductance."""

    tau: Time = 2 * ms
    e: Voltage = 0 * mV

    v = Input(mV)
    g = State(0 * nS)
    exc = Port(nS)

    def current(self, s, x):
        return s.g * (x.v - self.e)

    def derivative(self, s, x):
        return {"g": -s.g / self.tau}

    def receive(self, s, w):
        return {"g": w.exc}
