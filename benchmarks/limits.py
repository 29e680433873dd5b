"""What this machine can do at most: memory bandwidth, additions at random positions, multiply-adds.

    python benchmarks/limits.py            # prints one JSON object

The kernels are those of `neuropil.cost.kernels`; the best of several tries counts, since the machine may be shared.
"""

from __future__ import annotations

import json

import numpy as np

from neuropil.cost.kernels import best, event_seconds, job, multiply_add_rate, total, triad_rate


def limits(threads: int = 2, slots: int = 38_600) -> dict[str, float]:
    """The figures, for all threads together; `slots` is how many neurons a thread owns.

    Returns:
        read_gb_s, triad_gb_s: from main memory; resident_gb_s: triad over arrays as large as a thread's neurons' state;
        add_ns: one event on one thread, its word and its target in the cache; add_stream_ns: words from main memory;
        gflops: single-precision multiply-adds, counted as two operations.
    """
    n = 64_000_000
    seconds = best(lambda: job(total, np.ones(n, np.uint32)), threads)
    return {
        "read_gb_s": 4e-9 * n * threads / seconds,
        "triad_gb_s": 1e-9 * triad_rate(threads, 16_000_000),
        "resident_gb_s": 1e-9 * triad_rate(threads, 2 * slots, 500),
        "add_ns": 1e9 * event_seconds(threads, 1 << 15, slots, 400),
        "add_stream_ns": 1e9 * event_seconds(threads, 1 << 25, slots),
        "gflops": 1e-9 * multiply_add_rate(threads),
    }


if __name__ == "__main__":
    print(json.dumps(limits()))
