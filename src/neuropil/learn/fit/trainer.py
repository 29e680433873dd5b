"""One step of an optimiser on a batch, compiled once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.learn.fit.average import Averaging
from neuropil.learn.fit.dropout import Dropout
from neuropil.learn.fit.objective import Batch, Objective
from neuropil.learn.methods.method import method_of
from neuropil.learn.rollout import Rolled
from neuropil.learn.trainable import FreeParameters

Tree = dict[str, Any]


class Trainer:
    """The compiled step of a training.

    Args:
        objective: what is minimised.
        free: what is trained.
        optimiser: of optax.
        backend: "jax" or "native".

    Raises:
        NeuropilError: an unknown method, or one that does not support the network or the backend.
    """

    def __init__(self, objective: Objective, free: FreeParameters, optimiser: Any, backend: str):
        self.method = method_of(objective.settings.method)
        self.method.check(objective.rollout)
        self.method.check_backend(backend)
        self.method.check_dropout(objective.rollout, objective.settings.dropout)
        self.objective, self.free, self.optimiser, self.backend = objective, free, optimiser, backend
        self.dropout = Dropout(objective.settings.dropout, objective.rollout, objective.settings.seed)

    @cached_property
    def _step(self) -> Any:
        def terms(rolled: Rolled, target: Any, counts: Any) -> tuple[Any, Tree]:
            return self.objective.terms(self.objective.response(rolled), target, counts)

        def step(free: Tree, memory: Any, inputs: Tree, target: Any, counts: Any, factors: Tree) -> tuple[Tree, Any, Tree]:
            def values(free: Tree) -> tuple[Tree, Tree]:
                return self.dropout.applied(self.free.values(free), factors)

            gradient = self.method.gradient(self.objective.rollout, values, terms, self.backend)
            (value, seen), slope = gradient(free, inputs, target, counts)
            with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax mixes types
                moves, memory = self.optimiser.update(slope, memory, free)
                after = jax.tree.map(lambda x, move: (x + move).astype(x.dtype), free, moves)
            norms = {name: jnp.sqrt(jnp.sum(g**2)) for name, g in slope.items()}
            return after, memory, {**seen, "value": value, "norms": norms}

        return jax.jit(step)

    def start(self, free: Tree) -> tuple[Tree, Any]:
        """What is changed, and the memory of the optimiser before the first step.

        Args:
            free: free numbers of the network; what the method itself learns joins them.
        """
        with self.objective.x64:
            whole = self.method.start(self.objective.rollout, free)
            return whole, self.optimiser.init(jax.tree.map(jnp.asarray, whole))

    def of_network(self, free: Tree) -> Tree:
        """The free numbers of the network, without what the method learns beside it.

        Args:
            free: as `start` gives them.
        """
        return {label: free[label] for label in self.free.start}

    def outcome(self, free: Tree, memory: Any) -> Tree:
        """The free numbers of the network that a training has come to: those of the last step, or their average, if one is kept.

        Args:
            free: as `start` gives them; memory: of the optimiser.
        """
        if not isinstance(self.optimiser, Averaging):
            return self.of_network(free)
        with self.objective.x64:
            mean = self.optimiser.mean(memory)
        return self.of_network(free if mean is None else jax.tree.map(np.asarray, mean))

    def step(self, free: Tree, memory: Any, batch: Batch, factors: Tree) -> tuple[Tree, Any, Tree]:
        """The free numbers and the memory of the optimiser after a step on a batch.

        Args:
            free: as `start` gives them; memory: of the optimiser.
            batch: the samples; factors: of `Dropout.factors`.

        Returns:
            Both anew, and what was measured: of `Objective.terms`, "value" and "norms", of the gradient by label.
        """
        with self.objective.x64:
            after, memory, seen = self._step(free, memory, batch.inputs, batch.target, batch.counts, factors)
            return after, memory, jax.device_get(seen)
