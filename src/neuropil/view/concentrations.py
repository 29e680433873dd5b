"""Modulators under the raster: one strip each, the concentration at its ticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuropil.result import Trace
from neuropil.view.panels import thin
from neuropil.view.style import SERIES, SMALL, label, tidy

MAX_STRIPS, MAX_TRACES = 6, 4
_SCALES = ((1e-3, 1e6, "nM"), (1.0, 1e3, "µM"), (np.inf, 1.0, "mM"))  # below this many mM: so many of that unit in one


def strips(traces: Mapping[str, Trace]) -> list[list[Trace]]:
    """The traces to draw, those of one modulator together, at most `MAX_STRIPS` modulators with `MAX_TRACES` each."""
    together: dict[str, list[Trace]] = {}
    for trace in traces.values():
        if len(trace):
            together.setdefault(trace.variable, []).append(trace)
    return [group[:MAX_TRACES] for group in together.values()][:MAX_STRIPS]


def draw_concentration(ax: Any, traces: Sequence[Trace], *, t_from: float, t_to: float, shade: str, time_axis: bool = True) -> None:
    """Draw a modulator's concentration in a window (ms): one line, or one for the mean over each population.

    Args:
        ax: matplotlib axes.
        traces: one trace, or one for each population.
        t_from, t_to: ms.
        shade: colour of the first line.
        time_axis: whether the axis of time is labelled.
    """
    inside = [(t.times_ms >= t_from) & (t.times_ms <= t_to) for t in traces]
    peak = max((float(np.abs(t.values[w]).max(initial=0.0)) for t, w in zip(traces, inside, strict=True)), default=0.0)
    factor, unit = next((f, u) for bound, f, u in _SCALES if peak < bound) if traces[0].unit == "mM" else (1.0, "")
    for row, (trace, window) in enumerate(zip(traces, inside, strict=True)):
        times, values = thin(trace.times_ms[window], factor * trace.values[window, 0])
        line = shade if row == 0 else SERIES[(SERIES.index(shade) + row) % len(SERIES)]
        ax.plot(times, values, color=line, linewidth=0.9)
        name = trace.variable.strip("[]") if not row else ""
        text = f"{name}\n{trace.population}" if trace.population and not row else name or trace.population
        ax.annotate(text, (1.015, 0.95 - (0.24 * (row + bool(row)))), xycoords="axes fraction", va="top", fontsize=SMALL, color=line)
    ax.set_xlim(t_from, t_to)
    ax.locator_params(axis="y", nbins=3)
    tidy(ax, grid="y")
    label(ax, x="time (ms)" if time_axis else "", y=unit)
    if not time_axis:
        ax.tick_params(axis="x", labelbottom=False)
