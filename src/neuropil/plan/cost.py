"""The work of a plan, counted from what will run: operations and bytes of each mechanism, and how often it is done.

A mechanism's work is one record; a new mechanism (synapses advanced every step, say) adds its own to the list of
`kernel_costs`, and everything that is made from the list (explanations, costs, reports) includes it.

What is counted: floating-point operations by the table of `neuropil.lower.primitives`, and the bytes of the arrays a
kernel reads and writes. What is not: integer work of random numbers, and the filing of a spike's segments (some tens of
words for the thousands of synapses of a spike).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from neuropil.lower.equation import stimulus_program
from neuropil.lower.synapse import SynapseProgram
from neuropil.model.contents.pairs import expected_synapses
from neuropil.plan.cells import PlannedCells
from neuropil.plan.parts import Batch, KernelBatch, PlannedStimulus
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, Kind

SPIKE_BYTES = 4 + 12
"""A spike's place in the exchange between threads (4) and in the log (a step of 8 bytes, a neuron of 4)."""


@dataclass(frozen=True)
class KernelCost:
    """What one mechanism does.

    Attributes:
        what: which one, for people.
        kind: "neuron", "branch", "compartment" (see `ADVANCED`), "synapse" (advanced every step), "stimulus", "spike",
            "synaptic event" or "response" (of a synapse to a spike of its target).
        count: how many items there are: neurons, synapses, …
        per: "step" (each item once a time step) or "event" (each item once per spike of a neuron of `owner`).
        flops: floating-point operations for an item and a time.
        bytes: read and written, likewise.
        source: where the numbers come from.
        owner: the population whose spikes are the events; empty for work done every step.
    """

    what: str
    kind: str
    count: float
    per: str
    flops: float
    bytes: float
    source: str
    owner: str = ""

    def times(self, dt: float, rates: Mapping[str, float]) -> float:
        """How often it is done in a second of biology, over all items.

        Args:
            dt: time step, ms.
            rates: Hz by population.
        """
        return self.count * (1000.0 / dt if self.per == "step" else rates[self.owner])

    def to_json(self) -> dict[str, Any]:
        """The record in plain types; `KernelCost(**record)` restores it."""
        return asdict(self)


ADVANCED = ("neuron", "branch", "compartment")
"""Kinds of work that advance the state of a cell."""


def kernel_costs(plan: Plan) -> list[KernelCost]:
    """All work of a plan, mechanism by mechanism."""
    works = [_group(group, plan) for group in plan.groups]
    works += [_cells(cells, plan) for cells in plan.cells.values()]
    for planned in plan.drives:
        flops, moved = _stimulus(planned, np.dtype(plan.precision).itemsize)
        flops += stimulus_program(planned.drive.stimulus).flops if planned.drive.stimulus.defined_by_equation else 0
        elements = planned.drive.target.size * planned.drive.sites.size
        works.append(KernelCost(f"{planned.kind} {planned.drive.name}", "stimulus", elements, "step", flops, moved, "engine/stimuli/kernels.py"))
    firing = {m.population.name for g in plan.groups if g.program.can_fire for m in g.members} | set(plan.cells)
    for name, population in plan.network.populations.items():
        if name in firing:
            works.append(KernelCost(f"spikes of {name}", "spike", population.size, "event", 0, SPIKE_BYTES, "engine/exchange/spikes.py", name))
    return works + _events(plan) + _listed(plan)


def _group(group: KernelBatch, plan: Plan) -> KernelCost:
    names = ", ".join(m.population.name for m in group.members)
    kind = "branch" if group.variant.gives else "neuron"
    return KernelCost(f"{group.name} ({names})", kind, group.size, "step", group.program.flops, bytes_per_step(group, plan), "lower/neuron_program.py")


