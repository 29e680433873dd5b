"""One half of a gap junction: an ohmic bridge to another compartment, which carries the other half.

    i = g (v - v_partner)

Must show: no current between equal potentials; the current out of one half enters the other. Bennett & Zukin (2004) Neuron
41:495 on what such a junction is; its conductance is 0.1 to a few nS.
"""

from __future__ import annotations

from neuropil.model import Input, PointProcess
from neuropil.units import Conductance, mV, nS


class GapJunction(PointProcess):
    """The half that sees its partner's potential as the input `v_partner`."""

    crosses_membrane = False
    g: Conductance = 0.5 * nS

    v = Input(mV)
    v_partner = Input(mV)

    def current(self, s, x):
        return self.g * (x.v - x.v_partner)
