"""A population of independent Poisson sources: each neuron spikes with a constant hazard, and receives nothing.

    hazard = rate;    the chance of a spike in a step is 1 - exp(-rate dt), at most one in a step.

Must show: a mean rate of (1 - exp(-rate dt)) / dt and a coefficient of variation of the intervals near 1.
"""

from __future__ import annotations

from neuropil.model import Neuron
from neuropil.units import Hz, Rate


class PoissonSource(Neuron):
    """`rate` is one for all, or one per neuron."""

    rate: Rate = 10 * Hz

    def hazard(self, s):
        return self.rate
