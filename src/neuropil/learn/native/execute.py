"""A batch of samples through a machine: values forward, cotangents backward, samples spread over threads.

Samples belong to a fixed number of groups, whose cotangents are summed in the order of samples, and the sums in the order of groups: so the number
of threads changes no bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from neuropil.learn.native.loop import Loop
from neuropil.learn.native.machine import Arrays, Machine
from neuropil.plan.gradient_signature import Role

GROUPS = 8
"""Partial sums of a batch: as many threads can share it."""

Tree = dict[str, Any]


@dataclass
class Batch:
    """What a batch is given, and what comes back; arrays begin with the samples (one, if they are the same for all).

    Attributes:
        start: part and `Role.STATE`, `Role.RING` or `Role.LEFT` -> [samples, ...] at the start.
        given: part and argument of a kernel -> [samples, steps, n].
        fixed: of all samples: constants and weights.
        first: number of the first step.
        steps, samples: how many.
    """

    start: Arrays
    given: Arrays
    fixed: Arrays
    first: int
    steps: int
    samples: int


@dataclass(frozen=True)
class Executor:
    """Runs batches.

    Attributes:
        machine: the linked kernels.
        threads: how many threads run samples.
        memory: bytes that the tapes of the samples under way may have.
    """

    machine: Machine
    threads: int
    memory: float

    def forward(self, batch: Batch, tapes: Arrays | None, ends: Arrays, left: Arrays) -> None:
        """Values of every sample.

        Args:
            batch: what is given.
            tapes: to be filled, [samples, steps, width]; None: nothing is kept.
            ends: states at the end, by the keys of `Batch.start`, to be filled.
            left: codes and recorded states [samples, steps, n], to be filled.
        """
        machine, count, steps = self.machine, batch.samples, batch.steps

        def run(own: range) -> None:
            with machine.workspace(steps) as space:
                for b in own:
                    _begin(batch, b, space.arrays)
                    arrays = {**space.arrays, **_sample(batch, b), **{key: a[b] for key, a in left.items()}}
                    tape = space.tape(machine, 1) if tapes is None else {key: a[b] for key, a in tapes.items()}
                    machine.linked(space, "forward", machine.forward(arrays, tape)).run(0, steps, None if tapes is None else 0)
                    _end(batch, b, space.arrays, ends)

        self._spread(count, run)

    def backward(self, batch: Batch, tapes: Arrays | None, codes: Arrays, end_bars: Arrays, record_bars: Arrays, spike_bars: Mapping[str, np.ndarray], wanted: Arrays) -> tuple[Arrays, Arrays, Arrays]:
        """Cotangents of everything that is wanted.

        Args:
            batch: what was given.
            tapes: what was kept, or None; codes: those of the way forward.
            end_bars: of the states at the end, by the keys of `Batch.start`.
            record_bars, spike_bars: of recorded states and of spikes, [samples, steps, n].
            wanted: key -> an array of the shape of a sum over samples: parameters and weights.

        Returns:
            Of the states at the start; sums over samples by the keys of `wanted`; of given events and currents [samples, steps, n].
        """
        machine, count, steps = self.machine, batch.samples, batch.steps
        start_bars = {key: np.empty((count, *a.shape[1:]), a.dtype) for key, a in batch.start.items() if key[1] is not Role.LEFT}
        given_bars = {
            (p.name, role, n): np.zeros((count, steps, p.size), p.step.precision)
            for p in machine.parts for role, names in ((Role.EVENTS_BAR, p.step.program.use.event_bars), (Role.CURRENT_BAR, p.step.program.use.current_bars)) for n in names
        }  # fmt: skip
        groups = _groups(count)
        sums = [{key: np.zeros_like(a) for key, a in wanted.items()} for _ in groups]

        def run(own: range) -> None:
            mine, rows = sums[groups.index(own)], self._rows(steps)
            whole = given_bars | record_bars | codes
            what = f"backward {'again' if tapes is None else 'kept'} {sorted(spike_bars)}"
            with machine.workspace(steps) as space:
                for b in own:
                    _begin_bars(batch, b, space.arrays, end_bars)
                    arrays = {**space.arrays, **_sample(batch, b), **mine, **{key: a[b] for key, a in whole.items()}}
                    tape = space.tape(machine, rows) if tapes is None else {key: a[b] for key, a in tapes.items()}
                    there = machine.linked(space, what, machine.backward(arrays, tape, {n: a[b] for n, a in spike_bars.items()}))
                    if tapes is not None:
                        there.run(steps - 1, -1, 0)
                    else:
                        _begin(batch, b, space.arrays)
                        again = machine.linked(space, "again", machine.forward({**arrays, **space.again}, tape))
                        for first, end, saved in self._segments(again, space.arrays, steps, rows):
                            _restore(space.arrays, saved)
                            again.run(first, end, first)
                            there.run(end - 1, first - 1, first)
                    _end_bars(batch, b, space.arrays, start_bars)

        self._spread(count, run)
        totals = sums[0]
        for more in sums[1:]:
            for key, a in more.items():
                totals[key] += a
        return start_bars, totals, given_bars

    def _rows(self, steps: int) -> int:
        """Rows of the tape of a sample that is computed again, of all steps or as the memory allows."""
        return min(steps, max(1, int(self.memory / self.threads / max(self.machine.tape_bytes, 1))))

    def _segments(self, again: Loop, arrays: Arrays, steps: int, rows: int) -> Any:
        """Segments of steps, the last one first, with the states at the start of each."""
        firsts, saved = list(range(0, steps, rows)), []
        for first in firsts:
            saved.append(_save(arrays))
            if first + rows < steps:
                again.run(first, first + rows, None)
        for first, state in zip(reversed(firsts), reversed(saved), strict=True):
            yield first, min(first + rows, steps), state

    def _spread(self, count: int, run: Callable[[range], None]) -> None:
        """Run all groups, always in threads of their own: the mode of their arithmetic is then the same."""
        for _ in _pool(self.threads).map(run, _groups(count)):
            pass


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "neuropil-gradient")


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _groups(count: int) -> list[range]:
    """Samples in a fixed number of groups."""
    bounds = [count * g // min(GROUPS, count) for g in range(min(GROUPS, count) + 1)]
    return [range(a, b) for a, b in pairwise(bounds)]


def _sample(batch: Batch, b: int) -> Arrays:
    """The arrays of sample b."""
    return {**batch.fixed, **{key: a[b % len(a)] for key, a in batch.given.items()}}


def _turned(ring: np.ndarray, steps: int) -> np.ndarray:
    """A ring whose rows are counted from another step."""
    return ring if steps % len(ring) == 0 else np.roll(ring, steps, 0)


_MOVING = (Role.STATE, Role.RING, Role.LEFT)


def _begin(batch: Batch, b: int, arrays: Arrays) -> None:
    for key, a in batch.start.items():
        arrays[key][...] = _turned(a[b % len(a)], -batch.first) if key[1] is Role.RING else a[b % len(a)]


def _end(batch: Batch, b: int, arrays: Arrays, ends: Arrays) -> None:
    for key, a in ends.items():
        a[b] = _turned(arrays[key], batch.first) if key[1] is Role.RING else arrays[key]


_BAR = {Role.STATE: Role.STATE_BAR, Role.RING: Role.RING_BAR}


def _begin_bars(batch: Batch, b: int, arrays: Arrays, end_bars: Arrays) -> None:
    """Cotangents at the end; a ring's row of step j holds what arrives in step j, also after the end."""
    for key, bar in end_bars.items():
        mine = arrays[key[0], _BAR[key[1]], key[2]]
        if key[1] is Role.STATE:
            mine[...] = bar[b]
            continue
        ring, rows, later = _turned(bar[b], -batch.first), len(bar[b]), np.arange(batch.steps, batch.steps + len(bar[b]))
        mine[...] = 0
        mine[later % (rows + 1)] = ring[later % rows]


def _end_bars(batch: Batch, b: int, arrays: Arrays, start_bars: Arrays) -> None:
    for key, bar in start_bars.items():
        mine = arrays[key[0], _BAR[key[1]], key[2]]
        bar[b] = _turned(mine[:-1], batch.first) if key[1] is Role.RING else mine


def _save(arrays: Arrays) -> Arrays:
    return {key: a.copy() for key, a in arrays.items() if key[1] in _MOVING}


def _restore(arrays: Arrays, saved: Arrays) -> None:
    for key, a in saved.items():
        arrays[key][...] = a
