"""Numbers without bounds, and the values within bounds that they stand for: smooth both ways, of slope `scale` well inside.

    no bound        value = scale · free
    one bound       value = low + scale · g(free), or high - scale · g(-free), g(f) = c · log(1 + exp(f / c)), c = 1/10
    two bounds      value = low + (high - low) · σ(4 · scale · free / (high - low))

An optimiser steps through free numbers of about 1: a rate of learning of 0.01 moves a value by about a hundredth of its scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ModelError

SHARPNESS = 0.1
"""How far from a bound, in scales, g bends."""


@dataclass(frozen=True)
class Interval:
    """Bounds of each of some values.

    Attributes:
        low, high: of the values' shape or (), base units; infinite where there is none.
        scale: what a free number of 1 is, base units.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    scale: float

    def value(self, free: Any) -> Any:
        """The values that free numbers stand for.

        Args:
            free: of any shape that `low` and `high` broadcast to.
        """
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        low, high = np.where(below, self.low, 0.0).astype(free.dtype), np.where(above, self.high, 0.0).astype(free.dtype)
        span = np.where(below & above, high - low, 1.0).astype(free.dtype)
        inside = low + span * jax.nn.sigmoid(4.0 * self.scale * free / span)
        upward, downward = low + self.scale * _bent(free), high - self.scale * _bent(-free)
        return jnp.where(below & above, inside, jnp.where(below, upward, jnp.where(above, downward, self.scale * free)))

    def free(self, value: NDArray[np.float64], what: str) -> NDArray[np.float64]:
        """The free numbers that stand for values.

        Args:
            value: base units.
            what: the values are of; opens the error message.

        Raises:
            ModelError: a value on a bound or beyond it.
        """
        bad = (value <= self.low) | (value >= self.high)
        if bad.any():
            at = int(np.argmax(bad))
            least, most = (float(np.broadcast_to(b, value.shape).ravel()[at]) for b in (self.low, self.high))
            raise ModelError(
                f"{what} must start strictly within its bounds", got=f"{value.ravel()[at]:g} (value {at})", expected=f"above {least:g} and below {most:g}, in base units",
                fix="start elsewhere, give other bounds, or leave out a synapse whose weight is zero",
            )  # fmt: skip
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        low, high = np.where(below, self.low, 0.0), np.where(above, self.high, 0.0)
        span = np.where(below & above, high - low, 1.0)
        share = np.where(below & above, (value - low) / span, 0.5)
        inside = np.log(share / (1.0 - share)) * span / (4.0 * self.scale)
        upward = _unbent(np.where(below, value - low, 1.0) / self.scale)
        downward = -_unbent(np.where(above, high - value, 1.0) / self.scale)
        return np.where(below & above, inside, np.where(below, upward, np.where(above, downward, value / self.scale)))


def _bent(free: Any) -> Any:
    return SHARPNESS * jax.nn.softplus(free / SHARPNESS)


def _unbent(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return value + SHARPNESS * np.log(-np.expm1(-value / SHARPNESS))


def rounded(value: Any, bits: int, interval: Interval) -> Any:
    """Values on 2^bits levels from bound to bound, or without bounds on 2^bits - 1 levels from -m to m, m the largest magnitude.

    The gradient passes as if nothing were rounded (straight-through: Bengio, Léonard & Courville 2013, arXiv:1308.3432).

    Args:
        value: base units.
        bits: at least 2 without bounds, else 1.
        interval: their bounds; both or none.
    """
    fixed = jax.lax.stop_gradient(value)
    if np.all(np.isfinite(interval.low) & np.isfinite(interval.high)):
        step = ((interval.high - interval.low) / (2**bits - 1)).astype(fixed.dtype)
        level = interval.low.astype(fixed.dtype) + step * jnp.round((fixed - interval.low.astype(fixed.dtype)) / step)
    else:
        largest = jnp.max(jnp.abs(fixed), initial=0.0)
        step = jnp.where(largest > 0, largest, 1.0) / (2 ** (bits - 1) - 1)
        level = step * jnp.round(fixed / step)
    return value + jax.lax.stop_gradient(level - value)
