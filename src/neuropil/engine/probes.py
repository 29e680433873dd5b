"""Probes in the engine: what each samples into buffers, by a builder registered for its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.equation_source import NAME, expression_source
from neuropil.engine.cells.arrays import CellArrays
from neuropil.engine.cells.compose import check_probe, sampled
from neuropil.engine.effects.modulated_probe import ModulatedProbe
from neuropil.engine.probe_elements import Leaf, Piece, compartment_slots, pieces
from neuropil.engine.probe_recorded import ProbeBuffer, Recorded, Work
from neuropil.engine.sampling import add, arrive, axial, clear, potentials, sample
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.chosen import inverse_index
from neuropil.model.contents.contents import Population, Probe
from neuropil.model.contents.expression import ExpressionProbe
from neuropil.model.neuron.composite import split
from neuropil.model.probe.currents import Flow, Sum, SumProbe
from neuropil.model.probe.potential import PotentialProbe
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Kernel, Operation
from neuropil.plan.plan import Plan
from neuropil.plan.signature import state
from neuropil.registry import register

Sampled = tuple[list[ProbeBuffer], list[Operation]]
"""What a builder of a probe returns: the buffer of each thread, and what fills them."""

Into = list[tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Of each thread: int64[elements], the index of each element asked for among its columns (-1: not its own); values [rows, columns]; rows written."""

Elements = tuple[list[Piece], Into, list[tuple[np.ndarray, np.ndarray]]]
"""Elements by program; where their values go; of each thread the columns to which they are added, and the factors."""


@register(Probe, "engine")
def of_state(probe: Probe, recorded: Recorded) -> Sampled:
    """A state of a part, or of compartments: there NaN where a compartment does not have it."""
    threads, name = range(len(recorded.layout.shares)), probe.target.name
    part, variable = split(probe.variable)
    if isinstance(cell := probe.target.neuron, Cell) and part not in cell.placed:
        check_probe(probe, recorded.cells[name])
        found = [sampled(probe, *recorded.cells[name][t]) for t in threads]
        observed: tuple[Buffer, ...] = (recorded.compartments[name],)
    else:
        g, _ = recorded.plan.indices_of(probe.target, part)
        own = [recorded.slots(probe.target, part, probe.flat_index, t) for t in threads]
        found = [(columns, [(recorded.arrays[t][g][state(variable)], slots, np.arange(columns.size))]) for t, (columns, slots) in enumerate(own)]
        observed = (recorded.plan.buffer(probe.target, part, state(variable)),)
    buffers = [recorded.buffer(columns, np.nan) for columns, _ in found]
    arguments = [(tuple(sources), b.values, b.filled) for (_, sources), b in zip(found, buffers, strict=True)]
    copied = Work(Kernel.of(sample), arguments, observed)
    return buffers, recorded.operations(probe, [b.filled for b in buffers], lambda first: [copied])


@register(ExpressionProbe, "engine")
def of_expression(probe: ExpressionProbe, recorded: Recorded) -> Sampled:
    """What is computed in float64 from states, inputs, parameters and events: NaN where a compartment does not have the channel."""
    neurons, sites = np.divmod(probe.flat_index, probe.site_count)
    found = pieces(probe.expression, probe.target, neurons, sites, recorded)
    columns = [np.sort(np.concatenate([piece.at[t] for piece in found])) if found else np.zeros(0, np.int64) for t in range(len(recorded.layout.shares))]
    buffers = [recorded.buffer(own, np.nan) for own in columns]
    into = [(inverse_index(own, neurons.size), b.values, b.filled) for own, b in zip(columns, buffers, strict=True)]
    return buffers, recorded.operations(probe, [b.filled for b in buffers], lambda first: evaluated(found, into, first, recorded))


@register(SumProbe, "engine")
def of_sum(probe: SumProbe, recorded: Recorded) -> Sampled:
    """A sum of currents in compartments."""
    neurons, compartments = np.divmod(probe.flat_index, probe.site_count)
    columns = [at for _, at, _ in compartment_slots(probe.target, neurons, compartments, recorded)]
    buffers = [recorded.buffer(own) for own in columns]
    into: Into = [(inverse_index(own, neurons.size), b.values, b.filled) for own, b in zip(columns, buffers, strict=True)]
    calls = summed(probe.sum, probe.target, neurons, compartments, into, recorded)
    return buffers, recorded.operations(probe, [b.filled for b in buffers], calls)


