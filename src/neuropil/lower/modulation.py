"""Modulators as graphs of scalar operations: what removes and supplies a substance, and what effects make of parameters.

The description's own functions, each traced once by JAX on one value. All leaves are static (nothing of a model's states is
among them): `p.<parameter>` the value in the description, `c.<modulator>` a concentration; of kinetics `c` and `signal`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError, NeuropilError
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.later import jnp
from neuropil.lower.trace import scalar_jaxpr
from neuropil.model.modulation.bound_effect import BoundEffect
from neuropil.model.modulation.kinetics import Kinetics


@dataclass(frozen=True)
class EffectProgram:
    """What effects make of the parameters of a target.

    Attributes:
        graph: of the operations.
        values: node of each parameter's value after its effects, in the order in which they were stated.
        within: node of whether that value, and each on the way to it, is finite and within its bounds.
    """

    graph: Graph
    values: dict[str, int]
    within: dict[str, int]

    @classmethod
    def of(cls, effects: Mapping[str, tuple[BoundEffect, ...]]) -> EffectProgram:
        """Trace effects.

        Args:
            effects: by parameter, in order; parameters go by these names.

        Returns:
            The program of all parameters.

        Raises:
            ModelError: a change that cannot be traced, or that is another at every call.
        """
        graph = Graph()
        values, within = {}, {}
        for name, listed in effects.items():
            value, good = graph.leaf(f"p.{name}", static=True), graph.const(True)
            for effect in listed:
                arguments = [value, graph.leaf(f"c.{effect.modulator}", static=True)]
                value = traced_twice(graph, effect.outcome, arguments, effect.label)
                good = graph.add("and", good, _bounded(graph, value, effect))
            values[name], within[name] = value, good
        return cls(graph, values, within)


def _bounded(graph: Graph, value: int, effect: BoundEffect) -> int:
    """The node of whether a value is finite and within an effect's bounds."""
    good = graph.add("is_finite", value)
    if np.isfinite(effect.low):
        good = graph.add("and", good, graph.add("ge", value, graph.const(effect.low)))
    return graph.add("and", good, graph.add("le", value, graph.const(effect.high))) if np.isfinite(effect.high) else good


@dataclass(frozen=True)
class KineticsProgram:
    """The dynamics of a concentration.

    Attributes:
        graph: of the operations.
        removed: node of what is removed per ms at concentration `c`, base units.
        supplied: node of what a `signal` supplies over a tick, base units.
    """

    graph: Graph
    removed: int
    supplied: int

    @classmethod
    def of(cls, kinetics: Kinetics, tick: float) -> KineticsProgram:
        """Trace kinetics.

        Args:
            kinetics: of the modulator.
            tick: ms.

        Returns:
            The program.

        Raises:
            ModelError: an equation that cannot be traced, or that is another at every call.
        """
        graph, name = Graph(), type(kinetics).__name__
        removed = traced_twice(graph, kinetics.removed, [graph.leaf("c", static=True)], f"{name}.removal()")
        supplied = traced_twice(graph, lambda signal: kinetics.supplied(signal, tick), [graph.leaf("signal", static=True)], f"{name}.supplied()")
        return cls(graph, removed, supplied)


def traced_twice(graph: Graph, function: Callable[..., Any], arguments: list[int], where: str) -> int:
    """The node of a function's result, which must be the same at every call.

    Args:
        graph: takes the operations.
        function: of numbers.
        arguments: the nodes that stand for them.
        where: whose function it is, for messages.

    Returns:
        The node.

    Raises:
        ModelError: it cannot be traced, or gives other equations the second time.
    """
    try:
        nodes = [absorb(graph, scalar_jaxpr(lambda *a: jnp.asarray(function(*a), "float64"), *map(str, arguments)), arguments, where) for _ in range(2)]
    except NeuropilError:
        raise
    except Exception as error:
        raise ModelError(
            f"{where} cannot be traced", got=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            expected="a function of its arguments alone, which are traced once and stand for every value",
            fix="write it with arithmetic and the functions of neuropil.maths; where(condition, a, b) in place of if",
        ) from error  # fmt: skip
    if nodes[0] != nodes[1]:
        raise ModelError(f"{where} is another function at every call", expected="a function of its arguments alone", fix="draw and count nothing in it")
    return nodes[0][0]


def graft(graph: Graph, other: Graph, roots: Iterable[int], within: str = "", given: Mapping[str, int] | None = None) -> list[int]:
    """Take some nodes of another graph, whose leaves are all static, into a graph.

    Args:
        graph: takes them.
        other: the graph from which they are taken.
        roots: the nodes.
        within: of which mechanism the parameters among the leaves are there; "": they keep their names.
        given: nodes that take the place of leaves, by the leaf's name.

    Returns:
        Their nodes there.
    """
    roots, made = list(roots), dict[int, int]()
    for n in other.reach(roots):
        node = other.nodes[n]
        if node.op == "const":
            made[n] = graph.const(node.value)
        elif node.op == "leaf" and given and node.value in given:
            made[n] = given[node.value]
        elif node.op == "leaf":
            made[n] = graph.leaf(within_mechanism(node.value, within), static=True, kind=node.kind)
        else:
            made[n] = graph.add(node.op, *(made[a] for a in node.args))
    return [made[r] for r in roots]


def within_mechanism(leaf: str, mechanism: str) -> str:
    """The name that a leaf of a mechanism's own graph, "p.tau", has in the graph of a membrane, "p.ampa.tau"; `mechanism` "": its own; dt is the same.

    Args:
        leaf: its name.
        mechanism: whose it is.
    """
    return f"p.{mechanism}.{leaf.removeprefix('p.')}" if mechanism and leaf != "p.dt" else leaf
