"""Encoders: from the numbers of a sample to events of input neurons in every step.

An encoder is a function of the numbers and, if it draws, of random numbers that the seed, the epoch and the number of the sample
determine; so a run that resumes sees the same events. One of one's own is a subclass of `Encoder` with `neurons` and `encode`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.learn.checks import whole_number
from neuropil.model.base import grid
from neuropil.model.base.distribution import checked_values
from neuropil.units import ms

Values = NDArray[Any]
Events = NDArray[Any]


@dataclass(frozen=True)
class Encoder:
    """Base of encoders.

    Args:
        duration: of a sample, a quantity.
        low, high: values at the ends of the range that is encoded; what lies beyond is taken to its end. Arrays have one for each feature.
        amplitude: what an event adds to its port, in the port's unit; 1 suits relays.

    Raises:
        ModelError: not a positive time, or an empty range.
    """

    duration: Any = 100 * ms
    low: Any = 0.0
    high: Any = 1.0
    amplitude: Any = 1.0

    def __post_init__(self) -> None:
        name = type(self).__name__
        _time(self.duration, f"{name}.duration")
        try:
            low, high = np.asarray(self.low, float), np.asarray(self.high, float)
            span = high - low
        except (TypeError, ValueError):
            raise ModelError(f"{name}: low and high must be numbers, or have one for each feature", got=(self.low, self.high)) from None
        if low.ndim > 1 or high.ndim > 1 or not np.all(np.isfinite(span)) or np.any(span <= 0):
            raise ModelError(f"{name}: low must be below high, both finite", got=f"low={self.low}, high={self.high}")

    @property
    def draws(self) -> bool:
        """Whether events are drawn, anew in every epoch."""
        return False

    def steps(self, dt: float) -> int:
        """Steps of a sample, with steps of `dt`, ms."""
        what = f"{type(self).__name__}.duration"
        return grid.steps(_time(self.duration, what), dt, what, error=ModelError)

    def neurons(self, shape: tuple[int, ...]) -> int:
        """Input neurons for a sample of this `shape`."""
        return math.prod(shape)

    def check(self, values: np.ndarray) -> None:
        """Refuse values that cannot be encoded.

        Args:
            values: [samples, ...].

        Raises:
            ModelError: values that are not finite numbers, or of another shape.
        """
        name = type(self).__name__
        if values.ndim < 2:
            raise ModelError(f"{name}: samples need features", got=f"shape {values.shape}", expected="(samples, features)")
        if values.dtype.kind not in "fiub" or not np.all(np.isfinite(values)):
            raise ModelError(f"{name}: values must be finite numbers", got=f"{values.dtype}" if values.dtype.kind not in "fiub" else f"sample {int(np.argwhere(~np.isfinite(values))[0, 0])}")
        for end in (self.low, self.high):
            if np.ndim(end) and np.shape(end) != (values.shape[-1],):
                raise ModelError(f"{name}: low and high have one value for each feature", got=f"shape {np.shape(end)}", expected=f"({values.shape[-1]},)")

    def encode(self, values: Values, dt: float, key: rng.Key, samples: NDArray[np.int64]) -> Events:
        """Numbers of events, [samples, steps, neurons].

        Args:
            values: [samples, ...], as `check` allows.
            dt: time step, ms.
            key: of random numbers, of this epoch; samples: int64[samples], their numbers in the data, the elements of draws.
        """
        raise NotImplementedError

    def _within(self, values: Values) -> Values:
        """Values relative to the range, 0 to 1, [samples, features]."""
        part = (np.asarray(values, float) - self.low) / (np.asarray(self.high, float) - self.low)
        return np.clip(part, 0.0, 1.0).reshape(len(values), -1)


@dataclass(frozen=True)
class LatencyEncoder(Encoder):
    """One spike of each neuron, the earlier the larger its value: at `first` for the largest, at the end for the smallest above `least`.

    The time is first + (1 - x) (duration - first), to the nearest step. With `tau` it is the time at which a leaky membrane of this time constant under
    a current x reaches the threshold `least`: τ log(x / (x - least)).

    Args:
        duration, low, high, amplitude: as of `Encoder`.
        least: part of the range, 0 to 1: values at or below it give no spike.
        first: time of the earliest spike; None: one step.
        tau: None for times that are linear in the value.
    """

    least: float = 0.0
    first: Any = None
    tau: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_part(self.least, "LatencyEncoder.least")
        for name in ("first", "tau"):
            if getattr(self, name) is not None:
                _time(getattr(self, name), f"LatencyEncoder.{name}")
        if self.tau is not None and not self.least > 0:
            raise ModelError("LatencyEncoder: with tau, a threshold is needed", got="least=0", fix="least=0.2, for example")

    def encode(self, values: Values, dt: float, key: rng.Key, samples: NDArray[np.int64]) -> Events:
        """As of `Encoder`."""
        x, steps = self._within(values), self.steps(dt)
        first = dt if self.first is None else _time(self.first, "LatencyEncoder.first")
        if self.tau is None:
            when = first + (1.0 - x) * (steps * dt - first)
        else:
            tau = _time(self.tau, "LatencyEncoder.tau")
            when = first + tau * np.log(x / np.maximum(x - self.least, 1e-12), where=x > self.least, out=np.full(x.shape, np.inf))
        row = np.minimum(np.floor(when / dt + 0.5), steps + 1.0).astype(np.int64) - 1
        found = np.zeros((len(x), steps, x.shape[1]), np.float32)
        j, i = np.nonzero((x > self.least) & (row < steps))
        found[j, np.maximum(row[j, i], 0), i] = 1.0
        return found


@dataclass(frozen=True)
class RateEncoder(Encoder):
    """Spikes at a rate in proportion to the value: drawn, or regular.

    Args:
        duration, low, high, amplitude: as of `Encoder`.
        rate: Hz, of the largest value.
        regular: spikes at equal intervals, by an integrator that starts at one half; else at most one in a step, drawn, with the probability rate · dt.
        steady: draw the same spikes in every epoch.
    """

    rate: float = 100.0
    regular: bool = False
    steady: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_rate(self.rate, "RateEncoder.rate")
        for name in ("regular", "steady"):
            if not isinstance(getattr(self, name), bool):
                raise ModelError(f"RateEncoder.{name} must be True or False", got=getattr(self, name))

    @property
    def draws(self) -> bool:
        """As of `Encoder`."""
        return not (self.regular or self.steady)

    def encode(self, values: Values, dt: float, key: rng.Key, samples: NDArray[np.int64]) -> Events:
        """As of `Encoder`.

        Raises:
            ModelError: more than one spike in a step.
        """
        return self.at_rates(self._within(values), dt, key, samples)

    def at_rates(self, part: Values, dt: float, key: rng.Key, samples: NDArray[np.int64]) -> Events:
        """Spikes at parts of the largest rate.

        Args:
            part: [samples, neurons], 0 to 1.
            dt, key, samples: as of `encode`.

        Raises:
            ModelError: more than one spike in a step.
        """
        chance, steps = part * self.rate * dt / 1000.0, self.steps(dt)
        _check_one_in_a_step(self.rate, dt, "RateEncoder")
        n = chance.shape[1]
        if self.regular:
            passed = np.floor(0.5 + chance[:, None, :] * np.arange(steps + 1)[None, :, None])
            return np.diff(passed, axis=1).astype(np.float32)
        element = (samples[:, None] * n + np.arange(n)[None, :])[:, None, :]
        return (rng.uniform(key, element, np.arange(steps)[None, :, None]) < chance[:, None, :]).astype(np.float32)


@dataclass(frozen=True)
class DeltaEncoder(Encoder):
    """Changes of signals: each has two neurons, one for every rise by `threshold` and one for every fall.

    Samples are [times, features]; `duration` is divided into equal parts for the times. A signal that moved by several thresholds gives as many events.

    Args:
        duration, low, high, amplitude: as of `Encoder`.
        threshold: part of the range, above 0.
    """

    threshold: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_part(self.threshold, "DeltaEncoder.threshold")
        if not self.threshold > 0:
            raise ModelError("DeltaEncoder.threshold must be positive", got=self.threshold)

    def neurons(self, shape: tuple[int, ...]) -> int:
        """As of `Encoder`: rises, then falls, for the `shape` of a sample."""
        return 2 * shape[-1]

    def check(self, values: np.ndarray) -> None:
        """As of `Encoder`, for `values`."""
        if values.ndim != 3:
            raise ModelError("DeltaEncoder: samples need times and features", got=f"shape {values.shape}", expected="(samples, times, features)")
        super().check(values)

    def encode(self, values: Values, dt: float, key: rng.Key, samples: NDArray[np.int64]) -> Events:
        """As of `Encoder`."""
        count, times, features = values.shape[0], values.shape[1], values.shape[2]
        x, steps = self._within(values).reshape(count, times, features), self.steps(dt)
        level, found = x[:, 0].copy(), np.zeros((count, steps, 2 * features), np.float32)
        for k in range(1, times):
            moved = np.trunc((x[:, k] - level) / self.threshold + np.sign(x[:, k] - level) * 1e-9)
            level += moved * self.threshold
            found[:, min(k * steps // times, steps - 1)] += np.concatenate([np.maximum(moved, 0), np.maximum(-moved, 0)], axis=1)
        return found


@dataclass(frozen=True)
class ConstantEncoder(Encoder):
    """The value times the amplitude in every step: a current into an input, or events of this weight into a port.

    Args:
        duration, low, high, amplitude: as of `Encoder`.
    """

    def encode(self, values: Values, dt: float, key: rng.Key, samples: NDArray[np.int64]) -> Events:
        """As of `Encoder`."""
        x = self._within(values).astype(np.float32)
        return np.broadcast_to(x[:, None, :], (len(x), self.steps(dt), x.shape[1]))


@dataclass(frozen=True)
class PopulationEncoder(Encoder):
    """A group of neurons for each feature, with Gaussian tuning curves whose centres are spread over the range; each spikes once, the earlier the more active.

    Bohté, Kok & La Poutré (2002) Neurocomputing 48:17.

    Args:
        duration, low, high, amplitude: as of `Encoder`.
        size: neurons for each feature.
        width: standard deviation of a curve in units of the distance of centres.
        least: activity, 0 to 1, at or below which a neuron does not spike.
    """

    size: int = 8
    width: float = 1.0
    least: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        whole_number(self.size, f"{type(self).__name__}.size", 2)
        if isinstance(self.width, bool) or not isinstance(self.width, (int, float)) or not 0.0 < self.width < float("inf"):
            raise ModelError(f"{type(self).__name__}.width must be a positive number", got=self.width)
        _check_part(self.least, f"{type(self).__name__}.least")

    def neurons(self, shape: tuple[int, ...]) -> int:
        """As of `Encoder`, for the `shape` of a sample."""
        return math.prod(shape) * self.size

    def activity(self, values: Values) -> Values:
        """Activities of the neurons, 0 to 1: [samples, features · size] for `values` [samples, ...]."""
        x = self._within(values)[:, :, None]
        away = (x - np.linspace(0.0, 1.0, self.size)) * (self.size - 1) / self.width
        return np.exp(-0.5 * away**2).reshape(len(values), -1)

    def encode(self, values: Values, dt: float, key: rng.Key, samples: NDArray[np.int64]) -> Events:
        """As of `Encoder`."""
        return LatencyEncoder(self.duration, least=self.least).encode(self.activity(values), dt, key, samples)


@dataclass(frozen=True)
class SignalEncoder(PopulationEncoder):
    """Signals over time: a group of neurons for each feature, with Gaussian tuning curves whose centres are spread over the range, which spike at the rate of their activity.

    Samples are [times, features]; `duration` is divided into equal parts for the times. Each neuron integrates its activity from one half, so spikes of a constant signal have
    equal intervals, and what is left over of one time counts for the next.

    Args:
        duration, low, high, amplitude, size, width: as of `PopulationEncoder`.
        least: activity, 0 to 1, at or below which a neuron rests.
        rate: Hz, of a neuron at the centre of its curve.
    """

    rate: float = 500.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_rate(self.rate, "SignalEncoder.rate")

    def neurons(self, shape: tuple[int, ...]) -> int:
        """As of `Encoder`, for the `shape` of a sample."""
        return shape[-1] * self.size

    def check(self, values: np.ndarray) -> None:
        """As of `Encoder`, for `values`."""
        if values.ndim != 3:
            raise ModelError("SignalEncoder: samples need times and features", got=f"shape {values.shape}", expected="(samples, times, features)")
        super().check(values)

    def encode(self, values: Values, dt: float, key: rng.Key, samples: NDArray[np.int64]) -> Events:
        """As of `Encoder`.

        Raises:
            ModelError: more than one spike in a step; fewer steps than times.
        """
        count, times, _ = values.shape
        steps = self.steps(dt)
        _check_one_in_a_step(self.rate, dt, "SignalEncoder")
        if steps < times:
            raise ModelError("SignalEncoder: a sample has fewer steps than times", got=f"{steps} steps, {times} times", fix=f"duration={times * dt:g} * ms or longer")
        active = self.activity(values).reshape(count, times, -1)[:, np.arange(steps) * times // steps]
        active = np.where(active > self.least, active, 0.0) * (self.rate * dt / 1000.0)
        return np.diff(np.floor(0.5 + np.cumsum(active, axis=1)), axis=1, prepend=0.0).astype(np.float32)


def _check_rate(value: Any, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < float("inf"):
        raise ModelError(f"{what} must be a positive rate in Hz", got=value)


def _check_one_in_a_step(rate: float, dt: float, name: str) -> None:
    if rate * dt / 1000.0 > 1.0:
        raise ModelError(f"{name}: more than one spike in a step", got=f"{rate:g} Hz at dt = {dt:g} ms", expected=f"at most {1000.0 / dt:g} Hz")


def _check_part(value: Any, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < 1.0:
        raise ModelError(f"{what} must be a part of the range, from 0 to below 1", got=value)


def _time(value: Any, what: str) -> float:
    """A positive time, ms."""
    time = checked_values(value, ms.dimension, what, ())
    if not isinstance(time, float) or time <= 0:
        raise ModelError(f"{what} must be a positive time", got=value)
    return time
