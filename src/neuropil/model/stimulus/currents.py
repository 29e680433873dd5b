"""Currents of the package: steps, sines, noise and tables.

All times are multiples of the time step (`neuropil.model.base.grid`), or an error; recorded data are given with ``grid="nearest"``,
and each of their times becomes the nearest grid time.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuropil import maths
from neuropil.errors import ModelError, NeuropilError
from neuropil.model.base.distribution import checked_values
from neuropil.model.base.grid import DESCRIBED, NEAREST, fault
from neuropil.model.stimulus.checks import (
    base,
    check_columns,
    check_grid,
    check_rows,
    dimension_of,
    moment,
    non_negative,
    numbers,
    positive_time,
    row_faults,
)
from neuropil.model.stimulus.stimulus import CurrentStimulus
from neuropil.units import Dimension, kHz, magnitude, ms


class Step(CurrentStimulus):
    """A constant current from `start` to `stop` (to the end, if None), multiples of the time step. `amplitude` may differ between neurons.

    Args:
        amplitude: a quantity, one or [neurons].
        start: a time.
        stop: a time after `start`; None: the end.

    Raises:
        ModelError: `stop` is not after `start`.
    """

    built_in: ClassVar[bool] = True

    amplitude: Any
    start: Any = 0 * ms
    stop: Any = None

    def __post_init__(self) -> None:
        numbers(self.amplitude, "Step.amplitude", axes=1)
        start = moment(self.start, "Step.start")
        if self.stop is not None and not moment(self.stop, "Step.stop") > start:
            raise ModelError("Step: stop is not after start", got=f"start={self.start}, stop={self.stop}")

    def dimension(self) -> Dimension:
        return dimension_of(self.amplitude)

    def faults(self, dt: float, label: str) -> list[NeuropilError]:
        given = {"start": self.start, "stop": self.stop}
        return [error for name, time in given.items() if time is not None for error in fault(time, dt, f"{label}: {name}", least=0)]

    def window(self, level: float) -> Step:
        return Step(level, start=self.start, stop=self.stop)


class Sine(CurrentStimulus):
    """amplitude · sin(2π·frequency·t + phase), phase in radians.

    Args:
        amplitude: a quantity, one or [neurons].
        frequency: a rate.
        phase: radians.

    Raises:
        ModelError, UnitError: an amplitude, frequency or phase that is not a number, or of the wrong unit.
    """

    built_in: ClassVar[bool] = True

    amplitude: Any
    frequency: Any
    phase: float = 0.0

    def __post_init__(self) -> None:
        numbers(self.amplitude, "Sine.amplitude", axes=1)
        non_negative(self.frequency, kHz.dimension, "Sine.frequency")
        checked_values(self.phase, (0, 0, 0, 0, 0), "Sine.phase", ())

    def value(self, t: Any) -> Any:
        """The current at `t`, a time."""
        return self.amplitude * maths.sin(2 * math.pi * self.frequency * t + self.phase)

    def dimension(self) -> Dimension:
        return dimension_of(self.amplitude)


class Noise(CurrentStimulus):
    """Gaussian noise, drawn anew for every neuron each `interval` (each step, if None), with mean and standard deviation.

    The interval is a multiple of the time step. Drawn anew in each step, the noise's effect on a membrane depends on dt.

    Args:
        mean: a quantity, one or [neurons].
        sd: of the same unit, one or [neurons], not negative.
        interval: a time; None: one step.

    Raises:
        ModelError, UnitError: mean and spread of different units, a negative spread, or an interval that is not a time.
    """

    built_in: ClassVar[bool] = True

    mean: Any
    sd: Any
    interval: Any = None

    def __post_init__(self) -> None:
        numbers(self.mean, "Noise.mean", axes=1)
        numbers(self.sd, "Noise.sd", axes=1)
        if dimension_of(self.mean) != dimension_of(self.sd):
            magnitude(self.mean, dimension_of(self.sd), "Noise.mean")  # refuses it, unless it is zero
        non_negative(self.sd, dimension_of(self.sd), "Noise.sd", axes=1)
        if self.interval is not None:
            positive_time(self.interval, "Noise.interval")

    def dimension(self) -> Dimension:
        return dimension_of(self.sd)

    def fit(self, size: int, label: str) -> None:
        for name in ("mean", "sd"):
            checked_values(getattr(self, name), self.dimension(), f"{label}: {name}", (size,))

    def faults(self, dt: float, label: str) -> list[NeuropilError]:
        return [] if self.interval is None else fault(self.interval, dt, f"{label}: interval")


class TimeArray(CurrentStimulus):
    """A current sampled over time.

    Args:
        values: shape [times] for all neurons, or [times, neurons]; row j holds from j·interval on, then zero.
        interval: duration of a row, a multiple of the time step.
        grid: "nearest" for recorded values whose interval is no multiple of the step (but not shorter): each row begins at the
            nearest step.

    Raises:
        ModelError, UnitError: no table of numbers, or an interval that is not a time.
    """

    built_in: ClassVar[bool] = True

    values: Any
    interval: Any
    grid: str = DESCRIBED

    def __post_init__(self) -> None:
        check_grid(self.grid, "TimeArray")
        numbers(self.values, "TimeArray.values", axes=2)
        check_rows(self.values, "TimeArray.values")
        positive_time(self.interval, "TimeArray.interval")

    def dimension(self) -> Dimension:
        return dimension_of(self.values)

    def fit(self, size: int, label: str) -> None:
        check_columns(self.values, size, label)

    def faults(self, dt: float, label: str) -> list[NeuropilError]:
        return row_faults(self.interval, self.grid, dt, label)

    def window(self, level: float) -> TimeArray:
        return TimeArray(np.full(len(base(self.values)), level), self.interval, grid=self.grid)

    def moved(self, dt: float) -> tuple[NDArray[np.float64], int]:
        rows = len(base(self.values)) if self.grid == NEAREST else 0
        return float(base(self.interval)) * np.arange(rows, dtype=np.float64), 0
