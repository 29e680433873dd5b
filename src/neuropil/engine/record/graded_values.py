"""What graded projections have transmitted and will still act, and weights that were set, as a checkpoint holds them."""

from __future__ import annotations

import numpy as np

from neuropil.engine.core import Core
from neuropil.engine.saved import Arrays


class GradedValues:
    """What was published within the delays, and weights that are not those of the description.

    Args:
        core: holds them.
    """

    def __init__(self, core: Core):
        self.core = core

    def save(self) -> Arrays:
        """The values, [longest delay, neurons], by their number in the network; weights by projection and name."""
        past: Arrays = {str(j): p.past(self.core.step) for j, p in enumerate(self.core.published)}
        weights: Arrays = {g.projection.name: dict(g.changed) for g in self.core.graded if g.changed is not None}
        return {"values": past, "weights": weights}

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned at a `step`."""
        values, weights = arrays["values"], arrays["weights"]
        assert isinstance(values, dict) and isinstance(weights, dict)
        for j, published in enumerate(self.core.published):
            past = values[str(j)]
            assert isinstance(past, np.ndarray)
            published.restore(step, past)
        for graded in self.core.graded:
            changed = weights.get(graded.projection.name)
            assert changed is None or isinstance(changed, dict)
            graded.set(None if changed is None else {n: np.asarray(v) for n, v in changed.items()})
