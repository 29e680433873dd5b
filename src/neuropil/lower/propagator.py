"""Exact propagators of a model's linear states, by matrix exponential.

For ds/dt = A s + B x + b with inputs x held over h,

    s(t + h) = P s(t) + Q x + c,   where  exp([[A, B, b], [0, 0, 0]] h) = [[P, Q, c], [0, 1, 0]].

The entries are parameters like any other by the time they reach a kernel. A tag says what they belong to: how much of
the step (all of it, or up to the time of a Runge-Kutta stage) and whether the clamped states are held.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import LoweringError
from neuropil.lower.classify import Scheme, parameter_leaf
from neuropil.model.base.integrators import Number


def exponential(matrix: np.ndarray) -> np.ndarray:
    """Exponential of each matrix of a stack [n, k, k], by scaling, a Taylor polynomial and squaring.

    Elementwise operations in a fixed order only: a linear-algebra library picks its kernels by processor, and their last
    bits would make digests differ between machines. Relative error below 1e-14 for the small systems of neurons.
    """
    size = matrix.shape[-1]
    largest = float(np.abs(matrix).sum(axis=-1).max(initial=0.0))
    halvings = max(0, int(np.ceil(np.log2(largest / 0.25)))) if largest > 0.25 else 0
    scaled = matrix * 0.5**halvings
    unit = np.eye(size)
    result = np.broadcast_to(unit, matrix.shape).copy()
    for k in range(14, 0, -1):  # Horner: 1 + x (1 + x/2 (1 + x/3 (…)))
        result = unit + _product(scaled, result) / k
    for _ in range(halvings):
        result = _product(result, result)
    return result


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matrix products of two stacks, summed in order."""
    total = np.zeros_like(b)
    for k in range(a.shape[-1]):
        total = total + a[..., :, k, None] * b[..., None, k, :]
    return total


def tag(time: Number, held: bool) -> str:
    """Prefix of the entries' names; time: of their end within the step, 1 at its end.

    Args:
        held: whether clamped states are held.
    """
    return ("" if time == 1 else f"to_{time}_") + ("held_" if held else "")


def entries(scheme: Scheme, prefix: str) -> dict[str, tuple[str, str | None]]:
    """Names of the propagator's entries that can differ from zero -> (row, column), each with a prefix; column None is the constant."""
    names: dict[str, tuple[str, str | None]] = {}
    for i in scheme.exact:
        names.update({f"{prefix}P_{i}_{j}": (i, j) for j in scheme.reach[i]})
        names.update({f"{prefix}Q_{i}_{k}": (i, k) for k in scheme.driven[i]})
        if i in scheme.affine:
            names[f"{prefix}c_{i}"] = (i, None)
    return names


def propagators(
    scheme: Scheme, parameters: dict[str, Any], inputs: tuple[str, ...], dt: float, prefixes: dict[str, tuple[float, tuple[str, ...]]]
) -> dict[str, Any]:
    """Values of the entries.

    Args:
        parameters: by name: floats, or arrays of one value per neuron (all of one length).
        inputs: the model's inputs.
        dt: the time step, ms.
        prefixes: for each tag in use: the fraction of dt and the states that are held.

    Returns:
        By entry name: a float, or an array per neuron where a parameter is one.

    Raises:
        LoweringError: a coefficient that is not finite.
    """
    if not scheme.exact or not prefixes:
        return {}
    system = scheme.system
    leaves = {parameter_leaf(n): v for n, v in parameters.items()}
    index = {n: k for k, n in enumerate((*scheme.exact, *inputs))}
    size = len(index) + 1

    keys = [*((index[i], index[j]) for i, j in system.a), *((index[i], index[k]) for i, k in system.b)]
    keys += [(index[i], size - 1) for i in system.constant]
    nodes = [*system.a.values(), *system.b.values(), *system.constant.values()]
    values = system.graph.evaluate(nodes, leaves)
    n = max([np.size(v) for v in values], default=1)
    matrix = np.zeros((n, size, size))
    for (row, column), value in zip(keys, values, strict=True):
        matrix[:, row, column] = value
    if not np.all(np.isfinite(matrix)):
        row = int(np.argwhere(~np.isfinite(matrix))[0][1])
        raise LoweringError(
            f"the linear equation of {scheme.exact[row]!r} has an infinite coefficient",
            got="a division by zero in its parameters",
            fix="check time constants and capacitances: they must not be zero",
        )
    # Neurons that share their parameters share the exponential.
    unique, inverse = np.unique(matrix, axis=0, return_inverse=True) if n > 1 else (matrix, np.zeros(1, np.int64))
    result: dict[str, Any] = {}
    for prefix, (fraction, held) in prefixes.items():
        system_matrix = unique.copy()
        for state in held:
            if state in scheme.exact:
                system_matrix[:, index[state], :] = 0.0
        power = exponential(system_matrix * (fraction * dt))
        for name, (i, j) in entries(scheme, prefix).items():
            entry = power[:, index[i], size - 1 if j is None else index[j]]
            result[name] = float(entry[0]) if n == 1 else entry[inverse.ravel()]
    return result
