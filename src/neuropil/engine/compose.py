"""From a plan and its layout to arrays and operations: what each thread holds and what it does in a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.kernel import NAME, source_of
from neuropil.codegen.vectors import LINE
from neuropil.engine import probes  # noqa: F401  (it registers builders)
from neuropil.engine.aligned import aligned_zeros
from neuropil.engine.cells.compose import Owned, cells_of
from neuropil.engine.effects.compose import Arrays, Target, modulators_of
from neuropil.engine.effects.level import Level
from neuropil.engine.effects.modulated_probe import ModulatedProbe
from neuropil.engine.effects.modulated_target import ModulatedTarget
from neuropil.engine.exchange.exchange import Exchange
from neuropil.engine.exchange.junctions import Potentials, junctions
from neuropil.engine.exchange.spikes import collecting
from neuropil.engine.finite import checking
from neuropil.engine.layout import Layout, Partition
from neuropil.engine.probe_recorded import ProbeBuffer, Recorded
from neuropil.engine.stimuli.compose import stimuli_of
from neuropil.engine.streams import Streams
from neuropil.model.contents.contents import Population
from neuropil.model.neuron.branched import Branched
from neuropil.model.neuron.composite import split
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Kernel, Operation, Phase, Result
from neuropil.plan.parts import Batch, KernelBatch
from neuropil.plan.plan import Plan
from neuropil.plan.signature import OF_SOMA, Argument, Kind, state
from neuropil.registry import builder_of


@dataclass
class GroupArrays:
    """The arrays of one batch in one thread, by the kernel's arguments; length: its slots.

    Attributes:
        size: slots of the thread.
        states: what holds all states among the arrays, with room between them that stays 0.
        arrays: by argument of the kernel.
    """

    size: int
    states: np.ndarray
    arrays: dict[Argument, np.ndarray] = field(default_factory=dict)


@dataclass
class Machine:
    """Everything a network's program works on.

    Attributes:
        groups: [thread][batch].
        accumulators: for each thread those of what arrives, int[channels, slots].
        exchange: what owners share.
        operations: in order.
        amplitudes: current drives that can be set between steps: (drive index) -> one array [sites, own neurons] per thread.
        probes: [thread][probe] buffers.
        cells: populations with morphology, by name; compartments: the buffers of their states.
        before: what to do before a run from step k; renewed: what to do when parameters have changed, given the plan as it is then.
        streams: keys of the random numbers that are drawn in steps.
        numbers, periods: by batch, what its kernel reads for each segment (rows, see `Share`); all threads share them.
        advances: by batch, or by name of cells, the operation that advances their elements; stimuli: by batch, see `stimuli_of`.
        levels: of modulators, by name; modulated: by target, what modulators change; probed: likewise of probes; synaptic: likewise of synapses.
    """

    groups: list[list[GroupArrays]]
    accumulators: list[np.ndarray]
    exchange: Exchange
    streams: Streams
    operations: list[Operation] = field(default_factory=list)
    amplitudes: dict[int, list[np.ndarray]] = field(default_factory=dict)
    probes: list[list[ProbeBuffer]] = field(default_factory=list)
    cells: dict[str, Owned] = field(default_factory=dict)
    compartments: dict[str, Buffer] = field(default_factory=dict)
    before: list[Callable[[int], None]] = field(default_factory=list)
    renewed: list[Callable[[Plan], None]] = field(default_factory=list)
    numbers: dict[int, np.ndarray] = field(default_factory=dict)
    periods: dict[int, np.ndarray] = field(default_factory=dict)
    advances: dict[int | str, Operation] = field(default_factory=dict)
    stimuli: dict[int, dict[str | int, Operation]] = field(default_factory=dict)
    levels: dict[str, Level] = field(default_factory=dict)
    modulated: dict[Target, ModulatedTarget] = field(default_factory=dict)
    probed: list[ModulatedProbe] = field(default_factory=list)
    synaptic: list[ModulatedTarget] = field(default_factory=list)

    @property
    def effects(self) -> list[ModulatedTarget]:
        """Everything that modulators change by operations."""
        return [*self.modulated.values(), *self.probed, *self.synaptic]

    @property
    def arrays(self) -> Arrays:
        """What kernels of neurons read, as it is now."""
        return Arrays([[own.arrays for own in mine] for mine in self.groups], self.numbers, self.periods, {name: [cells for _, cells in owned] for name, owned in self.cells.items()})


def compose(plan: Plan, layout: Layout, probe_rows: int, exchange: Exchange) -> Machine:
    """Allocate the state of a plan and list the operations of a step.

    Args:
        probe_rows: samples a probe's buffer can hold.
        exchange: what owners share.

    Returns:
        The machine: arrays and operations of all threads.
    """
    accumulators = [aligned_zeros((max(plan.channels, 1), share.size), plan.accumulator) for share in layout.shares]
    machine = Machine([[] for _ in layout.shares], accumulators, exchange, Streams(plan.seed))
    for g, batch in enumerate(plan.batches):
        for t, share in enumerate(layout.shares):
            machine.groups[t].append(_group_arrays(plan, batch, share, g, accumulators[t]))
    for g, batch in enumerate(plan.batches):
        machine.stimuli[g] = stimuli_of(plan, layout, g, batch, [own[g].arrays for own in machine.groups], machine.amplitudes, machine.streams)
        machine.operations += machine.stimuli[g].values()
        if isinstance(batch, KernelBatch):
            machine.operations += _group_update(plan, layout, machine, g, batch)
        if states := tuple(plan.buffers[g, a] for a in batch.arguments if a.kind is Kind.STATE):
            machine.operations.append(checking(batch.name, [own[g].states for own in machine.groups], states))
    for name, planned in plan.cells.items():
        machine.cells[name], machine.compartments[name], operations = cells_of(plan, layout, lambda t, g: machine.groups[t][g].arrays, planned)
        machine.advances[name] = operations[0]
        machine.operations += operations
    machine.levels, machine.modulated = modulators_of(plan, layout, machine.arrays)
    machine.operations += [op for level in machine.levels.values() for op in level.operations]
    machine.operations += [part.operation for part in machine.modulated.values()]
    if plan.network.couplings:
        made, machine.before = junctions(
            plan.network, len(layout.shares), partial(_potentials, plan, layout, machine), partial(own_input, plan, layout, machine), plan.precision, exchange,
            partial(potential_buffer, plan, machine), partial(input_buffer, plan),
        )
        machine.operations += made
    groups = [[own.arrays for own in mine] for mine in machine.groups]
    recorded = Recorded(plan, layout, groups, machine.numbers, machine.cells, machine.compartments, probe_rows, machine.levels)
    machine.renewed, machine.probed = recorded.renewed, recorded.modulated
    machine.probes = [[] for _ in layout.shares]
    for probe in plan.network.probes:
        buffers, operations = builder_of(probe, "engine")(probe, recorded)
        machine.operations += operations
        for mine, buffer in zip(machine.probes, buffers, strict=True):
            mine.append(buffer)
    machine.operations += [probed.operation for probed in machine.probed]
    return machine


# --- arrays ------------------------------------------------------------------------------------------------------


def _group_arrays(plan: Plan, group: Batch, share: Partition, g: int, accumulators: np.ndarray) -> GroupArrays:
    """Zeroed, then filled with initial states and per-neuron constants."""
    start, stop = share.start[g], share.start[g + 1]
    states = [a for a in group.arguments if a.kind is Kind.STATE]
    dtype = plan.element_type(group, states[0]) if states else np.float32
    together = aligned_zeros((len(states), -(-(stop - start) // LINE) * LINE), dtype)
    made = GroupArrays(stop - start, together)
    ports = list(group.ports)
    for argument in group.arguments:
        if argument.kind is Kind.STATE:
            made.arrays[argument] = together[states.index(argument), : stop - start]
        elif argument.kind is Kind.EXACT:
            made.arrays[argument] = accumulators[ports.index(str(argument.name)), start:stop]
        else:
            made.arrays[argument] = aligned_zeros(stop - start, plan.element_type(group, argument))
    for member in group.members:
        mine = share.slices[member.population.name, member.part]
        own, slots = slice(mine.lower, mine.lower + mine.neurons), slice(mine.start - start, mine.stop - start)
        for name, value in member.initial.items():
            made.arrays[state(name)][slots] = value[:, own].ravel() if np.ndim(value) else value
        for argument, value in member.arrays.items():
            made.arrays[argument][slots] = value[:, own].ravel()
    return made


def _group_update(plan: Plan, layout: Layout, machine: Machine, g: int, group: KernelBatch) -> list[Operation]:
    """Advance the group's neurons and collect those that fired."""
    machine.numbers[g] = np.concatenate([m.numbers for m in group.members]).astype(group.precision)
    machine.periods[g] = np.array([m.period for m in group.members for _ in range(m.sites)], np.int32)
    machine.advances[g] = advance_of(plan, layout, machine, g, group)
    made = [machine.advances[g]]
    if group.program.can_fire:
        lists = tuple(
            (machine.groups[t][g].arrays[Argument(Kind.FIRED)], share.elements[share.start[g] : share.start[g + 1]])
            for t, share in enumerate(layout.shares)
        )
        made.append(collecting(group.name, lists.__getitem__, plan.buffers[g, Argument(Kind.FIRED)]))
    return made


