"""A realised projection: its synapses by source, and the flat arrays by which kernels draw them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.connectivity import kernels
from neuropil.connectivity.samplers import DelaySampler, WeightSampler
from neuropil.connectivity.sites import SiteSampler

_AT_ONCE = 1 << 22
"""Synapses that are looked at together."""


@dataclass(frozen=True)
class Rows:
    """A realised projection: synapses by source, sampled again on demand or explicit.

    Attributes:
        counts: int64[n_source], synapses of each source.
        kind: how a row's targets are made: ``kernels.REPLACE``, ``DISTINCT``, ``ALL`` or ``EXPLICIT``.
        n_draw: number of neurons a target is drawn from.
        skip_self: the source is not among them.
        key: stream of the targets.
        targets: int32[n_synapses] by source if explicit, else empty.
        weight, delay: how the values are made, their arrays (if any) in the order of the synapses.
        site: where in the target neurons.
        first: int64[n_source], the number of its first synapse; synapses of views keep the numbers that they have among those of the
            whole populations.
        positions: uint32[n_synapses], the position of each in the row of which some targets were left out; None: none were.
    """

    counts: NDArray[np.int64]
    kind: int
    n_draw: int
    skip_self: bool
    key: rng.Key
    targets: NDArray[np.int32]
    weight: WeightSampler
    delay: DelaySampler
    site: SiteSampler
    first: NDArray[np.int64]
    positions: NDArray[np.uint32] | None = None

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return int(self.counts.sum())

    def nbytes(self) -> int:
        """Bytes held while a network is built (arrays that the user gave are not counted twice)."""
        held = (self.counts, self.targets, self.weight.values, self.delay.values, self.site.values, self.positions)
        return sum(a.nbytes for a in held if a is not None)

    def numbers(self) -> NDArray[np.int64]:
        """int64[n_synapses]: what distinguishes each synapse from others of its projection in random draws."""
        first = np.repeat(self.first, self.counts)
        if self.positions is not None:
            return first + self.positions
        return first + np.arange(first.size) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)

    def of_sources(self, sources: NDArray[np.int64]) -> Rows:
        """The rows of some sources; the others have none."""
        chosen = np.zeros(self.counts.size, bool)
        chosen[sources] = True
        return self._kept(np.where(chosen, self.counts, 0), np.repeat(chosen, self.counts))

    def of_targets(self, targets: NDArray[np.int64], n_target: int) -> Rows:
        """The synapses onto some targets: explicit. Some sources are drawn at a time, and of the others' synapses nothing is kept.

        Args:
            targets: int64[n], the targets.
            n_target: neurons of the target population.
        """
        listed = any(values.size for values in (self.weight.values, self.delay.values, self.site.values))
        tables, chosen = kernel_tables([self]), np.zeros(n_target, bool)
        chosen[targets] = True
        reach = np.searchsorted(np.cumsum(self.counts), np.arange(0, self.n_synapses + _AT_ONCE, _AT_ONCE), side="left")
        cuts = np.unique(np.concatenate([[0], np.minimum(reach + 1, self.counts.size), [self.counts.size]]))
        starts, counts = tables.starts[0], np.zeros(self.counts.size, np.int64)
        kept, posts, positions = [], [], []
        for a, b in itertools.pairwise(cuts.tolist()):
            post = kernels.targets_of(tables.samplers, tables.starts[:, a:b], tables.counts[:, a:b], a, tables.targets, n_target)
            mine = np.flatnonzero(chosen[post])
            source = np.repeat(np.arange(a, b), self.counts[a:b])[mine]
            counts[a:b] = np.bincount(source - a, minlength=b - a)
            posts.append(post[mine].astype(np.int32))
            kept.append(starts[a] + mine if listed else mine[:0])
            positions.append((mine + starts[a] - starts[source] if self.positions is None else self.positions[starts[a] + mine]).astype(np.uint32))
        made = self._kept(counts, np.concatenate(kept))
        return replace(made, kind=kernels.EXPLICIT, skip_self=False, targets=np.concatenate(posts), positions=np.concatenate(positions))

    def _kept(self, counts: NDArray[np.int64], keep: NDArray[Any]) -> Rows:
        """With fewer synapses: what is listed for each is cut; `keep`: a mask, or indices."""

        def cut(values: Any) -> Any:
            return values[keep] if values is not None and values.size else values

        return replace(
            self, counts=counts, targets=cut(self.targets), weight=replace(self.weight, values=cut(self.weight.values)),
            delay=replace(self.delay, values=cut(self.delay.values)), site=replace(self.site, values=cut(self.site.values)),
            positions=cut(self.positions),
        )  # fmt: skip


@dataclass(frozen=True)
class KernelTables:
    """Several realised projections of one source population, as flat arrays for a kernel.

    Attributes:
        samplers: ``kernels.ROW_SAMPLER``[n_projections].
        starts: int64[n_projections, n_source], synapses that earlier sources make through the projection.
        counts: int64[n_projections, n_source].
        positions: uint32, positions in whole rows; explicit, one projection after the other.
        targets: int32, weights: float64, delays: uint16, sites: int32; explicit values, one projection after the other.
        threshold, pair: uint32, alias tables.
        weights: float64, explicit weights; delays: uint16, explicit indices of delays; sites: int32, explicit sites.
    """

    samplers: np.ndarray
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    positions: NDArray[np.uint32]
    targets: NDArray[np.int32]
    weights: NDArray[np.float64]
    delays: NDArray[np.uint16]
    sites: NDArray[np.int32]
    threshold: NDArray[np.uint32]
    pair: NDArray[np.uint32]


def kernel_tables(rows: list[Rows]) -> KernelTables:
    """The rows of the projections of one source population (at least one) as tables for the kernels."""
    samplers = np.zeros(len(rows), kernels.ROW_SAMPLER)
    pools: dict[str, list[np.ndarray]] = {"position": [], "target": [], "weight": [], "delay": [], "site": [], "alias": [], "alias pair": []}
    for j, r in enumerate(rows):
        sampler = samplers[j]
        sampler["target_kind"], sampler["n_draw"], sampler["skip_self"] = r.kind, r.n_draw, r.skip_self
        sampler["target_key0"], sampler["target_key1"] = r.key
        r.weight.fill(sampler)
        r.delay.fill(sampler)
        for name in ("position", "target", "weight", "delay", "site", "alias"):
            sampler[f"{name}_pool"] = sum(p.size for p in pools[name])
        r.site.fill(sampler)
        if r.positions is None:
            sampler["position_pool"] = -1
        added: tuple[np.ndarray, ...] = (
            np.empty(0, np.uint32) if r.positions is None else r.positions, r.targets, r.weight.values, r.delay.values, r.site.values, r.delay.threshold, r.delay.pair
        )  # fmt: skip
        for name, array in zip(pools, added, strict=True):
            pools[name].append(array)
    counts = np.stack([r.counts for r in rows])
    starts = np.cumsum(counts, axis=1) - counts
    # A pool with one array in it is that array: large explicit projections are not copied.
    flat = [next((p for p in pool if p.size == sum(q.size for q in pool)), None) for pool in pools.values()]
    joined = [np.concatenate(pool) if one is None else one for one, pool in zip(flat, pools.values(), strict=True)]
    return KernelTables(samplers, starts, counts, *joined)
