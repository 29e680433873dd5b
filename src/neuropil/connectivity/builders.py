"""How the rules of this package are drawn by compiled code: the number of synapses of each source, and its targets.

A builder of a rule for the engine (`neuropil.register`) is called with a `Request` and gives `Targets`. The rollout uses it as well.
Rules without one are drawn by their own `targets` (`by_pairs`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.connectivity import kernels
from neuropil.model.connection.distance import DistanceDependent
from neuropil.model.connection.rules import AllToAll, FixedInDegree, FixedOutDegree, FixedProbability, FixedTotal
from neuropil.model.contents.chosen import inverse_index
from neuropil.model.contents.contents import Projection
from neuropil.model.contents.pairs import ends_of, naming, pairs_of
from neuropil.registry import find_builder, register


@dataclass(frozen=True)
class Request:
    """A projection whose synapses are to be drawn, and the seed of the network's random numbers.

    Attributes:
        projection: as described.
        seed: of the network's random numbers.
    """

    projection: Projection
    seed: int

    @property
    def n_source(self) -> int:
        """Neurons of the source population."""
        return self.projection.source.size

    @property
    def n_draw(self) -> int:
        """Neurons that a source of a whole population may choose from."""
        return self.projection.target.size - self.projection.excludes_self

    @property
    def viewed(self) -> bool:
        """It joins views."""
        return self.projection.sources is not None or self.projection.targets is not None

    @cached_property
    def key(self) -> rng.Key:
        """Stream of the targets."""
        return rng.stream_key(self.seed, "projection", *self.projection.stream, "target")

    @cached_property
    def host(self) -> np.random.Generator:
        """Generator of the numbers of synapses."""
        return rng.generator(self.seed, "projection", *self.projection.stream, "degree")


@dataclass(frozen=True)
class Targets:
    """The synapses of a projection without their weights and delays.

    Attributes:
        counts: int64[n_source], synapses of each source neuron of the population.
        kind: how kernels make a row's targets: ``kernels.REPLACE``, ``DISTINCT``, ``ALL`` or ``EXPLICIT``.
        listed: int32[n_synapses] by source if explicit, else empty.
        order: int64[n_synapses], where each stands in an array that the user gave; None: in the same order.
        first: int64[n_source], number of each source's first synapse; None: they are counted through.
        beyond: ("sources", "targets"): neurons outside of a view on that side were drawn as well, and are to be left out.
    """

    counts: NDArray[np.int64]
    kind: int = kernels.EXPLICIT
    listed: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    order: NDArray[np.int64] | None = None
    first: NDArray[np.int64] | None = None
    beyond: tuple[str, ...] = ()


@dataclass(frozen=True)
class Builder:
    """A builder and what it needs.

    Attributes:
        draw: the function of a `Request`.
        lists: it lists targets, which takes memory while a network is built.
    """

    draw: Callable[[Request], Targets]
    lists: bool

    def __call__(self, request: Request) -> Targets:
        return self.draw(request)


BOTH = ("sources", "targets")
"""Pairs are independent: between views they are drawn as for the whole populations."""


def targets_of(projection: Projection, seed: int) -> Targets:
    """Draw the synapses of a projection by the builder of its rule, or by the rule itself.

    Args:
        projection: whose.
        seed: of the network's random numbers.

    Returns:
        Its synapses without weights and delays.

    Raises:
        NetworkError: targets that do not fit what the rule says of itself.
    """
    return (_builder(projection) or by_pairs)(Request(projection, seed))


def lists_targets(projection: Projection) -> bool:
    """Whether targets are held in a list while the network is built."""
    return getattr(_builder(projection), "lists", True)


def _builder(projection: Projection) -> Callable[[Request], Targets] | None:
    return find_builder(projection.rule, "engine", unless=("targets", "pairs"))


def by_pairs(request: Request) -> Targets:
    """The synapses of a rule that defines `targets`, or lists them."""
    pre, post, order = pairs_of(request.projection, request.seed)
    listed = request.projection.rule.listed
    return Targets(np.bincount(pre, minlength=request.n_source).astype(np.int64), listed=post.astype(np.int32), order=order if listed else None)


# --- the rules of this package -----------------------------------------------------------------------------------------


def _all_to_all(r: Request) -> Targets:
    return Targets(np.full(r.n_source, r.n_draw, np.int64), kernels.ALL, beyond=BOTH)


def _fixed_probability(r: Request) -> Targets:
    rule = r.projection.rule
    assert isinstance(rule, FixedProbability)
    return Targets(r.host.binomial(r.n_draw, rule.p, r.n_source).astype(np.int64), kernels.DISTINCT, beyond=BOTH)


def _fixed_out_degree(r: Request) -> Targets:
    rule = r.projection.rule
    assert isinstance(rule, FixedOutDegree)
    first = np.arange(r.n_source) * rule.k
    if r.viewed:
        return _from_pool(r, lambda capacity: np.where(capacity > 0, rule.k, 0).astype(np.int64), first)
    return Targets(np.full(r.n_source, rule.k, np.int64), kernels.REPLACE if rule.allow_multiple else kernels.DISTINCT, first=first)


def _fixed_total(r: Request) -> Targets:
    rule = r.projection.rule
    assert isinstance(rule, FixedTotal)

    def degrees(capacity: Any) -> NDArray[np.int64]:
        if not rule.allow_multiple:
            return _hypergeometric(rule.n, np.size(capacity) if np.ndim(capacity) else r.n_source, capacity, r.host)
        share = np.full(r.n_source, 1.0 / r.n_source) if np.ndim(capacity) == 0 else capacity / max(capacity.sum(), 1)  # no pair: none is asked for
        return r.host.multinomial(rule.n, share).astype(np.int64)

    if r.viewed:
        return _from_pool(r, degrees, None)
    return Targets(degrees(r.n_draw), kernels.REPLACE if rule.allow_multiple else kernels.DISTINCT)


def _fixed_in_degree(r: Request) -> Targets:
    p, rule = r.projection, r.projection.rule
    assert isinstance(rule, FixedInDegree)
    pool, own = _pool(p.sources, r.n_source, p.target.size, p.excludes_self)
    available = pool.size - (own >= 0)
    # Of the targets outside of a view none is asked for more sources than there are.
    degrees = np.where((available >= rule.k) | (rule.allow_multiple & (available > 0)), rule.k, 0).astype(np.int64)
    drawn = kernels.draw_from(r.key[0], r.key[1], degrees, pool, own, bool(rule.allow_multiple))
    counts, targets = kernels.by_source(drawn, degrees, r.n_source)
    return Targets(counts, listed=targets, beyond=("targets",))


def _distance_dependent(r: Request) -> Targets:
    """One uniform word per pair, compared with the pair's probability; some sources at a time to bound the memory."""
    n_target, rule, ends = r.projection.target.size, r.projection.rule, ends_of(r.projection, whole=True)
    chunk = max(1, (1 << 20) // n_target)
    counts = np.zeros(r.n_source, np.int64)
    targets = []
    for first in range(0, r.n_source, chunk):
        sources = np.arange(first, min(first + chunk, r.n_source))
        with naming(r.projection):
            probability = rule.likelihood(sources, np.arange(n_target), ends)
        words = kernels.words_of_rows(r.key[0], r.key[1], first, sources.size, n_target)
        # In 64 bits, so that probability 1 is 2**32 and every word lies below it.
        chosen = words < np.rint(probability * 2.0**32).astype(np.uint64)
        counts[sources] = chosen.sum(axis=1)
        targets.append(np.nonzero(chosen)[1].astype(np.int32))
    return Targets(counts, listed=np.concatenate(targets), beyond=BOTH)


register(AllToAll, "engine")(Builder(_all_to_all, lists=False))
register(FixedProbability, "engine")(Builder(_fixed_probability, lists=False))
register(FixedTotal, "engine")(Builder(_fixed_total, lists=False))
register(FixedOutDegree, "engine")(Builder(_fixed_out_degree, lists=False))
register(FixedInDegree, "engine")(Builder(_fixed_in_degree, lists=True))
register(DistanceDependent, "engine")(Builder(_distance_dependent, lists=True))


def _from_pool(r: Request, degrees: Callable[[Any], NDArray[np.int64]], first: NDArray[np.int64] | None) -> Targets:
    """Of sources that draw their targets within a view; `degrees` gives their numbers from how many targets each has."""
    p = r.projection
    pool, own = _pool(p.targets, p.target.size, p.source.size, p.excludes_self)
    capacity = np.where(inverse_index(p.sources, own.size) >= 0, pool.size - (own >= 0), 0).astype(np.int64)
    counts = degrees(capacity)
    return Targets(counts, listed=kernels.draw_from(r.key[0], r.key[1], counts, pool, own, p.rule.multapses), first=first)


def _pool(chosen: NDArray[np.int64] | None, size: int, n_elements: int, excluded: bool) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """(int32, sorted: whom elements draw; int64[n_elements]: where each stands among them itself, if that is excluded, else -1)."""
    pool = np.arange(size) if chosen is None else np.sort(chosen)
    return pool.astype(np.int32), inverse_index(pool, n_elements) if excluded else np.full(n_elements, -1)


def _hypergeometric(total: int, n_rows: int, capacity: Any, host: np.random.Generator) -> NDArray[np.int64]:
    """Cells per row when `total` distinct cells are chosen of `n_rows` rows of `capacity` cells (one number, or one each).

    NumPy's sampler stops at 10**9 cells, a projection between two populations of 32,000. Here: choose each cell
    independently, then add or remove the few cells by which the total differs, each chosen uniformly. Given their
    number, independently chosen cells are a uniform subset, and so is what remains, hence this is exact.
    """
    cells = n_rows * capacity if np.ndim(capacity) == 0 else int(capacity.sum())
    if cells == 0:
        return np.zeros(n_rows, np.int64)
    counts = host.binomial(capacity, total / cells, n_rows).astype(np.int64)
    excess = int(counts.sum()) - total
    change = counts if excess > 0 else capacity - counts
    chosen = host.choice(int(change.sum()), abs(excess), replace=False, shuffle=False)
    rows = np.searchsorted(np.cumsum(change), chosen, side="right")
    return counts - np.sign(excess) * np.bincount(rows, minlength=n_rows)
