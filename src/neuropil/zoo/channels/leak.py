"""The leak of a passive membrane.

    i = g (v - e)

What Rall (1959) Exp. Neurol. 1:491 and the cable theory after him assume of a dendrite. NEURON's `pas`.

Must show: a linear current-voltage relation; with a capacitance c, v returns to e with the time constant c/g.
"""

from __future__ import annotations

from neuropil.model import Channel, Input
from neuropil.units import ConductanceDensity, Voltage, cm, mS, mV


class Leak(Channel):
    """An ohmic leak. The defaults give 10 ms at 1 µF/cm²."""

    g: ConductanceDensity = 0.1 * mS / cm**2
    e: Voltage = -70 * mV

    v = Input(mV)

    def current(self, s, x):
        return self.g * (x.v - self.e)
