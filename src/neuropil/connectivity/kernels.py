"""Compiled draws of one row of synapses: the targets, delays and weights that one source makes through one projection.

Every word is ``rng.words(key, element=source, step=position in the row)``, so a row can be drawn alone, in any order and
by any thread. Each step of the work is its own loop over a buffer that stays in the first-level cache: short loops of
one type vectorise, one loop over everything would not.
"""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import overload

from neuropil.codegen.draws import draw_word, normal_quantile32, normal_quantile64, threefry2x32, to_uniform64
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.numerics import exp

# How targets are made.
REPLACE, DISTINCT, ALL, EXPLICIT = 0, 1, 2, 3
# How the sites of targets are made.
SINGLE, DRAWN, NAMED, LISTED = 0, 1, 2, 3
# How weights and delays are made.
CONSTANT, ARRAY, NORMAL, LOGNORMAL, UNIFORM, ALIAS = 0, 1, 2, 3, 4, 5

ROW_SAMPLER = np.dtype(
    [(name, np.int64) for name in (
        "target_kind",   # REPLACE, DISTINCT, ALL or EXPLICIT
        "n_draw",        # number of neurons a target is chosen from (without the source itself, if excluded)
        "skip_self",     # 1: the source is not among them, so indices from the source on shift by one
        "target_pool",   # EXPLICIT: where this projection's targets begin in the pool
        "weight_kind", "weight_pool",
        "delay_kind", "delay_pool",
        "site_kind", "n_sites", "site_pool",  # NAMED: the site is in site_pool itself
        "position_pool", # where the positions in whole rows begin, of rows of which some targets were left out; else -1
        "alias_pool", "alias_shift",  # first cell of the alias table; a word's cell is `word >> shift`
        "word_low", "word_span",      # truncation of a weight: its word is mapped onto [low, low + span)
    )]
    + [(name, np.uint32) for name in ("target_key0", "target_key1", "weight_key0", "weight_key1", "delay_key0", "delay_key1", "site_key0", "site_key1")]
    + [(name, np.float64) for name in ("location", "scale", "low", "high")],
    align=True,
)  # fmt: skip
"""All that a kernel reads of a projection; one record each."""

SLACK = 64
"""Buffers of a row are longer than the row by this many elements (pairs of words, branch-free appends)."""


def _standard_normal(word, out):
    """Standard normal quantile of a word in the type of the array `out`."""
    raise NotImplementedError("compiled only")


@overload(_standard_normal, jit_options={"nogil": True}, inline="always")
def _standard_normal_of_type(word, out):
    if out.dtype == types.float32:
        return lambda word, out: normal_quantile32(word)
    return lambda word, out: normal_quantile64(word)


@inner_njit(nogil=True)
def fill_words(key0, key1, element, first, n, out):
    """out[i] = rng.words(key, element, first + i) for i < n; `first` even, below 2**33; may write out[n] as well."""
    k0, k1, c0 = np.uint32(key0), np.uint32(key1), np.uint32(element)
    start = np.uint32(first >> 1)
    for q in range((n + 1) >> 1):
        a, b = threefry2x32(k0, k1, c0, np.uint32(start + np.uint32(q)))
        out[2 * q] = a
        out[2 * q + 1] = b


@inner_njit(nogil=True)
def _row_words(sampler, key0, key1, source, start, n, positions, out):
    """out[i] = the word of synapse i of the row: by its position in the row, in the whole row where some were left out."""
    if sampler.position_pool < 0:
        fill_words(key0, key1, source, 0, n, out)
        return
    first = sampler.position_pool + start
    for i in range(n):
        out[i] = draw_word(key0, key1, source, np.int64(positions[first + i]))


@inner_njit(nogil=True)
def _scale_words(words, n_draw, n, out):
    """out[i] = floor(words[i] * n_draw / 2**32): uniform on 0 … n_draw-1 to a relative n_draw / 2**32."""
    span = np.uint64(n_draw)
    for i in range(n):
        out[i] = np.uint32((np.uint64(words[i]) * span) >> np.uint64(32))


