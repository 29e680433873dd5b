"""From a step function to the graph of one kind of neuron: what a kernel computes, in the variant that is in use.

A variant says what of a model is in use: ports whose events are summed exactly (packed synapses), ports with fast Poisson
counts, ports whose events are summed as real numbers (irregular stimuli, per-synapse projections), inputs with a current.
What is not in use is zero before simplification, so it costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuropil.errors import PlanError
from neuropil.lower.constants import hoisted
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.integrate import StepFunction
from neuropil.lower.kept import kept, read_by
from neuropil.lower.later import jax
from neuropil.lower.primitives import PRIMITIVES
from neuropil.lower.trace import named_leaves, scalar_jaxpr

RUNAWAY = 1e15
"""A state beyond this magnitude (base units) stops the run."""


@dataclass(frozen=True)
class Variant:
    """What of a model a group of populations uses. Tuples are in the model's order.

    `read` are the inputs that are states of the soma, (input, state); `gives` says that the model's output is added to an
    input of the soma.

    Attributes:
        wired: ports fed by any projection or stimulus.
        counted: ports fed by Poisson counts.
        real: ports with a real accumulator.
        driven: inputs with a current.
    """

    wired: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    real: tuple[str, ...] = ()
    driven: tuple[str, ...] = ()
    read: tuple[tuple[str, str], ...] = ()
    gives: bool = False

    def input_in_use(self, name: str) -> bool:
        """Whether anything flows into the input of this name."""
        return name in self.driven or name in dict(self.read)

    def weight_in_use(self, port: str) -> bool:
        """Anything arrives at this port."""
        return port in self.wired or port in self.counted or port in self.real


@dataclass(frozen=True)
class NeuronProgram:
    """The traced and simplified step of a model in one variant.

    Attributes:
        graph: its operations.
        new_states: node of each state's new value.
        fired: node of the spike condition.
        given: node of what a step gives to the soma, of the states and inputs at its beginning; None if nothing.
        hoisted: static nodes whose values enter the kernel.
        step: the traced step.
        variant: what of the model is in use.
    """

    step: StepFunction
    variant: Variant
    graph: Graph
    new_states: dict[str, int]
    fired: int
    given: int | None = None

    @classmethod
    def of(cls, step: StepFunction, variant: Variant) -> NeuronProgram:
        """Trace a step function and simplify it for a variant.

        Returns:
            The program.
        """
        return cls(step, variant, *kept("neuron", (*read_by(step.traced), variant), lambda: _traced(step, variant)))

    @property
    def roots(self) -> list[int]:
        """Nodes the kernel computes."""
        given = [] if self.given is None else [self.given]
        return [*(self.new_states[n] for n in self.states), self.fired, *given]

    @property
    def states(self) -> tuple[str, ...]:
        """State names in the model's order."""
        return tuple(self.step.traced.spec.states)

    @property
    def changing(self) -> tuple[str, ...]:
        """States that the kernel writes: those that can differ from their old value."""
        return tuple(n for n in self.states if self.graph.nodes[self.new_states[n]].value != f"s.{n}")

    @cached_property
    def hoisted(self) -> tuple[int, ...]:
        """Static nodes, literals aside, that dynamic nodes or results use directly."""
        return hoisted(self.graph, self.roots)

    @property
    def draws_uniform(self) -> bool:
        """The kernel reads a uniform number per neuron (its model has a hazard)."""
        return "u" in self.graph.leaves(*self.roots)

    @property
    def refractory(self) -> bool:
        """The kernel keeps a refractory count."""
        return self.step.rests

    @property
    def can_fire(self) -> bool:
        """The model can emit spikes."""
        return self.graph.literal(self.fired) is not False

    @property
    def flops(self) -> int:
        """Floating-point operations per neuron and step."""
        return self.graph.flops(self.roots) + len(self.variant.wired) + 2 * len(self.variant.counted)

    def constants(self, parameters: dict[str, Any]) -> list[Any]:
        """Values of the hoisted constants, in float64, for parameters (and "dt" and propagator entries) by name."""
        return self.graph.evaluate(self.hoisted, {f"p.{n}": v for n, v in parameters.items()})


def _traced(step: StepFunction, variant: Variant) -> tuple[Any, ...]:
    """Graph, new states, spike condition, and what is given, if anything (see `NeuronProgram`)."""
    spec = step.traced.spec
    names = (
        named_leaves("p", (*spec.parameters, *step.entry_names, "dt")),
        named_leaves("s", spec.states),
        named_leaves("x", spec.inputs),
        named_leaves("w", spec.ports),
        "r",
        "u",
    )
    shapes = jax.tree.map(lambda n: "bool" if n == "r" else "float", names)

    def as_arrays(*arguments: Any) -> Any:
        new, fired = step(*arguments)
        given = [jax.numpy.asarray(step.traced.output(*arguments[:3]), "float64")] if variant.gives else []
        return [jax.numpy.asarray(new[n], "float64") for n in spec.states], jax.numpy.asarray(fired), given

    closed = scalar_jaxpr(as_arrays, *shapes)
    graph = Graph()

    def leaf(name: str) -> int:
        kind, _, rest = name.partition(".")
        unused = (kind == "x" and not variant.input_in_use(rest)) or (kind == "w" and not variant.weight_in_use(rest))
        if unused:
            return graph.const(0.0)
        if kind == "r":
            return graph.leaf(name, kind="b") if step.rests else graph.const(False)
        return graph.leaf(name, static=kind == "p")

    nodes = absorb(graph, closed, [leaf(n) for n in jax.tree.leaves(names)], step.traced.name)
    states, (fired, *given) = nodes[: len(spec.states)], nodes[len(spec.states) :]
    return graph, dict(zip(spec.states, states, strict=True)), fired, *given


def check(program: NeuronProgram) -> None:
    """Check a lowered neuron `program` against its specification.

    Raises:
        PlanError: a defect of the lowering.
    """
    graph, spec = program.graph, program.step.traced.spec
    known = {f"p.{n}" for n in (*spec.parameters, *program.step.entry_names, "dt")}
    known |= {f"s.{n}" for n in spec.states} | {f"x.{n}" for n in spec.inputs if program.variant.input_in_use(n)} | {"r", "u"}
    known |= {f"w.{n}" for n in spec.ports if program.variant.weight_in_use(n)}
    if stray := graph.leaves(*program.roots) - known:
        raise PlanError(f"{program.step.traced.name}: the kernel reads values that are not defined", got=sorted(stray))
    if set(program.new_states) != set(spec.states):
        raise PlanError(f"{program.step.traced.name}: not every state is advanced", got=sorted(program.new_states))
    for n in graph.reach(program.roots):
        node = graph.nodes[n]
        if any(a >= n for a in node.args):
            raise PlanError(f"{program.step.traced.name}: node {n} comes before what it needs", got=node)
        if node.op in PRIMITIVES and node.static != all(graph.nodes[a].static for a in node.args):
            raise PlanError(f"{program.step.traced.name}: node {n} has the wrong binding time", got=node)
