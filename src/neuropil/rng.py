"""Counter-based random numbers: every number is a pure function of (seed, purpose, element, step).

The generator is Threefry with 20 rounds, of two words of 32 bits (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as
1, 2, 3", SC'11). There is no state to carry, so a run does not depend on the number of threads or ranks, and any part
of it can be drawn again alone.

The convention, kept by every executor::

    counter0 = element                      which neuron, synapse, ...; below 2**32
    counter1 = low 32 bits of (step >> 1)
    key      = (key0, key1 ^ high bits of (step >> 1))
    word     = output[step & 1]

One evaluation makes two 32-bit words; giving them to two successive steps halves the engine's work. The high bits of
the step are zero for the first 2**33 steps (ten days of biological time at 0.1 ms), after which they select another
key, so the stream does not repeat before step 2**64.

Poisson events, of which there are many, are drawn by the generator of four words. One evaluation serves two neighbouring elements and four
successive steps, with 16 bits each::

    key     = (key0, key1, 0, 0)
    counter = (element >> 1, low and high bits of (step >> 2), 0)
    upper   = half (element & 1), the lower one first, of output[step & 3]

The lower 16 bits of an event's word are those of output[0] of the counter (element, low and high bits of the step, 1). They are seldom looked at.

This module is the readable reference in NumPy; the compiled twins are `neuropil.codegen.draws` and `neuropil.codegen.poisson`, tested equal.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Key: TypeAlias = tuple[int, int]
Words: TypeAlias = NDArray[np.uint32]

PARITY = 0x1BD11BDA
"""Threefry's constant, mixed into the third key word so that the all-zero key is not weak."""

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
"""Rotation distances of Threefry-2x32, four rounds each, used alternately."""

ROTATIONS_4 = ((10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20))
"""Rotation distances of Threefry-4x32, two in each of eight rounds."""

ROUNDS = 20
"""Of both generators, as published: no flaw is known of Threefry-2x32 from 13 rounds on, nor of Threefry-4x32 from 12."""

_WORD = 2**32
_MASK = _WORD - 1


def threefry2x32(
    key0: ArrayLike, key1: ArrayLike, counter0: ArrayLike, counter1: ArrayLike
) -> tuple[Words, Words]:
    """The counter encrypted under the key by Threefry-2x32, 20 rounds (Salmon et al. 2011).

    Args:
        key0, key1: uint32, the two words of the key.
        counter0, counter1: uint32, the two words of the counter; all four broadcast together.

    Returns:
        Two uint32 arrays of the broadcast shape.
    """
    k0, k1, c0, c1 = np.broadcast_arrays(*(_as_words(a) for a in (key0, key1, counter0, counter1)))
    keys = (k0, k1, k0 ^ k1 ^ np.uint32(PARITY))
    x0, x1 = np.array(c0), np.array(c1)  # copies, never 0-d scalars: array arithmetic wraps without a warning
    x0 += k0
    x1 += k1
    for group in range(5):
        for distance in ROTATIONS[group % 2]:
            x0 += x1
            x1 = (x1 << np.uint32(distance)) | (x1 >> np.uint32(32 - distance))
            x1 = np.asarray(x1 ^ x0)
        x0 += keys[(group + 1) % 3]
        x1 += keys[(group + 2) % 3]
        x1 += np.uint32(group + 1)
    return x0, x1


