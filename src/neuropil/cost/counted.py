"""A number that counts what is done with it: operations as written, independent of JAX and of our lowering.

`Counted` behaves like a float; each operation is counted in a shared tally under the names of
`neuropil.lower.primitives`. A whole power counts as the multiplications of repeated squaring.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from neuropil.lower.primitives import PRIMITIVES


class Counted:
    """A float that counts in `tally` every operation it takes part in.

    Args:
        value: the number.
    """

    __slots__ = ("tally", "value")

    def __init__(self, value: float, tally: Counter[str]):
        self.value, self.tally = value, tally

    def _count(self, op: str, value: float, times: int = 1) -> Counted:
        self.tally[op] += times
        return Counted(value, self.tally)

    def __add__(self, other: Counted | float) -> Counted:
        return self._count("add", self.value + plain(other))

    __radd__ = __add__

    def __sub__(self, other: Counted | float) -> Counted:
        return self._count("sub", self.value - plain(other))

    def __rsub__(self, other: float) -> Counted:
        return self._count("sub", other - self.value)

    def __mul__(self, other: Counted | float) -> Counted:
        return self._count("mul", self.value * plain(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Counted | float) -> Counted:
        return self._count("div", self.value / plain(other))

    def __rtruediv__(self, other: float) -> Counted:
        return self._count("div", other / self.value)

    def __neg__(self) -> Counted:
        return self._count("neg", -self.value)

    def __pow__(self, exponent: Counted | float) -> Counted:
        value = self.value ** plain(exponent)
        if isinstance(exponent, int) and exponent > 0:
            return self._count("mul", value, exponent.bit_length() - 1 + exponent.bit_count() - 1)
        return self._count("pow", value)

    def exp(self) -> Counted:
        """e to this number."""
        return self._count("exp", math.exp(self.value))

    def maximum(self, other: Counted | float) -> Counted:
        """The larger of this number and the `other`."""
        return self._count("max", max(self.value, plain(other)))


def plain(x: Counted | float) -> float:
    """The value of x without its tally."""
    return x.value if isinstance(x, Counted) else x


class CountedMaths:
    """The functions that equations may use, on counted numbers."""

    @staticmethod
    def exp(x: Counted) -> Counted:
        """e to x."""
        return x.exp()

    @staticmethod
    def maximum(x: Counted, y: float) -> Counted:
        """The larger of x and y."""
        return x.maximum(y)


def count(function: Callable[..., Any], values: Iterable[float]) -> tuple[Counter[str], list[float]]:
    """Operations of `function(maths, *numbers)` at these values, and its results."""
    tally: Counter[str] = Counter()
    given = function(CountedMaths, *(Counted(v, tally) for v in values))
    results = given if isinstance(given, tuple) else (given,)
    return tally, [plain(r) for r in results]


def flops(operations: Counter[str], transcendental: float | None = None) -> float:
    """FLOPs of a tally: each operation by our table, or exponentials and powers at a flat price.

    Args:
        operations: how often each occurs.
        transcendental: price of an exponential or a power, FLOPs; None: that of our table.
    """
    price = {name: float(p.flops) for name, p in PRIMITIVES.items()}
    if transcendental is not None:
        price |= dict.fromkeys(("exp", "pow"), transcendental)
    return sum(price[op] * n for op, n in operations.items())
