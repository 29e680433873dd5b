"""Atomics and the barrier, from threads that hold no GIL; also with more threads than cores."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from numba import njit

from neuropil.codegen import numerics as nx


@njit(nogil=True)
def _meet(state, thread, n, rounds, box, wrong):
    """Each round: write one's own entry, meet, check everyone's entry, meet again."""
    for t in range(1, rounds + 1):
        box[thread * 8] = t
        if not nx.spin_barrier(state, thread, n):
            return
        for other in range(n):
            if box[other * 8] != t:
                wrong[thread] += 1
        if not nx.spin_barrier(state, thread, n):
            return
    wrong[thread] += 1000 * (box[thread * 8] != rounds)
    box[thread * 8 + 1] = 1


def _in_threads(target, n, *args):
    threads = [threading.Thread(target=target, args=(i, *args), daemon=True) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "a thread still waits at the barrier"


@pytest.mark.parametrize("n", [1, 2, 4])
def test_barrier_keeps_threads_in_step(n):
    """Also with more threads than cores: then the barrier must give its core away."""
    state, box, wrong = nx.new_barrier(), np.zeros(8 * n, np.int64), np.zeros(n, np.int64)
    _in_threads(lambda i: _meet(state, i, n, 500, box, wrong), n)
    assert wrong.tolist() == [0] * n and box[1::8].tolist() == [1] * n


def test_aborting_a_barrier_frees_those_who_wait():
    state, box, wrong = nx.new_barrier(), np.zeros(24, np.int64), np.zeros(3, np.int64)

    def work(i):
        if i == 2:
            time.sleep(0.05)
            nx.abort_barrier(state)
        else:
            _meet(state, i, 3, 5, box, wrong)

    _in_threads(work, 3)
    assert box[1::8].tolist() == [0, 0, 0]


def test_atomic_add_loses_nothing():
    @njit(nogil=True)
    def count(array, index, n):
        last = -1
        for _ in range(n):
            last = nx.atomic_add(array, index, 1)
        return last

    array = np.zeros(3, np.int64)
    assert count(array, 2, 5) == 4
    _in_threads(lambda i: count(array, 1, 100_000), 4)
    assert array.tolist() == [0, 400_000, 5]


def test_atomic_load_store_and_prefetch():
    @njit
    def kernel(array):
        nx.prefetch(array, 10**6)  # harmless, however far outside
        nx.atomic_store(array, 1, 7)
        nx.cpu_relax()
        nx.yield_thread()
        return nx.atomic_load(array, 1)

    assert kernel(np.zeros(2, np.int64)) == 7
