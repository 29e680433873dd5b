"""What graded projections have transmitted and will still act, and graded or shared weights that were set, as a checkpoint holds them."""

from __future__ import annotations

from neuropil.engine.core import Core
from neuropil.engine.saved import Arrays, array, group
from neuropil.engine.stores.graded import GradedWeights


class GradedValues:
    """What was published within the delays, and weights that are not those of the description.

    Args:
        core: holds them.
    """

    named_by, overrides = "projection", False

    def __init__(self, core: Core):
        self.core = core

    def save(self) -> Arrays:
        """Of each projection the values that its sources transmitted, [longest delay, neurons], if it is graded, and weights that were set, by name."""
        saved: Arrays = {}
        for store in self.core.structured:
            weights: Arrays = {} if store.changed is None else {"weights": {n: v.view() for n, v in store.changed.items()}}
            past: Arrays = {"past": store.published.past(self.core.step)} if isinstance(store, GradedWeights) else {}
            saved[store.projection.name] = {**past, **weights}
        return saved

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned at a `step`."""
        for store in self.core.structured:
            if store.projection.name in arrays:
                own = group(arrays, store.projection.name)
                if isinstance(store, GradedWeights):
                    store.published.restore(step, array(own, "past"))
                store.set({n: array(group(own, "weights"), n) for n in group(own, "weights")} if "weights" in own else None)

    def free(self, name: str) -> frozenset[str]:
        """Weights of the projection `name` that were set may be absent."""
        return frozenset(("weights",))
