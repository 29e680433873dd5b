"""Checks that stimuli share: of amplitudes, rates, times and tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import ModelError, NetworkError, NeuropilError
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.base.grid import DESCRIBED, GRIDS, NEAREST, TOLERANCE, fault
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, magnitude, ms

RECORDED = f'grid="{NEAREST}" for recorded times: each becomes the nearest grid time, from dt on'


def base(value: Any) -> Any:
    """The magnitude in base units of a `value` that is a quantity; what is none, as it is."""
    return value.value if isinstance(value, Quantity) else value


def dimension_of(value: Any) -> Dimension:
    """The dimension of a quantity or distribution; of any other `value` that of a number."""
    return value.dimension if isinstance(value, (Quantity, Distribution)) else DIMENSIONLESS


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a `value`; () of rows of unequal length."""
    try:
        return np.shape(base(value))
    except ValueError:
        return ()


def numbers(value: Any, where: str, axes: int) -> Any:
    """A value with its unit taken away, as `checked_values` gives it, whatever the unit.

    Args:
        value: a quantity, a number, an array or a `Distribution`.
        where: what it is for; opens the error message.
        axes: the most that an array may have.

    Raises:
        ModelError: no finite numbers, or too many axes.
    """
    return checked_values(value, dimension_of(value), where, shape_of(value)[:axes])


def non_negative(value: Any, dimension: Dimension, where: str, axes: int = 0) -> Any:
    """The value in base units, after checking that it is not negative.

    Args:
        value: a quantity, a number, an array or a `Distribution`.
        dimension: that it must have.
        where: what it is for; opens the error message.
        axes: the most that an array may have.

    Raises:
        ModelError: a negative value, no finite numbers, or too many axes.
        UnitError: another dimension.
    """
    checked = checked_values(value, dimension, where, shape_of(value)[:axes])
    if isinstance(checked, Distribution):
        if checked.quantile(1e-12) < 0:
            raise ModelError(f"{where} must not be negative", got=checked, fix="truncate it: low=0")
    elif np.any(np.asarray(checked) < 0):
        raise ModelError(f"{where} must not be negative", got=float(np.min(checked)))
    return checked


def check_grid(value: Any, where: str) -> None:
    """Refuse a `value` of `grid` that does not exist.

    Args:
        where: name of the stimulus.

    Raises:
        ModelError: neither "described" nor "nearest".
    """
    if not isinstance(value, str) or value not in GRIDS:
        raise ModelError(f'{where}.grid: "{DESCRIBED}" times are multiples of the time step, "{NEAREST}" ones are moved there', got=value)


def moment(value: Any, where: str) -> float:
    """One time that is not negative, ms.

    Args:
        value: a quantity.
        where: what it is for; opens the error message.

    Raises:
        ModelError, UnitError: it is something else.
    """
    checked = non_negative(value, ms.dimension, where)
    if isinstance(checked, Distribution):
        raise ModelError(f"{where} must be one time", got=value)
    return float(checked)


def positive_time(value: Any, where: str) -> None:
    """Refuse what is not one positive time.

    Args:
        value: a quantity.
        where: what it is for; opens the error message.

    Raises:
        ModelError, UnitError: it is something else.
    """
    checked = checked_values(value, ms.dimension, where, ())
    if isinstance(checked, Distribution) or not checked > 0:
        raise ModelError(f"{where} must be a positive time", got=value)


def check_rows(value: Any, where: str) -> None:
    """Refuse a table that is neither [times] nor [times, neurons].

    Args:
        value: a quantity or an array.
        where: what it is for; opens the error message.

    Raises:
        ModelError: it has another shape.
    """
    shape = shape_of(value)
    if len(shape) not in (1, 2) or 0 in shape:
        raise ModelError(f"{where} must be an array [times] or [times, neurons]", got=f"shape {shape}")


def check_columns(table: Any, size: int, label: str) -> None:
    """Refuse a table [times, neurons] that has not one column for each neuron.

    Args:
        table: a quantity or an array.
        size: number of neurons.
        label: of the stimulus; opens the error message.

    Raises:
        NetworkError: another number of columns.
    """
    shape = shape_of(table)
    if len(shape) == 2 and shape[1] != size:
        raise NetworkError(f"{label}: one column per neuron is needed", got=f"shape {shape}", expected=f"(times, {size})")


def row_faults(interval: Any, grid: str, dt: float, label: str) -> list[NeuropilError]:
    """What is wrong with the duration of a table's rows: it is no multiple of the time step, or shorter than it.

    Args:
        interval: a time.
        grid: "described" or "nearest".
        dt: time step, ms.
        label: of the stimulus; opens the error message.
    """
    length = float(magnitude(interval, ms.dimension, label))
    if grid != NEAREST:
        return fault(length, dt, f"{label}: interval")
    if length >= dt * (1 - TOLERANCE):
        return []
    return [NetworkError(f"{label}: its rows are shorter than the time step", got=f"{length:g} ms at dt = {dt:g} ms", fix="average them, or choose a smaller dt")]


def early(times: Any, dt: float, label: str, *, data: bool = False, fix: str | None = None) -> list[NeuropilError]:
    """What is wrong with events that come before the first step ends.

    Args:
        times: of events, ms.
        dt: time step, ms.
        label: of the stimulus; opens the error message.
        data: times that become the nearest grid time; they need only be after 0.
        fix: what to do about it, where the times are after 0.
    """
    if not np.size(times) or (np.min(times) > 0 if data else np.min(times) >= dt * (1 - TOLERANCE)):
        return []
    expected, remedy = f"times from dt = {dt:g} ms on (an event arrives at the end of a step)", fix if np.min(times) > 0 else None
    return [NetworkError(f"{label}: an event comes before the first step ends", got=f"{np.min(times):g} ms", expected=expected, fix=remedy)]