def _cells(cells: PlannedCells, plan: Plan) -> KernelCost:
    """A compartment's share of its cell: membranes, point processes and the tree solver."""
    cable, real = cells.cable, np.dtype(cells.precision).itemsize
    states = sum(p.size * len(p.program.membrane.states) for p in cable.groups)
    places = cable.size + sum(p.size for p in cable.points)
    # Each state, and at each place the potential, the conductance and the current, is read and written.
    moved = 2 * real * (states + 3 * places)
    for bare in plan.bare:
        if bare.members[0].population is cells.population:
            sites = bare.members[0].sites
            moved += sum(sites * _traffic(plan, bare, a) for a in bare.arguments if a.kind is not Kind.STATE)
    what = f"cells of {cable.size} compartments ({cells.population.name})"
    count = cells.population.size * cable.size
    return KernelCost(what, "compartment", count, "step", cable.flops / cable.size, moved / cable.size, "lower/cable.py: CablePlan")


def _events(plan: Plan) -> list[KernelCost]:
    """Aggregated synapses: an event reads its word and adds its quanta to an accumulator of its target."""
    works, accumulator = [], np.dtype(plan.accumulator).itemsize
    for word, held in plan.packed.items():
        synapses: dict[str, float] = {}
        for p in (plan.network.projections[j] for j in held):
            synapses[p.source.name] = synapses.get(p.source.name, 0.0) + expected_synapses(p)
        size = np.dtype(word).itemsize
        source = f"{size}-byte word read, accumulator of {accumulator} bytes read and written, one addition"
        works += [KernelCost(f"synapses of {n}", "synaptic event", count, "event", 1, size + 2 * accumulator, source, n) for n, count in synapses.items()]
    return works


def _listed(plan: Plan) -> list[KernelCost]:
    """Synapses with states, or that come and go: what every event does, and what every step does to those that are clocked."""
    works: list[KernelCost] = []
    for j, program in plan.synapses.items():
        real = np.dtype(plan.synapse_precision(j)).itemsize
        p, flops = plan.network.projections[j], program.flops
        count, what = expected_synapses(p), f"{p.name} ({program.traced.name})"
        sums = program.sent is not None
        works.append(KernelCost(f"events of {what}", "synaptic event", count, "event", flops["event"] + sums, _event_bytes(program, real), "lower/synapse.py", p.source.name))
        if program.responds:
            moved = 0 if program.event_driven else 2 * real * len(program.answering)
            works.append(KernelCost(f"responses of {what}", "response", count, "event", flops["response"], moved, "lower/synapse.py", p.target.name))
        if not program.event_driven:
            shared = flops["target"] * p.target.size / max(count, 1.0)
            traffic = real * (len(program.step_reads) + len(program.moving))
            works.append(KernelCost(f"steps of {what}", "synapse", count, "step", flops["synapse"] + shared, traffic, "lower/synapse.py"))
    return works


def _event_bytes(program: SynapseProgram, real: int) -> int:
    """A synapse's place or target, its own states before and after, when it was last brought up to date, a real accumulator; of
    event-driven ones also what is fetched of the target, and (9 bytes) how many of its spikes are to be made up for, and when
    they were. What is shared by the synapses of a source is not counted."""
    own = program.form.of("")
    moved = 4 + real * (sum(n in own for n in program.arrival_reads) + sum(n in own for n in program.struck)) + 8 * program.dated
    moved += (16 + real * program.event_driven) * (program.sent is not None)
    return moved + (real * len(program.per_target) + (9 if program.responds else 0) if program.event_driven else 0)


def _stimulus(planned: PlannedStimulus, real: int) -> tuple[int, int]:
    """(FLOPs, bytes) of a stimulus for a neuron and step, besides what the neuron's own kernel reads."""
    if planned.kind == "counted":
        return 0, 1
    if planned.kind == "irregular":
        return 2, real + 16  # real accumulator += count * weight
    return 2, 3 * real  # current += amplitude * wave


def bytes_per_step(group: KernelBatch, plan: Plan) -> int:
    """Bytes that an element's step reads and writes, by its kernel's arguments."""
    return sum(_traffic(plan, group, a, group.program.changing) for a in group.signature.arguments)


def _traffic(plan: Plan, batch: Batch, argument: Argument, changing: tuple[str, ...] = ()) -> int:
    """Bytes of an array that are read and written for an element in a step."""
    size: int = plan.element_type(batch, argument).itemsize
    return size * argument.passes(changing)
