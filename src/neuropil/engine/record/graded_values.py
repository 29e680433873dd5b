"""What graded projections have transmitted and will still act, and graded or shared weights that were set, as a checkpoint holds them."""

from __future__ import annotations

import numpy as np

from neuropil.engine.core import Core
from neuropil.engine.saved import Arrays, AsDescribed, array, group
from neuropil.engine.stores.graded import GradedWeights
from neuropil.plan.graded import longest_delay


class GradedValues(AsDescribed):
    """What was published within the delays, and weights that are not those of the description.

    Args:
        core: holds them.
    """

    named_by, overrides = "projection", False

    def __init__(self, core: Core):
        self.core = core

    def save(self) -> Arrays:
        """Of each projection the values that its sources transmitted, [longest delay, neurons], the latest first, if it is graded, and weights that were set."""
        saved: Arrays = {}
        for store in self.core.structured:
            kept: Arrays = {} if store.changed is None else {"weights": {n: v.view() for n, v in store.changed.items()}}
            if isinstance(store, GradedWeights):
                kept["past"] = store.published.past(self.core.step)[: longest_delay(store.projection, self.core.plan.dt)]
            saved[store.projection.name] = kept
        return saved

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned at a `step`."""
        longest: dict[int, np.ndarray] = {}  # of what several projections transmit
        for store in self.core.structured:
            if store.projection.name in arrays:
                own = group(arrays, store.projection.name)
                if isinstance(store, GradedWeights):
                    past, shared = array(own, "past"), id(store.published)
                    if shared not in longest or len(past) > len(longest[shared]):
                        longest[shared] = past
                        store.published.restore(step, past)
                store.set({n: array(group(own, "weights"), n) for n in group(own, "weights")} if "weights" in own else None)

    def free(self, name: str) -> frozenset[str]:
        """Weights of the projection `name` that were set may be absent; what was transmitted may be of more steps than are needed."""
        return frozenset(("weights", "past"))

    def faults(self, name: str, then: Arrays, now: Arrays) -> list[str]:
        """What was transmitted within the delay of a projection must be known.

        Args:
            name: of the projection.
            then: its arrays; now: of a new simulation.
        """
        if "past" not in then or "past" not in now:
            return []
        dt, held, needed = self.core.plan.dt, len(array(then, "past")), len(array(now, "past"))
        if held >= needed:
            return []
        fix = f"a delay of at most {held * dt:g} ms, or a projection of another name, which starts fresh"
        return [f"projection {name!r} has a delay of {needed * dt:g} ms, but the snapshot holds what was sent within its delay then, {held * dt:g} ms ({fix})"]
