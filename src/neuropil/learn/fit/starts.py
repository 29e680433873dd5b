"""Several starts of a training: free numbers drawn between the bounds of what is trained, against local minima."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.learn.trainable import FreeParameters

Tree = dict[str, Any]


def check_starts(starts: Any) -> int:
    """A number of starts.

    Args:
        starts: as of `fit`.

    Raises:
        ModelError: not a whole number from 1 on.
    """
    if isinstance(starts, bool) or not isinstance(starts, (int, np.integer)) or starts < 1:
        raise ModelError("starts must be a whole number from 1 on", got=starts)
    return int(starts)


def drawn_starts(free: FreeParameters, count: int, seed: int) -> list[Tree]:
    """The free numbers at each start: first those of the description, then values drawn uniformly between the bounds, or where both are positive
    uniformly in their logarithm.

    Args:
        free: what is trained.
        count: how many starts.
        seed: of the draws.

    Raises:
        ModelError: several starts of something without two bounds.
    """
    found = [free.start]
    for k in range(1, count):
        made: Tree = {}
        for label, bound in free.bound.items():
            low, high = (np.broadcast_to(b, bound.start.shape) for b in (bound.interval.low, bound.interval.high))
            if not np.all(np.isfinite(low) & np.isfinite(high)) or bound.asked.bounds is None or None in bound.asked.bounds:
                raise ModelError(f"several starts are drawn between bounds, which {label} does not have", got=f"starts={count}", fix="npl.Trainable(owner, name, bounds=(low, high))")
            u = rng.uniform(rng.stream_key(seed, "fit", "start", label), np.arange(low.size), np.full(low.size, k)).reshape(low.shape)
            u = 0.01 + 0.98 * u  # strictly between the bounds
            positive = low > 0
            safe_low, safe_high = np.where(positive, low, 1.0), np.where(positive, high, 1.0)
            value = np.where(positive, safe_low * (safe_high / safe_low) ** u, low + (high - low) * u)
            made[label] = np.asarray(bound.interval.free(value, label)).astype(free.rollout.dtype)
        found.append(made)
    return found


def values_at(free: FreeParameters, at: Tree) -> dict[str, Any]:
    """The values that free numbers stand for, base units, in the types of JSON; of arrays their mean.

    Args:
        free: what is trained.
        at: free numbers.
    """
    with jax.enable_x64(free.rollout.precision == "float64"):
        return {label: float(np.mean(bound.values(at[label]))) for label, bound in free.bound.items()}
