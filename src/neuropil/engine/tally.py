"""The spikes of a simulation in numbers: how many each neuron has fired, and which may still be under way."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from neuropil.engine.saved import Arrays, AsDescribed, array, group
from neuropil.model.contents.contents import Population


class SpikeTally(AsDescribed):
    """Counts of all spikes since t = 0, and the most recent spikes.

    Args:
        populations: of the network.
        counts: int64[neurons], where the spikes of each neuron are counted as they come.

    Attributes:
        ring: steps for which a spike may be under way; step: reached.
    """

    named_by, overrides = "population", False

    def __init__(self, populations: Iterable[Population], counts: np.ndarray):
        self.populations = tuple(populations)
        self.counts = counts
        self.ring, self.step = 2, 0
        self._recent: list[tuple[np.ndarray, np.ndarray]] = []

    def take(self, stamps: np.ndarray, neurons: np.ndarray, step: int) -> None:
        """Keep spikes as long as they may be under way.

        Args:
            stamps, neurons: int64[n], sorted by stamp.
            step: the step reached.
        """
        self.step = step
        if stamps.size:
            self._recent.append((stamps, neurons))
        while self._recent and self._recent[0][0][-1] <= step - self.ring:
            self._recent.pop(0)

    def under_way(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Stamps and neurons (int64[n]) of the spikes whose effects may still be under way at a `step`."""
        recent = self._recent or [(np.empty(0, np.int64), np.empty(0, np.int64))]
        stamps, neurons = (np.concatenate([r[i] for r in recent]) for i in (0, 1))
        late = stamps > step - self.ring
        return stamps[late], neurons[late]

    def of(self, population: Population) -> int:
        """How many spikes a `population` has fired since t = 0."""
        return int(self.counts[population.first : population.first + population.size].sum())

    def drop(self) -> None:
        """Nothing is under way."""
        self._recent = []

    def save(self) -> Arrays:
        """Of each population the counts, and the spikes under way with indices within it."""
        stamps, neurons = self.under_way(self.step)
        saved: Arrays = {}
        for p in self.populations:
            mine = (neurons >= p.first) & (neurons < p.first + p.size)
            counts = self.counts[p.first : p.first + p.size].copy()
            saved[p.name] = {"counts": counts, "stamps": stamps[mine], "neurons": neurons[mine] - p.first}
        return saved

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned at a `step`."""
        self.step, self.counts[:] = step, 0
        when, who = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for p in self.populations:
            if p.name in arrays:
                own = group(arrays, p.name)
                self.counts[p.first : p.first + p.size] = array(own, "counts")
                when.append(array(own, "stamps"))
                who.append(array(own, "neurons") + p.first)
        stamps, neurons = np.concatenate(when), np.concatenate(who)
        order = np.lexsort((neurons, stamps))
        self._recent = [(stamps[order], neurons[order])] if stamps.size else []

    def free(self, name: str) -> frozenset[str]:
        """The spikes under way are as many as they are, whatever the population `name`."""
        return frozenset(("stamps", "neurons"))
