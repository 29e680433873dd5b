"""Fewer exponentials: those of one variable whose slopes are multiples of one slope become powers of one exponential.

The rates of a channel are full of them. In the squid axon exp(-(v+40)/10), exp(-(v+55)/10), exp(-(v+35)/10),
exp(-(v+65)/20) and exp(-(v+65)/80) are, but for constant factors, powers 8, 8, 8, 4 and 1 of exp(-v/80): one exponential
and three squarings in place of five exponentials. A power of k has a relative error of about k roundings. expm1 becomes
exp - 1 in float64 only: where it is needed, in x/(exp(x) - 1), equations take over by a series for small x
(`neuropil.maths.linoid`), so at most 1e-13 is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from neuropil.lower.graph import Graph, whole_power

CENTRE = -60.0
"""Exponents are measured from this value (mV), so that factors stay moderate."""

LARGEST_POWER = 8
LARGEST_EXPONENT = 25.0
"""Of a constant factor: with it, products stay within float32's range over all potentials that matter."""


@dataclass(frozen=True)
class _Line:
    """slope · x + offset."""

    slope: float
    offset: float


def share_exponentials(graph: Graph, roots: Iterable[int], variable: str, *, exact: bool) -> tuple[Graph, dict[int, int]]:
    """The graph with shared exponentials of a leaf.

    Args:
        variable: name of the leaf; exact: float64, so that expm1 may be written exp - 1.
        roots: nodes that are needed.

    Returns:
        A new graph, and the node in it of every node that the roots need.
    """
    needed = graph.reach(roots)
    lines = _lines(graph, needed, variable)
    wanted = {n: lines[graph.nodes[n].args[0]] for n in needed if _shareable(graph, n, lines, exact)}
    base_of = _bases({line.slope for line in wanted.values()})
    new, node_of = Graph(), dict[int, int]()
    for n in needed:
        node = graph.nodes[n]
        if n in wanted and _repeated(wanted, n):
            node_of[n] = _shared(new, node.op, wanted[n], base_of[wanted[n].slope], variable)
        elif node.op == "leaf":
            node_of[n] = new.leaf(node.value, static=node.static, kind=node.kind)
        elif node.op == "const":
            node_of[n] = new.const(node.value)
        else:
            node_of[n] = new.add(node.op, *(node_of[a] for a in node.args))
    return new, node_of


def _repeated(wanted: dict[int, _Line], n: int) -> bool:
    """Another exponential is a power of this one, or this of another, or they differ by a factor only."""
    slope = wanted[n].slope
    return any(m != n and (_multiple(line.slope, slope) or _multiple(slope, line.slope)) for m, line in wanted.items())


def _lines(graph: Graph, needed: list[int], variable: str) -> dict[int, _Line]:
    """Nodes that are straight lines in the variable, with literal coefficients."""
    lines: dict[int, _Line] = {}
    for n in needed:
        node = graph.nodes[n]
        if node.op == "leaf" and node.value == variable:
            lines[n] = _Line(1.0, 0.0)
        elif node.op == "const" and node.kind == "f":
            lines[n] = _Line(0.0, node.value)
        elif node.op == "neg" and node.args[0] in lines:
            a = lines[node.args[0]]
            lines[n] = _Line(-a.slope, -a.offset)
        elif node.op in ("add", "sub", "mul") and all(a in lines for a in node.args):
            a, b = (lines[i] for i in node.args)
            if node.op != "mul":
                sign = 1.0 if node.op == "add" else -1.0
                lines[n] = _Line(a.slope + sign * b.slope, a.offset + sign * b.offset)
            elif a.slope == 0.0 or b.slope == 0.0:
                lines[n] = _Line(a.slope * b.offset + a.offset * b.slope, a.offset * b.offset)
    return {n: line for n, line in lines.items() if line.slope != 0.0 or graph.nodes[n].op == "const"}


def _shareable(graph: Graph, n: int, lines: dict[int, _Line], exact: bool) -> bool:
    node = graph.nodes[n]
    if (node.op != "exp" and not (node.op == "expm1" and exact)) or node.args[0] not in lines:
        return False
    line = lines[node.args[0]]
    return line.slope != 0.0 and abs(line.offset + line.slope * CENTRE) < LARGEST_EXPONENT


def _multiple(slope: float, base: float) -> int:
    """k if slope is k times base, k a whole number up to the largest power; else 0."""
    k = round(slope / base)
    return k if 1 <= k <= LARGEST_POWER and abs(slope / base - k) < 1e-9 else 0


def _bases(slopes: set[float]) -> dict[float, float]:
    """For each slope the smallest one of which it is a multiple."""
    ordered = sorted(slopes, key=abs)
    return {slope: next(base for base in ordered if _multiple(slope, base)) for slope in ordered}


def _shared(graph: Graph, op: str, line: _Line, base: float, variable: str) -> int:
    x = graph.add("add", graph.leaf(variable), graph.const(-CENTRE))
    root = graph.add("exp", graph.add("mul", x, graph.const(base)))
    power = whole_power(graph, root, _multiple(line.slope, base))
    value = graph.add("mul", power, graph.const(math.exp(line.offset + line.slope * CENTRE)))
    return graph.add("sub", value, graph.const(1.0)) if op == "expm1" else value
