"""Spikes of a network on its time grid: two sorted integer arrays and the populations they index."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuropil.errors import ResultError, did_you_mean
from neuropil.result.extras import library
from neuropil.result.quantities import in_ms

# A time given in ms is compared with the grid up to this part of a step, so that 0.3 ms is step 3 of dt = 0.1 ms
# although 0.3 / 0.1 is 2.9999999999999996 in floating point.
_GRID_SLACK = 1e-6


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes sorted by (step, neuron).

    A spike stamped step k happened at time k·dt, the end of the step that produced it; a run of T ms that begins at 0
    therefore stamps its spikes in (0, T], and every interval of time here is open on the left and closed on the right.

    Attributes:
        step: (n,) int64, the grid step of each spike.
        neuron: (n,) uint32 or int64, the global index of the neuron over all populations.
        populations: name -> (first global index, number of neurons).
        dt: the time step, ms.

    Raises:
        ResultError: arrays that differ in length, are not sorted or name no neuron of a population; a time step that is not positive.
    """

    step: NDArray[np.int64]
    neuron: NDArray[Any]
    populations: Mapping[str, tuple[int, int]]
    dt: float
    _sizes: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        step, neuron = _frozen(self.step, "step", np.int64), _frozen(self.neuron, "neuron", None)
        populations = {str(name): (int(first), int(size)) for name, (first, size) in self.populations.items()}
        if not (self.dt > 0 and math.isfinite(self.dt)):
            raise ResultError("the time step of spikes must be positive", got=self.dt, expected="dt > 0, in ms")
        if step.shape != neuron.shape:
            raise ResultError("spike steps and neurons must pair up", got=f"{step.shape} and {neuron.shape}")
        if not is_sorted(step, neuron):
            raise ResultError(
                "spikes must be sorted by (step, neuron)", fix="build them with Spikes.from_unsorted(...)"
            )
        _check_range(neuron, populations)
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "neuron", neuron)
        object.__setattr__(self, "dt", float(self.dt))
        object.__setattr__(self, "populations", MappingProxyType(populations))
        object.__setattr__(self, "_sizes", {name: size for name, (_, size) in populations.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        return Spikes, (self.step, self.neuron, dict(self.populations), self.dt)

    @classmethod
    def from_unsorted(
        cls, step: ArrayLike, neuron: ArrayLike, populations: Mapping[str, tuple[int, int]], dt: float
    ) -> Spikes:
        """Spikes in any order: (n,) steps and (n,) global neuron indices.

        Args:
            step: int[n], grid steps.
            neuron: int[n], global indices.
            populations: name -> (first global index, number of neurons).
            dt: time step, ms.

        Raises:
            ResultError: as of the class.
        """
        step, neuron = np.asarray(step), np.asarray(neuron)
        if step.shape != neuron.shape:
            raise ResultError("spike steps and neurons must pair up", got=f"{step.shape} and {neuron.shape}")
        order = np.lexsort((neuron, step))
        return cls(step[order], neuron[order], populations, dt)

    @classmethod
    def empty(cls, populations: Mapping[str, tuple[int, int]], dt: float) -> Spikes:
        """No spikes of these `populations` (name -> (first global index, number of neurons)), with a time step of `dt` (ms)."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.uint32), populations, dt)

    def __len__(self) -> int:
        return int(self.step.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Spikes):
            return NotImplemented
        return (
            self.dt == other.dt
            and dict(self.populations) == dict(other.populations)
            and np.array_equal(self.step, other.step)
            and np.array_equal(self.neuron, other.neuron)
        )

    __hash__ = None  # type: ignore[assignment]  # equality is by content; use digest() as a key

    def __repr__(self) -> str:
        return f"Spikes({len(self):,} of {sum(self._sizes.values()):,} neurons in {len(self._sizes)} populations)"

    def __getstate__(self) -> dict[str, Any]:
        """Worker processes receive spikes by pickle, and a mapping proxy does not travel."""
        return {"step": self.step, "neuron": self.neuron, "populations": dict(self.populations), "dt": self.dt}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    def __getitem__(self, population: str) -> Spikes:
        return self.of(population)

    def times(self, population: str | None = None) -> NDArray[np.float64]:
        """(n,) times of the spikes, ms.

        Args:
            population: of one population alone; None: of all.
        """
        chosen = self if population is None else self.of(population)
        return np.asarray(chosen.step * self.dt, dtype=np.float64)

    def size(self, population: str) -> int:
        """Number of neurons in a population."""
        return self._range(population)[1]

    def of(self, population: str) -> Spikes:
        """The spikes of one population, with neurons counted from 0 within it."""
        first, size = self._range(population)
        chosen = (self.neuron >= first) & (self.neuron < first + size)
        local = self.neuron[chosen] - self.neuron.dtype.type(first)
        return Spikes(self.step[chosen], local, {population: (0, size)}, self.dt)

    def between(self, t0: Any, t1: Any) -> Spikes:
        """The spikes stamped in (t0, t1], ms or quantities: between(0, T) is all of a run of T ms, and adjacent windows tile it.

        Raises:
            ResultError: not two times with t0 <= t1.
        """
        t0, t1 = in_ms(t0, "the start of a window"), in_ms(t1, "the end of a window")
        if t1 < t0:
            raise ResultError("a time window must not end before it starts", got=f"({t0}, {t1}] ms", expected="t0 <= t1")
        low, high = (int(np.searchsorted(self.step, self._last_step_at(t), side="right")) for t in (t0, t1))
        return Spikes(self.step[low:high], self.neuron[low:high], self.populations, self.dt)

    def to_frame(self) -> Any:
        """A pandas DataFrame, a row for each spike: time_ms, population (categorical), neuron (within its population).

        Raises:
            NeuropilError: pandas is not installed.
        """
        pandas = library("pandas", "pandas")
        code, neuron = self.located()
        populations = pandas.Categorical.from_codes(code, list(self.populations))
        frame = pandas.DataFrame({"time_ms": self.times(), "population": populations, "neuron": neuron})
        frame.attrs.update(dt_ms=self.dt)
        return frame

    def located(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(n,) the place of each spike's population among `populations`, and (n,) the index of its neuron within it."""
        code, neuron = np.zeros(len(self), np.int64), self.neuron.astype(np.int64)
        for index, (first, size) in enumerate(self.populations.values()):
            mine = (self.neuron >= first) & (self.neuron < first + size)
            code[mine] = index
            neuron[mine] -= first
        return code, neuron

    def counts(self, population: str) -> NDArray[np.int64]:
        """(size,) spikes fired by each neuron of a population."""
        local = self.of(population)
        return np.bincount(local.neuron.astype(np.int64), minlength=self.size(population))

    def trains(self, population: str) -> list[NDArray[np.float64]]:
        """The spike times, ms, of each neuron of a population: a list of `size` ascending arrays."""
        local = self.of(population)
        order = np.argsort(local.neuron, kind="stable")
        times = local.times()[order]
        counts = np.bincount(local.neuron.astype(np.int64), minlength=self.size(population))
        edges = [0, *np.cumsum(counts).tolist()]
        return [times[low:high] for low, high in itertools.pairwise(edges)]

    def digest(self, chunk: int = 1 << 18) -> str:
        """SHA-256 (hex) of the little-endian int64 pairs (step, neuron) in order: equal runs have equal digests.

        `chunk` spikes are hashed at a time, which bounds the memory used and does not change the digest.
        """
        state = hashlib.sha256()
        for low in range(0, len(self), chunk):
            part = slice(low, low + chunk)
            state.update(np.column_stack((self.step[part], self.neuron[part])).astype("<i8").tobytes())
        return state.hexdigest()

    def _range(self, population: str) -> tuple[int, int]:
        if not isinstance(population, str) or population not in self.populations:
            raise ResultError("no such population", got=population, fix=did_you_mean(population, self.populations))
        return self.populations[population]

    def _last_step_at(self, t: float) -> int:
        limit = np.iinfo(np.int64).max
        position = t / self.dt + _GRID_SLACK
        return limit if position >= limit else -limit if position <= -limit else math.floor(position)


def is_sorted(step: NDArray[Any], neuron: NDArray[Any]) -> bool:
    """Whether (n,) records ascend by (step, neuron)."""
    return sorted_prefix(step, neuron) == step.size


def sorted_prefix(step: NDArray[Any], neuron: NDArray[Any]) -> int:
    """How many leading records ascend by (step, neuron)."""
    later = step[1:] > step[:-1]
    same = (step[1:] == step[:-1]) & (neuron[1:] >= neuron[:-1])
    broken = np.flatnonzero(~(later | same))
    return int(broken[0]) + 1 if broken.size else int(step.size)


def _frozen(values: ArrayLike, name: str, dtype: type[np.integer[Any]] | None) -> NDArray[Any]:
    """A read-only, one-dimensional integer array; neurons keep uint32 and become int64 otherwise."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ResultError(f"spikes need a flat integer array for {name!r}", got=f"{array.dtype} of shape {array.shape}")
    wanted = dtype or (np.uint32 if array.dtype == np.uint32 else np.int64)
    frozen: NDArray[Any] = array.astype(wanted, copy=False).view()
    frozen.flags.writeable = False
    return frozen


def _check_range(neuron: NDArray[Any], populations: Mapping[str, tuple[int, int]]) -> None:
    if not neuron.size:
        return
    low = min((first for first, _ in populations.values()), default=0)
    high = max((first + size for first, size in populations.values()), default=0)
    found_low, found_high = int(neuron.min()), int(neuron.max())
    if found_low < low or found_high >= high:
        raise ResultError(
            "a spike belongs to no population", got=f"neurons {found_low} to {found_high}", expected=f"[{low}, {high})"
        )
