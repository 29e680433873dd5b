"""From a plan and its layout to arrays and operations: what each thread holds and what it does in a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from neuropil import rng
from neuropil.codegen.cache import load
from neuropil.codegen.kernel import NAME, source_of
from neuropil.engine.cells.compose import Owned, cells_of, check_probe, sampled
from neuropil.engine.exchange.junctions import Potentials, junctions
from neuropil.engine.exchange.spikes import collecting
from neuropil.engine.layout import Layout, Partition
from neuropil.engine.sampling import sample, sample_cells
from neuropil.engine.stimuli.kernels import (
    clear,
    gaussian_current,
    listed_events,
    poisson_counter,
    poisson_events,
    sampled_current,
    scaled_current,
    uniform_numbers,
)
from neuropil.engine.stimuli.waveform import index_row, listed, poisson_classes, wave_row
from neuropil.model.base import grid
from neuropil.model.contents.contents import Population, Probe, StimulusConnection
from neuropil.model.neuron.branched import Branched
from neuropil.model.neuron.composite import full_name, split
from neuropil.model.stimulus.stimulus import InhomogeneousPoisson, Noise, Poisson, Regular, SpikeList, TimeArray
from neuropil.plan.builder import drawn, drive_weight
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result, TimeTable
from neuropil.plan.parts import Batch, KernelBatch, PlannedStimulus, PopulationSlice
from neuropil.plan.plan import Plan
from neuropil.plan.signature import OF_SOMA, Argument, Kind, state
from neuropil.units import Quantity

POISSON_WIDTHS = (2, 4, 6, 8, 10, 12, 16, 20, 24, 32)
"""How many thresholds of a Poisson count are tested for every neuron."""


@dataclass
class GroupArrays:
    """The arrays of one batch in one thread, by the kernel's arguments; length: its slots."""

    size: int
    arrays: dict[Argument, np.ndarray] = field(default_factory=dict)


@dataclass
class Machine:
    """Everything a network's program works on.

    Attributes:
        groups: [thread][batch].
        arrived: for each thread the accumulators, int[channels, slots].
        operations: in order.
        amplitudes: current drives that can be set between steps: (drive index) -> one array [sites, own neurons] per thread.
        probes: [thread][probe] buffers.
        cells: populations with morphology, by name.
        before: what to do before a run from step k.
        numbers, periods: by batch, what its kernel reads for each segment (rows, see `Share`); all threads share them.
    """

    groups: list[list[GroupArrays]]
    arrived: list[np.ndarray]
    operations: list[Operation] = field(default_factory=list)
    amplitudes: dict[int, list[np.ndarray]] = field(default_factory=dict)
    probes: list[list[ProbeBuffer]] = field(default_factory=list)
    cells: dict[str, Owned] = field(default_factory=dict)
    before: list[Callable[[int], None]] = field(default_factory=list)
    numbers: dict[int, np.ndarray] = field(default_factory=dict)
    periods: dict[int, np.ndarray] = field(default_factory=dict)


@dataclass
class ProbeBuffer:
    """What a thread records for a probe until the next flush.

    Attributes:
        columns: which of the probe's columns this thread owns.
        values: [rows, own columns].
        filled: int64[1], rows written.
    """

    columns: np.ndarray
    values: np.ndarray
    filled: np.ndarray