UNIT = 2.0**-40
"""mV: the unit in which the cells' parts of a potential are added up, so that they may be added in any order: 10⁻¹² mV."""

FAR = 2.0**22
"""mV: a cell's part of a potential beyond this, divided by the number of cells, is recorded as NaN, so that no sum wraps."""


@dataclass
class PotentialBuffer(ProbeBuffer):
    """What the cells of a thread add to potentials: `values` is int64[rows, electrodes], in multiples of `UNIT`.

    Attributes:
        beyond: uint8[rows, electrodes], where a part was not represented.
    """

    beyond: np.ndarray

    def gather(self, others: Sequence[ProbeBuffer], whole: np.ndarray) -> None:
        rows = len(whole)
        total = sum(b.values[:rows] for b in others)
        wrong = sum(b.beyond[:rows] for b in others if isinstance(b, PotentialBuffer))
        whole[:] = np.where(wrong, np.nan, total * UNIT)


@register(PotentialProbe, "engine")
def of_potential(probe: PotentialProbe, recorded: Recorded) -> Sampled:
    """Potentials at electrodes: of each thread the sum over its cells."""
    n, electrodes = len(recorded.plan.cells[probe.target.name].cable.order), probe.columns.size
    neurons, compartments = np.repeat(probe.neurons, n), np.tile(np.arange(n), probe.neurons.size)
    into: Into = []
    buffers: list[ProbeBuffer] = []
    own = []
    for _, at, _ in compartment_slots(probe.target, neurons, compartments, recorded):
        into.append((inverse_index(at, neurons.size), np.zeros((1, at.size)), np.zeros(1, np.int64)))
        shape = (recorded.rows, electrodes)
        buffers.append(PotentialBuffer(probe.columns, np.zeros(shape, np.int64), np.zeros(1, np.int64), np.zeros(shape, np.uint8)))
        matrix = np.array([probe.matrix(int(c)) for c in neurons[at][::n]]).reshape(-1, electrodes, n)
        own.append((matrix, into[-1][1], 1.0 / UNIT, FAR / max(probe.neurons.size, 1), buffers[-1].values, buffers[-1].beyond, buffers[-1].filled))  # type: ignore[attr-defined]
    calls = summed(probe.sum, probe.target, neurons, compartments, into, recorded)
    return buffers, recorded.operations(probe, [b.filled for b in buffers], lambda first: [*calls(first), Work(Kernel.of(potentials), own)])


def evaluated(found: list[Piece], into: Into, first: bool, recorded: Recorded) -> list[Work]:
    """Calls that write the values of an expression.

    Args:
        found: its elements, by program.
        into: where their values go.
        first: no event has arrived.
        recorded: what probes may record of.
    """
    calls: list[Work] = []
    for piece in found:
        leaves = sorted({*piece.leaves[0], *piece.arriving})
        varying = range(len(piece.program.hoisted))
        # All constants come in arrays, so that parameters may change into ones that differ between elements.
        kernel = Kernel.of(load(NAME, expression_source(piece.program, leaves, varying)).sample)
        constants = _constants(piece, recorded)
        arguments = []
        arrived = {leaf: [np.zeros(at.size) for at in piece.at] for leaf in piece.arriving}
        for t, (column_of, values, filled) in enumerate(into):
            read: dict[str, Leaf] = {**piece.leaves[t], **{leaf: (kept[t], np.arange(kept[t].size)) for leaf, kept in arrived.items()}}
            arguments.append((column_of[piece.at[t]], values, filled, np.zeros(0), tuple(read[n] for n in leaves), *constants[t]))
        for leaf, each in piece.arriving.items() if not first else ():
            gathered = [(a.exact, a.counted, a.real, out) for a, out in zip(each, arrived[leaf], strict=True)]
            calls.append(Work(Kernel.of(arrive), gathered, brought=tuple(piece.brought)))
        calls.append(Work(kernel, arguments, tuple(piece.states), tuple(piece.inputs)))
    return calls


