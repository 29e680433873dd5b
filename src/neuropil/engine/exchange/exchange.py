"""Everything that crosses owners: the spikes of some steps, published together; potentials at gap junctions; alarms; the meeting itself.

An owner is a thread, or a process that shares this memory. During a run it reads and writes what it owns, what never changes, and the
arrays of its network's `Exchange`, and nothing else. No spike acts before the smallest delay of the network has passed, so owners run as many
steps as that without waiting for each other. Then each has published the spikes of those steps, all meet, and each files
the spikes of all owners: step by step, in a step owner by owner, as if they had met after every step. They meet at the end of a run
as well, so a run may have any number of steps. What is published has two sides that alternate: while slower owners still read the one,
faster ones write the other, so one meeting is enough.

Owners on other machines would replace `Exchange.shared` and `meet` by messages of the same contents; nothing else in the engine knows how many
owners there are elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.threads import BARRIER_SIZE, abort_barrier, spin_barrier
from neuropil.connectivity.samplers import delay_range
from neuropil.engine.aligned import aligned_zeros
from neuropil.plan.graded import delays
from neuropil.plan.plan import Plan

Allocator: TypeAlias = Callable[[str, Any, tuple[int, ...]], np.ndarray]
"""From (name, type, shape) to an array of zeros that all owners see, starting on a cache line."""

LONGEST = 32
"""Most steps between two meetings: by then the cost of a meeting is hidden, and there must be room for whatever can fire in between."""

WORDS = 8
"""int64 in a cache line: what owners write side by side lies so far apart."""


def within_process(name: str, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Memory for owners that are threads of one process; pages that nothing is written to take none.

    Args:
        name: not used.
        dtype: of an element.
        shape: of the array.
    """
    return aligned_zeros(shape, dtype)


def steps_between_meetings(plan: Plan) -> int:
    """The smallest delay of any synapse, in steps, up to `LONGEST`; 1 where potentials are published; of graded weights, whose delay may be
    0, a step more than their delay."""
    if plan.network.couplings:
        return 1
    graded = (delays(p, plan.dt)[0] + 1 for p in plan.network.graded)
    return min([LONGEST, *(delay_range(p, plan.dt)[0] for p in plan.network.projections), *graded])


class Exchange:
    """What the owners of a network publish.

    Args:
        plan: the network; owners: how many share it; allocate: gives memory that all of them see.

    Attributes:
        interval: steps between two meetings, at most.
        spikes: int32[2, owners, interval * neurons of an owner], global indices of the neurons that fired, in the order of steps.
        bounds: int64[2, interval, owners, WORDS], for each of the steps, by its remainder by the interval, where its spikes begin and end.
        alarm: int64[owners * WORDS], 1 + the step in which an owner's state diverged.
        barrier: state of the meeting.
        arrays: (spikes, bounds, alarm, barrier): what the loop over steps is given.
    """

    def __init__(self, plan: Plan, owners: int, allocate: Allocator = within_process):
        self.owners, self.interval, self._allocate = owners, steps_between_meetings(plan), allocate
        self._shared: dict[str, np.ndarray] = {}
        most = sum(-(-p.size // owners) for p in plan.network.populations.values())
        self.spikes = self.shared("spikes", np.int32, (2, owners, max(self.interval * most, 1)))
        self.bounds = self.shared("bounds", np.int64, (2, self.interval, owners, WORDS))
        self.alarm = self.shared("alarms", np.int64, (owners * WORDS,))
        self.barrier = self.shared("barrier", np.int64, (BARRIER_SIZE,))
        self.arrays = self.spikes, self.bounds, self.alarm, self.barrier

    def shared(self, name: str, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
        """An array of zeros that all owners see; of one name there is one.

        Args:
            name: by which the owners agree about it.
            dtype: element type.
            shape: equal for all owners.
        """
        if name not in self._shared:
            self._shared[name] = self._allocate(name, dtype, shape)
        return self._shared[name]

    def published(self, side: int, first: int, steps: int) -> int:
        """How many neurons, of all owners, fired in the steps first, first + 1, … of a side.

        Args:
            side: 0 or 1.
            first: step.
            steps: their number.
        """
        found = self.bounds[side, np.arange(first, first + steps) % self.interval]
        return int((found[..., 1] - found[..., 0]).sum())

    def first_alarm(self, after: int) -> int:
        """1 + the first step, from `after` on, in which a state of any owner diverged; 0 if none did."""
        return int(min((a for a in self.alarm[::WORDS].tolist() if a > after), default=0))

    def clear(self) -> None:
        """No neuron has just spiked, and no state has diverged."""
        self.bounds[:] = 0
        self.alarm[:] = 0

    def abort(self) -> None:
        """End all waiting: an owner has failed."""
        abort_barrier(self.barrier)


@cached_njit(nogil=True)
def alarmed(alarm, begun, end):  # type: ignore[no-untyped-def]
    """Whether a state of any owner diverged in a step from `begun` to before `end`.

    A faster owner may have met an alarm in later steps already: that one counts at the next meeting, or owners would disagree about this one.
    """
    found = False
    for t in range(0, alarm.size, WORDS):
        found |= begun < alarm[t] <= end
    return found


@inner_njit(nogil=True)
def fired_in(bounds):  # type: ignore[no-untyped-def]
    """How many neurons, of all owners, fired in a step: bounds int64[owners, WORDS]."""
    total = 0
    for t in range(bounds.shape[0]):
        total += bounds[t, 1] - bounds[t, 0]
    return total


@cached_njit(nogil=True)
def meet(barrier, owner, owners):  # type: ignore[no-untyped-def]
    """Wait until every owner has published; False when one of them failed."""
    return owners == 1 or spin_barrier(barrier, owner, owners)
