"""Current clamp: an electrode that injects a given current.

    i = -amplitude

a membrane current being outward and an injected one inward, so that a positive amplitude depolarises. NEURON's `IClamp`.
The method: Hodgkin, Huxley & Katz (1952) J. Physiol. 116:424.

Must show: the amplitude, whatever the potential.
"""

from __future__ import annotations

from neuropil.model import Input, PointProcess
from neuropil.units import pA


class CurrentClamp(PointProcess):
    """Its input `amplitude` (pA) comes from a stimulus."""

    crosses_membrane = False
    amplitude = Input(pA)

    def current(self, s, x):
        return -x.amplitude
