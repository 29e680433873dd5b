"""Forward mode: one tangent for each free number, carried along with the state; memory independent of the number of steps.

Exact for the same derivative as backpropagation through time. Its work grows with the number of free numbers: for a few.
Williams & Zipser 1989, Neural Comput. 1:270 (real-time recurrent learning), here by Jacobian-vector products.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from neuropil.errors import ModelError
from neuropil.learn.checks import whole_number
from neuropil.learn.methods.method import Method, Values
from neuropil.learn.rollout import Rollout
from neuropil.registry import register

Tree = dict[str, Any]


class Forward(Method):
    """Forward mode.

    Args:
        most: refuse more free numbers than this.

    Raises:
        ModelError: not a number.
    """

    name = "forward"

    def __init__(self, most: int = 200):
        self.most = whole_number(most, "Forward.most")

    def gradient(self, rollout: Rollout, values: Values, loss: Callable[..., Any], backend: str = "jax") -> Callable[..., Any]:
        """As of `Method`."""
        self.check_backend(backend)

        def both(free: Tree, inputs: Tree, *arguments: Any) -> Any:
            flat, back = ravel_pytree(jax.tree.map(jnp.asarray, free))
            if flat.size > self.most:
                raise ModelError("too many free numbers for forward mode", got=flat.size, expected=f"at most {self.most}", fix='method="bptt", or Forward(most=...)')

            def total(flat: Any) -> Any:
                return loss(rollout.apply(*values(back(flat)), inputs), *arguments)

            one = jnp.eye(flat.size, dtype=flat.dtype)
            (value, aux), slope = total(flat), jax.vmap(lambda v: jax.jvp(lambda x: total(x)[0], (flat,), (v,))[1])(one)
            return (value, aux), back(slope)

        return both


register(Forward())
