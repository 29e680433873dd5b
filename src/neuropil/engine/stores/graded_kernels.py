"""Kernels of graded transmission: own rows of the weights times what all sources published, summed in a fixed order.

Each is called as kernel(k, out, into, published, lag, total, *weights): it adds to out[into[i]] the sum of target i, which it forms in total,
float64, of the row of `published` that is `lag` steps old.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.codegen.noalias import noalias_arguments
from neuropil.plan.graded import LANES, SUMMED, TILE

assert SUMMED == LANES == 16  # terms that `multiply_matrix`, and sums that `multiply_list` writes out


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
    for i in range(into.size):
        out[into[i]] += total[i]


@cached_njit(**KERNEL_FLAGS)
def multiply_list(k, out, into, published, lag, total, bounds, w, source):
    """Weights listed by target: LANES targets side by side, each its own weights in the order of their sources, up to as many as the longest has.

    Sums are written out, as many as stay in registers; sources are unsigned, so that no index is tested for its sign.
    """
    x = published[(k - lag) & (published.shape[0] - 1)]
    noalias_arguments()
    for c in range(bounds.size - 1):
        s0, s1, s2, s3, s4, s5, s6, s7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        s8, s9, s10, s11, s12, s13, s14, s15 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for e in range(bounds[c], bounds[c + 1], LANES):
            a, b = w[e : e + LANES], source[e : e + LANES]
            s0 += np.float64(a[0]) * np.float64(x[b[0]])
            s1 += np.float64(a[1]) * np.float64(x[b[1]])
            s2 += np.float64(a[2]) * np.float64(x[b[2]])
            s3 += np.float64(a[3]) * np.float64(x[b[3]])
            s4 += np.float64(a[4]) * np.float64(x[b[4]])
            s5 += np.float64(a[5]) * np.float64(x[b[5]])
            s6 += np.float64(a[6]) * np.float64(x[b[6]])
            s7 += np.float64(a[7]) * np.float64(x[b[7]])
            s8 += np.float64(a[8]) * np.float64(x[b[8]])
            s9 += np.float64(a[9]) * np.float64(x[b[9]])
            s10 += np.float64(a[10]) * np.float64(x[b[10]])
            s11 += np.float64(a[11]) * np.float64(x[b[11]])
            s12 += np.float64(a[12]) * np.float64(x[b[12]])
            s13 += np.float64(a[13]) * np.float64(x[b[13]])
            s14 += np.float64(a[14]) * np.float64(x[b[14]])
            s15 += np.float64(a[15]) * np.float64(x[b[15]])
        t = total[c * LANES : (c + 1) * LANES]
        t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7] = s0, s1, s2, s3, s4, s5, s6, s7
        t[8], t[9], t[10], t[11], t[12], t[13], t[14], t[15] = s8, s9, s10, s11, s12, s13, s14, s15
    for i in range(into.size):
        out[into[i]] += total[i]


@cached_njit(**KERNEL_FLAGS)
def multiply_delayed(k, out, into, published, lag, total, bounds, w, source, delay):
    """As `multiply_list`, where each weight has a delay of its own."""
    last = published.shape[0] - 1
    for c in range(bounds.size - 1):
        sums = total[c * LANES : (c + 1) * LANES]
        sums[:] = 0.0
        for e in range(bounds[c], bounds[c + 1], LANES):
            for i in range(LANES):
                sums[i] += np.float64(w[e + i]) * np.float64(published[(k - delay[e + i]) & last, source[e + i]])
    for i in range(into.size):
        out[into[i]] += total[i]


@cached_njit(**KERNEL_FLAGS)
def multiply_permuted(k, out, into, published, lag, total, w, source):
    """One weight for each target."""
    x = published[(k - lag) & (published.shape[0] - 1)]
    for i in range(into.size):
        out[into[i]] += w[i] * np.float64(x[source[i]])


@cached_njit(**KERNEL_FLAGS)
def multiply_blocks(k, out, into, published, lag, total, w, first):
    """Blocks on the diagonal: w float64[sources of a block, own targets]; first: uint32, the first source of each target's block."""
    x = published[(k - lag) & (published.shape[0] - 1)]
    noalias_arguments()
    for i in range(first.size):
        total[i] = 0.0
    for j in range(w.shape[0]):
        row = w[j]
        for i in range(first.size):
            total[i] += row[i] * np.float64(x[first[i] + np.uint32(j)])
    for i in range(into.size):
        out[into[i]] += total[i]


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
    for i in range(into.size):
        out[into[i]] += total[i]
