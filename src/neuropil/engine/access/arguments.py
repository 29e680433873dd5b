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
    if not isinstance(path, (str, os.PathLike)):
        raise SimulationError(f"{what} must be a path", got=path)
    return Path(path)


def flag(value: Any, what: str) -> bool:
    """True or False; text would count as true, whatever it says."""
    if not isinstance(value, (bool, np.bool_)):
        raise SimulationError(f"{what} must be True or False", got=value)
    return bool(value)


def byte_limit(limit: Any) -> float | None:
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, float)) or not limit > 0):
        raise SimulationError("memory_limit must be a number of bytes", got=limit)
    return limit


def numbers(value: Any, dimension: Dimension, what: str, shape: tuple[int, ...]) -> Any:
    """A number or an array, checked; a distribution has no place at run time."""
    checked = checked_values(value, dimension, what, shape)
    if isinstance(checked, Distribution):
        raise SimulationError(f"{what} must be a number or an array, not a distribution", got=value)
    return np.asarray(checked, float)


def thread_count(threads: Any) -> int:
    if threads is None:
        return cores()
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or not 1 <= threads <= 256:
        raise SimulationError("the number of threads must be a whole number from 1 to 256", got=threads)
    return int(threads)


def cores() -> int:
    """How many cores this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
