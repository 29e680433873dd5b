"""The arrays of one sample under way: a thread has one, and uses it again for the next sample and the next batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuropil.engine.aligned import aligned_zeros
from neuropil.learn.native.emission import Emission
from neuropil.learn.native.flow import Flow
from neuropil.learn.native.loop import Given, Program, Stretch
from neuropil.learn.native.mapped import Mapped
from neuropil.learn.native.part import Part
from neuropil.lower.gradient import StepGradient
from neuropil.plan.gradient_signature import Role

MOVING = (Role.STATE, Role.RING, Role.LEFT)
"""What is kept at a checkpoint."""


class Workspace:
    """Arrays, made when they are first asked for.

    Args:
        parts: of the populations; emissions, flows, mapped: of the machine.
        window: steps that a component runs before the next one does.
        steps: of a sample.
        rows: of the tape.

    Attributes:
        arrays: by key.
        steps, rows: as above.
        origin: [1], the network's step at step 0.
    """

    def __init__(self, parts: Sequence[Part], emissions: Sequence[Emission], flows: Sequence[Flow], mapped: Sequence[Mapped], window: int, steps: int, rows: int):
        self.steps, self.rows = steps, rows
        self.arrays: dict[Any, np.ndarray] = {}
        self.origin = np.zeros(1, np.int64)
        self._programs: dict[Any, Program] = {}
        window = min(window, max(steps, 1))
        for part in parts:
            real = np.dtype(part.precision)
            mine: dict[Any, tuple[tuple[int, ...], Any]] = {}
            for n in part.states:
                mine[Role.STATE, n] = mine[Role.STATE_BAR, n] = (part.size,), real
            for port, delay in part.rings.items():
                mine[Role.RING, port] = mine[Role.RING_BAR, port] = (window + delay, part.size), real
            if part.step is not None:
                self._of_step(part, part.step.program, mine, (window, steps, rows))
            self.arrays |= {part.key(*key): aligned_zeros(shape, dtype) for key, (shape, dtype) in mine.items()}
        for e in emissions:
            real = np.dtype(e.part.precision)
            for role in (Role.VALUE, Role.VALUE_BAR):
                self.arrays[e.name, role, ""] = aligned_zeros((rows + e.longest, e.part.size), real)
        self.arrays |= {(m.name, Role.TAPE, leaf): aligned_zeros((rows, m.part.size), m.part.precision) for m in mapped for leaf in m.program.tape}
        self.arrays |= {(f.name, "room", ""): aligned_zeros((f.post.size,), f.precision) for f in flows if f.matrix}

    def _of_step(self, part: Part, program: StepGradient, mine: dict[Any, tuple[tuple[int, ...], Any]], lengths: tuple[int, int, int]) -> None:
        """Add what the kernels of neurons or branches need to what is `mine`."""
        real, (window, steps, rows) = np.dtype(part.precision), lengths
        for leaf in program.tape:
            mine[Role.TAPE, leaf] = (rows, part.size), real
        for n in program.use.recorded:
            mine[Role.RECORD, n] = (steps, part.size), real
        mine[Role.LEFT, ""], mine[Role.SPIKE_BAR, ""] = ((part.size,), np.int32), ((window, part.size), real)
        mine["who", ""] = mine["when", ""] = mine["lines", ""] = (window * part.size,), np.int32
        mine["first", ""] = mine["cursor", ""] = (window + 1,), np.int64
        mine["begin", ""] = (part.size + 1,), np.int64
        if part.coded:
            mine[Role.CODE, ""] = (steps, part.width), np.uint8
        for n in program.use.flows:
            mine[Role.FLOW, n] = mine[Role.FLOW_BAR, n] = (part.size,), real

    def kept(self, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """What moves, each array flat, and where copies of it are kept.

        Args:
            count: how many copies.
        """
        pairs = []
        for key, a in [(key, a) for key, a in self.arrays.items() if key[1] in MOVING]:
            kept = self.arrays.setdefault(("kept", *key), np.zeros((count, a.size), a.dtype))
            pairs.append((a.reshape(-1), kept))
        return pairs

    def kept_past(self, emissions: Sequence[Emission], count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """What was sent and is under way, and where copies of it are kept.

        Args:
            emissions: of the machine.
            count: how many copies.
        """
        pairs = []
        for e in emissions:
            if e.longest:
                a = self.arrays[e.name, Role.VALUE, ""]
                pairs.append((a, self.arrays.setdefault(("kept", e.name), np.zeros((count, e.longest, e.part.size), a.dtype))))
        return pairs

    def program(self, what: Any, stretches: Any, given: Given) -> Program:
        """A program with its arrays.

        Args:
            what: names it: those of one name differ in the arrays alone.
            stretches: makes its stretches, where it does not exist yet.
            given: arrays.
        """
        if what in self._programs:
            self._programs[what].take(given)
        else:
            made: list[Stretch] = stretches()
            self._programs[what] = Program(made, given)
        return self._programs[what]