@inner_njit(nogil=True)
def _shift_past(source, n, out):
    """Renumber indices drawn from "all but the source"."""
    s = np.uint32(source)
    for i in range(n):
        t = out[i]
        out[i] = np.uint32(t + np.uint32(t >= s))


@inner_njit(nogil=True)
def _draw_distinct(key0, key1, element, n_draw, k, words, taken, out):
    """`k` different indices below `n_draw`, every subset equally likely: draw, and draw again what is taken already.

    Words are used strictly in order, so the result does not depend on how many are generated at a time.
    """
    found, position = np.int64(0), np.int64(0)
    while found < k:
        wanted = k - found
        m = min(wanted + (wanted >> 2) + 16, words.size - 2) & ~1
        fill_words(key0, key1, element, position, m, words)
        position += m
        for i in range(m):
            t = np.uint32((np.uint64(words[i]) * np.uint64(n_draw)) >> np.uint64(32))
            cell, bit = t >> np.uint32(6), np.uint64(1) << np.uint64(t & np.uint32(63))
            out[found] = t
            found += np.int64((taken[cell] & bit) == np.uint64(0))
            taken[cell] |= bit
            if found == k:
                break
    for i in range(k):
        taken[out[i] >> np.uint32(6)] = np.uint64(0)


@inner_njit(nogil=True)
def _draw_subset(key0, key1, element, n_draw, k, words, taken, out):
    """As :func:`_draw_distinct`; above half of all it is quicker to draw those left out."""
    if 2 * k <= n_draw:
        _draw_distinct(key0, key1, element, n_draw, k, words, taken, out)
        return
    _draw_distinct(key0, key1, element, n_draw, n_draw - k, words, taken, out)
    for i in range(n_draw - k):
        t = out[i]
        taken[t >> np.uint32(6)] |= np.uint64(1) << np.uint64(t & np.uint32(63))
    found = 0
    for t in range(n_draw):
        out[found] = np.uint32(t)
        found += np.int64((taken[t >> 6] >> np.uint64(t & 63)) & np.uint64(1) == np.uint64(0))
    taken[: (n_draw + 63) >> 6] = np.uint64(0)


@inner_njit(nogil=True)
def draw_targets(sampler, source, start, n, pool, words, taken, out):
    """out[:n] (uint32) = targets of `source`, as indices within their population.

    Args:
        start: number of synapses that earlier sources make through this projection.
        pool: int32, explicit targets by source.
        words: uint32 scratch, n + SLACK; taken: uint64 scratch of zeros, one bit per target; `out` holds n + SLACK.
    """
    kind = sampler.target_kind
    if kind == EXPLICIT:
        first = sampler.target_pool + start
        for i in range(n):
            out[i] = np.uint32(pool[first + i])
        return
    if kind == ALL:
        for i in range(n):
            out[i] = np.uint32(i)
    elif kind == DISTINCT:
        _draw_subset(sampler.target_key0, sampler.target_key1, source, sampler.n_draw, n, words, taken, out)
    else:
        fill_words(sampler.target_key0, sampler.target_key1, source, 0, n, words)
        _scale_words(words, sampler.n_draw, n, out)
    if sampler.skip_self:
        _shift_past(source, n, out)


@inner_njit(nogil=True)
def draw_delays(sampler, source, start, n, positions, pool, threshold, pair, words, out):
    """out[:n] (uint16) = delays of the row, as indices into the projection's sorted list of delays.

    Args:
        positions: uint32, see `_row_words`; pool: uint16, explicit indices by source.
        threshold, pair: uint32, alias tables; a word in cell c means ``pair[c] & 0xffff`` if ``word < threshold[c]``,
            else ``pair[c] >> 16``. One word is both the choice of the cell and the point within it.
    """
    kind = sampler.delay_kind
    if kind == CONSTANT:
        for i in range(n):
            out[i] = np.uint16(0)
    elif kind == ARRAY:
        first = sampler.delay_pool + start
        for i in range(n):
            out[i] = pool[first + i]
    else:
        _row_words(sampler, sampler.delay_key0, sampler.delay_key1, source, start, n, positions, words)
        base, shift = sampler.alias_pool, np.uint32(sampler.alias_shift)
        for i in range(n):
            cell = base + np.int64(words[i] >> shift)
            both = pair[cell]
            out[i] = np.uint16(both & np.uint32(0xFFFF)) if words[i] < threshold[cell] else np.uint16(both >> np.uint32(16))


