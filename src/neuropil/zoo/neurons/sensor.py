"""A sensory cell: a Poisson source whose rate is a state, so that a program that runs the network can set it.

    hazard = rate;    the chance of a spike in a step is 1 - exp(-rate dt), at most one in a step.
"""

from __future__ import annotations

from neuropil.model import Neuron, State
from neuropil.units import Hz


class Sensor(Neuron):
    """`rate` stays as it is set; it starts at 10 Hz (`initial=` says otherwise)."""

    rate = State(10 * Hz)

    def hazard(self, s):
        return s.rate
