"""Spikes of an owner's neurons within a step: find them, count them, log them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.codegen.vectors import LINE, lowest_bit, set_bytes
from neuropil.connectivity.samplers import delay_steps
from neuropil.engine.exchange.exchange import fired_in
from neuropil.engine.ring import ring_length
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result
from neuropil.plan.plan import Plan


@dataclass
class SpikeLog:
    """What one owner keeps: its own spikes since the last flush, and how many there were in all in recent steps.

    Attributes:
        step: int64[capacity]; neuron: int32[capacity].
        counters: int64[8], by `LOGGED` (own spikes in the log), `SINCE_FLUSH` (all spikes since), `IN_RING` (all spikes within the
            ring), `EVENTS` (synaptic events) and `MEETINGS` (of all owners, so far).
        recent: int64[ring], all spikes of each recent step.
        counts: int64[neurons], all own spikes of each neuron; owners that are threads of one process share it.
        arrays: (step, neuron, counters, recent, counts): what the loop over steps is given.
    """

    step: np.ndarray
    neuron: np.ndarray
    counters: np.ndarray
    recent: np.ndarray
    counts: np.ndarray

    def __post_init__(self) -> None:
        self.arrays = self.step, self.neuron, self.counters, self.recent, self.counts

    @classmethod
    def of(cls, capacity: int, ring: int, counts: np.ndarray) -> SpikeLog:
        """An empty log for `capacity` spikes and a `ring` of so many steps, which counts in `counts`."""
        return cls(np.zeros(capacity, np.int64), np.zeros(capacity, np.int32), np.zeros(8, np.int64), np.zeros(ring, np.int64), counts)

    def enlarge(self, capacity: int) -> None:
        """Make room for `capacity` spikes in a log that was flushed."""
        self.step, self.neuron = np.zeros(capacity, np.int64), np.zeros(capacity, np.int32)
        self.__post_init__()

    @property
    def side(self) -> int:
        """Where the spikes lie that were published last."""
        return int(self.counters[MEETINGS] - 1) & 1


LOGGED, SINCE_FLUSH, IN_RING, EVENTS, MEETINGS = 0, 1, 2, 3, 4
"""Entries of a log's counters."""


def exchanged(plan: Plan) -> list[Buffer]:
    """What a `plan` holds for spikes: the published ones, the log, how many there were in each recent step."""
    longest = max((int(delay_steps(p, plan.dt)[-1]) for p in plan.network.projections), default=1)
    recent = Buffer("spikes of recent steps", np.int64, ring_length(longest), Owner.EACH, purpose="spikes in flight")
    return [Buffer("spikes published and logged", np.uint8, (8 + 12) * 2.0 * plan.network.size, purpose="spikes"), recent]


@cached_njit(**KERNEL_FLAGS)
def collect(out, n, fired, neurons):
    """Append to out[n:] the global indices of the slots, a multiple of `LINE`, whose `fired` byte is set; returns the new n."""
    for first in range(np.uint64(0), np.uint64(fired.size), np.uint64(LINE)):
        found = set_bytes(fired, first)
        while found:
            out[n] = neurons[first + lowest_bit(found)]
            n += 1
            found &= found - np.uint64(1)
    return n


def collecting(name: str, own: Callable[[int], tuple[Any, ...]], fired: Buffer) -> Operation:
    """The operation that publishes who of some neurons fired.

    Args:
        name: of the neurons, for people.
        own: from an owner to (fired uint8[slots], neurons int32[slots]); fired: the buffer of the first.
    """
    given = (Given.FIRED, Given.FIRED_COUNT)
    return Operation(f"{name}: who fired", Phase.NEURONS, Kernel.of(collect), own, given, Result.FIRED_COUNT, reads=(fired,))


@cached_njit(nogil=True)
def account(step, bounds, counters, recent, room, logged):
    """Count everyone's spikes of `step`; False, with nothing done, where a store (`room`) or the log is too small.

    All it looks at is the same for all owners, so all decide alike.
    """
    total = fired_in(bounds)
    here = step & (recent.size - 1)
    in_ring = counters[IN_RING] - recent[here] + total
    if in_ring > room or counters[SINCE_FLUSH] + total > logged:
        return False
    recent[here] = total
    counters[IN_RING] = in_ring
    counters[SINCE_FLUSH] += total
    return True


@cached_njit(nogil=True)
def log_spikes(step, owner, published, bounds, log_step, log_neuron, counters, counts):
    """Keep and count this owner's own spikes of `step`, stamped with its end."""
    first, begin, end = counters[LOGGED], bounds[owner, 0], bounds[owner, 1]
    for q in range(begin, end):
        log_step[first + q - begin] = step + 1
        log_neuron[first + q - begin] = published[owner, q]
        counts[published[owner, q]] += 1
    counters[LOGGED] = first + end - begin
