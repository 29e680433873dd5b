"""The hoisted constants of a kernel of synapses: one number for all of them, or an array where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.lower.graph import Graph
from neuropil.lower.synapse import SynapseProgram
from neuropil.model.base.distribution import Distribution


@dataclass(frozen=True)
class ConstantTable:
    """The constants of one kernel of a store, as they are kept.

    Attributes:
        graph, hoisted: what they are; varying: indices of those that differ between synapses.
        numbers: the others, by index.
        arrays: for each thread those that differ, by index; an entry for each of its synapses.
        orders: for each thread the indices of its synapses in the list.
    """

    graph: Graph
    hoisted: tuple[int, ...]
    varying: frozenset[int]
    numbers: np.ndarray
    arrays: list[dict[int, np.ndarray]]
    orders: list[np.ndarray]

    def write(self, index: int, value: Any, reached: Sequence[np.ndarray]) -> None:
        """Set a constant: a number, or one for each target.

        Args:
            index: among the hoisted constants; value: a float, or float64[targets].
            reached: for each thread, the target of each of its synapses.
        """
        if index not in self.varying:
            self.numbers[index] = value
            return
        for arrays, target in zip(self.arrays, reached, strict=True):
            array = arrays[index]
            if np.ndim(value):
                np.take(np.asarray(value, array.dtype), target, out=array, mode="clip")  # "clip" writes in place
            else:
                array[:] = value


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
