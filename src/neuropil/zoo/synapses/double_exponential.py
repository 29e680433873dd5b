"""A conductance that rises and decays exponentially, its peak equal to the weight: what several receptors share.

    g(t) = w (e^(-t/tau_decay) - e^(-t/tau_rise)) / (the same difference at its peak)

after one event of weight w; events add. The peak lies at t = tau_rise tau_decay / (tau_decay - tau_rise) ·
ln(tau_decay / tau_rise). Roth & van Rossum (2009) in De Schutter (ed.) Computational Modeling Methods for Neuroscientists;
NEURON's `Exp2Syn` is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.maths import exp, log
from neuropil.model import PointProcess, State
from neuropil.model.base.distribution import Distribution
from neuropil.units import Quantity, Time, nS


def time_to_peak(tau_rise: Quantity, tau_decay: Quantity) -> Quantity:
    """Time at which the difference of two exponentials with time constants tau_rise and tau_decay is largest."""
    return tau_rise * tau_decay / (tau_decay - tau_rise) * log(tau_decay / tau_rise)


def peak_factor(tau_rise: Quantity, tau_decay: Quantity) -> Quantity:
    """Factor that scales the difference of two exponentials with time constants tau_rise and tau_decay to a peak of 1."""
    t = time_to_peak(tau_rise, tau_decay)
    return 1 / (exp(-t / tau_decay) - exp(-t / tau_rise))


class DoubleExponential(PointProcess):
    """Base class of receptors with this time course.

    Raises:
        ModelError: tau_rise is not shorter than tau_decay.
    """

    tau_rise: Time
    tau_decay: Time

    rising = State(0 * nS)
    decaying = State(0 * nS)

    def __init__(self, **parameters: Any):
        super().__init__(**parameters)
        rise, decay = self.tau_rise, self.tau_decay
        known = not isinstance(rise, Distribution) and not isinstance(decay, Distribution)
        if known and not np.all(np.asarray(rise.value) < np.asarray(decay.value)):
            raise ModelError(
                f"{type(self).__name__}: the conductance must rise faster than it decays",
                got=f"tau_rise={rise!r}, tau_decay={decay!r}",
                expected="tau_rise < tau_decay",
            )

    def conductance(self, s):
        """The conductance (nS), before any block."""
        return s.decaying - s.rising

    def jump(self, weight):
        """What an event of this weight adds to the two states."""
        step = weight * peak_factor(self.tau_rise, self.tau_decay)
        return {"rising": step, "decaying": step}

    def derivative(self, s, x):
        return {"rising": -s.rising / self.tau_rise, "decaying": -s.decaying / self.tau_decay}
