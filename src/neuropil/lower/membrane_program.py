"""A membrane's functions as graphs, and what each of its loops computes of them."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.lower.constants import Constants, hoisted
from neuropil.lower.exponentials import share_exponentials
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.later import jax, jnp
from neuropil.lower.membrane import Membrane
from neuropil.lower.trace import Scalars, named_leaves, scalar_jaxpr
from neuropil.model.base.noise import is_white
from neuropil.model.neuron.composite import split


@dataclass(frozen=True)
class MembraneProgram:
    """A membrane's functions as graphs.

    Attributes:
        membrane: what was traced.
        graph: operations of all.
        currents: nodes of "g", "out" and the ion currents that are counted.
        states: node of each state's new value.
        offers: nodes of what point processes read of the membrane.
    """

    membrane: Membrane
    graph: Graph
    currents: dict[str, int]
    states: dict[str, int]
    offers: dict[str, int]

    @classmethod
    def of(cls, membrane: Membrane, precision: str, used: Container[str] = (), wanted: Sequence[str] = ()) -> MembraneProgram:
        """Trace and simplify, for "float32" or "float64".

        Args:
            used: signals and ports that anything reaches; all others are zero, but for white noise.
            wanted: what point processes read of it.
            precision: of the numbers.

        Returns:
            The program.
        """
        graph = Graph()
        p, s = named_leaves("p", membrane.names()), named_leaves("s", membrane.states)
        around, early = named_leaves("x", membrane.around), named_leaves("x", (n for n in membrane.around if not n.startswith("i_")))
        x, w = named_leaves("x", membrane.signals), named_leaves("w", membrane.ports)
        offered = [n for n in wanted if n in membrane.offers]

        def leaf(name: str) -> int:
            kind, _, rest = name.partition(".")
            idle = (kind == "w" or (rest in membrane.signals and not is_white(split(rest)[1]))) and rest not in used
            return graph.const(0.0) if idle else graph.leaf(name, static=kind == "p")

        def leaves(*trees: Any) -> list[int]:
            return [leaf(n) for n in jax.tree.leaves(trees)]

        def currents(p: Scalars, s: Scalars, v: Any, early: Scalars, x: Scalars) -> Any:
            g, out, by_ion = membrane.currents(p, s, v, early, x)
            return [jnp.asarray(value, "float64") for value in (g, out, *(by_ion[i] for i in membrane.counted))]

        def states(p: Scalars, s: Scalars, v: Any, around: Scalars, x: Scalars, w: Scalars) -> Any:
            new = membrane.advance(p, s, v, around, x, w)
            return [jnp.asarray(new[n], "float64") for n in membrane.states]

        def offers(p: Scalars, s: Scalars, v: Any) -> Any:
            given = membrane.surroundings(p, s, v, {})
            return [jnp.asarray(given[n], "float64") for n in offered]

        where = "+".join(membrane.traced) or "bare membrane"
        nodes = absorb(graph, scalar_jaxpr(currents, p, s, "v", early, x), leaves(p, s, "x.v", early, x), where)
        found = dict(zip(("g", "out", *membrane.counted), nodes, strict=True))
        nodes = absorb(graph, scalar_jaxpr(states, p, s, "v", around, x, w), leaves(p, s, "x.v", around, x, w), where)
        given = absorb(graph, scalar_jaxpr(offers, p, s, "v"), leaves(p, s, "x.v"), where) if offered else []
        graph, node_of = share_exponentials(graph, [*found.values(), *nodes, *given], "x.v", exact=precision == "float64")
        states_of = {n: node_of[node] for n, node in zip(membrane.states, nodes, strict=True)}
        offers_of = {n: node_of[node] for n, node in zip(offered, given, strict=True)}
        return cls(membrane, graph, {n: node_of[node] for n, node in found.items()}, states_of, offers_of)

    @property
    def changing(self) -> dict[str, int]:
        """States that the step writes."""
        return {n: node for n, node in self.states.items() if self.graph.nodes[node].value != f"s.{n}"}

    def flops(self, tabulated: Container[str] = ()) -> int:
        """Floating-point operations of a compartment and step, without the solver's and those of tables; what is offered is computed twice.

        Args:
            tabulated: states that are read from a table.
        """
        loops = self.outputs(tabulated)
        return sum(self.graph.flops(loops[kind].values()) for kind in ("currents", "states", "offers", "offers"))

    def read(self, name: str) -> tuple[bool, bool]:
        """Whether the currents, and the states, depend on something around: "c_ca".

        Args:
            name: of what is around.
        """
        early, late = (self.graph.leaves(*roots.values()) for roots in (self.currents, self.changing))
        return f"x.{name}" in early, f"x.{name}" in late

    def parameters_of(self, node: int) -> frozenset[str]:
        """Parameters by "mechanism.name" that a node depends on; of a mechanism whose propagator it reads, all."""
        found: set[str] = set()
        for leaf in self.graph.leaves(node):
            kind, _, name = leaf.partition(".")
            mechanism, _, parameter = name.partition(".")
            if kind == "p" and parameter:
                declared = self.membrane.traced[mechanism].spec.parameters
                found.update([name] if parameter in declared else (f"{mechanism}.{n}" for n in declared))
        return frozenset(found)

    def outputs(self, tabulated: Container[str] = ()) -> dict[str, dict[str, int]]:
        """Nodes that each loop computes: "currents", "states", "offers", and "gates", the equations of states that are read from a table.

        Args:
            tabulated: the names of these.
        """
        states, gates = ({n: node for n, node in self.changing.items() if (n in tabulated) == within} for within in (False, True))
        return {"currents": self.currents, "states": states, "gates": gates, "offers": self.offers}

    def evaluated(self, parameters: dict[str, Any], size: int, *, as_given: bool, tabulated: Container[str] = ()) -> dict[str, Constants]:
        """Constants of the loops (see `Constants.of`).

        Args:
            parameters: by "mechanism.name".
            size: elements of an array.
            as_given: as of `Constants.of`.
            tabulated: states that are read from a table.
        """
        loops = self.outputs(tabulated)
        leaves = {f"p.{n}": v for n, v in parameters.items()}
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            made = {n: Constants.of(self.graph, hoisted(self.graph, roots.values()), leaves, size, as_given=as_given) for n, roots in loops.items()}
        for constants in made.values():
            self._check_finite(constants)
        return made

    def _check_finite(self, made: Constants) -> None:
        values = {**dict(zip(made.nodes, made.numbers, strict=True)), **made.arrays}
        for node, value in values.items():
            if not np.all(np.isfinite(value)):
                names = ", ".join(sorted(x[2:] for x in self.graph.leaves(node)))
                raise ModelError(
                    "a constant of a membrane is not finite", got=f"{np.ravel(value)[~np.isfinite(np.ravel(value))][0]} from {names}",
                    fix="check for a zero or negative time constant, slope or capacitance",
                )  # fmt: skip
