"""What this machine can do at most: memory bandwidth, additions at random places, multiply-adds.

    python benchmarks/limits.py            # prints one JSON object

Each kernel does one thing as plainly as possible; the best of several tries counts, since the machine may be shared.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

OPTIONS = {"nogil": True, "fastmath": True, "boundscheck": False, "cache": True}
TRIES = 7


@njit(**OPTIONS)
def total(values):
    """Read an array once."""
    found = np.uint32(0)
    for i in range(values.size):
        found += values[i]
    return found


@njit(**OPTIONS)
def triad(a, b, c, rounds):
    """a = b + 3 c: two reads and a write per element."""
    for _ in range(rounds):
        for i in range(a.size):
            a[i] = b[i] + np.float32(3.0) * c[i]
    return a[0]


@njit(**OPTIONS)
def add_events(words, target, rounds):
    """What delivery does to a word: add its upper half at the place its lower half names."""
    for _ in range(rounds):
        for j in range(np.uint64(words.size)):
            word = words[j]
            target[word & 0xFFFF] += word >> 16
    return target[0]


@njit(nogil=True, fastmath={"contract"}, boundscheck=False, cache=True)
def multiply_add(x, a, b, rounds):
    """Sixteen multiply-adds in a row on each of a few hundred numbers, over and over."""
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


def best(make: Callable[[], Callable[[], object]], threads: int) -> float:
    """Shortest wall time of a job that every thread does on data of its own."""
    jobs = [make() for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda job: job(), jobs))
        times = []
        for _ in range(TRIES):
            start = time.perf_counter()
            list(pool.map(lambda job: job(), jobs))
            times.append(time.perf_counter() - start)
    return min(times)


def limits(threads: int = 2, slots: int = 38_600) -> dict[str, float]:
    """The figures, for all threads together; `slots` is how many neurons a thread owns.

    Returns:
        read_gb_s, triad_gb_s: from main memory; resident_gb_s: triad over arrays as large as a thread's neurons' state;
        add_ns: one event on one thread, its word and its target in the cache; add_stream_ns: words from main memory;
        gflops: single-precision multiply-adds, counted as two operations.
    """
    rng = np.random.default_rng(1)
    found = {}
    n = 64_000_000
    seconds = best(lambda: _job(total, np.ones(n, np.uint32)), threads)
    found["read_gb_s"] = 4e-9 * n * threads / seconds
    n = 16_000_000
    seconds = best(lambda: _job(triad, *np.ones((3, n), np.float32), 1), threads)
    found["triad_gb_s"] = 12e-9 * n * threads / seconds
    n, rounds = 2 * slots, 500
    seconds = best(lambda: _job(triad, *np.ones((3, n), np.float32), rounds), threads)
    found["resident_gb_s"] = 12e-9 * n * rounds * threads / seconds
    for name, n, rounds in (("add_ns", 1 << 15, 400), ("add_stream_ns", 1 << 25, 1)):
        words = rng.integers(0, slots, n).astype(np.int32) | np.int32(5 << 16)
        seconds = best(lambda w=words, r=rounds: _job(add_events, w.copy(), np.zeros(1 << 16, np.int32), r), threads)
        found[name] = 1e9 * seconds / (n * rounds)
    n, rounds, half = 512, 20_000, np.float32(0.5)
    seconds = best(lambda: _job(multiply_add, np.ones(n, np.float32), half, half, rounds), threads)
    found["gflops"] = 2e-9 * 16 * n * rounds * threads / seconds
    return found


def _job(kernel: Callable[..., object], *arguments: object) -> Callable[[], object]:
    return lambda: kernel(*arguments)


if __name__ == "__main__":
    print(json.dumps(limits()))
