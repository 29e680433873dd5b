"""What most rules change: the efficacy of a synapse, from 0 to 1, a part of the projection's weight.

A spike transmits weight times efficacy, so that the weight of the projection is the most that a synapse can be, in the
unit of the target's port whatever that is, and a rule needs no units and no largest weight of its own.
"""

from __future__ import annotations

from typing import ClassVar

from neuropil.maths import clip
from neuropil.model import State, Synapse


def bounded(efficacy):
    """The efficacy, limited to 0 to 1."""
    return clip(efficacy, 0.0, 1.0)


class Efficacy(Synapse):
    """A synapse whose efficacy begins at `start` (a number, or a distribution drawn for every synapse)."""

    learned: ClassVar[tuple[str, ...] | None] = ("efficacy",)

    start: float = 0.5

    efficacy = State("start")

    def transmits(self, s, w):
        return w * s.efficacy


class Drifting(Efficacy):
    """One whose efficacy also moves between spikes, where nothing stops it; what is sent is within the bounds."""

    def transmits(self, s, w):
        return w * bounded(s.efficacy)
