"""From connection rules to synapses: how many each source makes, to which targets, how strong and how late.

Every random rule is a degree sequence plus draws with or without replacement:

====================  ==================================  =========================================================
rule                  synapses of each source             targets of a source
====================  ==================================  =========================================================
FixedTotal            multinomial                         with replacement
  no multapses        multivariate hypergeometric         without
FixedOutDegree        constant                            with, or without
FixedProbability      binomial                            without (independent pairs, given their number)
AllToAll, OneToOne    constant                            all, the one
FixedInDegree         from drawing sources target by      explicit
                      target, then transposing
DistanceDependent     from one uniform number per pair    explicit
Edges                 given                               explicit
====================  ==================================  =========================================================

Degrees are drawn on the host; everything else is a function of (seed, stream of the projection, source, position in the row), so
sampled rows are never stored: whoever needs one draws it again (:mod:`neuropil.connectivity.kernels`).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.connectivity import kernels
from neuropil.connectivity.rows import KernelTables, Rows, kernel_tables
from neuropil.connectivity.samplers import delay_law, delay_steps, delays_of, explicit_weights, weight_law
from neuropil.connectivity.sites import site_law
from neuropil.errors import NetworkError
from neuropil.model.connection.rules import (
    AllToAll,
    DistanceDependent,
    Edges,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
    Rule,
)
from neuropil.model.contents.contents import Projection
from neuropil.model.contents.views import places

__all__ = ["KernelTables", "Rows", "delay_steps", "edges", "expected_synapses", "kernel_tables", "numbered_edges", "realise"]

INDEPENDENT = (FixedProbability, AllToAll, DistanceDependent)
"""Rules under which a pair is joined whatever others are."""


def realise(projection: Projection, seed: int, dt_ms: float) -> Rows:
    """Draw a projection's degrees, and its targets where they cannot be drawn row by row.

    Between views, pairs that are independent (FixedProbability, AllToAll, DistanceDependent) are drawn as for the whole populations,
    and those outside are left out. Degrees are met within the views: FixedInDegree draws the sources of each target, by its index
    in the population, among those of the view, FixedOutDegree and FixedTotal likewise the targets of each source. So fewer targets
    (of FixedOutDegree and FixedTotal, fewer sources) leave the synapses of the others as they were.

    Args:
        dt_ms: time step in ms; delays become whole numbers of it.

    Raises:
        NetworkError: a delay below the time step, or distances without positions.
    """
    rule, views = projection.rule, projection.sources is not None or projection.targets is not None
    matrices = any(_is_matrix(v) for v in (projection.weight, projection.delay)) and (views or not isinstance(rule, AllToAll))
    rows = _realised(_without_matrices(projection, dt_ms) if matrices else projection, seed, dt_ms)
    if projection.sources is not None and isinstance(rule, INDEPENDENT):
        rows = rows.of_sources(projection.sources)
    if projection.targets is not None and isinstance(rule, (*INDEPENDENT, FixedInDegree)):
        rows = rows.of_targets(projection.targets, projection.target.size)
    return _with_matrices(rows, projection, dt_ms) if matrices else rows


def _realised(projection: Projection, seed: int, dt_ms: float) -> Rows:
    rule, n_source, skip = projection.rule, projection.source.size, projection.excludes_self
    n_draw = projection.target.size - skip
    key = rng.stream_key(seed, "projection", *projection.stream, "target")
    host = rng.generator(seed, "projection", *projection.stream, "degree")
    targets: NDArray[np.int32] = np.empty(0, np.int32)
    order: NDArray[np.int64] | None = None
    kind = kernels.EXPLICIT
    if isinstance(rule, (FixedTotal, FixedOutDegree)) and (projection.sources is not None or projection.targets is not None):
        counts, targets = _from_pool(projection, rule, key, host)
    elif isinstance(rule, (FixedTotal, FixedOutDegree, FixedProbability)):
        counts = _degrees(rule, n_source, n_draw, host)
        multiple = getattr(rule, "allow_multiple", False)
        kind = kernels.REPLACE if multiple else kernels.DISTINCT
    elif isinstance(rule, AllToAll):
        counts, kind = np.full(n_source, n_draw, np.int64), kernels.ALL
    else:
        counts, targets, order = _explicit(projection, rule, key)
    weight = weight_law(projection, seed, counts, order, skip)
    delay = delay_law(projection, seed, dt_ms, order, skip)
    site = site_law(projection, seed, order)
    first = np.arange(n_source) * rule.k if isinstance(rule, FixedOutDegree) else np.cumsum(counts) - counts
    # Self-exclusion of explicit targets is done already.
    return Rows(counts, kind, n_draw, skip and kind != kernels.EXPLICIT, key, targets, weight, delay, site, first)


# --- views -----------------------------------------------------------------------------------------------------------


def _is_matrix(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 2


def _without_matrices(projection: Projection, dt_ms: float) -> Projection:
    """With numbers in place of matrices of weights and delays."""
    numbers = {"weight": 0.0, "delay": dt_ms}
    return dataclasses.replace(projection, **{n: v for n, v in numbers.items() if _is_matrix(getattr(projection, n))})  # type: ignore[arg-type]


def _with_matrices(rows: Rows, projection: Projection, dt_ms: float) -> Rows:
    """With matrices of weights and delays, [sources, targets] in the order of the views: each synapse takes the entry of its neurons."""
    every = np.arange(projection.target.size)
    post = rows.targets if rows.kind == kernels.EXPLICIT else rows.of_targets(every, every.size).targets
    where = projection.within(np.repeat(np.arange(rows.counts.size), rows.counts), post.astype(np.int64))
    if _is_matrix(projection.weight):
        rows = dataclasses.replace(rows, weight=explicit_weights(np.asarray(projection.weight)[where]))
    if _is_matrix(projection.delay):
        rows = dataclasses.replace(rows, delay=delays_of(np.asarray(projection.delay)[where], dt_ms, projection.name))
    return rows


def _from_pool(
    projection: Projection, rule: FixedTotal | FixedOutDegree, key: rng.Key, host: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """(counts, targets by source) of sources that draw their targets within a view."""
    pool, own = _pool(projection.targets, projection.target.size, projection.source.size, projection.excludes_self)
    capacity = np.where(places(projection.sources, own.size) >= 0, pool.size - (own >= 0), 0).astype(np.int64)
    counts = _degrees(rule, capacity.size, capacity, host)
    return counts, kernels.draw_from(key[0], key[1], counts, pool, own, bool(rule.allow_multiple))


def _pool(chosen: NDArray[np.int64] | None, size: int, n_elements: int, excluded: bool) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """(int32, sorted: whom elements draw; int64[n_elements]: where each stands among them itself, if that is excluded, else -1)."""
    pool = np.arange(size) if chosen is None else np.sort(chosen)
    return pool.astype(np.int32), places(pool, n_elements) if excluded else np.full(n_elements, -1)


# --- how many --------------------------------------------------------------------------------------------------------


def _degrees(rule: Rule, n_source: int, n_draw: Any, host: np.random.Generator) -> NDArray[np.int64]:
    """int64: synapses of each source, which has `n_draw` possible targets (one number, or one for each of all, 0 outside of a view)."""
    if isinstance(rule, FixedOutDegree):
        return np.full(n_source, rule.k, np.int64) if np.ndim(n_draw) == 0 else np.where(n_draw > 0, rule.k, 0).astype(np.int64)
    if isinstance(rule, FixedProbability):
        return host.binomial(n_draw, rule.p, n_source).astype(np.int64)
    assert isinstance(rule, FixedTotal)
    if rule.allow_multiple:
        share = np.full(n_source, 1.0 / n_source) if np.ndim(n_draw) == 0 else n_draw / max(n_draw.sum(), 1)  # no pair: none is asked for
        return host.multinomial(rule.n, share).astype(np.int64)
    return _hypergeometric(rule.n, np.size(n_draw) if np.ndim(n_draw) else n_source, n_draw, host)


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


def expected_synapses(projection: Projection) -> float:
    """Number of synapses: exact for rules that fix it, else the expectation.

    For :class:`DistanceDependent` the mean probability of at most 64 evenly spaced sources; no other rule estimates.
    """
    rule, (n_source, n_target) = projection.rule, projection.ends
    if isinstance(rule, (FixedProbability, AllToAll)):
        return projection.pairs * (rule.p if isinstance(rule, FixedProbability) else 1.0)
    if not isinstance(rule, DistanceDependent):
        return rule.expected_synapses(n_source, n_target, projection.recurrent)
    some = np.unique(np.linspace(0, n_source - 1, min(n_source, 64)).astype(np.int64))
    chosen = some if projection.sources is None else projection.sources[some]
    probability = probabilities(projection, rule, chosen)
    within = probability if projection.targets is None else probability[:, projection.targets]
    return float(within.sum() * n_source / some.size)


# --- explicit targets ------------------------------------------------------------------------------------------------


def _explicit(
    projection: Projection, rule: Rule, key: rng.Key
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64] | None]:
    """(counts, targets by source, where each synapse stands in the arrays that the user gave; None: same order)."""
    n_source, n_target = projection.source.size, projection.target.size
    if isinstance(rule, Edges):
        order = np.argsort(rule.pre, kind="stable")
        counts = np.bincount(rule.pre, minlength=n_source).astype(np.int64)
        return counts, rule.post[order].astype(np.int32), order
    if isinstance(rule, OneToOne):
        return np.ones(n_source, np.int64), np.arange(n_target, dtype=np.int32), None
    if isinstance(rule, FixedInDegree):
        pool, own = _pool(projection.sources, n_source, n_target, projection.excludes_self)
        available = pool.size - (own >= 0)
        # Of the targets outside of a view none is asked for more sources than there are.
        degrees = np.where((available >= rule.k) | (rule.allow_multiple & (available > 0)), rule.k, 0).astype(np.int64)
        drawn = kernels.draw_from(key[0], key[1], degrees, pool, own, bool(rule.allow_multiple))
        return *kernels.by_source(drawn, degrees, n_source), None
    if isinstance(rule, DistanceDependent):
        counts, targets = _by_distance(projection, rule, key)
        return counts, targets, None
    raise NetworkError(
        f"projection {projection.name!r}: a rule that neuropil cannot realise",
        got=type(rule).__name__,
        expected="a rule of neuropil.model.connection.rules",
    )


def _by_distance(
    projection: Projection, rule: DistanceDependent, key: rng.Key
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """One uniform word per pair, compared with the pair's probability; some sources at a time to bound the memory."""
    n_source, n_target = projection.source.size, projection.target.size
    chunk = max(1, (1 << 20) // n_target)
    counts = np.zeros(n_source, np.int64)
    targets = []
    for first in range(0, n_source, chunk):
        sources = np.arange(first, min(first + chunk, n_source))
        probability = probabilities(projection, rule, sources)
        words = kernels.words_of_rows(key[0], key[1], first, sources.size, n_target)
        # In 64 bits, so that probability 1 is 2**32 and every word lies below it.
        chosen = words < np.rint(probability * 2.0**32).astype(np.uint64)
        counts[sources] = chosen.sum(axis=1)
        targets.append(np.nonzero(chosen)[1].astype(np.int32))
    return counts, np.concatenate(targets)


def probabilities(
    projection: Projection, rule: DistanceDependent, sources: NDArray[np.int64], targets: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """float64[sources, targets (all, if None)], checked; zero between a neuron and itself where that is excluded."""
    name = projection.name
    from_, to = projection.source.positions, projection.target.positions
    for population, positions in ((projection.source, from_), (projection.target, to)):
        if positions is None:
            raise NetworkError(
                f"projection {name!r} depends on distance, but {population.name!r} has no positions",
                fix="network.population(..., positions=array * um), one row per neuron",
            )
    assert from_ is not None and to is not None
    if from_.shape[1] != to.shape[1]:
        raise NetworkError(
            f"projection {name!r}: positions have different numbers of axes", got=f"{from_.shape[1]} and {to.shape[1]}"
        )
    targets = np.arange(to.shape[0]) if targets is None else targets
    square = np.zeros((sources.size, targets.size))
    for axis, side in enumerate(_box(rule, from_.shape[1], name)):
        difference = from_[sources, axis, None] - to[None, targets, axis]
        if np.isfinite(side):
            difference -= side * np.rint(difference / side)
        square += difference**2
    probability = np.asarray(rule.probability(np.sqrt(square)), float)
    if probability.shape not in (square.shape, ()):
        raise NetworkError(
            f"projection {name!r}: the probability must have the shape of the distances",
            got=probability.shape, expected=square.shape,
        )  # fmt: skip
    probability = np.broadcast_to(probability, square.shape)
    if not np.all((probability >= 0.0) & (probability <= 1.0)):
        bad = probability[~((probability >= 0.0) & (probability <= 1.0))][0]
        raise NetworkError(f"projection {name!r}: not a probability", got=bad, expected="0 <= p <= 1 at every distance")
    if projection.recurrent and not rule.allow_self:
        probability = np.where(sources[:, None] == targets, 0.0, probability)
    return probability


def _box(rule: DistanceDependent, axes: int, name: str) -> NDArray[np.float64]:
    """float64[axes]: side lengths in µm, infinite where space does not wrap around."""
    if rule.periodic is None:
        return np.full(axes, np.inf)
    sides = np.asarray(rule.periodic.value, float)
    if sides.shape not in ((), (axes,)) or not np.all(sides > 0):
        raise NetworkError(
            f"projection {name!r}: periodic needs one positive length per axis", got=sides, expected=f"{axes} lengths"
        )
    return np.broadcast_to(sides, (axes,))


# --- as a list ---------------------------------------------------------------------------------------------------------


def edges(
    projection: Projection, seed: int, dt_ms: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Every synapse of a projection, sorted by source: exactly those that the engine's store holds, before rounding.

    (`numbered_edges` gives their numbers as well.)

    Returns:
        pre, post: int64[n], indices within their populations; weight: float64[n] in the port's unit; delay: int64[n]
        in time steps; site: int64[n], of the target's port (0 where it has one). Within a source the order is that of
        the draws.
    """
    pre, post, weight, delay, site, _ = numbered_edges(projection, seed, dt_ms)
    return pre, post, weight, delay, site


def numbered_edges(projection: Projection, seed: int, dt_ms: float) -> tuple[NDArray[Any], ...]:
    """The arrays of `edges`, and int64[n]: what tells each synapse from the others in draws of its own (`Rows.numbers`)."""
    rows = realise(projection, seed, dt_ms)
    tables = kernel_tables([rows])
    post, weight, delay, site = kernels.expand(
        tables.laws, tables.starts, tables.counts, tables.positions, tables.targets, tables.weights, tables.delays, tables.sites,
        tables.threshold, tables.pair, projection.target.size,
    )  # fmt: skip
    pre = np.repeat(np.arange(projection.source.size, dtype=np.int64), rows.counts)
    return pre, post, weight, rows.delay.steps[delay], site, rows.numbers()
