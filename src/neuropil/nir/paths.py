"""Between nodes with a state: chains of linear operations as one projection, and how many time steps each takes.

NIR has no time step, and a signal passes through linear nodes without delay; here a projection takes a step. So that signals that set out
together meet, whatever the number of nodes on their way, a node lies at a depth, and a projection has the difference of depths as its delay, in steps;
within a cycle, where no depth is larger than all others, each takes one step. Spikes are those of simulators that pass a layer in no time, later by the depth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from neuropil.model.connection.matrix import values_of
from neuropil.model.connection.shared import SharedWeights


@dataclass(frozen=True)
class Step:
    """One linear operation.

    Attributes:
        shape: of what comes out.
        weights: [sources, targets], a factor for each element, or shared weights; None: what goes in.
        bias: [targets], added; None: nothing.
        delay: ms, of each element; None: none.
    """

    shape: tuple[int, ...]
    weights: np.ndarray | SharedWeights | None = None
    bias: np.ndarray | None = None
    delay: np.ndarray | None = None

    def matrix(self, n: int) -> Any:
        """The weights as a sparse matrix, of `n` sources."""
        if self.weights is None:
            return sparse.eye_array(n, format="csr")
        if isinstance(self.weights, SharedWeights):
            pre, post = self.weights.pairs()
            return sparse.csr_array((values_of(self.weights.entry(pre, post)), (pre, post)), shape=self.weights.shape)
        return sparse.diags_array(self.weights, format="csr") if self.weights.ndim == 1 else sparse.csr_array(self.weights)


@dataclass(frozen=True)
class Path:
    """A chain of operations from one node with a state to the next.

    Attributes:
        weights: [sources, targets] dense or sparse, shared, or one for each neuron; None: 1 for each.
        biases: values that are added to the targets, and the delay in ms after which each begins, [targets] both.
        before, after: delays in ms of each source and of each target.
    """

    weights: Any
    biases: list[tuple[np.ndarray, np.ndarray]]
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, steps: list[Step], n: int) -> Path:
        """The product of operations.

        Args:
            steps: one after the other; n: number of sources.

        Raises:
            ValueError: delays that differ, between two operations that mix them.
        """
        mixing = [k for k, s in enumerate(steps) if s.weights is not None and not (isinstance(s.weights, np.ndarray) and s.weights.ndim == 1)]
        weighted = [s for s in steps if s.weights is not None]
        biases: list[tuple[np.ndarray, np.ndarray]] = []
        before, after, size = np.zeros(n), None, n
        whole: Any = None
        for k, step in enumerate(steps):
            if step.weights is not None:
                one = step.matrix(size)
                biases = [(value @ one, np.full(one.shape[1], lag.flat[0])) for value, lag in biases]
                whole = one if whole is None or len(weighted) == 1 else whole @ one
                size = one.shape[1]
            if step.bias is not None:
                biases.append((step.bias, np.zeros(size)))
            if step.delay is not None:
                delay = np.broadcast_to(step.delay, (size,))
                biases = [(value, lag + delay) for value, lag in biases]
                if not mixing or k < mixing[0]:
                    before = before + delay
                elif k > mixing[-1]:
                    after = delay if after is None else after + delay
                elif np.ptp(delay):
                    raise ValueError("delays that differ between elements, between two linear nodes")
                else:
                    before = before + delay[0]
        if len(weighted) == 1:
            whole = weighted[0].weights
        elif whole is not None and any(isinstance(s.weights, np.ndarray) and s.weights.ndim == 2 for s in weighted):
            whole = whole.toarray()
        return cls(whole, biases, before, np.zeros(size) if after is None else after)


def depths(names: Iterable[str], arcs: Iterable[tuple[str, str]]) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """How deep each node lies, and how many steps each arc takes.

    Args:
        names: of nodes with a state; arcs: between them.

    Returns:
        Depths, 0 for those that nothing reaches; steps by arc.
    """
    order = list(names)
    index = {name: k for k, name in enumerate(order)}
    listed = list(dict.fromkeys(arcs))
    rows, columns = [index[a] for a, _ in listed], [index[b] for _, b in listed]
    graph = sparse.csr_array((np.ones(len(listed)), (rows, columns)), shape=(len(order), len(order)))
    _, member = sparse.csgraph.connected_components(graph, directed=True, connection="strong")
    depth = np.zeros(len(order), int)
    for _ in order:  # the longest way through components, each at one depth
        for a, b in zip(rows, columns, strict=True):
            if member[a] != member[b]:
                depth[member == member[b]] = max(depth[b], depth[a] + 1)
    steps = {(a, b): 1 if member[index[a]] == member[index[b]] else int(depth[index[b]] - depth[index[a]]) for a, b in listed}
    return {name: int(depth[k]) for name, k in index.items()}, steps
