"""Times that are given as numbers or as quantities, and the units of traces as quantities."""

from __future__ import annotations

import math
from typing import Any

from neuropil.errors import ResultError, UnitError
from neuropil.units import GOhm, Quantity, magnitude, mM, ms, mV, nS, pA, pF, um

_WRITTEN = {q.unit: q for q in (ms, mV, pA, um, mM, pF, nS, GOhm, 1 / ms, mV / ms, pA / ms, Quantity(1.0))} | {"": Quantity(1.0)}
"""Units by their text: the base units, and those that are not written as products of them."""


def in_ms(value: Any, where: str) -> float:
    """A time as a number of milliseconds.

    Args:
        value: a quantity, or a number in ms.
        where: what the time is for; opens the error message.

    Raises:
        ResultError: not one time. UnitError: a quantity of another dimension.
    """
    number = magnitude(value, ms.dimension, where) if isinstance(value, Quantity) else value
    try:
        if isinstance(number, str) or math.isnan(found := float(number)):
            raise ValueError
    except (TypeError, ValueError):
        raise ResultError(f"{where} must be one time", got=repr(value), expected="a quantity such as 50 * ms, or a number in ms") from None
    return found


def unit_of(text: str) -> Quantity:
    """One of a unit.

    Args:
        text: as the unit of a trace is written: "mV", "nS", "pA·ms^2"; empty without one.

    Raises:
        UnitError: no such unit.
    """
    if text in _WRITTEN:
        return _WRITTEN[text]
    unit = Quantity(1.0)
    for factor in text.split("·"):
        base, _, power = factor.partition("^")
        try:
            unit = unit * _WRITTEN[base] ** int(power or 1)
        except (KeyError, ValueError):
            raise UnitError("this unit is not known", got=text, expected="a product of powers of ms, mV, pA, µm and mM, such as pA·ms^2") from None
    return unit
