"""The plan of a run: what every executor needs to know of a network, derived from its description.

Independent of threads and machines. Populations whose kernels are the same text form a group and run through one loop,
each with its own constants; a parameter that differs between neurons becomes an array.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from neuropil.errors import ModelError, PlanError
from neuropil.lower.neuron_program import NeuronProgram
from neuropil.lower.synapse import SynapseProgram, plan_synapses
from neuropil.lower.synapse_resolution import slow_synapses
from neuropil.lower.target_records import records_of
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population, Projection
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.network.network import Network
from neuropil.model.network.validate import validate
from neuropil.model.neuron.composite import full_name, split
from neuropil.plan.buffers import Buffer
from neuropil.plan.builder import PlanBuilder
from neuropil.plan.cells import PlannedCells
from neuropil.plan.graded import PlannedGraded
from neuropil.plan.kernel_cost import KernelCost
from neuropil.plan.parts import (
    Batch,
    KernelBatch,
    PlannedPart,
    PlannedStimulus,
    PopulationSlice,
    SolverBatch,
    own_kernel,
    plan_parts,
)
from neuropil.plan.planned_synapses import PackedSynapses, StatefulSynapses, StoredSynapses
from neuropil.plan.signature import Argument, Kind, Signature, Varying
from neuropil.plan.stores import StoreKind, choose_store
from neuropil.plan.weight_classes import WeightClasses, narrowed
from neuropil.plan.weight_scale import Scale, scales
from neuropil.units import Quantity, ms

SPIKE_BYTES = 4 + 12
"""A spike's entry in the exchange between owners (4) and in the log (a step of 8 bytes, a neuron of 4)."""
LARGEST_COUNTED = 8.0
"""Poisson events per step up to which counting thresholds beats inverting the distribution."""


class Mechanism(Protocol):
    """A planned part of a network that does work."""

    def costs(self, plan: Plan) -> list[KernelCost]:
        """What it does, of a `plan`."""
        ...


class Spiking:
    """The spikes of all populations that can fire."""

    def costs(self, plan: Plan) -> list[KernelCost]:
        """A spike is published and logged."""
        firing = {m.population.name for g in plan.groups if g.program.can_fire for m in g.members} | set(plan.cells)
        return [
            KernelCost(f"spikes of {name}", "spike", population.size, "event", 0, SPIKE_BYTES, "engine/exchange/spikes.py", name)
            for name, population in plan.network.populations.items()
            if name in firing
        ]


