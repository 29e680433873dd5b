"""Exact propagators of modulated parameters, compiled: an effect may change them at every tick.

The operations of `neuropil.lower.propagator` in the same order, hence the same bits; products with what is always zero, which add
nothing, are left out. Each element's matrix is halved as often as it needs, so that its bits do not depend on others.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from neuropil.codegen.flags import PLAIN_FLAGS
from neuropil.codegen.kernel_cache import inner_njit
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.graph import Graph
from neuropil.lower.integrate import Advance
from neuropil.lower.modulation import graft, within_mechanism
from neuropil.lower.propagator import entries

BLOCK = 256
"""Matrices that are worked on together: their entries stay in the nearest cache."""


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
        place = {p: k for k, p in enumerate(positions)}

        def products(first: set[tuple[int, int]]) -> np.ndarray:
            found = [(place[i, j], place[i, a], place[a, j]) for i, j in positions for a in range(rows) if (i, a) in first and (a, j) in reached]
            return np.array(found, np.int64).reshape(-1, 3)

        return cls(positions, np.array([int(i == j) for i, j in positions]), products(direct), products(reached))


@dataclass(frozen=True)
class Propagation:
    """The propagators of a model, as matrix exponentials.

    Attributes:
        coefficients: graph and nodes of the entries of the matrix; positions: where each stands among those of the pattern.
        entries: leaves of the propagators' entries, with the number of the exponential and the position there.
        pattern: of the matrix.
        spans, held: float64[kinds] and int64[kinds, positions], see `propagated`.
    """

    coefficients: tuple[Graph, list[int]]
    positions: list[int]
    entries: list[tuple[str, int, int]]
    pattern: Pattern
    spans: np.ndarray
    held: np.ndarray

    @classmethod
    def of(cls, step: Advance, dt: float, mechanism: str = "") -> Propagation:
        """Of a model's step.

        Args:
            step: of the model.
            dt: ms.
            mechanism: which it is of a membrane, whose leaves carry its name; "": the model is alone.
        """
        system, exact, inputs = step.scheme.system, step.scheme.exact, tuple(step.traced.spec.inputs)
        index: dict[str | None, int] = {n: k for k, n in enumerate((*exact, *inputs, None))}
        at = [*((index[i], index[j]) for i, j in (*system.a, *system.b)), *((index[i], index[None]) for i in system.constant)]
        graph = Graph()
        nodes = graft(graph, system.graph, [*system.a.values(), *system.b.values(), *system.constant.values()], mechanism)
        pattern = Pattern.of(len(index), at)
        held = [[int(i < len(exact) and exact[i] in held) for i, _ in pattern.positions] for _, held in step.prefixes.values()]
        named = [
            (within_mechanism(parameter_leaf(name), mechanism), kind, pattern.positions.index((index[i], index[j])))
            for kind, prefix in enumerate(step.prefixes) for name, (i, j) in entries(step.scheme, prefix).items()
        ]  # fmt: skip
        spans = np.array([fraction * dt for fraction, _ in step.prefixes.values()])
        return cls((graph, nodes), [pattern.positions.index(p) for p in at], named, pattern, spans, np.array(held, np.int64))

    @property
    def arguments(self) -> tuple[np.ndarray, ...]:
        """What `propagated` takes after the matrix and its exponentials."""
        p = self.pattern
        return self.spans, self.held, np.array([i for i, _ in p.positions]), p.series, p.squares, p.diagonal


@inner_njit(**PLAIN_FLAGS)
def propagated(matrix, powers, spans, held, row_of, series, squares, diagonal):
    """Exponentials of matrices given by their entries: of each kind its own.

    Args:
        matrix: float64[positions, n].
        powers: float64[kinds, positions, n], the result.
        spans: float64[kinds], ms, by which the matrices are multiplied.
        held: int64[kinds, positions], 1 in rows of states that are held, which count as zero.
        row_of: int64[positions], the row of each.
        series, squares, diagonal: of the `Pattern`.

    Returns:
        Whether any matrix is not finite; then nothing is to be read.
    """
    for kind in range(powers.shape[0]):
        if exponentials(matrix, powers[kind], spans[kind], held[kind], row_of, series, squares, diagonal):
            return True
    return False


@inner_njit(**PLAIN_FLAGS)
def exponentials(matrix, made, span, held, row_of, series, squares, diagonal):
    """See `propagated`: a Taylor polynomial by Horner's rule, and squaring."""
    positions, n = matrix.shape
    scaled, result, product = np.empty((positions, BLOCK)), np.empty((positions, BLOCK)), np.empty((positions, BLOCK))
    size, largest, halvings = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for start in range(0, n, BLOCK):
        width = min(BLOCK, n - start)
        largest[:] = 0.0
        for p in range(positions):
            if p == 0 or row_of[p] != row_of[p - 1]:
                size[:] = 0.0
            for m in range(width):
                entry = 0.0 if held[p] else matrix[p, start + m] * span
                scaled[p, m] = entry
                size[m] += abs(entry)
                largest[m] = largest[m] if size[m] <= largest[m] else size[m]
        most = 0
        for m in range(width):
            if not largest[m] < np.inf:
                return True
            scale, count = 1.0, 0
            while largest[m] * scale > 0.25:
                scale *= 0.5
                count += 1
            halvings[m], size[m], most = count, scale, max(most, count)
        for p in range(positions):
            for m in range(width):
                scaled[p, m] = scaled[p, m] * size[m]
                result[p, m] = diagonal[p]
        for term in range(14, 0, -1):
            multiplied(series, scaled, result, product, width)
            for p in range(positions):
                for m in range(width):
                    result[p, m] = diagonal[p] + product[p, m] / term
        for squaring in range(most):
            multiplied(squares, result, result, product, width)
            for p in range(positions):
                for m in range(width):
                    result[p, m] = product[p, m] if squaring < halvings[m] else result[p, m]
        made[:, start : start + width] = result[:, :width]
    return False


@inner_njit(**PLAIN_FLAGS)
def multiplied(products, first, second, result, width):
    """Products of matrices, each entry summed in order."""
    result[:] = 0.0
    for k in range(products.shape[0]):
        made, a, b = products[k]
        for m in range(width):
            result[made, m] += first[a, m] * second[b, m]
