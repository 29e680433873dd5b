"""Small pictures of the report: distributions over neurons, spectra of populations, traces of probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.result import Trace
from neuropil.view.statistics import Floats, PopulationStatistics
from neuropil.view.style import INK, NORMAL, SERIES, SMALL, colour, kind, label, new_figure, tidy

MAX_ROWS = 24
MIN_NEURONS = 8  # a smooth curve through fewer values would suggest more than the data show
MAX_SPECTRA = 16
MAX_PROBES, MAX_LINES, MAX_POINTS = 8, 6, 1500


def distributions_figure(statistics: Mapping[str, PopulationStatistics], seconds: float) -> Any:
    """Rate, irregularity and correlation over the neurons of each population, one row a population.

    Args:
        statistics: at most `MAX_ROWS` populations are drawn.
        seconds: length of the window, s: a rate is a multiple of 1 / seconds, and is smoothed that much.
    """
    chosen = list(statistics.values())[:MAX_ROWS]
    height = 0.75 + 0.34 * len(chosen)
    figure = new_figure(7.4, height)
    axes = figure.subplots(1, 3, sharey=True, gridspec_kw={"wspace": 0.12})
    figure.subplots_adjust(left=0.09, right=0.985, top=1 - 0.3 / height, bottom=0.42 / height)
    _ridges(axes[0], chosen, [s.rates for s in chosen], floor=0.0, resolution=1.0 / seconds)
    _ridges(axes[1], chosen, [s.cvs for s in chosen], floor=0.0, at_least=1.25)
    _ridges(axes[2], chosen, [s.correlations for s in chosen], floor=None)
    label(axes[0], x="rate of a neuron (Hz)", title="Rate")
    label(axes[1], x="CV of its intervals", title="Irregularity")
    label(axes[2], x="correlation of a pair", title="Correlation")
    axes[1].axvline(1.0, color=INK, alpha=0.35, linewidth=0.6, linestyle=(0, (3, 3)))
    axes[2].axvline(0.0, color=INK, alpha=0.35, linewidth=0.6, linestyle=(0, (3, 3)))
    axes[0].set_yticks(range(len(chosen)), [s.name for s in chosen])
    axes[0].set_ylim(len(chosen) - 0.75, -1.0)
    for text, population in zip(axes[0].get_yticklabels(), chosen, strict=True):
        text.set_color(colour(population.name) if kind(population.name) else INK)
        text.set_fontsize(NORMAL)
    return figure


def spectra_figure(statistics: Mapping[str, PopulationStatistics], columns: int = 4) -> Any:
    """The power spectrum of each population's rate in its own small axes, on common scales.

    Args:
        statistics: by population.
        columns: of axes, at most.
    """
    chosen = [s for s in statistics.values() if s.spikes and s.frequencies.size > 2][:MAX_SPECTRA]
    columns = min(columns, max(len(chosen), 1))
    rows = -(-max(len(chosen), 1) // columns)
    height = 0.55 + 1.15 * rows
    figure = new_figure(7.4, height)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False, gridspec_kw={"wspace": 0.1})
    figure.subplots_adjust(left=0.09, right=0.985, top=1 - 0.25 / height, bottom=0.45 / height, hspace=0.32)
    levels = np.concatenate([s.power[1:] for s in chosen]) if chosen else np.ones(1)
    positive = levels[levels > 0]
    for index, ax in enumerate(axes.flat):
        if index >= len(chosen):
            ax.set_visible(False)
            continue
        each = chosen[index]
        ax.fill_between(each.frequencies[1:], each.power[1:], 1e-300, color=colour(each.name), alpha=0.16, linewidth=0)
        ax.plot(each.frequencies[1:], each.power[1:], color=colour(each.name), linewidth=1.0)
        # What independent Poisson neurons of this rate would show: everything above it is shared.
        ax.axhline(2 * each.rate / each.size, color=INK, alpha=0.45, linewidth=0.6, linestyle=(0, (3, 3)))
        ax.set_yscale("log")
        ax.set_xlim(0, min(300.0, float(each.frequencies[-1])))
        ax.set_xticks([tick for tick in (0, 100, 200) if tick <= each.frequencies[-1]])
        tidy(ax, grid="y")
        ax.tick_params(axis="y", which="minor", length=0)
        ax.set_title(each.name, fontsize=SMALL, color=colour(each.name), loc="left", pad=2)
        label(
            ax, x="frequency (Hz)" if index + columns >= len(chosen) else "", y="Hz²/Hz" if not index % columns else ""
        )
        ax.tick_params(labelbottom=index + columns >= len(chosen))
    if positive.size:
        axes[0, 0].set_ylim(float(np.percentile(positive, 1)) / 2, float(positive.max()) * 2)
    return figure


def traces_figure(traces: Mapping[str, Trace]) -> Any:
    """The traces of the probes: one row a probe, up to six neurons (or sites, or synapses) in each."""
    chosen = [(name, trace) for name, trace in traces.items() if len(trace) and trace.neurons.size][:MAX_PROBES]
    height = 0.45 + 1.15 * max(len(chosen), 1)
    figure = new_figure(7.4, height)
    axes = figure.subplots(max(len(chosen), 1), 1, sharex=True, squeeze=False)[:, 0]
    figure.subplots_adjust(left=0.09, right=0.83, top=1 - 0.22 / height, bottom=0.42 / height, hspace=0.35)
    for ax, (name, trace) in zip(axes, chosen, strict=False):
        lines = min(trace.neurons.size, MAX_LINES)
        for column in range(lines):
            times, values = thin(trace.times_ms, trace.values[:, column].astype(np.float64))
            ax.plot(times, values, color=SERIES[column % len(SERIES)], linewidth=0.8)
            at = (1.015, 0.96 - 0.16 * column)
            site = "" if trace.sites is None else f", {int(trace.sites[column])}"
            text = f"{trace.population}[{int(trace.neurons[column])}{site}]"
            ax.annotate(text, at, xycoords="axes fraction", va="top", fontsize=7, color=SERIES[column % len(SERIES)])
        tidy(ax, grid="y")
        ax.locator_params(axis="y", nbins=4)
        ax.margins(x=0)
        variable = trace.variable if name == trace.variable else f"{name} ({trace.variable})"
        more = f"; {lines} of {trace.neurons.size} columns" if trace.neurons.size > lines else ""
        label(ax, y=trace.unit, title="")
        ax.set_title(variable + more, fontsize=SMALL, color=INK, loc="left", pad=3)
    label(axes[-1], x="time (ms)", y=axes[-1].get_ylabel())
    return figure


def thin(times: Floats, values: Floats, points: int = MAX_POINTS) -> tuple[Floats, Floats]:
    """A long (n,) trace by the least and the greatest value of each stretch, so that no spike of it is lost.

    Args:
        times: float64[n], ms.
        values: float64[n].
        points: most points that remain.
    """
    stride = -(-values.size // (points // 2))  # rounded up, so that no more than `points` remain
    if stride < 3:
        return times, values
    rows = -(-values.size // stride)
    table = np.full((rows, stride), np.nan)
    table.flat[: values.size] = values  # the last stretch may be shorter
    known = np.isfinite(table)
    least, greatest = np.where(known, table, np.inf).argmin(axis=1), np.where(known, table, -np.inf).argmax(axis=1)
    index = (np.arange(rows)[:, None] * stride + np.sort(np.stack((least, greatest), axis=1), axis=1)).ravel()
    return times[index], values[index]


def _ridges(
    ax: Any,
    populations: Sequence[PopulationStatistics],
    samples: Sequence[Floats],
    *,
    floor: float | None,
    resolution: float = 0.0,
    at_least: float = 0.0,
) -> None:
    """One smoothed histogram a population on a common scale, with its median; a few values are drawn as dots."""
    low, high = _range(samples, floor, at_least)
    edges = np.linspace(low, high, 97)
    centres = (edges[1:] + edges[:-1]) / 2
    for row, (population, values) in enumerate(zip(populations, samples, strict=True)):
        shade = colour(population.name)
        ax.axhline(row, color=INK, alpha=0.15, linewidth=0.5)
        inside = values[(values >= low) & (values <= high)]
        if values.size < MIN_NEURONS:
            ax.plot(
                inside,
                np.full(inside.size, row - 0.12),
                "o",
                color=shade,
                markersize=4,
                markeredgewidth=0,
                clip_on=False,
            )
            continue
        density = _smooth(np.histogram(inside, edges)[0], max(1.5, 0.6 * resolution / (edges[1] - edges[0])))
        shape = row - 0.82 * density / max(float(density.max()), 1e-300)
        ax.fill_between(centres, row, shape, color=shade, alpha=0.28, linewidth=0)
        ax.plot(centres, shape, color=shade, linewidth=0.9)
        middle = float(np.median(values))
        ax.plot([middle, middle], [row, row - 0.3], color=INK, linewidth=1.2, solid_capstyle="butt")
    ax.set_xlim(low, high)
    ax.locator_params(axis="x", nbins=5)
    tidy(ax, left=False)
    ax.tick_params(axis="y", length=0)


def _range(samples: Sequence[Floats], floor: float | None, at_least: float) -> tuple[float, float]:
    """The common axis: all but the last 2.5 % of the widest population, whose tail would compress the rest."""
    filled = [values for values in samples if values.size]
    high = max([at_least, *(float(np.percentile(values, 97.5)) for values in filled)])
    low = floor if floor is not None else min([0.0, *(float(np.percentile(values, 1)) for values in filled)])
    return (low, high + 0.03 * (high - low)) if high > low else (low, low + 1.0)


def _smooth(histogram: NDArray[Any], sigma: float) -> Floats:
    """A histogram under a Gaussian of `sigma` bins, reflected at the ends so that the area is kept."""
    reach = min(int(3 * sigma) + 1, histogram.size)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(histogram.astype(np.float64), reach, mode="symmetric")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")
