"""The weights of packed synapses, read and written between steps.

A word lies where sorting its source's row put it. That position follows from the synapse: rows are sorted by block and key,
and within a run of both, synapses stand by projection and in the order in which they were drawn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from neuropil.connectivity.draw import edges
from neuropil.engine.core import Core
from neuropil.engine.stores.packed import PackedSynapses, packed_from, signed_words
from neuropil.errors import PlanError, SimulationError
from neuropil.plan.plan import Plan
from neuropil.plan.weight_scale import Scale, largest_in_degree, of_explicit, scale_for

FIELD = 16
"""Bits of a word below its weight."""


class PackedWeights:
    """Reads and writes what the words of packed projections weigh.

    Weights that the weight scale of their port does not represent (`neuropil.plan.weight_scale`) change it: all projections into the
    port are packed anew, those that were never written from their description, so that no rounding adds up.

    Args:
        core: whose words these are, shared with the loop that delivers them.
    """

    def __init__(self, plan: Plan, core: Core):
        self.plan, self.core, self.layout = plan, core, core.layout
        self.written: dict[int, np.ndarray] = {}
        self.rescaled: set[int] = set()
        self._first: dict[int, tuple[np.ndarray, int, int, float]] = {}  # words and what rounding did, before anything was written
        self._word_index: dict[int, np.ndarray] = {}
        self._posts: dict[int, np.ndarray] = {}

    def store(self, j: int) -> PackedSynapses:
        """What holds projection j."""
        return self.core.packed[self._word(j)]

    def _word(self, j: int) -> int:
        return [j in held for held in self.plan.packed.values()].index(True)

    def _widen(self, *projections: int) -> None:
        """Let the words of these projections have weights of their own; what is written to one of a store's projections may be anything."""
        for k in {self._word(j) for j in projections if self._scale(j).word == np.uint16}:
            self.core.widen(k)

    def read(self, j: int) -> np.ndarray:
        """float64[n]: the weights of projection j as they are delivered, in the order of its synapses."""
        scale, at = self._scale(j), self.word_index(j)
        if scale.word == np.uint16:
            classes = self.plan.classes(np.uint16)
            return np.full(at.size, classes.multiples[classes.of[j]] * scale.unit)
        return (signed_words(self.store(j).words)[at] >> FIELD) * scale.unit

    def write(self, j: int, weights: np.ndarray) -> None:
        """Replace the weights of projection j (float64[n], in the unit of the port).

        Raises:
            SimulationError: 16 bits cannot represent them beside the others of the port; nothing is changed then.
        """
        self._widen(*self._port(j))
        scale = self._scale(j)
        fits = np.abs(weights).max(initial=0.0) <= scale.top * scale.unit and not self._shortcoming(j, weights, scale)
        anew = scale if fits else self._rescaled(j, weights)
        self.written[j] = np.array(weights, float)
        if anew is scale:
            self._pack(j, weights)
        else:
            self._use(j, anew)

    def save(self) -> dict[int, dict[str, np.ndarray]]:
        """What a checkpoint needs: the weights that were written, and the weight scales of ports where it changed; all else follows from the description."""
        saved = {j: {"weight": weights} for j, weights in self.written.items()}
        for j in self.rescaled & set(saved):
            saved[j]["weight_scale"] = np.array(self._scale(j).unit)
        return saved

    def restore(self, arrays: Mapping[int, Mapping[str, np.ndarray]]) -> None:
        """Restore the `arrays` that `save` returned, by projection; weights that are what they were are left alone."""
        scales = {j: float(own["weight_scale"]) for j, own in arrays.items() if "weight_scale" in own}
        now = {j: self._scale(j).unit for j in self.rescaled & set(self.written)}
        if scales == now and {j: id(w) for j, w in self.written.items()} == {j: id(own["weight"]) for j, own in arrays.items()}:
            return
        self.forget()
        self._widen(*(i for j in arrays for i in self._port(j)))
        for j, own in arrays.items():
            self.written[j] = own["weight"]
            if j in scales:
                self._use(j, dataclasses.replace(self._scale(j), unit=scales[j]))
            else:
                self._pack(j, own["weight"])

    def forget(self) -> None:
        """The weights of the description again, as they were packed at first."""
        for j, (words, saturated, vanished, rounding) in self._first.items():
            packed, scale = self.core.writable(self._word(j)), self.plan.scale[j]
            assert scale is not None
            signed_words(packed.words)[self.word_index(j)] = words
            packed.saturated[j], packed.vanished[j], packed.rounding[j] = saturated, vanished, rounding
            if self._scale(j).unit != scale.unit:
                packed.scale[j] = dataclasses.replace(scale, word=self._scale(j).word)
                self.core.set_weight_scale(self.plan.network.projections[j], scale.unit)
        for kept in (self._first, self.written, self.rescaled):
            kept.clear()

    # --- scales ------------------------------------------------------------------------------------------------------

    def _scale(self, j: int) -> Scale:
        scale = self.store(j).scale[j]
        assert scale is not None
        return scale

    def _port(self, j: int) -> list[int]:
        """The packed projections that share the port of projection j."""
        mine = self.plan.network.projections[j]
        return [i for i, p in enumerate(self.plan.network.projections) if self.plan.stores[i].exact and p.target is mine.target and p.port == mine.port]

    def _rescaled(self, j: int, weights: np.ndarray) -> Scale:
        """The scale of a port with these weights of projection j."""
        port, word = self._port(j), self._scale(j).word
        every = {i: weights if i == j else self._exact(i) for i in port}
        largest = max(float(np.abs(w).max(initial=0.0)) for w in every.values())
        scale = scale_for(largest, word, sum(largest_in_degree(self.plan.network.projections[i]) for i in port))
        for i, w in every.items():
            if word == np.uint32 and (why := self._shortcoming(i, w, scale)):
                p = self.plan.network.projections[i]
                raise SimulationError(
                    f"projection {self.plan.network.projections[j].name!r}: 16 bits cannot represent these weights together with the others of port {p.port!r}",
                    got=f"they would leave {p.name!r} {why}", fix='full_weights=True, or precision="float64"',
                )  # fmt: skip
        return scale

    def _shortcoming(self, j: int, weights: np.ndarray, scale: Scale) -> str:
        """What is wrong with a scale for these weights, in words; "" if nothing is."""
        p = self.plan.network.projections[j]
        if j not in self._posts:
            self._posts[j] = edges(p, self.plan.seed, self.plan.dt)[1].astype(np.int32)
        post = self._posts[j]
        return of_explicit(weights, lambda a, b: post[a:b], p.target.size, scale.unit, _finest(weights))

    def _exact(self, j: int) -> np.ndarray:
        """float64[n]: the weights of a projection as they were described or written."""
        return self.written[j] if j in self.written else edges(self.plan.network.projections[j], self.plan.seed, self.plan.dt)[2]

    def _use(self, j: int, scale: Scale) -> None:
        """Pack all projections of the port of projection j on another scale."""
        projection = self.plan.network.projections[j]
        for i in self._port(j):
            self.core.writable(self._word(i)).scale[i] = scale
            self._pack(i, self._exact(i))
            self.rescaled.add(i)
        self.core.set_weight_scale(projection, scale.unit)

    def _pack(self, j: int, weights: np.ndarray) -> None:
        """Write the words of a projection, and account for what rounding does."""
        packed, scale, at = self.core.writable(self._word(j)), self._scale(j), self.word_index(j)
        words, multiples = signed_words(packed.words), np.floor(weights / scale.unit + 0.5)
        self._first.setdefault(j, (words[at], packed.saturated[j], packed.vanished[j], packed.rounding[j]))
        held = np.clip(multiples, -scale.top, scale.top)
        words[at] = (held.astype(np.int64) << FIELD).astype(words.dtype) | (words[at] & 0xFFFF)
        kept = (held == multiples) & (held != 0.0)
        packed.saturated[j] = int(np.count_nonzero(held != multiples))
        packed.vanished[j] = int(np.count_nonzero((held == 0.0) & (weights != 0.0)))
        packed.rounding[j] = float(np.max(np.abs(held[kept] * scale.unit / weights[kept] - 1.0), initial=0.0))

    # --- indices ------------------------------------------------------------------------------------------------------

    def word_index(self, j: int) -> np.ndarray:
        """int64[n]: where the word of each synapse of projection j lies. Kept once it is known, at 8 bytes a synapse."""
        if j not in self._word_index:
            self._word_index[j] = self._find(j)
        return self._word_index[j]

    def _find(self, j: int) -> np.ndarray:
        network, packed = self.plan.network, self.store(j)
        population = network.projections[j].source
        p = list(network.populations.values()).index(population)
        n_blocks, bounds = packed.offsets[p].shape[1], packed.offsets[p].shape[2]
        n_bins = n_blocks * (bounds - 1)
        pre, bins, local = self._bins(j, p)
        row = pre * n_bins + bins
        before = np.zeros(population.size * n_bins, np.int64)  # in each run, synapses of the projections before this one
        for other in packed_from(network, population, list(self.plan.packed.values())[self._word(j)]):
            if other == j:
                break
            theirs, their_bins, _ = self._bins(other, p)
            before += np.bincount(theirs * n_bins + their_bins, minlength=before.size)
        order = np.argsort(row, kind="stable")
        rank = np.empty(row.size, np.int64)
        ordered = row[order]
        rank[order] = np.arange(row.size) - np.searchsorted(ordered, ordered)
        block, key = bins // (bounds - 1), bins % (bounds - 1)
        at = packed.row_start[population.first + pre] + packed.offsets[p][pre, block, key] + before[row] + rank
        if not np.array_equal(packed.words[at] & packed.words.dtype.type(0xFFFF), local):
            raise PlanError(f"projection {network.projections[j].name!r}: its packed words are not at the expected positions")
        return at

    def _bins(self, j: int, population: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every synapse of projection j: its source, the number of its run (block and key), its target within the block."""
        plan, projection = self.plan, self.plan.network.projections[j]
        own = plan.classes(list(plan.packed)[self._word(j)]).of[j]
        pre, post, _, delay, site = edges(projection, plan.seed, plan.dt)
        element = plan.parts[projection.target.name, projection.part].first + post * projection.sites + site
        number = {(int(c), int(d)): k for k, (c, d) in enumerate(self.store(j).keys[population])}
        steps, which = np.unique(delay, return_inverse=True)
        key = np.array([number[own, int(d)] for d in steps], np.int64)[which]
        return pre, self.layout.block_of[element].astype(np.int64) * len(number) + key, self.layout.local_of[element]


def _finest(weights: np.ndarray) -> float:
    """The weight scale of 48 bits for these weights."""
    return scale_for(float(np.abs(weights).max(initial=0.0)), np.uint64).unit
