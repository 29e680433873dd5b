"""Threads of a measured process, held equal for all programs."""

from __future__ import annotations

import os


def hold(threads: int) -> None:
    """Let this process use so many processors and every library as many threads; before numerical libraries are imported.

    Args:
        threads: how many.
    """
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
