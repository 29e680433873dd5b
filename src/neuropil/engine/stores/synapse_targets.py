"""The targets of a projection that one thread owns, and what their synapses read and drive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuropil.engine.compose import Machine
from neuropil.engine.layout import Layout
from neuropil.engine.stores.synapse_list import SynapseList
from neuropil.model.neuron.composite import split
from neuropil.model.synapse.context import target_states
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, Kind, state


@dataclass
class Targets:
    """The targets of a projection that one thread owns: the sites of its neurons that the projection reaches, site by site.

    Attributes:
        first: slot of the first neuron; neurons: how many; sites: of each.
        low: index of the first neuron within the population.
        seen: states of the targets that the synapses read, by name; flow: what flows into them, of a projection with an input.
        accumulator: float64, of what arrives at the port.
    """

    first: int
    neurons: int
    sites: int
    low: int
    seen: dict[str, np.ndarray]
    flow: np.ndarray
    accumulator: np.ndarray

    @property
    def size(self) -> int:
        """Number of targets."""
        return self.neurons * self.sites

    def owned(self, s: SynapseList) -> np.ndarray:
        """int64[n]: indices in a list `s` of the synapses on these targets."""
        return np.flatnonzero((s.post >= self.low) & (s.post < self.low + self.neurons))

    def reached(self, s: SynapseList, which: np.ndarray) -> np.ndarray:
        """int64[n]: the target of some of the synapses of a list.

        Args:
            s: the list.
            which: int64[n], indices in it.
        """
        return s.site[which] * self.neurons + s.post[which] - self.low


def targets_of(plan: Plan, layout: Layout, machine: Machine, index: int, t: int) -> Targets:
    """Views of what a thread holds of a projection's targets.

    Args:
        plan: of the network; index: of the projection.
        layout: which thread owns what; machine: the arrays.
        t: the thread.
    """
    projection, known = plan.network.projections[index], plan.synapses[index].traced.spec.inputs
    population, part = projection.target, projection.part
    g, _ = plan.indices_of(population, part)
    mine, somas, arrays = layout.slice(population, part, t), layout.slice(population, "", t), machine.groups[t][g].arrays
    a = mine.start - layout.shares[t].start[g]
    here, flow = slice(a, a + mine.stop - mine.start), np.zeros(0, plan.precision)
    seen = {n: arrays[state(n)][here] for n in target_states(known) if state(n) in arrays}
    if "v" in known and population.name in plan.cells:
        cells = machine.cells[population.name][t][1]
        seen["v"] = cells.potentials(part)
        machine.before.append(lambda _: cells.look())
    if projection.input is not None:
        flow = arrays[Argument(Kind.INPUT, split(projection.input)[1])][here]
    accumulator = np.zeros(0) if projection.port is None else arrays[Argument(Kind.REAL, split(projection.port)[1])][here]
    return Targets(somas.start, mine.neurons, mine.sites, mine.lower, seen, flow, accumulator)
