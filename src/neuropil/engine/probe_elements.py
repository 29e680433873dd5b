"""Where a thread finds what an expression reads: for elements of a part of a population, of compartments, or of sites on cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from neuropil.engine.cells.arrays import CellArrays
from neuropil.engine.probe_recorded import Recorded
from neuropil.lower.cable import MembraneGroup
from neuropil.lower.equation import EquationProgram, expression_program
from neuropil.model.base.noise import is_white
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.mechanism import supplied
from neuropil.model.contents.contents import Population
from neuropil.model.contents.expression import Expression, readable
from neuropil.model.modulation.bound_effect import BoundEffect
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.neuron.branched import Branched
from neuropil.model.neuron.composite import full_name
from neuropil.plan.buffers import Buffer
from neuropil.plan.parts import KernelBatch
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, Kind, state

Leaf = tuple[np.ndarray, np.ndarray]
"""An array, and the index in it of each element."""

NOWHERE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Arriving:
    """What arrives at a port for some elements: as `neuropil.engine.sampling.arrive` takes it.

    Attributes:
        exact, counted, real: see there; buffers: that hold it.
    """

    exact: tuple[Any, ...]
    counted: tuple[Any, ...]
    real: tuple[Any, ...]


@dataclass
class Piece:
    """Elements of one program.

    Attributes:
        program: the expression; at: for each thread int64[n], which of the elements asked for; neurons: likewise, whose they are.
        effects: of modulators on parameters that it reads, by these as the expression has them.
        constants: for each thread, of each hoisted constant, float64[n]; None until they are computed.
        static: for each thread, from the plan as it is to the values of parameters, by leaf; leaves: of states and inputs.
        arriving: by leaf, for each thread.
        states, inputs, brought: buffers that it reads: of states, of inputs, and of what arrives.
    """

    program: EquationProgram
    at: list[np.ndarray] = field(default_factory=list)
    neurons: list[np.ndarray] = field(default_factory=list)
    effects: dict[str, tuple[BoundEffect, ...]] = field(default_factory=dict)
    constants: list[list[np.ndarray]] | None = None
    static: list[Callable[[Plan], dict[str, Any]]] = field(default_factory=list)
    leaves: list[dict[str, Leaf]] = field(default_factory=list)
    arriving: dict[str, list[Arriving]] = field(default_factory=dict)
    states: dict[Buffer, None] = field(default_factory=dict)
    inputs: dict[Buffer, None] = field(default_factory=dict)
    brought: dict[Buffer, None] = field(default_factory=dict)


def pieces(expression: Expression, population: Population, neurons: np.ndarray, sites: np.ndarray, recorded: Recorded) -> list[Piece]:
    """The elements of a part, by the program that computes the expression of them.

    Args:
        expression: what is computed.
        population: of which neurons.
        neurons, sites: int64[n]: of each element.
        recorded: what probes may record of.
    """
    if isinstance(population.neuron, Cell):
        found = _of_cells(expression, population, population.neuron, neurons, sites, recorded)
    else:
        found = [_of_part(expression, population, neurons, sites, recorded)]
    whole, own = effects_on(recorded.plan.network.modulators, population), expression.model_in(population).spec.parameters
    for piece in found:
        for leaf in sorted(piece.program.graph.leaves(*piece.program.hoisted)):
            name = leaf.removeprefix("p.")  # a parameter of the part, or of another mechanism in the compartment, with its name
            if listed := whole.get(full_name(expression.part, name) if name in own else name):
                piece.effects[name] = listed
    return found


# --- neurons and branches ----------------------------------------------------------------------------------------


def _of_part(expression: Expression, population: Population, neurons: np.ndarray, sites: np.ndarray, recorded: Recorded) -> Piece:
    part, model, plan = expression.part, expression.model_in(population), recorded.plan
    piece, used = _begun(expression_program(expression, model))
    g, m = plan.indices_of(population, part)
    batch, count = plan.batches[g], population.parts[part].sites
    assert isinstance(batch, KernelBatch)
    within = dict(population.neuron.reads) if isinstance(population.neuron, Branched) and part else {}
    segment = sum(one.sites for one in batch.members[:m])
    for t in range(len(recorded.layout.shares)):
        at, slots = recorded.slots(population, part, neurons * count + sites, t)
        indices = sites[at] * population.size + neurons[at]  # parameters lie site by site
        piece.at.append(at)
        piece.neurons.append(neurons[at])
        piece.static.append(partial(_of_member, g, m, indices))
        piece.leaves.append({})
        arrays = recorded.arrays[t][g]
        for leaf in used:
            kind, _, name = leaf.partition(".")
            if kind == "w":
                rows = segment + sites[at]
                piece.arriving.setdefault(leaf, []).append(_arriving(name, arrays, slots, recorded.numbers[g], rows, batch))
                piece.brought |= dict.fromkeys(plan.buffers[g, a] for a in batch.arguments if a.name == name and a.kind in _ARRIVING)
            elif kind == "x" and name in within:
                soma, _ = plan.indices_of(population, "")
                piece.leaves[t][leaf] = recorded.arrays[t][soma][state(within[name])], recorded.slots(population, "", neurons, t)[1]
                piece.states[plan.buffer(population, "", state(within[name]))] = None
            else:
                argument = Argument(Kind.INPUT, name) if kind == "x" else state(name)
                piece.leaves[t][leaf] = _leaf(arrays, argument, slots)
                if argument in arrays:
                    (piece.inputs if kind == "x" else piece.states)[plan.buffer(population, part, argument)] = None
    return piece


_ARRIVING = (Kind.EXACT, Kind.COUNT, Kind.REAL)


def _begun(program: EquationProgram) -> tuple[Piece, list[str]]:
    """An empty piece, and the leaves that are not parameters."""
    return Piece(program), sorted(n for n in program.graph.leaves(program.root) if not n.startswith("p."))


def _leaf(arrays: dict[Argument, np.ndarray], argument: Argument, indices: np.ndarray) -> Leaf:
    """An array of the part at these indices; of an input that nothing drives a zero."""
    found = arrays.get(argument)
    return (found, indices) if found is not None else (np.zeros(1), np.zeros(indices.size, np.int64))


def _arriving(port: str, arrays: dict[Argument, np.ndarray], slots: np.ndarray, numbers: np.ndarray, rows: np.ndarray, batch: KernelBatch) -> Arriving:
    """What arrives at a port of a part with a kernel of its own."""
    none, table = np.zeros(0), numbers if numbers.ndim == 2 else np.zeros((1, 1))
    exact, count, real = (arrays.get(Argument(kind, port)) for kind in _ARRIVING)
    weight_scale = -1 if exact is None else batch.signature.column(Kind.WEIGHT_SCALE, port)
    each = arrays.get(Argument(Kind.EVENT_WEIGHT, port))
    weight = -1 if count is None or each is not None else batch.signature.column(Kind.EVENT_WEIGHT, port)
    rows = rows.astype(np.int64)
    return Arriving(
        (np.zeros(0, np.int64), NOWHERE, table, rows, -1) if exact is None else (exact, slots, table, rows, weight_scale),
        (np.zeros(0, np.uint8), NOWHERE, table, rows, -1, none) if count is None else (count, slots, table, rows, weight, none if each is None else each),
        (none, NOWHERE) if real is None else (real, slots),
    )


# --- cells with morphology -----------------------------------------------------------------------------------------


def _of_cells(expression: Expression, population: Population, cell: Cell, neurons: np.ndarray, sites: np.ndarray, recorded: Recorded) -> list[Piece]:
    """A channel's elements lie in compartments, those of a point process at its sites; by the membrane there, if anything of it is read."""
    part, model = expression.part, expression.model_in(population)
    plan = recorded.plan.cells[population.name].cable
    point = next((g for g in plan.groups[len(plan.membranes) :] if g.name == part), None)
    compartments = sites if point is None else np.asarray(cell.placed[part].compartments)[sites]
    needs = any(supplied(n) and n != "v" for n in readable(model))
    found = []
    for group in (None,) if point is not None and not needs else plan.membranes:
        if group is not None and point is None and part not in group.program.membrane.traced:
            continue
        here = np.arange(sites.size) if group is None else np.flatnonzero(np.isin(compartments, plan.order[group.compartments]))
        if here.size:
            beneath = None if group is None or not needs else group
            found.append(_of_group(expression, population, point, group, beneath, here, (neurons, sites, compartments), recorded))
    return found


