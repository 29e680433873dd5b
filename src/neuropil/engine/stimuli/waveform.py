"""What of a stimulus is the same for all neurons: its value or row in each step, its list of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from neuropil import rng
from neuropil.model.base import grid
from neuropil.model.contents.contents import StimulusConnection
from neuropil.model.stimulus.stimulus import (
    InhomogeneousPoisson,
    Noise,
    Poisson,
    Regular,
    Sine,
    SpikeList,
    Step,
    Stimulus,
    TimeArray,
)
from neuropil.plan.builder import drawn
from neuropil.plan.plan import Plan
from neuropil.units import Quantity

IndexRow: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Steps (int64) to rows or draw numbers (int64)."""
WaveRow: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Steps (int64) to values (float64)."""


_FAR = 1 << 62
"""A step that never comes."""


def _ms(value: Any) -> float:
    return float(value.value if isinstance(value, Quantity) else value)


def _values(value: Any) -> np.ndarray:
    return np.asarray(value.value if isinstance(value, Quantity) else value, float)


def index_row(stimulus: Stimulus, dt: float) -> IndexRow:
    """Row of a TimeArray, or number of the draw of a Noise, in each step."""
    if isinstance(stimulus, Noise):
        held = 1 if stimulus.interval is None else grid.steps(stimulus.interval, dt, "Noise.interval")
        return lambda steps: steps // held
    assert isinstance(stimulus, TimeArray)
    return lambda steps: grid.rows(steps, stimulus.interval, dt, stimulus.grid)


def wave_row(stimulus: Stimulus, dt: float) -> WaveRow:
    """Value that multiplies the amplitude in each step; for a Regular train, the number of events at its end."""
    if isinstance(stimulus, Regular):
        return _regular_counts(stimulus, dt)
    if isinstance(stimulus, Step):
        start = grid.steps(stimulus.start, dt, "Step.start", least=0)
        stop = _FAR if stimulus.stop is None else grid.steps(stimulus.stop, dt, "Step.stop", least=0)
        return lambda steps: ((steps >= start) & (steps < stop)).astype(float)
    if isinstance(stimulus, Sine):
        omega, phase = 2.0 * np.pi * _ms(stimulus.frequency), float(stimulus.phase)
        return lambda steps: np.sin(omega * steps * dt + phase)
    assert isinstance(stimulus, TimeArray)
    values, row = _values(stimulus.values), index_row(stimulus, dt)

    def sampled(steps: np.ndarray) -> np.ndarray:
        rows = row(steps)
        return np.where(rows < values.size, values[np.minimum(rows, values.size - 1)], 0.0)

    return sampled


def _regular_counts(stimulus: Regular, dt: float) -> WaveRow:
    """Events stamped with the end of each step."""
    every = grid.steps(stimulus.interval, dt, "Regular.interval")
    first = every if stimulus.start is None else grid.steps(stimulus.start, dt, "Regular.start")
    last = _FAR if stimulus.stop is None else grid.steps(stimulus.stop, dt, "Regular.stop", least=0)

    def counts(steps: np.ndarray) -> np.ndarray:
        since = steps + 1 - first
        return ((since >= 0) & (since % every == 0) & (steps < last)).astype(float)

    return counts


def listed(stimulus: SpikeList, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Steps at whose end events arrive (sorted) and the neuron of each (-1: all)."""
    stamps = stimulus.stamps(dt)
    who = np.full(stamps.shape, -1) if stimulus.neurons is None else np.atleast_1d(np.asarray(stimulus.neurons, np.int64))
    order = np.argsort(stamps, kind="stable")
    return stamps[order] - 1, who[order].astype(np.int64)


def poisson_classes(
    drive: StimulusConnection, plan: Plan
) -> tuple[np.ndarray, np.ndarray, np.ndarray, IndexRow]:
    """Thresholds for Poisson drives of any rate.

    Returns:
        classes int32[rows, sites or 1, neurons or 1], sizes int64[classes], thresholds uint32[classes, width], row of each step.
    """
    stimulus = drive.stimulus
    if isinstance(stimulus, Poisson):
        rates = np.atleast_2d(drawn(drive, plan.seed, "rate", stimulus.rate))[None]
        row: IndexRow = lambda steps: np.zeros(steps.shape, np.int64)  # noqa: E731
    else:
        assert isinstance(stimulus, InhomogeneousPoisson)
        rates = _values(stimulus.rates)
        rates = (rates if rates.ndim == 1 else drive.everywhere(rates)).reshape(len(rates), 1, -1)
        last = rates.shape[0] - 1
        row = lambda steps: np.minimum(grid.rows(steps, stimulus.interval, plan.dt, stimulus.grid), last)  # noqa: E731
    distinct, inverse = np.unique(rates * plan.dt, return_inverse=True)
    thresholds = [rng.poisson_thresholds(lam) if lam > 0 else np.empty(0, np.uint32) for lam in distinct]
    sizes = np.array([t.size for t in thresholds], np.int64)
    table = np.zeros((len(thresholds), max(1, int(sizes.max(initial=1)))), np.uint32)
    for line, t in zip(table, thresholds, strict=True):
        line[: t.size] = t
    return inverse.reshape(rates.shape).astype(np.int32), sizes, table, row
