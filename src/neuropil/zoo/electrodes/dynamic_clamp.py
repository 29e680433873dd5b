"""Dynamic clamp: an electrode that adds an artificial conductance to the membrane.

    i = conductance (v - e)

Sharp, O'Neil, Abbott & Marder (1993) J. Neurophysiol. 69:992.

Must show: no current at e; a conductance that adds to the membrane's own.
"""

from __future__ import annotations

from neuropil.model import Input, PointProcess
from neuropil.units import Voltage, mV, nS


class DynamicClamp(PointProcess):
    """Its input `conductance` (nS) comes from a stimulus; its reversal potential is fixed."""

    crosses_membrane = False
    e: Voltage = 0 * mV

    v = Input(mV)
    conductance = Input(nS)

    def current(self, s, x):
        return x.conductance * (x.v - self.e)
