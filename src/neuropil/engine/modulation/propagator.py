"""Exact propagators of modulated parameters, compiled: an effect may change them at every tick.

The operations of `neuropil.lower.propagator` in the same order, hence the same bits; zeros of the matrix, which add nothing,
are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.codegen.flags import PROGRAM_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.codegen.pointwise import Pointwise
from neuropil.errors import LoweringError
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.graph import Graph
from neuropil.lower.integrate import StepFunction
from neuropil.lower.modulation import graft
from neuropil.lower.propagator import entries


class Propagator:
    """The entries of a model's propagators, as a function of its parameters.

    Args:
        step: of the model.
        arrays: leaves of parameters that differ between elements.
        size: number of elements; dt: ms.
    """

    def __init__(self, step: StepFunction, arrays: frozenset[str], size: int, dt: float):
        system, exact, inputs = step.scheme.system, step.scheme.exact, tuple(step.traced.spec.inputs)
        index: dict[str | None, int] = {n: k for k, n in enumerate((*exact, *inputs, None))}
        self._at = [*((index[i], index[j]) for i, j in (*system.a, *system.b)), *((index[i], index[None]) for i in system.constant)]
        graph = Graph()
        roots = graft(graph, system.graph, [*system.a.values(), *system.b.values(), *system.constant.values()])
        self._coefficients = Pointwise("coefficients", graph, roots, arrays=arrays, size=size)
        spread = any(n in arrays for n in graph.leaves(*roots))
        self._matrix = np.zeros((size if spread else 1, len(index), len(index)))
        self._names = exact
        held = {prefix: np.array([index[n] for n in names if n in exact], np.int64) for prefix, (_, names) in step.prefixes.items()}
        self._kinds = [
            (fraction * dt, held[prefix], {name: (index[i], index[j]) for name, (i, j) in entries(step.scheme, prefix).items()})
            for prefix, (fraction, _) in step.prefixes.items()
        ]
        self.arrays = frozenset(parameter_leaf(n) for _, _, names in self._kinds for n in names) if spread else frozenset()

    def __call__(self, known: dict[str, Any]) -> dict[str, Any]:
        """By the leaf of each entry: a float, or float64[size].

        Args:
            known: parameters by their leaves.

        Raises:
            LoweringError: an infinite coefficient.
        """
        matrix = self._matrix
        self._coefficients(known)
        for (row, column), value in zip(self._at, self._coefficients.values, strict=True):
            matrix[:, row, column] = value
        made: dict[str, Any] = {}
        for h, held, names in self._kinds:
            scaled = matrix * h
            if held.size:
                scaled[:, held, :] = 0.0
            largest = float(np.abs(scaled).sum(axis=-1).max())
            if not np.isfinite(largest):
                row = int(np.argwhere(~np.isfinite(scaled))[0][1])
                raise LoweringError(
                    f"the linear equation of {self._names[row]!r} has an infinite coefficient", got="a division by zero in its parameters",
                    fix="check time constants and capacitances: they must not be zero",
                )  # fmt: skip
            power = exponentials(scaled, max(0, int(np.ceil(np.log2(largest / 0.25)))) if largest > 0.25 else 0)
            for name, (row, column) in names.items():
                made[parameter_leaf(name)] = np.ascontiguousarray(power[:, row, column]) if self.arrays else float(power[0, row, column])
        return made


@cached_njit(**PROGRAM_FLAGS)
def exponentials(matrices, halvings):  # type: ignore[no-untyped-def]
    """Exponentials of float64[n, k, k]: scaling, a Taylor polynomial by Horner's rule, and squaring (see `lower.propagator`)."""
    n, size = matrices.shape[0], matrices.shape[1]
    made = np.empty_like(matrices)
    scale = 0.5**halvings
    result, product = np.empty((size, size)), np.empty((size, size))
    for m in range(n):
        for i in range(size):
            for j in range(size):
                result[i, j] = 1.0 if i == j else 0.0
        for term in range(14 + halvings):
            product[:] = 0.0
            for i in range(size):
                for inner in range(size):
                    factor = matrices[m, i, inner] * scale if term < 14 else result[i, inner]
                    if factor != 0.0:
                        for j in range(size):
                            product[i, j] += factor * result[inner, j]
            for i in range(size):
                for j in range(size):
                    one = 1.0 if i == j else 0.0
                    product[i, j] = one + product[i, j] / (14 - term) if term < 14 else product[i, j]
            result, product = product, result
        made[m] = result
    return made
