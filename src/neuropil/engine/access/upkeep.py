"""What is done to synapses between steps, at intervals: normalised before a step, recorded after one.

Chunks of native code end where something is due. Nothing of this has a state of its own: what is due follows from the step.
"""

from __future__ import annotations

import numpy as np

from neuropil.connectivity.draw import realise
from neuropil.engine.access.synaptic_state import SynapticState
from neuropil.errors import NetworkError
from neuropil.model.base import grid
from neuropil.model.probe.upkeep import SynapseProbe
from neuropil.plan.plan import Plan

FAR = 1 << 62
"""A step that never comes."""


def columns(plan: Plan, probe: SynapseProbe) -> np.ndarray:
    """int64[columns]: the synapses that a probe records, by their indices.

    Raises:
        NetworkError: an index beyond the last synapse.
    """
    n = realise(probe.projection, plan.seed, plan.dt).n_synapses
    if probe.chosen is None:
        return np.arange(n)
    if probe.chosen.size and probe.chosen.max() >= n:
        raise NetworkError(f"probe {probe.name}: no such synapse in {probe.projection.name!r}", got=int(probe.chosen.max()), expected=f"0 … {n - 1}")
    return probe.chosen.astype(np.int64)


class Upkeep:
    """Normalisation, and the recording of synapses, of one simulation.

    Args:
        state: weights and states of all synapses.
    """

    def __init__(self, plan: Plan, state: SynapticState):
        self.plan, self.state = plan, state
        network = plan.network
        index_of = {id(p): j for j, p in enumerate(network.projections)}
        self.normalised = [(n, index_of[id(n.projection)], _steps(plan, n.interval)) for n in network.normalisations]
        self.probed = [(p, index_of[id(p.projection)], p.steps(plan.dt), columns(plan, p)) for p in network.synapse_probes]
        self.samples: list[list[np.ndarray]] = [[] for _ in self.probed]
        self._post: dict[int, np.ndarray] = {}
        self.resume(0)

    def resume(self, step: int) -> None:
        """Go on from a step: what is due before it is still to be done, what was due after the step before is done."""
        self._before = min((-(-step // every) * every for *_, every in self.normalised), default=FAR)
        self._after = self._next(step)
        self._beginning = step == 0  # samples at t = 0 are still to be taken

    def _next(self, step: int) -> int:
        """The first step after this one at which synapses are recorded."""
        return min((first if step < first else first + ((step - first) // every + 1) * every for _, _, (first, every), _ in self.probed), default=FAR)

    @property
    def due(self) -> int:
        """The step at which a chunk has to end."""
        return min(self._before, self._after)

    def before(self, step: int) -> None:
        """Normalise what is due before a step; record the start before that."""
        if self._beginning:
            self._record(0)
            self._beginning = False
        if step != self._before:
            return
        for normalisation, j, every in self.normalised:
            if step % every == 0 and self.state.learning[j]:
                values = normalisation.scaled(self.state.read(j, normalisation.variable), self._targets(j))
                self.state.write(j, {normalisation.variable: values})
        self._before = min((step // every + 1) * every for *_, every in self.normalised)

    def after(self, step: int) -> None:
        """Record what is due after the step before."""
        if step == self._after:
            self._record(step)
            self._after = self._next(step)

    def _record(self, step: int) -> None:
        for samples, (probe, j, (first, every), chosen) in zip(self.samples, self.probed, strict=True):
            if step >= first and (step - first) % every == 0:
                samples.append(self.state.read(j, probe.variable)[chosen])

    def flush(self) -> list[np.ndarray]:
        """Samples of every probe since the last flush, [rows, columns]."""
        if not self.probed:
            return []
        made = [np.array(rows, float).reshape(len(rows), chosen.size) for rows, (*_, chosen) in zip(self.samples, self.probed, strict=True)]
        self.samples = [[] for _ in self.probed]
        return made

    def _targets(self, j: int) -> np.ndarray:
        """The target of each synapse; those of synapses that come and go are looked up each time."""
        if self.plan.network.projections[j].structure is not None:
            return self.state.ends(j)[1]
        if j not in self._post:
            self._post[j] = self.state.ends(j)[1].astype(np.intp)  # what NumPy counts by
        return self._post[j]


def _steps(plan: Plan, interval: float) -> int:
    return grid.steps(interval, plan.dt, "an interval")
