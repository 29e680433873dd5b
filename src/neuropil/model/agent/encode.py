"""From an observation to the cells that encode it: tuning curves, and the form in which cells are driven by them.

A code says how active each cell should be for an observation, a number from 0 to 1; `Rates` and `Currents` say how that
reaches a population: as the rate of Poisson sources, or as a current under which integrate-and-fire cells fire as fast.
Codes are functions without memory; many environments are encoded at once, one per row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuropil.errors import ModelError
from neuropil.units import Quantity, kHz, magnitude, ms, pA

Activity = NDArray[np.float64]


class Code:
    """Base of codes: `cells` cells, and the `activity` of each for an observation."""

    @property
    def cells(self) -> int:
        """How many cells the code is for."""
        raise NotImplementedError

    @property
    def dimensions(self) -> int:
        """How many numbers an observation has."""
        raise NotImplementedError

    def activity(self, observation: ArrayLike) -> Activity:
        """The activity of each cell, from 0 to 1: float64[environments, cells].

        Args:
            observation: [environments, dimensions].

        Raises:
            ModelError: observations of another shape.
        """
        seen = np.asarray(observation, float)
        if seen.ndim != 2 or seen.shape[1] != self.dimensions:
            raise ModelError(
                f"{type(self).__name__}: observations do not fit the code", got=f"shape {seen.shape}", expected=f"(environments, {self.dimensions})"
            )
        return self._activity(seen)

    def _activity(self, seen: Activity) -> Activity:
        raise NotImplementedError


@dataclass(frozen=True)
class _Gaussian(Code):
    """Gaussian curves over an interval of each dimension; what lies beyond is taken to its end.

    Args:
        low, high: ends of the intervals, [dimensions]; centres are spread evenly from one to the other.
        count: cells along each dimension, [dimensions].
        width: standard deviation of a curve in units of the distance of centres.
    """

    low: Sequence[float]
    high: Sequence[float]
    count: Sequence[int]
    width: float = 0.6

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not all(isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str) for given in (self.low, self.high, self.count)):
            raise ModelError(f"{name}: low, high and count must be sequences with one value per dimension", got=(self.low, self.high, self.count))
        if not len(self.low) == len(self.high) == len(self.count) > 0:
            raise ModelError(f"{name}: low, high and count must have one value per dimension", got=(self.low, self.high, self.count))
        if not all(a < b for a, b in zip(self.low, self.high, strict=True)) or not np.all(np.isfinite([*self.low, *self.high])):
            raise ModelError(f"{name}: an interval is empty or infinite", got=(self.low, self.high), fix="low below high, both finite")
        if not all(isinstance(n, (int, np.integer)) and n >= 2 for n in self.count):
            raise ModelError(f"{name}: count must be whole numbers, at least 2 in each dimension", got=self.count)
        if not self.width > 0:
            raise ModelError(f"{name}: the width must be positive", got=self.width)

    @property
    def dimensions(self) -> int:
        return len(self.count)

    @cached_property
    def _centres(self) -> list[NDArray[np.float64]]:
        return [np.linspace(a, b, n) for a, b, n in zip(self.low, self.high, self.count, strict=True)]

    def _curves(self, seen: Activity) -> list[Activity]:
        clipped = np.clip(seen, self.low, self.high)
        found = []
        for k, centres in enumerate(self._centres):
            away = (clipped[:, k, None] - centres) / (self.width * (centres[1] - centres[0]))
            found.append(np.exp(-0.5 * away * away))
        return found


class PopulationCode(_Gaussian):
    """Each dimension has cells of its own: exp(-(o - c)²/2σ²), dimension by dimension."""

    @property
    def cells(self) -> int:
        return sum(self.count)

    def _activity(self, seen: Activity) -> Activity:
        return np.concatenate(self._curves(seen), axis=1)


class PlaceCode(_Gaussian):
    """A cell for every combination of centres (last dimension fastest): products of the curves, divided by their sum.

    So the cells share a fixed total of activity, as if inhibition kept it constant.
    """

    @property
    def cells(self) -> int:
        return int(np.prod(self.count))

    def _activity(self, seen: Activity) -> Activity:
        product, *curves = (c / c.sum(axis=1, keepdims=True) for c in self._curves(seen))
        for curve in curves:
            product = (product[:, :, None] * curve[:, None, :]).reshape(len(seen), -1)
        return product


@dataclass(frozen=True)
class OneHot(Code):
    """A group of `each` cells for every value 0, 1, … of a discrete observation.

    Args:
        values: number of values.

    Raises:
        ModelError: numbers that are not whole or below 1.
    """

    values: int
    each: int = 1

    def __post_init__(self) -> None:
        if not all(isinstance(n, int) and n >= 1 for n in (self.values, self.each)):
            raise ModelError("OneHot: values and cells for each must be whole numbers from 1", got=(self.values, self.each))

    @property
    def cells(self) -> int:
        return self.values * self.each

    @property
    def dimensions(self) -> int:
        return 1

    def _activity(self, seen: Activity) -> Activity:
        here = seen == np.arange(self.values)
        if not here.any(axis=1).all():
            raise ModelError("OneHot: the observation is out of range", got=float(seen[~here.any(axis=1)][0, 0]), expected=f"a whole number from 0 to {self.values - 1}")
        return np.repeat(here.astype(float), self.each, axis=1)


# --- how activity reaches cells ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rates:
    """Poisson cells: the rate of `neuropil.zoo.neurons.sensor` is `peak` times the activity."""

    peak: Any

    def drive(self, activity: Activity) -> Quantity:
        """Rates, of the activity's shape."""
        return Quantity(magnitude(self.peak, kHz.dimension, "Rates.peak") * activity, kHz.dimension)


@dataclass(frozen=True)
class Currents:
    """The current at which a leaky integrate-and-fire cell fires at `peak` times its activity, from its own equation.

    With rate f the membrane takes T = 1/f - t_ref from reset (at rest) to threshold, so I = I_rh / (1 - exp(-T/τ)),
    I_rh being the current that just reaches threshold. Rates below `least` get no current.

    Args:
        peak: rate at an activity of 1.
        rheobase: the current I_rh.
        tau_m: membrane time constant τ.
        t_ref: refractory period.
        least: lowest rate that is encoded, kHz.
    """

    peak: Any
    rheobase: Any = 375 * pA
    tau_m: Any = 10 * ms
    t_ref: Any = 1 * ms
    least: float = 0.002  # kHz

    def drive(self, activity: Activity) -> Quantity:
        """Currents, of the activity's shape; as fast as the refractory period allows where more is asked."""
        tau, dead = magnitude(self.tau_m, ms.dimension, "Currents.tau_m"), magnitude(self.t_ref, ms.dimension, "Currents.t_ref")
        rate = magnitude(self.peak, kHz.dimension, "Currents.peak") * activity
        interval = np.maximum(1.0 / np.maximum(rate, self.least) - dead, 0.01 * tau)
        current = magnitude(self.rheobase, pA.dimension, "Currents.rheobase") / -np.expm1(-interval / tau)
        return Quantity(np.where(rate > self.least, current, 0.0), pA.dimension)


@dataclass(frozen=True)
class Proportional:
    """A current in proportion to the activity: `peak` at 1."""

    peak: Any

    def drive(self, activity: Activity) -> Quantity:
        """Currents, of the activity's shape."""
        return Quantity(magnitude(self.peak, pA.dimension, "Proportional.peak") * activity, pA.dimension)
