"""The operations by which stimuli fill the counts, events and currents of a batch of neurons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from neuropil.model.stimulus.checks import base
from neuropil.model.stimulus.stimulus import builder_for
from neuropil.plan.operations import Given, Kernel, Operation, Phase
from neuropil.plan.parts import Batch, KernelBatch, PlannedStimulus, PopulationSlice
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, Kind

Arrays = Sequence[dict[Argument, np.ndarray]]
"""Of each thread, the arrays of a batch."""


def stimuli_of(
    plan: Plan, layout: Layout, g: int, batch: Batch, arrays: Arrays, amplitudes: dict[int, list[np.ndarray]], streams: Streams
) -> dict[str | int, Operation]:
    """All that is done before the neurons of a batch advance: stimuli by their indices in the network, counts by their port, the rest by name.

    Args:
        plan, layout: the network's.
        g: index of the batch in the plan.
        batch: the neurons.
        arrays: theirs, of each thread.
        amplitudes: takes what can be set between steps, by the index of the stimulus in the network.
        streams: of random numbers.
    """
    made: dict[str | int, Operation] = {counts_at(port): counted(plan, layout, g, batch, port, arrays, streams) for port in batch.variant.counted}
    for name in batch.variant.driven:
        cleared = [(own[Argument(Kind.INPUT, name)],) for own in arrays]
        made[f"clear {name}"] = Operation(
            f"{batch.name}: clear {name}", Phase.STIMULI, Kernel.of(clear), cleared.__getitem__, sets=(plan.buffers[g, Argument(Kind.INPUT, name)],)
        )
    if isinstance(batch, KernelBatch) and batch.program.draws_uniform:
        made["uniform"] = _uniform(plan, layout, g, batch, arrays, streams)
    for member in batch.members:
        for planned in plan.drives:
            connection = planned.drive
            if connection.target is member.population and split(connection.entry)[0] == member.part and planned.kind != "counted":
                made[planned.index] = stimulus_of(plan, layout, planned, arrays, amplitudes, streams)
    return made


def stimulus_of(
    plan: Plan, layout: Layout, planned: PlannedStimulus, arrays: Arrays, amplitudes: dict[int, list[np.ndarray]], streams: Streams
) -> Operation:
    """What adds a stimulus that is not counted.

    Args:
        plan, layout, arrays, amplitudes, streams: as of `stimuli_of`.
        planned: the stimulus.
    """
    connection = planned.drive
    target = Argument(Kind.REAL if connection.port else Kind.INPUT, split(connection.entry)[1])
    with streams.followed_for(planned.index):
        driven = Driven.of(plan, layout, planned.index, connection, target, [own[target] for own in arrays], amplitudes, streams)
        made: Operation = builder_for(connection.stimulus, "engine")(driven)
    return made


def counts_at(port: str) -> str:
    """The name of the operation that draws the Poisson counts at a port."""
    return f"counts at {port}"


MOST_COUNTED = 100.0
"""Mean number of events per step and neuron that a count of 8 bits holds beyond any doubt."""


def counted(plan: Plan, layout: Layout, g: int, batch: Batch, port: str, arrays: Arrays, streams: Streams) -> Operation:
    """Poisson counts of every member of a batch on a port, by thresholds.

    Each member has one rate; after a change it may have one for each neuron, and consecutive neurons of one rate are counted together.

    Args:
        plan, layout, g, batch, arrays, streams: as of `stimuli_of`.
        port: name of the port.
    """
    rates: list[np.ndarray] = []
    names: list[tuple[str | int, ...]] = []
    for member in batch.members:
        entry = full_name(member.part, port)
        planned = next(d for d in plan.drives if d.kind == "counted" and d.drive.target is member.population and d.drive.port == entry)
        stimulus: Any = planned.drive.stimulus
        rates += [np.asarray(base(stimulus.rate), float)] * member.sites
        names += [("drive", *planned.drive.stream)] * member.sites
    distinct = {lam: rng.poisson_thresholds(lam) for lam in np.unique(np.concatenate([np.ravel(r) for r in rates]) * plan.dt).tolist()}
    arguments = []
    for t, (share, own) in enumerate(zip(layout.shares, arrays, strict=True)):
        runs = [_runs(rate, share.bounds[g][s], int(share.lower[g][s]), m.population.size) for s, (rate, m) in enumerate(zip(rates, _each_site(batch), strict=True))]
        bounds, lower = np.concatenate([where for where, _, _ in runs]), np.concatenate([firsts for _, firsts, _ in runs])
        tables = [distinct[lam] for _, _, means in runs for lam in (means * plan.dt).tolist()]
        each = [name for name, (where, _, _) in zip(names, runs, strict=True) for _ in where]
        ahead = np.full(1, -1, np.int64)
        with streams.followed_for((g, port, t)):
            keys = streams.table(each, [ahead])
        table, size = padded(tables)
        halves, known = padded([upper_halves(t) for t in tables])
        count, longest = own[Argument(Kind.COUNT, port)], int(np.diff(bounds).max(initial=0))
        rows, undecided = aligned_zeros((STEPS, count.size + ALIGN), np.uint8), np.zeros((longest // AT_ONCE + 1, STEPS), np.uint32)
        arguments.append((bounds, lower, keys, halves, known, table, size, ahead, count, rows, undecided))
    return Operation(f"{batch.name}.{port}: Poisson counts", Phase.STIMULI, Kernel.of(poisson_counts), arguments.__getitem__, (Given.STEP,), sets=(plan.buffers[g, Argument(Kind.COUNT, port)],))


def _each_site(batch: Batch) -> list[PopulationSlice]:
    """The member of each segment."""
    return [m for m in batch.members for _ in range(m.sites)]


def _runs(rate: np.ndarray, bounds: np.ndarray, lower: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The stretches of a segment with one rate: int64[runs, 2], where each begins and ends, the counter of its first element, its rate.

    Args:
        rate: one, or float64[neurons].
        bounds: where the segment begins and ends; lower: the counter of its first element, see `Partition`.
        size: neurons of the population.
    """
    start, stop = bounds
    if not rate.ndim or stop == start:
        return bounds[None], np.array([lower]), np.ravel(rate)[:1]
    own = rate[lower % size : lower % size + stop - start]
    begins = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
    return start + np.stack([begins, np.append(begins[1:], own.size)], axis=1), lower + begins, own[begins]


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
