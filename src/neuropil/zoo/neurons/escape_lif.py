"""Leaky integrate-and-fire neurons that escape their threshold at random.

    hazard = rho exp((V - V_th) / Delta),    the membrane of `LIFExp`

Gerstner & van Hemmen (1992) Network 3:139; parameters as Jolivet, Rauch, Lüscher & Gerstner (2006) J. Comput. Neurosci. 21:35 find
them in size (from memory).

Must show: a constant hazard at a held potential; a rate that grows by e for every Delta.
"""

from __future__ import annotations

from neuropil.maths import exp, minimum
from neuropil.model import Neuron
from neuropil.units import Hz, Rate, Voltage, mV
from neuropil.zoo.neurons.lif import LIFExp


class EscapeLIF(LIFExp):
    """`LIFExp` with a hazard in place of its threshold, cut at e⁵ rho."""

    rho: Rate = 60 * Hz
    softness: Voltage = 2 * mV

    fires = Neuron.fires  # none: a model has one threshold, and this one is the hazard

    def hazard(self, s):
        return self.rho * exp(minimum((s.v - self.v_th) / self.softness, 5.0))
