"""Graded projections as they will be executed: the form in which weights are kept, their memory and their work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.graded import GradedProjection
from neuropil.model.contents.pairs import expected_synapses
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.kernel_cost import KernelCost
from neuropil.plan.whole import Whole

SUMMED, TILE = 16, 32
"""Of weights as a matrix: sources whose terms are summed in the run's precision before they join a float64 sum, and targets side by side."""
LANES = 16
"""Of weights as a list: targets side by side."""


def columns_of(size: int) -> int:
    """Columns of what `size` neurons publish: room for whole blocks of sources, and at least one that stays 0."""
    return -(-(size + 1) // SUMMED) * SUMMED


def longest_delay(projection: GradedProjection, dt: float) -> int:
    """The longest delay of a `projection` in steps of `dt` (ms)."""
    return delays(projection, dt)[1]


def delays(projection: GradedProjection, dt: float) -> tuple[int, int]:
    """The smallest and the longest delay of a `projection` in steps of `dt` (ms), at least."""
    lag = projection.delay
    if isinstance(lag, Distribution):
        low, high = float(lag.quantile(1e-12)), float(lag.quantile(1 - 1e-12))
        return max(int(low / dt), 0), int(high / dt) + 1
    steps = np.asarray(lag, float) / dt
    return int(steps.min() + 1e-6), int(steps.max() + 0.5 + 1e-6)


@dataclass(frozen=True)
class PlannedGraded:
    """A graded projection.

    Attributes:
        projection: as described.
    """

    projection: GradedProjection

    @property
    def weights(self) -> float:
        """Numbers of weights that are stored (expected, where they are drawn)."""
        p = self.projection
        return float(sum(np.size(v) for v in p.matrix.parameters.values())) if p.matrix is not None else expected_synapses(p)

    @property
    def multiply_adds(self) -> float:
        """In a step."""
        p = self.projection
        return p.matrix.multiply_adds if p.matrix is not None else expected_synapses(p)

    def costs(self, plan: Whole) -> list[KernelCost]:
        """What a step of a `plan` does: weights are read and multiplied, values published and read."""
        p, real = self.projection, np.dtype(plan.precision).itemsize
        listed = p.matrix is None and not p.dense
        count = max(self.multiply_adds, 1.0)
        moved = self.weights * (real + 4 * listed) / count
        return [KernelCost(f"graded {p.name}", "graded", count, "step", 2, moved, "plan/graded.py: weights read once, a multiplication and an addition for each")]

    def buffers(self, plan: Any, owners: int) -> list[Buffer]:
        """What it holds, for the memory forecast.

        Args:
            plan: the network's; owners: number of threads.
        """
        p = self.projection
        name, size = f"weights of {p.name}", self.weights
        made = [Buffer(f"sums of {p.name}", np.float64, p.target.size * p.sites, purpose="accumulators")]
        made.append(Buffer(f"what {p.source.name} transmits", plan.precision, columns_of(p.source.size) * (2 * longest_delay(p, plan.dt) + 4), Owner.ALL, purpose="spikes in flight"))
        if p.matrix is not None:
            return [*made, Buffer(name, np.float64, 2 * size + 4 * sum(p.ends), Owner.EACH, purpose="synapses")]
        if p.dense:
            made.append(Buffer(f"{name} while it is built", np.float64, size, Owner.ALL, purpose="while building"))
        else:
            made += [Buffer(f"sources of {p.name}", np.int32, size * (2 - p.uniform_delay), purpose="synapses")]
            made.append(Buffer(f"{name} while they are drawn", np.float64, 8 * size, Owner.ALL, purpose="while building"))
        return [*made, Buffer(name, plan.precision, size, purpose="synapses")]

    def why(self) -> str:
        """How it is executed, for people."""
        p = self.projection
        lag = "as it is at the beginning of the step" if p.uniform_delay and p.delay == 0 else "as it was a delay before"
        if p.matrix is not None:
            form = f"{type(p.matrix).__name__}, {self.multiply_adds:.3g} multiply-adds a step; the matrix is not made"
        else:
            form = "a matrix with an entry for every pair" if p.dense else "a list of the weights of each target"
        return f"graded: {p.value.name} of {p.source.name}, {lag}, is multiplied in every step by {form}"
