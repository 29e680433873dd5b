"""Augmentation: samples that are changed at random in every epoch of a training, and never in an evaluation.

An augmentation is a function of the numbers of a sample and of random numbers that the seed, the epoch and the number of the sample determine; so
a training that resumes sees the same samples. It is applied before the encoder. One of your own is a subclass of `Augmentation` with `changed`.

Why to believe it: without any strength each gives the samples back; a shift by whole pixels moves the image; moments of noise are those asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from neuropil import rng
from neuropil.errors import ModelError

Values = NDArray[Any]


@dataclass(frozen=True)
class Augmentation:
    """Base of augmentations."""

    def check(self, values: np.ndarray) -> None:
        """Refuse samples that cannot be changed.

        Args:
            values: [samples, ...].

        Raises:
            ModelError: samples of another shape.
        """

    def changed(self, values: Values, key: rng.Key, samples: NDArray[np.int64]) -> Values:
        """The samples changed, of the same shape.

        Args:
            values: [samples, ...]: numbers as given, before an encoder; without one, events or currents in every step, [samples, steps, neurons].
            key: of random numbers, of this epoch; samples: int64[samples], their numbers in the data, the elements of draws.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class GaussianNoise(Augmentation):
    """Normal numbers are added.

    Args:
        std: standard deviation, in the unit of the numbers.

    Raises:
        ModelError: a negative one.
    """

    std: float = 0.1

    def __post_init__(self) -> None:
        _check_number(self.std, "GaussianNoise.std")

    def changed(self, values: Values, key: rng.Key, samples: NDArray[np.int64]) -> Values:
        """As of `Augmentation`."""
        return values + self.std * _drawn(rng.normal, key, samples, values.shape[1:])


@dataclass(frozen=True)
class InputDropout(Augmentation):
    """Each number is set to zero with a probability: features, or events of single neurons and steps.

    Args:
        chance: 0 to below 1.

    Raises:
        ModelError: another one.
    """

    chance: float = 0.1

    def __post_init__(self) -> None:
        _check_number(self.chance, "InputDropout.chance", below=1.0)

    def changed(self, values: Values, key: rng.Key, samples: NDArray[np.int64]) -> Values:
        """As of `Augmentation`."""
        return np.where(_drawn(rng.uniform, key, samples, values.shape[1:]) < self.chance, 0, values).astype(values.dtype)


@dataclass(frozen=True)
class TimeWarp(Augmentation):
    """Series are played slower or faster and shifted, by linear interpolation; before the begin and after the end the first and last values are held.

    The value at time t is that at  t / (1 + a) - b,  with a and b uniform between minus and plus the bounds.

    Args:
        stretch: largest a, 0 to below 1.
        shift: largest b, in entries of the series.

    Raises:
        ModelError: bounds that are negative or too large.
    """

    stretch: float = 0.1
    shift: float = 0.0

    def __post_init__(self) -> None:
        _check_number(self.stretch, "TimeWarp.stretch", below=1.0)
        _check_number(self.shift, "TimeWarp.shift")

    def check(self, values: np.ndarray) -> None:
        """As of `Augmentation`, for `values`."""
        if values.ndim != 3:
            raise ModelError("TimeWarp: samples need times and features", got=f"shape {values.shape}", expected="(samples, times, features)")

    def changed(self, values: Values, key: rng.Key, samples: NDArray[np.int64]) -> Values:
        """As of `Augmentation`."""
        a, b = (2.0 * rng.uniform(key, samples, np.full(len(samples), k)) - 1.0 for k in range(2))
        last = values.shape[1] - 1
        at = np.clip(np.arange(last + 1) / (1.0 + self.stretch * a[:, None]) - self.shift * b[:, None], 0, last)
        low = np.minimum(at.astype(int), max(last - 1, 0))
        part, row = (at - low)[..., None], np.arange(len(values))[:, None]
        return (1.0 - part) * values[row, low] + part * values[row, np.minimum(low + 1, last)]


