"""The weights of packed synapses, read and written between steps.

A word lies where sorting its source's row put it. That place follows from the synapse: rows are sorted by block and key,
and within a run of both, synapses stand by projection and in the order in which they were drawn.
"""

from __future__ import annotations

import numpy as np

from neuropil.engine.layout import Layout
from neuropil.engine.packed import PackedSynapses, packed_from
from neuropil.errors import PlanError, SimulationError
from neuropil.lower.connectivity import edges
from neuropil.lower.plan import Plan

FIELD = 16
"""Bits of a word below its weight."""


class PackedWeights:
    """Reads and writes what the words of packed projections weigh.

    Args:
        packed: the store, whose words are shared with the loop that delivers them.
    """

    def __init__(self, plan: Plan, layout: Layout, packed: PackedSynapses):
        self.plan, self.layout, self.packed = plan, layout, packed
        self.written: dict[int, np.ndarray] = {}
        self._places: dict[int, np.ndarray] = {}

    def read(self, j: int) -> np.ndarray:
        """float64[n]: the weights of projection j as they are delivered, in the order of its synapses."""
        return (self._signed()[self.places(j)] >> FIELD) * self.packed.quantum[j]

    def write(self, j: int, weights: np.ndarray) -> None:
        """Replace the weights of projection j (float64[n], in the unit of the port)."""
        places, words, quantum = self.places(j), self._signed(), self.packed.quantum[j]
        top = float((1 << (8 * words.itemsize - FIELD - 1)) - 1)
        quanta = np.floor(weights / quantum + 0.5)
        if np.abs(quanta).max(initial=0.0) > top:
            raise SimulationError(
                f"projection {self.plan.network.projections[j].name!r}: a weight does not fit the scale of its port",
                got=f"{weights[np.argmax(np.abs(quanta))]:g}", expected=f"at most {top * quantum:g}", fix='full_weights=True, or precision="float64"',
            )  # fmt: skip
        quanta = quanta.astype(np.int64)
        words[places] = (quanta << FIELD).astype(words.dtype) | (words[places] & 0xFFFF)
        self.written[j] = np.array(weights, float)

    def forget(self) -> None:
        """The weights of the description again."""
        for j in list(self.written):
            self.write(j, edges(self.plan.network.projections[j], self.plan.seed, self.plan.dt)[2])
            del self.written[j]

    def _signed(self) -> np.ndarray:
        words = self.packed.words
        return words.view(np.int32 if words.dtype == np.uint32 else np.int64)

    def places(self, j: int) -> np.ndarray:
        """int64[n]: where the word of each synapse of projection j lies. Kept once it is known, at 8 bytes a synapse."""
        if j not in self._places:
            self._places[j] = self._find(j)
        return self._places[j]

    def _find(self, j: int) -> np.ndarray:
        network, packed = self.plan.network, self.packed
        population = network.projections[j].source
        p = list(network.populations.values()).index(population)
        n_blocks, bounds = packed.offsets[p].shape[1], packed.offsets[p].shape[2]
        n_bins = n_blocks * (bounds - 1)
        pre, bins, local = self._bins(j, p)
        row = pre * n_bins + bins
        before = np.zeros(population.size * n_bins, np.int64)  # in each run, synapses of the projections before this one
        for other in packed_from(network, population):
            if other == j:
                break
            theirs, their_bins, _ = self._bins(other, p)
            before += np.bincount(theirs * n_bins + their_bins, minlength=before.size)
        order = np.argsort(row, kind="stable")
        rank = np.empty(row.size, np.int64)
        ordered = row[order]
        rank[order] = np.arange(row.size) - np.searchsorted(ordered, ordered)
        block, key = bins // (bounds - 1), bins % (bounds - 1)
        places = packed.row_start[population.first + pre] + packed.offsets[p][pre, block, key] + before[row] + rank
        if not np.array_equal(packed.words[places] & packed.words.dtype.type(0xFFFF), local):
            raise PlanError(f"projection {network.projections[j].name!r}: its words do not lie where they should")
        return places

    def _bins(self, j: int, population: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every synapse of projection j: its source, the number of its run (block and key), its target within the block."""
        plan, projection = self.plan, self.plan.network.projections[j]
        pre, post, _, delay, site = edges(projection, plan.seed, plan.dt)
        element = plan.parts[projection.target.name, projection.part].first + post * projection.sites + site
        number = {(int(c), int(d)): k for k, (c, d) in enumerate(self.packed.keys[population])}
        steps, which = np.unique(delay, return_inverse=True)
        key = np.array([number[plan.channel_of[j], int(d)] for d in steps], np.int64)[which]
        return pre, self.layout.block_of[element].astype(np.int64) * len(number) + key, self.layout.local_of[element]