def compose(plan: Plan, layout: Layout, probe_rows: int) -> Machine:
    """Allocate the state of a plan and list the operations of a step.

    Args:
        probe_rows: samples a probe's buffer can hold.
    """
    arrived = [np.zeros((max(plan.channels, 1), share.size), plan.accumulator) for share in layout.shares]
    machine = Machine([[] for _ in layout.shares], arrived)
    for g, batch in enumerate(plan.batches):
        for t, share in enumerate(layout.shares):
            machine.groups[t].append(_group_arrays(plan, batch, share, g, arrived[t]))
    for g, batch in enumerate(plan.batches):
        machine.operations += _group_stimuli(plan, layout, machine, g, batch)
        if isinstance(batch, KernelBatch):
            machine.operations += _group_update(plan, layout, machine, g, batch)
    for name, planned in plan.cells.items():
        machine.cells[name], operations = cells_of(plan, layout, lambda t, g: machine.groups[t][g].arrays, planned)
        machine.operations += operations
    if plan.network.couplings:
        made, machine.before = junctions(
            plan.network, len(layout.shares), partial(_potentials, plan, layout, machine), partial(_input, plan, layout, machine), plan.precision
        )
        machine.operations += made
    _add_probes(plan, layout, machine, probe_rows)
    # Within a step all stimuli come first; Python's sort keeps the order otherwise.
    machine.operations.sort(key=lambda op: (Phase.STIMULI, Phase.NEURONS, Phase.PROBES).index(op.phase))
    return machine


# --- arrays ------------------------------------------------------------------------------------------------------


def _group_arrays(plan: Plan, group: Batch, share: Partition, g: int, arrived: np.ndarray) -> GroupArrays:
    """Zeroed, then filled with initial states and per-neuron constants."""
    start, stop = share.start[g], share.start[g + 1]
    made = GroupArrays(stop - start)
    ports = list(group.ports)
    for argument in group.arguments:
        if argument.kind is Kind.EXACT:
            made.arrays[argument] = arrived[ports.index(str(argument.name)), start:stop]
        else:
            made.arrays[argument] = np.zeros(stop - start, plan.element_type(group, argument))
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
    kernel = load(NAME, source_of(group))
    numbers = np.concatenate([m.numbers for m in group.members]).astype(group.precision)
    periods = np.array([m.period for m in group.members for _ in range(m.sites)], np.int32)
    machine.numbers[g], machine.periods[g] = numbers, periods
    arguments = tuple(
        (share.bounds[g], numbers, periods, *_kernel_arrays(plan, share, machine.groups[t], g, group))
        for t, share in enumerate(layout.shares)
    )
    noun = "branches" if group.variant.gives else "neurons"
    made = [Operation(f"{group.name}: {group.size} {noun}", Phase.NEURONS, Kernel.of(kernel.advance), arguments.__getitem__, result=Result.DIVERGED)]
    if group.program.can_fire:
        lists = tuple(
            (machine.groups[t][g].arrays[Argument(Kind.FIRED)], share.elements[share.start[g] : share.start[g + 1]])
            for t, share in enumerate(layout.shares)
        )
        made.append(collecting(group.name, lists.__getitem__))
    return made


def _kernel_arrays(plan: Plan, share: Partition, mine: list[GroupArrays], g: int, group: KernelBatch) -> list[np.ndarray]:
    """The arrays of a thread that a group's kernel works on: its own, and those of the somas that its elements act on."""
    made = []
    for argument in group.signature.arguments:
        if argument.kind not in OF_SOMA:
            made.append(mine[g].arrays[argument])
            continue
        neuron = group.members[0].population.neuron
        assert isinstance(neuron, Branched)
        soma, _ = plan.place_of(group.members[0].population)
        if argument.kind is Kind.SOMA_STATE:
            made.append(mine[soma].arrays[state(str(argument.name))])
        elif argument.kind is Kind.SOMA_INPUT:
            made.append(mine[soma].arrays[Argument(Kind.INPUT, neuron.into)])
        else:
            there = [share.slices[m.population.name, ""].start - share.start[soma] for m in group.members for _ in range(m.sites)]
            made.append((np.array(there, np.int64) - share.bounds[g][:-1]).astype(np.uint64))
    return made


def _own_array(plan: Plan, layout: Layout, machine: Machine, population: Population, part: str, argument: Argument, t: int) -> np.ndarray:
    """An array of a part of a population in a thread, [sites × own neurons]."""
    g, _ = plan.place_of(population, part)
    mine, start = layout.slice(population, part, t), layout.shares[t].start[g]
    return machine.groups[t][g].arrays[argument][mine.start - start : mine.stop - start]


