"""The hoisted constants of a kernel of synapses: one number for all of them, one for each target, or an array where they differ otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuropil.lower.graph import Graph
from neuropil.lower.synapse import SynapseProgram
from neuropil.model.base.distribution import Distribution
from neuropil.plan.synapse_signature import SynapseArgument, SynapseKind


@dataclass(frozen=True)
class ConstantTable:
    """The constants of one kernel of a store, as every owner keeps its own.

    Attributes:
        graph, hoisted: what they are; varying: indices of those that differ.
        numbers: of each owner the others, by index.
        targets: of each owner those that differ between targets alone, in the order of their indices: [constants, targets].
    """

    graph: Graph
    hoisted: tuple[int, ...]
    varying: frozenset[int]
    numbers: list[np.ndarray]
    targets: list[np.ndarray]

    @classmethod
    def of(cls, graph: Graph, hoisted: tuple[int, ...], varying: frozenset[int], targets: Sequence[int], real: np.dtype) -> ConstantTable:
        """Room for constants.

        Args:
            graph, hoisted, varying: which.
            targets: of each owner, how many; 0 where constants differ between synapses.
            real: type of the numbers.
        """
        return cls(graph, hoisted, varying, [np.zeros(len(hoisted), real) for _ in targets], [np.zeros((len(varying), n), real) for n in targets])

    def by_target(self, t: int) -> dict[SynapseArgument, np.ndarray]:
        """Arrays of an owner with an entry for each target.

        Args:
            t: the owner.
        """
        return {SynapseArgument(SynapseKind.CONSTANT, k): row for k, row in zip(sorted(self.varying), self.targets[t], strict=True)}

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(a.nbytes for a in (*self.numbers, *self.targets))


def varying_of(program: SynapseProgram, dt: float, graph: Graph, hoisted: tuple[int, ...]) -> frozenset[int]:
    """Indices of hoisted constants whose values differ between synapses: those that depend on a parameter that varies.

    Args:
        program: of the synapses; dt: time step, ms.
        graph, hoisted: the graph, and the constants in it.
    """
    traced = program.traced
    given = {n: getattr(traced.model, n) for n in traced.spec.parameters}
    trial = {n: v.quantile(np.array([0.3, 0.7])) if isinstance(v, Distribution) else v.value for n, v in given.items()}
    trial |= {n: np.resize(v, 2) for n, v in trial.items() if np.ndim(v)}
    trial |= {n: np.full(2, v) for n, v in trial.items() if n in traced.varied and np.ndim(v) == 0}
    values = program.constants(trial, dt)
    leaves = {f"p.{n}": v for n, v in values.items()}
    return frozenset(k for k, v in enumerate(graph.evaluate(hoisted, leaves)) if np.size(v) > 1)
