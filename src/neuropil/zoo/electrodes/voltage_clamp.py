"""Voltage clamp with one electrode: it holds the membrane at a command potential, as well as its resistance lets it.

    i = (v - command) / r_series    while it is on, else 0

Must show: v at the command when r_series is small against the membrane's own resistance, and in all cases the mean of
command and resting potential weighted by the two conductances; a free membrane after the stimulus has ended. NEURON's `SEClamp`, whose default is 1 MΩ as well. The
method: Hodgkin, Huxley & Katz (1952) J. Physiol. 116:424.
"""

from __future__ import annotations

from neuropil.maths import where
from neuropil.model import Input, PointProcess
from neuropil.units import MOhm, Resistance, mV


class VoltageClamp(PointProcess):
    """Its input `command` (mV) comes from a stimulus; it is off while that is outside its window, as a `Step` is before its
    start and from its stop on. Of several stimuli the commands add up, and it is on while one of them is. In cells that the
    stimuli do not name it is off. Without any stimulus it holds 0 mV all along.
    """

    crosses_membrane = False
    r_series: Resistance = 1 * MOhm

    v = Input(mV)
    command = Input(mV, window="active")
    active = Input()

    def current(self, s, x):
        return where(x.active < 0, 0.0, 1.0) * (x.v - x.command) / self.r_series