def _input(plan: Plan, layout: Layout, machine: Machine, population: Population, entry: str, t: int) -> np.ndarray:
    """Where a thread's neurons find an input, by its full name."""
    part, name = split(entry)
    return _own_array(plan, layout, machine, population, part, Argument(Kind.INPUT, name), t)


def _potentials(plan: Plan, layout: Layout, machine: Machine, population: Population, part: str, t: int) -> Potentials:
    """The potentials of a part in a thread: of a place on a cell, those of its compartments."""
    if population.name in machine.cells:
        own, cells = machine.cells[population.name][t]
        return Potentials(own, cells.potentials(part), cells.look)
    mine = layout.slice(population, part, t)
    return Potentials(slice(mine.lower, mine.lower + mine.neurons), _own_array(plan, layout, machine, population, part, state("v"), t), lambda: None)


# --- stimuli -----------------------------------------------------------------------------------------------------


def _group_stimuli(plan: Plan, layout: Layout, machine: Machine, g: int, group: Batch) -> list[Operation]:
    operations = []
    for port in group.variant.counted:
        operations.append(_counted(plan, layout, machine, g, group, port))
    for name in group.variant.driven:
        arrays = tuple((machine.groups[t][g].arrays[Argument(Kind.INPUT, name)],) for t in range(len(layout.shares)))
        operations.append(Operation(f"{group.name}: clear {name}", Phase.STIMULI, Kernel.of(clear), arrays.__getitem__))
    if isinstance(group, KernelBatch) and group.program.draws_uniform:
        operations.append(_uniform(plan, layout, machine, g, group))
    for member in group.members:
        for planned in plan.drives:
            mine = planned.drive.target is member.population and split(planned.drive.entry)[0] == member.part
            if mine and planned.kind != "counted":
                operations.append(_added(plan, layout, machine, g, member, planned))
    return operations




def _counted(plan: Plan, layout: Layout, machine: Machine, g: int, group: Batch, port: str) -> Operation:
    """Poisson counts of every member of a group on a port, by thresholds."""
    tables, keys = [], []
    for member in group.members:
        planned = next(
            d
            for d in plan.drives
            if d.kind == "counted" and d.drive.target is member.population and d.drive.port == full_name(member.part, port)
        )
        thresholds = rng.poisson_thresholds(_base(planned.drive.stimulus.rate) * plan.dt)  # type: ignore[attr-defined]
        tables += [thresholds] * member.sites
        keys += [rng.stream_key(plan.seed, "drive", *planned.drive.stream)] * member.sites
    # Thresholds worth testing for everyone: those that more than one draw in a thousand reaches.
    rare = np.uint32(2**32 * (1 - 1e-3))
    # Their number is in the program: a few sizes for all rates, so that a sweep of rates shares one.
    needed = max(int(np.searchsorted(t, rare)) for t in tables)
    width = next((w for w in POISSON_WIDTHS if w >= needed), needed)
    table = np.full((len(tables), max(width, *(t.size for t in tables))), 0xFFFFFFFF, np.uint32)
    sizes = np.array([t.size for t in tables], np.int64)
    for row, thresholds in zip(table, tables, strict=True):
        row[: thresholds.size] = thresholds
    arguments = tuple(
        (
            share.bounds[g], share.lower[g], np.array(keys, np.uint32), table, sizes, np.full(1, -1, np.int64),
            machine.groups[t][g].arrays[Argument(Kind.COUNT, port)], np.zeros(machine.groups[t][g].size, np.uint8),
        )
        for t, share in enumerate(layout.shares)
    )  # fmt: skip
    kernel = Kernel.made(poisson_counter, width)
    return Operation(f"{group.name}.{port}: Poisson counts", Phase.STIMULI, kernel, arguments.__getitem__, (Given.STEP,))