@inner_njit(nogil=True)
def draw_sites(sampler, source, start, n, positions, pool, words, out):
    """out[:n] (uint32) = the site of each synapse of the row within its target neuron.

    Args:
        positions: uint32, see `_row_words`; pool: int32, explicit sites by source.
    """
    kind = sampler.site_kind
    if kind == DRAWN:
        _row_words(sampler, sampler.site_key0, sampler.site_key1, source, start, n, positions, words)
        _scale_words(words, sampler.n_sites, n, out)
    elif kind == LISTED:
        first = sampler.site_pool + start
        for i in range(n):
            out[i] = np.uint32(pool[first + i])
    else:
        site = np.uint32(sampler.site_pool) if kind == NAMED else np.uint32(0)
        for i in range(n):
            out[i] = site


@inner_njit(nogil=True)
def number_elements(n_sites, n, target, site):
    """target[:n] from neurons to elements of a part with several sites."""
    many = np.uint32(n_sites)
    for i in range(n):
        target[i] = np.uint32(np.uint32(target[i] * many) + site[i])


@inner_njit(nogil=True)
def draw_weights(sampler, source, start, n, positions, pool, unit, words, out):
    """out[:n] = weights of the row over `unit`, computed in the type of `out` (float32 or float64).

    Args:
        positions: uint32, see `_row_words`; pool: float64, explicit weights by source.
        unit: the weight scale, in the unit of the port.
    """
    kind = sampler.weight_kind
    if kind == CONSTANT:
        out[:n] = sampler.location / unit
    elif kind == ARRAY:
        first = sampler.weight_pool + start
        for i in range(n):
            out[i] = pool[first + i] / unit
    else:
        _row_words(sampler, sampler.weight_key0, sampler.weight_key1, source, start, n, positions, words)
        _draw_weight(sampler, unit, n, words, out)


@inner_njit(nogil=True)
def _draw_weight(sampler, unit, n, words, out):
    """Quantiles of a truncated normal, lognormal or uniform distribution at the row's words."""
    real = out.dtype.type
    location, scale = real(sampler.location / unit), real(sampler.scale / unit)
    low, high = real(sampler.low / unit), real(sampler.high / unit)
    if sampler.weight_kind == UNIFORM:
        for i in range(n):
            out[i] = location + scale * real(to_uniform64(words[i]))
    else:
        _normals(sampler, n, words, out)
        if sampler.weight_kind == LOGNORMAL:
            # location and scale are those of the logarithm
            location, scale = real(sampler.location - np.log(unit)), real(sampler.scale)
            for i in range(n):
                out[i] = exp(location + scale * out[i])
        else:
            for i in range(n):
                out[i] = location + scale * out[i]
    for i in range(n):
        out[i] = min(max(out[i], low), high)


@inner_njit(nogil=True)
def _normals(sampler, n, words, out):
    """Standard normals, truncated by mapping the words onto the part of (0, 1) that the bounds leave."""
    if sampler.word_span < 1 << 32:
        low, span = np.uint32(sampler.word_low), np.uint64(sampler.word_span)
        for i in range(n):
            words[i] = np.uint32(low + np.uint32((np.uint64(words[i]) * span) >> np.uint64(32)))
    for i in range(n):
        out[i] = _standard_normal(words[i], out)


