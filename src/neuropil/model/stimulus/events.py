"""Events of the package: Poisson trains, regular trains and lists.

All times are multiples of the time step (`neuropil.model.base.grid`), or an error; recorded data are given with ``grid="nearest"``,
and each of their times becomes the nearest grid time.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ModelError, NetworkError, NeuropilError
from neuropil.model.base.distribution import Distribution
from neuropil.model.base.grid import DESCRIBED, NEAREST, all_steps, fault, nearest
from neuropil.model.stimulus.checks import (
    RECORDED,
    base,
    check_columns,
    check_grid,
    check_rows,
    early,
    moment,
    non_negative,
    positive_time,
    row_faults,
)
from neuropil.model.stimulus.stimulus import EventStimulus
from neuropil.units import kHz, magnitude, ms

MOST_EVENTS = 1000.0
"""Beyond this mean number of events per step and neuron a rate is surely a slip of the unit (Hz for kHz)."""


class Poisson(EventStimulus):
    """An independent Poisson train for every neuron: the number of events per step is Poisson(rate·dt).

    Args:
        rate: a rate for all, or one per neuron.

    Raises:
        ModelError, UnitError: no rates, or negative ones.
    """

    built_in: ClassVar[bool] = True

    rate: Any

    def __post_init__(self) -> None:
        non_negative(self.rate, kHz.dimension, "Poisson.rate", axes=1)

    def faults(self, dt: float, label: str) -> list[NeuropilError]:
        rate = self.rate.quantile(1 - 1e-12) if isinstance(self.rate, Distribution) else base(self.rate)
        return _too_many(rate, dt, label)

    @property
    def poisson_rate(self) -> float | None:
        alike = not self.defined_by_equation and not isinstance(self.rate, Distribution) and np.ndim(base(self.rate)) == 0
        return float(base(self.rate)) if alike else None


class InhomogeneousPoisson(EventStimulus):
    """Poisson trains whose rate changes with time.

    Args:
        rates: shape [times] for all neurons, or [times, neurons]; row j holds from j·interval on, the last one stays.
        interval: duration of a row, a multiple of the time step.
        grid: "nearest", if the interval is no multiple of the step: each row begins at the nearest step.

    Raises:
        ModelError, UnitError: no table of rates, negative ones, or an interval that is not a time.
    """

    built_in: ClassVar[bool] = True

    rates: Any
    interval: Any
    grid: str = DESCRIBED

    def __post_init__(self) -> None:
        check_grid(self.grid, "InhomogeneousPoisson")
        non_negative(self.rates, kHz.dimension, "InhomogeneousPoisson.rates", axes=2)
        check_rows(self.rates, "InhomogeneousPoisson.rates")
        positive_time(self.interval, "InhomogeneousPoisson.interval")

    def fit(self, size: int, label: str) -> None:
        check_columns(self.rates, size, label)

    def faults(self, dt: float, label: str) -> list[NeuropilError]:
        return [*_too_many(base(self.rates), dt, label), *row_faults(self.interval, self.grid, dt, label)]

    def moved(self, dt: float) -> tuple[NDArray[np.float64], int]:
        rows = len(base(self.rates)) if self.grid == NEAREST else 0
        return float(base(self.interval)) * np.arange(rows, dtype=np.float64), 0


class Regular(EventStimulus):
    """An event every `interval`, the first at `start` (after one interval, if None), the last at `stop` or before.

    All three are multiples of the time step; the first event comes at the end of the first step or later.

    Args:
        interval: a time, at least one step.
        start: time of the first event; None: one interval.
        stop: no event comes later; None: no end.

    Raises:
        ModelError: not times, or `stop` before `start`.
    """

    built_in: ClassVar[bool] = True

    interval: Any
    start: Any = None
    stop: Any = None

    def __post_init__(self) -> None:
        positive_time(self.interval, "Regular.interval")
        for name in ("start", "stop"):
            if getattr(self, name) is not None:
                moment(getattr(self, name), f"Regular.{name}")
        if self.start is not None and self.stop is not None and moment(self.stop, "") < moment(self.start, ""):
            raise ModelError("Regular: stop is before start", got=f"start={self.start}, stop={self.stop}")

    def faults(self, dt: float, label: str) -> list[NeuropilError]:
        found = fault(self.interval, dt, f"{label}: interval")
        for name in ("start", "stop"):
            if (time := getattr(self, name)) is not None:
                found += fault(time, dt, f"{label}: {name}", least=0)
        return found if self.start is None else found + early(float(magnitude(self.start, ms.dimension, label)), dt, label)


class SpikeList(EventStimulus):
    """Events at given times.

    Args:
        times: array of times: multiples of the time step from dt on.
        neurons: array of the neuron each goes to (within the target population); None sends each to all.
        grid: "nearest" for recorded times (> 0), which are no multiples of the step: each becomes the nearest, from dt on. The
            summary states the largest shift, and how many events met in one step of a neuron (all are delivered).

    Raises:
        ModelError: times that are not numbers or are negative; neurons that are not whole numbers, one for each time.
    """

    built_in: ClassVar[bool] = True

    times: Any
    neurons: Any = None
    grid: str = DESCRIBED

    def __post_init__(self) -> None:
        check_grid(self.grid, "SpikeList")
        checked = non_negative(self.times, ms.dimension, "SpikeList.times", axes=1)
        if isinstance(checked, Distribution):
            raise ModelError("SpikeList.times must not be a distribution", got=checked)
        times = np.atleast_1d(np.asarray(checked, float))
        if self.neurons is not None:
            try:
                neurons = np.atleast_1d(np.asarray(self.neurons))
            except ValueError:
                raise ModelError("SpikeList.neurons must give one whole number per time", got=self.neurons) from None
            if neurons.shape != times.shape or not (np.issubdtype(neurons.dtype, np.integer) or neurons.size == 0):
                raise ModelError(
                    "SpikeList.neurons must give one whole number per time",
                    got=f"{neurons.dtype}, shape {neurons.shape}",
                    expected=f"integers, shape {times.shape}",
                )

    def stamps(self, dt: float) -> np.ndarray:
        """int64[times]: the step at whose end each arrives, with steps of dt (ms).

        Args:
            dt: time step, ms.
        """
        if self.grid == DESCRIBED:
            return all_steps(self.times, dt, "SpikeList.times")
        return np.maximum(nearest(self._times(), dt), 1)

    def _times(self) -> NDArray[np.float64]:
        return np.atleast_1d(np.asarray(magnitude(self.times, ms.dimension, "SpikeList.times"), float))

    def fit(self, size: int, label: str) -> None:
        """Its arrays have a value for each event; the neurons that it names are checked when it is added."""

    @property
    def addressed(self) -> NDArray[np.int64] | None:
        return None if self.neurons is None else np.atleast_1d(np.asarray(self.neurons))

    def addressing(self, neurons: NDArray[np.int64]) -> SpikeList:
        return dataclasses.replace(self, neurons=neurons)

    def faults(self, dt: float, label: str) -> list[NeuropilError]:
        data, times = self.grid == NEAREST, self._times()
        if found := early(times, dt, label, data=data, fix=RECORDED):
            return found
        off = [] if data else fault(times, dt, f"{label}: the time of an event")
        return [NetworkError(error.what, got=error.got, fix=f"{error.fix}; or {RECORDED}") for error in off]

    def moved(self, dt: float) -> tuple[NDArray[np.float64], int]:
        if self.grid != NEAREST:
            return np.empty(0), 0
        times = self._times()
        who = np.zeros(times.size) if self.neurons is None else np.atleast_1d(np.asarray(self.neurons, float))
        apart = np.unique(np.stack([who, times]), axis=1)
        met = np.unique(np.stack([apart[0], np.maximum(nearest(apart[1], dt), 1)]), axis=1)
        return times, apart.shape[1] - met.shape[1]


def _too_many(rates: Any, dt: float, label: str) -> list[NeuropilError]:
    """Whether a step holds more events than a rate in its right unit brings."""
    events = float(np.max(rates)) * dt if np.size(rates) else 0.0
    if events <= MOST_EVENTS:
        return []
    expected = f"at most {MOST_EVENTS:g} (rates are in kHz inside, {MOST_EVENTS / dt:g} kHz at this dt)"
    return [NetworkError(f"{label}: too many events per step", got=f"{events:g}", expected=expected)]
