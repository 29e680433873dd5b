"""Distributions that a parameter, an initial state, a weight or a delay may be drawn from.

Each is described by its quantile function, so that one uniform number makes one draw: all that draw (the engine, the
oracle, a notebook) gets the same value from the same counter, and a truncated distribution is exactly what redrawing
until the bounds are met would give.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, magnitude, unit_name


class Distribution:
    """Base: a base distribution, restricted to [low, high].

    Attributes:
        dimension: of every draw.
        low, high: bounds in base units (infinite when there are none).
        log: draws are the exponential of a normal.
    """

    kind = "distribution"
    dimension: Dimension
    low: float
    high: float

    def __setattr__(self, name: str, value: Any) -> None:
        if "high" in vars(self):  # the last that is known of one that is made; networks share it and their copies do
            raise ModelError(f"{type(self).__name__} is a value and cannot be changed", got=f"assignment to {name!r}", fix="make a new one")
        super().__setattr__(name, value)

    def _set_bounds(self, low: Any, high: Any) -> None:
        self.low = -np.inf if low is None else _number(low, self.dimension, f"{type(self).__name__}.low", finite=False)
        self.high = np.inf if high is None else _number(high, self.dimension, f"{type(self).__name__}.high", finite=False)
        if not self.low < self.high:
            raise ModelError(
                f"{type(self).__name__}: the lower bound is not below the upper one",
                got=f"low={self.low:g}, high={self.high:g} {unit_name(self.dimension)}",
                expected="low < high",
            )
        if not self._cdf(self.high) - self._cdf(self.low) > 1e-12:
            raise ModelError(
                f"{type(self).__name__}: the bounds contain almost none of the distribution",
                got=f"[{self.low:g}, {self.high:g}] {unit_name(self.dimension)}",
                expected="bounds that hold more than 1e-12 of the probability",
            )

    def _cdf(self, x: Any) -> Any:
        raise NotImplementedError

    def _quantile(self, u: Any) -> Any:
        raise NotImplementedError

    def range_of_u(self) -> tuple[float, float]:
        """The part of (0, 1) that the bounds leave to the uniform number."""
        return float(self._cdf(self.low)), float(self._cdf(self.high))

    def quantile(self, u: Any) -> Any:
        """Draws in base units for uniform numbers `u` in (0, 1); same shape as `u`."""
        a, b = self.range_of_u()
        return np.clip(self._quantile(a + np.asarray(u, float) * (b - a)), self.low, self.high)

    def cdf(self, x: Any) -> Any:
        """Probability of a draw at or below `x` (base units), bounds included."""
        a, b = self.range_of_u()
        return np.clip((self._cdf(x) - a) / (b - a), 0.0, 1.0)

    def largest(self) -> float:
        """A magnitude that at most 1 draw in 10⁹ exceeds; sets the scale of packed weights."""
        return float(max(abs(self.quantile(0.5e-9)), abs(self.quantile(1 - 0.5e-9))))


class Normal(Distribution):
    """Normal with mean and standard deviation, optionally truncated to [low, high] (redrawn, not clipped).

    Args:
        mean: quantity or number.
        sd: of the same unit, above 0.
        low, high: bounds of the same unit; None: no bound.

    Raises:
        ModelError: a standard deviation that is not positive, or bounds that leave almost nothing.
        UnitError: values of different units.
    """

    kind = "normal"

    def __init__(self, mean: Any, sd: Any, *, low: Any = None, high: Any = None):
        self.dimension = _dimension(mean, sd)
        self.mean = _number(mean, self.dimension, "Normal.mean")
        self.sd = _number(sd, self.dimension, "Normal.sd")
        if not self.sd > 0:
            raise ModelError("Normal: the standard deviation must be positive", got=self.sd, fix="for a constant, pass the number itself")
        self._set_bounds(low, high)

    def _cdf(self, x: Any) -> Any:
        return _ndtr((np.asarray(x, float) - self.mean) / self.sd)

    def _quantile(self, u: Any) -> Any:
        return self.mean + self.sd * _ndtri(u)

    def __repr__(self) -> str:
        return f"Normal({self.mean:g}, sd {self.sd:g} {unit_name(self.dimension)}{_bounds(self)})"


class LogNormal(Distribution):
    """Log-normal given by the mean and standard deviation of the draws themselves (not of their logarithm).

    Args:
        mean: quantity or number, above 0.
        sd: of the same unit, above 0.
        low, high: bounds of the same unit; None: no bound.

    Raises:
        ModelError: a mean or standard deviation that is not positive, or bounds that leave almost nothing.
        UnitError: values of different units.
    """

    kind = "lognormal"

    def __init__(self, mean: Any, sd: Any, *, low: Any = None, high: Any = None):
        self.dimension = _dimension(mean, sd)
        self.mean = _number(mean, self.dimension, "LogNormal.mean")
        self.sd = _number(sd, self.dimension, "LogNormal.sd")
        if not (self.mean > 0 and self.sd > 0):
            raise ModelError("LogNormal: mean and sd must be positive", got=f"mean={self.mean}, sd={self.sd}")
        self.sigma = float(np.sqrt(np.log1p((self.sd / self.mean) ** 2)))
        self.mu = float(np.log(self.mean) - 0.5 * self.sigma**2)
        self._set_bounds(low, high)

    def _cdf(self, x: Any) -> Any:
        x = np.asarray(x, float)
        with np.errstate(divide="ignore"):
            return _ndtr((np.log(np.maximum(x, 0.0)) - self.mu) / self.sigma)

    def _quantile(self, u: Any) -> Any:
        return np.exp(self.mu + self.sigma * _ndtri(u))

    def __repr__(self) -> str:
        return f"LogNormal(mean {self.mean:g}, sd {self.sd:g} {unit_name(self.dimension)}{_bounds(self)})"


class Uniform(Distribution):
    """Uniform between `low` and `high`.

    Args:
        low, high: quantities or numbers of one unit, low below high.

    Raises:
        ModelError: `low` is not below `high`.
        UnitError: values of different units.
    """

    kind = "uniform"

    def __init__(self, low: Any, high: Any):
        self.dimension = _dimension(low, high)
        a, b = _number(low, self.dimension, "Uniform.low"), _number(high, self.dimension, "Uniform.high")
        if not a < b:
            raise ModelError("Uniform: low must be below high", got=f"low={a:g}, high={b:g}")
        self.low, self.high = a, b

    def _cdf(self, x: Any) -> Any:
        return np.clip((np.asarray(x, float) - self.low) / (self.high - self.low), 0.0, 1.0)

    def _quantile(self, u: Any) -> Any:
        return self.low + np.asarray(u, float) * (self.high - self.low)

    def __repr__(self) -> str:
        return f"Uniform({self.low:g}, {self.high:g} {unit_name(self.dimension)})"


# SciPy is imported at the first normal draw: it would double the time that `import neuropil` takes.
def _ndtr(x: Any) -> Any:
    from scipy import special

    return special.ndtr(x)


def _ndtri(u: Any) -> Any:
    from scipy import special

    return special.ndtri(u)


def _bounds(d: Distribution) -> str:
    if np.isinf(d.low) and np.isinf(d.high):
        return ""
    return f", within [{d.low:g}, {d.high:g}]"


def _dimension(*values: Any) -> Dimension:
    for v in values:
        if isinstance(v, Quantity) and not v.anything:
            return v.dimension
    return DIMENSIONLESS


def _number(value: Any, dimension: Dimension, where: str, finite: bool = True) -> float:
    value = magnitude(value, dimension, where)
    if isinstance(value, (bool, np.bool_, str, bytes, Quantity)):
        raise ModelError(f"{where} must be one number", got=value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ModelError(f"{where} must be one number", got=value) from None
    if np.isnan(number) or (finite and np.isinf(number)):
        raise ModelError(f"{where} is not finite", got=str(number), expected="a finite number")
    return number


def axes(value: Any) -> int:
    """Number of axes of a `value`: 0 for anything that is not an array, also for rows of unequal length."""
    try:
        return 0 if isinstance(value, Distribution) else np.ndim(value.value if isinstance(value, Quantity) else value)
    except ValueError:
        return 0


def real_array(raw: Any, complaint: str) -> np.ndarray:
    """The value as a float array. Text, truth values, complex numbers and dates are refused: NumPy would convert them.

    Args:
        raw: a number, a list or an array.
        complaint: the error message.

    Raises:
        ModelError: `raw` is not made of real numbers.
    """
    try:
        if raw is None or isinstance(raw, (dict, set, Quantity)):
            raise TypeError
        array = np.asarray(raw)
        if array.dtype.kind not in "iufO":
            raise TypeError
        return array.astype(float)
    except (TypeError, ValueError, OverflowError):
        raise ModelError(complaint, got=raw) from None


def checked_values(value: Any, dimension: Dimension, where: str, shape: tuple[int, ...]) -> float | np.ndarray | Distribution:
    """A parameter-like value in base units: a float, an array of exactly `shape`, or a distribution.

    Args:
        value: a quantity, a number, an array, a list or a `Distribution`.
        dimension: the dimension required.
        where: what the value is for; opens the error message.
        shape: of an array.

    Raises:
        UnitError: wrong dimension.
        ModelError: not a number, not finite, or of another shape.
    """
    if isinstance(value, Distribution):
        if value.dimension != dimension:
            raise ModelError(
                f"{where} has the wrong unit", got=unit_name(value.dimension), expected=unit_name(dimension)
            )
        return value
    raw = magnitude(value, dimension, where)
    array = real_array(raw, f"{where} must be a number, an array or a distribution")
    if not np.all(np.isfinite(array)):
        bad = int(np.argmax(~np.isfinite(array.ravel())))
        raise ModelError(f"{where} is not finite", got=f"{array.ravel()[bad]} at index {bad}", expected="finite numbers")
    if array.ndim == 0:
        return float(array)
    if array.shape != shape:
        raise ModelError(f"{where} has the wrong shape", got=array.shape, expected=f"{shape} (or one number for all)")
    array.setflags(write=False)  # a copy of what was given: descriptions share it and never change it
    return array
