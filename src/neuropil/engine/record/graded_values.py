"""What graded projections have transmitted and will still act, and weights that were set, as a checkpoint holds them."""

from __future__ import annotations

from neuropil.engine.core import Core
from neuropil.engine.saved import Arrays, array, group


class GradedValues:
    """What was published within the delays, and weights that are not those of the description.

    Args:
        core: holds them.
    """

    named_by, overrides = "projection", False

    def __init__(self, core: Core):
        self.core = core

    def save(self) -> Arrays:
        """Of each projection the values that its sources transmitted, [longest delay, neurons], and weights that were set, by name."""
        saved: Arrays = {}
        for graded in self.core.graded:
            weights: Arrays = {} if graded.changed is None else {"weights": {n: v.view() for n, v in graded.changed.items()}}
            saved[graded.projection.name] = {"past": graded.published.past(self.core.step), **weights}
        return saved

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned at a `step`."""
        for graded in self.core.graded:
            if graded.projection.name in arrays:
                own = group(arrays, graded.projection.name)
                graded.published.restore(step, array(own, "past"))
                graded.set({n: array(group(own, "weights"), n) for n in group(own, "weights")} if "weights" in own else None)

    def free(self, name: str) -> frozenset[str]:
        """Weights of the projection `name` that were set may be absent."""
        return frozenset(("weights",))