def threefry4x32(key: tuple[ArrayLike, ...], counter: tuple[ArrayLike, ...], rounds: int = ROUNDS) -> tuple[Words, Words, Words, Words]:
    """The counter encrypted under the key by Threefry-4x32 (Salmon et al. 2011).

    Args:
        key, counter: four uint32 each; all broadcast together.
        rounds: as many as the stream has, unless a published answer for another number is wanted.

    Returns:
        Four uint32 arrays of the broadcast shape.
    """
    k0, k1, k2, k3, *x = (np.array(a) for a in np.broadcast_arrays(*(_as_words(a) for a in (*key, *counter))))
    keys = (k0, k1, k2, k3, k0 ^ k1 ^ k2 ^ k3 ^ np.uint32(PARITY))
    for j in range(4):
        x[j] += keys[j]
    for r in range(rounds):
        for a, b, distance in zip((0, 2), (1, 3) if r % 2 == 0 else (3, 1), ROTATIONS_4[r % 8], strict=True):
            x[a] += x[b]
            x[b] = np.asarray(((x[b] << np.uint32(distance)) | (x[b] >> np.uint32(32 - distance))) ^ x[a])
        if r % 4 == 3:
            group = r // 4 + 1
            for j in range(4):
                x[j] += keys[(group + j) % 5]
            x[3] += np.uint32(group)
    return x[0], x[1], x[2], x[3]


def stream_key(seed: int, *purpose: int | str) -> Key:
    """The 64-bit key, as two 32-bit ints, of the stream that `seed` and the path `purpose` name.

    `seed` is an int in [0, 2**63); `purpose` is any path of ints and strings, for example
    ``stream_key(1, "stimulus", "background", 3)``. Different paths give independent streams. The hash is BLAKE2b over
    an unambiguous encoding, hence the same on every machine and in every session.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed must be an int, got {type(seed).__name__}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed must be in [0, 2**63), got {seed}")
    digest = blake2b(digest_size=8, person=b"neuropil")
    for part in (int(seed), *purpose):
        digest.update(_encode(part))
    value = digest.digest()
    return int.from_bytes(value[:4], "little"), int.from_bytes(value[4:], "little")


def words(key: Key, element: ArrayLike, step: ArrayLike) -> Words:
    """The raw 32-bit word of each pair of an element and a step; both broadcast together.

    Args:
        key: two words, from `stream_key`.
        element: whole numbers in [0, 2**32), such as indices of neurons.
        step: whole numbers in [0, 2**64).

    Returns:
        uint32 of the broadcast shape.
    """
    element = _as_words(element)
    step = _as_unsigned(step)
    pair = step >> np.uint64(1)
    low = (pair & np.uint64(_MASK)).astype(np.uint32)
    high = (pair >> np.uint64(32)).astype(np.uint32)
    first, second = threefry2x32(key[0], np.uint32(key[1]) ^ high, element, low)
    return np.where(step & np.uint64(1), second, first)


def event_words(key: Key, element: ArrayLike, step: ArrayLike) -> Words:
    """The word that decides how many Poisson events an element has in a step; both broadcast together.

    Args:
        key, element, step: as of `words`.

    Returns:
        uint32 of the broadcast shape.
    """
    element, step = np.broadcast_arrays(_as_words(element), _as_unsigned(step))

    def drawn(first: Words, at: NDArray[np.uint64], what: int) -> tuple[Words, Words, Words, Words]:
        low, high = (at & np.uint64(_MASK)).astype(np.uint32), (at >> np.uint64(32)).astype(np.uint32)
        return threefry4x32((key[0], key[1], 0, 0), (first, low, high, what))

    quarter = drawn(element >> np.uint32(1), step >> np.uint64(2), 0)
    both = np.choose((step & np.uint64(3)).astype(np.intp), quarter)
    upper = np.where(element & np.uint32(1), both >> np.uint32(16), both & np.uint32(0xFFFF))
    return np.asarray((upper << np.uint32(16)) | (drawn(element, step, 1)[0] & np.uint32(0xFFFF)), np.uint32)


def uniform(key: Key, element: ArrayLike, step: ArrayLike) -> NDArray[np.float64]:
    """Uniform deviates strictly inside (0, 1): the middle of the word's cell, ``(word + 0.5) / 2**32``.

    Args:
        key, element, step: as of `words`.
    """
    return word_to_uniform(words(key, element, step))


def word_to_uniform(word: ArrayLike) -> NDArray[np.float64]:
    """``(word + 0.5) / 2**32`` in float64, exact."""
    return (np.asarray(word, np.float64) + 0.5) * 2.0**-32


def normal_quantile(u: ArrayLike) -> NDArray[np.float64]:
    """Inverse of the standard normal distribution function at u in (0, 1)."""
    from scipy.special import ndtri  # SciPy takes a while to import

    return np.asarray(ndtri(np.asarray(u, np.float64)))


def normal(key: Key, element: ArrayLike, step: ArrayLike) -> NDArray[np.float64]:
    """Standard normal deviates by inversion, one word each; the largest possible magnitude is 6.34.

    Args:
        key, element, step: as of `words`.
    """
    return normal_quantile(uniform(key, element, step))


def poisson_thresholds(lam: float) -> Words:
    """Thresholds t_0 <= t_1 <= ... (uint32) such that ``sum_k(word >= t_k)`` is Poisson with mean `lam`.

    P(count > k) is the survival function rounded to a multiple of 2**-32; the list ends where it rounds to zero, that
    is where the survival is below 2**-33. For means above about 22 the first thresholds are zero: counts never seen.
    """
    if not (np.isfinite(lam) and 0.0 <= lam <= 1e6):
        raise ValueError(f"the mean of a Poisson count must be in [0, 1e6], got {lam}")
    from scipy.special import pdtrc

    longest = int(np.ceil(lam + 8.0 * np.sqrt(lam) + 16.0))  # survival there is below 2**-33 for every mean
    # The survival, not the distribution function: near 1 the latter has lost the digits that decide the tail.
    above = np.rint(pdtrc(np.arange(longest), lam) * _WORD).astype(np.uint64)
    return (np.uint64(_WORD) - above[above > 0]).clip(0, _MASK).astype(np.uint32)


def poisson(lam: float, word: ArrayLike) -> NDArray[np.int64]:
    """The Poisson count with mean `lam` that each uint32 word stands for; same shape as `word`."""
    return np.searchsorted(poisson_thresholds(lam), _as_words(word), side="right")


def generator(seed: int, *purpose: int | str) -> np.random.Generator:
    """NumPy's generator (Philox, Salmon et al. 2011) on the stream of (seed, purpose): for draws made on the host."""
    key0, key1 = stream_key(seed, *purpose)
    return np.random.Generator(np.random.Philox(key=key0 | key1 << 32))