def _of_group(
    expression: Expression, population: Population, point: MembraneGroup | None, group: MembraneGroup | None, beneath: MembraneGroup | None,
    here: np.ndarray, elements: tuple[np.ndarray, np.ndarray, np.ndarray], recorded: Recorded,
) -> Piece:  # fmt: skip
    """The elements `here` of a channel in a membrane group, or of a point process above one."""
    part, model, name = expression.part, expression.model_in(population), population.name
    program = expression_program(expression, model, None if beneath is None else beneath.program.membrane)
    piece, used = _begun(program)
    piece.states[recorded.compartments[name]] = None
    neurons, sites, compartments = elements
    g = None if point is None else recorded.plan.indices_of(population, part)[0]
    for t, (own, cells) in enumerate(recorded.cells[name]):
        at = here[(neurons[here] >= own.start) & (neurons[here] < own.stop)]
        cell, compartment = neurons[at] - own.start, compartments[at]
        element = sites[at] * cells.own + cell  # of a point process
        piece.at.append(at)
        piece.neurons.append(neurons[at])
        owner = point if point is not None else group
        assert owner is not None
        row = sites[at] if point is not None else _rows(cells, owner, compartment)
        named = {f"p.{n}": (_number(cells, owner), f"{part}.{n}", row) for n in model.spec.parameters}
        if beneath is not None:
            rows = _rows(cells, beneath, compartment)
            for n, traced in beneath.program.membrane.traced.items():
                named |= {f"p.{n}.{q}": (_number(cells, beneath), f"{n}.{q}", rows) for q in traced.spec.parameters}
        piece.static.append(partial(_of_groups, name, named, neurons[at]))
        piece.leaves.append({})
        for leaf in used:
            kind, _, inner = leaf.partition(".")
            if leaf == "v":
                piece.leaves[t][leaf] = cells.at("v", None, cell, cells.plan.rank[compartment])
            elif kind == "x" and point is None and is_white(inner):
                drawn = recorded.plan.indices_of(population, part)[0]
                index = np.searchsorted(np.flatnonzero(cells.plan.cell.channels[part]), compartment)
                piece.leaves[t][leaf] = recorded.arrays[t][drawn][Argument(Kind.INPUT, inner)], index * cells.own + cell
                piece.inputs[recorded.plan.buffer(population, part, Argument(Kind.INPUT, inner))] = None
            elif g is not None and "." not in inner:
                arrays = recorded.arrays[t][g]
                if kind == "w":
                    piece.arriving.setdefault(leaf, []).append(_arriving_on(cells, part, inner, arrays, element))
                    piece.brought |= dict.fromkeys(b for (q, a), b in recorded.plan.buffers.items() if q == g and a.name == inner and a.kind in _ARRIVING)
                    continue
                argument = Argument(Kind.INPUT, inner) if kind == "x" else state(inner)
                piece.leaves[t][leaf] = _leaf(arrays, argument, element)
                if (buffer := recorded.plan.buffers.get((g, argument))) is not None:
                    (piece.inputs if kind == "x" else piece.states)[buffer] = None
            else:
                holder = beneath if "." in inner else owner
                assert holder is not None
                full = inner if "." in inner else full_name(part, inner)
                piece.leaves[t][leaf] = cells.at(full, holder, cell, _rows(cells, holder, compartment))
    return piece


