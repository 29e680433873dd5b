"""Victor and Purpura's distance between spike trains: a score, which has no gradient that training could use.

The least cost of turning one train into the other: 1 to add or remove a spike, q|Δt| to move one. Victor & Purpura (1996) J. Neurophysiol.
76:1310. For q = 0 it is the difference of counts; for large q the number of spikes that do not coincide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from neuropil.errors import ModelError


def victor_purpura(one: ArrayLike, other: ArrayLike, q: float) -> float:
    """The distance of two spike trains.

    Args:
        one, other: times, ms, in any order.
        q: cost of moving a spike, 1/ms.

    Raises:
        ModelError: times that are not finite numbers, or a negative cost.
    """
    try:
        a, b = (np.sort(np.asarray(train, float)) for train in (one, other))
    except (TypeError, ValueError):
        raise ModelError("victor_purpura needs two arrays of times", got=(one, other)) from None
    if a.ndim != 1 or b.ndim != 1 or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        raise ModelError("victor_purpura needs two arrays of finite times", got=f"shapes {a.shape} and {b.shape}")
    if isinstance(q, bool) or not isinstance(q, (int, float)) or not 0.0 <= q < float("inf"):
        raise ModelError("victor_purpura: the cost q of moving a spike must be a number ≥ 0, 1/ms", got=q)
    row = np.arange(b.size + 1, dtype=float)
    for i, time in enumerate(a, start=1):
        # Best with the spike removed, or moved to one of the other train; then, along the row, with spikes added.
        best = np.concatenate([[float(i)], np.minimum(row[1:] + 1.0, row[:-1] + q * np.abs(b - time))])
        row = np.minimum.accumulate(best - np.arange(b.size + 1)) + np.arange(b.size + 1)
    return float(row[-1])
