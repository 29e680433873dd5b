"""The intermediate representation: a graph of scalar operations, simplified and shared as it is built.

Nodes are numbered in the order of evaluation. A node is *static* when it depends on parameters alone; static nodes are
evaluated once, in float64, when a network is built, and enter a kernel as constants. So a kernel's source depends on
the equations and not on the values of parameters, and a parameter sweep compiles once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.lower.primitives import PRIMITIVES, missing


@dataclass(frozen=True)
class Node:
    """One operation: `op` is a primitive's name, "const" (a literal `value`) or "leaf" (`value` is its name).

    Attributes:
        args: nodes of the operands.
        kind: type of its value, as `Primitive.gives`.
        static: whether it depends on parameters alone.
    """

    op: str
    args: tuple[int, ...] = ()
    value: Any = None
    kind: str = "f"
    static: bool = False


@dataclass
class Graph:
    """Nodes in order of evaluation; `leaf`, `const` and `add` return the number of the (possibly existing) node.

    Attributes:
        nodes: by number.
    """

    nodes: list[Node] = field(default_factory=list)
    _known: dict[Any, int] = field(default_factory=dict)

    # --- building ----------------------------------------------------------------------------------------------

    def _put(self, node: Node) -> int:
        key = (node.op, node.args, repr(node.value), node.kind)
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append(node)
        return self._known[key]

    def leaf(self, name: str, *, static: bool = False, kind: str = "f") -> int:
        """A named value from outside: a state, an input, or (static) a parameter.

        Args:
            name: such as "s.v".
            static: whether it is a parameter.
            kind: of its value, as of `Node`.
        """
        return self._put(Node("leaf", (), name, kind, static))

    def const(self, value: Any) -> int:
        """A literal number or truth value."""
        value = np.asarray(value).item()
        if isinstance(value, bool):
            return self._put(Node("const", (), value, "b", True))
        return self._put(Node("const", (), float(value) + 0.0, "f", True))  # + 0.0: one zero, not two

    def literal(self, node: int) -> Any:
        """The value of a literal node, else None."""
        return self.nodes[node].value if self.nodes[node].op == "const" else None

    def add(self, op: str, *args: int) -> int:
        """The node of an operation, simplified where an identity allows.

        Args:
            op: name of a primitive.
            args: nodes of the operands.
        """
        values = [self.literal(a) for a in args]
        if all(v is not None for v in values) and PRIMITIVES[op].gives != "t":
            with np.errstate(all="ignore"):
                return self.const(PRIMITIVES[op].evaluate(*values))
        simple = self._simplify(op, args, values)
        if simple is not None:
            return simple
        kind = PRIMITIVES[op].gives if op != "select" else self.nodes[args[1]].kind
        if op == "div" and self.nodes[args[1]].static and not self.nodes[args[0]].static:
            # A division by something constant becomes a product with its reciprocal, computed once.
            return self.add("mul", args[0], self.add("div", self.const(1.0), args[1]))
        if op in ("add", "mul", "max", "min", "and", "or") and args[0] > args[1]:
            args = (args[1], args[0])
        return self._put(Node(op, tuple(args), None, kind, all(self.nodes[a].static for a in args)))

    def _simplify(self, op: str, args: tuple[int, ...], values: list[Any]) -> int | None:
        a = args[0]
        b = args[1] if len(args) > 1 else -1
        va, vb = values[0], values[1] if len(values) > 1 else None
        match op:
            case "add":
                return b if va == 0.0 else a if vb == 0.0 else None
            case "sub":
                if vb == 0.0:
                    return a
                if va == 0.0:
                    return self.add("neg", b)
                return self.const(0.0) if a == b else None
            case "mul":
                if va == 0.0 or vb == 0.0:
                    return self.const(0.0)
                if va == -1.0 or vb == -1.0:
                    return self.add("neg", b if va == -1.0 else a)
                return b if va == 1.0 else a if vb == 1.0 else None
            case "div":
                if va == 0.0:
                    return self.const(0.0)
                return a if vb == 1.0 else None
            case "neg":
                return self.nodes[a].args[0] if self.nodes[a].op == "neg" else None
            case "not":
                return self.nodes[a].args[0] if self.nodes[a].op == "not" else None
            case "and":
                if va is False or vb is False:
                    return self.const(False)
                return b if va is True else a if vb is True or a == b else None
            case "or":
                if va is True or vb is True:
                    return self.const(True)
                return b if va is False else a if vb is False or a == b else None
            case "select":
                if va is not None:
                    return b if va else args[2]
                return b if b == args[2] else None
            case _:
                return None

    # --- reading -----------------------------------------------------------------------------------------------

    def reach(self, roots: Iterable[int], known: Container[int] = ()) -> list[int]:
        """All nodes the roots need, in order of evaluation; not those that only known ones need."""
        seen: set[int] = set()
        stack = list(roots)
        while stack:
            n = stack.pop()
            if n not in seen:
                seen.add(n)
                stack.extend(() if n in known else self.nodes[n].args)
        return sorted(seen)

    def leaves(self, *roots: int) -> set[str]:
        """Names of the leaves the roots depend on."""
        return {self.nodes[n].value for n in self.reach(roots) if self.nodes[n].op == "leaf"}

    def flops(self, roots: Iterable[int]) -> int:
        """Floating-point operations of one evaluation of the dynamic nodes that the roots need."""
        return sum(PRIMITIVES[op].flops * n for op, n in self.operations(roots).items())

    def operations(self, roots: Iterable[int]) -> Counter[str]:
        """How many dynamic nodes of each primitive the roots need; a choice that parameters alone decide is made outside the loop."""
        used = [self.nodes[n] for n in self.reach(roots)]
        decided = [n for n in used if n.op == "select" and self.nodes[n.args[0]].static]
        return Counter(n.op for n in used if n.op in PRIMITIVES and not n.static) - Counter(n.op for n in decided if not n.static)

    def evaluate(self, roots: Iterable[int], leaves: dict[str, Any]) -> list[Any]:
        """Values of the roots in float64 NumPy; leaves by name (numbers or arrays)."""
        roots = list(roots)
        values: dict[int, Any] = {}
        with np.errstate(all="ignore"):
            for n in self.reach(roots):
                node = self.nodes[n]
                if node.op == "const":
                    values[n] = node.value
                elif node.op == "leaf":
                    values[n] = leaves[node.value]
                else:
                    values[n] = PRIMITIVES[node.op].evaluate(*(values[a] for a in node.args))
        return [values[r] for r in roots]


# --- from a jaxpr -------------------------------------------------------------------------------------------------

_SAME = {
    "add_any": "add", "add": "add", "sub": "sub", "mul": "mul", "div": "div", "neg": "neg", "abs": "abs", "max": "max",
    "min": "min", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "exp": "exp", "exp2": "exp2", "expm1": "expm1",
    "log": "log", "log1p": "log1p", "tanh": "tanh", "logistic": "logistic", "sin": "sin", "cos": "cos", "pow": "pow",
    "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne", "and": "and", "or": "or", "not": "not",
    "is_finite": "is_finite",
}  # fmt: skip
_TRANSPARENT = {"stop_gradient", "copy", "copy_p", "broadcast_in_dim", "reshape", "squeeze", "reduce_precision"}
_CALLS = {"pjit", "jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "core_call", "remat", "checkpoint"}


def absorb(graph: Graph, closed: Any, arguments: list[int], where: str) -> list[int]:
    """Add the equations of a closed jaxpr to the graph.

    Args:
        closed: what `jax.make_jaxpr` returned, of scalar equations.
        arguments: nodes that stand for its arguments.
        where: whose equations these are, for error messages.

    Returns:
        The nodes of its results.

    Raises:
        PrimitiveError: an operation without native form.
    """
    jaxpr = closed.jaxpr
    nodes: dict[Any, int] = dict(zip(jaxpr.invars, arguments, strict=True))
    nodes.update({v: graph.const(c) for v, c in zip(jaxpr.constvars, closed.consts, strict=True)})

    def read(variable: Any) -> int:
        return graph.const(variable.val) if hasattr(variable, "val") else nodes[variable]

    for equation in jaxpr.eqns:
        name = equation.primitive.name
        args = [read(v) for v in equation.invars]
        if name in _CALLS:
            if equation.params.get("name") == "coupled_flow":
                n = len(equation.outvars)
                whole = graph.add(f"flow{n}", *args)
                results = [graph.add(f"item{k}", whole) for k in range(n)]
            else:
                inner = equation.params.get("jaxpr") or equation.params.get("call_jaxpr")
                results = absorb(graph, inner, args, where)
        else:
            results = [_operation(graph, name, args, equation, where)]
        nodes.update(zip(equation.outvars, results, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _operation(graph: Graph, name: str, args: list[int], equation: Any, where: str) -> int:
    if equation.outvars[0].aval.size != 1:
        raise missing(name + " on an array", where)
    if name in _SAME:
        return graph.add(_SAME[name], *args)
    if name in _TRANSPARENT:
        return args[0]
    if name == "square":
        return graph.add("mul", args[0], args[0])
    if name == "rsqrt":
        return graph.add("div", graph.const(1.0), graph.add("sqrt", args[0]))
    if name == "integer_pow":
        return whole_power(graph, args[0], equation.params["y"])
    if name == "select_n" and len(args) == 3:
        return graph.add("select", args[0], args[2], args[1])
    if name == "clamp":
        return graph.add("min", graph.add("max", args[0], args[1]), args[2])
    if name == "sign":
        zero, one = graph.const(0.0), graph.const(1.0)
        negative = graph.add("select", graph.add("lt", args[0], zero), graph.const(-1.0), zero)
        return graph.add("select", graph.add("gt", args[0], zero), one, negative)
    if name == "convert_element_type":
        to_bool = equation.params["new_dtype"] == np.bool_
        is_bool = graph.nodes[args[0]].kind == "b"
        if is_bool and not to_bool:
            return graph.add("select", args[0], graph.const(1.0), graph.const(0.0))
        return graph.add("ne", args[0], graph.const(0.0)) if to_bool and not is_bool else args[0]
    raise missing(name, where)


def whole_power(graph: Graph, base: int, exponent: int) -> int:
    """A whole power by repeated squaring.

    Args:
        graph: to which nodes are added.
        base: node of the base.
        exponent: whole number.
    """
    if exponent == 0:
        return graph.const(1.0)
    result, square, n = None, base, abs(exponent)
    while n:
        if n & 1:
            result = square if result is None else graph.add("mul", result, square)
        n >>= 1
        if n:
            square = graph.add("mul", square, square)
    assert result is not None
    return result if exponent > 0 else graph.add("div", graph.const(1.0), result)