def _rows(cells: CellArrays, group: MembraneGroup, compartments: np.ndarray) -> np.ndarray:
    """Where compartments stand in a membrane group."""
    row = np.zeros(cells.plan.size, np.int64)
    row[group.compartments] = np.arange(group.size)
    found: np.ndarray = row[cells.plan.rank[compartments]]
    return found


def _number(cells: CellArrays, group: MembraneGroup) -> int:
    """The index of a group among those of its cell."""
    return next(j for j, one in enumerate(cells.plan.groups) if one is group)


def _of_member(g: int, m: int, indices: np.ndarray, plan: Plan) -> dict[str, Any]:
    """The parameters of elements of a part, by leaf."""
    return {f"p.{n}": np.asarray(v)[indices] if np.ndim(v) else v for n, v in plan.batches[g].members[m].parameters.items()}


def _of_groups(population: str, named: dict[str, tuple[int, str, np.ndarray]], neurons: np.ndarray, plan: Plan) -> dict[str, Any]:
    """Likewise of elements of cells: by leaf the group, the name within it, and the row of each element."""
    groups = plan.cells[population].cable.groups
    return {leaf: _parameter(groups[g].parameters[name], row, neurons) for leaf, (g, name, row) in named.items()}


def _parameter(value: Any, row: np.ndarray, neuron: np.ndarray) -> Any:
    """A parameter of elements: a number, or from [rows or 1, cells or 1]."""
    if not np.ndim(value):
        return value
    whole = np.asarray(value)
    return whole[row if whole.shape[0] > 1 else np.zeros_like(row), neuron if whole.shape[1] > 1 else np.zeros_like(neuron)]


def _arriving_on(cells: CellArrays, part: str, port: str, arrays: dict[Argument, np.ndarray], element: np.ndarray) -> Arriving:
    """What arrives at a port of a point process; its weight scale stands in the numbers of its loop."""
    exact, _, real = (arrays.get(Argument(kind, port)) for kind in _ARRIVING)
    rows, none = np.zeros(element.size, np.int64), np.zeros(0)
    table, column = np.zeros((1, 1)), -1
    if exact is not None:
        numbers, column = cells.weight_scale(part, port)
        table = numbers[None, :]
    return Arriving(
        (np.zeros(0, np.int64), NOWHERE, table, rows, -1) if exact is None else (exact, element, table, rows, column),
        (np.zeros(0, np.uint8), NOWHERE, table, rows, -1, none),
        (none, NOWHERE) if real is None else (real, element),
    )


def compartment_slots(population: Population, neurons: np.ndarray, compartments: np.ndarray, recorded: Recorded) -> Iterator[tuple[CellArrays, np.ndarray, np.ndarray]]:
    """For each thread: its cells, which of the columns are its own, and which of its cells each of these is of.

    Args:
        neurons, compartments: int64[n], of each column.
    """
    for own, cells in recorded.cells[population.name]:
        at = np.flatnonzero((neurons >= own.start) & (neurons < own.stop))
        yield cells, at, neurons[at] - own.start
