"""The order in which populations run: those that depend on each other together, step by step; all others whole in time, after what they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter


def components(count: int, edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The strongly connected components of a graph, each after those with an edge to it.

    Args:
        count: of nodes.
        edges: (from, to).
    """
    reached = [{n} for n in range(count)]
    while True:
        more = [reached[n].union(*(reached[b] for a, b in edges if a == n)) for n in range(count)]
        if more == reached:
            break
        reached = more
    own = [min(m for m in reached[n] if n in reached[m]) for n in range(count)]
    before: dict[int, set[int]] = {n: set() for n in sorted(set(own))}
    for a, b in edges:
        if own[a] != own[b]:
            before[own[b]].add(own[a])
    return [[n for n in range(count) if own[n] == first] for first in TopologicalSorter(before).static_order()]
