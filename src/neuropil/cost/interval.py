"""A positive number with its range: arithmetic in which every result keeps the ends that its factors allow.

Products, quotients and sums of positive numbers are monotone in each operand, so the ends are exact as long as an
operand enters an expression once, or always in the same direction.
"""

from __future__ import annotations

from dataclasses import dataclass

from neuropil.errors import NeuropilError


@dataclass(frozen=True)
class Interval:
    """low <= value <= high, all at least zero; `value` is the best guess.

    Attributes:
        low, high: the ends.

    Raises:
        NeuropilError: ends in the wrong order, or below zero.
    """

    low: float
    value: float
    high: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.value <= self.high:
            raise NeuropilError("not an interval", got=(self.low, self.value, self.high), expected="0 <= low <= value <= high")

    @classmethod
    def exact(cls, value: float) -> Interval:
        """A value without a range."""
        return cls(value, value, value)

    @classmethod
    def of(cls, value: Interval | float) -> Interval:
        """An interval if the value is one, else a number without a range."""
        return value if isinstance(value, Interval) else cls.exact(float(value))

    def __add__(self, other: Interval | float) -> Interval:
        o = Interval.of(other)
        return Interval(self.low + o.low, self.value + o.value, self.high + o.high)

    __radd__ = __add__

    def __mul__(self, other: Interval | float) -> Interval:
        o = Interval.of(other)
        return Interval(self.low * o.low, self.value * o.value, self.high * o.high)

    __rmul__ = __mul__

    def __truediv__(self, other: Interval | float) -> Interval:
        o = Interval.of(other)
        return Interval(self.low / o.high, self.value / o.value, self.high / o.low)

    def __rtruediv__(self, other: float) -> Interval:
        return Interval.of(other) / self

    def __contains__(self, number: float) -> bool:
        return self.low <= number <= self.high

    def widest(self, other: Interval) -> Interval:
        """The larger of this interval and the `other`, end by end."""
        return Interval(max(self.low, other.low), max(self.value, other.value), max(self.high, other.high))

    def to_json(self) -> dict[str, float]:
        """low, value, high."""
        return {"low": self.low, "value": self.value, "high": self.high}
