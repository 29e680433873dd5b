"""Kernels of graded transmission: own rows of the weights times what all sources published, summed in a fixed order.

Each is called as kernel(k, out, into, published, lag, total, *weights): it adds to out[into[i]] the sum of target i, which it forms in total,
float64, of the row of `published` that is `lag` steps old.

Sums of neighbouring targets are vectors that stay in registers while a loop goes through the sources (`neuropil.codegen.vector_values`).
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.noalias import noalias_arguments
from neuropil.codegen.vector_values import access, gather, prefer_widest, spread, widened
from neuropil.plan.graded import LANES, SUMMED, TILE

assert SUMMED == 16  # terms that `multiply_matrix` writes out

load, store = access(LANES)
everywhere = spread(LANES)
gathered = gather(LANES)


@inner_njit(**KERNEL_FLAGS)
def without_gaps(into):
    """Whether the targets `into` are neighbours, each the next of the one before it; they ascend."""
    n = into.size
    return n > 0 and into[n - 1] - into[0] == n - 1


@inner_njit(**KERNEL_FLAGS)
def add_sums(out, into, total):
    """out[into[i]] += total[i]; `into` ascends, and is not read where it has no gaps."""
    n = into.size
    if without_gaps(into):
        own = out[into[0] : into[0] + n]
        for i in range(n):
            own[i] += total[i]
    else:
        for i in range(n):
            out[into[i]] += total[i]


@cached_njit(**KERNEL_FLAGS)
def gather_sources(k, chosen, published, lag, sources):
    """What the sources of a view published, side by side."""
    x = published[(k - lag) & (published.shape[0] - 1)]
    for i in range(sources.size):
        chosen[0, i] = x[sources[i]]


@cached_njit(**KERNEL_FLAGS)
def multiply_matrix(k, out, into, published, lag, total, w):
    """Weights as a matrix, [tiles of targets, blocks of sources, SUMMED, TILE].

    The terms of a block are summed in the run's precision, the blocks in float64, both in the order of the sources.
    """
    x = published[(k - lag) & (published.shape[0] - 1)]
    noalias_arguments()
    for b in range(w.shape[0]):
        sums = total[b * TILE : (b + 1) * TILE]
        for i in range(TILE):
            sums[i] = 0.0
        for j in range(w.shape[1]):
            t, a = w[b, j], x[j * SUMMED : (j + 1) * SUMMED]
            a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
            a8, a9, a10, a11, a12, a13, a14, a15 = a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15]
            for i in range(TILE):
                s = t[0, i] * a0 + t[1, i] * a1 + t[2, i] * a2 + t[3, i] * a3 + t[4, i] * a4 + t[5, i] * a5 + t[6, i] * a6 + t[7, i] * a7
                s = s + t[8, i] * a8 + t[9, i] * a9 + t[10, i] * a10 + t[11, i] * a11 + t[12, i] * a12 + t[13, i] * a13 + t[14, i] * a14 + t[15, i] * a15
                sums[i] += s
    add_sums(out, into, total)


@cached_njit(**KERNEL_FLAGS)
def multiply_list(k, out, into, published, lag, total, bounds, w, source):
    """Weights listed by target: LANES targets side by side, each its own weights in the order of their sources, up to as many as the longest has."""
    x = published[(k - lag) & (published.shape[0] - 1)]
    noalias_arguments()
    prefer_widest()
    for c in range(bounds.size - 1):
        sums = everywhere(0.0)
        for e in range(bounds[c], bounds[c + 1], LANES):
            sums = sums + widened(load(w, e)) * widened(gathered(x, source, e))
        store(total, c * LANES, sums)
    add_sums(out, into, total)


@cached_njit(**KERNEL_FLAGS)
def multiply_delayed(k, out, into, published, lag, total, bounds, w, source, delay, index):
    """As `multiply_list`, where each weight has a delay of its own; index: room for LANES numbers."""
    flat, last, columns = published.reshape(published.size), published.shape[0] - 1, published.shape[1]
    noalias_arguments()
    prefer_widest()
    for c in range(bounds.size - 1):
        sums = everywhere(0.0)
        for e in range(bounds[c], bounds[c + 1], LANES):
            for i in range(LANES):
                index[i] = ((k - delay[e + i]) & last) * columns + np.int64(source[e + i])
            sums = sums + widened(load(w, e)) * widened(gathered(flat, index, 0))
        store(total, c * LANES, sums)
    add_sums(out, into, total)


@cached_njit(**KERNEL_FLAGS)
def multiply_single(k, out, into, published, lag, total, w, source):
    """One weight for each target. source: uint32[targets]; or the first alone, where the sources are neighbours in the order of the targets."""
    x = published[(k - lag) & (published.shape[0] - 1)]
    noalias_arguments()
    prefer_widest()
    n = into.size
    if source.size != 1:
        for i in range(n):
            out[into[i]] += np.float64(w[i]) * np.float64(x[source[i]])
        return
    a = x[source[0] : source[0] + n]
    if without_gaps(into):
        own = out[into[0] : into[0] + n]
        for i in range(n):
            own[i] += np.float64(w[i]) * np.float64(a[i])
    else:
        for i in range(n):
            out[into[i]] += np.float64(w[i]) * np.float64(a[i])


@cached_njit(**KERNEL_FLAGS)
def multiply_blocks(k, out, into, published, lag, total, sources, w, first, begin):
    """Blocks on the diagonal, of so many sources. w: float64[groups · sources · LANES], of groups of up to LANES targets.

    Groups of one block each: first: uint32[groups], the first source of the block; begin: int64[groups], the first target (what a group leaves in
    `total` beyond its targets, the next one writes over). Groups of any targets: first: uint32[groups · LANES], of each target; begin: ().
    """
    x = published[(k - lag) & (published.shape[0] - 1)]
    noalias_arguments()
    prefer_widest()
    e = 0
    if begin.size:
        for g in range(begin.size):
            sums, a = everywhere(0.0), x[first[g] : first[g] + sources]
            for j in range(sources):
                sums = sums + load(w, e) * everywhere(np.float64(a[j]))
                e += LANES
            store(total, begin[g], sums)
    else:
        for g in range(first.size // LANES):
            sums = everywhere(0.0)
            for j in range(sources):
                sums = sums + load(w, e) * widened(gathered(x[j:], first, g * LANES))
                e += LANES
            store(total, g * LANES, sums)
    add_sums(out, into, total)


@cached_njit(**KERNEL_FLAGS)
def multiply_kronecker(k, out, into, published, lag, total, first, second, half, slow, fast):
    """The product with the second matrix, all of it, then of own targets (slow, fast) with the first."""
    x = published[(k - lag) & (published.shape[0] - 1)]
    noalias_arguments()
    for a in range(half.shape[0]):
        z = half[a]
        for b in range(z.size):
            z[b] = 0.0
        for c in range(second.shape[0]):
            value, row = np.float64(x[a * second.shape[0] + c]), second[c]
            for b in range(z.size):
                z[b] += row[b] * value
    for i in range(slow.size):
        total[i] = 0.0
    for a in range(half.shape[0]):
        z, row = half[a], first[a]
        for i in range(slow.size):
            total[i] += row[slow[i]] * z[fast[i]]
    add_sums(out, into, total)
