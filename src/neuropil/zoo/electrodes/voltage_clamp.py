"""Voltage clamp with one electrode: it holds the membrane at a command potential, as well as its resistance lets it.

    i = (v - command) / r_series

Must show: v at the command when r_series is small against the membrane's own resistance, and in all cases the mean of
command and resting potential weighted by the two conductances. NEURON's `SEClamp`, whose default is 1 MΩ as well. The
method: Hodgkin, Huxley & Katz (1952) J. Physiol. 116:424.
"""

from __future__ import annotations

from neuropil.model import Input, PointProcess
from neuropil.units import MOhm, Resistance, mV


class VoltageClamp(PointProcess):
    """Its input `command` (mV) comes from a stimulus."""

    r_series: Resistance = 1 * MOhm

    v = Input(mV)
    command = Input(mV)

    def current(self, s, x):
        return (x.v - x.command) / self.r_series
