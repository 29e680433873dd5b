"""The loop of a rollout: kernels called in every step, forward or backward in time, by a table of their entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numba import typeof, types

from neuropil.codegen.entries import call_entry, packed, store_word, words
from neuropil.codegen.flags import PROGRAM_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.codegen.linked import entry_of

_GIVEN = (types.int64, types.int64)
"""What the loop gives to a kernel: the step, and the row of the tape."""
_RUN = (types.int64[:, ::1], types.int64, types.int64, types.int64, types.int64)


@cached_njit(**PROGRAM_FLAGS)
def run(table, first, end, base, rows):  # type: ignore[no-untyped-def]
    """Call the kernels of a table in every step from `first` on, up to `end`; `rows` is 1 if there is a tape, whose row 0 is of step `base`, else 0."""
    k = first
    while k != end:
        for j in range(table.shape[0]):
            store_word(table[j, 1], k)
            store_word(table[j, 1] + 8, (k - base) * rows)
            call_entry(table[j, 0], table[j, 1])
        k += 1 if end > first else -1


@dataclass(frozen=True)
class Call:
    """One call in every step: `kernel(k, row, *arguments)`.

    Attributes:
        kernel: what is called.
        arguments: arrays and numbers.
    """

    kernel: Callable[..., Any]
    arguments: tuple[Any, ...]


class Loop:
    """The calls of a step as the loop reads them, in one thread. It holds the arrays whose addresses it contains.

    Args:
        calls: in order.
    """

    def __init__(self, calls: Sequence[Call]):
        run.compile(_RUN)
        self._types = [tuple(map(typeof, call.arguments)) for call in calls]
        sizes = [len(_GIVEN) + sum(map(words, of)) for of in self._types]
        self._begins = list(accumulate(sizes, initial=0))
        self._words = np.zeros(self._begins[-1], np.uint64)
        base = self._words.__array_interface__["data"][0]
        self._table = np.array(
            [(entry_of(call.kernel, (*_GIVEN, *of)), base + 8 * at) for call, of, at in zip(calls, self._types, self._begins, strict=False)], np.int64
        ).reshape(-1, 2)
        self._held: list[list[Any]] = [[None] * len(of) for of in self._types]
        self.take(calls)

    def take(self, calls: Sequence[Call]) -> None:
        """Take other arguments.

        Args:
            calls: of the same kernels.

        Raises:
            TypeError: arguments are of other types than the kernels were compiled for.
        """
        for call, of, held, begin in zip(calls, self._types, self._held, self._begins, strict=False):
            at = begin + len(_GIVEN)
            for j, (value, kind) in enumerate(zip(call.arguments, of, strict=True)):
                size = words(kind)
                if value is not held[j]:
                    if typeof(value) != kind:
                        raise TypeError(f"argument {j} of {call.kernel} is of type {typeof(value)}, not {kind}")
                    self._words[at : at + size] = packed(kind, value)
                    held[j] = value
                at += size

    def run(self, first: int, end: int, base: int | None) -> None:
        """Run steps from `first` up to `end`, which may lie before it; row = step - base, or 0 without a tape.

        Args:
            first, end: steps; `end` is not run.
            base: the step of row 0 of the tape; None: there is no tape.
        """
        run(self._table, first, end, base or 0, int(base is not None))
