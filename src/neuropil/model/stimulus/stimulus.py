"""Stimuli: events into a port (Poisson, regular, lists) and currents into an input (step, sine, noise, arrays).

Events arrive on the grid: one stamped `t` is added at the end of the step that ends at `t`. A current holds during
the step from `t_k` to `t_{k+1}` the value it has at `t_k`. All times are multiples of the time step (`neuropil.model.base.grid`), or
an error; recorded data are given with ``grid="nearest"``, and each of their times becomes the nearest grid time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.base.grid import DESCRIBED, GRIDS, NEAREST, all_steps, nearest
from neuropil.units import Dimension, Quantity, kHz, magnitude, ms


@dataclass(frozen=True, eq=False)
class Stimulus:
    """Base of all stimuli."""


@dataclass(frozen=True, eq=False)
class EventStimulus(Stimulus):
    """A stimulus made of events; drives a port, with a weight."""


@dataclass(frozen=True, eq=False)
class CurrentStimulus(Stimulus):
    """A stimulus that flows; drives an input."""

    def dimension(self) -> Dimension:
        """Dimension of the current."""
        raise NotImplementedError


# --- events ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Poisson(EventStimulus):
    """An independent Poisson train for every neuron: the number of events per step is Poisson(rate·dt).

    Args:
        rate: a rate for all, or one per neuron.
    """

    rate: Any

    def __post_init__(self) -> None:
        _non_negative(self.rate, kHz.dimension, "Poisson.rate", axes=1)


@dataclass(frozen=True, eq=False)
class InhomogeneousPoisson(EventStimulus):
    """Poisson trains whose rate changes with time.

    Args:
        rates: shape [times] for all neurons, or [times, neurons]; row j holds from j·interval on, the last one stays.
        interval: duration of a row, a multiple of the time step.
        grid: "nearest", if the interval is no multiple of the step: each row begins at the nearest step.
    """

    rates: Any
    interval: Any
    grid: str = DESCRIBED

    def __post_init__(self) -> None:
        _grid(self.grid, "InhomogeneousPoisson")
        _non_negative(self.rates, kHz.dimension, "InhomogeneousPoisson.rates", axes=2)
        _rows(self.rates, "InhomogeneousPoisson.rates")
        _positive_time(self.interval, "InhomogeneousPoisson.interval")


@dataclass(frozen=True, eq=False)
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

    interval: Any
    start: Any = None
    stop: Any = None

    def __post_init__(self) -> None:
        _positive_time(self.interval, "Regular.interval")
        for name in ("start", "stop"):
            if getattr(self, name) is not None:
                _moment(getattr(self, name), f"Regular.{name}")
        if self.start is not None and self.stop is not None and _moment(self.stop, "") < _moment(self.start, ""):
            raise ModelError("Regular: stop is before start", got=f"start={self.start}, stop={self.stop}")


@dataclass(frozen=True, eq=False)
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

    times: Any
    neurons: Any = None
    grid: str = DESCRIBED

    def __post_init__(self) -> None:
        _grid(self.grid, "SpikeList")
        checked = _non_negative(self.times, ms.dimension, "SpikeList.times", axes=1)
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
        return np.maximum(nearest(np.atleast_1d(magnitude(self.times, ms.dimension, "SpikeList.times")), dt), 1)


# --- currents -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Step(CurrentStimulus):
    """A constant current from `start` to `stop` (to the end, if None), multiples of the time step. `amplitude` may differ between neurons.

    Args:
        amplitude: a quantity, one or [neurons].
        start: a time.
        stop: a time after `start`; None: the end.

    Raises:
        ModelError: `stop` is not after `start`.
    """

    amplitude: Any
    start: Any = 0 * ms
    stop: Any = None

    def __post_init__(self) -> None:
        _amplitude(self.amplitude, "Step.amplitude", axes=1)
        start = _moment(self.start, "Step.start")
        if self.stop is not None and not _moment(self.stop, "Step.stop") > start:
            raise ModelError("Step: stop is not after start", got=f"start={self.start}, stop={self.stop}")

    def dimension(self) -> Dimension:
        return _dim(self.amplitude)


@dataclass(frozen=True, eq=False)
class Sine(CurrentStimulus):
    """amplitude · sin(2π·frequency·t + phase), phase in radians.

    Args:
        amplitude: a quantity, one or [neurons].
        frequency: a rate.
        phase: radians.
    """

    amplitude: Any
    frequency: Any
    phase: float = 0.0

    def __post_init__(self) -> None:
        _amplitude(self.amplitude, "Sine.amplitude", axes=1)
        _non_negative(self.frequency, kHz.dimension, "Sine.frequency")
        checked_values(self.phase, (0, 0, 0, 0, 0), "Sine.phase", ())

    def dimension(self) -> Dimension:
        return _dim(self.amplitude)


@dataclass(frozen=True, eq=False)
class Noise(CurrentStimulus):
    """Gaussian noise, drawn anew for every neuron each `interval` (each step, if None), with mean and standard deviation.

    The interval is a multiple of the time step. Drawn anew in each step, the noise's effect on a membrane depends on dt.

    Args:
        mean: a quantity, one or [neurons].
        sd: of the same unit, one or [neurons], not negative.
        interval: a time; None: one step.
    """

    mean: Any
    sd: Any
    interval: Any = None

    def __post_init__(self) -> None:
        _amplitude(self.mean, "Noise.mean", axes=1)
        _amplitude(self.sd, "Noise.sd", axes=1)
        if _dim(self.mean) != _dim(self.sd):
            magnitude(self.mean, _dim(self.sd), "Noise.mean")  # refuses it, unless it is zero
        _non_negative(self.sd, _dim(self.sd), "Noise.sd", axes=1)
        if self.interval is not None:
            _positive_time(self.interval, "Noise.interval")

    def dimension(self) -> Dimension:
        return _dim(self.sd)


@dataclass(frozen=True, eq=False)
class TimeArray(CurrentStimulus):
    """A current sampled over time.

    Args:
        values: shape [times] for all neurons, or [times, neurons]; row j holds from j·interval on, then zero.
        interval: duration of a row, a multiple of the time step.
        grid: "nearest" for recorded values whose interval is no multiple of the step (but not shorter): each row begins at the
            nearest step.
    """

    values: Any
    interval: Any
    grid: str = DESCRIBED

    def __post_init__(self) -> None:
        _grid(self.grid, "TimeArray")
        _amplitude(self.values, "TimeArray.values", axes=2)
        _rows(self.values, "TimeArray.values")
        _positive_time(self.interval, "TimeArray.interval")

    def dimension(self) -> Dimension:
        return _dim(self.values)


# --- checks -----------------------------------------------------------------------------------------------------


def _dim(value: Any) -> Dimension:
    return value.dimension if isinstance(value, (Quantity, Distribution)) else (0, 0, 0, 0, 0)


def _shape(value: Any) -> tuple[int, ...]:
    raw = value.value if isinstance(value, Quantity) else value
    try:
        return np.shape(raw)
    except ValueError:
        return ()


def _amplitude(value: Any, where: str, axes: int) -> Any:
    return checked_values(value, _dim(value), where, _shape(value)[:axes])


def _non_negative(value: Any, dimension: Dimension, where: str, axes: int = 0) -> Any:
    checked = checked_values(value, dimension, where, _shape(value)[:axes])
    if isinstance(checked, Distribution):
        if checked.quantile(1e-12) < 0:
            raise ModelError(f"{where} must not be negative", got=checked, fix="truncate it: low=0")
    elif np.any(np.asarray(checked) < 0):
        raise ModelError(f"{where} must not be negative", got=float(np.min(checked)))
    return checked


def _grid(value: Any, where: str) -> None:
    if not isinstance(value, str) or value not in GRIDS:
        raise ModelError(f'{where}.grid: "{DESCRIBED}" times are multiples of the time step, "{NEAREST}" ones are moved there', got=value)


def _moment(value: Any, where: str) -> float:
    checked = _non_negative(value, ms.dimension, where)
    if isinstance(checked, Distribution):
        raise ModelError(f"{where} must be one time", got=value)
    return float(checked)


def _positive_time(value: Any, where: str) -> None:
    checked = checked_values(value, ms.dimension, where, ())
    if isinstance(checked, Distribution) or not checked > 0:
        raise ModelError(f"{where} must be a positive time", got=value)


def _rows(value: Any, where: str) -> None:
    shape = _shape(value)
    if len(shape) not in (1, 2) or 0 in shape:
        raise ModelError(f"{where} must be an array [times] or [times, neurons]", got=f"shape {shape}")
