"""Two independent counts of the same equations: a number that counts, and the trace our kernels are made from."""

from __future__ import annotations

from collections import Counter

import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuropil.cost import article_equations as equations
from neuropil.cost.article import traced
from neuropil.cost.article_equations import NEURON, SYNAPSE, Line
from neuropil.cost.counted import count, flops
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.trace import scalar_jaxpr

REPEATING = {"ion channel dynamics"}
"""Lines that write a term twice (V + 40 and its like), which the trace forms once."""


@pytest.mark.parametrize("line", [line for line in (*NEURON, *SYNAPSE) if line.name not in REPEATING], ids=lambda line: line.name)
def test_both_counts_agree_where_nothing_repeats(line: Line):
    written, _ = count(line.function, line.arguments.values())
    assert flops(written, 10) == flops(traced(line), 10)


def test_the_trace_shares_what_is_repeated():
    (line,) = (line for line in NEURON if line.name in REPEATING)
    written, _ = count(line.function, line.arguments.values())
    shared = traced(line)
    # As written, V + 40 and V + 55 are formed twice and V + 65 three times, negated twice of them; a division by a literal
    # is a product in the trace, which costs the same.
    assert flops(written, 10) - flops(shared, 10) == 6
    assert (written["add"] - shared["add"], written["neg"] - shared["neg"], written["exp"] - shared["exp"]) == (4, 2, 0)


def test_a_counted_number_computes_what_a_float_computes():
    for line in (*NEURON, *SYNAPSE):
        _, results = count(line.function, line.arguments.values())
        bare = line.function(equations_maths(), *line.arguments.values())
        assert results == pytest.approx(bare if isinstance(bare, tuple) else [bare], rel=1e-15)


def equations_maths():
    import math
    from types import SimpleNamespace

    return SimpleNamespace(exp=math.exp, maximum=max)


@pytest.mark.parametrize(("exponent", "products"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (7, 4), (8, 3)])
def test_whole_powers_are_squarings(exponent, products):
    tally, (value,) = count(lambda m, x: x**exponent, [1.5])
    assert (tally["mul"], value) == (products, 1.5**exponent)
    graph = Graph()
    (root,) = absorb(graph, scalar_jaxpr(lambda x: x**exponent, "x"), [graph.leaf("s.x")], "power")
    assert graph.operations([root])["mul"] == products


# Random expressions in which every variable is used once have nothing to share or to simplify: the counts must be equal.
LEAF = st.just("leaf")
TREE = st.recursive(LEAF, lambda t: st.tuples(st.sampled_from(["add", "sub", "mul", "div"]), t, t) | st.tuples(st.just("exp"), t), max_leaves=12)


def evaluate(tree, leaves, exp):
    if tree == "leaf":
        return next(leaves)
    op, *parts = tree
    values = [evaluate(part, leaves, exp) for part in parts]
    if op == "exp":
        return exp(values[0])
    a, b = values
    return {"add": lambda: a + b, "sub": lambda: a - b, "mul": lambda: a * b, "div": lambda: a / b}[op]()


def size(tree) -> int:
    return 1 if tree == "leaf" else sum(size(part) for part in tree[1:])


@settings(deadline=None)  # tracing takes as long as the machine is busy
@given(TREE)
def test_both_counts_agree_on_random_expressions(tree):
    n = size(tree)
    operations: Counter[str] = Counter()

    def note(t):
        if t != "leaf":
            operations[t[0]] += 1
            for part in t[1:]:
                note(part)

    note(tree)
    graph = Graph()
    closed = scalar_jaxpr(lambda *x: evaluate(tree, iter(x), jnp.exp), *(f"x{i}" for i in range(n)))
    roots = absorb(graph, closed, [graph.leaf(f"s.x{i}") for i in range(n)], "random")
    assert graph.operations(roots) == operations
    assert graph.flops(roots) == flops(operations)


def test_the_whole_step_has_each_current_once():
    line = Line("whole", equations.whole_step, {"v": -60.0, "m": 0.1, "h": 0.5, "n": 0.4, "i": 10.0, "dt": 0.01}, {}, 126)
    written, _ = count(line.function, line.arguments.values())
    parts = [count(x.function, x.arguments.values())[0] for x in NEURON[:3]]
    assert flops(written, 10) == sum(flops(p, 10) for p in parts)
