"""What was moved onto the grid of time steps because it is data: the largest shift, and the events that met in one step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.model.base import grid
from neuropil.model.base.distribution import Distribution
from neuropil.model.network.network import Network
from neuropil.units import Quantity

Array = NDArray[np.float64]


def moved(network: Network, dt: float) -> dict[str, Any]:
    """By how much times were shifted to the grid, for the summary of a run with a time step of `dt` (ms).

    Returns:
        "time_shift_max_ms": the largest distance between a given time and the grid time it became (data, arrays of delays
        and of refractory periods); "events_merged": events of lists that share step and neuron with another one of the same
        stimulus, from which they differed before. (They are all delivered, in that step.)
    """
    shift, merged = 0.0, 0
    for times in [*_delays(network), *_refractory(network)]:
        shift = max(shift, _shift(times, dt))
    for drive in network.drives:
        times, both = drive.stimulus.moved(dt)
        shift, merged = max(shift, _shift(times, dt)), merged + both
    return {"time_shift_max_ms": shift, "events_merged": merged}


def _shift(times: Array, dt: float) -> float:
    """In ms; float error is none."""
    off = np.abs(times - np.maximum(grid.nearest(times, dt), times > 0) * dt).max(initial=0.0)
    return float(off) if off > grid.TOLERANCE * dt else 0.0


def _delays(network: Network) -> list[Array]:
    return [np.ravel(p.delay) for p in network.projections if isinstance(p.delay, np.ndarray) and p.delay.ndim]


def _refractory(network: Network) -> list[Array]:
    made = []
    for population in network.populations.values():
        for model in population.models.values():
            name = getattr(type(model), "refractory", None)
            value = getattr(model, name) if name is not None else None
            if isinstance(value, Quantity) and not isinstance(value.value, Distribution) and np.ndim(value.value):
                made.append(np.asarray(value.value, float))
    return made