@dataclass(frozen=True)
class Plan:
    """A lowered network.

    Attributes:
        network: the description.
        dt: time step, ms.
        seed: key of every random stream.
        precision: of state, "float32" or "float64"; parts with states that float32 does not resolve have their own.
        word: of a synapse with a weight of its own, np.uint32 (16-bit weights) or np.uint64 (48-bit weights), where its port needs no wider one.
        groups: in order of execution: what acts on a soma comes before it.
        bare: parts without a kernel of their own.
        cells: populations with morphology, by name.
        parts: (population, part) -> its elements and their numbers.
        channel_of: for each projection the index of its port in the target's model.
        scale: for each projection whose store adds to exact accumulators how its weights are stored; else None.
        drives: in the network's order.
        stores: for each projection what keeps its synapses.
        reasons: why each projection is executed as it is.
        synapses: programs of the projections whose synapses are kept each by itself, by their index in the network.
        slow: their states that float32 would not resolve -> why, likewise; those of such a projection are float64.
    """

    network: Network
    dt: float
    seed: int
    precision: str
    word: Any
    groups: tuple[KernelBatch, ...]
    bare: tuple[SolverBatch, ...]
    cells: dict[str, PlannedCells]
    parts: dict[tuple[str, str], PlannedPart]
    channel_of: tuple[int, ...]
    scale: tuple[Scale | None, ...]
    drives: tuple[PlannedStimulus, ...]
    stores: tuple[StoreKind, ...]
    reasons: tuple[str, ...] = field(default=())
    synapses: dict[int, SynapseProgram] = field(default_factory=dict)
    slow: dict[int, dict[str, str]] = field(default_factory=dict)

    def synapse_precision(self, projection: int) -> str:
        """Of the states of a projection's synapses."""
        return "float64" if self.slow.get(projection) else self.precision

    @property
    def channels(self) -> int:
        """Number of accumulators per element: the largest number of ports of any model."""
        return max((len(p.part.model.spec.ports) for p in self.parts.values()), default=0)

    @property
    def packed(self) -> dict[Any, list[int]]:
        """The packed projections by the words that hold them; nothing for a word that is not in use."""
        held: dict[Any, list[int]] = {}
        for word in (np.uint16, np.uint32, np.uint64):
            if mine := [j for j, s in enumerate(self.scale) if s is not None and s.word == word]:
                held[word] = mine
        return held

    def classes(self, word: Any) -> WeightClasses:
        """What distinguishes the segments of a word's synapses, besides their delay."""
        return WeightClasses.planned(self.network, self.scale, self.channel_of, max(self.channels, 1), word)

    @property
    def accumulator(self) -> Any:
        """The type of exact accumulators: wide enough for the widest words."""
        return np.int64 if self.word == np.uint64 or any(s is not None and s.wide for s in self.scale) else np.int32

    @cached_property
    def buffers(self) -> dict[tuple[int, Argument], Buffer]:
        """The arrays of the batches: (index of a batch among them, argument) -> what is declared of it."""
        return {(g, a): batch.buffer(self, a) for g, batch in enumerate(self.batches) for a in batch.arguments}

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """Everything that does work, each with its costs."""
        packed = (PackedSynapses(word, tuple(held)) for word, held in self.packed.items())
        stateful = (StatefulSynapses(j, program) for j, program in self.synapses.items())
        others = (StoredSynapses(j, kind) for j, kind in enumerate(self.stores) if not kind.exact and j not in self.synapses)
        return (*self.batches, *self.cells.values(), *self.drives, Spiking(), *packed, *stateful, *others, *self.graded)

    @property
    def graded(self) -> tuple[PlannedGraded, ...]:
        """The graded projections, in the network's order."""
        return tuple(map(PlannedGraded, self.network.graded))

    def buffer(self, population: Population, part: str, argument: Argument) -> Buffer:
        """The buffer of an argument of a part of a population."""
        return self.buffers[self.indices_of(population, part)[0], argument]

    def element_type(self, batch: Batch, argument: Argument) -> Any:
        """The type of the elements of an array of a batch."""
        return argument.element(batch.precision, self.accumulator, batch.refractory_type)

    @property
    def elements(self) -> int:
        """Number of elements of all parts; the neurons are the first."""
        return sum(p.size for p in self.parts.values())

    @property
    def batches(self) -> tuple[Batch, ...]:
        """The groups and the bare parts."""
        return (*self.groups, *self.bare)

    def indices_of(self, population: Population, part: str = "") -> tuple[int, int]:
        """(index among the batches, index among its members) of a part of a population.

        Raises:
            PlanError: the population has no such part.
        """
        for g, batch in enumerate(self.batches):
            for m, member in enumerate(batch.members):
                if member.population.name == population.name and member.part == part:
                    return g, m
        raise PlanError(f"part {part!r} of population {population.name!r} is in no batch")


