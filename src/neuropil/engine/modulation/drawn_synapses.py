"""Modulated parameters that are drawn for each synapse, which are changed between chunks: all constants are made anew, as they were made."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.engine.effects.faults import Effects, resolved
from neuropil.engine.modulation.modulated import Modulated
from neuropil.engine.stores.stateful_store import SynapseStore
from neuropil.lower.synapse_resolution import resolution_depends, slow_synapses
from neuropil.plan.plan import Plan


class DrawnSynapses(Modulated):
    """The synapses of a projection with parameters that are drawn, or what its store cannot change within a chunk.

    Args:
        plan: of the network; store: of the projection.
        effects: see `Modulated`.
    """

    def __init__(self, plan: Plan, store: SynapseStore, effects: Effects):
        super().__init__(effects, {n: store.synapses.constants[n] for n in effects}, store.projection.target.size, plan.dt)
        self.store = store
        self.checked = store.real.name == "float32" and resolution_depends(store.program, effects)

    def cell_index(self, cells: np.ndarray, name: str) -> np.ndarray:
        """Each target's, or each synapse's."""
        return cells[self.store.synapses.post] if np.ndim(self.base[name]) else cells

    def write(self, changed: dict[str, Any], step: int) -> None:
        """Bring the synapses up to the step, then change their constants.

        Raises:
            SimulationError: states that have become too slow for float32.
        """
        store, projection = self.store, self.store.projection
        if self.checked:
            resolved(f"projection {projection.name!r}", slow_synapses(store.program, projection.weight, self.dt, changed=self.now), step * self.dt)
        store.change({n: np.array(v) if np.ndim(v) else v for n, v in changed.items()}, step)
