"""The equations of a synapse model as functions of bare values, and graphs of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neuropil.errors import UnitError
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.later import jax
from neuropil.lower.trace import Scalars, Traced, scalar_jaxpr
from neuropil.model.contents.per_synapse import differs
from neuropil.model.synapse.synapse import Synapse
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, magnitude


class Stateless(Synapse):
    """A weight and nothing else: what a projection without a synapse model has."""


class TracedSynapse(Traced):
    """The equations of a synapse model as functions of bare values.

    Args:
        weight: unit of the weight; port, flow: of the target's port and input, None where it has none.
        apart: parameters to which modulators may give different values in different synapses.
        starts: states that need not start alike in all synapses of a projection.

    Attributes:
        drawn: parameters drawn or given for every synapse; varied: those that may differ between synapses, drawn or apart.
    """

    def __init__(
        self, synapse: Synapse, weight: Dimension, port: Dimension | None, flow: Dimension | None, apart: frozenset[str] = frozenset(),
        starts: frozenset[str] = frozenset(),
    ):  # fmt: skip
        super().__init__(synapse)
        self.drawn = frozenset(n for n in self.spec.parameters if differs(getattr(synapse, n)))
        self.starts = starts
        self.varied = self.drawn | apart
        self.integrator = synapse.integrator
        self.weight, self.port, self.flow = weight, port, flow

    @property
    def equations(self) -> dict[str, tuple[Callable[..., Any], tuple[str, ...]]]:
        mine: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
            "arrive": (self.arrive, ("s", "weight")), "respond": (self.respond, ("s", "weight")),
        }  # fmt: skip
        mine |= {} if self.port is None else {"transmits": (self.transmits, ("s", "weight"))}
        mine |= {} if self.flow is None else {"current": (self.current, ("s", "x"))}
        return super().equations | self._given(mine)

    def _weight(self, s: Scalars, w: Any) -> Quantity:
        return Quantity(s.get("weight", w), self.weight)

    def arrive(self, p: Scalars, s: Scalars, w: Any) -> Scalars:
        """Every state after a spike that finds the synapse in `s`.

        Args:
            p: parameters by name; w: the weight.
        """
        with self._equation("arrive"):
            new = self._model(p).arrive(self._states(s), self._weight(s, w))
        return self._by_state("arrive", new, self.spec.state_dimensions, dict(s))

    def respond(self, p: Scalars, s: Scalars, w: Any) -> Scalars:
        """Every state after a spike of the target that finds the synapse in `s`.

        Args:
            p: parameters by name; w: the weight.
        """
        with self._equation("respond"):
            new = self._model(p).respond(self._states(s), self._weight(s, w))
        return self._by_state("respond", new, self.spec.state_dimensions, dict(s))

    def transmits(self, p: Scalars, s: Scalars, w: Any) -> Any:
        """What that spike hands to the port, in its unit.

        Args:
            p, s: parameters and states by name; w: the weight.
        """
        with self._equation("transmits"):
            given = self._model(p).transmits(self._states(s), self._weight(s, w))
        return self._checked("transmits", given, self.port)

    def current(self, p: Scalars, s: Scalars, x: Scalars) -> Any:
        """Outward current in the unit of the input.

        Args:
            p, s, x: parameters, states and inputs by name.
        """
        with self._equation("current"):
            given = self._model(p).current(self._states(s), self._values("input", x, self.spec.inputs))
        return self._checked("current", given, self.flow)

    def _checked(self, method: str, value: Any, dimension: Dimension | None) -> Any:
        try:
            return magnitude(value, dimension or DIMENSIONLESS, f"{self.name}.{method}()")
        except UnitError as error:
            raise UnitError(error.what, got=error.got, expected=error.expected, fix="compare with the target's port or input") from None


def traced_graph(function: Any, names: Any, where: str) -> tuple[Graph, list[int]]:
    """Graph and result nodes of a function of trees of scalars whose leaves carry these names.

    Args:
        function: of trees of scalars.
        names: trees of the names of its leaves.
        where: in which equation, for messages.
    """
    closed = scalar_jaxpr(function, *jax.tree.map(lambda n: "float", names))
    graph = Graph()
    leaves = [graph.leaf(n, static=n.startswith("p.")) for n in jax.tree.leaves(names)]
    return graph, absorb(graph, closed, leaves, where)
