"""Graded transmission in a rollout: differentiable with respect to weights, through their structure, and through what is transmitted."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

from neuropil.connectivity.draw import edges
from neuropil.learn.structured import Expanded, expanded, multiplied
from neuropil.model.base import grid
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.graded import GradedProjection
from neuropil.model.neuron.composite import full_name

Tree = dict[str, Any]


@dataclass(frozen=True)
class GradedFlow:
    """One graded projection.

    Attributes:
        projection: as described.
        start: its parameters: "weight" [sources, targets] where all pairs are joined, [weights] in the order of `pre` where they are
            listed; by their names those of a structure.
        pre, post: int[weights], source within the population, and site of the target neuron by neuron; empty where nothing is listed.
        delay: int[weights], steps, or one for all.
    """

    projection: GradedProjection
    start: Tree
    pre: np.ndarray
    post: np.ndarray
    delay: np.ndarray

    @classmethod
    def of(cls, projection: GradedProjection, seed: int, dt: float, dtype: Any) -> GradedFlow:
        """The weights of a projection, drawn.

        Args:
            projection: as described.
            seed, dt, dtype: as of `Rollout`.
        """
        p, none = projection, np.zeros(0, np.int64)
        lag = np.asarray(grid.steps(p.delay, dt, f"projection {p.name}: the delay", least=0) if p.uniform_delay else 0)
        if p.matrix is not None:
            return cls(p, {n: np.asarray(v, dtype) for n, v in p.matrix.parameters.items()}, none, none, lag)
        pre, post, weight, steps, site = edges(dataclasses.replace(p, delay=dt) if p.uniform_delay else p, seed, dt)
        if p.dense:
            matrix = np.zeros(p.ends, dtype)
            matrix[p.within(pre, post)] = weight
            return cls(p, {"weight": matrix}, none, none, lag)
        return cls(p, {"weight": weight.astype(dtype)}, pre, post * p.sites + site, lag if p.uniform_delay else steps)

    @property
    def longest(self) -> int:
        """The longest delay, steps."""
        return int(self.delay.max(initial=0))

    @cached_property
    def expanded(self) -> Expanded:
        """Structured weights one by one."""
        assert self.projection.matrix is not None
        return expanded(self.projection.matrix)

    def empty(self, dtype: Any) -> np.ndarray:
        """What was sent before the start, [longest delay, sources] of a `dtype`: nothing."""
        return np.zeros((self.longest, self.projection.source.size), dtype)

    def value(self, neurons: Any, parameters: Tree, states: Tree, dtype: Any) -> Any:
        """What the sources send, [sources].

        Args:
            neurons: the source population as the rollout steps it.
            parameters, states: of it by full name.
            dtype: of the result.
        """
        p, part = self.projection, self.projection.value.part
        if isinstance(cell := p.source.neuron, Cell):
            indices = np.arange(p.source.size) * len(cell) + int(cell.placed[part].compartments[0])
            made = p.value.of(p.model, {}, {"v": neurons.observed(states, "v", indices)})
        else:
            own = {n: jnp.asarray(parameters[full_name(part, n)]) for n in p.model.spec.parameters}
            made = self.sent(own, {n: states[full_name(part, n)] for n in p.model.spec.states})
        return jnp.broadcast_to(jnp.asarray(made, dtype), (p.source.size,))

    def sent(self, parameters: Tree, states: Tree) -> Any:
        """What a source sends.

        Args:
            parameters, states: of the part that is read, by name, and others.
        """
        model = self.projection.model
        return self.projection.value.of(model, {n: parameters[n] for n in model.spec.parameters}, {n: states[n] for n in model.spec.states})

    def flow(self, given: Tree, value: Any, past: Any) -> tuple[Any, Any]:
        """What reaches the sites of the input during a step, and what was sent up to its begin.

        Args:
            given: parameters, in place of `start`.
            value: what the sources send at t_k; past: what they sent before, the latest first.
        """
        p = self.projection
        sent = jnp.concatenate([value[None], past]) if self.longest else value[None]
        size, past = p.target.size * p.sites, sent[: self.longest]
        if self.pre.size:
            x = sent[self.delay, self.pre] if np.ndim(self.delay) else sent[int(self.delay)][self.pre]
            return jnp.zeros(size, value.dtype).at[self.post].add(given["weight"] * x), past
        if p.matrix is None and not p.dense:  # no weight was drawn
            return jnp.zeros(size, value.dtype), past
        x = sent[int(self.delay)]
        x = x if p.sources is None else x[p.sources]
        made = x @ given["weight"] if p.matrix is None else multiplied(p.matrix.bound(given), x)
        targets = np.arange(p.target.size) if p.targets is None else p.targets
        return jnp.zeros(size, value.dtype).at[targets * p.sites + int(p.site or 0)].set(made), past
