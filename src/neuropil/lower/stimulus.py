"""The equation of a stimulus as a graph of scalar operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from neuropil.lower.constants import hoisted
from neuropil.lower.graph import Graph
from neuropil.lower.purity import traced_twice
from neuropil.model.stimulus.equation import evaluated
from neuropil.model.stimulus.stimulus import Stimulus
from neuropil.units import Dimension

TIME, STEP, NUMBER = "t", "dt", "number"
"""Leaves: start of the step and its duration (static), ms, and the random number of an element."""


@dataclass(frozen=True)
class StimulusProgram:
    """A traced and simplified equation.

    Attributes:
        graph: its operations; leaves are p.* and dt (static), t and number.
        root: the node of its value.
        random: "uniform", "normal" or None: which random number it asks for.
        hoisted: static nodes whose values enter the kernel.
    """

    graph: Graph
    root: int
    random: str | None
    hoisted: tuple[int, ...]

    @classmethod
    def of(cls, stimulus: Stimulus, dimension: Dimension) -> StimulusProgram:
        """Trace and simplify the equation of a stimulus.

        Args:
            stimulus: one with an equation.
            dimension: that its value must have.

        Raises:
            ModelError: an equation with effects. PrimitiveError: an operation without native form. UnitError: another unit.
        """
        equation = stimulus.equation
        assert equation is not None

        def value(p: dict[str, Any], t: Any, dt: Any, number: Any) -> Any:
            return jnp.asarray(evaluated(stimulus, p, t, dt, number, dimension), "float64")

        graph = Graph()
        (root,) = traced_twice(graph, value, [{n: f"p.{n}" for n in stimulus.parameters}, TIME, STEP, NUMBER], equation.where, static=(STEP,))
        return cls(graph, root, equation.random, hoisted(graph, [root]))

    def constants(self, parameters: dict[str, Any], dt: float) -> list[Any]:
        """Values of the hoisted constants in float64, numbers or arrays.

        Args:
            parameters: by name, magnitudes in base units.
            dt: time step, ms.
        """
        return self.graph.evaluate(self.hoisted, {STEP: dt, **{f"p.{n}": v for n, v in parameters.items()}})

    def apart(self, varying: set[int]) -> set[int]:
        """Dynamic nodes whose values differ between elements, where those of some nodes of the hoisted constants do.

        Args:
            varying: these nodes.
        """
        graph, found = self.graph, set(varying)
        for n in graph.reach([self.root], set(self.hoisted)):
            node = graph.nodes[n]
            if (node.op == "leaf" and node.value == NUMBER) or any(a in found for a in node.args):
                found.add(n)
        return found

    @property
    def flops(self) -> int:
        """Floating-point operations for an element and step."""
        return self.graph.flops([self.root])
