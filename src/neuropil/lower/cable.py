"""A cell with morphology, lowered: the order of its compartments, its membranes, and the source of its step.

A step solves the cable equation implicitly. For every compartment, with axial conductances G to its neighbours,

    C (V' - V)/dt = A (j - g V') + Σ G (V'_neighbour - V') + (what point processes add)

which is one tree-shaped linear system, solved in linear time by elimination from the leaves (Hines 1984, Int. J. Bio-Med.
Comput. 15:69). Gates and pools then advance with the new potential.

Cells of one population are solved side by side: a *block* holds as many cells as the vector loops want, and its arrays
are [compartment, cell], so that every inner loop runs over cells, or over compartments and cells at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.lower.elementwise import Constants, describe, math_imports, statements
from neuropil.lower.kernel import RUNAWAY
from neuropil.lower.membrane import Membrane, MembraneProgram
from neuropil.model.cell import Cell

SOLVER_FLOPS = 13
"""Per compartment and step: coefficients 4, elimination 6 (a division among them), substitution 3."""


@dataclass(frozen=True)
class Patch:
    """The compartments that carry the same channels.

    Attributes:
        program: their membrane; index: its number within the cell.
        compartments: their places in the solver's order, ascending.
        runs: int64[r, 3], stretches of consecutive ones: first compartment, first place within the patch, how many.
        parameters: constants of the membrane by "channel.name", numbers or float64[compartments].
        currents, states: constants of the two loops.
        initial: states by "channel.name", numbers or float64[compartments].
    """

    index: int
    program: MembraneProgram
    compartments: np.ndarray
    runs: np.ndarray
    parameters: dict[str, Any]
    currents: Constants
    states: Constants
    initial: dict[str, np.ndarray]

    @property
    def size(self) -> int:
        """Number of compartments."""
        return len(self.compartments)


@dataclass(frozen=True)
class CablePlan:
    """A lowered cell.

    Attributes:
        cell: the description.
        order: int64[n], the cell's compartments in the solver's order; rank is the inverse.
        parent: int64[n] in that order.
        axial: float64[n], conductance to the parent, nS; area: µm²; capacitance: pF; all in that order.
        patches: membranes; every compartment with membrane is in one.
        dt: ms.
    """

    cell: Cell
    order: np.ndarray
    rank: np.ndarray
    parent: np.ndarray
    axial: np.ndarray
    area: np.ndarray
    capacitance: np.ndarray
    patches: tuple[Patch, ...]
    dt: float

    @classmethod
    def of(cls, cell: Cell, dt: float) -> CablePlan:
        """Lower a cell for a time step (ms)."""
        made = cell.compartments
        kinds = _membranes(cell)
        order = _order(np.asarray(made.parent), kinds)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        parent = np.where(made.parent[order] >= 0, rank[made.parent[order]], -1)
        axial = np.zeros(len(order))
        axial[1:] = 1.0 / made.resistance[order][1:]
        patches = tuple(_patch(cell, i, np.flatnonzero(kinds[order] == i), order, dt) for i in range(kinds.max() + 1))
        return cls(cell, order, rank, parent, axial, made.area[order], made.capacitance[order], patches, dt)

    @property
    def size(self) -> int:
        """Number of compartments, branch points included."""
        return len(self.order)

    @property
    def diagonal(self) -> np.ndarray:
        """float64[n]: what of the system's diagonal never changes, nS: capacitance/dt and axial conductances."""
        total = self.capacitance / self.dt + self.axial
        np.add.at(total, self.parent[1:], self.axial[1:])
        return total

    @property
    def flops(self) -> int:
        """Floating-point operations of one cell and step, point processes aside."""
        return SOLVER_FLOPS * self.size + sum(p.program.flops * p.size for p in self.patches)


def _membranes(cell: Cell) -> np.ndarray:
    """For each compartment the number of its membrane, -1 for branch points without any."""
    channels = cell.channels
    table = np.array([channels[n] for n in channels]).reshape(len(channels), len(cell))
    kinds = np.full(len(cell), -1)
    membrane = np.asarray(cell.compartments.has_membrane)
    _, kinds[membrane] = np.unique(table[:, membrane].T, axis=0, return_inverse=True) if len(channels) else (None, 0)
    return kinds