def make_plan(
    network: Network, *, dt: Any = 0.1 * ms, seed: int = 1, precision: str | None = None, full_weights: bool = False, gate_tables: bool = True
) -> Plan:
    """Lower a network.

    Args:
        dt: time step (a time, or a bare number of ms).
        seed: of every random stream; a whole number from 0 to 2**63 - 1.
        precision: "float32" or "float64"; float64 implies full weights. None: float64 with cells that have morphology,
            else float32.
        full_weights: 48-bit weights instead of 16-bit ones, for twice the memory.
        gate_tables: whether gates of cells in float64 may be read from tables, to 1e-10 of their range, instead of being computed by
            their equations.

    Returns:
        The plan.

    Raises:
        NeuropilError: whatever is wrong with the description, named.
    """
    precision = default_precision(network) if precision is None else precision
    _check_options(seed, precision, full_weights=full_weights, gate_tables=gate_tables)
    step = dt if isinstance(dt, Quantity) or not isinstance(dt, (int, float)) else dt * ms
    validate(network, step)
    dt_ms = float(step.to(ms))
    word = np.uint64 if full_weights or precision == "float64" else np.uint32
    drives = _plan_drives(network, dt_ms)
    parts = plan_parts(network)
    synapses = plan_synapses(network)
    channel_of = tuple(_channel(p, parts) for p in network.projections)
    stores = tuple(choose_store(p, synapses.get(j)) for j, p in enumerate(network.projections))
    builder = PlanBuilder(network, dt_ms, seed, precision, drives, stores)
    updated = [p for p in parts.values() if own_kernel(p.population)]
    groups = _merge([builder.member(p) for p in updated], precision)
    bare = tuple(builder.bare(p) for p in parts.values() if not own_kernel(p.population))
    own = scales(network, [s.exact for s in stores], word)  # with words of their own weights
    scale = tuple(own if full_weights else narrowed(network, own, channel_of))
    groups = tuple(dataclasses.replace(g, members=_with_weight_scales(g, network, scale)) for g in groups)
    bare = tuple(dataclasses.replace(b, members=_with_weight_scales(b, network, scale)) for b in bare)
    cells = {
        name: PlannedCells.of(
            p, {b.members[0].part: b for b in bare if b.members[0].population is p and b.members[0].part}, dt_ms, precision,
            frozenset(effects_on(network.modulators, p)), seed, gate_tables,
        )
        for name, p in network.populations.items()
        if isinstance(p.neuron, Cell)
    }  # fmt: skip
    bare = tuple(dataclasses.replace(b, precision=cells[n].precision) if (n := b.members[0].population.name) in cells else b for b in bare)
    slow = {} if precision == "float64" else {j: _slow_synapses(network, j, s, dt_ms) for j, s in synapses.items()}
    why = tuple(_why(network, p, stores[j], scale[j], synapses.get(j), slow.get(j, {})) for j, p in enumerate(network.projections))
    plan = Plan(network, dt_ms, seed, precision, word, groups, bare, cells, parts, channel_of, scale, drives, stores, why, synapses, slow)
    check_plan(plan)
    return plan


def default_precision(network: Network) -> str:
    """float64 where potentials of neighbouring compartments differ by little, else float32."""
    return "float64" if any(isinstance(p.neuron, Cell) for p in network.populations.values()) else "float32"


def _check_options(seed: Any, precision: Any, **flags: Any) -> None:
    check_seed(seed)
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ModelError(f"{name} must be True or False", got=value)
    if not isinstance(precision, str) or precision not in ("float32", "float64"):
        raise ModelError("unknown precision", got=precision, expected="'float32' or 'float64'")


def check_seed(seed: Any) -> None:
    """Refuse what is no seed.

    Raises:
        ModelError: not a whole number from 0 to 2**63 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise ModelError("the seed must be a whole number from 0 to 2**63 - 1", got=seed)


def _channel(projection: Projection, parts: dict[tuple[str, str], PlannedPart]) -> int:
    """The accumulator of a projection: the index of its port in the part's model."""
    if projection.port is None:
        return -1
    part, port = split(projection.port)
    return list(parts[projection.target.name, part].part.model.spec.ports).index(port)


def _plan_drives(network: Network, dt: float) -> tuple[PlannedStimulus, ...]:
    """A population's first Poisson drive of one moderate rate on a port is counted; other events are irregular."""
    planned, taken = [], set()
    for index, drive in enumerate(network.drives):
        kind = "current" if drive.input is not None else "irregular"
        rate = drive.stimulus.poisson_rate if drive.site is None and drive.neurons is None and own_kernel(drive.target) else None
        if rate is not None and rate * dt <= LARGEST_COUNTED and (drive.target.name, drive.port) not in taken:
            kind = "counted"
            taken.add((drive.target.name, drive.port))
        planned.append(PlannedStimulus(drive, index, kind))
    return tuple(planned)


def _merge(placed: list[tuple[NeuronProgram, Varying, PopulationSlice]], precision: str) -> tuple[KernelBatch, ...]:
    """Parts of equal program and equal varying constants share a kernel, if they act on no soma or on those of one group.

    Those with slow states have one of their own, in float64.
    """
    wide = {id(m): "float64" if m.slow else precision for _, _, m in placed}
    soma_of: dict[str, Any] = {m.population.name: (id(p), v, wide[id(m)]) for p, v, m in placed if m.part == ""}
    together: dict[Any, list[PopulationSlice]] = {}
    programs: dict[Any, tuple[NeuronProgram, Varying]] = {}
    # What acts on a soma is advanced before it; Python's sort keeps the order otherwise.
    for program, varying, member in sorted(placed, key=lambda made: made[2].part == ""):
        key = (id(program), varying, wide[id(member)], soma_of[member.population.name] if member.part else None)
        together.setdefault(key, []).append(member)
        programs[key] = (program, varying)
    groups: list[KernelBatch] = []
    seen: dict[str, int] = {}
    for key, members in together.items():
        program, varying = programs[key]
        name = program.step.traced.name
        seen[name] = seen.get(name, 0) + 1
        label = name if seen[name] == 1 else f"{name}_{seen[name]}"
        groups.append(KernelBatch(label, program, Signature.of(program, varying), tuple(members), key[2]))
    return tuple(groups)


