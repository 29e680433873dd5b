"""The engine's progress reports, shown on standard error: a bar with real-time factor and remaining time.

`npl.run` shows them by itself on a terminal and in a notebook once a run has taken two seconds; `progress=False` turns them off.
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_TITLES = {"trace": "tracing", "compile": "compiling (once)", "build": "connecting", "run": "simulating"}


PATIENCE = 2.0
"""Seconds after which a run is shown without being asked to."""


class Reporter:
    """A callable to which the engine reports `(phase, fraction, info)`.

    On a terminal it draws one bar per phase; elsewhere (a log file, a pipe) it writes one line when a phase begins.

    Args:
        biological_ms: length of the run, for the real-time factor (wall / biological time).
        console: where to write; None: standard error.
    """

    def __init__(self, biological_ms: float, console: Console | None = None):
        self._biological = biological_ms / 1000.0
        self._console = console or Console(stderr=True)
        self._phase = ""
        self._began = 0.0
        self._task: Any = None
        self._progress = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=36),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=False,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> Reporter:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def __call__(self, phase: str, fraction: float, info: dict[str, Any] | None = None) -> None:
        """Report that `fraction` (0 to 1) of a phase is done."""
        fraction = min(max(float(fraction), 0.0), 1.0)
        if phase != self._phase:
            self._begin(phase)
        if self._task is not None:
            self._progress.update(self._task, completed=fraction, note=self._note(phase, fraction, info or {}))

    def _begin(self, phase: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=1.0)
        self._phase, self._began = phase, time.perf_counter()
        title = _TITLES.get(phase, phase)
        if self._console.is_terminal:
            self._task = self._progress.add_task(title, total=1.0, note="")
        else:
            self._console.print(f"{title} …", highlight=False)

    def _note(self, phase: str, fraction: float, info: dict[str, Any]) -> str:
        if phase != "run" or fraction <= 0:
            return ""
        factor = info.get("real_time_factor")
        if factor is None:
            factor = (time.perf_counter() - self._began) / (fraction * self._biological)
        return f"real-time factor {factor:.2f}"


class Display:
    """A callable to which a simulation reports, which opens a `Reporter` when there is something to wait for.

    Args:
        after: seconds of wall time before it opens, from the first report on.
    """

    def __init__(self, after: float = 0.0):
        self._after, self._lock = after, threading.Lock()
        self._last: tuple[str, float, dict[str, Any] | None] = ("", 0.0, None)
        self._reporter: Reporter | None = None
        self._timer: threading.Timer | None = None

    def __call__(self, phase: str, fraction: float, info: dict[str, Any] | None = None) -> None:
        """Report that `fraction` (0 to 1) of a phase is done; details in `info`."""
        self._last = (phase, fraction, info)
        if self._timer is None and self._reporter is None:
            self._timer = threading.Timer(self._after, self._open)  # the phase that takes long may report nothing while it lasts
            self._timer.daemon = True
            if self._after > 0:
                self._timer.start()
            else:
                self._open()
        with self._lock:
            if self._reporter is not None:
                self._reporter(phase, fraction, info)
        if phase == "run" and fraction >= 1.0:
            self.close()

    def _open(self) -> None:
        with self._lock:
            if self._timer is None or self._reporter is not None:
                return  # it was closed while the timer waited
            self._reporter = Reporter(1.0).__enter__()
            self._reporter(*self._last)

    def close(self) -> None:
        """Leave the display as it is; what is reported later opens another."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            if self._reporter is not None:
                self._reporter.__exit__(None, None, None)
            self._reporter, self._timer = None, None


def display(asked: bool | None) -> Display | None:
    """What a run reports to.

    Args:
        asked: True: a display; False: none; None: one on a terminal or in a notebook, after `PATIENCE` seconds.
    """
    if asked is None:
        return Display(PATIENCE) if sys.stderr.isatty() or "ipykernel" in sys.modules else None
    return Display() if asked else None
