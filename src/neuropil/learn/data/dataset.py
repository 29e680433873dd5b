"""Samples and their targets, whatever they come as, in batches whose order the seed and the epoch determine.

Data are a pair (x, y) of arrays or `SpikeEvents`, with several inputs a dict of them for x, or something that can be iterated again and again and gives
batches (x, y), such as a list or a loader. A generator is refused: it is empty after an epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.learn.data.events import SpikeEvents
from neuropil.units import Quantity

ONLY = ""
"""The name of an input where there is one alone."""


@dataclass(frozen=True)
class Chunk:
    """Some samples.

    Attributes:
        values: name of the input -> [samples, ...], as given.
        target: [samples, ...].
        numbers: int64[samples], of the samples within the data.
    """

    values: dict[str, Any]
    target: np.ndarray
    numbers: NDArray[np.int64]


class Dataset:
    """Samples with targets.

    Args:
        data: a pair (x, y), or batches that can be iterated again.
        what: the data are for; begins messages.

    Raises:
        ModelError: data that are none of these, do not fit together, are empty or not finite.
    """

    def __init__(self, data: Any, what: str = "data"):
        self.what = what
        self._batches: Iterable[Any] | None = None
        self._whole: Chunk | None = None
        if isinstance(data, Dataset):
            self._batches, self._whole = data._batches, data._whole
        elif _is_pair(data):
            self._whole = _chunk(data, what, 0)
        elif isinstance(data, (str, bytes, Mapping)) or not hasattr(data, "__iter__"):
            raise ModelError(f"{what} must be a pair (x, y) or batches of such", got=type(data).__name__)
        elif iter(data) is data:
            raise ModelError(
                f"{what}: a generator is empty after one epoch", got=type(data).__name__,
                fix="give arrays (x, y), a list of batches, or an object whose __iter__ begins anew",
            )  # fmt: skip
        else:
            self._batches = data

    @property
    def in_memory(self) -> bool:
        """Whether all samples are there at once, so that they can be shuffled and divided."""
        return self._whole is not None

    @property
    def size(self) -> int | None:
        """Number of samples; None if they come in batches."""
        return None if self._whole is None else len(self._whole.target)

    def first(self) -> Chunk:
        """Some samples, as an example of all."""
        if self._whole is not None:
            return self._whole
        return next(self.chunks(None, None))

    def some(self, count: int) -> Chunk:
        """The first samples, at most `count`."""
        whole = self.first()
        return _taken(whole, np.arange(min(count, len(whole.target))))

    def chunks(self, batch: int | None, order: NDArray[np.int64] | None) -> Iterator[Chunk]:
        """All samples, batch by batch.

        Args:
            batch: samples of one; None: all at once, or the batches as they come.
            order: int64[samples], of samples in memory; None: as they stand.

        Raises:
            ModelError: batches that are not pairs, or none at all.
        """
        if self._whole is not None:
            size = len(self._whole.target)
            order = np.arange(size) if order is None else order
            for first in range(0, size, batch or size):
                yield _taken(self._whole, order[first : first + (batch or size)])
            return
        assert self._batches is not None
        count = 0
        for j, one in enumerate(self._batches):
            if not _is_pair(one):
                raise ModelError(f"{self.what}: batch {j} must be a pair (x, y)", got=type(one).__name__)
            chunk = _chunk(one, f"{self.what}: batch {j}", count)
            count += len(chunk.target)
            yield chunk
        if not count:
            raise ModelError(f"{self.what} has no batch", got=type(self._batches).__name__, fix="an object whose __iter__ begins anew gives its batches in every epoch")

    def divided(self, part: float, seed: int) -> tuple[Dataset, Dataset]:
        """The samples without a part, and this part, drawn by the seed.

        Args:
            part: of all samples, above 0 and below 1.
            seed: of the draw.

        Raises:
            ModelError: samples that come in batches; a part that leaves nothing.
        """
        if self._whole is None:
            raise ModelError(f"{self.what} come in batches and cannot be divided", fix="validation=(x, y)")
        size = len(self._whole.target)
        count = round(part * size)
        if not 0 < count < size:
            raise ModelError("validation: a part of the samples must leave some on both sides", got=f"{part:g} of {size}")
        order = shuffled(size, seed, "validation")
        found = []
        for chosen in (np.sort(order[count:]), np.sort(order[:count])):
            one = Dataset(self, self.what)
            one._whole = _taken(self._whole, chosen)
            found.append(one)
        return found[0], found[1]


def shuffled(size: int, seed: int, *purpose: int | str) -> NDArray[np.int64]:
    """A random order of `size` things, a function of the seed and the purpose.

    Args:
        size: their number.
        seed: of the draw.
        purpose: what the order is for.
    """
    return np.argsort(rng.uniform(rng.stream_key(seed, "fit", *purpose), np.arange(size), 0), kind="stable")


def _is_pair(data: Any) -> bool:
    return isinstance(data, (tuple, list)) and len(data) == 2 and not _is_pair_itself(data[0])


def _is_pair_itself(one: Any) -> bool:
    """Whether a list of two is one of batches: its first entry is a pair."""
    return isinstance(one, (tuple, list)) and len(one) == 2 and all(hasattr(part, "shape") or isinstance(part, (SpikeEvents, Mapping)) for part in one)


def _chunk(data: Any, what: str, first: int) -> Chunk:
    x, y = data
    values = {name: _values(one, f"{what}: x[{name!r}]") for name, one in x.items()} if isinstance(x, Mapping) else {ONLY: _values(x, f"{what}: x")}
    if not values:
        raise ModelError(f"{what}: x has no input", got="an empty dict")
    target = _array(y, f"{what}: y")
    if target.ndim == 0:
        raise ModelError(f"{what}: y must have a target for each sample", got=repr(y))
    for name, one in values.items():
        if len(one) != len(target):
            raise ModelError(f"{what}: x and y differ in samples", got=f"{len(one)} and {len(target)}" + (f" (input {name!r})" if name else ""))
    if not len(target):
        raise ModelError(f"{what} has no sample")
    return Chunk(values, target, first + np.arange(len(target), dtype=np.int64))


def _values(given: Any, what: str) -> Any:
    if isinstance(given, SpikeEvents):
        return given
    if isinstance(given, Quantity):
        return Quantity(_values(given.value, what), given.dimension)
    array = _array(given, what)
    if array.ndim < 2:
        raise ModelError(f"{what} must have samples and features, or samples, steps and neurons", got=f"shape {array.shape}")
    if array.size and not np.all(np.isfinite(array)):
        raise ModelError(f"{what} is not finite", got=f"sample {int(np.argwhere(~np.isfinite(array))[0, 0])}", fix="remove the sample, or fill in what is missing")
    return array


def _array(given: Any, what: str) -> np.ndarray:
    if given is None or isinstance(given, (str, bytes)):
        raise ModelError(f"{what} must be an array of numbers", got=repr(given))
    try:
        array = np.asarray(given)
    except Exception as error:
        raise ModelError(f"{what} must be an array of numbers", got=f"{type(given).__name__}: {error}", fix="rows of equal length; SpikeEvents for events") from None
    if array.dtype.kind not in "fiub":
        raise ModelError(f"{what} must be an array of numbers", got=f"{array.dtype}", fix="SpikeEvents for events; np.unique(labels, return_inverse=True)[1] for labels that are words")
    return array


def _taken(whole: Chunk, chosen: NDArray[np.int64]) -> Chunk:
    def of(values: Any) -> Any:
        return Quantity(values.value[chosen], values.dimension) if isinstance(values, Quantity) else values[chosen]

    return Chunk({name: of(one) for name, one in whole.values.items()}, whole.target[chosen], whole.numbers[chosen])
