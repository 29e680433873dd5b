"""Kernels that each do one thing as simply as possible: the highest rates of a machine, in code compiled as ours."""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from neuropil.codegen.kernel_cache import cached_njit
from neuropil.codegen.poisson import AT_ONCE, STEPS, poisson_block

OPTIONS = {"nogil": True, "fastmath": True, "boundscheck": False}


@cached_njit(**OPTIONS)
def total(values):
    """The sum of the values of an array, each read once."""
    found = np.uint32(0)
    for i in range(values.size):
        found += values[i]
    return found


@cached_njit(**OPTIONS)
def triad(a, b, c, factor, rounds):
    """a = b + factor c: two reads and a write per element.

    Args:
        a, b, c: float32[n].
        factor: number.
        rounds: repetitions.
    """
    for _ in range(rounds):
        for i in range(a.size):
            a[i] = b[i] + factor * c[i]
    return a[0]


@cached_njit(**OPTIONS)
def add_events(words, target, rounds):
    """What delivery does to a word: add its upper half to the element that its lower half names.

    Args:
        words: int32[n].
        target: int32[2**16].
        rounds: repetitions.
    """
    for _ in range(rounds):
        for j in range(np.uint64(words.size)):
            word = words[j]
            target[word & 0xFFFF] += word >> 16
    return target[0]


@cached_njit(nogil=True, fastmath={"contract"}, boundscheck=False)
def multiply_add(x, a, b, rounds):
    """Sixteen multiply-adds in a row on each of a few hundred numbers, over and over.

    Args:
        x: float[n].
        a, b: numbers.
        rounds: repetitions.
    """
    for _ in range(rounds):
        for i in range(x.size):
            v = x[i]
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            v = v * a + b
            x[i] = v
    return x[0]


@cached_njit(**OPTIONS)
def poisson_counts(counts, n, thresholds, rounds):
    """Poisson counts of four steps at a time, by 16 bits each.

    Args:
        counts: uint8[4 n].
        n: of each step, a multiple of 32.
        thresholds: uint16, the upper halves of those of the random words.
        rounds: repetitions.
    """
    undecided = np.uint32(0)
    for r in range(rounds):
        for i in range(0, n, AT_ONCE):
            for mask in poisson_block(counts, i, n, np.uint32(1), np.uint32(2), np.uint32(i // 2), np.uint32(r), np.uint32(0), thresholds):
                undecided |= mask
    return undecided


@njit(nogil=True)
def repeat(kernel, rounds, arguments):
    """Call a compiled kernel again and again."""
    for _ in range(rounds):
        kernel(*arguments)


def best(make: Callable[[], Callable[[], object]], threads: int, tries: int = 7) -> float:
    """Shortest wall time, s, of a job that every thread does on data of its own; the machine may be shared.

    Args:
        make: makes the job of one thread.
        threads: their number.
        tries: repetitions, of which the shortest counts.
    """
    jobs = [make() for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda job: job(), jobs))
        times = []
        for _ in range(tries):
            start = time.perf_counter()
            list(pool.map(lambda job: job(), jobs))
            times.append(time.perf_counter() - start)
    return min(times)


def job(kernel: Callable[..., object], *arguments: object) -> Callable[[], object]:
    """A call to be made later.

    Args:
        kernel: to be called.
        arguments: of the call.
    """
    return lambda: kernel(*arguments)


def multiply_add_rate(
    threads: int, dtype: type = np.float32, tries: int = 7, kernel: Callable[..., object] = multiply_add
) -> float:
    """The highest rate of multiply-adds, as FLOP/s (two for each), of all threads together; `kernel` is one compiled otherwise.

    Args:
        threads: their number.
        dtype: of the numbers.
        tries: repetitions, of which the shortest counts.
    """
    n, rounds, half = 512, 20_000, dtype(0.5)
    seconds = best(lambda: job(kernel, np.ones(n, dtype), half, half, rounds), threads, tries)
    return 2.0 * 16 * n * rounds * threads / seconds


def triad_rate(threads: int, n: int, rounds: int = 1, tries: int = 7) -> float:
    """Bytes/s of a triad over arrays of n float32 for each thread.

    Args:
        threads: their number.
        n: elements of an array.
        rounds: repetitions within a try.
        tries: repetitions, of which the shortest counts.
    """
    seconds = best(lambda: job(triad, *np.ones((3, n), np.float32), np.float32(3.0), rounds), threads, tries)
    return 12.0 * n * rounds * threads / seconds


def event_seconds(threads: int, n: int, slots: int, rounds: int = 1, tries: int = 7) -> float:
    """Seconds per packed synaptic event on one of `threads` threads, for n words each over so many targets.

    Args:
        n: words of each thread.
        slots: targets.
        rounds: repetitions within a try.
        tries: repetitions, of which the shortest counts.
    """
    words = np.random.default_rng(1).integers(0, slots, n).astype(np.int32) | np.int32(5 << 16)
    seconds = best(lambda: job(add_events, words.copy(), np.zeros(1 << 16, np.int32), rounds), threads, tries)
    return seconds / (n * rounds)


def poisson_seconds(threads: int, n: int = 20_480, tries: int = 7) -> float:
    """Seconds per Poisson count on one of `threads` threads.

    Args:
        n: counts of each thread in a step, a multiple of 32.
        tries: repetitions, of which the shortest counts.
    """
    thresholds = np.array([2**16 * q for q in (0.5, 0.8, 0.95, 0.99)], np.uint16)
    rounds = 10
    seconds = best(lambda: job(poisson_counts, np.zeros(STEPS * n, np.uint8), n, thresholds, rounds), threads, tries)
    return seconds / (STEPS * n * rounds)
