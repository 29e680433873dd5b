"""The functions that model equations may call: they check dimensions and work on NumPy and on JAX alike.

The oracle runs a model on NumPy arrays, tracing runs the same source on JAX tracers; which of the two is decided by
the value, so a model file is written once and imports neither.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from neuropil.errors import UnitError
from neuropil.units import Quantity, _is_zero

__all__ = [
    "absolute",
    "clip",
    "cos",
    "exp",
    "expm1",
    "exprel",
    "linoid",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "maximum",
    "minimum",
    "sigmoid",
    "sin",
    "softplus",
    "sqrt",
    "tanh",
    "where",
]  # fmt: skip


def _library(*values: Any) -> Any:
    """jax.numpy when any of the values is JAX's, else NumPy; JAX is never imported here for its own sake."""
    jax = sys.modules.get("jax")
    if jax is not None and any(isinstance(v, jax.Array) for v in values):
        return jax.numpy
    return np


def _bare(value: Any, function: str) -> Any:
    if isinstance(value, Quantity):
        value.require_dimensionless(f"the argument of {function}()")
        return value.value
    return value


def _unary(name: str, x: Any) -> Quantity:
    x = _bare(x, name)
    return Quantity(getattr(_library(x), name)(x))


def exp(x: Any) -> Quantity:
    """e to the power x; x dimensionless."""
    return _unary("exp", x)


def expm1(x: Any) -> Quantity:
    """exp(x) - 1, accurate near zero; x dimensionless."""
    return _unary("expm1", x)


def log(x: Any) -> Quantity:
    """Natural logarithm; x dimensionless."""
    return _unary("log", x)


def log1p(x: Any) -> Quantity:
    """log(1 + x), accurate near zero; x dimensionless."""
    return _unary("log1p", x)


def tanh(x: Any) -> Quantity:
    """Hyperbolic tangent; x dimensionless."""
    return _unary("tanh", x)


def sin(x: Any) -> Quantity:
    """Sine of x in radians; x dimensionless."""
    return _unary("sin", x)


def cos(x: Any) -> Quantity:
    """Cosine of x in radians; x dimensionless."""
    return _unary("cos", x)


def sigmoid(x: Any) -> Quantity:
    """1 / (1 + exp(-x)); x dimensionless. Written with tanh, which cannot overflow."""
    return 0.5 * (1.0 + tanh(0.5 * x))


def softplus(x: Any) -> Quantity:
    """log(1 + exp(x)) without overflow; x dimensionless."""
    return maximum(x, 0.0) + log1p(exp(-absolute(x)))


def exprel(x: Any) -> Quantity:
    """(exp(x) - 1) / x, continued through 1 at x = 0: the removable singularity of Hodgkin-Huxley rates; x dimensionless."""
    x = _bare(x, "exprel")
    np_ = _library(x)
    small = abs(x) < 1e-5
    safe = np_.where(small, 1.0, x)
    return Quantity(np_.where(small, 1.0 + 0.5 * x, np_.expm1(safe) / safe))


def linoid(x: Any) -> Quantity:
    """x / (exp(x) - 1), continued through 1 at x = 0: the same for rates that have it in the numerator, in one division; x dimensionless."""
    x = _bare(x, "linoid")
    np_ = _library(x)
    small = abs(x) < 1e-3  # the series errs by x⁴/720 there; beyond, exp(x) - 1 would do for expm1 as well
    return Quantity(np_.where(small, 1.0 - 0.5 * x + x * x / 12.0, x / np_.where(small, 1.0, np_.expm1(x))))


def sqrt(x: Any) -> Quantity:
    """Square root of x, a number or a quantity whose unit has even powers.

    Raises:
        UnitError: the unit is not a square.
    """
    if not isinstance(x, Quantity):
        return Quantity(_library(x).sqrt(x))
    if any(e % 2 for e in x.dimension):
        raise UnitError("sqrt() of a unit that is not a square", got=x.unit)
    return Quantity(_library(x.value).sqrt(x.value), tuple(e // 2 for e in x.dimension))  # type: ignore[arg-type]


def absolute(x: Any) -> Quantity:
    """Absolute value of x; the unit is kept."""
    x = x if isinstance(x, Quantity) else Quantity(x)
    return Quantity(_library(x.value).abs(x.value), x.dimension)


def _binary(name: str, a: Any, b: Any) -> Quantity:
    a, b, dimension = _agree(a, b, name)
    return Quantity(getattr(_library(a, b), name)(a, b), dimension)


def _agree(a: Any, b: Any, function: str) -> tuple[Any, Any, Any]:
    a = a if isinstance(a, Quantity) else Quantity(a)
    b = b if isinstance(b, Quantity) else Quantity(b)
    if a.dimension != b.dimension and not _is_zero(a.value) and not _is_zero(b.value):
        raise UnitError(f"the arguments of {function}() have different units", got=f"{a.unit} and {b.unit}")
    dimension = b.dimension if _is_zero(a.value) else a.dimension
    return a.value, b.value, dimension


def minimum(a: Any, b: Any) -> Quantity:
    """The smaller of a and b, quantities of one unit, element by element."""
    return _binary("minimum", a, b)


def maximum(a: Any, b: Any) -> Quantity:
    """The larger of a and b, quantities of one unit, element by element."""
    return _binary("maximum", a, b)


def clip(x: Any, low: Any, high: Any) -> Quantity:
    """`x` limited to [`low`, `high`]; all three of one unit."""
    return minimum(maximum(x, low), high)


def where(condition: Any, a: Any, b: Any) -> Quantity:
    """`a` where `condition` (a boolean, or an array of them) holds, else `b`; `a` and `b` of one unit."""
    condition = condition.value if isinstance(condition, Quantity) else condition
    a, b, dimension = _agree(a, b, "where")
    return Quantity(_library(condition, a, b).where(condition, a, b), dimension)


def logical_and(a: Any, b: Any) -> Any:
    """Both conditions hold. (`a and b` cannot be traced.)"""
    return _library(a, b).logical_and(a, b)


def logical_or(a: Any, b: Any) -> Any:
    """At least one condition holds. (`a or b` cannot be traced.)"""
    return _library(a, b).logical_or(a, b)


def logical_not(a: Any) -> Any:
    """Where the condition a does not hold."""
    return _library(a).logical_not(a)
