"""One step of an optimiser on a batch, compiled once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp

from neuropil.errors import ModelError, did_you_mean
from neuropil.learn.fit.objective import Batch, Objective
from neuropil.learn.trainable import FreeParameters

Tree = dict[str, Any]

METHODS: dict[str, Callable[..., Any]] = {"bptt": partial(jax.value_and_grad, has_aux=True)}
"""What gives value and gradient of an objective, by name; "bptt": backpropagation through time."""


class Trainer:
    """The compiled step of a training.

    Args:
        objective: what is minimised.
        free: what is trained.
        optimiser: of optax.
        backend: "jax" or "native".

    Raises:
        ModelError: an unknown method.
    """

    def __init__(self, objective: Objective, free: FreeParameters, optimiser: Any, backend: str):
        method = objective.settings.method
        if method not in METHODS:
            raise ModelError("unknown method", got=method, expected=" or ".join(map(repr, METHODS)), fix=did_you_mean(str(method), METHODS))
        self.objective, self.free, self.optimiser, self.backend = objective, free, optimiser, backend

    def loss(self, free: Tree, inputs: Tree, target: Any, counts: Any) -> tuple[Any, Tree]:
        """The objective of a batch.

        Args:
            free: free numbers; inputs, target, counts: as of `Batch`.

        Returns:
            One number, and what `Objective.terms` reports.
        """
        parameters, state = self.free.values(free)
        return self.objective.terms(self.objective.respond(parameters, state, inputs, self.backend), target, counts)

    @cached_property
    def _step(self) -> Any:
        gradient = METHODS[self.objective.settings.method](self.loss)

        def step(free: Tree, memory: Any, inputs: Tree, target: Any, counts: Any) -> tuple[Tree, Any, Tree]:
            (value, seen), slope = gradient(free, inputs, target, counts)
            with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax mixes types
                moves, memory = self.optimiser.update(slope, memory, free)
                after = jax.tree.map(lambda x, move: (x + move).astype(x.dtype), free, moves)
            norms = {name: jnp.sqrt(jnp.sum(g**2)) for name, g in slope.items()}
            return after, memory, {**seen, "value": value, "norms": norms}

        return jax.jit(step)

    def start(self, free: Tree) -> Any:
        """The memory of the optimiser before the first step, for the free numbers `free`."""
        with self.objective.x64:
            return self.optimiser.init(jax.tree.map(jnp.asarray, free))

    def step(self, free: Tree, memory: Any, batch: Batch) -> tuple[Tree, Any, Tree]:
        """The free numbers and the memory of the optimiser after a step on a batch.

        Args:
            free: free numbers; memory: of the optimiser.
            batch: the samples.

        Returns:
            Both anew, and what was measured: of `Objective.terms`, "value" and "norms", of the gradient by label.
        """
        with self.objective.x64:
            after, memory, seen = self._step(free, memory, batch.inputs, batch.target, batch.counts)
            return after, memory, jax.device_get(seen)
