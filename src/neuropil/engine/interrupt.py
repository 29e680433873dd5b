"""Cooperative handling of Ctrl-C: a computation ends at the next point at which its state is complete, and keeps its results."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import signal
import threading
from typing import Any

PATIENCE = 3
"""How often Ctrl-C is pressed until it ends a computation wherever it is."""

_active = False  # of the main thread alone: only there do signals arrive


class Stop:
    """Whether Ctrl-C has asked for an end: set once, from a handler of signals."""

    __slots__ = ("_pressed", "_seen")

    def __init__(self) -> None:
        self._pressed, self._seen = 0, False

    def set(self) -> None:
        """Ask for an end."""
        self._pressed += 1

    def is_set(self) -> bool:
        """An end was asked for; the caller sees to it."""
        if self._pressed:
            self._seen = True
        return self._seen


class stoppable(Stop):
    """A context within which Ctrl-C sets the `Stop` that it gives; the third one interrupts at once.

    Of several that are nested the outermost acts, so that what it consists of is finished. One that `is_set` has not reported when it ends acts
    then, as it would have without it. In another than the main thread, and
    where Ctrl-C is ignored or ends the process without Python, nothing is changed. A closed loop enters and leaves it at every step:
    hence the module of C functions behind `signal`, which turns handlers into enumerations.
    """

    __slots__ = ("_before", "_mine")

    def __enter__(self) -> Stop:
        global _active
        self._mine = False
        if not _active and threading.get_ident() == threading.main_thread().ident:
            self._before: Any = _signal.getsignal(signal.SIGINT)
            if callable(self._before):
                _signal.signal(signal.SIGINT, self._handle)  # first: the handler before may still be called by this, and raise
                self._mine = _active = True
        return self

    def __exit__(self, *error: object) -> None:
        global _active
        if not self._mine:
            return
        _active = False
        _signal.signal(signal.SIGINT, self._before)  # last: from here on it may raise
        if self._pressed and error[0] is None and not (self._seen and self._before is signal.default_int_handler):
            self._before(signal.SIGINT, None)  # the user's own handler is called, too

    def _handle(self, number: int, frame: Any) -> None:
        self.set()
        if self._pressed >= PATIENCE and _active:
            self._before(number, frame)
