"""Elementary functions on single Python floats, with the bits of NumPy's: what generated functions of one value call.

Arithmetic on Python floats is IEEE arithmetic, so such a function gives what NumPy gives, in a few microseconds and without
being compiled. What Python refuses (a division by zero, a root of a negative number) is an exception, and is left to NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil as _ceil
from math import floor as _floor
from math import isfinite, sqrt

import numpy as np

from neuropil.codegen.elementwise import MATH_FUNCTIONS
from neuropil.lower.primitives import PRIMITIVES

__all__ = ["ceil", "floor", "isfinite", "number", "sqrt", *MATH_FUNCTIONS]

number = float


def ceil(x: float) -> float:
    """The next whole number from x upwards."""
    return float(_ceil(x))


def floor(x: float) -> float:
    """The next whole number from x downwards."""
    return float(_floor(x))


def _of_numpy(name: str) -> Callable[..., float]:
    evaluate = PRIMITIVES[name].evaluate

    def function(*x: float) -> float:
        with np.errstate(all="ignore"):
            return float(evaluate(*x))

    return function


globals().update({name: _of_numpy(name) for name in MATH_FUNCTIONS})
