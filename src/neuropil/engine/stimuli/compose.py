"""The operations by which stimuli fill the counts, events and currents of a batch of neurons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuropil import rng
from neuropil.codegen.poisson import AT_ONCE, STEPS
from neuropil.engine.aligned import aligned_zeros
from neuropil.engine.layout import ALIGN, Layout
from neuropil.engine.stimuli import currents, equation, events  # noqa: F401  (they register the builders of the package)
from neuropil.engine.stimuli.driven import Driven
from neuropil.engine.stimuli.kernels import clear, poisson_counts, uniform_numbers
from neuropil.engine.streams import Streams
from neuropil.model.neuron.composite import full_name, split
from neuropil.model.stimulus.stimulus import builder_for
from neuropil.plan.operations import Given, Kernel, Operation, Phase
from neuropil.plan.parts import Batch, KernelBatch
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, Kind

Arrays = Sequence[dict[Argument, np.ndarray]]
"""Of each thread, the arrays of a batch."""


def stimuli_of(
    plan: Plan, layout: Layout, g: int, batch: Batch, arrays: Arrays, amplitudes: dict[int, list[np.ndarray]], streams: Streams
) -> list[Operation]:
    """All that is done before the neurons of a batch advance.

    Args:
        plan, layout: the network's.
        g: place of the batch in the plan.
        batch: the neurons.
        arrays: theirs, of each thread.
        amplitudes: takes what can be set between steps, by the place of the stimulus in the network.
        streams: of random numbers.
    """
    operations = [_counted(plan, layout, g, batch, port, arrays, streams) for port in batch.variant.counted]
    for name in batch.variant.driven:
        cleared = [(own[Argument(Kind.INPUT, name)],) for own in arrays]
        operations.append(Operation(f"{batch.name}: clear {name}", Phase.STIMULI, Kernel.of(clear), cleared.__getitem__, sets=(plan.buffers[g, Argument(Kind.INPUT, name)],)))
    if isinstance(batch, KernelBatch) and batch.program.draws_uniform:
        operations.append(_uniform(plan, layout, g, batch, arrays, streams))
    for member in batch.members:
        for planned in plan.drives:
            connection = planned.drive
            part, name = split(connection.entry)
            if connection.target is member.population and part == member.part and planned.kind != "counted":
                target = Argument(Kind.REAL if connection.port else Kind.INPUT, name)
                driven = Driven.of(plan, layout, planned.index, connection, target, [own[target] for own in arrays], amplitudes, streams)
                operations.append(builder_for(connection.stimulus, "engine")(driven))
    return operations


def _counted(plan: Plan, layout: Layout, g: int, batch: Batch, port: str, arrays: Arrays, streams: Streams) -> Operation:
    """Poisson counts of every member of a batch on a port, by thresholds."""
    tables, names = [], []
    for member in batch.members:
        name = full_name(member.part, port)
        planned = next(d for d in plan.drives if d.kind == "counted" and d.drive.target is member.population and d.drive.port == name)
        rate = planned.drive.stimulus.poisson_rate
        assert rate is not None
        tables += [rng.poisson_thresholds(rate * plan.dt)] * member.sites
        names += [("drive", *planned.drive.stream)] * member.sites
    table, size = padded(tables)
    halves, known = padded([upper_halves(t) for t in tables])
    ahead = [np.full(1, -1, np.int64) for _ in arrays]
    keys = streams.table(names, ahead)
    arguments = []
    for t, (share, own) in enumerate(zip(layout.shares, arrays, strict=True)):
        count, longest = own[Argument(Kind.COUNT, port)], int(np.diff(share.bounds[g]).max(initial=0))
        rows, undecided = aligned_zeros((STEPS, count.size + ALIGN), np.uint8), np.zeros((longest // AT_ONCE + 1, STEPS), np.uint32)
        arguments.append((share.bounds[g], share.lower[g], keys, halves, known, table, size, ahead[t], count, rows, undecided))
    return Operation(f"{batch.name}.{port}: Poisson counts", Phase.STIMULI, Kernel.of(poisson_counts), arguments.__getitem__, (Given.STEP,), sets=(plan.buffers[g, Argument(Kind.COUNT, port)],))


def padded(lists: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lists as the rows of an array, and int64[lists], how long they are."""
    size = np.array([x.size for x in lists], np.int64)
    made = np.zeros((len(lists), max(1, int(size.max(initial=0)))), lists[0].dtype)
    for row, x in zip(made, lists, strict=True):
        row[: x.size] = x
    return made, size


def upper_halves(thresholds: np.ndarray) -> np.ndarray:
    """Those of the upper halves of thresholds that can decide a count: uint16, below 0xFFFF."""
    halves = (thresholds >> np.uint32(16)).astype(np.uint16)
    return halves[halves < 0xFFFF]


def _uniform(plan: Plan, layout: Layout, g: int, batch: KernelBatch, arrays: Arrays, streams: Streams) -> Operation:
    """The numbers that decide the spikes of neurons with a hazard."""
    ahead = [np.full(1, -1, np.int64) for _ in arrays]
    keys = streams.table([("hazard", m.population.name) for m in batch.members], ahead)
    arguments = [
        (share.bounds[g], share.lower[g], keys, ahead[t], u := own[Argument(Kind.UNIFORM)], aligned_zeros(u.size, u.dtype))
        for t, (share, own) in enumerate(zip(layout.shares, arrays, strict=True))
    ]
    kernel = Kernel.made(uniform_numbers, batch.precision)
    return Operation(f"{batch.name}: a uniform number each", Phase.STIMULI, kernel, arguments.__getitem__, (Given.STEP,), sets=(plan.buffers[g, Argument(Kind.UNIFORM)],))
