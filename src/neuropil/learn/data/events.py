"""Samples given as spike events: which neuron spiked when, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ModelError
from neuropil.model.base.grid import nearest
from neuropil.units import Quantity, magnitude, ms


@dataclass(frozen=True, eq=False)
class SpikeEvents:
    """Spike events of many samples, as of event cameras and recordings.

    Each time becomes the nearest step (of the network's `dt`), at least the first; events of a neuron that meet in a step add up.

    Args:
        times: list of an array for each sample, in ms (numbers or a quantity), counted from the start of the sample.
        neurons: list of an array for each sample, the neuron of each event.
        size: number of neurons.
        duration: of every sample, ms or a quantity; None: up to the last event of all.

    Raises:
        ModelError: lists that do not fit together; times that are negative, not finite or beyond the duration; neurons that do not exist.
    """

    times: Any
    neurons: Any
    size: int
    duration: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or not isinstance(self.size, (int, np.integer)) or self.size < 1:
            raise ModelError("SpikeEvents.size must be a number of neurons", got=self.size)
        for name in ("times", "neurons"):
            if not isinstance(getattr(self, name), (list, tuple)):
                raise ModelError(f"SpikeEvents.{name} must be a list with an array for each sample", got=type(getattr(self, name)).__name__)
        if len(self.times) != len(self.neurons):
            raise ModelError("SpikeEvents: times and neurons differ in samples", got=f"{len(self.times)} and {len(self.neurons)}")
        times, neurons = [], []
        for j, (t, n) in enumerate(zip(self.times, self.neurons, strict=True)):
            t, n = _times(t, j), _neurons(n, j)
            if t.shape != n.shape:
                raise ModelError(f"SpikeEvents: sample {j} has not one neuron for each time", got=f"{t.size} times, {n.size} neurons")
            if n.size and (n.min() < 0 or n.max() >= self.size):
                raise ModelError(f"SpikeEvents: sample {j} names a neuron that does not exist", got=int(n.min() if n.min() < 0 else n.max()), expected=f"0 … {self.size - 1}")
            times.append(t)
            neurons.append(n)
        last = max((float(t.max(initial=0.0)) for t in times), default=0.0)
        duration = last if self.duration is None else _duration(self.duration)
        if last > duration:
            raise ModelError("SpikeEvents: an event comes after the duration", got=f"{last:g} ms", expected=f"at most {duration:g} ms")
        for name, value in (("times", times), ("neurons", neurons), ("duration", duration)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, chosen: Any) -> SpikeEvents:
        """The samples `chosen`, by a slice or by whole numbers."""
        which = np.arange(len(self))[chosen]
        return SpikeEvents([self.times[j] for j in which], [self.neurons[j] for j in which], self.size, self.duration)

    def steps(self, dt: float) -> int:
        """Steps of a sample with steps of `dt`, ms."""
        return max(int(nearest(np.array([self.duration]), dt)[0]), 1)

    def dense(self, dt: float) -> NDArray[np.float32]:
        """Numbers of events, [samples, steps, neurons], with steps of `dt`, ms."""
        steps = self.steps(dt)
        found = np.zeros((len(self), steps, self.size), np.float32)
        for j, (t, n) in enumerate(zip(self.times, self.neurons, strict=True)):
            np.add.at(found[j], (np.clip(nearest(t, dt), 1, steps) - 1, n), 1.0)
        return found


def _times(given: Any, sample: int) -> NDArray[np.float64]:
    try:
        times = np.asarray(magnitude(given, ms.dimension, f"SpikeEvents: times of sample {sample}") if isinstance(given, Quantity) else given, float)
    except (TypeError, ValueError):
        raise ModelError(f"SpikeEvents: times of sample {sample} are not numbers", got=given) from None
    if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(times < 0):
        raise ModelError(f"SpikeEvents: times of sample {sample} must be an array of finite times ≥ 0, ms", got=given)
    return times


def _neurons(given: Any, sample: int) -> NDArray[np.int64]:
    try:
        neurons = np.asarray(given)
    except ValueError:
        raise ModelError(f"SpikeEvents: neurons of sample {sample} are not an array", got=given) from None
    if neurons.ndim != 1 or (neurons.size and neurons.dtype.kind not in "iu"):
        raise ModelError(f"SpikeEvents: neurons of sample {sample} must be whole numbers", got=f"{neurons.dtype}, shape {neurons.shape}")
    return neurons.astype(np.int64)


def _duration(given: Any) -> float:
    value = magnitude(given, ms.dimension, "SpikeEvents.duration") if isinstance(given, Quantity) else given
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0.0 < value < float("inf"):
        raise ModelError("SpikeEvents.duration must be a positive time, ms", got=given)
    return float(value)
