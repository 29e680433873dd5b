"""Modulated parameters of cells with morphology: what some compartments carry, or a point process, in all cells alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.engine.cells.arrays import CellArrays
from neuropil.engine.effects.faults import Effects
from neuropil.engine.modulation.modulated import Modulated
from neuropil.lower.cable import MembraneGroup
from neuropil.plan.plan import Plan


class ModulatedMembrane(Modulated):
    """A group of membranes.

    Args:
        plan: of the network; cells: what each thread holds of the population; group: the membrane group.
        effects: see `Modulated`.
    """

    def __init__(self, plan: Plan, cells: list[CellArrays], group: MembraneGroup, effects: Effects):
        super().__init__(effects, {n: np.ravel(v) if np.ndim(v := group.parameters[n]) else v for n in effects}, 0, plan.dt)
        self.cells, self.group = cells, group

    def cell_index(self, cells: np.ndarray, name: str) -> np.ndarray:
        """One value for all cells (`Modulator.modulates` refuses others)."""
        return cells

    def write(self, changed: dict[str, Any], step: int) -> None:
        """The constants of the loops over these membranes."""
        loops = self.group.changed({n: np.reshape(v, np.shape(self.group.parameters[n])) for n, v in self.now.items()}, self.dt)
        for cells in self.cells:
            cells.change(self.group, loops)
