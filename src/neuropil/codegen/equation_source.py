"""The text of kernels that evaluate one equation for every element of a loop: stimuli, junctions, probed and transmitted expressions, weights.

Constants that are the same for all elements come in the array `numbers`; those that differ come in arrays of their own, `a0`, `a1`, ….
What is the same for all elements stands before the loop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from neuropil.codegen.elementwise import module_head, statements
from neuropil.lower.equation import NUMBER, SOURCE, TARGET, TIME, EquationProgram
from neuropil.model.network.junction import ARGUMENTS

NAME = "equation"
"""The name under which sources of these kernels are kept."""

_DRAWN = {"uniform": "to_uniform64", "normal": "normal_quantile64"}


@dataclass(frozen=True)
class _Lines:
    """Statements before the loop and in it, the text of the value, and the names of the arrays of constants."""

    head: list[str]
    each: list[str]
    value: str
    arrays: list[str]


def _lines(program: EquationProgram, varying: Collection[int], index: str, once: Mapping[str, str], each: Mapping[str, str]) -> _Lines:
    """The statements of an equation.

    Args:
        varying: indices among the hoisted constants whose values differ between elements.
        index: of an element in the arrays of constants.
        once: texts of the leaves that are the same for all elements; each: of the others.
    """
    graph = program.graph
    names: dict[int, str] = {}
    head: list[str] = []
    loop: list[str] = []
    for j, node in enumerate(program.hoisted):
        names[node] = f"c{j}"
        if j in varying:
            loop.append(f"c{j} = a{j}[{index}]")
        else:
            head.append(f"c{j} = numbers[{j - sum(v < j for v in varying)}]")
    apart = program.apart({program.hoisted[j] for j in varying}, each.keys())
    same = [n for n in graph.reach([program.root], set(program.hoisted)) if n not in apart and not graph.nodes[n].static]
    head += statements(graph, same, names, once.__getitem__)
    loop += statements(graph, [program.root], names, each.__getitem__)
    value = names[program.root]
    if graph.nodes[program.root].kind == "b":
        value = f"(number(1.0) if {value} else number(0.0))"
    return _Lines(head, loop, value, [f"a{j}" for j in varying])


def _module(about: str, program: EquationProgram, name: str, arguments: Sequence[str], body: Sequence[str], *more: str) -> str:
    """A module with one function in float64, whatever the run's precision: a time of many steps is no float32."""
    head = module_head(about, "float64", [(program.graph, [program.root])], *more)
    return "\n".join([*head, "", "", "@cached_njit(**KERNEL_FLAGS)", f"def {name}({', '.join(arguments)}):", *(f"    {line}" for line in body), ""])


def stimulus_source(program: EquationProgram, random: str | None, varying: Collection[int]) -> str:
    """The kernel `add(k, start, lower, key0, key1, dt, numbers, weight, target, *arrays)` of a stimulus.

    Args:
        program: its equation.
        random: "uniform", "normal" or None: the random number that it asks for.
        varying: indices among its hoisted constants whose values differ between neurons.
    """
    lines = _lines(program, varying, "i", {TIME: "t"}, {NUMBER: "u"})
    drawn = [] if random is None else [f"u = {_DRAWN[random]}(draw_word(key0, key1, np.uint32(first + i), k))"]
    body = [
        "t = number(k) * dt",
        *lines.head,
        "for s in range(start.size):",
        "    n, first, w = weight.shape[1], np.uint64(lower[s]), weight[s]",
        "    out = target[start[s] : start[s] + n]",
        *(f"    {a} = {a}_[s]" for a in lines.arrays),
        # Unsigned bounds spare Numba its test for negative indices, which would stop LLVM from vectorising.
        "    for i in range(np.uint64(n)):",
        *(f"        {line}" for line in [*drawn, *lines.each]),
        f"        out[i] += w[i] * {lines.value}",
    ]
    more = [] if random is None else [f"from neuropil.codegen.draws import draw_word, {_DRAWN[random]}"]
    arguments = ["k", "start", "lower", "key0", "key1", "dt", "numbers", "weight", "target", *(f"{a}_" for a in lines.arrays)]
    return _module("One step of a stimulus for every neuron.", program, "add", arguments, body, *more)


