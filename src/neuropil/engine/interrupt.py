"""Cooperative handling of Ctrl-C: a computation ends at the next place where it is whole, and keeps its results."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 3
"""How often Ctrl-C is pressed until it ends a computation wherever it is."""

_active = False  # of the main thread alone: only there do signals arrive


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Within, Ctrl-C sets the event; the third one interrupts at once.

    Of several that are nested the outermost acts, so that what it consists of is finished. In another than the main thread, and
    where Ctrl-C is ignored or ends the process without Python, nothing is changed.
    """
    global _active
    stop = threading.Event()
    before = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    if _active or not callable(before):
        yield stop
        return
    pressed = 0

    def handle(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed += 1
        stop.set()
        if pressed >= PATIENCE:
            before(number, frame)

    _active = True
    signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
        _active = False
    if pressed and before is not signal.default_int_handler:
        before(signal.SIGINT, None)  # a handler that was installed before is called, too
