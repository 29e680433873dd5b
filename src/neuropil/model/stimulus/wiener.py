"""White noise that a neuron model reads as an input of its own: the increments of Wiener processes."""

from __future__ import annotations

from typing import Any

from neuropil import maths
from neuropil.model.stimulus.stimulus import CurrentStimulus
from neuropil.units import ms


class Wiener(CurrentStimulus):
    """In every step a normal number over √(dt / 1 ms), of each neuron and site: the increment of a Wiener process over dt.

    A population whose model has an input called `noise`, or `noise_` and more, is driven by it at that input, and by nothing else.
    """

    def value(self, dt: Any, normal: Any) -> Any:
        """The mean of white noise over a step.

        Args:
            dt: duration of the step; normal: a number of mean 0 and variance 1.
        """
        return normal / maths.sqrt(dt / (1 * ms))