def advance_of(plan: Plan, layout: Layout, machine: Machine, g: int, group: KernelBatch) -> Operation:
    """What advances the elements of a batch, on the arrays, numbers and periods that the machine holds.

    Args:
        plan, layout: the network's.
        g: index of the batch; group: the batch.
        machine: of the network.
    """
    kernel = load(NAME, source_of(group))
    arguments = tuple(
        (share.bounds[g], machine.numbers[g], machine.periods[g], *_kernel_arrays(plan, share, machine.groups[t], g, group))
        for t, share in enumerate(layout.shares)
    )
    noun = "branches" if group.variant.gives else "neurons"
    used = _uses(plan, g, group)
    return Operation(
        f"{group.name}: {group.size} {noun}", Phase.NEURONS, Kernel.of(kernel.advance), arguments.__getitem__, result=Result.DIVERGED,
        sets=used["sets"], adds=used["adds"], reads=used["reads"], updates=used["updates"],
    )  # fmt: skip


_UPDATED = (Kind.STATE, Kind.REFRACTORY, Kind.EXACT, Kind.REAL)
"""What a kernel of neurons brings to the end of the step: its states; what has arrived it sets to zero."""


def _uses(plan: Plan, g: int, group: KernelBatch) -> dict[str, tuple[Buffer, ...]]:
    """What the kernel of a batch does to buffers."""
    uses: dict[str, list[Buffer]] = {"sets": [], "adds": [], "reads": [], "updates": []}
    for argument in group.signature.arguments:
        if argument.kind in OF_SOMA:
            population = group.members[0].population
            if argument.kind is Kind.SOMA_STATE:
                uses["reads"].append(plan.buffer(population, "", state(str(argument.name))))
            elif argument.kind is Kind.SOMA_INPUT:
                assert isinstance(population.neuron, Branched)
                uses["adds"].append(plan.buffer(population, "", Argument(Kind.INPUT, population.neuron.into)))
            continue
        use = "sets" if argument.kind is Kind.FIRED else "updates" if argument.kind in _UPDATED else "reads"
        # An array that a change has brought about was not planned.
        uses[use].append(plan.buffers.get((g, argument)) or group.buffer(plan, argument))
    return {use: tuple(buffers) for use, buffers in uses.items()}


