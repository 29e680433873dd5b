"""Probes in the engine: what each samples into buffers, by a builder registered for its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.equation_source import NAME, expression_source
from neuropil.engine.cells.compose import Owned, check_probe, sampled
from neuropil.engine.layout import Layout
from neuropil.engine.sampling import sample, sample_cells
from neuropil.lower.equation import expression_program, parameter_leaves
from neuropil.model.base import grid
from neuropil.model.contents.contents import ExpressionProbe, Probe
from neuropil.model.neuron.composite import split
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Given, Kernel, Operation, Phase
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, state
from neuropil.registry import register


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


@dataclass(frozen=True)
class Recorded:
    """What probes may record of.

    Attributes:
        plan, layout: the network's.
        arrays: [thread][batch], by argument.
        cells: populations with morphology, by name; compartments: the buffers of their states.
        rows: samples that a buffer holds.
    """

    plan: Plan
    layout: Layout
    arrays: list[list[dict[Argument, np.ndarray]]]
    cells: dict[str, Owned]
    compartments: dict[str, Buffer]
    rows: int

    def slots(self, probe: Probe, part: str, t: int) -> tuple[np.ndarray, np.ndarray]:
        """The columns of a probe of a part that thread t owns, and where their elements lie in the arrays of their batch."""
        g, _ = self.plan.place_of(probe.target, part)
        everywhere = self.plan.parts[probe.target.name, part].first + probe.places
        columns = np.flatnonzero(self.layout.thread_of[everywhere] == t)
        return columns, self.layout.slot_of[everywhere[columns]].astype(np.int64) - self.layout.shares[t].start[g]

    def buffer(self, columns: np.ndarray, fill: float = 0.0) -> ProbeBuffer:
        """A buffer of some `columns`, full of `fill`."""
        return ProbeBuffer(columns, np.full((self.rows, columns.size), fill, self.plan.precision), np.zeros(1, np.int64))

    def operation(self, probe: Probe, kernel: Kernel, arguments: list[tuple[Any, ...]], observed: tuple[Buffer, ...]) -> Operation:
        """What samples a probe at the end of its steps.

        Args:
            probe: as described.
            kernel: is given the step, the probe's interval in steps, then the arguments of a thread.
            arguments: of each thread.
            observed: the buffers that it reads.
        """
        every = steps_between(probe, self.plan.dt)
        made = [(every, *more) for more in arguments]
        return Operation(f"record {probe.name}", Phase.PROBES, kernel, made.__getitem__, (Given.STEP,), observes=observed)


Sampled = tuple[list[ProbeBuffer], Operation]
"""What a builder of a probe returns: the buffer of each thread, and what fills them."""


@register(Probe, "engine")
def of_state(probe: Probe, recorded: Recorded) -> Sampled:
    """A state of a part, or of compartments: there NaN where a compartment does not have it."""
    threads, name = range(len(recorded.layout.shares)), probe.target.name
    part, variable = split(probe.variable)
    if name in recorded.cells and part not in probe.target.parts:
        check_probe(probe, recorded.cells[name])
        found = [sampled(probe, *recorded.cells[name][t]) for t in threads]
        buffers = [recorded.buffer(columns, np.nan) for columns, _ in found]
        arguments = [(tuple(sources), b.values, b.filled) for (_, sources), b in zip(found, buffers, strict=True)]
        return buffers, recorded.operation(probe, Kernel.of(sample_cells), arguments, (recorded.compartments[name],))
    g, _ = recorded.plan.place_of(probe.target, part)
    places = [recorded.slots(probe, part, t) for t in threads]
    buffers = [recorded.buffer(columns) for columns, _ in places]
    lists = [(recorded.arrays[t][g][state(variable)], places[t][1], b.values, b.filled) for t, b in enumerate(buffers)]
    return buffers, recorded.operation(probe, Kernel.of(sample), lists, (recorded.plan.buffer(probe.target, part, state(variable)),))


@register(ExpressionProbe, "engine")
def of_expression(probe: ExpressionProbe, recorded: Recorded) -> Sampled:
    """What is computed in float64 from the states at the end of a step and the parameters."""
    part, model, plan = probe.expression.part, probe.model, recorded.plan
    program = expression_program(probe.expression, model)
    g, m = plan.place_of(probe.target, part)
    sites, size = probe.site_count, probe.target.size
    where = (probe.places % sites) * size + probe.places // sites  # parameters lie site by site
    parameters = plan.batches[g].members[m].parameters
    leaves = {leaf: np.asarray(parameters[n])[where] if np.ndim(parameters[n]) else parameters[n] for n, leaf in parameter_leaves(parameters).items()}
    constants = program.constants(leaves)
    varying = [j for j, value in enumerate(constants) if np.ndim(value)]
    numbers = np.array([value for value in constants if not np.ndim(value)], float)
    used = [n for n in model.spec.states if f"s.{n}" in program.graph.leaves(program.root)]
    kernel = load(NAME, expression_source(program, used, varying))
    buffers, arguments = [], []
    for t in range(len(recorded.layout.shares)):
        columns, slots = recorded.slots(probe, part, t)
        made, states = recorded.buffer(columns), tuple(recorded.arrays[t][g][state(n)] for n in used)
        buffers.append(made)
        arguments.append((slots, made.values, made.filled, numbers, states, *(constants[j][columns] for j in varying)))
    observed = tuple(plan.buffer(probe.target, part, state(n)) for n in used)
    return buffers, recorded.operation(probe, Kernel.of(kernel.sample), arguments, observed)


def steps_between(probe: Probe, dt: float) -> int:
    """The interval of a `probe` in steps of `dt` (ms)."""
    return 1 if probe.interval is None else grid.steps(probe.interval, dt, f"probe {probe.name}: interval")