@dataclass(frozen=True)
class Deformation(Augmentation):
    """Images are shifted, rotated, zoomed, sheared and warped, by bilinear interpolation; outside they are 0.

    Simard, Steinkraus & Platt (2003) ICDAR 958 for elastic deformations: displacements drawn for each pixel and smoothed.

    Args:
        shape: (height, width) of the image, which the features of a sample hold row by row; with several channels, channel by channel.
        shift: largest, pixels, along each axis.
        rotation: largest angle, degrees.
        zoom: largest change of size, 0 to below 1.
        shear: largest, as the tangent of the angle.
        elastic: root mean square of displacements, pixels.
        smoothness: standard deviation of the Gaussian that smooths them, pixels.

    Raises:
        ModelError: bounds that are negative or too large; a shape that is none.
    """

    shape: tuple[int, int]
    shift: float = 2.0
    rotation: float = 10.0
    zoom: float = 0.1
    shear: float = 0.0
    elastic: float = 0.0
    smoothness: float = 4.0

    def __post_init__(self) -> None:
        shape = self.shape
        if not (isinstance(shape, (tuple, list)) and len(shape) == 2 and all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n > 0 for n in shape)):
            raise ModelError("Deformation.shape must be (height, width) in pixels", got=shape)
        object.__setattr__(self, "shape", (int(shape[0]), int(shape[1])))
        for name in ("shift", "rotation", "shear", "elastic"):
            _check_number(getattr(self, name), f"Deformation.{name}")
        _check_number(self.zoom, "Deformation.zoom", below=1.0)
        _check_number(self.smoothness, "Deformation.smoothness")

    def check(self, values: np.ndarray) -> None:
        """As of `Augmentation`, for `values`."""
        if values.shape[1:][-2:] != self.shape and (values.ndim < 2 or values.shape[-1] % math.prod(self.shape)):
            raise ModelError("Deformation: samples are not images of this shape", got=f"samples of shape {values.shape[1:]}", expected=f"features: a multiple of {self.shape[0]} × {self.shape[1]}")

    def changed(self, values: Values, key: rng.Key, samples: NDArray[np.int64]) -> Values:
        """As of `Augmentation`."""
        count, (height, width) = len(values), self.shape
        images = np.asarray(values, np.float32).reshape(count, -1, height, width)
        y, x = self._places(key, samples)
        row, column = np.floor(y).astype(int), np.floor(x).astype(int)
        found = np.zeros_like(images)
        for down in (0, 1):
            for right in (0, 1):
                i, j = row + down, column + right
                share = (1.0 - np.abs(y - i)) * (1.0 - np.abs(x - j)) * ((i >= 0) & (i < height) & (j >= 0) & (j < width))
                at = (np.clip(i, 0, height - 1) * width + np.clip(j, 0, width - 1)).reshape(count, 1, -1)
                found += (np.take_along_axis(images.reshape(count, -1, height * width), at, axis=2) * share.reshape(count, 1, -1)).reshape(images.shape)
        return found.reshape(values.shape)

    def _places(self, key: rng.Key, samples: NDArray[np.int64]) -> tuple[Values, Values]:
        """Where in the image each pixel is taken from: rows and columns, [samples, height, width]."""
        height, width = self.shape
        down, right, turn, zoom, lean = (2.0 * rng.uniform(key, samples, np.full(len(samples), k))[:, None, None] - 1.0 for k in range(5))
        y, x = np.meshgrid(np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij")
        angle, size = np.radians(self.rotation) * turn, 1.0 + self.zoom * zoom
        cos, sin = np.cos(angle) / size, np.sin(angle) / size
        x = x + self.shear * lean * y
        rows, columns = cos * y - sin * x + self.shift * down, sin * y + cos * x + self.shift * right
        if self.elastic > 0:
            for k, place in enumerate((rows, columns)):
                field = gaussian_filter(_drawn(rng.normal, key, samples, self.shape, 5 + k), (0, self.smoothness, self.smoothness), mode="wrap")
                place += self.elastic * field / np.sqrt(np.mean(field**2, axis=(1, 2), keepdims=True))
        return rows + (height - 1) / 2, columns + (width - 1) / 2


def _drawn(draw: Any, key: rng.Key, samples: NDArray[np.int64], shape: tuple[int, ...], step: int = 0) -> Values:
    """A random number for each entry of each sample, [samples, *shape]."""
    n = math.prod(shape)
    made: Values = draw(key, samples[:, None] * n + np.arange(n), np.int64(step)).reshape(len(samples), *shape)
    return made


def _check_number(value: Any, what: str, below: float = np.inf) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0.0 <= value < below:
        raise ModelError(f"{what} must be a number from 0 on", got=value, expected=None if below == np.inf else f"below {below:g}")