def _uniform(plan: Plan, layout: Layout, machine: Machine, g: int, group: KernelBatch) -> Operation:
    keys = np.array([rng.stream_key(plan.seed, "hazard", m.population.name) for m in group.members], np.uint32)
    arguments = tuple(
        (share.bounds[g], share.lower[g], keys, np.full(1, -1, np.int64), u := machine.groups[t][g].arrays[Argument(Kind.UNIFORM)], np.zeros_like(u))
        for t, share in enumerate(layout.shares)
    )
    kernel = Kernel.made(uniform_numbers, group.precision)
    return Operation(f"{group.name}: a uniform number each", Phase.STIMULI, kernel, arguments.__getitem__, (Given.STEP,))


def _added(plan: Plan, layout: Layout, machine: Machine, g: int, member: PopulationSlice, planned: PlannedStimulus) -> Operation:
    """A stimulus of one population that adds to its events or currents."""
    stimulus, size, sites = planned.drive.stimulus, planned.drive.target.size, planned.drive.sites
    name = f"{planned.drive.name} ({type(stimulus).__name__})"
    entry = split(planned.drive.entry)[1]
    array = Argument(Kind.REAL if planned.drive.port else Kind.INPUT, entry)
    key = [np.uint32(part) for part in rng.stream_key(plan.seed, "drive", *planned.drive.stream)]
    real = machine.groups[0][g].arrays[array].dtype
    target = []  # per thread: where its sites start, their counters, its first neuron, how many, the array
    for t, share in enumerate(layout.shares):
        place = share.slices[member.population.name, member.part]
        starts = place.start - share.start[g] + sites * place.neurons
        target.append((starts, sites * size + place.lower, place.lower, place.neurons, machine.groups[t][g].arrays[array]))

    def own(value: Any, t: int) -> np.ndarray:
        """A value per site and neuron of the population, cut to thread t's part."""
        _, _, low, n, _ = target[t]
        full = np.broadcast_to(_base(value), (sites.size, size))
        return np.array(full[:, low : low + n], real, order="C")  # a copy: amplitudes are set between steps

    def operation(kernel: Kernel, given: tuple[Given | TimeTable, ...], arguments: list[tuple[Any, ...]]) -> Operation:
        return Operation(name, Phase.STIMULI, kernel, arguments.__getitem__, given)

    threads = range(len(target))
    if isinstance(stimulus, (Poisson, InhomogeneousPoisson)):
        classes, sizes, table, row = poisson_classes(planned.drive, plan)
        weight = drive_weight(planned, plan.seed)
        cut = [classes[:, :, low : low + n] if classes.shape[2] > 1 else classes for _, _, low, n, _ in target]
        return operation(
            Kernel.of(poisson_events), (Given.STEP, TimeTable(row, index=True)),
            [(target[t][0], target[t][1], *key, np.ascontiguousarray(cut[t]), sizes, table, own(weight, t), target[t][4]) for t in threads],
        )  # fmt: skip
    if isinstance(stimulus, SpikeList):
        when, who = listed(stimulus, plan.dt)
        weight = drive_weight(planned, plan.seed)
        arguments = []
        for t in threads:
            start, _, low, n, out = target[t]
            mine = (who < 0) | ((who >= low) & (who < low + n))
            arguments.append((start, when[mine], np.where(who < 0, -1, who - low)[mine], own(weight, t), out))
        return operation(Kernel.of(listed_events), (Given.STEP,), arguments)
    if isinstance(stimulus, Noise):
        return operation(
            Kernel.made(gaussian_current, str(real)), (TimeTable(index_row(stimulus, plan.dt), index=True),),
            [(target[t][0], target[t][1], *key, own(_drawn(plan, planned, "mean"), t), own(_drawn(plan, planned, "sd"), t), target[t][4]) for t in threads],
        )  # fmt: skip
    if isinstance(stimulus, TimeArray) and np.ndim(_base(stimulus.values)) == 2:
        values = np.asarray(_base(stimulus.values), real)
        return operation(
            Kernel.of(sampled_current), (TimeTable(index_row(stimulus, plan.dt), index=True),),
            [(target[t][0], *_columns(planned.drive, values, low, n), out) for t, (_, _, low, n, out) in enumerate(target)],
        )  # fmt: skip
    if isinstance(stimulus, Regular):
        scale = drive_weight(planned, plan.seed)
    else:
        scale = planned.drive.everywhere(1.0) if isinstance(stimulus, TimeArray) else _drawn(plan, planned, "amplitude")
    amplitudes = [own(scale, t) for t in threads]
    machine.amplitudes[planned.index] = amplitudes
    return operation(
        Kernel.of(scaled_current), (TimeTable(wave_row(stimulus, plan.dt), index=False),),
        [(amplitudes[t], out[start[0] : start[0] + n * sites.size]) for t, (start, _, _, n, out) in enumerate(target)],
    )  # fmt: skip


