"""The flow of coupled states over a step: kinetic schemes, whose states exchange what they hold.

Of ds/dt = f(s) with the slopes A = ∂f/∂s as they are at the start of a step,

    s(t + dt) = s + φ(A dt) f dt,    φ(z) = (eᶻ - 1)/z,

which is exact where f is linear and its rates hold still, whatever dt: occupancies stay within 0 and 1, and what f keeps
(their sum) is kept to rounding, as a polynomial of A times f keeps it. Written here for JAX and NumPy, in `neuropil.codegen.coupled` for kernels; a graph
holds it as one operation, `flow<n>`, with n results that `item<i>` takes apart.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from neuropil.lower.later import jax, jnp

LARGEST_GROUP = 24
"""States of a group at most."""


def coupled_flow(matrix: tuple[Any, ...], rates: tuple[Any, ...]) -> tuple[Any, ...]:
    """φ(A dt) f dt in JAX.

    Args:
        matrix: A dt, row after row, and rates: f dt; numbers or arrays of one shape.

    Returns:
        The change of each state.
    """
    flow: tuple[Any, ...] = _compiled()(matrix, rates)
    return flow


@cache
def _compiled() -> Any:
    """The function as one call; graphs recognise it by its name and do not look inside."""
    from jax.scipy.linalg import expm  # SciPy's wrappers take a while to import

    @jax.jit
    def coupled_flow(matrix: tuple[Any, ...], rates: tuple[Any, ...]) -> tuple[Any, ...]:
        n = len(rates)
        values = jnp.broadcast_arrays(*matrix, *rates)
        zero = jnp.zeros_like(values[0])
        rows = [[*values[i * n : (i + 1) * n], values[n * n + i]] for i in range(n)] + [[zero] * (n + 1)]
        power = expm(jnp.stack([jnp.stack(row, -1) for row in rows], -2))
        return tuple(power[..., i, n] for i in range(n))

    return coupled_flow


def evaluate_flow(*values: Any) -> np.ndarray:
    """The same on NumPy `values`: numbers or arrays of one shape; the states along the first axis."""
    from scipy.linalg import expm

    n = int(np.sqrt(len(values)))  # n² + n values
    given = np.broadcast_arrays(*(np.asarray(v, float) for v in values))
    augmented = np.zeros((*given[0].shape, n + 1, n + 1))
    for i in range(n):
        for j in range(n):
            augmented[..., i, j] = given[i * n + j]
        augmented[..., i, n] = given[n * n + i]
    return np.moveaxis(expm(augmented)[..., :n, n], -1, 0)
