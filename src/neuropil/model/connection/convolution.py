"""Convolution and pooling: shared weights on a grid of any number of axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.model.connection.matrix import as_weights, values_of
from neuropil.model.connection.rule import Indices
from neuropil.model.connection.shared import SharedWeights

Axes = tuple[int, ...]
Margins = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Window:
    """Which source position a target position sees through each element of a window that moves over a grid.

    Attributes:
        size: positions of the source along each axis; window: of the window.
        stride: by how many positions it moves; padding: positions of nothing before and after the source; dilation: between its elements.
    """

    size: Axes
    window: Axes
    stride: Axes
    padding: Margins
    dilation: Axes

    @classmethod
    def of(cls, size: Axes, window: Axes, stride: Any, padding: Any, dilation: Any, where: str) -> Window:
        """Numbers for all axes, or one for each.

        Args:
            size, window: along each axis.
            stride, padding, dilation: as of `Convolution`.
            where: opens the error messages.

        Raises:
            ModelError: not whole numbers, too many of them, or a window beyond the source.
        """
        n = len(size)
        steps, holes = _axes(stride, n, 1, f"{where}: stride"), _axes(dilation, n, 1, f"{where}: dilation")
        if isinstance(padding, str):
            if padding != "same" or any(s != 1 for s in steps):
                raise ModelError(f"{where}: padding is a number, or 'same' with a stride of 1", got=f"padding={padding!r}, stride={steps}", fix="give whole numbers")
            margins = tuple(((w - 1) * d // 2, (w - 1) * d - (w - 1) * d // 2) for w, d in zip(window, holes, strict=True))
        elif isinstance(padding, (Sequence, np.ndarray)) and any(np.ndim(p) for p in padding):
            both = [_axes(pair, 2, 0, f"{where}: padding") for pair in padding]
            if len(both) != n:
                raise ModelError(f"{where}: padding has the wrong length", got=padding, expected=f"a pair (before, after) for each of {n} axes")
            margins = tuple((a, b) for a, b in both)
        else:
            margins = tuple((p, p) for p in _axes(padding, n, 0, f"{where}: padding"))
        made = cls(size, window, steps, margins, holes)
        if min(made.seen) < 1:
            raise ModelError(f"{where}: the window does not fit the source", got=f"window {window}, dilation {holes}", expected=f"within {size} with padding {margins}", fix="a smaller window, or more padding")
        return made

    @property
    def seen(self) -> Axes:
        """Positions of the target along each axis."""
        every = zip(self.size, self.window, self.stride, self.padding, self.dilation, strict=True)
        return tuple((s + a + b - d * (w - 1) - 1) // step + 1 for s, w, step, (a, b), d in every)

    def reach(self) -> Indices:
        """As of `SharedWeights.reach`."""
        return _reach(self)


@lru_cache(maxsize=64)
def _reach(window: Window) -> Indices:
    n = len(window.size)
    tap, index = np.indices(window.window).reshape(n, -1, 1), np.indices(window.seen).reshape(n, 1, -1)
    step, hole, before, size = (np.array(v).reshape(n, 1, 1) for v in (window.stride, window.dilation, [a for a, _ in window.padding], window.size))
    at = index * step - before + tap * hole
    inside = np.all((at >= 0) & (at < size), axis=0)
    found = np.where(inside, np.ravel_multi_index(tuple(np.clip(at, 0, size - 1)), window.size), -1).astype(np.int64)
    found.setflags(write=False)
    return found


@dataclass(frozen=True, eq=False)
class Convolution(SharedWeights):
    """A convolution (in the sense of machine learning: a cross-correlation) of channels on a line, a plane or a grid of more axes.

        w[(c, s), (o, t)] = kernel[o, c, k]   with   s = stride · t - padding + dilation · k

    The neurons of a population lie channel by channel, in each channel row by row, so that `values.reshape(channels, height, width)` is what
    it shows. Equals `torch.nn.Conv1d`, `Conv2d` without bias.

    Args:
        kernel: [target channels, source channels / groups, size along each axis], with the unit of the weights.
        source_shape: of the source: (channels, size along each axis).
        stride, dilation: a whole number, or one for each axis.
        padding: likewise, on both sides; or for each axis a number or a pair (before, after); or "same", with which the target has the source's size.
        groups: source channels of a group reach target channels of the same group alone.

    Raises:
        ModelError: shapes that do not fit each other.

    Example:
        `npl.Convolution(kernel * nS, (1, 28, 28), stride=2)` with a kernel [8, 1, 5, 5] joins 784 neurons to 8 · 12 · 12.
    """

    kernel: Any
    source_shape: Axes
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: Any = 1

    def __post_init__(self) -> None:
        shape = _shape(self.source_shape, "Convolution: source_shape")
        kernel = as_weights(self.kernel, len(shape) + 1, "Convolution: kernel")
        onto, inner, *window = np.shape(values_of(kernel))
        (groups,) = _axes(self.groups, 1, 1, "Convolution: groups")
        if inner * groups != shape[0] or onto % groups:
            raise ModelError("Convolution: channels do not fit", got=f"a kernel of {onto} × {inner} channels, {shape[0]} source channels, {groups} groups", expected="kernel [target channels, source channels / groups, ...]")
        moved = Window.of(shape[1:], tuple(window), self.stride, self.padding, self.dilation, "Convolution")
        for name, value in {"kernel": kernel, "source_shape": shape, "stride": moved.stride, "padding": moved.padding, "dilation": moved.dilation, "groups": groups}.items():
            object.__setattr__(self, name, value)

    @property
    def window(self) -> Window:
        """How it moves over the source."""
        return Window(self.source_shape[1:], np.shape(self.parameters["kernel"])[2:], self.stride, self.padding, self.dilation)

    @property
    def target_shape(self) -> Axes:
        """Of the target: (channels, size along each axis)."""
        return (np.shape(self.parameters["kernel"])[0], *self.window.seen)

    def channels(self) -> tuple[int, int]:
        return self.source_shape[0], self.target_shape[0]

    def reach(self) -> Indices:
        return self.window.reach()

    def source_positions(self) -> int:
        return int(np.prod(self.source_shape[1:]))


@dataclass(frozen=True, eq=False)
class Pooling(SharedWeights):
    """The sum over a window that moves over each channel by itself, times a weight.

    Args:
        source_shape: of the source: (channels, size along each axis).
        size: of the window, a whole number or one for each axis.
        weight: of each source in a window, with its unit: 1 for the sum, 1 / (elements of the window) for the mean (those in the padding count).
        stride: by how much the window moves; None: by its size, so that windows do not overlap.
        padding: as of `Convolution`.

    Raises:
        ModelError: shapes that do not fit each other.
    """

    source_shape: Axes
    size: Any
    weight: Any = 1.0
    stride: Any = None
    padding: Any = 0

    def __post_init__(self) -> None:
        shape = _shape(self.source_shape, "Pooling: source_shape")
        weight = as_weights(self.weight, 0, "Pooling: weight")
        size = _axes(self.size, len(shape) - 1, 1, "Pooling: size")
        moved = Window.of(shape[1:], size, size if self.stride is None else self.stride, self.padding, 1, "Pooling")
        for name, value in {"weight": weight, "source_shape": shape, "size": size, "stride": moved.stride, "padding": moved.padding}.items():
            object.__setattr__(self, name, value)

    @property
    def window(self) -> Window:
        """How it moves over the source."""
        return Window(self.source_shape[1:], self.size, self.stride, self.padding, (1,) * len(self.size))

    @property
    def target_shape(self) -> Axes:
        """Of the target: (channels, size along each axis)."""
        return (self.source_shape[0], *self.window.seen)

    def channels(self) -> tuple[int, int]:
        return self.source_shape[0], self.source_shape[0]

    @property
    def groups(self) -> int:
        return self.source_shape[0]

    def by_tap(self, values: Any) -> Any:
        return values * np.ones((self.source_shape[0], 1, int(np.prod(self.size))), values.dtype)

    def reach(self) -> Indices:
        return self.window.reach()

    def source_positions(self) -> int:
        return int(np.prod(self.source_shape[1:]))


def _whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _axes(value: Any, n: int, least: int, where: str) -> Axes:
    """One whole number for each of n axes, each at least `least`."""
    listed = (value,) * n if _whole(value) else tuple(value) if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str) else ()
    if len(listed) != n or not all(_whole(v) and v >= least for v in listed):
        raise ModelError(f"{where} does not fit", got=value, expected=f"a whole number from {least} on, or {n} of them")
    return tuple(int(v) for v in listed)


def _shape(value: Any, where: str) -> Axes:
    if not isinstance(value, (Sequence, np.ndarray)) or np.ndim(value) != 1 or len(value) < 2:
        raise ModelError(f"{where}: (channels, size along each axis)", got=value, expected="for example (3, 28, 28)")
    return _axes(value, len(value), 1, where)
