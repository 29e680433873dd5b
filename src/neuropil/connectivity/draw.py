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
sampled rows are never stored: they are drawn again where they are needed (:mod:`neuropil.connectivity.kernels`).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.connectivity import kernels
from neuropil.connectivity.builders import lists_targets, targets_of
from neuropil.connectivity.rows import KernelTables, Rows, kernel_tables
from neuropil.connectivity.samplers import delay_sampler, delay_steps, delays_of, explicit_weights, weight_sampler
from neuropil.connectivity.sites import site_sampler
from neuropil.model.connection.matrix import WeightMatrix, values_of
from neuropil.model.contents.contents import Projection
from neuropil.model.contents.pairs import expected_synapses, missing_positions

__all__ = ["KernelTables", "Rows", "delay_steps", "edges", "expected_synapses", "kernel_tables", "numbered_edges", "realise"]


def realise(projection: Projection, seed: int, dt_ms: float, within: slice | None = None) -> Rows:
    """Draw a projection's degrees, and its targets where they cannot be drawn row by row.

    Between views, pairs that are independent (FixedProbability, AllToAll, DistanceDependent) are drawn as for the whole populations,
    and those outside are left out. Degrees are met within the views: FixedInDegree draws the sources of each target, by its index
    in the population, among those of the view, FixedOutDegree and FixedTotal likewise the targets of each source. So fewer targets
    (of FixedOutDegree and FixedTotal, fewer sources) leave the synapses of the others as they were.

    Args:
        seed: of the network's random numbers.
        dt_ms: time step, ms; delays become whole numbers of it.
        within: keep the synapses on these targets alone; they are as they are among all.

    Returns:
        The rows, one for each source.

    Raises:
        NetworkError: a delay below the time step, or distances without positions.
    """
    for fault in missing_positions(projection, f"projection {projection.name!r}"):
        raise fault
    views, whole_rows = projection.sources is not None or projection.targets is not None, not lists_targets(projection)
    ordered = whole_rows and not views and projection.rule.array_shape(*projection.ends) is not None
    matrices = any(_is_matrix(v) for v in (projection.weight, projection.delay)) and not ordered
    rows = _realised(_without_matrices(projection, dt_ms) if matrices else projection, seed, dt_ms)
    if within is not None:
        rows = rows.of_targets(np.arange(within.start, within.stop), projection.target.size)
    return _with_matrices(rows, projection, dt_ms) if matrices else rows


def _realised(projection: Projection, seed: int, dt_ms: float) -> Rows:
    made, skip = targets_of(projection, seed), projection.excludes_self
    counts, order = made.counts, made.order
    weight = weight_sampler(projection, seed, counts, order, skip)
    delay = delay_sampler(projection, seed, dt_ms, order, skip)
    site = site_sampler(projection, seed, order)
    first = np.cumsum(counts) - counts if made.first is None else made.first
    key = rng.stream_key(seed, "projection", *projection.stream, "target")
    # Self-exclusion of explicit targets is done already.
    rows = Rows(
        counts, made.kind, projection.target.size - skip, skip and made.kind != kernels.EXPLICIT, key, made.listed, weight, delay, site, first,
    )  # fmt: skip
    if projection.sources is not None and "sources" in made.beyond:
        rows = rows.of_sources(projection.sources)
    if projection.targets is not None and "targets" in made.beyond:
        rows = rows.of_targets(projection.targets, projection.target.size)
    return rows


# --- views -----------------------------------------------------------------------------------------------------------


def _is_matrix(value: Any) -> bool:
    return isinstance(value, WeightMatrix) or (isinstance(value, np.ndarray) and value.ndim == 2)


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
        rows = dataclasses.replace(rows, weight=explicit_weights(_at(projection.weight, where)))
    if _is_matrix(projection.delay):
        rows = dataclasses.replace(rows, delay=delays_of(_at(projection.delay, where), dt_ms, projection.name))
    return rows


def _at(matrix: Any, where: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return values_of(matrix.entry(*where)) if isinstance(matrix, WeightMatrix) else np.asarray(matrix)[where]


# --- as a list ---------------------------------------------------------------------------------------------------------


def edges(
    projection: Projection, seed: int, dt_ms: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Every synapse of a projection, sorted by source: exactly those that the engine's store holds, before rounding.

    (`numbered_edges` gives their numbers as well.)

    Args:
        seed: of the network's random numbers.
        dt_ms: time step, ms.

    Returns:
        pre, post: int64[n], indices within their populations; weight: float64[n] in the port's unit; delay: int64[n]
        in time steps; site: int64[n], of the target's port (0 where it has one). Within a source the order is that of
        the draws.
    """
    pre, post, weight, delay, site, _ = numbered_edges(projection, seed, dt_ms)
    return pre, post, weight, delay, site


def numbered_edges(projection: Projection, seed: int, dt_ms: float, within: slice | None = None) -> tuple[NDArray[Any], ...]:
    """The arrays of `edges`, and int64[n]: what distinguishes each synapse from the others in draws of its own (`Rows.numbers`).

    Args:
        seed: of the network's random numbers.
        dt_ms: time step, ms.
        within: as of `realise`.
    """
    rows = realise(projection, seed, dt_ms, within)
    tables = kernel_tables([rows])
    post, weight, delay, site = kernels.expand(
        tables.samplers, tables.starts, tables.counts, tables.positions, tables.targets, tables.weights, tables.delays, tables.sites,
        tables.threshold, tables.pair, projection.target.size,
    )  # fmt: skip
    pre = np.repeat(np.arange(projection.source.size, dtype=np.int64), rows.counts)
    return pre, post, weight, rows.delay.steps[delay], site, rows.numbers()
