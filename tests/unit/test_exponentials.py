"""Shared exponentials give the same values with fewer of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuropil.lower.exponentials import share_exponentials
from neuropil.lower.graph import Graph


def exponential(graph: Graph, op: str, slope: float, offset: float) -> int:
    """op(slope * (x + offset)) as channels write it."""
    x = graph.add("add", graph.leaf("x.v"), graph.const(offset))
    return graph.add(op, graph.add("mul", x, graph.const(slope)))


def count(graph: Graph, roots: list[int]) -> int:
    return sum(graph.nodes[n].op in ("exp", "expm1") for n in graph.reach(roots))


def test_the_squid_axon_needs_two():
    graph = Graph()
    roots = [
        exponential(graph, op, slope, offset)
        for op, slope, offset in [
            ("expm1", -0.1, 40.0), ("exp", -1 / 18, 65.0), ("exp", -0.05, 65.0), ("exp", -0.1, 35.0), ("expm1", -0.1, 55.0), ("exp", -1 / 80, 65.0),
        ]
    ]  # fmt: skip
    new, node_of = share_exponentials(graph, roots, "x.v", exact=True)
    assert count(graph, roots) == 6
    assert count(new, [node_of[r] for r in roots]) == 2


def test_single_precision_keeps_expm1():
    graph = Graph()
    roots = [exponential(graph, "expm1", -0.1, 40.0), exponential(graph, "expm1", -0.1, 55.0)]
    new, node_of = share_exponentials(graph, roots, "x.v", exact=False)
    assert count(new, [node_of[r] for r in roots]) == 2


def test_a_lonely_exponential_is_left_alone():
    graph = Graph()
    root = exponential(graph, "exp", -1 / 18, 65.0)
    new, node_of = share_exponentials(graph, [root], "x.v", exact=True)
    assert [n.op for n in new.nodes] == [n.op for n in graph.nodes]
    assert new.nodes[node_of[root]].op == "exp"


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["exp", "expm1"]), st.sampled_from([-1, 1]), st.sampled_from([1, 2, 3, 4, 5, 8]), st.floats(-80, 80)),
        min_size=1, max_size=8,
    ),
    st.floats(5.0, 100.0),
)  # fmt: skip
def test_values_stay(terms: list[tuple[str, int, int, float]], scale: float):
    """Relative error of the exponential within 40 roundings and a few of its arguments, whatever is shared."""
    graph = Graph()
    roots = [exponential(graph, op, sign * power / scale, offset) for op, sign, power, offset in terms]
    new, node_of = share_exponentials(graph, roots, "x.v", exact=True)
    v = np.linspace(-150.0, 100.0, 501)
    before = graph.evaluate(roots, {"x.v": v})
    after = new.evaluate([node_of[r] for r in roots], {"x.v": v})
    for (op, _, power, offset), old, shared in zip(terms, before, after, strict=True):
        size = np.abs(old) + (1.0 if op == "expm1" else 0.0)
        arguments = power / scale * (np.abs(v + offset) + np.abs(v + 60.0) + np.abs(offset - 60.0))
        assert np.all(np.abs(shared - old) <= (40 + 4 * arguments) * np.finfo(float).eps * size)
    assert count(new, [node_of[r] for r in roots]) <= count(graph, roots)


def test_static_parts_stay_static():
    graph = Graph()
    rate = graph.add("exp", graph.leaf("p.a", static=True))
    root = graph.add("mul", rate, exponential(graph, "exp", -0.1, 40.0))
    new, node_of = share_exponentials(graph, [root], "x.v", exact=True)
    assert new.nodes[node_of[rate]].static
    assert new.evaluate([node_of[root]], {"p.a": 0.3, "x.v": -40.0})[0] == pytest.approx(np.exp(0.3))
