"""Probes in the engine: what each samples into buffers, by a builder registered for its kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.equation_source import NAME, expression_source
from neuropil.engine.cells.arrays import CellArrays
from neuropil.engine.cells.compose import check_probe, sampled
from neuropil.engine.probe_elements import Leaf, Piece, compartment_places, pieces
from neuropil.engine.probe_recorded import ProbeBuffer, Recorded, Work
from neuropil.engine.sampling import add, arrive, axial, clear, sample
from neuropil.model.contents.contents import Population, Probe
from neuropil.model.contents.expression import ExpressionProbe
from neuropil.model.neuron.composite import split
from neuropil.model.probe.currents import Flow, Sum, SumProbe
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Kernel, Operation
from neuropil.plan.signature import state
from neuropil.registry import register

Sampled = tuple[list[ProbeBuffer], list[Operation]]
"""What a builder of a probe returns: the buffer of each thread, and what fills them."""

Into = list[tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Of each thread: int64[elements], the place of each element asked for among its columns (-1: not its own); values [rows, columns]; rows written."""

Elements = tuple[list[Piece], Into, list[tuple[np.ndarray, np.ndarray]]]
"""Elements by program; where their values go; of each thread the columns to which they are added, and the factors."""


@register(Probe, "engine")
def of_state(probe: Probe, recorded: Recorded) -> Sampled:
    """A state of a part, or of compartments: there NaN where a compartment does not have it."""
    threads, name = range(len(recorded.layout.shares)), probe.target.name
    part, variable = split(probe.variable)
    if name in recorded.cells and part not in probe.target.parts:
        check_probe(probe, recorded.cells[name])
        found = [sampled(probe, *recorded.cells[name][t]) for t in threads]
        observed: tuple[Buffer, ...] = (recorded.compartments[name],)
    else:
        g, _ = recorded.plan.place_of(probe.target, part)
        own = [recorded.slots(probe.target, part, probe.places, t) for t in threads]
        found = [(columns, [(recorded.arrays[t][g][state(variable)], slots, np.arange(columns.size))]) for t, (columns, slots) in enumerate(own)]
        observed = (recorded.plan.buffer(probe.target, part, state(variable)),)
    buffers = [recorded.buffer(columns, np.nan) for columns, _ in found]
    arguments = [(tuple(sources), b.values, b.filled) for (_, sources), b in zip(found, buffers, strict=True)]
    copied = Work(Kernel.of(sample), arguments, observed)
    return buffers, recorded.operations(probe, [b.filled for b in buffers], lambda first: [copied])


@register(ExpressionProbe, "engine")
def of_expression(probe: ExpressionProbe, recorded: Recorded) -> Sampled:
    """What is computed in float64 from states, inputs, parameters and events: NaN where a compartment does not have the channel."""
    neurons, sites = np.divmod(probe.places, probe.site_count)
    found = pieces(probe.expression, probe.target, neurons, sites, recorded)
    columns = [np.sort(np.concatenate([piece.at[t] for piece in found])) if found else np.zeros(0, np.int64) for t in range(len(recorded.layout.shares))]
    buffers = [recorded.buffer(own, np.nan) for own in columns]
    into = [(_place(own, neurons.size), b.values, b.filled) for own, b in zip(columns, buffers, strict=True)]
    return buffers, recorded.operations(probe, [b.filled for b in buffers], lambda first: evaluated(found, into, first))


@register(SumProbe, "engine")
def of_sum(probe: SumProbe, recorded: Recorded) -> Sampled:
    """A sum of currents in compartments."""
    neurons, compartments = np.divmod(probe.places, probe.site_count)
    columns = [at for _, at, _ in compartment_places(probe.target, neurons, compartments, recorded)]
    buffers = [recorded.buffer(own) for own in columns]
    into: Into = [(_place(own, neurons.size), b.values, b.filled) for own, b in zip(columns, buffers, strict=True)]
    calls = summed(probe.sum, probe.target, neurons, compartments, into, recorded)
    return buffers, recorded.operations(probe, [b.filled for b in buffers], calls)


