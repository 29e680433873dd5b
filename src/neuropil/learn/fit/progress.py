"""The progress line: loss, accuracy, rate of hidden neurons and the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from neuropil.errors import ModelError


class Progress:
    """A line on standard error that is written over while an epoch goes on.

    Args:
        given: True or False; a function, which gets each epoch's row; None: a line, if standard error is a terminal.
        epochs: in all; first: epochs that were done before.

    Raises:
        ModelError: something else.
    """

    def __init__(self, given: Any, epochs: int, first: int = 0):
        if given is not None and not isinstance(given, bool) and not callable(given):
            raise ModelError("progress must be True, False or a function of an epoch's row", got=given)
        self._call: Callable[[Mapping[str, Any]], Any] | None = given if callable(given) else None
        self._shown = sys.stderr.isatty() if given is None else given is True
        self._epochs, self._first, self._began, self._wrote = epochs, first, time.perf_counter(), 0.0

    def batch(self, epoch: int, part: float, loss: float) -> None:
        """Show how far an epoch is, at most four times a second.

        Args:
            epoch: its number, from 0.
            part: of the epoch that is done, 0 to 1.
            loss: so far.
        """
        now = time.perf_counter()
        if self._shown and sys.stderr.isatty() and now - self._wrote > 0.25:
            self._wrote = now
            self._write(f"epoch {epoch + 1}/{self._epochs}  {100 * part:3.0f} %  loss {loss:.4f}  {self._left(epoch + part)}", "\r")

    def epoch(self, epoch: int, row: Mapping[str, Any]) -> None:
        """Show an epoch's results.

        Args:
            epoch: its number, from 0.
            row: as of `History`.
        """
        if self._call is not None:
            self._call({"epoch": epoch, **row})
        if self._shown:
            self._write(f"epoch {epoch + 1}/{self._epochs}  {described(row)}  {self._left(epoch + 1)}", "\n")

    def _left(self, done: float) -> str:
        passed = done - self._first
        seconds = (time.perf_counter() - self._began) / passed * (self._epochs - done) if passed > 0 else 0.0
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d} left"

    def _write(self, text: str, end: str) -> None:
        sys.stderr.write(f"\r{text:<100}{end}" if sys.stderr.isatty() else f"{text}{end}")
        sys.stderr.flush()


def described(row: Mapping[str, Any]) -> str:
    """An epoch's results in words.

    Args:
        row: as of `History`.
    """
    parts = [f"loss {row['loss']:.4f}"]
    if "accuracy" in row:
        parts.append(f"accuracy {row['accuracy']:.4f}")
    if "validation_loss" in row:
        parts.append(f"validation {row['validation_loss']:.4f}" + (f" / {row['validation_accuracy']:.4f}" if "validation_accuracy" in row else ""))
    parts.append(f"rate {row['rate']:.1f} Hz")
    return "  ".join(parts)