def _kernel_arrays(plan: Plan, share: Partition, mine: list[GroupArrays], g: int, group: KernelBatch) -> list[np.ndarray]:
    """The arrays of a thread that a group's kernel works on: its own, and those of the somas that its elements act on."""
    made = []
    for argument in group.signature.arguments:
        if argument.kind not in OF_SOMA:
            made.append(mine[g].arrays[argument])
            continue
        neuron = group.members[0].population.neuron
        assert isinstance(neuron, Branched)
        soma, _ = plan.indices_of(group.members[0].population)
        if argument.kind is Kind.SOMA_STATE:
            made.append(mine[soma].arrays[state(str(argument.name))])
        elif argument.kind is Kind.SOMA_INPUT:
            made.append(mine[soma].arrays[Argument(Kind.INPUT, neuron.into)])
        else:
            there = [share.slices[m.population.name, ""].start - share.start[soma] for m in group.members for _ in range(m.sites)]
            made.append((np.array(there, np.int64) - share.bounds[g][:, 0]).astype(np.uint64))
    return made


def own_array(plan: Plan, layout: Layout, machine: Machine, population: Population, part: str, argument: Argument, t: int) -> np.ndarray:
    """An array of a part of a population in a thread, [sites × own neurons].

    Args:
        machine: all arrays.
        argument: which array of the part.
        t: the thread.
    """
    g, _ = plan.indices_of(population, part)
    mine, start = layout.slice(population, part, t), layout.shares[t].start[g]
    return machine.groups[t][g].arrays[argument][mine.start - start : mine.stop - start]


def potential_buffer(plan: Plan, machine: Machine, population: Population, part: str) -> Buffer:
    """The buffer of the potentials of a part: of a point process on a cell, those of its compartments."""
    return machine.compartments[population.name] if population.name in machine.cells else plan.buffer(population, part, state("v"))


def own_input(plan: Plan, layout: Layout, machine: Machine, population: Population, entry: str, t: int) -> np.ndarray:
    """Where a thread's neurons find an input, by its full name.

    Args:
        machine: all arrays.
        entry: full name of the input.
        t: the thread.
    """
    part, name = split(entry)
    return own_array(plan, layout, machine, population, part, Argument(Kind.INPUT, name), t)


def input_buffer(plan: Plan, population: Population, entry: str) -> Buffer:
    """The buffer of an input, by its full name `entry`, of a population."""
    part, name = split(entry)
    return plan.buffer(population, part, Argument(Kind.INPUT, name))


def _potentials(plan: Plan, layout: Layout, machine: Machine, population: Population, part: str, t: int) -> Potentials:
    """The potentials of a part in a thread: of a point process on a cell, those of its compartments."""
    if population.name in machine.cells:
        own, cells = machine.cells[population.name][t]
        return Potentials(own, cells.potentials(part), cells.look)
    mine = layout.slice(population, part, t)
    return Potentials(slice(mine.lower, mine.lower + mine.neurons), own_array(plan, layout, machine, population, part, state("v"), t), lambda: None)
