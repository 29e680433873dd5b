"""Where states rest: the zero of their equations together, found by Newton's method.

    s ← s - J⁻¹ f(s),    J = ∂f/∂s from automatic differentiation, from s = 0.5

One step for equations that are linear in the states. States that keep their sum (a kinetic scheme with every occupancy
written down: the columns of J sum to zero) rest at any sum; as occupancies they have the sum 1, which takes the place of
one of their equations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.lower.later import jax, jnp
from neuropil.units import DIMENSIONLESS, Dimension

Rates = Callable[[dict[str, Any]], dict[str, Any]]
"""d/dt by state, for values by state."""

MOST_STEPS = 50
TOLERANCE = 1e-12
"""Relative size of the last step."""


def rest(rates: Rates, units: dict[str, Dimension], size: tuple[int, ...], where: str) -> dict[str, np.ndarray]:
    """The states at which all rates are zero.

    Args:
        rates: of the states that are sought, the others being given.
        units: of these states, by name, which also says which they are.
        size: shape of what is solved at once, each by itself: compartments, cells.
        where: whose states, for people.

    Returns:
        Values of this shape by state.

    Raises:
        ModelError: there is no fixed point, or more than one, or Newton's method does not find it.
    """
    names = list(units)
    number = int(np.prod(size, dtype=int))

    def all_rates(*values: Any) -> tuple[Any, ...]:
        found = rates({n: v.reshape(size) for n, v in zip(names, values, strict=True)})
        return tuple(jnp.broadcast_to(jnp.asarray(found[n], "float64"), size).ravel() for n in names)

    at = np.full((len(names), number), 0.5)
    with jax.enable_x64(True):
        for _ in range(MOST_STEPS):
            f, columns = _slopes(all_rates, at)
            total = _totals(columns, names, units)
            for row, members in total:
                f[row], columns[row] = at[members].sum(axis=0) - 1.0, np.isin(np.arange(len(names)), members)[:, None]
            step, singular = _solve(columns, f)
            if singular.any():
                state = names[int(np.argmax(singular.any(axis=1)))]
                raise ModelError(
                    f"{where}.{state} has no steady state, or more than one", got="an equation whose slope vanishes there",
                    expected="equations that determine its steady state", fix="give it an initial value: State(0.1)",
                )  # fmt: skip
            at = at - step
            if not np.all(np.isfinite(at)):
                break
            if np.all(np.abs(step) <= TOLERANCE * np.maximum(np.abs(at), 1e-3 * np.max(np.abs(at), initial=0.0))):
                return {n: at[k].reshape(size) for k, n in enumerate(names)}
    state = names[int(np.argmax(~(np.abs(step) <= TOLERANCE * np.abs(at)).all(axis=1)))]
    raise ModelError(
        f"{where}.{state}: Newton's method does not converge to a steady state", got=f"no convergence in {MOST_STEPS} steps from 0.5",
        fix="give it an initial value: State(0.1)",
    )  # fmt: skip


def _slopes(rates: Callable[..., tuple[Any, ...]], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rates [n, number] and slopes [equation, state, number]."""
    n, columns = len(at), []
    point = tuple(jnp.asarray(row) for row in at)
    for j in range(n):
        f, column = jax.jvp(rates, point, tuple(jnp.full_like(p, float(i == j)) for i, p in enumerate(point)))
        columns.append(np.asarray(column))
    return np.array(f), np.array(columns).transpose(1, 0, 2)


def _totals(slope: np.ndarray, names: list[str], units: dict[str, Dimension]) -> list[tuple[int, np.ndarray]]:
    """Groups of numbers without unit that keep their sum: (the row to replace, the members)."""
    n = len(names)
    linked = (np.abs(slope).max(axis=2, initial=0.0) > 0) | np.eye(n, dtype=bool)
    linked |= linked.T
    for k in range(n):
        linked |= np.outer(linked[:, k], linked[k])
    found = []
    for members in dict.fromkeys(tuple(np.flatnonzero(row)) for row in linked):
        inner = np.array(members)
        block = slope[np.ix_(inner, inner)]
        kept = np.abs(block.sum(axis=0)) <= 1e-12 * np.abs(block).sum(axis=0)
        if len(inner) > 1 and kept.all() and all(units[names[i]] == DIMENSIONLESS for i in inner):
            found.append((int(inner[-1]), inner))
    return found


def _solve(matrix: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solutions [n, number] of linear systems [n, n, number], and where they have none: bool[n, number].

    By Gauss and Jordan with row pivots, elementwise: a linear-algebra library's last bits differ between processors.
    """
    a, b = matrix.copy(), right.copy()
    n, number = b.shape
    singular, every = np.zeros((n, number), bool), np.arange(number)
    scale = np.abs(a).max(axis=1)
    for k in range(n):
        pivot = k + np.argmax(np.abs(a[k:, k]), axis=0)
        for whole in (a, b, scale):
            upper, lower = whole[k].copy(), whole[pivot, ..., every]
            whole[k] = lower.T if whole is a else lower
            if whole is a:
                whole[pivot, :, every] = upper.T
            else:
                whole[pivot, every] = upper
        singular[k] = ~(np.abs(a[k, k]) > 1e-13 * scale[k])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for i in range(n):
                if i != k:
                    factor = a[i, k] / a[k, k]
                    a[i] = a[i] - factor * a[k]
                    b[i] = b[i] - factor * b[k]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return b / a[np.arange(n), np.arange(n)], singular
