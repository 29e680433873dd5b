"""The operations by which stimuli fill the counts, events and currents of a batch of neurons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuropil import rng
from neuropil.engine.layout import Layout
from neuropil.engine.stimuli import currents, equation, events  # noqa: F401  (they register the builders of the package)
from neuropil.engine.stimuli.driven import Driven
from neuropil.engine.stimuli.kernels import AT_ONCE, BLOCK, FEW, clear, poisson_counts, uniform_numbers
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
    # Thresholds worth testing for everyone: those that more than one draw in a thousand reaches.
    rare = np.uint32(2**32 * (1 - 1e-3))
    needed = max(int(np.searchsorted(t, rare)) for t in tables)
    width = FEW if needed <= FEW else AT_ONCE * -(-needed // AT_ONCE)
    table = np.full((len(tables), max(width, *(t.size for t in tables))), 0xFFFFFFFF, np.uint32)
    sizes = np.array([t.size for t in tables], np.int64)
    ahead = [np.full(1, -1, np.int64) for _ in arrays]
    keys = streams.table(names, ahead)
    for row, thresholds in zip(table, tables, strict=True):
        row[: thresholds.size] = thresholds
    arguments = [
        (
            share.bounds[g], share.lower[g], keys, table, sizes, width, ahead[t],
            (count := own[Argument(Kind.COUNT, port)]), np.zeros(count.size, np.uint8), np.zeros((2, BLOCK), np.uint32),
        )
        for t, (share, own) in enumerate(zip(layout.shares, arrays, strict=True))
    ]  # fmt: skip
    return Operation(f"{batch.name}.{port}: Poisson counts", Phase.STIMULI, Kernel.of(poisson_counts), arguments.__getitem__, (Given.STEP,), sets=(plan.buffers[g, Argument(Kind.COUNT, port)],))


def _uniform(plan: Plan, layout: Layout, g: int, batch: KernelBatch, arrays: Arrays, streams: Streams) -> Operation:
    """The numbers that decide the spikes of neurons with a hazard."""
    ahead = [np.full(1, -1, np.int64) for _ in arrays]
    keys = streams.table([("hazard", m.population.name) for m in batch.members], ahead)
    arguments = [
        (share.bounds[g], share.lower[g], keys, ahead[t], u := own[Argument(Kind.UNIFORM)], np.zeros_like(u))
        for t, (share, own) in enumerate(zip(layout.shares, arrays, strict=True))
    ]
    kernel = Kernel.made(uniform_numbers, batch.precision)
    return Operation(f"{batch.name}: a uniform number each", Phase.STIMULI, kernel, arguments.__getitem__, (Given.STEP,), sets=(plan.buffers[g, Argument(Kind.UNIFORM)],))
