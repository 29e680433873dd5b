"""Images as spikes of cells with an orientation, as of the primary visual cortex.

    g    = gradient of the image, smoothed by a Gaussian of standard deviation `scale`
    s_k  = |g| · max(0, cos(angle of g - 2 π k / n))^sharpness                   simple cells of n directions (of an edge and its polarity)
    c_k  = s_k summed with a Gaussian of half of `spacing`, at every `spacing`th pixel      complex cells: the place counts less
    x    = c / max of c over all cells                                            normalisation by what the others respond

Hubel & Wiesel (1962) J. Physiol. 160:106; Heeger (1992) Vis. Neurosci. 9:181 for the normalisation; Dalal & Triggs (2005) CVPR 886 for what such features are worth to a classifier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.learn.checks import whole_number
from neuropil.learn.data.encoders import Events, RateEncoder, Values


@dataclass(frozen=True)
class OrientationEncoder(RateEncoder):
    """Cells with an orientation on a grid over an image, spiking at the rate of their response; they are fixed, what learns stands behind them.

    Args:
        duration, low, high, amplitude, rate, regular, steady: as of `RateEncoder`; the rate is that of the cell that responds most.
        shape: (height, width) of the image, which the features of a sample hold row by row.
        directions: of the gradient, all around.
        scale: pixels, of the smoothing before the gradient.
        spacing: pixels, of the cells.
        sharpness: exponent of the tuning.

    Raises:
        ModelError: a shape that is none; numbers that are not positive.
    """

    shape: tuple[int, int] = (28, 28)
    directions: int = 8
    scale: float = 0.7
    spacing: int = 4
    sharpness: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.shape, (tuple, list)) or len(self.shape) != 2:
            raise ModelError("OrientationEncoder.shape must be (height, width) in pixels", got=self.shape)
        object.__setattr__(self, "shape", tuple(whole_number(n, "OrientationEncoder.shape", 2) for n in self.shape))
        whole_number(self.directions, "OrientationEncoder.directions", 2)
        whole_number(self.spacing, "OrientationEncoder.spacing", 1)
        for name in ("scale", "sharpness"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < float("inf"):
                raise ModelError(f"OrientationEncoder.{name} must be a positive number", got=value)

    @property
    def grid(self) -> tuple[int, int]:
        """Cells of a direction: (rows, columns)."""
        first = self.spacing // 2
        rows, columns = (len(range(first, n, self.spacing)) for n in self.shape)
        return rows, columns

    def neurons(self, shape: tuple[int, ...]) -> int:
        """As of `Encoder`: directions, of each the grid row by row, for the `shape` of a sample."""
        return self.directions * math.prod(self.grid)

    def check(self, values: np.ndarray) -> None:
        """As of `Encoder`, for `values`."""
        super().check(values)
        if values.shape[1:] not in ((math.prod(self.shape),), self.shape, (1, *self.shape)):
            raise ModelError("OrientationEncoder: samples are not images of this shape", got=f"samples of shape {values.shape[1:]}", expected=f"{self.shape[0]} × {self.shape[1]} features")

    def responses(self, values: Values) -> Values:
        """Responses of the cells relative to the largest, 0 to 1: [samples, cells] for `values` [samples, ...]."""
        image = gaussian_filter(self._within(values).astype(np.float32).reshape(-1, *self.shape), (0, self.scale, self.scale))
        down, right = np.gradient(image, axis=1), np.gradient(image, axis=2)
        by_row, by_column = (self._pools(n) for n in self.shape)
        size = np.hypot(down, right)
        divided = np.where(size > 0, size, np.float32(1.0))
        found = []
        for k in range(self.directions):
            angle = 2.0 * np.pi * k / self.directions
            along = np.maximum(np.float32(np.cos(angle)) * right + np.float32(np.sin(angle)) * down, np.float32(0.0))
            found.append(by_row @ (_power(along / divided, self.sharpness) * size) @ by_column.T)  # a power of the cosine: that of a small gradient would be 0
        made = np.stack(found, axis=1).reshape(len(values), -1)
        largest = made.max(axis=1, keepdims=True)
        return made / np.where(largest > 0, largest, 1.0)

    def _pools(self, pixels: int) -> Values:
        """Weights of the pixels along an axis for each cell along it, [cells, pixels]."""
        centre = np.arange(self.spacing // 2, pixels, self.spacing)
        away = (np.arange(pixels) - centre[:, None]) / (0.5 * self.spacing)
        made: Values = np.exp(-0.5 * away**2, dtype=np.float32)
        return made

    def encode(self, values: Values, dt: float, key: rng.Key, samples: NDArray[np.int64]) -> Events:
        """As of `Encoder`."""
        return self.at_rates(self.responses(values), dt, key, samples)


def _power(x: Values, exponent: float) -> Values:
    """x to a power, by multiplication where it is a small whole number, which is ten times as fast."""
    whole = int(exponent)
    if whole != exponent or not 1 <= whole <= 4:
        made: Values = x ** np.float32(exponent)
        return made
    made = x
    for _ in range(whole - 1):
        made = made * x
    return made
