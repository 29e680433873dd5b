"""What probes record of and into: the arrays of a network, the buffers of samples, and the operations that fill them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.engine.cells.compose import Owned
from neuropil.engine.effects.level import Level
from neuropil.engine.effects.modulated_probe import ModulatedProbe
from neuropil.engine.layout import Layout
from neuropil.engine.sampling import next_row
from neuropil.model.contents.contents import Population, Probe
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Given, Kernel, Operation, Phase
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument

NEVER_AGAIN = 1 << 40
"""Steps between samples of what is sampled once."""


@dataclass
class ProbeBuffer:
    """What a thread records for a probe until the next flush.

    Attributes:
        columns: which of the probe's columns this thread owns.
        values: [rows, own columns].
        filled: int64[1], rows written.
    """

    columns: np.ndarray
    values: np.ndarray
    filled: np.ndarray

    def gather(self, others: Sequence[ProbeBuffer], whole: np.ndarray) -> None:
        """Put the columns of all threads together.

        Args:
            others: the buffers of all threads, of which this is the first.
            whole: [rows, columns], filled.
        """
        for buffer in others:
            whole[:, buffer.columns] = buffer.values[: len(whole)]


@dataclass(frozen=True)
class Work:
    """A call of a kernel within a sample.

    Attributes:
        kernel: is given the step, the step of the first sample and the steps between samples, then the arguments of a thread.
        arguments: of each thread.
        states: buffers that it reads as they are at the time of the sample.
        inputs: what it reads of the step that ends there; brought: likewise, of what is emptied within the step.
    """

    kernel: Kernel
    arguments: list[tuple[Any, ...]]
    states: tuple[Buffer, ...] = ()
    inputs: tuple[Buffer, ...] = ()
    brought: tuple[Buffer, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """What probes may record of.

    Attributes:
        plan, layout: the network's.
        arrays: [thread][batch], by argument; numbers: by batch, what its kernel reads for each segment.
        cells: populations with morphology, by name; compartments: the buffers of their states.
        rows: samples that a buffer holds.
        levels: of modulators, by name; modulated: what they change of what probes compute.
        renewed: what to do when parameters have changed, given the plan as it is then.
    """

    plan: Plan
    layout: Layout
    arrays: list[list[dict[Argument, np.ndarray]]]
    numbers: dict[int, np.ndarray]
    cells: dict[str, Owned]
    compartments: dict[str, Buffer]
    rows: int
    levels: dict[str, Level]
    modulated: list[ModulatedProbe] = field(default_factory=list)
    renewed: list[Callable[[Plan], None]] = field(default_factory=list)

    def slots(self, population: Population, part: str, indices: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Which elements of a `part` (at `indices`, neuron by neuron) the thread `t` owns, and where these lie in the arrays of their batch."""
        g, _ = self.plan.indices_of(population, part)
        everywhere = self.plan.parts[population.name, part].first + indices
        own = np.flatnonzero(self.layout.thread_of[everywhere] == t)
        return own, self.layout.slot_of[everywhere[own]].astype(np.int64) - self.layout.shares[t].start[g]

    def buffer(self, columns: np.ndarray, fill: float = 0.0) -> ProbeBuffer:
        """A buffer of some `columns`, full of `fill`."""
        return ProbeBuffer(columns, np.full((self.rows, columns.size), fill, self.plan.precision), np.zeros(1, np.int64))

    def operations(self, probe: Probe, counts: list[np.ndarray], work: Callable[[bool], list[Work]]) -> list[Operation]:
        """What samples a probe: at the end of its steps, and, for one that starts at t = 0, before anything has changed in the first step.

        Args:
            probe: as described.
            counts: of each thread, the rows written.
            work: the calls of a sample in order; of the first one, before events have arrived, or of the others.
        """
        first, every = probe.steps(self.plan.dt)
        whole = Buffer(f"samples of {probe.name}", self.plan.precision, 0)
        start = Buffer(f"first sample of {probe.name}", self.plan.precision, 0)
        made: list[Operation] = []
        end = Kernel.of(next_row)
        if first == 0:
            for one in work(True):
                made.append(self._operation(probe, one.kernel, (1, NEVER_AGAIN), one.arguments, adds=(start,), reads=(*one.states, *one.inputs)))
            made.append(self._operation(probe, end, (1, NEVER_AGAIN), [(count,) for count in counts], updates=(start,)))
        later = (first if first else every, every)
        before = (start,) if first == 0 else ()
        for one in sorted(work(False), key=lambda one: not one.brought):
            uses = {"reads": one.brought} if one.brought else {"observes": (*one.states, *one.inputs, *before)}
            made.append(self._operation(probe, one.kernel, later, one.arguments, adds=(whole,), **uses))
        made.append(self._operation(probe, end, later, [(count,) for count in counts], updates=(whole,)))
        return made

    def _operation(self, probe: Probe, kernel: Kernel, times: tuple[int, int], arguments: list[tuple[Any, ...]], **uses: Any) -> Operation:
        made = [(*times, *more) for more in arguments]
        each: dict[str, Any] = {use: tuple(dict.fromkeys(buffers)) for use, buffers in uses.items()}
        return Operation(f"record {probe.name}", Phase.PROBES, kernel, made.__getitem__, (Given.STEP,), **each)
