"""Spikes within a step: find them, exchange them between owners, log them.

The exchange is the one place where owners meet: each publishes the neurons that fired, all wait, all read. Ranks on
other machines would replace `SpikeExchange` and `meet`, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.threads import new_barrier, spin_barrier
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result


@dataclass
class SpikeExchange:
    """What the owners publish. Two buffers alternate, so one meeting per step is enough.

    Attributes:
        neurons: int32[2, threads, largest share], global indices of the neurons that fired.
        count: int64[2, threads * 8], how many (a cache line per thread).
        alarm: int64[threads * 8], 1 + the step in which a thread met a runaway state.
        barrier: state of the barrier.
    """

    neurons: np.ndarray
    count: np.ndarray
    alarm: np.ndarray
    barrier: np.ndarray

    @classmethod
    def of(cls, threads: int, largest_share: int) -> SpikeExchange:
        """An exchange without spikes."""
        return cls(
            np.zeros((2, threads, max(largest_share, 1)), np.int32),
            np.zeros((2, threads * 8), np.int64),
            np.zeros(threads * 8, np.int64),
            new_barrier(),
        )


@dataclass
class SpikeLog:
    """What one thread keeps: its own spikes since the last flush, and how many there were in all in recent steps.

    Attributes:
        step: int64[capacity]; neuron: int32[capacity].
        counters: int64[8], by `LOGGED` (own spikes in the log), `SINCE_FLUSH` (all spikes since), `IN_RING` (all spikes within the
            ring) and `EVENTS` (synaptic events).
        recent: int64[ring], all spikes of each recent step.
    """

    step: np.ndarray
    neuron: np.ndarray
    counters: np.ndarray
    recent: np.ndarray

    @classmethod
    def of(cls, capacity: int, ring: int) -> SpikeLog:
        """An empty log."""
        return cls(np.zeros(capacity, np.int64), np.zeros(capacity, np.int32), np.zeros(8, np.int64), np.zeros(ring, np.int64))


LOGGED, SINCE_FLUSH, IN_RING, EVENTS = 0, 1, 2, 3
"""Entries of a log's counters."""


@njit(**KERNEL_FLAGS)
def collect(out, n, fired, neurons):
    """Append to out[n:] the global indices of the slots whose `fired` byte is set; returns the new n."""
    words = fired.view(np.uint64)
    for line in range(words.size // 8):
        found = np.uint64(0)
        for j in range(8 * line, 8 * line + 8):
            found |= words[j]
        if found:
            for i in range(64 * line, 64 * line + 64):
                if fired[i]:
                    out[n] = neurons[i]
                    n += 1
    return n


def collecting(name: str, own: Callable[[int], tuple[Any, ...]], fired: Buffer) -> Operation:
    """The operation that publishes who of some neurons fired.

    Args:
        name: of the neurons, for people.
        own: from an owner to (fired uint8[slots], neurons int32[slots]); fired: the buffer of the first.
    """
    given = (Given.FIRED, Given.FIRED_COUNT)
    return Operation(f"{name}: who fired", Phase.NEURONS, Kernel.of(collect), own, given, Result.FIRED_COUNT, reads=(fired,))


@njit(nogil=True)
def account(step, threads, count, counters, recent, room, logged):
    """Count everyone's spikes of `step`; False, with nothing done, where a store (`room`) or the log is too small.

    All it looks at is the same for all threads, so all decide alike.
    """
    total = 0
    for t in range(threads):
        total += count[step & 1, 8 * t]
    here = step & (recent.size - 1)
    in_ring = counters[IN_RING] - recent[here] + total
    if in_ring > room or counters[SINCE_FLUSH] + total > logged:
        return False
    recent[here] = total
    counters[IN_RING] = in_ring
    counters[SINCE_FLUSH] += total
    return True


@njit(nogil=True)
def log_spikes(step, thread, published, count, log_step, log_neuron, counters):
    """Keep this thread's own spikes of `step`, stamped with its end."""
    side = step & 1
    first, n = counters[LOGGED], count[side, 8 * thread]
    for q in range(n):
        log_step[first + q] = step + 1
        log_neuron[first + q] = published[side, thread, q]
    counters[LOGGED] = first + n


@njit(nogil=True)
def meet(barrier, thread, threads):
    """Wait until every owner has published; False when one of them failed."""
    return threads == 1 or spin_barrier(barrier, thread, threads)
