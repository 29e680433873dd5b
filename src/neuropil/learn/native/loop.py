"""The loop of a batch: kernels called in every step of every sample, by a table of their entries. Of all samples of a group one call is made.

A program is a list of stretches: calls that are made in each of some steps, forward or backward in time. Arrays that are those of a sample, or sums of a group of
samples, are found by their distance from those of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numba import typeof, types

from neuropil.codegen.entries import call_entry, packed, store_word, words
from neuropil.codegen.flags import PROGRAM_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.codegen.linked import entry_of

_STEP = (types.int64, types.int64)
"""What the loop gives to a kernel: the step, and the row of the tape, or where the steps end for which a kernel is called once."""
_TABLE = types.int64[:, ::1]
_RUN = (_TABLE, _TABLE, _TABLE, types.int64, types.int64, types.int64)


@cached_njit(**PROGRAM_FLAGS)
def run(table, stretches, places, first, end, group):  # type: ignore[no-untyped-def]
    """Run samples `first` up to `end`, which are of one group.

    Args:
        table: of each call the entry and the address of its arguments.
        stretches: first call and end of the calls, first step and end (which may lie before it), what a row is counted from, and 1 or 0, by which it is multiplied.
        places: addresses of words, the value for sample 0 of group 0, and what a sample and a group further adds.
        first, end, group: see above.
    """
    for b in range(first, end):
        for p in range(places.shape[0]):
            store_word(places[p, 0], places[p, 1] + b * places[p, 2] + group * places[p, 3])
        for s in range(stretches.shape[0]):
            k, last, base, rows = stretches[s, 2], stretches[s, 3], stretches[s, 4], stretches[s, 5]
            way = 1 if last > k else -1
            while k != last:
                for j in range(stretches[s, 0], stretches[s, 1]):
                    store_word(table[j, 1], k)
                    store_word(table[j, 1] + 8, (k - base) * rows)
                    call_entry(table[j, 0], table[j, 1])
                k += way


@dataclass(frozen=True)
class Slot:
    """An array that is another one in each run of the program.

    Attributes:
        key: its name in `Given`.
    """

    key: Any


@dataclass(frozen=True)
class Call:
    """One call: `kernel(k, row, *arguments)`.

    Attributes:
        kernel: what is called.
        arguments: arrays, numbers and slots.
    """

    kernel: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Stretch:
    """Calls in each of some steps.

    Attributes:
        calls: in order.
        first, end: steps; `end` is not run, and may lie before.
        base: step of row 0 of the tape; None: the row is always 0.
    """

    calls: tuple[Call, ...]
    first: int
    end: int
    base: int | None = None

    @classmethod
    def once(cls, calls: Sequence[Call], first: int = 0, end: int = 0) -> Stretch:
        """Calls that are made once for some steps.

        Args:
            calls: in order.
            first, end: steps; `end` takes the place of the row.
        """
        return cls(tuple(calls), first, first + 1, first - end)


@dataclass(frozen=True)
class Given:
    """Arrays for the slots of a program.

    Attributes:
        every: of all samples.
        samples: that begin with the samples; with one, if it is the same for all.
        groups: that begin with the groups of samples.
    """

    every: Mapping[Any, np.ndarray]
    samples: Mapping[Any, np.ndarray]
    groups: Mapping[Any, np.ndarray]

    def first(self, key: Any) -> tuple[np.ndarray, int, int]:
        """The array of sample 0 and group 0, and bytes from there to those of the next sample and of the next group.

        Args:
            key: its name.
        """
        if key in self.every:
            return self.every[key], 0, 0
        if key in self.samples:
            array = self.samples[key]
            return array[0], array.strides[0] if len(array) > 1 else 0, 0
        return self.groups[key][0], 0, self.groups[key].strides[0]


class Program:
    """Stretches as the loop reads them, for one thread. It holds the arrays whose addresses it contains.

    Args:
        stretches: in order.
        given: arrays for the slots; those of later runs are of the same types.
    """

    def __init__(self, stretches: Sequence[Stretch], given: Given):
        run.compile(_RUN)
        calls = [call for calls in _distinct(stretches) for call in calls]
        kinds = [tuple(_kind(given.first(a.key)[0] if isinstance(a, Slot) else a) for a in call.arguments) for call in calls]
        begins = list(accumulate((len(_STEP) + sum(map(words, of)) for of in kinds), initial=0))
        self._words = np.zeros(begins[-1] + 1, np.uint64)
        base = self._words.__array_interface__["data"][0]
        self._table = np.array([(entry_of(call.kernel, (*_STEP, *of)), base + 8 * at) for call, of, at in zip(calls, kinds, begins, strict=False)], np.int64).reshape(-1, 2)
        self._stretches, self._held = _listed(stretches), [a for call in calls for a in call.arguments]
        slots: dict[Any, tuple[types.Type, list[int]]] = {}
        for call, of, begin in zip(calls, kinds, begins, strict=False):
            at = begin + len(_STEP)
            for value, kind in zip(call.arguments, of, strict=True):
                if isinstance(value, Slot):
                    slots.setdefault(value.key, (kind, []))[1].extend(range(at, at + words(kind)))
                else:
                    self._words[at : at + words(kind)] = packed(kind, value)
                at += words(kind)
        self._slots = [(key, (kind.ndim, np.dtype(str(kind.dtype))), len(places) // words(kind), places[:: words(kind)]) for key, (kind, places) in slots.items()]
        self._slot_words = np.array([at for _, places in slots.values() for at in places], np.intp)
        self.take(given)

    def take(self, given: Given) -> None:
        """Take arrays for the slots.

        Raises:
            TypeError: one is of another type than its kernel was compiled for.
        """
        base, places, filled, self._given = self._words.__array_interface__["data"][0], [], [], given
        for key, kind, count, begins in self._slots:
            value, sample, group = given.first(key)
            if (value.ndim, value.dtype) != kind or not value.flags.c_contiguous:
                raise TypeError(f"{key} has {value.ndim} dimensions of {value.dtype}; expected {kind}, contiguous")
            address = value.__array_interface__["data"][0]
            filled += [address, *value.shape, *value.strides] * count
            if sample or group:
                places += [(base + 8 * at, address, sample, group) for at in begins]
        self._words[self._slot_words] = filled
        self._places = np.array(places, np.int64).reshape(-1, 4)

    def run(self, first: int, end: int, group: int) -> None:
        """Run samples without the interpreter's lock.

        Args:
            first, end: from `first` up to `end`.
            group: to which they belong.
        """
        run(self._table, self._stretches, self._places, first, end, group)


def _distinct(stretches: Sequence[Stretch]) -> list[tuple[Call, ...]]:
    """Lists of calls, each once."""
    return list({id(s.calls): s.calls for s in stretches}.values())


def _listed(stretches: Sequence[Stretch]) -> np.ndarray:
    """The table of stretches."""
    begins, at = {}, 0
    for calls in _distinct(stretches):
        begins[id(calls)] = at
        at += len(calls)
    rows = [(begins[id(s.calls)], begins[id(s.calls)] + len(s.calls), s.first, s.end, s.base or 0, int(s.base is not None)) for s in stretches]
    return np.array(rows, np.int64).reshape(-1, 6)


def _kind(value: Any) -> types.Type:
    """The type for which kernels are compiled: arrays that must not be written are of the same type as others."""
    kind = typeof(value)
    if isinstance(kind, types.Array):
        if kind.layout != "C":
            raise TypeError(f"an array of layout {kind.layout}; expected a contiguous one")
        return kind.copy(readonly=False)
    return kind
