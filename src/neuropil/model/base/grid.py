"""Times on the grid of time steps: the one rounding of every time in the package.

A time t stands at t / dt steps. Within 10⁻⁶ of a step (and within float error, which is more beyond 10⁹ steps) of a whole
number it is that number: 0.3 / 0.1 is not 3 in binary.

- A **described** time (a duration, a delay that is one number, the start and end of a stimulus, the times of events, intervals of
  probes and rows, a refractory period that is one number, ticks, response delays, rewirings, checkpoints) must stand on the grid: elsewhere
  it is an error that names the two neighbouring times.
- **Given data and drawn values**, of which that cannot be asked, take the nearest step, halves up: times of events and rows of values with
  ``grid="nearest"``, and arrays of delays and of refractory periods, whose largest shift a run's summary states (`neuropil.plan.rounding`);
  delays and refractory periods drawn from a distribution, and parameters that a modulator changes or a gradient trains.

The engine, the oracle and the rollout all call these functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import NetworkError, NeuropilError
from neuropil.units import Quantity

TOLERANCE = 1e-6
"""Of a step: nearer than this to a grid time is on it."""

DESCRIBED, NEAREST = "described", "nearest"
GRIDS = (DESCRIBED, NEAREST)
"""What the times of a stimulus are: described, hence on the grid, or data, each at the nearest grid time."""


def steps(time: Any, dt: float, what: str, *, least: int = 1, error: type[NeuropilError] = NetworkError) -> int:
    """A described time in steps.

    Args:
        time: a Quantity or ms; dt: ms.
        what: opens the error message.
        least: the fewest steps allowed.
        error: the class to raise.

    Raises:
        NeuropilError: of class `error`, if the time is not on the grid, not finite or too short.
    """
    return int(all_steps(time, dt, what, least=least, error=error)[0])


def all_steps(times: Any, dt: float, what: str, *, least: int = 1, error: type[NeuropilError] = NetworkError) -> NDArray[np.int64]:
    """Described times in steps: int64[times].

    Args:
        times: a quantity or ms, one or [times].
        dt: time step, ms.
        what, least, error: as of `steps`.

    Raises:
        NeuropilError: as of `steps`.
    """
    exact = _ratio(times, dt)
    if not np.all(np.isfinite(exact)):
        raise error(f"{what} must be finite", got=f"{exact[~np.isfinite(exact)][0] * dt:g} ms")
    whole = np.floor(exact + 0.5)
    off = np.abs(exact - whole) > _slack(exact)
    if np.any(off):
        value = float(exact[off][0])
        near = [f"{n * dt:.12g}" for n in (np.floor(value), np.floor(value) + 1) if n >= least]
        raise error(f"{what} is not a multiple of the time step", got=f"{value * dt:.12g} ms at dt = {dt:g} ms", fix=f"use {' or '.join(near)} ms")
    if np.any(whole < least):
        at_least = "at least one time step" if least == 1 else "not negative"
        raise error(f"{what} is too short", got=f"{whole[whole < least][0] * dt:.12g} ms", expected=f"{at_least}, dt = {dt:g} ms")
    return whole.astype(np.int64)


def fault(time: Any, dt: float, what: str, *, least: int = 1) -> list[NeuropilError]:
    """What `all_steps` would raise, as a list of at most one.

    Args:
        time: a quantity or ms, one or [times].
        dt: time step, ms.
        what, least: as of `steps`.
    """
    try:
        all_steps(time, dt, what, least=least)
    except NeuropilError as error:
        return [error]
    return []


def nearest(times: Any, dt: float) -> NDArray[np.int64]:
    """The nearest step of each of some `times` (a quantity or ms, any shape), with steps of `dt` (ms), halves up; same shape."""
    exact = np.asarray(_base(times), float) / dt
    return np.floor(exact + 0.5 + _slack(exact)).astype(np.int64)


def rows(k: NDArray[np.int64], interval: Any, dt: float, grid: str = DESCRIBED) -> NDArray[np.int64]:
    """The row of a table with one row per interval that holds in each step: row j from the grid time of j·interval on.

    Args:
        k: int64[n], steps.
        interval: duration of a row, a quantity or ms.
        dt: time step, ms.
        grid: "described": the interval is a multiple of dt; "nearest": each row begins at the nearest step.

    Returns:
        int64[n], the row of each step.
    """
    if grid == DESCRIBED:
        return k // steps(interval, dt, "an interval")
    every = float(_base(interval)) / dt  # at least one step
    before = np.floor(k / every).astype(np.int64)
    return before + (nearest((before + 1) * every, 1.0) <= k) - (nearest(before * every, 1.0) > k)


def _base(value: Any) -> Any:
    return value.value if isinstance(value, Quantity) else value


def _ratio(times: Any, dt: float) -> NDArray[np.float64]:
    return np.atleast_1d(np.asarray(_base(times), float) / dt)


def _slack(ratio: Any) -> Any:
    """The tolerance, and four units in the last place, to which a long time and the step are represented."""
    return np.maximum(TOLERANCE, 4.0 * np.finfo(float).eps * np.abs(ratio))
