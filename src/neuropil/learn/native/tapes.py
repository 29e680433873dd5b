"""Tapes of whole batches, from the way forward to the way back.

JAX asks for cotangents after it has the values of a batch, and may never ask. So the last batch's tapes are kept, in one buffer of the process, with a number;
the way back gives the number, and where another batch has taken the buffer since, its samples go forward once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, count, pairwise
from threading import Lock
from typing import Any

import numpy as np

from neuropil.codegen.vectors import LINE
from neuropil.engine.aligned import aligned_zeros

Shapes = Mapping[Any, tuple[tuple[int, ...], np.dtype]]
"""Shape and type of every array, by its key."""


@dataclass(frozen=True)
class Tapes:
    """A buffer in use.

    Attributes:
        number: of the batch, not 0.
        room: uint8, the buffer.
    """

    number: int
    room: np.ndarray

    def arrays(self, shapes: Shapes) -> dict[Any, np.ndarray]:
        """The buffer's arrays.

        Args:
            shapes: as they were when it was taken.
        """
        parts = zip(shapes.items(), pairwise(_begins(shapes)), strict=True)
        return {key: self.room[a : a + _bytes(*of)].view(of[1]).reshape(of[0]) for (key, of), (a, _) in parts}


class TapeStore:
    """Holds the tapes of at most one batch while no one uses them."""

    def __init__(self) -> None:
        self._lock, self._numbers, self._held = Lock(), count(1), Tapes(0, np.empty(0, np.uint8))

    def take(self, shapes: Shapes) -> Tapes:
        """A buffer for a batch; what it held is lost.

        Args:
            shapes: of the arrays that it is to hold.
        """
        wanted = _begins(shapes)[-1]
        with self._lock:
            room, number = self._held.room, next(self._numbers)
            self._held = Tapes(0, room[:0])
        return Tapes(number, room if room.size >= wanted else aligned_zeros(wanted, np.uint8))

    def claim(self, number: int) -> Tapes | None:
        """The tapes with a number, if they are still there.

        Args:
            number: as `take` gave it.
        """
        with self._lock:
            held = self._held
            if held.number != number:
                return None
            self._held = Tapes(0, held.room[:0])
        return held

    def put(self, tapes: Tapes) -> None:
        """Give a buffer back, with its contents.

        Args:
            tapes: of `take` or `claim`.
        """
        with self._lock:
            self._held = tapes


def _bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return int(np.prod(shape)) * np.dtype(dtype).itemsize


def _begins(shapes: Shapes) -> list[int]:
    """Where each array begins, on a cache line, and the end."""
    return list(accumulate((-(-_bytes(*of) // LINE) * LINE for of in shapes.values()), initial=0))


STORE = TapeStore()
"""Of the process."""
