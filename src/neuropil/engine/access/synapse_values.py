"""Values of synapses as people write them: one for all, one for each in their order, or a matrix of source by target.

A matrix, dense or sparse, distinguishes the synapses of a projection by the neurons that they join. An entry other than zero
where no synapse is, is an error; so is a matrix where several synapses join the same two neurons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import SimulationError, UnitError
from neuropil.model.base.distribution import real_array
from neuropil.units import Dimension, Quantity, unit_name


@dataclass(frozen=True)
class Pairs:
    """Which neurons the synapses of a projection join, in their order.

    Attributes:
        name: of the projection, for messages.
        pre, post: int[n], indices within the source and the target population.
        shape: (neurons of the source, neurons of the target).
    """

    name: str
    pre: np.ndarray
    post: np.ndarray
    shape: tuple[int, int]

    def in_order(self, value: Any, dimension: Dimension, what: str) -> np.ndarray:
        """float64[n] of what a caller gave, in base units.

        Args:
            value: a number, an array [n], a matrix [source, target] or a SciPy sparse matrix; a Quantity, or bare numbers in
                base units.
            what: for messages, such as "weight".
            dimension: the dimension required.

        Raises:
            UnitError: a quantity of another dimension.
            SimulationError: another shape, a value that is not finite, a matrix entry without a synapse.
        """
        where = f"projection {self.name!r}: {what}"
        if isinstance(value, Quantity):
            if value.dimension != dimension:
                raise UnitError(f"{where} has the wrong unit", got=value.unit, expected=unit_name(dimension))
            value = value.value
        if hasattr(value, "tocoo"):
            found = self._from_sparse(value.tocoo(), where)
        else:
            array = real_array(value, f"{where} must be a number, an array or a matrix")
            found = self._from_dense(array, where) if array.ndim == 2 else self._listed(array, where)
        if not np.all(np.isfinite(found)):
            j = int(np.argmin(np.isfinite(found)))
            raise SimulationError(f"{where} is not finite", got=f"{found[j]} for the synapse {self._pair(j)}", expected="finite numbers")
        return found

    def as_matrix(self, values: np.ndarray, what: str) -> np.ndarray:
        """float64[source, target], NaN where no synapse is.

        Args:
            values: float64[n].
            what: for messages, such as "weight".

        Raises:
            SimulationError: several synapses join the same neurons.
        """
        self._require_single(f"projection {self.name!r}: {what}")
        matrix = np.full(self.shape, np.nan)
        matrix[self.pre, self.post] = values
        return matrix

    # --- kinds of value ----------------------------------------------------------------------------------------------

    def _listed(self, array: np.ndarray, where: str) -> np.ndarray:
        if array.ndim == 0 or array.shape == self.pre.shape:
            return np.array(np.broadcast_to(array, self.pre.shape))
        expected = f"one number, ({self.pre.size},) in the order of Simulation.synapses, or {self.shape} as [source, target]"
        raise SimulationError(f"{where} has the wrong shape", got=array.shape, expected=expected)

    def _from_dense(self, matrix: np.ndarray, where: str) -> np.ndarray:
        self._require_shape(matrix.shape, where)
        self._require_single(where)
        there = np.zeros(self.shape, bool)
        there[self.pre, self.post] = True
        rows, columns = np.nonzero(~there & (matrix != 0.0) & ~np.isnan(matrix))
        self._refuse_extra(rows, columns, lambda i, j: matrix[i, j], where)
        return np.asarray(matrix[self.pre, self.post], float)

    def _from_sparse(self, coo: Any, where: str) -> np.ndarray:
        self._require_shape(coo.shape, where)
        self._require_single(where)
        coo.sum_duplicates()
        key, entries = self.pre.astype(np.int64) * self.shape[1] + self.post, np.asarray(coo.data, float)
        asked = coo.row.astype(np.int64) * self.shape[1] + coo.col
        order = np.argsort(key)
        at = np.searchsorted(key[order], asked).clip(0, max(key.size - 1, 0))
        known = key[order][at] == asked if key.size else np.zeros(asked.size, bool)
        extra = np.flatnonzero(~known & (entries != 0.0))
        self._refuse_extra(coo.row[extra], coo.col[extra], lambda i, j: entries[(coo.row == i) & (coo.col == j)][0], where)
        found = np.zeros(key.size)  # what a sparse matrix leaves out is zero
        found[order[at[known]]] = entries[known]
        return found

    def _refuse_extra(self, rows: np.ndarray, columns: np.ndarray, value: Any, where: str) -> None:
        if rows.size:
            i, j = int(rows[0]), int(columns[0])
            raise SimulationError(
                f"{where}: the matrix has {rows.size} entries where there is no synapse", got=f"{value(i, j):g} at [{i}, {j}]",
                expected="0 or NaN wherever no synapse is",
            )  # fmt: skip

    def _require_shape(self, shape: tuple[int, ...], where: str) -> None:
        if tuple(shape) != self.shape:
            turned = " (it is transposed)" if tuple(shape) == self.shape[::-1] else ""
            raise SimulationError(f"{where}: the matrix has the wrong shape", got=f"{tuple(shape)}{turned}", expected=f"{self.shape}: [source, target]")

    def _require_single(self, where: str) -> None:
        key = self.pre.astype(np.int64) * self.shape[1] + self.post
        unique, first, many = np.unique(key, return_index=True, return_counts=True)
        if unique.size < key.size:
            j = int(first[np.argmax(many)])
            raise SimulationError(
                f"{where}: a matrix cannot distinguish several synapses between the same neurons", got=f"{many.max()} synapses {self._pair(j)}",
                fix="an array in the order of Simulation.synapses",
            )  # fmt: skip

    def _pair(self, j: int) -> str:
        return f"from {int(self.pre[j])} to {int(self.post[j])}"
