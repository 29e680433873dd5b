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
sampled rows are never stored: whoever needs one draws it again (:mod:`neuropil.lower.connectivity_kernels`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.errors import NetworkError
from neuropil.lower import connectivity_kernels as kernels
from neuropil.lower.site_law import SiteLaw, site_law
from neuropil.lower.synapse_laws import (
    DelayLaw,
    WeightLaw,
    constant_weight,
    delay_law,
    delay_steps,
    explicit_weights,
    weight_law,
)
from neuropil.model.connect import (
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
from neuropil.model.contents import Projection

__all__ = ["Rows", "delay_steps", "edges", "expected_synapses", "kernel_tables", "realise"]


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
    """

    counts: NDArray[np.int64]
    kind: int
    n_draw: int
    skip_self: bool
    key: rng.Key
    targets: NDArray[np.int32]
    weight: WeightLaw
    delay: DelayLaw
    site: SiteLaw

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return int(self.counts.sum())

    def nbytes(self) -> int:
        """Bytes held while a network is built (arrays that the user gave are not counted twice)."""
        return sum(
            a.nbytes for a in (self.counts, self.targets, self.weight.values, self.delay.values, self.site.values)
        )


def realise(projection: Projection, seed: int, dt_ms: float) -> Rows:
    """Draw a projection's degrees, and its targets where they cannot be drawn row by row.

    Args:
        dt_ms: time step in ms; delays become whole numbers of it.

    Raises:
        NetworkError: a delay below the time step, or distances without positions.
    """
    rule, n_source = projection.rule, projection.source.size
    skip = projection.recurrent and not getattr(rule, "allow_self", True)
    n_draw = projection.target.size - skip
    key = rng.stream_key(seed, "projection", *projection.stream, "target")
    targets: NDArray[np.int32] = np.empty(0, np.int32)
    order: NDArray[np.int64] | None = None
    if isinstance(rule, (FixedTotal, FixedOutDegree, FixedProbability)):
        host = rng.generator(seed, "projection", *projection.stream, "degree")
        counts = _degrees(rule, n_source, n_draw, host)
        multiple = getattr(rule, "allow_multiple", False)
        kind = kernels.REPLACE if multiple else kernels.DISTINCT
    elif isinstance(rule, AllToAll):
        counts, kind = np.full(n_source, n_draw, np.int64), kernels.ALL
    else:
        kind = kernels.EXPLICIT
        counts, targets, order = _explicit(projection, rule, key, skip)
    given = projection.weight
    matrix = given if isinstance(given, np.ndarray) and given.ndim == 2 and kind != kernels.ALL else None
    weight = constant_weight(0.0) if matrix is not None else weight_law(projection, seed, counts, order, skip)
    delay = delay_law(projection, seed, dt_ms, order, skip)
    # Self-exclusion of explicit targets is done already.
    rows = Rows(counts, kind, n_draw, skip and kind != kernels.EXPLICIT, key, targets, weight, delay, site_law(projection, seed, order))
    if matrix is None:
        return rows
    pre, post, *_ = _expanded(rows, projection)
    return replace(rows, weight=explicit_weights(matrix[pre, post]))  # each takes the entry of the neurons it joins


# --- how many --------------------------------------------------------------------------------------------------------


def _degrees(rule: Rule, n_source: int, n_draw: int, host: np.random.Generator) -> NDArray[np.int64]:
    """int64[n_source]: synapses of each source."""
    if isinstance(rule, FixedOutDegree):
        return np.full(n_source, rule.k, np.int64)
    if isinstance(rule, FixedProbability):
        return host.binomial(n_draw, rule.p, n_source).astype(np.int64)
    assert isinstance(rule, FixedTotal)
    if rule.allow_multiple:
        return host.multinomial(rule.n, np.full(n_source, 1.0 / n_source)).astype(np.int64)
    return _hypergeometric(rule.n, n_source, n_draw, host)


def _hypergeometric(total: int, n_rows: int, capacity: int, host: np.random.Generator) -> NDArray[np.int64]:
    """Cells per row when `total` distinct cells are chosen of `n_rows` rows of `capacity` cells.

    NumPy's sampler stops at 10**9 cells, a projection between two populations of 32,000. Here: choose each cell
    independently, then add or remove the few cells by which the total differs, each chosen uniformly. Given their
    number, independently chosen cells are a uniform subset, and so is what remains, hence this is exact.
    """
    cells = n_rows * capacity
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
    rule, source, target = projection.rule, projection.source, projection.target
    if not isinstance(rule, DistanceDependent):
        return rule.expected_synapses(source.size, target.size, projection.recurrent)
    some = np.unique(np.linspace(0, source.size - 1, min(source.size, 64)).astype(np.int64))
    return float(_probabilities(projection, rule, some).sum() * source.size / some.size)


# --- explicit targets ------------------------------------------------------------------------------------------------


def _explicit(
    projection: Projection, rule: Rule, key: rng.Key, skip: bool
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
        counts, targets = kernels.transpose_in_degree(
            key[0], key[1], rule.k, n_source, n_target, bool(skip), bool(rule.allow_multiple)
        )
        return counts, targets, None
    if isinstance(rule, DistanceDependent):
        counts, targets = _by_distance(projection, rule, key)
        return counts, targets, None
    raise NetworkError(
        f"projection {projection.name!r}: a rule that neuropil cannot realise",
        got=type(rule).__name__,
        expected="a rule of neuropil.model.connect",
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
        probability = _probabilities(projection, rule, sources)
        words = kernels.words_of_rows(key[0], key[1], first, sources.size, n_target)
        # In 64 bits, so that probability 1 is 2**32 and every word lies below it.
        chosen = words < np.rint(probability * 2.0**32).astype(np.uint64)
        counts[sources] = chosen.sum(axis=1)
        targets.append(np.nonzero(chosen)[1].astype(np.int32))
    return counts, np.concatenate(targets)


def _probabilities(projection: Projection, rule: DistanceDependent, sources: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64[sources, n_target], checked; zero between a neuron and itself where that is excluded."""
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
    square = np.zeros((sources.size, to.shape[0]))
    for axis, side in enumerate(_box(rule, from_.shape[1], name)):
        difference = from_[sources, axis, None] - to[None, :, axis]
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
        probability = probability.copy()
        probability[np.arange(sources.size), sources] = 0.0
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


# --- what the kernels need -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KernelTables:
    """Several realised projections of one source population, as flat arrays for a kernel.

    Attributes:
        laws: ``kernels.ROW_LAW``[n_projections].
        starts: int64[n_projections, n_source], synapses that earlier sources make through the projection.
        counts: int64[n_projections, n_source].
        targets: int32, weights: float64, delays: uint16, sites: int32; explicit values, one projection after the other.
        threshold, pair: uint32, alias tables.
    """

    laws: np.ndarray
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    targets: NDArray[np.int32]
    weights: NDArray[np.float64]
    delays: NDArray[np.uint16]
    sites: NDArray[np.int32]
    threshold: NDArray[np.uint32]
    pair: NDArray[np.uint32]


def kernel_tables(rows: list[Rows]) -> KernelTables:
    """Gather the projections of one source population (at least one) for the kernels."""
    laws = np.zeros(len(rows), kernels.ROW_LAW)
    pools: dict[str, list[np.ndarray]] = {"target": [], "weight": [], "delay": [], "site": [], "alias": [], "alias pair": []}
    for j, r in enumerate(rows):
        law = laws[j]
        law["target_kind"], law["n_draw"], law["skip_self"] = r.kind, r.n_draw, r.skip_self
        law["target_key0"], law["target_key1"] = r.key
        r.weight.fill(law)
        r.delay.fill(law)
        for name in ("target", "weight", "delay", "site", "alias"):
            law[f"{name}_pool"] = sum(p.size for p in pools[name])
        r.site.fill(law)
        added: tuple[np.ndarray, ...] = (
            r.targets, r.weight.values, r.delay.values, r.site.values, r.delay.threshold, r.delay.pair
        )  # fmt: skip
        for name, array in zip(pools, added, strict=True):
            pools[name].append(array)
    counts = np.stack([r.counts for r in rows])
    starts = np.cumsum(counts, axis=1) - counts
    # A pool with one array in it is that array: large explicit projections are not copied.
    flat = [next((p for p in pool if p.size == sum(q.size for q in pool)), None) for pool in pools.values()]
    joined = [np.concatenate(pool) if one is None else one for one, pool in zip(flat, pools.values(), strict=True)]
    return KernelTables(laws, starts, counts, *joined)


def edges(
    projection: Projection, seed: int, dt_ms: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Every synapse of a projection, sorted by source: exactly those that the engine's store holds, before rounding.

    Returns:
        pre, post: int64[n], indices within their populations; weight: float64[n] in the port's unit; delay: int64[n]
        in time steps; site: int64[n], of the target's port (0 where it has one). Within a source the order is that of
        the draws.
    """
    rows = realise(projection, seed, dt_ms)
    pre, post, weight, delay, site = _expanded(rows, projection)
    return pre, post, weight, rows.delay.steps[delay], site


def _expanded(rows: Rows, projection: Projection) -> tuple[np.ndarray, ...]:
    """Source, target, weight, index of the delay and site of every synapse."""
    tables = kernel_tables([rows])
    post, weight, delay, site = kernels.expand(
        tables.laws, tables.starts, tables.counts, tables.targets, tables.weights, tables.delays, tables.sites,
        tables.threshold, tables.pair, projection.target.size,
    )  # fmt: skip
    pre = np.repeat(np.arange(projection.source.size, dtype=np.int64), rows.counts)
    return pre, post, weight, delay, site
