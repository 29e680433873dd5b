"""A step and its vector-Jacobian product as one graph: what gradients through time compute for every element of a step.

Leaves: p.* (parameters, propagator entries, constants of the surrogate), s.* states before the step, x.* inputs, w.* summed weights, r refractory, u a
uniform number; g.* cotangents of the states after the step, z that of the spike. Roots: new states, whether a spike is emitted, the slope of
the spike by the distance to threshold, and the cotangents of states, inputs, ports and parameters.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuropil.lower.constants import hoisted
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.later import jax, jnp
from neuropil.lower.trace import named_leaves, scalar_jaxpr


@dataclass(frozen=True)
class Use:
    """What of a model is in use; what is not is zero before simplification. Tuples are in the model's order.

    Attributes:
        rings: ports at which spikes arrive; events: ports whose summed weights are given.
        currents: inputs that are given; flows: inputs that other elements add to in every step.
        recorded: states of which every value is an output.
        parameters: those whose cotangents are wanted.
        event_bars, current_bars: given events and currents whose cotangents are wanted.
        product: whether anything of the product is wanted; without, there are no cotangents and no tape of states.
    """

    rings: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    currents: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    event_bars: tuple[str, ...] = ()
    current_bars: tuple[str, ...] = ()
    product: bool = True


@dataclass(frozen=True)
class Names:
    """The names of what a step takes, in the model's order.

    Attributes:
        parameters: of all that stays the same; states, inputs, ports: of the model.
        rests: whether the model has a refractory period.
        model: whose step it is, for error messages.
    """

    parameters: tuple[str, ...]
    states: tuple[str, ...]
    inputs: tuple[str, ...]
    ports: tuple[str, ...]
    rests: bool
    model: str


Step = Callable[..., tuple[dict[str, Any], Any, Any]]
"""(p, s, x, w, refractory, u, moved) -> new states, spikes as numbers, whether a spike is emitted; `moved` is added to the distance to threshold."""


class Differentiated:
    """A function of elements with its product: one graph with the roots of both directions.

    Attributes:
        graph: all operations.
    """

    graph: Graph

    @property
    def leaves(self) -> tuple[str, ...]:
        """Names of the leaves that change from step to step."""
        raise NotImplementedError

    @property
    def forward(self) -> list[int]:
        """Roots of what is computed."""
        raise NotImplementedError

    @property
    def backward(self) -> list[int]:
        """Roots of the product."""
        raise NotImplementedError

    @cached_property
    def hoisted(self) -> tuple[int, ...]:
        """Static nodes, literals aside, whose values both kernels take."""
        return hoisted(self.graph, [*self.forward, *self.backward])

    @cached_property
    def tape(self) -> tuple[str, ...]:
        """Leaves of the product that change from step to step, by name."""
        found = self.graph.leaves(*self.backward)
        return tuple(n for n in self.leaves if n in found)

    def draws(self, roots: list[int]) -> bool:
        """Whether these roots need a uniform number."""
        return "u" in self.graph.leaves(*roots)

    def constants(self, parameters: dict[str, Any]) -> list[Any]:
        """Values of the hoisted nodes, in float64, for parameters by name."""
        return self.graph.evaluate(self.hoisted, {f"p.{n}": v for n, v in parameters.items()})


@dataclass(frozen=True)
class StepGradient(Differentiated):
    """A step with its product.

    Attributes:
        names, use: of the step.
        graph: all operations.
        new: by state; fired, slope: of the spike; nodes.
        state_bar, input_bar, port_bar, parameter_bar: by name, nodes of the cotangents.
    """

    names: Names
    use: Use
    graph: Graph
    new: dict[str, int]
    fired: int
    slope: int
    state_bar: dict[str, int]
    input_bar: dict[str, int]
    port_bar: dict[str, int]
    parameter_bar: dict[str, int]

    @classmethod
    def of(cls, step: Step, names: Names, use: Use) -> StepGradient:
        """Trace a step and its product for what is in use.

        Args:
            step: the step of one element.
            names: of its arguments.
            use: what of them is in use.

        Returns:
            The graph with its roots.
        """
        leaves = tuple(named_leaves(prefix, of) for prefix, of in (("p", names.parameters), ("s", names.states), ("x", names.inputs), ("w", names.ports)))
        given = (*leaves, "r", "u", named_leaves("g", names.states), "z")
        closed = scalar_jaxpr(_both(step), *jax.tree.map(lambda n: "bool" if n == "r" else "float", given))
        graph = Graph()
        nodes = iter(absorb(graph, closed, [_leaf(graph, n, names, use) for n in jax.tree.leaves(given)], names.model))
        new = {n: next(nodes) for n in names.states}
        fired, slope = next(nodes), next(nodes)
        bars = [{n: next(nodes) for n in of} for of in (names.parameters, names.states, names.inputs, names.ports)]
        wanted = {n: bars[0][n] for n in use.parameters}
        inputs = {n: bars[2][n] for n in (*use.current_bars, *(f for f in use.flows if f not in use.current_bars))}
        ports = {n: bars[3][n] for n in (*use.rings, *(e for e in use.event_bars if e not in use.rings))}
        if not use.product:
            return cls(names, use, graph, new, fired, graph.const(0.0), {}, {}, {}, {})
        return cls(names, use, graph, new, fired, slope, bars[1], inputs, ports, wanted)

    @property
    def leaves(self) -> tuple[str, ...]:
        """Names of the leaves that change from step to step: states, inputs and ports."""
        return (*(f"s.{n}" for n in self.names.states), *(f"x.{n}" for n in self.names.inputs), *(f"w.{n}" for n in self.names.ports))

    @property
    def forward(self) -> list[int]:
        """Roots of the step."""
        return [*self.new.values(), self.fired, self.slope, *self.cut]

    @property
    def backward(self) -> list[int]:
        """Roots of the product."""
        return [*self.state_bar.values(), *self.input_bar.values(), *self.port_bar.values(), *self.parameter_bar.values()]

    @cached_property
    def _before(self) -> tuple[tuple[int, ...], bool]:
        """What the product uses directly and the step knows: nodes with numbers, and whether it uses that a spike was emitted. Other truth values are made of such numbers;
        what depends on the refractory period alone is made of the code."""
        moving: set[int] = set()
        stack: list[int] = []
        for n in self.graph.reach(self.backward):
            node = self.graph.nodes[n]
            if (node.op == "leaf" and (node.value == "z" or node.value.startswith("g."))) or moving & set(node.args):
                moving.add(n)
                stack += node.args
        stack += self.backward
        seen: set[int] = set()
        while stack:
            n = stack.pop()
            if n not in moving and n not in seen and self.graph.leaves(n) & set(self.leaves):
                seen.add(n)
                stack += self.graph.nodes[n].args if self.graph.nodes[n].kind != "f" and n != self.fired else ()
        numbers = (n for n in sorted(seen) if self.graph.nodes[n].kind == "f")
        return tuple(numbers), self.fired in seen

    @cached_property
    def cut(self) -> tuple[int, ...]:
        """Nodes of the step that the tape holds instead of leaves, where these are fewer."""
        return self._before[0] if len(self._before[0]) < len(super().tape) else ()

    @cached_property
    def reads_fired(self) -> bool:
        """The product reads from the code whether a spike was emitted."""
        return self.cut != () and self._before[1]

    @property
    def tape(self) -> tuple[str, ...]:  # type: ignore[override]
        """Leaves of the product that change from step to step, or the nodes of `cut`: n.0, n.1 and so on."""
        return tuple(f"n.{j}" for j in range(len(self.cut))) or super().tape

    @cached_property
    def can_fire(self) -> bool:
        """The model emits spikes."""
        return self.graph.literal(self.fired) is not False

    @cached_property
    def spike_matters(self) -> bool:
        """The cotangent of the spike is used."""
        return "z" in self.graph.leaves(*self.backward)


def _both(step: Step) -> Callable[..., Any]:
    """The step, and its product with the cotangents `g` of the new states and `z` of the spike."""

    def both(p: Any, s: Any, x: Any, w: Any, r: Any, u: Any, g: Any, z: Any) -> Any:
        zero = jnp.zeros((), "float64")

        def floats(p: Any, s: Any, x: Any, w: Any, moved: Any) -> Any:
            new, spikes, fired = step(p, s, x, w, r, u, moved)
            return ({n: jnp.asarray(new[n], "float64") for n in s}, jnp.asarray(spikes, "float64")), jnp.asarray(fired, bool)

        def still(p: Any, s: Any, x: Any, w: Any) -> Any:
            return floats(p, s, x, w, zero)

        (new, _), pull, fired = jax.vjp(still, p, s, x, w, has_aux=True)
        _, slope = jax.jvp(lambda moved: floats(p, s, x, w, moved)[0][1], (zero,), (jnp.ones_like(zero),))
        bars = pull(({n: g[n] for n in s}, z))
        # In the order of names: JAX sorts plain dicts.
        return [new[n] for n in s], fired, slope, *([bar[n] for n in of] for bar, of in zip(bars, (p, s, x, w), strict=True))

    return both


def _leaf(graph: Graph, name: str, names: Names, use: Use) -> int:
    """The node of a leaf: zero where it is not in use."""
    used = {f"x.{n}" for n in (*use.currents, *use.flows)} | {f"w.{n}" for n in (*use.rings, *use.events)}
    if name[:2] in ("x.", "w.") and name not in used:
        return graph.const(0.0)
    if name == "r":
        return graph.leaf(name, kind="b") if names.rests else graph.const(False)
    return graph.leaf(name, static=name.startswith("p."))


# --- other functions of elements ---------------------------------------------------------------------------------------------------


Map = Callable[[Any, Any], dict[str, Any]]
"""(p, leaves) -> numbers by name, of one element."""


@dataclass(frozen=True)
class MapGradient(Differentiated):
    """A function of an element with its product; leaves are p.*, those by name, and g.*, the cotangents of what it gives.

    Attributes:
        names: of the leaves that change from step to step.
        graph: all operations.
        given: what it gives, by name.
        leaf_bar, parameter_bar: by name, nodes of the cotangents that are wanted.
    """

    names: tuple[str, ...]
    graph: Graph
    given: dict[str, int]
    leaf_bar: dict[str, int]
    parameter_bar: dict[str, int]

    @classmethod
    def of(cls, function: Map, parameters: tuple[str, ...], leaves: tuple[str, ...], outputs: tuple[str, ...], wanted: frozenset[str], model: str) -> MapGradient:
        """Trace a function and its product.

        Args:
            function: of one element.
            parameters, leaves: names of its arguments.
            outputs: of what it gives.
            wanted: leaves, and parameters as "p.<name>", whose cotangents are; none: there is no product.
            model: whose function it is, for error messages.

        Returns:
            The graph with its roots.
        """

        def both(p: Any, v: Any, g: Any) -> Any:
            def floats(p: Any, v: Any) -> Any:
                made = function(dict(p), dict(v))
                return [jnp.asarray(made[n], "float64") for n in outputs]

            made, pull = jax.vjp(floats, p, v)
            return made, *([bar[n] for n in of] for bar, of in zip(pull([g[n] for n in outputs]), (parameters, leaves), strict=True))

        given = named_leaves("p", parameters), OrderedDict((n, n) for n in leaves), named_leaves("g", outputs)
        closed = scalar_jaxpr(both, *jax.tree.map(lambda _: "float", given))
        graph = Graph()
        nodes = iter(absorb(graph, closed, [graph.leaf(n, static=n.startswith("p.")) for n in jax.tree.leaves(given)], model))
        made, parameter_bar, leaf_bar = ({n: next(nodes) for n in of} for of in (outputs, parameters, leaves))
        used = {n: b for n, b in parameter_bar.items() if f"p.{n}" in wanted and graph.literal(b) != 0.0}
        return cls(leaves, graph, made, {n: b for n, b in leaf_bar.items() if n in wanted}, used)

    @property
    def leaves(self) -> tuple[str, ...]:
        """Names of the leaves that change from step to step."""
        return self.names

    @property
    def forward(self) -> list[int]:
        """Roots of what it gives."""
        return list(self.given.values())

    @property
    def backward(self) -> list[int]:
        """Roots of the product."""
        return [*self.leaf_bar.values(), *self.parameter_bar.values()]
