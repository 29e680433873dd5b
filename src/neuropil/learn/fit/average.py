"""The moving average of trained values: of the noise that single batches leave in them, most cancels.

    mean ← d · mean + (1 - d) · value  after each step,  divided by 1 - dⁿ after n steps, so that the first steps count as much as they should.

Polyak & Juditsky (1992) SIAM J. Control Optim. 30:838; with exponential weights as in Kingma & Ba (2015) ICLR, section 7.2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from neuropil.errors import ModelError

Tree = dict[str, Any]


class Averaged(NamedTuple):
    """The memory of an optimiser with an average beside it.

    Attributes:
        optimiser: its own memory.
        total: weighted sum of the values after each step; count: of steps.
    """

    optimiser: Any
    total: Tree
    count: Any


class Averaging:
    """An optimiser of optax that keeps the average of what it changes.

    Args:
        optimiser: of optax.
        decay: d above, above 0 and below 1: about 1 / (1 - d) steps are averaged.

    Raises:
        ModelError: another number.
    """

    def __init__(self, optimiser: Any, decay: Any):
        if isinstance(decay, bool) or not isinstance(decay, (int, float)) or not 0.0 < decay < 1.0:
            raise ModelError("average must be a number between 0 and 1", got=decay, expected="for example 0.99: about the last hundred steps")
        self.optimiser, self.decay = optimiser, float(decay)

    def init(self, free: Tree) -> Averaged:
        """The memory before the first step, for the values `free`."""
        return Averaged(self.optimiser.init(free), jax.tree.map(jnp.zeros_like, free), jnp.zeros((), jnp.int32))

    def update(self, slope: Tree, memory: Averaged, free: Tree) -> tuple[Tree, Averaged]:
        """Changes of values, as of optax.

        Args:
            slope: the gradient; memory: as of `init`; free: the values.
        """
        moves, own = self.optimiser.update(slope, memory.optimiser, free)
        d = self.decay
        total = jax.tree.map(lambda sum_, x, move: (d * sum_ + (1.0 - d) * (x + move)).astype(sum_.dtype), memory.total, free, moves)
        return moves, Averaged(own, total, memory.count + 1)

    def mean(self, memory: Averaged) -> Tree | None:
        """The average; None before the first step.

        Args:
            memory: after some steps.
        """
        if not int(memory.count):
            return None
        share = -jnp.expm1(int(memory.count) * jnp.log(self.decay))
        return jax.tree.map(lambda total: (total / share).astype(total.dtype), memory.total)
