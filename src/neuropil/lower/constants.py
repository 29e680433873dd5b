"""Constants of a loop: static nodes, which depend on parameters alone, evaluated beforehand.

They come into a loop as numbers, or as arrays where they differ between elements.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.lower.graph import Graph


def hoisted(graph: Graph, roots: Iterable[int]) -> tuple[int, ...]:
    """Static nodes, literals aside, that dynamic nodes or the roots use directly."""
    wanted = set(roots)
    for n in graph.reach(roots):
        if not graph.nodes[n].static:
            wanted.update(graph.nodes[n].args)
    return tuple(n for n in sorted(wanted) if graph.nodes[n].static and graph.nodes[n].op != "const")


def describe(graph: Graph, node: int) -> str:
    """What a static node is made of, for the comment beside it."""
    return "from " + ", ".join(sorted(name[2:] for name in graph.leaves(node)))


@dataclass(frozen=True)
class Constants:
    """Values of hoisted constants.

    Attributes:
        numbers: float64[k], those equal for all elements, in order; nodes: their nodes.
        arrays: node -> float64[elements, 1 or cells] of those that differ between elements or cells.
    """

    numbers: np.ndarray
    nodes: tuple[int, ...]
    arrays: dict[int, np.ndarray]

    @classmethod
    def of(cls, graph: Graph, nodes: tuple[int, ...], parameters: dict[str, Any], size: int, *, as_given: bool = False) -> Constants:
        """Evaluate the nodes for parameters by leaf name, numbers or arrays [size or 1, cells or 1].

        Args:
            as_given: what depends on an array is one, though all its values be equal: other values may come.
            graph: of the nodes.
            nodes: to evaluate.
            size: elements of an array.
            parameters: by leaf name.

        Returns:
            Their values.
        """
        numbers, same, arrays = [], [], {}
        for node, value in zip(nodes, graph.evaluate(nodes, parameters), strict=True):
            if np.size(value) > 1 and (as_given or np.ptp(value) != 0.0):
                arrays[node] = np.broadcast_to(np.asarray(value, float), (size, np.shape(value)[1]))
            else:
                numbers.append(float(np.ravel(value)[0]))
                same.append(node)
        return cls(np.array(numbers), tuple(same), arrays)