def element_generator(key: Key, element: int) -> np.random.Generator:
    """NumPy's generator for one element of a stream: its numbers do not depend on which others are drawn.

    Args:
        key: of the stream (`stream_key`); element: index of a neuron, at least 0.
    """
    return np.random.Generator(np.random.Philox(key=key[0] | key[1] << 32, counter=[0, 0, 0, element]))


def _encode(part: int | str) -> bytes:
    """Type tag, length, content: no two different paths encode alike."""
    if isinstance(part, str):
        tag, content = b"s", part.encode()
    elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
        tag, content = b"i", str(int(part)).encode()
    else:
        raise TypeError(f"a purpose is made of ints and strings, got {part!r} of type {type(part).__name__}")
    return tag + len(content).to_bytes(8, "little") + content


def _as_words(values: ArrayLike) -> Words:
    """As a uint32 array, refusing what does not fit rather than wrapping it."""
    array = np.asarray(values)
    if array.dtype == np.uint32:
        return array
    if array.dtype.kind not in "ui":
        raise TypeError(f"expected integers, got dtype {array.dtype}")
    if array.size and (array.min() < 0 or array.max() > _MASK):
        raise ValueError(f"expected integers in [0, 2**32), got {array.min()} to {array.max()}")
    return array.astype(np.uint32)


def _as_unsigned(values: ArrayLike) -> NDArray[np.uint64]:
    """As a uint64 array, refusing negative numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "ui":
        raise TypeError(f"expected integers, got dtype {array.dtype}")
    if array.dtype.kind == "i" and array.size and array.min() < 0:
        raise ValueError(f"a step is never negative, got {array.min()}")
    return array.astype(np.uint64)
