"""The engine's progress reports, shown on standard error: a bar with real-time factor and remaining time."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_TITLES = {"trace": "tracing", "compile": "compiling", "build": "connecting", "run": "simulating"}


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
            TextColumn("{task.description:<11}"),
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
