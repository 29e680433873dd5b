"""Backpropagation through time: whole, and truncated to windows.

    whole       exact for what is smooth, surrogate at spikes; memory grows with steps (with `Rollout(chunk=)` with their root)
    truncated   the state at the begin of each window counts as given: nothing earlier than the window is credited for what happens in it

Werbos 1990, Proc. IEEE 78:1550; Williams & Peng 1990, Neural Comput. 2:490.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from neuropil.learn.checks import whole_number
from neuropil.learn.methods.method import Method, over_samples
from neuropil.learn.rollout import BACKENDS, Rolled, Rollout
from neuropil.registry import register

Tree = dict[str, Any]


class BPTT(Method):
    """Backpropagation through time."""

    name = "bptt"
    backends = BACKENDS

    def apply(self, rollout: Rollout, parameters: Tree, state: Tree, inputs: Tree, backend: str = "jax") -> Rolled:
        """As of `Method`, by any backend of `Rollout.apply`."""
        return rollout.apply(parameters, state, inputs, backend=backend)


class Truncated(Method):
    """Backpropagation through time within windows.

    Args:
        window: steps.

    Raises:
        ModelError: not a number of steps.
    """

    name = "truncated"

    def __init__(self, window: int = 100):
        self.window = whole_number(window, "Truncated.window")

    def apply(self, rollout: Rollout, parameters: Tree, state: Tree, inputs: Tree) -> Rolled:
        """As of `Method`."""

        def one(parameters: Tree, state: Tree, inputs: Tree) -> Rolled:
            steps = len(inputs["step"])
            window = min(self.window, steps)
            whole = steps // window * window

            def stretch(state: Tree, rows: tuple[Any, Tree]) -> tuple[Tree, tuple[Tree, Tree]]:
                first, given = rows
                begun = jax.tree.map(lambda a: jnp.where(first, a, jax.lax.stop_gradient(a)), state)
                rolled = rollout.apply(parameters, begun, given)
                return rolled.state, (rolled.spikes, rolled.traces)

            folded = jax.tree.map(lambda a: jnp.asarray(a)[:whole].reshape(steps // window, window, *jnp.shape(a)[1:]), inputs)
            state, seen = jax.lax.scan(stretch, jax.tree.map(jnp.asarray, state), (jnp.arange(steps // window) == 0, folded))
            seen = jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), seen)
            if whole < steps:
                state, last = stretch(state, (jnp.zeros((), bool), jax.tree.map(lambda a: jnp.asarray(a)[whole:], inputs)))
                seen = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), seen, last)
            return Rolled(seen[0], seen[1], state)

        return over_samples(rollout, one, parameters, state, inputs)


register(BPTT())
register(Truncated())
