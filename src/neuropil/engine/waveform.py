"""What of a stimulus is the same for all neurons: its value or row in each step, its list of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from neuropil import rng
from neuropil.lower.draft import drawn
from neuropil.lower.plan import Plan
from neuropil.model.contents import Drive
from neuropil.model.stimulus import (
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
from neuropil.units import Quantity

IndexRow: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Steps (int64) to rows or draw numbers (int64)."""
WaveRow: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Steps (int64) to values (float64)."""


def _ms(value: Any) -> float:
    return float(value.value if isinstance(value, Quantity) else value)


def _values(value: Any) -> np.ndarray:
    return np.asarray(value.value if isinstance(value, Quantity) else value, float)


def row_of(steps: np.ndarray, interval: float, dt: float) -> np.ndarray:
    """The row of a table with one row per interval that holds at the start of each step."""
    return np.floor(steps * dt / interval + 1e-9).astype(np.int64)


def index_row(stimulus: Stimulus, dt: float) -> IndexRow:
    """Row of a TimeArray, or number of the draw of a Noise, in each step."""
    if isinstance(stimulus, Noise) and stimulus.interval is None:
        return lambda steps: steps.astype(np.int64)
    if isinstance(stimulus, Noise):
        held = max(1, round(_ms(stimulus.interval) / dt))
        return lambda steps: (steps // held).astype(np.int64)
    assert isinstance(stimulus, TimeArray)
    interval = _ms(stimulus.interval)
    return lambda steps: row_of(steps, interval, dt)


def wave_row(stimulus: Stimulus, dt: float) -> WaveRow:
    """Value that multiplies the amplitude in each step; for a Regular train, the number of events at its end."""
    if isinstance(stimulus, Regular):
        return _regular_counts(stimulus, dt)
    if isinstance(stimulus, Step):
        start = round(_ms(stimulus.start) / dt)
        stop = np.inf if stimulus.stop is None else round(_ms(stimulus.stop) / dt)
        return lambda steps: ((steps >= start) & (steps < stop)).astype(float)
    if isinstance(stimulus, Sine):
        omega, phase = 2.0 * np.pi * _ms(stimulus.frequency), float(stimulus.phase)
        return lambda steps: np.sin(omega * steps * dt + phase)
    assert isinstance(stimulus, TimeArray)
    values, interval = _values(stimulus.values), _ms(stimulus.interval)

    def sampled(steps: np.ndarray) -> np.ndarray:
        rows = row_of(steps, interval, dt)
        return np.where(rows < values.size, values[np.minimum(rows, values.size - 1)], 0.0)

    return sampled


def _regular_counts(stimulus: Regular, dt: float) -> WaveRow:
    """Events stamped with the end of each step: those whose time rounds to it."""
    interval = _ms(stimulus.interval)
    start = interval if stimulus.start is None else _ms(stimulus.start)
    total = np.inf if stimulus.stop is None else max(0.0, np.floor((_ms(stimulus.stop) - start) / interval + 1e-9) + 1)
    # Without a start of its own the first event comes after one interval; none can arrive before the first step ends.
    early = np.ceil((0.5 * dt - start) / interval)

    def until(stamp: np.ndarray) -> np.ndarray:
        return np.clip(np.ceil(((stamp + 0.5) * dt - start) / interval - 1e-9), max(early, 0.0), total)

    return lambda steps: until(steps + 1.0) - until(steps)


def listed(stimulus: SpikeList, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Steps at whose end events arrive (sorted) and the neuron of each (-1: all)."""
    stamps = np.round(np.atleast_1d(_values(stimulus.times)) / dt).astype(np.int64)
    who = np.full(stamps.shape, -1) if stimulus.neurons is None else np.atleast_1d(np.asarray(stimulus.neurons, np.int64))
    keep = stamps >= 1  # nothing can arrive before the first step ends
    order = np.argsort(stamps[keep], kind="stable")
    return stamps[keep][order] - 1, who[keep][order].astype(np.int64)


def poisson_classes(
    drive: Drive, plan: Plan
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
        rates = rates.reshape(len(rates), 1, -1)
        last, interval = rates.shape[0] - 1, _ms(stimulus.interval)
        row = lambda steps: np.minimum(row_of(steps, interval, plan.dt), last)  # noqa: E731
    distinct, inverse = np.unique(rates * plan.dt, return_inverse=True)
    thresholds = [rng.poisson_thresholds(lam) if lam > 0 else np.empty(0, np.uint32) for lam in distinct]
    sizes = np.array([t.size for t in thresholds], np.int64)
    table = np.zeros((len(thresholds), max(1, int(sizes.max(initial=1)))), np.uint32)
    for line, t in zip(table, thresholds, strict=True):
        line[: t.size] = t
    return inverse.reshape(rates.shape).astype(np.int32), sizes, table, row