def junction_source(program: EquationProgram, varying: Collection[int]) -> str:
    """The kernel `conduct(k, current, published, here, bounds, partner, side, numbers, *arrays)` of junctions, as `neuropil.engine.exchange.junctions` has it.

    Args:
        program: the equation.
        varying: indices among its hoisted constants whose values differ between junctions.
    """
    here, there, side = ARGUMENTS
    lines = _lines(program, varying, "j", {}, {here: "v_here", there: "v_there", side: "side[j]"})
    body = [
        *lines.head,
        "for i in range(current.size):",
        "    v_here = number(published[k & 1, here[i]])",
        "    total = 0.0",
        "    for j in range(bounds[i], bounds[i + 1]):",
        "        v_there = number(published[k & 1, partner[j]])",
        *(f"        {line}" for line in lines.each),
        f"        total += {lines.value}",
        "    current[i] += total",
    ]
    arguments = ["k", "current", "published", "here", "bounds", "partner", "side", "numbers", *lines.arrays]
    return _module("Currents of junctions during a step.", program, "conduct", arguments, body)


def expression_source(program: EquationProgram, leaves: Sequence[str], varying: Collection[int]) -> str:
    """The kernel `sample(step, first, every, at, values, filled, numbers, leaves, *arrays)` of a probed expression.

    Of each leaf the kernel gets an array, and where in it the value of each element lies. It writes to the columns `at` of the next row of `values`.

    Args:
        program: the expression.
        leaves: their names in the order of the kernel's `leaves`.
        varying: indices among its hoisted constants whose values differ between the elements.
    """
    lines = _lines(program, varying, "j", {}, {n: f"r{q}" for q, n in enumerate(leaves)})
    body = [
        "if due(step, first, every):",
        "    row = filled[0]",
        *(f"    {line}" for line in lines.head),
        "    for j in range(at.size):",
        *(f"        r{q} = number(leaves[{q}][0][leaves[{q}][1][j]])" for q in range(len(leaves))),
        *(f"        {line}" for line in lines.each),
        f"        values[row, at[j]] = {lines.value}",
    ]
    arguments = ["step", "first", "every", "at", "values", "filled", "numbers", "leaves", *lines.arrays]
    return _module("Samples of an expression.", program, "sample", arguments, body, "from neuropil.engine.sampling import due")


def published_source(program: EquationProgram, states: Sequence[str], varying: Collection[int]) -> str:
    """The kernel `publish(k, published, first, size, numbers, states, *arrays)` of what neurons transmit at the end of step k.

    Args:
        program: the expression.
        states: names of the states in the order of the kernel's `states`.
        varying: indices among its hoisted constants whose values differ between neurons.
    """
    lines = _lines(program, varying, "i", {}, {f"s.{n}": f"s{q}" for q, n in enumerate(states)})
    body = [
        "out = published[(k + 1) & (published.shape[0] - 1), first : first + size]",
        *lines.head,
        *(f"v{q} = states[{q}]" for q in range(len(states))),
        "for i in range(np.uint64(size)):",
        *(f"    s{q} = number(v{q}[i])" for q in range(len(states))),
        *(f"    {line}" for line in lines.each),
        f"    out[i] = {lines.value}",
    ]
    arguments = ["k", "published", "first", "size", "numbers", "states", *lines.arrays]
    return _module("What neurons transmit at the end of a step.", program, "publish", arguments, body)


def weights_source(program: EquationProgram) -> str:
    """The kernel `multiply(k, out, into, published, lag, total, rows, sources, numbers)` of weights that an equation gives.

    Args:
        program: the equation of the source and the target.
    """
    lines = _lines(program, (), "i", {SOURCE: "source"}, {TARGET: "target"})
    body = [
        "x = published[(k - lag) & (published.shape[0] - 1)]",
        "noalias_arguments()",
        *(line for line in lines.head if line.startswith("c")),
        "for i in range(rows.size):",
        "    total[i] = 0.0",
        "for j in range(sources):",
        "    source = number(j)",
        "    value = number(x[j])",
        *(f"    {line}" for line in lines.head if not line.startswith("c")),
        "    for i in range(np.uint64(rows.size)):",
        "        target = rows[i]",
        *(f"        {line}" for line in lines.each),
        f"        total[i] += {lines.value} * value",
        "for i in range(into.size):",
        "    out[into[i]] += total[i]",
    ]
    arguments = ["k", "out", "into", "published", "lag", "total", "rows", "sources", "numbers"]
    return _module("Graded transmission through weights that an equation gives.", program, "multiply", arguments, body)