def _constants(piece: Piece, recorded: Recorded) -> list[list[np.ndarray]]:
    """Of each thread the constants of a piece, which follow its parameters: those that are set, and what modulators make of them."""
    if piece.constants is None:
        piece.constants = constants = [[np.zeros(at.size) for _ in piece.program.hoisted] for at in piece.at]
        modulated = None
        if piece.effects:
            label = f"probed {', '.join(piece.effects)} ({len(recorded.modulated)})"
            population = next(iter(piece.effects.values()))[0].population
            given = [static(recorded.plan) for static in piece.static]
            modulated = ModulatedProbe(label, population, piece.program, piece.effects, recorded.plan.dt, recorded.levels, given, piece.neurons, constants)
            recorded.modulated.append(modulated)
        renew = partial(_renew, piece, constants, modulated)
        renew(recorded.plan)
        recorded.renewed.append(renew)
    return piece.constants


def _renew(piece: Piece, constants: list[list[np.ndarray]], modulated: ModulatedProbe | None, plan: Plan) -> None:
    """Compute the constants of a piece from the parameters of a plan."""
    given = [static(plan) for static in piece.static]
    for own, known in zip(constants, given, strict=True):
        for array, value in zip(own, piece.program.constants(known), strict=True):
            array[:] = value
    if modulated is not None:
        modulated.take(given)


def summed(total: Sum, population: Population, neurons: np.ndarray, compartments: np.ndarray, into: Into, recorded: Recorded) -> Callable[[bool], list[Work]]:
    """Calls that write a sum of currents; from whether they are of the first sample.

    Args:
        total: what is added up.
        neurons, compartments: int64[n], of each column.
        into: where they go.
        recorded: what probes may record of.
    """
    threads = [(cells, at, cell, column_of[at], values, filled) for (cells, at, cell), (column_of, values, filled) in zip(
        compartment_slots(population, neurons, compartments, recorded), into, strict=True)]  # fmt: skip
    flows = [(_elements(flow, population, neurons, compartments, recorded, into), flow) for flow in total.flows]

    def calls(first: bool) -> list[Work]:
        made = [Work(Kernel.of(clear), [(values, filled) for *_, values, filled in threads])]
        if total.axial:
            arguments = [(*_links(cells, cell, compartments[at]), column_of, values, filled) for cells, at, cell, column_of, values, filled in threads]
            made = [Work(Kernel.of(axial), arguments, (recorded.compartments[population.name],))]
        for (found, scratch, added), _ in flows:
            made += evaluated(found, scratch, first, recorded)
            made.append(Work(Kernel.of(add), [(given[1], *where, values, filled) for given, where, (*_, values, filled) in zip(scratch, added, threads, strict=True)]))
        return made

    return calls


def _elements(flow: Flow, population: Population, neurons: np.ndarray, compartments: np.ndarray, recorded: Recorded, into: Into) -> Elements:
    """The elements of a flow that reach some of the columns: pieces, scratch, and (columns, factors) of each thread's."""
    keys = {(int(n), int(c)): j for j, (n, c) in enumerate(zip(neurons, compartments, strict=True))}
    reached = [(n, k, keys[n, int(c)]) for n in sorted({int(n) for n in neurons}) for k, c in enumerate(flow.into) if (n, int(c)) in keys]
    who, which, column = (np.array([r[i] for r in reached], np.int64) for i in range(3))
    found = pieces(flow.expression, population, who, flow.sites[which], recorded)
    scratch: Into = []
    added = []
    for t, (column_of, _, _) in enumerate(into):
        at = np.sort(np.concatenate([np.zeros(0, np.int64), *(piece.at[t] for piece in found)]))
        scratch.append((inverse_index(at, who.size), np.zeros((1, at.size)), np.zeros(1, np.int64)))
        added.append((column_of[column[at]], flow.factor[which[at]]))
    return found, scratch, added


def _links(cells: CellArrays, cell: np.ndarray, compartments: np.ndarray) -> tuple[np.ndarray, ...]:
    """Potentials, and for each compartment its neighbours: as `neuropil.engine.sampling.axial` takes them."""
    plan = cells.plan
    rank = plan.rank[compartments]
    flat, here = cells.at("v", None, cell, rank)
    links: list[list[tuple[int, float]]] = [[] for _ in range(plan.size)]
    for i in range(1, plan.size):
        links[i].append((int(plan.parent[i]), float(plan.axial[i])))
        links[int(plan.parent[i])].append((i, float(plan.axial[i])))
    counts = np.array([len(links[r]) for r in rank], np.int64)
    ends = [end for r in rank for end in links[r]]
    of = np.repeat(cell, counts)
    _, there = cells.at("v", None, of, np.array([e[0] for e in ends], np.int64))
    return flat, here, there, np.append(0, np.cumsum(counts)), np.array([e[1] for e in ends], float)
