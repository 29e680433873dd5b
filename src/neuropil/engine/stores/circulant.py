"""Products with circulant matrices: a circular convolution by fast Fourier transforms in float64, each owner by itself.

The transform is Stockham's with radix 2: no bits are reversed, and its loops run over neighbours. Its operations and their order depend on the
length alone, so all owners have the same numbers, and each takes those of its own targets.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit


def length_of(n: int) -> int:
    """The length of transforms for a circle of n: n itself if it is a power of two, else one that holds all differences of positions."""
    return n if n & (n - 1) == 0 else 1 << (2 * n - 2).bit_length()


def twiddles(length: int) -> np.ndarray:
    """cos and -sin of 2 pi j / length: float64[2, length // 2]."""
    angles = [2.0 * math.pi * j / length for j in range(length // 2)]
    return np.array([[math.cos(a) for a in angles], [-math.sin(a) for a in angles]]).reshape(2, -1)


@inner_njit(**KERNEL_FLAGS)
def transform(re, im, other_re, other_im, turn):
    """The discrete Fourier transform of re + i im; returns whether it lies in the other two arrays."""
    m, s, there = re.size // 2, 1, False
    while m >= 1:
        for p in range(m):
            c, d = turn[0, p * s], turn[1, p * s]
            u, v = s * p, s * (p + m)
            ar, ai, br, bi = re[u : u + s], im[u : u + s], re[v : v + s], im[v : v + s]
            sr, si = other_re[2 * u : 2 * u + s], other_im[2 * u : 2 * u + s]
            tr, ti = other_re[2 * u + s : 2 * u + 2 * s], other_im[2 * u + s : 2 * u + 2 * s]
            for q in range(s):
                x, y = ar[q] - br[q], ai[q] - bi[q]
                sr[q] = ar[q] + br[q]
                si[q] = ai[q] + bi[q]
                tr[q] = x * c - y * d
                ti[q] = x * d + y * c
        re, other_re = other_re, re
        im, other_im = other_im, im
        there = not there
        m //= 2
        s *= 2
    return there


@cached_njit(**KERNEL_FLAGS)
def spectrum(room, turn):
    """The transform of room[0] + i room[1], in place; room[2:] is used on the way."""
    if transform(room[0], room[1], room[2], room[3], turn):
        room[0] = room[2]
        room[1] = room[3]


@cached_njit(**KERNEL_FLAGS)
def multiply_circulant(k, out, into, published, lag, total, n, rows, kernel, room, turn):
    """kernel: float64[2, length], the spectrum of the first row; room: float64[4, length]."""
    x = published[(k - lag) & (published.shape[0] - 1)]
    re, im, other_re, other_im = room[0], room[1], room[2], room[3]
    for i in range(n):
        re[i] = x[i]
    re[n:] = 0.0
    im[:] = 0.0
    if transform(re, im, other_re, other_im, turn):
        re, im, other_re, other_im = other_re, other_im, re, im
    for i in range(re.size):
        a, b = re[i], im[i]
        re[i] = a * kernel[0, i] - b * kernel[1, i]
        im[i] = a * kernel[1, i] + b * kernel[0, i]
    there = transform(im, re, other_im, other_re, turn)  # with both parts exchanged it is the inverse, up to the length
    result, scale = (other_re if there else re), 1.0 / re.size
    for i in range(into.size):
        out[into[i]] += result[rows[i]] * scale


def circulant_arguments(kernel: np.ndarray, rows: np.ndarray) -> tuple[object, ...]:
    """What `multiply_circulant` reads.

    Args:
        kernel: float64[n], weights by the distance from source to target.
        rows: int64[targets], positions of own targets on the circle.
    """
    n, length = kernel.size, length_of(kernel.size)
    turn, room = twiddles(length), np.zeros((4, length))
    room[0, :n] = kernel
    if length != n:
        room[0, length - n + 1 :] = kernel[1:]  # differences below 0
    spectrum(room, turn)
    return n, rows, room[:2].copy(), np.zeros((4, length)), turn
