"""What a caller may hand to a running simulation, checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.errors import SimulationError
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.units import Dimension


def path_of(path: Any, what: str) -> Path:
    """The path, checked.

    Args:
        path: text or a path.
        what: it is for; opens the error message.

    Raises:
        SimulationError: not a path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise SimulationError(f"{what} must be a path", got=path)
    return Path(path)


def flag(value: Any, what: str) -> bool:
    """A `value` that is True or False, checked: text would count as true, whatever it says.

    Args:
        what: it is for; opens the error message.

    Raises:
        SimulationError: neither.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise SimulationError(f"{what} must be True or False", got=value)
    return bool(value)


def byte_limit(limit: Any) -> float | None:
    """A limit in bytes, checked; None: no limit.

    Raises:
        SimulationError: not a positive number.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, float)) or not limit > 0):
        raise SimulationError("memory_limit must be a number of bytes", got=limit)
    return limit


def numbers(value: Any, dimension: Dimension, what: str, shape: tuple[int, ...]) -> Any:
    """A number or an array as float64 in base units, checked; distributions are refused.

    Args:
        value: a quantity, a number or an array.
        dimension: the dimension required.
        what: it is for; opens the error message.
        shape: of an array.

    Raises:
        SimulationError: a distribution.
        ModelError, UnitError: not finite numbers of this shape and unit.
    """
    checked = checked_values(value, dimension, what, shape)
    if isinstance(checked, Distribution):
        raise SimulationError(f"{what} must be a number or an array, not a distribution", got=value)
    return np.asarray(checked, float)


def thread_count(threads: Any) -> int:
    """The number of threads, checked; None: the cores of the machine.

    Raises:
        SimulationError: not a whole number from 1 to 256.
    """
    if threads is None:
        return cores()
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or not 1 <= threads <= 256:
        raise SimulationError("the number of threads must be a whole number from 1 to 256", got=threads)
    return int(threads)


def cores() -> int:
    """How many cores this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
