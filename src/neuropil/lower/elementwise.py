"""Loops over elements: from nodes of a graph to the text of a vectorised function.

Static nodes (those that depend on parameters alone) are evaluated beforehand and come in as numbers, or as arrays where
they differ between elements; the rest is one loop body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.lower.graph import Graph
from neuropil.lower.primitives import MATH_FUNCTIONS, PRIMITIVES


def frontier(graph: Graph, roots: Iterable[int]) -> tuple[int, ...]:
    """Static nodes, literals aside, that dynamic nodes or the roots use directly."""
    wanted = set(roots)
    for n in graph.reach(roots):
        if not graph.nodes[n].static:
            wanted.update(graph.nodes[n].args)
    return tuple(n for n in sorted(wanted) if graph.nodes[n].static and graph.nodes[n].op != "const")


def statements(graph: Graph, roots: Iterable[int], names: dict[int, str], leaf: Callable[[str], str] = str) -> list[str]:
    """Assignments that compute the roots; adds the name of every node to `names`.

    Args:
        names: nodes that have one already: the frontier, leaves that were read before.
        leaf: the text that stands for any other leaf.
    """
    lines = []
    for n in graph.reach(roots, names):
        node = graph.nodes[n]
        if n in names:
            continue
        if node.op == "const":
            names[n] = repr(node.value) if node.kind == "b" else f"number({node.value!r})"
        elif node.op == "leaf":
            if not node.static:
                names[n] = leaf(node.value)
        elif not node.static:
            names[n] = f"t{n}"
            lines.append(f"t{n} = " + PRIMITIVES[node.op].emit.format(*(names[a] for a in node.args)))
    return lines


def math_imports(graphs: Iterable[tuple[Graph, Iterable[int]]]) -> str:
    """The statement that imports the functions these graphs call, or ""."""
    used = {graph.nodes[n].op for graph, roots in graphs for n in graph.reach(roots)} & set(MATH_FUNCTIONS)
    return f"from neuropil.lower.numerics import {', '.join(sorted(used))}" if used else ""


def describe(graph: Graph, node: int) -> str:
    """What a static node is made of, for the comment beside it."""
    return "from " + ", ".join(sorted(name[2:] for name in graph.leaves(node)))


@dataclass(frozen=True)
class Constants:
    """Values of a frontier.

    Attributes:
        numbers: float64[k], those equal for all elements, in order; nodes: their nodes.
        arrays: node -> float64[elements] of those that differ.
    """

    numbers: np.ndarray
    nodes: tuple[int, ...]
    arrays: dict[int, np.ndarray]

    @classmethod
    def of(cls, graph: Graph, nodes: tuple[int, ...], parameters: dict[str, Any], size: int) -> Constants:
        """Evaluate the nodes for parameters by leaf name, numbers or arrays [size]."""
        numbers, same, arrays = [], [], {}
        for node, value in zip(nodes, graph.evaluate(nodes, parameters), strict=True):
            if np.size(value) > 1 and np.ptp(value) != 0.0:
                arrays[node] = np.broadcast_to(np.asarray(value, float), size)
            else:
                numbers.append(float(np.ravel(value)[0]))
                same.append(node)
        return cls(np.array(numbers), tuple(same), arrays)
