"""One equation for an element of a loop, such as that of a stimulus, as a graph of scalar operations."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

from neuropil.lower.constants import hoisted
from neuropil.lower.graph import Graph
from neuropil.lower.later import jnp
from neuropil.lower.membrane import Membrane
from neuropil.lower.purity import traced_twice
from neuropil.lower.trace import Scalars
from neuropil.model.base.described import DeclarativeModel
from neuropil.model.cell.mechanism import Mechanism, supplied
from neuropil.model.connection.matrix import WeightMatrix
from neuropil.model.contents.expression import Expression, readable
from neuropil.model.network.junction import ARGUMENTS, Junction
from neuropil.model.stimulus.equation import evaluated
from neuropil.model.stimulus.stimulus import Stimulus
from neuropil.units import Quantity

TIME, STEP, NUMBER = "t", "dt", "number"
"""Leaves of a stimulus: start of the step and its duration (static), ms, and the random number of an element."""

SOURCE, TARGET = "source", "target"
"""Leaves of the equation of weights: the two neurons."""

_REMEDY = "the equation of a stimulus may ask for a random number: value(self, t, normal), or uniform; what differs between elements is a parameter with a distribution or an array"


@dataclass(frozen=True)
class EquationProgram:
    """A traced and simplified equation.

    Attributes:
        graph: its operations; leaves that begin with "p." are static.
        root: the node of its value.
        hoisted: static nodes whose values enter the kernel.
    """

    graph: Graph
    root: int
    hoisted: tuple[int, ...]

    @classmethod
    def of(cls, function: Callable[..., Any], leaves: list[Any], where: str, *, static: tuple[str, ...] = ()) -> EquationProgram:
        """Trace and simplify a function.

        Args:
            function: of trees of bare scalars, to one scalar.
            leaves: these trees, of the names of leaves.
            where: whose equation it is, for messages.
            static: leaves that are constant, besides parameters.

        Returns:
            The program.

        Raises:
            ModelError: an equation with effects. PrimitiveError: an operation without native form. UnitError: units that do not fit.
        """
        graph = Graph()
        (root,) = traced_twice(graph, lambda *a: jnp.asarray(function(*a), "float64"), leaves, where, static=static, remedy=_REMEDY)
        return cls(graph, root, hoisted(graph, [root]))

    def constants(self, leaves: dict[str, Any]) -> list[Any]:
        """Values of the hoisted constants in float64, numbers or arrays.

        Args:
            leaves: values of the static leaves by name, numbers or arrays.
        """
        return self.graph.evaluate(self.hoisted, leaves)

    def apart(self, varying: Set[int], leaves: Set[str]) -> set[int]:
        """Dynamic nodes whose values differ between elements.

        Args:
            varying: nodes of the hoisted constants that do.
            leaves: names of leaves that do.
        """
        graph, found = self.graph, set(varying)
        for n in graph.reach([self.root], set(self.hoisted)):
            node = graph.nodes[n]
            if (node.op == "leaf" and node.value in leaves) or any(a in found for a in node.args):
                found.add(n)
        return found

    @property
    def flops(self) -> int:
        """Floating-point operations for an element and step."""
        return self.graph.flops([self.root])


def parameter_leaves(values: Any) -> dict[str, str]:
    """The leaves of parameters by their names, which are the keys of `values`."""
    return {n: f"p.{n}" for n in values}


def stimulus_program(stimulus: Stimulus) -> EquationProgram:
    """The equation of a stimulus."""
    equation = stimulus.equation
    assert equation is not None
    unit = stimulus.dimension()

    def value(p: dict[str, Any], t: Any, dt: Any, number: Any) -> Any:
        return evaluated(stimulus, p, t, dt, number, unit)

    return EquationProgram.of(value, [parameter_leaves(stimulus.parameters), TIME, STEP, NUMBER], equation.where, static=(STEP,))


def junction_program(junction: Junction) -> EquationProgram:
    """The current through a junction; its leaves are the arguments of the equation."""
    return EquationProgram.of(junction.flow, [parameter_leaves(junction.spec.parameters), *ARGUMENTS], f"{type(junction).__name__}.current()")


def expression_program(expression: Expression, model: DeclarativeModel, beneath: Membrane | None = None) -> EquationProgram:
    """What an `expression` of a `model` (a neuron, a part of one, or a mechanism of a cell) computes.

    Its leaves are "s.", "x.", "w." and "p." with a name; of a mechanism, what the compartment supplies comes from the potential, the leaf "v",
    and from the states and parameters of the channels there, "s.pool.c" and "p.pool.tau".

    Args:
        beneath: the channels of the compartment; None: of no cell, or nothing but the potential is read.
    """
    spec, mechanism = model.spec, isinstance(model, Mechanism)
    inputs = {n: f"x.{n}" for n in readable(model) if not (mechanism and supplied(n))}
    given = {n for n in readable(model) if mechanism and supplied(n)}
    channels = () if beneath is None else beneath.traced.items()

    def value(p: Scalars, s: Scalars, x: Scalars, w: Scalars, v: Any, around: tuple[Scalars, Scalars]) -> Any:
        supply = {"v": v} if beneath is None else beneath.surroundings(*around, v, {})
        return expression.of(model, p, s, {**x, **{n: supply[n] for n in given}}, w)

    of_channels = (
        {f"{c}.{n}": f"p.{c}.{n}" for c, t in channels for n in t.spec.parameters},
        {f"{c}.{n}": f"s.{c}.{n}" for c, t in channels for n in t.spec.states},
    )
    leaves = [parameter_leaves(spec.parameters), {n: f"s.{n}" for n in spec.states}, inputs, {n: f"w.{n}" for n in spec.ports}, "v", of_channels]
    return EquationProgram.of(value, leaves, expression.where)


def weights_program(matrix: WeightMatrix) -> EquationProgram:
    """The equation of the entries of a weight `matrix`, whose parameters are numbers; its leaves are the two neurons."""

    def entry(p: dict[str, Any], source: Any, target: Any) -> Any:
        made = matrix.bound(p).entry(source, target)
        return made.value if isinstance(made, Quantity) else made

    return EquationProgram.of(entry, [parameter_leaves(matrix.parameters), SOURCE, TARGET], f"{type(matrix).__name__}.entry()")
