"""Graded transmission: in every step each target's input gets the weighted sum of what its sources are, or were a delay ago."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from neuropil.model.base import grid
from neuropil.model.contents.graded import GradedProjection
from neuropil.oracle.events import drawn
from neuropil.oracle.integrate import Array


class GradedSynapses:
    """The weights of one graded projection, as a matrix for each delay, and what its sources sent.

    Args:
        projection: as described.
        dt: time step, ms.
        seed: of the network's random numbers.
        given: as of `edges` in `simulate`, where the rule draws at random; a uniform delay is the description's.
    """

    def __init__(self, projection: GradedProjection, dt: float, seed: int, given: tuple[Any, ...] | None):
        self.projection = projection
        p, size = projection, projection.target.size * projection.sites
        pre, post, weight, steps = _listed(p, dt, seed, given)
        if p.uniform_delay:
            steps = np.full(pre.shape, grid.steps(p.delay, dt, f"projection {p.name}: the delay", least=0))
        self.matrices: dict[int, Array] = {}
        for lag in np.unique(steps):
            which = steps == lag
            self.matrices[int(lag)] = matrix = np.zeros((p.source.size, size))
            np.add.at(matrix, (pre[which], post[which]), weight[which])
        self.sent = [np.zeros(p.source.size)] * (max(self.matrices, default=0) + 1)  # the latest first

    def flow(self, parameters: dict[str, Any], states: dict[str, Array]) -> Array:
        """What reaches every site of the input during the step from t_k.

        Args:
            parameters: of the sources' part by name.
            states: of it by name, at t_k.
        """
        p = self.projection
        value = np.broadcast_to(np.asarray(p.value.of(p.model, parameters, states), float), (p.source.size,))
        self.sent = [value, *self.sent[:-1]]
        return np.asarray(sum(self.sent[lag] @ matrix for lag, matrix in self.matrices.items()))


def _listed(p: GradedProjection, dt: float, seed: int, given: tuple[Any, ...] | None) -> tuple[Array, ...]:
    """Source, site of the target neuron by neuron, weight and delay of each weight."""
    if p.matrix is not None:
        rows, columns = np.indices(p.ends).reshape(2, -1)
        pre, post = (n if chosen is None else chosen[n] for n, chosen in ((rows, p.sources), (columns, p.targets)))
        weight, steps, site = p.matrix.dense().ravel(), np.zeros(pre.size, int), np.asarray(p.site or 0)
    elif given is not None:
        pre, post, weight, steps, *more = (np.asarray(part) for part in given)
        site = more[0] if more else np.zeros(1, int)
    else:
        plain = dataclasses.replace(p, delay=dt) if p.uniform_delay else p
        pre, post, weight, steps, site = drawn(plain, dt, seed)
    return pre, post * p.sites + site, np.broadcast_to(weight, pre.shape), np.broadcast_to(steps, pre.shape)
