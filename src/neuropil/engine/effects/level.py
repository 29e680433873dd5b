"""The concentrations of a modulator as they advance from tick to tick: one for a well-mixed volume, or one per place.

Every owner has all of them, and advances them itself: from the spikes that all have published, in one order, so they are the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.codegen.level_source import level_kernel
from neuropil.engine.effects.kernels import count_spikes
from neuropil.lower.modulation import KineticsProgram
from neuropil.model.base import grid
from neuropil.model.modulation.modulator import Modulator
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result

RECORDED = 4096
"""Ticks whose concentrations are kept until somebody takes them."""


class Level:
    """The concentrations of one modulator, for the owners of this process.

    Args:
        modulator: as described.
        dt: time step, ms.
        owners: how many.

    Attributes:
        every: steps in a tick.
        signal: float64[1], or one for each place; all owners read it.
        c: for each owner float64[places], base units.
        doses: for each owner the dose that waits, and the cap, base units.
        counts: for each owner int64[neurons of all nuclei], spikes since the last tick; nuclei: int64[releases, 3], see `count_spikes`.
        buffer: of the concentrations; operations: what advances them.
    """

    def __init__(self, modulator: Modulator, dt: float, owners: int):
        self.modulator, self.every = modulator, grid.steps(modulator.tick, dt, "tick")
        kinetics, places, releases = modulator.kinetics, modulator.grid, modulator.releases
        self.kernel, literals = level_kernel(KineticsProgram.of(kinetics, modulator.tick), kinetics.instant)
        sizes = [r.nucleus.size for r in releases]
        starts = np.cumsum([0, *sizes])
        rows = [(r.nucleus.first, r.nucleus.first + r.nucleus.size, start) for r, start in zip(releases, starts, strict=False)]
        self.nuclei = np.array(rows, np.int64).reshape(-1, 3)
        amounts = np.array([r.amount for r in releases], float)
        sites = [np.full(r.nucleus.size, -1) if r.sites is None else r.sites for r in releases]
        self.signal = np.zeros(1)
        self.c = [modulator.start() for _ in range(owners)]
        self.doses = [np.array([0.0, modulator.cap]) for _ in range(owners)]
        self.counts = [np.zeros(int(starts[-1]), np.int64) for _ in range(owners)]
        shape = tuple(map(int, (*places.shape, 1, 1, 1)[:3]))
        around = int(np.prod([n + 2 for n in places.shape]))  # a grid that diffuses is worked on within a larger one
        room = [np.zeros((9, around) if places.rate else (2, places.size)) for _ in range(owners)]
        fixed = (kinetics.rest, modulator.tick, modulator.steps, *shape, len(places.shape), float(places.rate))
        self._law = [(literals, *fixed, mine) for mine in room]
        self._release = [(self.nuclei, amounts, np.concatenate([np.zeros(0, np.int64), *sites]), counts) for counts in self.counts]
        watched = [places.voxels[name] if name else np.zeros(1, np.int64) for name in modulator.watched]
        where = np.concatenate(watched).astype(np.int64), np.cumsum([0, *(w.size for w in watched)])
        self._samples = [np.zeros((RECORDED if t == 0 else 0, len(watched))) for t in range(owners)]
        self._filled = [np.zeros(1, np.int64) for _ in range(owners)]
        self._watched = [(*where, samples, filled) for samples, filled in zip(self._samples, self._filled, strict=True)]
        self.ticks = np.array([self.every], np.int64)
        counted, self.buffer = level_buffers(modulator)
        self.operations = [
            Operation(
                f"{modulator.name}: concentrations", Phase.MODULATION, Kernel.of(self.kernel), lambda t: self.own(t, self.ticks), (Given.STEP,), Result.FAULT,
                updates=(counted,), sets=(self.buffer,), periods=(self.every,),
            )
        ]  # fmt: skip
        if releases:
            given = (Given.PUBLISHED, Given.BOUNDS)
            self.operations += [
                Operation(f"{modulator.name}: spikes of nuclei", Phase.SPIKES, Kernel.of(count_spikes), lambda t: (self.nuclei, self.counts[t]), given, adds=(counted,))
            ]

    @property
    def room(self) -> int:
        """Steps in which no more is recorded than there is room for."""
        return (RECORDED - 2) * self.every

    def own(self, t: int, ticks: np.ndarray) -> tuple[Any, ...]:
        """Arguments of the kernel after the step.

        Args:
            t: the owner.
            ticks: int64[n], steps at whose multiples it acts.
        """
        return ticks, self.c[t], self.doses[t], self.signal, self._release[t], self._law[t], self._watched[t]

    def advance(self, step: int, ticks: np.ndarray) -> None:
        """Advance outside of a step's operations.

        Args:
            step: the present one.
            ticks: as of `own`.
        """
        for t in range(len(self.c)):
            self.kernel(step, *self.own(t, ticks))

    def flush(self, held: int) -> np.ndarray:
        """float64[ticks, populations]: what was recorded since the last flush; the last `held` rows stay."""
        samples, filled = self._samples[0], self._filled[0]
        rows = int(filled[0]) - held
        taken = samples[:rows].copy()
        samples[:held] = samples[rows : rows + held].copy()
        filled[0] = held
        return taken


def level_buffers(modulator: Modulator) -> tuple[Buffer, Buffer]:
    """What is declared of the spikes of a modulator's nuclei, and of its concentrations."""
    counted = sum(r.nucleus.size for r in modulator.releases)
    return (
        Buffer(f"spikes of the nuclei of {modulator.name}", np.int64, counted, Owner.EACH, saved=True),
        Buffer(f"concentrations of {modulator.name}", np.float64, modulator.grid.size, Owner.EACH, saved=True),
    )