def _with_weight_scales(batch: Batch, network: Network, scales: tuple[Scale | None, ...]) -> tuple[PopulationSlice, ...]:
    """The members with the weight scales of their wired ports, among their constants and by name."""
    members = []
    for member in batch.members:
        scale = {p.port: s.unit for p, s in zip(network.projections, scales, strict=True) if p.target is member.population and s is not None}
        weight_scales = {port: scale[full_name(member.part, port)] for port in batch.variant.wired}
        numbers = member.numbers.copy()
        if isinstance(batch, KernelBatch):
            for port, weight_scale in weight_scales.items():
                numbers[:, batch.signature.column(Kind.WEIGHT_SCALE, port)] = weight_scale
        members.append(dataclasses.replace(member, numbers=numbers, weight_scales=weight_scales))
    return tuple(members)


def _slow_synapses(network: Network, j: int, program: SynapseProgram, dt: float) -> dict[str, str]:
    """The states of a projection's synapses that float32 would not resolve."""
    projection = network.projections[j]
    return slow_synapses(program, projection.weight, dt, effects_on(network.modulators, projection))


def _recorded(network: Network, projection: Projection, synapse: SynapseProgram) -> str:
    """Whether synapses that respond to their targets do so by target records, and why not."""
    if not (synapse.event_driven and synapse.responds):
        return ""
    found = records_of(network, projection, synapse)
    return f" (without target records: {found})" if isinstance(found, str) else f" by target records of {found.spikes} spikes"


def _why(network: Network, projection: Projection, store: StoreKind, scale: Scale | None, synapse: SynapseProgram | None, slow: dict[str, str]) -> str:
    """Why a projection is executed as it is."""
    if synapse is not None:
        wide = "; in float64, because float32 would not resolve it: " + ", ".join(f"{n} ({why})" for n, why in slow.items())
        return synapse.explain() + _recorded(network, projection, synapse) + (wide if slow else "")
    if scale is None:
        return f"{store.name}: {(type(store).__doc__ or 'registered outside of the package').strip()}"
    port = f"{type(projection.target.neuron).__name__}.{projection.port}"
    width = "; a word is a target alone, because all weigh the same" if scale.word == np.uint16 else f"; {scale.why}" if scale.why else ""
    return f"aggregated: events at {port} act through their sum, so no synapse needs a state of its own{width}"


def check_plan(plan: Plan) -> None:
    """The executable specification of a plan.

    Raises:
        PlanError: a defect of the lowering.
    """
    planned = [(m.population.name, m.part) for a in plan.batches for m in a.members]
    if sorted(planned) != sorted(plan.parts):
        raise PlanError("each part must be in exactly one group", got=planned)
    for group in plan.groups:
        for member in group.members:
            where = f"{group.name}, population {member.population.name!r}"
            if member.numbers.shape != (member.sites, len(group.signature.columns)) or not np.all(np.isfinite(member.numbers)):
                raise PlanError(f"{where}: constants do not fit the kernel", got=member.numbers, expected=len(group.signature.columns))
            for argument, array in member.arrays.items():
                if argument not in group.signature.arguments or array.shape != (member.sites, member.population.size):
                    raise PlanError(f"{where}: the array {argument.label!r} does not fit the kernel", got=array.shape)
    for j, projection in enumerate(plan.network.projections):
        part, port = split(projection.port or "")
        variant = plan.batches[plan.indices_of(projection.target, part)[0]].variant
        if port and port not in (variant.wired if plan.stores[j].exact else variant.real):
            raise PlanError(f"projection {projection.name!r} arrives at a port that has no reader")
        scale = plan.scale[j]
        if (scale is not None) != plan.stores[j].exact or (scale is not None and not scale.unit > 0):
            raise PlanError(f"projection {projection.name!r} has no weight scale", got=scale)
