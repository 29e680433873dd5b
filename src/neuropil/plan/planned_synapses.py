"""Synapses as they will be executed: packed words of all static projections, and the stateful synapses of each other projection.

Args:
    plan: to which the synapses belong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.lower.synapse import SynapseProgram
from neuropil.lower.target_records import TargetRecords, records_of
from neuropil.model.contents.pairs import expected_synapses
from neuropil.plan.kernel_cost import KernelCost
from neuropil.plan.stores import StoreKind
from neuropil.plan.whole import Whole


@dataclass(frozen=True)
class PackedSynapses:
    """Synapses whose events act through their sum.

    Attributes:
        word: the type of the words that hold them; projections: their indices in the network.
    """

    word: Any
    projections: tuple[int, ...]

    def costs(self, plan: Whole) -> list[KernelCost]:
        """An event reads its word and adds its weight to an accumulator of its target."""
        accumulator, size = np.dtype(plan.accumulator).itemsize, np.dtype(self.word).itemsize
        synapses: dict[str, float] = {}
        for p in (plan.network.projections[j] for j in self.projections):
            synapses[p.source.name] = synapses.get(p.source.name, 0.0) + expected_synapses(p)
        source = f"{size}-byte word read, accumulator of {accumulator} bytes read and written, one addition"
        return [KernelCost(f"synapses of {n}", "synaptic event", count, "event", 1, size + 2 * accumulator, source, n) for n, count in synapses.items()]


@dataclass(frozen=True)
class StatefulSynapses:
    """Synapses of one projection that have states, or that come and go.

    Attributes:
        index: index of the projection in the network; program: of its synapses.
    """

    index: int
    program: SynapseProgram

    def costs(self, plan: Whole) -> list[KernelCost]:
        """What every event does, and what every step does to those that are clock-driven."""
        program, real = self.program, np.dtype(plan.synapse_precision(self.index)).itemsize
        p, flops = plan.network.projections[self.index], program.flops
        count, what = expected_synapses(p), f"{p.name} ({program.traced.name})"
        event = flops["event"] + (program.sent is not None)
        costs = [KernelCost(f"events of {what}", "synaptic event", count, "event", event, _event_bytes(program, real, records_of(plan.network, p, program)), "lower/synapse.py", p.source.name)]
        if program.responds:
            moved = 0 if program.event_driven else 2 * real * len(program.responding)
            costs.append(KernelCost(f"responses of {what}", "response", count, "event", flops["response"], moved, "lower/synapse.py", p.target.name))
        if not program.event_driven:
            shared = flops["target"] * p.target.size / max(count, 1.0)
            traffic = real * (len(program.step_reads) + len(program.moving))
            costs.append(KernelCost(f"steps of {what}", "synapse", count, "step", flops["synapse"] + shared, traffic, "lower/synapse.py"))
        return costs


@dataclass(frozen=True)
class StoredSynapses:
    """Synapses of one projection in a store that is registered from outside the package.

    Attributes:
        index: index of the projection in the network; kind: of its store.
    """

    index: int
    kind: StoreKind

    def costs(self, plan: Whole) -> list[KernelCost]:
        """As the kind says."""
        p = plan.network.projections[self.index]
        flops, moved = self.kind.event_cost(p)
        return [KernelCost(f"events of {p.name}", "synaptic event", expected_synapses(p), "event", flops, moved, f"the store {self.kind.name!r}", p.source.name)]


def _event_bytes(program: SynapseProgram, real: int, records: TargetRecords | str) -> int:
    """A synapse's index in the list or target, its own states before and after, when it was last brought up to date, a real accumulator; of
    event-driven ones also what is fetched of the target: its record, where there are `records`, or else its states, and (9 bytes) how many of
    its spikes are pending, and when they were. What is shared by the synapses of a source is not counted."""
    own, responded = set(program.form.of("")), set(program.responding) if program.event_driven else set()
    moved = 4 + real * sum(len(own & (set(names) | responded)) for names in (program.arrival_reads, program.struck)) + 8 * program.dated
    moved += (16 + real * program.event_driven) * (program.sent is not None)
    if not program.event_driven:
        return moved
    if not isinstance(records, str):
        return moved + real * (records.size + len(records.computed))
    return moved + real * len(program.per_target) + (9 if program.responds else 0)
