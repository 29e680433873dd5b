"""Surrogate gradients: a spike is a step forward and a smooth bump backward.

The derivative of a step is zero almost everywhere and says nothing about how to move a threshold crossing. Training
replaces it, in the backward pass alone, by

    dS/dx = height · shape(x / width),

where x is the distance to threshold in units of the way from rest to threshold (`Rollout(scale=)` gives another unit), positive
above it. `width` is in the same unit: a triangle of width 0.5 ends half of the way to rest, and a neuron that stays farther away has no gradient. Every shape has its peak, 1, at threshold, so that changing the shape does not change the size of gradients;
`height` dampens them. Neftci, Mostafa & Zenke (2019) IEEE Signal Process. Mag. 36(6):51 is the review.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from neuropil.errors import ModelError, did_you_mean


def superspike(z: Any) -> Any:
    """1 / (1 + |z|)²: Zenke & Ganguli (2018) Neural Comput. 30:1514; their beta is 1 / width. Heavy tails."""
    return 1.0 / (1.0 + jnp.abs(z)) ** 2


def sigmoid(z: Any) -> Any:
    """4 σ(z) (1 - σ(z)), the slope of a logistic function: Zenke & Vogels (2021) Neural Comput. 33:899."""
    s = jax.nn.sigmoid(z)
    return 4.0 * s * (1.0 - s)


def triangle(z: Any) -> Any:
    """max(0, 1 - |z|): Esser et al. (2016) PNAS 113:11441; Bellec et al. (2018) NeurIPS 31:787, with height 0.3."""
    return jnp.maximum(0.0, 1.0 - jnp.abs(z))


def arctan(z: Any) -> Any:
    """1 / (1 + (π z / 2)²): Fang et al. (2021) ICCV 2641; their alpha is 1 / width, and their height alpha / 2."""
    return 1.0 / (1.0 + (0.5 * jnp.pi * z) ** 2)


def gaussian(z: Any) -> Any:
    """exp(-z² / 2) at a distance z to threshold: Yin, Corradi & Bohté (2021) Nat. Mach. Intell. 3:905."""
    return jnp.exp(-0.5 * z**2)


def rectangle(z: Any) -> Any:
    """1 where |z| < 1/2, else 0: Wu, Deng, Li, Zhu & Shi (2018) Front. Neurosci. 12:331; their a is the width."""
    return jnp.where(jnp.abs(z) < 0.5, 1.0, 0.0)


SHAPES: dict[str, tuple[Callable[[Any], Any], float]] = {
    "superspike": (superspike, 0.1),
    "sigmoid": (sigmoid, 0.1),
    "triangle": (triangle, 10 / 9),
    "arctan": (arctan, 0.5),
    "gaussian": (gaussian, 0.5),
    "rectangle": (rectangle, 20 / 9),
}
"""Shapes by name, each with the width it has when none is given: the usual one of its paper; those that end do so a ninth of the way beyond rest, so that a neuron at rest
has a gradient."""

ENDS: dict[str, float] = {"triangle": 1.0, "rectangle": 0.5}
"""Where shapes end, in widths; the others have no end."""


@dataclass(frozen=True)
class Surrogate:
    """A shape with its width and height.

    Attributes:
        shape: a name in `SHAPES`.
        width: in units of the way from rest to threshold.
        height: the derivative at threshold.
    """

    shape: str
    width: float
    height: float = 1.0

    @property
    def reach(self) -> float:
        """The scaled distance to threshold beyond which the slope is zero."""
        return ENDS.get(self.shape, float("inf")) * self.width

    def slope(self, x: Any) -> Any:
        """The derivative that stands in for that of the step; same shape as `x`, the scaled distance to threshold."""
        return self.height * SHAPES[self.shape][0](x / self.width)

    def spike(self, fired: Any, x: Any) -> Any:
        """`fired` (truth values) as numbers of the type of `x`, with `slope(x)` as the derivative by `x`."""
        return _spike(self, x, fired)


def surrogate(shape: str | Surrogate, *, width: float | None = None, height: float = 1.0) -> Surrogate:
    """The surrogate of this name.

    Args:
        shape: name of a shape, one of `SHAPES`; a `Surrogate` is returned as it is.
        width: distance, in units of the way from rest to threshold, over which the slope falls; None: that of `SHAPES`.
        height: slope at threshold.

    Raises:
        ModelError: an unknown shape, or a width or height that is not positive.
    """
    if isinstance(shape, Surrogate):
        return shape
    if shape not in SHAPES:
        raise ModelError("unknown surrogate gradient", got=shape, fix=did_you_mean(shape, SHAPES))
    width = SHAPES[shape][1] if width is None else width
    if not (width > 0 and height > 0):
        raise ModelError("a surrogate needs a positive width and height", got=f"width={width}, height={height}")
    return Surrogate(shape, float(width), float(height))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _spike(shape: Surrogate, x: Any, fired: Any) -> Any:
    return fired.astype(x.dtype)


@_spike.defjvp
def _spike_jvp(shape: Surrogate, primals: Any, tangents: Any) -> Any:
    x, fired = primals
    return fired.astype(x.dtype), shape.slope(x) * tangents[0]
