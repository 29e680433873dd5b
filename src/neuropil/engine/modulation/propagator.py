"""Exact propagators of modulated parameters, compiled: an effect may change them at every tick.

The operations of `neuropil.lower.propagator` in the same order, hence the same bits; products with what is always zero, which add
nothing, are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.codegen.flags import PLAIN_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
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
        self._rows, self._names = len(index), exact
        self._pattern = Pattern.of(len(index), self._at)
        self._matrix = np.zeros((len(self._pattern.positions), size if spread else 1))
        self._kinds = [
            (fraction * dt, [k for k, (i, _) in enumerate(self._pattern.positions) if i < len(exact) and exact[i] in held],
             {name: self._pattern.positions.index((index[i], index[j])) for name, (i, j) in entries(step.scheme, prefix).items()})
            for prefix, (fraction, held) in step.prefixes.items()
        ]  # fmt: skip
        self.arrays = frozenset(parameter_leaf(n) for _, _, names in self._kinds for n in names) if spread else frozenset()

    def __call__(self, known: dict[str, Any]) -> dict[str, Any]:
        """By the leaf of each entry: a float, or float64[size].

        Args:
            known: parameters by their leaves.

        Raises:
            LoweringError: an infinite coefficient.
        """
        pattern = self._pattern
        self._coefficients(known)
        for at, value in zip(self._at, self._coefficients.values, strict=True):
            self._matrix[pattern.positions.index(at)] = value
        made: dict[str, Any] = {}
        for h, held, names in self._kinds:
            scaled = self._matrix * h
            scaled[held] = 0.0
            largest = self._largest(scaled)
            halvings = max(0, int(np.ceil(np.log2(largest / 0.25)))) if largest > 0.25 else 0
            power = exponentials(scaled, pattern.series, pattern.squares, pattern.diagonal, halvings)
            for name, position in names.items():
                made[parameter_leaf(name)] = power[position] if self.arrays else float(power[position, 0])
        return made

    def _largest(self, scaled: np.ndarray) -> float:
        """The largest sum of magnitudes of a row of any matrix, summed as NumPy sums a row of the whole matrix."""
        whole = np.zeros((scaled.shape[1], self._rows, self._rows))
        for k, (i, j) in enumerate(self._pattern.positions):
            whole[:, i, j] = np.abs(scaled[k])
        largest = float(whole.sum(axis=-1).max())
        if not np.isfinite(largest):
            row = int(np.argwhere(~np.isfinite(whole))[0][1])
            raise LoweringError(
                f"the linear equation of {self._names[row]!r} has an infinite coefficient", got="a division by zero in its parameters",
                fix="check time constants and capacitances: they must not be zero",
            )  # fmt: skip
        return largest


@dataclass(frozen=True)
class Pattern:
    """Which entries of matrices, and of their powers, can differ from zero.

    Attributes:
        positions: (row, column) of those entries; diagonal: int64, 1 where a position is on the diagonal.
        series, squares: int64[n, 3], products (result, first, second) of positions in the order of summation: of a matrix with a
            sum of powers, and of such a sum with itself.
    """

    positions: list[tuple[int, int]]
    diagonal: np.ndarray
    series: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, rows: int, entries: Iterable[tuple[int, int]]) -> Pattern:
        """Of matrices with so many rows and these entries."""
        direct, reached = set(entries), {(k, k) for k in range(rows)}
        while grown := {(i, j) for i, a in direct for b, j in reached if a == b} - reached:
            reached |= grown
        positions = sorted(reached)
        index = {p: k for k, p in enumerate(positions)}

        def products(first: set[tuple[int, int]]) -> np.ndarray:
            found = [(index[i, j], index[i, a], index[a, j]) for i, j in positions for a in range(rows) if (i, a) in first and (a, j) in reached]
            return np.array(found, np.int64).reshape(-1, 3)

        return cls(positions, np.array([int(i == j) for i, j in positions]), products(direct), products(reached))


BLOCK = 256
"""Matrices that are worked on together: their entries stay in the nearest cache."""


@cached_njit(**PLAIN_FLAGS)
def exponentials(matrices, series, squares, diagonal, halvings):  # type: ignore[no-untyped-def]
    """Exponentials of matrices given by their entries, float64[positions, n]: a Taylor polynomial by Horner's rule, and squaring."""
    positions, n = matrices.shape
    made = np.empty_like(matrices)
    scale = 0.5**halvings
    scaled, result, product = np.empty((positions, BLOCK)), np.empty((positions, BLOCK)), np.empty((positions, BLOCK))
    for start in range(0, n, BLOCK):
        width = min(BLOCK, n - start)
        for p in range(positions):
            for m in range(width):
                scaled[p, m] = matrices[p, start + m] * scale
                result[p, m] = diagonal[p]
        for term in range(14, 0, -1):
            _multiplied(series, scaled, result, product, width)
            for p in range(positions):
                for m in range(width):
                    result[p, m] = diagonal[p] + product[p, m] / term
        for _ in range(halvings):
            _multiplied(squares, result, result, product, width)
            result, product = product, result
        made[:, start : start + width] = result[:, :width]
    return made


@inner_njit(**PLAIN_FLAGS)
def _multiplied(products, first, second, result, width):  # type: ignore[no-untyped-def]
    """Products of matrices, each entry summed in order."""
    result[:] = 0.0
    for k in range(products.shape[0]):
        made, a, b = products[k]
        for m in range(width):
            result[made, m] += first[a, m] * second[b, m]
