"""Exact propagators as JAX functions of the parameters, so that gradients reach time constants and capacitances.

The same matrices as `neuropil.lower.propagator`, whose entries' names they carry; here the linear system is read off
the model's derivative by forward differentiation, and exponentiated by JAX:

    exp([[A, B, b], [0, 0, 0]] h) = [[P, Q, c], [0, 1, 0]].
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from neuropil.lower.integrate import Advance
from neuropil.lower.propagator import entries
from neuropil.lower.trace import Scalars


def entry_values(step: Advance, p: Scalars, dt: float, dtype: Any) -> Scalars:
    """Values of `step.entry_names`.

    Args:
        p: parameters by name: numbers, or arrays of one value per neuron.
        dt: the time step, ms.
        step: one traced time step.
        dtype: of the arrays.

    Returns:
        By name, of shape () or, where a parameter differs between neurons, [neurons].
    """
    if not step.prefixes:
        return {}
    exact, inputs = step.scheme.exact, tuple(step.traced.spec.inputs)
    matrix, batch = _system(step, p, dtype)
    index = {n: k for k, n in enumerate((*exact, *inputs, None))}
    apart = all(step.scheme.reach[i] == (i,) for i in exact)
    values: Scalars = {}
    for prefix, (fraction, held) in step.prefixes.items():
        free = jnp.array([0.0 if n in held else 1.0 for n in exact] + [1.0] * (len(index) - len(exact)), dtype)
        held_still = matrix * jnp.broadcast_to(free[:, None], matrix.shape)
        power = _separate(held_still, len(exact), fraction * dt) if apart else exponential(held_still * (fraction * dt))
        for name, (i, j) in entries(step.scheme, prefix).items():
            values[name] = power[..., index[i], index[j]].reshape(batch)
    return values


_TERMS, _SQUARINGS = 14, 24


def exponential(matrix: Any) -> Any:
    """Exponential of matrices [..., m, m], as `neuropil.lower.propagator.exponential`: scaling, a Taylor polynomial, squaring.

    Its loops have fixed lengths, so it can be differentiated in both directions, and compiles in a tenth of the time of `jax.scipy.linalg.expm`.

    Args:
        matrix: the sum of magnitudes in no row may exceed 4·10⁶.
    """
    largest = jax.lax.stop_gradient(jnp.max(jnp.sum(jnp.abs(matrix), -1)))
    halvings = jnp.clip(jnp.ceil(jnp.log2(jnp.maximum(largest, 0.25) / 0.25)), 0, _SQUARINGS)
    scaled, unit = matrix * 2.0**-halvings, jnp.broadcast_to(jnp.eye(matrix.shape[-1], dtype=matrix.dtype), matrix.shape)
    result, _ = jax.lax.scan(lambda r, k: (unit + scaled @ r / k, None), unit, jnp.arange(_TERMS, 0, -1, matrix.dtype))
    result, _ = jax.lax.scan(lambda r, j: (jnp.where(j < halvings, r @ r, r), None), result, jnp.arange(_SQUARINGS, dtype=matrix.dtype))
    return result


def _separate(matrix: Any, states: int, h: float) -> Any:
    """The exponential of matrix · h where no state depends on another: closed forms, which compile far faster than `expm`."""
    own = jnp.diagonal(matrix, axis1=-2, axis2=-1)[..., :states, None] * h
    still = own == 0.0
    safe = jnp.where(still, 1.0, own)
    mean = jnp.where(still, 1.0, jnp.expm1(safe) / safe)
    rows = matrix[..., :states, :]
    diagonal = jnp.broadcast_to(jnp.eye(states, matrix.shape[-1], dtype=bool), rows.shape)
    return jnp.where(diagonal, jnp.exp(own), rows * (h * mean))


def _system(step: Advance, p: Scalars, dtype: Any) -> tuple[Any, tuple[int, ...]]:
    """The matrix [[A, B, b], [0, 0, 0]], of shape [..., m, m], and the shape of its batch: () or (neurons,)."""
    exact, inputs = step.scheme.exact, tuple(step.traced.spec.inputs)
    zero_s = {n: jnp.zeros((), dtype) for n in step.traced.spec.states}
    zero_x = {n: jnp.zeros((), dtype) for n in inputs}

    def rates(s: Scalars, x: Scalars) -> list[Any]:
        # Only the linear equations: the others need not be defined at zero.
        given = step.traced.derivative(p, s, x)
        return [jnp.asarray(given[n], dtype) for n in exact]

    constant = rates(zero_s, zero_x)
    columns = []
    for j in (*exact, *inputs):
        ds = {n: jnp.ones((), dtype) if n == j else jnp.zeros((), dtype) for n in zero_s}
        dx = {n: jnp.ones((), dtype) if n == j else jnp.zeros((), dtype) for n in zero_x}
        columns.append(jax.jvp(rates, (zero_s, zero_x), (ds, dx))[1])
    columns.append(constant)
    batch = jnp.broadcast_shapes(*(v.shape for column in columns for v in column))
    below = [jnp.zeros(batch, dtype)] * (len(columns) - len(exact))
    full = [jnp.stack([*(jnp.broadcast_to(v, batch) for v in column), *below], -1) for column in columns]
    return jnp.stack(full, -1), batch
