"""A batch of samples through a machine: values forward, cotangents backward, samples spread over threads.

Samples belong to groups, which do not depend on the number of threads. Cotangents are summed over the samples of a group in their order, and over the groups in theirs: so the
number of threads changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from neuropil.engine.aligned import aligned_zeros
from neuropil.learn.native.arithmetic import can_be_standard, standard
from neuropil.learn.native.loop import Given
from neuropil.learn.native.machine import END, Machine
from neuropil.learn.native.tapes import STORE
from neuropil.learn.native.workspace import Workspace
from neuropil.plan.gradient_signature import Role

GROUPS, SHARED = 8, 4
"""At most so many groups, so that as many threads share a batch; and samples in each, where there are enough, so that it is little to sum the groups."""

Arrays = dict[Any, np.ndarray]


@dataclass
class Batch:
    """What a batch is given and fills.

    Attributes:
        every: arrays of all samples, by the keys of a machine's slots: constants and weights.
        each: arrays that begin with the samples (one, if they are the same for all).
        first: the network's step at the start.
        steps, samples: how many.
    """

    every: Arrays
    each: Arrays
    first: int
    steps: int
    samples: int


@dataclass(frozen=True)
class Executor:
    """Runs batches.

    Attributes:
        machine: the kernels.
        threads: how many threads run samples.
        memory: bytes that tapes may have: those of all samples, or else of those under way.
    """

    machine: Machine
    threads: int
    memory: float

    def forward(self, batch: Batch, keep: bool) -> int:
        """Values of every sample, put into the arrays of the batch.

        Args:
            batch: what is given, and arrays to be filled.
            keep: whether tapes are kept.

        Returns:
            The number of the tapes; 0: there are none.
        """
        tapes = STORE.take(shapes := self.machine.tapes(batch.samples, batch.steps)) if keep else None
        if tapes is not None:
            batch.each |= {(END, *key): a for key, a in batch.each.items() if key[1] is Role.CODE} | tapes.arrays(shapes)
        for part in self.machine.parts:
            if part.coded and not part.given:
                batch.each[part.key(Role.CODE)][..., part.size :] = 0
        with self.machine.lock:
            self._spread(batch, {}, ("forward", keep), lambda space: self.machine.forward(space, keep))
        if tapes is None:
            return 0
        STORE.put(tapes)
        return tapes.number

    def backward(self, batch: Batch, spikes: frozenset[str], wanted: Arrays, number: int) -> None:
        """Cotangents of every sample, put into the arrays of the batch, and their sums.

        Args:
            batch: what was given, and cotangents.
            spikes: populations with cotangents of their spikes.
            wanted: key -> where the sum over all samples is put.
            number: of the tapes.
        """
        tapes = STORE.claim(number) if number else None
        kept = tapes is not None
        if tapes is not None:
            batch.each |= tapes.arrays(self.machine.tapes(batch.samples, batch.steps))
        with self.machine.lock:
            sums = {key: self._sums(key, len(_groups(batch.samples)), a) for key, a in wanted.items()}
            self._spread(batch, sums, ("backward", spikes, kept), lambda space: self.machine.backward(space, spikes, kept))
            for key, a in wanted.items():
                np.copyto(a, sums[key][0])
                for more in sums[key][1:]:
                    a += more
        if tapes is not None:
            STORE.put(tapes)

    def _sums(self, key: Any, groups: int, like: np.ndarray) -> np.ndarray:
        """Partial sums, [groups, ...], which are kept from batch to batch."""
        shape, kept = (groups, *like.shape), self.machine.sums
        if key not in kept or kept[key].shape != shape:
            kept[key] = aligned_zeros(shape, like.dtype)
        return kept[key]

    def _spread(self, batch: Batch, sums: Arrays, what: Any, stretches: Callable[[Workspace], Any]) -> None:
        """Run all groups, in this thread with the standard mode of arithmetic, which other threads have, and in others; where that mode cannot be set, in others alone."""
        groups, given = _groups(batch.samples), Given(batch.every, batch.each, sums)
        waiting: SimpleQueue[int] = SimpleQueue()
        for g in range(len(groups)):
            waiting.put(g)
        threads = min(self.threads, len(groups))
        rows = self.machine.rows(batch.steps, self.memory / self.threads)
        programs = []
        for n in range(threads):
            space = self._space(n, batch.steps, rows)
            space.origin[0] = batch.first
            programs.append(space.program(what, lambda space=space: stretches(space), given))

        def run(program: Any) -> None:
            while True:
                try:
                    g = waiting.get_nowait()
                except Empty:
                    return
                for a in sums.values():
                    a[g] = 0
                program.run(groups[g].start, groups[g].stop, g)

        here = can_be_standard()
        others = programs[1:] if here else programs
        waited = [_pool(self.threads).submit(run, program) for program in others]
        try:
            if here:
                with standard():
                    run(programs[0])
        finally:
            wait(waited)  # whatever happens: their arrays are XLA's, which takes them back after this call
        for other in waited:
            other.result()

    def _space(self, thread: int, steps: int, rows: int) -> Workspace:
        """The arrays of a thread; those for other numbers of steps are given up."""
        spaces = self.machine.spaces
        if thread not in spaces or (spaces[thread].steps, spaces[thread].rows) != (steps, rows):
            spaces[thread] = Workspace(self.machine.parts, self.machine.emissions, self.machine.flows, self.machine.mapped, self.machine.window, steps, rows)
        return spaces[thread]


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "neuropil-gradient")


def _groups(count: int) -> list[range]:
    """Samples in groups."""
    groups = min(count, GROUPS, max(2, count // SHARED))
    bounds = [count * g // groups for g in range(groups + 1)]
    return [range(a, b) for a, b in pairwise(bounds)]