def _place(own: np.ndarray, size: int) -> np.ndarray:
    """The place of each of `size` elements among those in `own`."""
    found = np.full(size, -1)
    found[own] = np.arange(own.size)
    return found


def evaluated(found: list[Piece], into: Into, first: bool) -> list[Work]:
    """Calls that write the values of an expression.

    Args:
        found: its elements, by program.
        into: where their values go.
        first: no event has arrived.
    """
    calls: list[Work] = []
    for piece in found:
        varying, kernel, constants = _compiled(piece)
        arguments = []
        arrived = {leaf: [np.zeros(at.size) for at in piece.at] for leaf in piece.arriving}
        for t, (place, values, filled) in enumerate(into):
            leaves: dict[str, Leaf] = dict(piece.leaves[t])
            leaves |= {leaf: (kept[t], np.arange(kept[t].size)) for leaf, kept in arrived.items()}
            numbers = np.array([c for j, c in enumerate(constants[t]) if j not in varying], float)
            given = tuple(leaves[n] for n in sorted(leaves))
            arrays = (np.ascontiguousarray(np.broadcast_to(constants[t][j], piece.at[t].size), float) for j in varying)
            arguments.append((place[piece.at[t]], values, filled, numbers, given, *arrays))
        for leaf, each in piece.arriving.items() if not first else ():
            gathered = [(a.exact, a.counted, a.real, out) for a, out in zip(each, arrived[leaf], strict=True)]
            calls.append(Work(Kernel.of(arrive), gathered, brought=tuple(piece.brought)))
        calls.append(Work(kernel, arguments, tuple(piece.states), tuple(piece.inputs)))
    return calls


def _compiled(piece: Piece) -> tuple[list[int], Kernel, list[list[Any]]]:
    """Which constants of a piece differ between elements, its kernel, and the constants of each thread."""
    constants = [piece.program.constants(static) for static in piece.static]
    varying = [j for j in range(len(piece.program.hoisted)) if any(np.ndim(own[j]) for own in constants)]
    leaves = sorted({*piece.leaves[0], *piece.arriving})
    kernel = load(NAME, expression_source(piece.program, leaves, varying))
    return varying, Kernel.of(kernel.sample), constants


def summed(total: Sum, population: Population, neurons: np.ndarray, compartments: np.ndarray, into: Into, recorded: Recorded) -> Callable[[bool], list[Work]]:
    """Calls that write a sum of currents; from whether they are of the first sample.

    Args:
        total: what is added up.
        neurons, compartments: int64[n], of each column.
        into: where they go.
        recorded: what probes may record of.
    """
    threads = [(cells, at, cell, place[at], values, filled) for (cells, at, cell), (place, values, filled) in zip(
        compartment_places(population, neurons, compartments, recorded), into, strict=True)]  # fmt: skip
    flows = [(_elements(flow, population, neurons, compartments, recorded, into), flow) for flow in total.flows]

    def calls(first: bool) -> list[Work]:
        made = [Work(Kernel.of(clear), [(values, filled) for *_, values, filled in threads])]
        if total.axial:
            arguments = [(*_links(cells, cell, compartments[at]), place, values, filled) for cells, at, cell, place, values, filled in threads]
            made = [Work(Kernel.of(axial), arguments, (recorded.compartments[population.name],))]
        for (found, scratch, added), _ in flows:
            made += evaluated(found, scratch, first)
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
    for t, (place, _, _) in enumerate(into):
        at = np.sort(np.concatenate([np.zeros(0, np.int64), *(piece.at[t] for piece in found)]))
        scratch.append((_place(at, who.size), np.zeros((1, at.size)), np.zeros(1, np.int64)))
        added.append((place[column[at]], flow.factor[which[at]]))
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