def _order(parent: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Parents before children, with long stretches of one membrane: take what is ready of the present kind, then change."""
    children: list[list[int]] = [[] for _ in parent]
    for i, p in enumerate(parent.tolist()):
        if p >= 0:
            children[p].append(i)
    ready: dict[int, list[int]] = {int(kinds[0]): [0]}
    order: list[int] = []
    while ready:
        kind = max(ready, key=lambda k: (len(ready[k]), -k))
        stack = ready.pop(kind)[::-1]
        while stack:
            i = stack.pop()
            order.append(i)
            for c in reversed(children[i]):
                if kinds[c] == kind:
                    stack.append(c)
                else:
                    ready.setdefault(int(kinds[c]), []).append(c)
    return np.array(order, np.int64)


def _patch(cell: Cell, index: int, places: np.ndarray, order: np.ndarray, dt: float) -> Patch:
    where = order[places]
    names = [n for n, has in cell.channels.items() if has[where[0]]]
    found = {n: cell.parameters(n, where) for n in names}
    membrane = Membrane({n: channel for n, (channel, _) in found.items()})
    program = MembraneProgram.of(membrane)
    constants = membrane.constants({n: values for n, (_, values) in found.items()}, dt)
    starts = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    lengths = np.diff(np.append(starts, len(places)))
    return Patch(
        index, program, places, np.stack([places[starts], starts, lengths], axis=1).astype(np.int64), constants,
        program.evaluated(tuple(program.currents.values()), constants, len(places)),
        program.evaluated(tuple(program.changing.values()), constants, len(places)),
        membrane.initial(constants, cell.initial),
    )  # fmt: skip


# --- source --------------------------------------------------------------------------------------------------------


def state_argument(patch: Patch, state: str) -> str:
    """The name of a state's array among the arguments of a cell's step."""
    return f"s{patch.index}_{state.replace('.', '_')}"


def ion_argument(patch: Patch, ion: str) -> str:
    """The name of the array that holds an ion's current."""
    return f"{ion}_{patch.index}"


@dataclass(frozen=True)
class CableSource:
    """The text of a cell's step and its arguments.

    Attributes:
        source: a Python module with one function `advance`.
        numbers: argument -> values of a loop's scalar constants.
        expanded: argument -> float64[compartments of a patch] of constants that differ between them.
        states: argument -> (patch, state); ions: argument -> (patch, ion).
        arguments: names after (shape, v, g, j, tree, faces, one tuple of sites for each name in `Cell.placed`), in order.
    """

    source: str
    numbers: dict[str, np.ndarray]
    expanded: dict[str, np.ndarray]
    states: dict[str, tuple[Patch, str]]
    ions: dict[str, tuple[Patch, str]]
    arguments: tuple[str, ...]


def emit_cable(plan: CablePlan, precision: str) -> CableSource:
    """Write the step of a lowered cell in "float32" or "float64"."""
    functions: list[str] = []
    before: list[str] = []
    after: list[str] = []
    numbers: dict[str, np.ndarray] = {}
    expanded: dict[str, np.ndarray] = {}
    states: dict[str, tuple[Patch, str]] = {}
    ions: dict[str, tuple[Patch, str]] = {}
    runs: list[str] = []
    for patch in plan.patches:
        runs.append(f"runs_{patch.index}")
        for state in patch.program.membrane.states:
            states[state_argument(patch, state)] = (patch, state)
        for ion in patch.program.membrane.counted:
            ions[ion_argument(patch, ion)] = (patch, ion)
        for kind, calls in (("currents", before), ("states", after)):
            text, call, constants, arrays = _loop(patch, kind)
            if text:
                functions.append(text)
                calls.append(call)
                numbers[f"numbers_{kind}_{patch.index}"] = constants
                expanded.update(arrays)
    arguments = (*runs, *numbers, *expanded, *states, *ions)
    graphs = [(p.program.graph, [*p.program.currents.values(), *p.program.changing.values()]) for p in plan.patches]
    return CableSource(_module(plan, precision, math_imports(graphs), functions, before, after, arguments), numbers, expanded, states, ions, arguments)


def _loop(patch: Patch, kind: str) -> tuple[str, str, np.ndarray, dict[str, np.ndarray]]:
    """The text of a loop, the line that calls it, its scalar constants and its arrays of constants."""
    program, graph, index = patch.program, patch.program.graph, patch.index
    constants = patch.currents if kind == "currents" else patch.states
    outputs = program.currents if kind == "currents" else program.changing
    if not outputs:
        return "", "", constants.numbers, {}
    names: dict[int, str] = {}
    head, body = [], []
    for k, node in enumerate(constants.nodes):
        names[node] = f"k{node}"
        head.append(f"k{node} = numbers[{k}]  # {describe(graph, node)}")
    arrays = {f"c{node}_{kind}_{index}": values for node, values in constants.arrays.items()}
    for node, name in zip(constants.arrays, arrays, strict=True):
        names[node] = f"k{node}"
        body.append(f"k{node} = {name}[c + q]  # {describe(graph, node)}")
    used = graph.leaves(*outputs.values())
    reads = {f"s.{s}": f"{state_argument(patch, s)}[c + q]" for s in program.membrane.states}
    reads |= {f"x.{i}": f"{ion_argument(patch, i)}[c + q]" for i in program.membrane.counted}
    reads["x.v"] = "v[a + q]"
    leaf_names = {}
    for position, leaf in enumerate(sorted(used & set(reads))):
        leaf_names[leaf] = f"r{position}"
        body.append(f"r{position} = {reads[leaf]}")
    body += statements(graph, list(outputs.values()), names, leaf_names.__getitem__)
    for name, node in outputs.items():
        target = f"{name}[a + q]" if name in ("g", "j") else reads[("x." if kind == "currents" else "s.") + name]
        body.append(f"{target} = {names[node]}")
    touched = [s for s in program.membrane.states if f"s.{s}" in used or s in outputs]
    own = [*(state_argument(patch, s) for s in touched), *(ion_argument(patch, i) for i in program.membrane.counted)]
    parameters = ["v", *(("g", "j") if kind == "currents" else ()), *own, *arrays]
    function = f"{kind}_{index}"
    text = [
        "@njit(**KERNEL_FLAGS)",
        f"def {function}({', '.join(['runs', 'lanes', 'numbers', *parameters])}):",
        "    noalias_arguments()",
        *(f"    {line}" for line in head),
        "    for r in range(runs.shape[0]):",
        "        a, c = np.uint64(runs[r, 0] * lanes), np.uint64(runs[r, 1] * lanes)",
        "        for q in range(np.uint64(runs[r, 2] * lanes)):",
        *(f"            {line}" for line in body),
    ]
    block = [f"{n}[b]" for n in own]
    call = f"{function}({', '.join([f'runs_{index}', 'lanes', f'numbers_{kind}_{index}', 'v_', *(('g', 'j') if kind == 'currents' else ()), *block, *arrays])})"
    return "\n".join(text), call, constants.numbers, arrays


def _module(plan: CablePlan, precision: str, functions_used: str, functions: list[str], before: list[str], after: list[str], arguments: tuple[str, ...]) -> str:
    sites = [f"sites_{name}" for name in plan.cell.placed]
    lines = [
        f'"""One step of cells of {plan.size} compartments, {precision}. Generated by neuropil; read it, do not edit it."""',
        "import numpy as np",
        "from math import sqrt",
        "from numpy import ceil, floor, isfinite",
        "from numba import njit",
        "from neuropil.engine.cable import add_sites, fired_at, read_sites, runaway, solve",
        "from neuropil.lower.flags import KERNEL_FLAGS",
        "from neuropil.lower.noalias import noalias_arguments",
        functions_used,
        f"number = np.{precision}",
        "",
        "",
        "\n\n\n".join(functions),
        "",
        "",
        "@njit(**KERNEL_FLAGS)",
        f"def advance(shape, v, g, j, tree, faces{''.join(', ' + a for a in (*sites, *arguments))}):",
        "    blocks, lanes, own = shape",
        "    old, fired = faces",
        "    bad = 0",
        "    for b in range(blocks):",
        "        v_ = v[b]",
        *(f"        {line}" for line in before),
        *(f"        add_sites(b, lanes, own, g, j, {s})" for s in sites),
        "        solve(lanes, v_, g, j, tree)",
        *(f"        {line}" for line in after),
        *(f"        read_sites(b, lanes, own, v_, {s})" for s in sites),
        "        fired_at(b, lanes, own, v_, old, fired, tree)",
        f"        bad += runaway(lanes, v_, number({RUNAWAY!r}))",
        "    return bad",
        "",
    ]
    return "\n".join(line for line in lines if line is not None)
