"""Functions of parameters, one element at a time: nodes of a graph as Python on one value, as a compiled loop over many.

Both have one text. Literals are arguments, so that it depends on the equations and not on their numbers. What depends on
numbers alone is evaluated once, by Python on floats (see `neuropil.codegen.scalars`); the rest by a loop.

Args:
    name: of the function, for the generated files.
    roots: nodes to compute.
    checks: nodes that must be true.
    gathered: leaves that are read through an array of indices.
    first: number of the first literal.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.elementwise import MATH_FUNCTIONS, module_head, operation
from neuropil.lower.graph import Graph

_WITH_NAN = {"max": "{0} if ({0} >= {1}) | ({0} != {0}) else {1}", "min": "{0} if ({0} <= {1}) | ({0} != {0}) else {1}"}
"""As NumPy has it: one that is not a number wins; without branches, so that loops vectorise."""
_CALLED = {"sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "is_finite": "isfinite"}


class Pointwise:
    """Some nodes of a graph, all of whose leaves are static, as a function of values by the names of leaves.

    Args:
        name: of what they are, for the generated files.
        graph, roots: what is computed; checks: nodes that must be true.
        arrays: leaves that are float64[size].
        gathered: leaves that are pairs: an array, and the index of each element in it.
        size: number of elements.
        start: values to compare the first with, in the order of the roots.

    Attributes:
        values: of each root: a float, or float64[size], which is written anew at every call.
    """

    def __init__(
        self, name: str, graph: Graph, roots: Sequence[int], *, checks: Sequence[int] = (), arrays: Container[str] = (), gathered: Container[str] = (),
        size: int = 1, start: Sequence[Any] | None = None,
    ):  # fmt: skip
        def spread(node: int) -> bool:
            return any(n in arrays or n in gathered for n in graph.leaves(node))

        self._alone, self._many = ([k for k, r in enumerate(roots) if spread(r) == many] for many in (False, True))
        self.values: list[Any] = [float("nan")] * len(roots) if start is None else list(start)
        for k in self._many:
            self.values[k] = np.array(np.broadcast_to(self.values[k], size), float)
        alone, loop = ([c for c in checks if spread(c) == many] for many in (False, True))
        self._size, self._scalar, self._loop = size, None, None
        if self._alone or alone:
            self._scalar_names = sorted(graph.leaves(*(roots[k] for k in self._alone), *alone))
            self._scalar = scalar_function(name, graph, [*(roots[k] for k in self._alone), *alone], self._scalar_names)
        if self._many or loop:
            wanted = [*(roots[k] for k in self._many), *loop]
            names = sorted(graph.leaves(*wanted))
            self._numbers = [n for n in names if n not in arrays and n not in gathered]
            self._arrays, self._gathered = [n for n in names if n in arrays], [n for n in names if n in gathered]
            source, self._literals = loop_source(name, graph, wanted[: len(self._many)], loop, self._numbers, self._arrays, self._gathered)
            self._loop = load(name, source).evaluate

    def __call__(self, known: Mapping[str, Any]) -> tuple[bool, list[int]]:
        """Evaluate.

        Args:
            known: floats, arrays and pairs by the names of leaves.

        Returns:
            Whether all checks hold, and the indices of the roots whose values are others than at the last call (of arrays: all, if any is).
        """
        good, changed = True, []
        if self._scalar is not None:
            made = self._scalar(*[known[n] for n in self._scalar_names])
            for k, value in zip(self._alone, made, strict=False):
                if value != self.values[k]:
                    self.values[k] = value
                    changed.append(k)
            good = all(made[len(self._alone) :])
        if self._loop is not None:
            numbers = np.array([known[n] for n in self._numbers] + self._literals)
            given = [known[n] for n in self._arrays] + [part for n in self._gathered for part in known[n]]
            within, same = self._loop(numbers, self._size, *given, *(self.values[k] for k in self._many))
            good = good and within
            if not same:
                changed += self._many
        return good, changed


def scalar_function(name: str, graph: Graph, roots: Sequence[int], leaves: Sequence[str]) -> Callable[..., tuple[Any, ...]]:
    """Nodes of a graph as a Python function of floats, with NumPy's bits.

    Args:
        name: of what they are, for the generated files.
        graph: of static nodes.
        roots: the nodes.
        leaves: names, in the order of the function's arguments.

    Returns:
        A function of one float for each leaf, which gives a value for each root.
    """
    lines, names, literals = statements_of(graph, roots, {n: f"x{k}" for k, n in enumerate(leaves)})
    used = sorted({_CALLED.get(op, op) for op in (graph.nodes[n].op for n in graph.reach(roots)) if op in _CALLED or op in MATH_FUNCTIONS})
    head = [f'"""{_ABOUT} Generated by neuropil; read it, do not edit it."""', f"from neuropil.codegen.scalars import {', '.join(['number', *used])}"]
    constants = [f"    {', '.join(f'k{j}' for j in range(len(literals)))}, = literals"] if literals else []
    body = [f"        {line}" for line in lines]
    text = [*head, "", "def function_of(literals):", *constants, f"    def evaluate({', '.join(f'x{k}' for k in range(len(leaves)))}):", *body,
            f"        return ({''.join(f'{n}, ' for n in names)})", "    return evaluate", ""]  # fmt: skip
    quick = load(name, "\n".join(text)).function_of(literals)

    def evaluate(*x: float) -> tuple[Any, ...]:
        try:
            found: tuple[Any, ...] = quick(*x)
            return found
        except (ArithmeticError, ValueError):  # a division by zero, say: an infinity, which checks find
            return tuple(np.asarray(v).item() for v in graph.evaluate(roots, dict(zip(leaves, x, strict=True))))

    return evaluate


_ABOUT = "What follows from parameters."


def loop_source(
    name: str, graph: Graph, roots: Sequence[int], checks: Sequence[int], numbers: Sequence[str], arrays: Sequence[str], gathered: Sequence[str]
) -> tuple[str, list[float]]:
    """The text of a compiled loop `evaluate(numbers, size, arrays…, gathered and indices…, results…)`, and its literals.

    It returns whether all checks hold for all elements, and whether all results are what their arrays held before.

    Args:
        name: of what they are, for the generated files.
        graph: of static nodes.
        roots: what is computed.
        checks: nodes that must be true.
        numbers: leaves that are one number.
        arrays: leaves that are float64[size].
        gathered: leaves that are pairs of an array and indices in it.

    Returns:
        The text, and the literals that follow the numbers.
    """
    leaf = {n: f"x{k}" for k, n in enumerate(numbers)}
    leaf |= {n: f"y{k}" for k, n in enumerate(arrays)} | {n: f"z{k}" for k, n in enumerate(gathered)}
    reads = [f"        y{k} = a{k}[i]" for k in range(len(arrays))] + [f"        z{k} = g{k}[j{k}[i]]" for k in range(len(gathered))]
    lines, names, literals = statements_of(graph, [*roots, *checks], leaf)
    arguments = [*(f"a{k}" for k in range(len(arrays))), *(f"{kind}{k}" for k in range(len(gathered)) for kind in "gj"), *(f"o{k}" for k in range(len(roots)))]
    fixed = [f"    x{k} = numbers[{k}]" for k in range(len(numbers))] + [f"    k{k} = numbers[{len(numbers) + k}]" for k in range(len(literals))]
    # Counted in int64: booleans would keep the loop from being vectorised.
    ends = [f"        bad |= np.int64(0 if {n} else 1)" for n in names[len(roots) :]]
    ends += [line for k, n in enumerate(names[: len(roots)]) for line in (f"        other |= np.int64(0 if o{k}[i] == {n} else 1)", f"        o{k}[i] = {n}")]
    text = [*module_head(_ABOUT, "float64", [(graph, [*roots, *checks])]), "", "@cached_njit(**KERNEL_FLAGS)",
            f"def evaluate({', '.join(['numbers', 'size', *arguments])}):", *fixed, "    bad, other = np.int64(0), np.int64(0)", "    noalias_arguments()",
            "    for i in range(size):", *reads, *(f"        {line}" for line in lines), *ends, "    return bad == 0, other == 0", ""]  # fmt: skip
    return "\n".join(text), literals


def statements_of(graph: Graph, roots: Sequence[int], leaf: Mapping[str, str], first: int = 0) -> tuple[list[str], list[str], list[float]]:
    """Assignments that compute some nodes.

    Args:
        graph: of static nodes.
        roots: the nodes.
        leaf: the text of each leaf.
        first: number of the first literal.

    Returns:
        The assignments, the roots' names, and the values of the literals k<first>, k<first + 1>, …
    """
    lines: list[str] = []
    names: dict[int, str] = {}
    literals: list[float] = []
    for n in graph.reach(roots):
        node = graph.nodes[n]
        if node.op == "const" and node.kind == "b":
            names[n] = repr(node.value)
        elif node.op == "const":
            names[n] = f"k{first + len(literals)}"
            literals.append(node.value)
        elif node.op == "leaf":
            names[n] = leaf[node.value]
        else:
            names[n] = f"t{len(lines)}"
            given = [names[a] for a in node.args]
            lines.append(f"t{len(lines)} = " + (_WITH_NAN[node.op].format(*given) if node.op in _WITH_NAN else operation(node.op, *given)))
    return lines, [names[r] for r in roots], literals
