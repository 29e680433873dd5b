"""Pictures of parts of a result, each asked for by itself: rates, spectra, intervals between spikes, weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from neuropil.errors import ResultError, did_you_mean
from neuropil.result import Result, Spikes, Trace
from neuropil.view.panels import MAX_PROBES, MAX_SPECTRA, spectra_figure, thin
from neuropil.view.statistics import SPECTRUM_MS, describe, intervals, isi_cv, last_time, mean, population_rate
from neuropil.view.style import INK, SERIES, SMALL, label, new_figure, tidy

_BINS = 200  # of a rate over time
_INSIDE = 99.0  # per cent of the intervals lie within the axis, and what lies beyond is counted


def chosen(names: Sequence[str], available: Collection[str], what: str, most: int = MAX_PROBES) -> list[str]:
    """The things to draw.

    Args:
        names: those asked for; none: all.
        available: those there are.
        what: "population" or "probe", for the message.
        most: that fit into a picture.

    Raises:
        ResultError: none of this name, none at all, or more than fit.
    """
    for name in names:
        if name not in available:
            raise ResultError(f"the result has no {what} of this name", got=name, fix=did_you_mean(name, available))
    found = list(dict.fromkeys(names)) or list(available)
    if not found:
        raise ResultError(f"the result has no {what} to draw", fix="net.probe(...) before the run" if what == "probe" else None)
    if len(found) > most:
        raise ResultError(f"too many {what}s for one picture", got=len(found), expected=f"at most {most}", fix=f"name those to draw: ({', '.join(map(repr, found[:2]))}, ...)")
    return found


def window(result: Result, t_from: float | None, t_to: float | None) -> tuple[float, float]:
    """The window to draw, ms: the run where it is not given.

    Args:
        result: the run.
        t_from, t_to: ms.

    Raises:
        ResultError: a window without length, or one that is not within the run.
    """
    end = result.t_stop_ms if result.duration_ms > 0 else max(last_time(result.spikes), result.t_start_ms + result.spikes.dt)
    start, stop = result.t_start_ms if t_from is None else t_from, end if t_to is None else t_to
    if not result.t_start_ms <= start < stop <= end + result.spikes.dt / 2:
        raise ResultError("the window must lie within the run", got=f"{start:g} to {stop:g} ms", expected=f"times from {result.t_start_ms:g} to {end:g} ms, t_from < t_to")
    return start, stop


def rates_figure(
    result: Result, populations: Sequence[str] = (), *, ax: Any = None, t_from: float | None = None, t_to: float | None = None, bin: float | None = None
) -> Any:
    """The mean rates of populations over time; arguments as of `Result.plot_rates`.

    Args:
        result: the run.
        populations: names; none: all.
        ax: matplotlib axes.
        t_from, t_to, bin: ms.

    Raises:
        ResultError: as of `Result.plot_rates`.
    """
    names = chosen(populations, result.spikes.populations, "population", len(SERIES))
    start, stop = window(result, t_from, t_to)
    dt = result.spikes.dt
    steps = max(round((stop - start) / _BINS / dt), 1) if bin is None else round(bin / dt)
    if bin is not None and (steps < 1 or abs(bin / dt - steps) > 1e-6 or steps * dt > stop - start + dt / 2):
        raise ResultError("a bin must be a whole number of time steps, and no longer than the window", got=f"{bin:g} ms", expected=f"a multiple of {dt:g} ms up to {stop - start:g} ms")
    figure, ax = _axes(ax)
    for row, name in enumerate(names):
        times, rate = population_rate(result.spikes, name, start, stop, steps * dt)
        ax.plot(times, rate, color=SERIES[row], linewidth=0.9)
        _named(ax, row, name)
    ax.set_xlim(start, stop)
    ax.set_ylim(bottom=0.0)
    label(ax, x="time (ms)", y=f"rate (Hz), bins of {steps * dt:g} ms")
    return figure


def psd_figure(result: Result, populations: Sequence[str] = (), *, t_from: float | None = None, t_to: float | None = None) -> Any:
    """Power spectra of populations' rates; arguments as of `Result.plot_psd`.

    Args:
        result: the run.
        populations: names; none: all.
        t_from, t_to: ms.

    Raises:
        ResultError: as of `Result.plot_psd`.
    """
    names = chosen(populations, result.spikes.populations, "population", MAX_SPECTRA)
    start, stop = window(result, t_from, t_to)
    if stop - start < SPECTRUM_MS:
        raise ResultError("a power spectrum needs at least one whole window", got=f"{stop - start:g} ms", expected=f"at least {SPECTRUM_MS:g} ms", fix="run for longer")
    found = {name: describe(result.spikes.of(name), start, stop, sample=0)[name] for name in names}
    if silent := [name for name, s in found.items() if not s.spikes]:
        raise ResultError("a population without spikes has no spectrum", got=", ".join(silent), fix="name the others")
    return spectra_figure(found)


def isi_figure(result: Result, populations: Sequence[str] = (), *, ax: Any = None, t_from: float | None = None, t_to: float | None = None) -> Any:
    """The distribution of intervals between spikes; arguments as of `Result.plot_isi`.

    Args:
        result: the run.
        populations: names; none: all.
        ax: matplotlib axes.
        t_from, t_to: ms.

    Raises:
        ResultError: as of `Result.plot_isi`.
    """
    names = chosen(populations, result.spikes.populations, "population", len(SERIES))
    inside = result.spikes.between(*window(result, t_from, t_to))
    dt = inside.dt
    found = {name: intervals(inside, name)[1] for name in names}
    every = np.concatenate(list(found.values()))
    if not every.size:
        raise ResultError("there are no intervals: no neuron fired twice", got=f"{len(inside)} spikes", fix="a longer window")
    # Bins hold equally many steps, else the grid would show as teeth.
    last = max(float(np.percentile(every, _INSIDE)), 1.0)
    steps = max(round(last / 80), 1)
    edges = 0.5 + steps * np.arange(-(-last // steps) + 1)
    figure, ax = _axes(ax)
    for row, (name, values) in enumerate(found.items()):
        if values.size:
            density = np.histogram(values, edges)[0] / (values.size * steps * dt)
            ax.stairs(density, edges * dt, color=SERIES[row], linewidth=0.9)
        _named(ax, row, f"{name}{_regularity(inside, name) if values.size else ': none'}")
    ax.set_xlim(0.0, edges[-1] * dt)
    beyond = int(np.count_nonzero(every > edges[-1]))
    label(ax, x="interval (ms)" + (f"; {beyond:,} of {every.size:,} are longer" if beyond else ""), y="density (1/ms)")
    return figure


def weights_figure(traces: Mapping[str, Trace], names: Sequence[str] = ()) -> Any:
    """The distributions of weights at the first and at the last sample, and their mean and spread over time, a row for each probe.

    Args:
        traces: by name of the probe.
        names: of the probes to draw; none: those of "weight".

    Raises:
        ResultError: as of `Result.plot_weights`.
    """
    weights = [name for name, trace in traces.items() if trace.variable == "weight"]
    if not names and not weights:
        raise ResultError("no probe has recorded weights", got=f"probes {list(traces)}", fix="net.probe(projection, \"weight\", interval=10 * ms) before the run")
    drawn = {name: traces[name] for name in chosen(names, traces, "probe")} if names else {name: traces[name] for name in chosen(weights, weights, "probe")}
    if empty := [name for name, trace in drawn.items() if not trace.values.size]:
        raise ResultError("a probe has no samples", got=", ".join(empty), fix="a run that is longer than the interval of the probe")
    height = 0.55 + 1.5 * len(drawn)
    figure = new_figure(7.4, height)
    axes = figure.subplots(len(drawn), 2, squeeze=False, gridspec_kw={"wspace": 0.25})
    figure.subplots_adjust(left=0.09, right=0.985, top=1 - 0.25 / height, bottom=0.45 / height, hspace=0.5)
    for (left, right), (name, trace) in zip(axes, drawn.items(), strict=True):
        _distributions(left, name, trace)
        times, rows = trace.times_ms, trace.values.astype(np.float64)
        low, middle, high = np.nanpercentile(rows, 5, axis=1), np.nanmean(rows, axis=1), np.nanpercentile(rows, 95, axis=1)
        right.fill_between(times, low, high, color=SERIES[0], alpha=0.2, linewidth=0)
        right.plot(*thin(times, middle), color=SERIES[0], linewidth=1.0)
        tidy(right, grid="y")
        right.margins(x=0)
        label(right, x="time (ms)", y=_with_unit(trace))
        right.set_title("mean, and 5 to 95 % of the columns", fontsize=SMALL, color=INK, loc="left", pad=3)
    return figure


def _distributions(ax: Any, name: str, trace: Trace) -> None:
    first, last = (row[np.isfinite(row)] for row in (trace.values[0], trace.values[-1]))
    edges = np.histogram_bin_edges(np.concatenate((first, last)), 40)
    for shade, values, time in ((INK, first, trace.times_ms[0]), (SERIES[0], last, trace.times_ms[-1])):
        ax.stairs(np.histogram(values, edges)[0], edges, color=shade, linewidth=0.9, label=f"at {time:g} ms")
    ax.legend(frameon=False, fontsize=SMALL, labelcolor="linecolor", handlelength=0)
    tidy(ax, grid="y")
    label(ax, x=_with_unit(trace), y="columns")
    ax.set_title(f"{name}: {trace.neurons.size:,} columns", fontsize=SMALL, color=INK, loc="left", pad=3)


def _with_unit(trace: Trace) -> str:
    return trace.variable if trace.unit in ("", "dimensionless") else f"{trace.variable} ({trace.unit})"


def _regularity(spikes: Spikes, name: str) -> str:
    cv = mean(isi_cv(spikes, name))
    return f" · CV {cv:.2f}" if np.isfinite(cv) else ""


def _axes(ax: Any) -> tuple[Any, Any]:
    """The figure and axes to draw into: those given, or new ones with room for names on the right."""
    if ax is None:
        figure = new_figure(7.4, 2.4)
        ax = figure.add_axes((0.09, 0.19, 0.72, 0.76))
    tidy(ax, grid="y")
    return ax.figure, ax


def _named(ax: Any, row: int, text: str) -> None:
    """The name of a line beside the axes, in its colour."""
    ax.annotate(text, (1.015, 0.98 - 0.115 * row), xycoords="axes fraction", va="top", fontsize=SMALL, color=SERIES[row])
