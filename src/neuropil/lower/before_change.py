"""What has to be done at the synapses of a projection before modulated parameters change, so that what went before keeps the old values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from neuropil.lower.classify import parameter_leaf
from neuropil.lower.synapse import SynapseProgram


@dataclass(frozen=True)
class BeforeChange:
    """Whatever else a synapse has keeps its value, or its course, under the new parameters.

    Attributes:
        pending: it responds to spikes of its target that wait.
        own: its own states that wait are brought up to the step.
        sides: "source" and "target", whose states, shared by synapses, are brought up.
    """

    pending: bool
    own: bool
    sides: tuple[str, ...]

    @classmethod
    def of(cls, program: SynapseProgram, modulated: Iterable[str]) -> BeforeChange:
        """Of the synapses of a projection.

        Args:
            program: of their model.
            modulated: names of parameters that modulators change.
        """
        moved, graph, form = moved_leaves(program, modulated), program.arrival, program.form

        def moves(nodes: Iterable[int]) -> bool:
            return bool(graph.leaves(*nodes) & moved)

        waiting = {side: [program.ready[n] for n in form.of(side) if n in form.waiting] for side in ("", "source", "target")}
        sides = tuple(side for side in ("source", "target") if moves(waiting[side]))
        own = moves(waiting[""])
        # A response reads what is shared with the source as it was at the spike, so it comes before that is brought up.
        pending = program.event_driven and program.responds and (own or "source" in sides or moves(program.response_roots))
        return cls(pending, own, sides)

    @property
    def anything(self) -> bool:
        """There is something to do."""
        return self.pending or self.own or bool(self.sides)


def moved_leaves(program: SynapseProgram, modulated: Iterable[str]) -> frozenset[str]:
    """Leaves of what spikes do that depend on modulated parameters.

    Args:
        program: of the synapses; modulated: names of the parameters.
    """
    system, leaves = program.scheme.system, {parameter_leaf(n) for n in modulated}
    return frozenset(leaves | {parameter_leaf(name) for name, node in entries_of(program).items() if system.graph.leaves(node) & leaves})


def entries_of(program: SynapseProgram) -> dict[str, int]:
    """Nodes, in the graph of the linear system, of what a synapse's equations take as parameters: rates and constants of the system, by name.

    Args:
        program: of the synapses.
    """
    system = program.scheme.system
    return {f"A_{i}_{j}": n for (i, j), n in system.a.items()} | {f"b_{i}": n for i, n in system.constant.items()}
