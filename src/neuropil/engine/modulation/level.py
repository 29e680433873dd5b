"""The concentrations of a modulator as they advance from tick to tick: one for a well-mixed volume, or one per voxel.

Args:
    c: float64[voxels], concentrations, base units.
    signal: held over the tick.
    cap: the most that may be supplied and released in this tick, base units.
    first: whether this is t = 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.codegen.field_source import field
from neuropil.codegen.pointwise import scalar_function
from neuropil.lower.modulation import KineticsProgram
from neuropil.model.modulation.modulator import Modulator


class WellMixed:
    """One concentration: Python on floats, with the bits of the description's NumPy.

    Args:
        modulator: as described.
    """

    def __init__(self, modulator: Modulator):
        kinetics, program = modulator.kinetics, KineticsProgram.of(modulator.kinetics, modulator.tick)
        self._removed = scalar_function("removal", program.graph, [program.removed], ["c"])
        self._supplied = scalar_function("supply", program.graph, [program.supplied], ["signal"])
        self._instant, self._rest, self._tick, self._steps = kinetics.instant, kinetics.rest, modulator.tick, modulator.steps

    def after(self, c: np.ndarray, signal: Any, released: Any, cap: float, first: bool) -> np.ndarray:
        """See `Modulator.after`; `released` is one number."""
        resting = first and not self._instant
        given = 0.0 if resting else min(self._supplied(float(signal))[0], cap)
        room = cap - given
        if released > room:
            released = released * (room / released)
        before = float(c[0])
        return np.array([before + released if resting else self._advanced(before, given) + released])

    def _advanced(self, c: float, given: float) -> float:
        if self._instant:
            return self._rest + given
        removed, h, rate = self._removed, self._tick / self._steps, given / self._tick
        for _ in range(self._steps):
            k1 = rate - removed(c)[0]
            k2 = rate - removed(c + 0.5 * h * k1)[0]
            k3 = rate - removed(c + 0.5 * h * k2)[0]
            c = c + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + (rate - removed(c + h * k3)[0]))
        return c


class PerVoxel:
    """A concentration for every cube, or for every cell: a compiled loop over them.

    Args:
        modulator: as described.
    """

    def __init__(self, modulator: Modulator):
        kinetics, grid, self._modulator = modulator.kinetics, modulator.grid, modulator
        self._advance, self._literals = field(KineticsProgram.of(kinetics, modulator.tick), kinetics.instant)
        shape = (*grid.shape, 1, 1)[:3]
        self._fixed = (kinetics.rest, modulator.tick, modulator.steps, *shape, len(grid.shape), grid.rate)
        self._room = np.empty((5 if grid.rate else 0, grid.size))
        self._zero = np.zeros(1)

    def after(self, c: np.ndarray, signal: Any, released: Any, cap: float, first: bool) -> np.ndarray:
        """See `Modulator.after`; `released` is one number, or float64[voxels]."""
        if np.isfinite(cap) or first:
            whole = np.full(c.size, released) if np.ndim(released) == 0 else released
            return self._modulator.after(c, signal, whole, cap, first=first)
        after = np.empty_like(c)
        self._advance(self._literals, c, np.reshape(signal, -1), np.reshape(released, -1), after, *self._fixed, self._room)
        return after