@cached_njit(nogil=True)
def expand(samplers, starts, counts, positions, targets, weights, delays, sites, threshold, pair, n_target):
    """(post int64, weight float64, index of delay uint16, site int64) of all synapses of the one projection ``samplers[0]``."""
    sampler = samplers[0]
    n = counts[0].sum()
    post, weight, delay = np.empty(n, np.int64), np.empty(n, np.float64), np.empty(n, np.uint16)
    site = np.empty(n, np.int64)
    longest = counts[0].max() + n_target + SLACK  # leaving targets out needs room for all of them
    words, row = np.empty(longest, np.uint32), np.empty(longest, np.uint32)
    row_weight, row_delay = np.empty(longest, np.float64), np.empty(longest, np.uint16)
    taken = np.zeros((n_target + 127) >> 6, np.uint64)
    for source in range(counts.shape[1]):
        start, k = starts[0, source], counts[0, source]
        draw_targets(sampler, source, start, k, targets, words, taken, row)
        draw_delays(sampler, source, start, k, positions, delays, threshold, pair, words, row_delay)
        draw_weights(sampler, source, start, k, positions, weights, 1.0, words, row_weight)
        post[start : start + k] = row[:k]
        weight[start : start + k] = row_weight[:k]
        delay[start : start + k] = row_delay[:k]
        draw_sites(sampler, source, start, k, positions, sites, words, row)
        site[start : start + k] = row[:k]
    return post, weight, delay, site


@cached_njit(nogil=True)
def targets_of(samplers, starts, counts, first, pool, n_target):
    """int64[n]: the targets of the sources first, first + 1, … of the one projection ``samplers[0]``, a column each in starts and counts."""
    sampler, begin = samplers[0], starts[0, 0]
    post = np.empty(counts[0].sum(), np.int64)
    longest = counts[0].max() + n_target + SLACK
    words, row = np.empty(longest, np.uint32), np.empty(longest, np.uint32)
    taken = np.zeros((n_target + 127) >> 6, np.uint64)
    for c in range(counts.shape[1]):
        start, k = starts[0, c], counts[0, c]
        draw_targets(sampler, first + c, start, k, pool, words, taken, row)
        post[start - begin : start - begin + k] = row[:k]
    return post


@cached_njit(nogil=True)
def draw_from(key0, key1, counts, pool, own, multiple):
    """int32[counts.sum()]: for every element e, counts[e] members of `pool` (int32, sorted), all but its `own` (an index, or -1)."""
    longest = max(counts.max(), pool.size) + SLACK
    words, row = np.empty(longest, np.uint32), np.empty(longest, np.uint32)
    taken = np.zeros((pool.size + 127) >> 6, np.uint64)
    drawn, filled = np.empty(counts.sum(), np.int32), 0
    for element in range(counts.size):
        k, skip = counts[element], own[element] >= 0
        n_draw = pool.size - np.int64(skip)
        if multiple:
            fill_words(key0, key1, element, 0, k, words)
            _scale_words(words, n_draw, k, row)
        else:
            _draw_subset(key0, key1, element, n_draw, k, words, taken, row)
        if skip:
            _shift_past(own[element], k, row)
        for i in range(k):
            drawn[filled + i] = pool[row[i]]
        filled += k
    return drawn


@cached_njit(nogil=True)
def by_source(sources, counts_of_targets, n_source):
    """Sort synapses listed by target: (counts int64[n_source], targets int32 by source)."""
    counts = np.zeros(n_source, np.int64)
    for s in sources:
        counts[s] += 1
    cursor = np.cumsum(counts) - counts
    targets, i = np.empty(sources.size, np.int32), 0
    for target in range(counts_of_targets.size):
        for _ in range(counts_of_targets[target]):
            s = sources[i]
            targets[cursor[s]] = np.int32(target)
            cursor[s] += 1
            i += 1
    return counts, targets


@cached_njit(nogil=True)
def words_of_rows(key0, key1, first, n_rows, n):
    """uint32[n_rows, n]: the first `n` words of the elements from `first` on."""
    out = np.empty((n_rows, n), np.uint32)
    row = np.empty(n + SLACK, np.uint32)
    for r in range(n_rows):
        fill_words(key0, key1, first + r, 0, n, row)
        out[r] = row[:n]
    return out