def _columns(drive: StimulusConnection, values: np.ndarray, low: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a table with a column for each driven neuron: which of the neurons low … low + n - 1 have one, counted from low, and theirs."""
    driven = np.arange(drive.target.size) if drive.neurons is None else drive.neurons
    mine = np.flatnonzero((driven >= low) & (driven < low + n))
    return driven[mine] - low, np.ascontiguousarray(values[:, mine])


def _drawn(plan: Plan, planned: PlannedStimulus, attribute: str) -> Any:
    """A stimulus's amplitude, drawn where it is a distribution."""
    return drawn(planned.drive, plan.seed, attribute, getattr(planned.drive.stimulus, attribute))


def _base(value: Any) -> Any:
    return value.value if isinstance(value, Quantity) else value


# --- probes ------------------------------------------------------------------------------------------------------


def _add_probes(plan: Plan, layout: Layout, machine: Machine, rows: int) -> None:
    machine.probes = [[] for _ in layout.shares]
    for probe in plan.network.probes:
        compartments = probe.target.name in plan.cells and split(probe.variable)[0] not in probe.target.parts
        if compartments:
            check_probe(probe, machine.cells[probe.target.name])
        arguments = []
        for t in range(len(layout.shares)):
            buffer, sources = (_cell_buffer if compartments else _probe_buffer)(plan, layout, machine, probe, t, rows)
            machine.probes[t].append(buffer)
            arguments.append((steps_between(probe, plan.dt), *sources, buffer.values, buffer.filled))
        kernel = Kernel.of(sample_cells if compartments else sample)
        machine.operations.append(Operation(f"record {probe.name}", Phase.PROBES, kernel, arguments.__getitem__, (Given.STEP,)))


def _cell_buffer(plan: Plan, layout: Layout, machine: Machine, probe: Probe, t: int, rows: int) -> tuple[ProbeBuffer, tuple[Any, ...]]:
    """Of a state of compartments; NaN where a compartment does not have it."""
    columns, sources = sampled(probe, *machine.cells[probe.target.name][t])
    values = np.full((rows, columns.size), np.nan, plan.precision)
    return ProbeBuffer(columns, values, np.zeros(1, np.int64)), (tuple(sources),)


def _probe_buffer(plan: Plan, layout: Layout, machine: Machine, probe: Probe, t: int, rows: int) -> tuple[ProbeBuffer, tuple[Any, ...]]:
    part, variable = split(probe.variable)
    g, _ = plan.place_of(probe.target, part)
    everywhere = plan.parts[probe.target.name, part].first + probe.places
    columns = np.flatnonzero(layout.thread_of[everywhere] == t)
    slots = layout.slot_of[everywhere[columns]].astype(np.int64) - layout.shares[t].start[g]
    source = machine.groups[t][g].arrays[state(variable)]
    values = np.zeros((rows, columns.size), plan.precision)
    return ProbeBuffer(columns, values, np.zeros(1, np.int64)), (source, slots)


def steps_between(probe: Probe, dt: float) -> int:
    """A probe's interval in steps."""
    return 1 if probe.interval is None else grid.steps(probe.interval, dt, f"probe {probe.name}: interval")


