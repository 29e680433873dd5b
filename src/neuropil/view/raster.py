"""The raster of a layered circuit: populations stacked as in the tissue, first on top, with their rates below."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.result import Result, Spikes
from neuropil.view.concentrations import draw_concentration, strips
from neuropil.view.statistics import last_time
from neuropil.view.style import INK, NORMAL, SERIES, SMALL, colour, kind, label, new_figure, tidy

MAX_DOTS = 40_000
_LEAST_SHARE = 0.035  # of the height, for a population too small to be seen at its true share
_GAP = 0.008  # between populations, of the height


def raster_figure(
    result: Result,
    *,
    t_from: float | None = None,
    t_to: float | None = None,
    max_dots: int = MAX_DOTS,
    width: float = 7.4,
    with_fraction: bool = False,
) -> Any:
    """A figure with the raster above, the mean rates of the excitatory and inhibitory neurons below, and then modulators.

    Args:
        result: the run.
        t_from, t_to: the window, ms; by default `raster_window`.
        max_dots: the most spikes to draw; a random part of the neurons is drawn if there are more.
        width: inches.
        with_fraction: return (figure, fraction of the neurons that is drawn).

    Returns:
        A matplotlib Figure (not of pyplot): `.savefig(path)` it, or let a notebook show it.
    """
    start, stop = raster_window(result, max_dots)
    start, stop = start if t_from is None else t_from, stop if t_to is None else t_to
    rows, shown = len(result.spikes.populations), strips(result.modulators)
    height = min(2.3 + 0.42 * rows, 6.5)
    whole = height + 0.75 * len(shown)
    figure = new_figure(width, whole)
    upper, lower, *under = figure.subplots(
        2 + len(shown), 1, sharex=True, gridspec_kw={"height_ratios": [height - 1.35, 0.9, *([0.65] * len(shown))], "hspace": 0.1 if not shown else 0.16}
    )
    figure.subplots_adjust(left=0.09, right=0.83, top=0.985, bottom=0.42 / whole)
    fraction = draw_raster(upper, result.spikes, t_from=start, t_to=stop, max_dots=max_dots, time_axis=False)
    draw_rates(lower, result.spikes, t_from=start, t_to=stop)
    for row, (ax, traces) in enumerate(zip(under, shown, strict=True)):
        draw_concentration(ax, traces, t_from=start, t_to=stop, shade=SERIES[(row + 3) % len(SERIES)], time_axis=row == len(shown) - 1)
    if shown:
        lower.set_xlabel("")
        lower.tick_params(axis="x", labelbottom=False)
    return (figure, fraction) if with_fraction else figure


def raster_window(result: Result, max_dots: int = MAX_DOTS) -> tuple[float, float]:
    """The window worth drawing, ms: the whole run if it is short or sparse, otherwise its last second.

    Args:
        max_dots: spikes that may be drawn.
    """
    stop = result.t_stop_ms if result.duration_ms > 0 else max(last_time(result.spikes), result.spikes.dt)
    start = min(result.t_start_ms, stop - result.spikes.dt)
    if len(result.spikes) > max_dots:
        start = max(start, stop - 1000.0)
    return start, stop


def draw_raster(
    ax: Any,
    spikes: Spikes,
    *,
    t_from: float = 0.0,
    t_to: float | None = None,
    max_dots: int = MAX_DOTS,
    seed: int = 0,
    time_axis: bool = True,
) -> float:
    """Draw spikes in (t_from, t_to] ms into axes; returns the fraction of the neurons that is drawn.

    The same fraction of every population is drawn, chosen at random by `seed`. Beside each population stand its size
    and its mean rate in the window.

    Args:
        ax: matplotlib axes.
        t_from, t_to: ms; None: the last spike.
        max_dots: spikes that are drawn at most.
        time_axis: whether the axis of time is labelled.
    """
    t_to = max(last_time(spikes), t_from + spikes.dt) if t_to is None else t_to
    window = spikes.between(t_from, t_to)
    fraction, chosen = _sample(window, max_dots, seed)
    shown = chosen[window.neuron]
    times, neuron = window.step[shown] * window.dt, window.neuron[shown].astype(np.int64)
    rank = np.cumsum(chosen) - 1
    few = int(chosen.sum()) <= 60
    ticks: dict[str, float] = {}
    spacing = 12.0 / (72.0 * ax.bbox.height / ax.figure.dpi)  # of one line of text, as a part of the height
    for name, (top, bottom) in _bands(spikes).items():
        first, size = spikes.populations[name]
        mine = (neuron >= first) & (neuron < first + size)
        count = max(int(chosen[first : first + size].sum()), 1)
        row = (rank[neuron[mine]] - rank[first] + chosen[first] if size else np.zeros(0)) - 0.5
        ax.plot(
            times[mine],
            top + (bottom - top) * (row / count),
            linestyle="none",
            marker="|" if few else "o",
            markersize=min(100.0 / max(int(chosen.sum()), 1), 24.0) if few else _dot(times.size),
            markeredgewidth=0.9 if few else 0.0,
            color=colour(name),
            rasterized=not few,
        )
        middle = (top + bottom) / 2
        if ticks and middle - max(ticks.values()) < min(spacing, _LEAST_SHARE):
            continue  # names that would run into each other are left out, as in any axis
        ticks[name] = middle
        fired = int(np.count_nonzero((window.neuron >= first) & (window.neuron < first + size)))
        _annotate(ax, middle, size, fired, t_to - t_from)
    ax.set_ylim(1.0, 0.0)
    ax.set_xlim(t_from, t_to)
    ax.set_yticks(list(ticks.values()), list(ticks))
    tidy(ax, left=False)
    ax.tick_params(axis="y", length=0, labelsize=NORMAL)
    for text, name in zip(ax.get_yticklabels(), ticks, strict=True):
        text.set_color(colour(name) if kind(name) else INK)
    if time_axis:
        label(ax, x="time (ms)")
    else:
        ax.spines["bottom"].set_visible(False)
        ax.tick_params(axis="x", length=0, labelbottom=False)
    return fraction


def _annotate(ax: Any, middle: float, size: int, fired: int, duration: float) -> None:
    """Beside a population, at a height: its size and the mean rate of its neurons in a window (ms)."""
    hz = fired * 1000.0 / (max(size, 1) * duration)
    place = {"xycoords": ("axes fraction", "data"), "va": "center"}
    ax.annotate(f"{size:,} · {hz:.2f} Hz", (1.015, middle), fontsize=SMALL, color=INK, **place)


def draw_rates(ax: Any, spikes: Spikes, *, t_from: float, t_to: float, bin_ms: float | None = None) -> None:
    """Draw the mean rate, Hz, of the excitatory, the inhibitory and the other neurons.

    Bins are a 400th of the window, or wide enough to hold four spikes each on average.

    Args:
        ax: matplotlib axes.
        t_from, t_to: ms.
        bin_ms: ms; None: as below.
    """
    if bin_ms is None:
        count = min(400.0, max(len(spikes.between(t_from, t_to)) / 4.0, 20.0))
        bin_ms = max((t_to - t_from) / count, spikes.dt)
    bins = max(int((t_to - t_from) / bin_ms + 1e-9), 1)
    edges = t_from + np.arange(bins + 1) * bin_ms
    window = spikes.between(t_from, float(edges[-1]))
    # Half a step earlier, a spike on the edge of two bins falls into the one that its step belongs to.
    index = np.searchsorted(edges, (window.step - 0.5) * window.dt, side="right") - 1
    names = {"E": "excitatory", "I": "inhibitory", "": "all" if len(spikes.populations) > 1 else ""}
    colours = {kind(name): colour(name) for name in spikes.populations}
    peak = 0.0
    for group in sorted(colours, key="EI".find, reverse=True):
        members = [bounds for name, bounds in spikes.populations.items() if kind(name) == group]
        mine = np.zeros(window.neuron.size, dtype=bool)
        for first, size in members:
            mine |= (window.neuron >= first) & (window.neuron < first + size)
        counts = np.bincount(index[mine].clip(0, bins - 1), minlength=bins)
        rate = counts * 1000.0 / (bin_ms * max(sum(size for _, size in members), 1))
        text = names[group] if len(colours) > 1 or group else names[""]
        if len(colours) > 1 and not group:
            text = "other"
        ax.plot((edges[1:] + edges[:-1]) / 2, rate, color=colours[group], linewidth=0.9, label=text or None)
        peak = max(peak, float(rate.max()))
    ax.set_xlim(t_from, t_to)
    ax.set_ylim(0, peak * 1.08 or 1.0)
    ax.locator_params(axis="y", nbins=3)
    tidy(ax, grid="y")
    label(ax, x="time (ms)", y="rate (Hz)")
    handles, texts = ax.get_legend_handles_labels()
    for row, (handle, text) in enumerate(zip(handles, texts, strict=True)):
        at = (1.015, 0.9 - 0.24 * row)
        ax.annotate(text, at, xycoords="axes fraction", va="top", fontsize=SMALL, color=handle.get_color())


def _sample(window: Spikes, max_dots: int, seed: int) -> tuple[float, NDArray[np.bool_]]:
    """The fraction of neurons to draw, and (neurons,) which: the same part of every population, at least one of each."""
    end = max((first + size for first, size in window.populations.values()), default=0)
    fired = np.bincount(window.neuron.astype(np.int64), minlength=end)
    order = np.random.default_rng(seed).random(end)
    fraction = min(1.0, max_dots / max(len(window), 1))
    while True:
        chosen = np.zeros(end, dtype=bool)
        for first, size in window.populations.values():
            take = max(round(fraction * size), 1)
            chosen[first : first + size][np.argsort(order[first : first + size])[:take]] = True
        if int(fired[chosen].sum()) <= max_dots or fraction * end < 1:
            return fraction, chosen
        fraction *= 0.95  # the chance of the draw, or a population of few, busy neurons


def _bands(spikes: Spikes) -> dict[str, tuple[float, float]]:
    """population -> (top, bottom) as parts of the height from the top, in proportion to size but never invisible."""
    sizes = np.array([size for _, size in spikes.populations.values()], dtype=np.float64)
    if not sizes.size:
        return {}
    least = min(_LEAST_SHARE, 0.8 / sizes.size)
    share = np.maximum(sizes / max(sizes.sum(), 1.0), least)
    share /= share.sum()
    bottom = np.cumsum(share)
    gap = min(_GAP, 0.1 / sizes.size) / 2
    tops, bottoms = (bottom - share + gap).tolist(), (bottom - gap).tolist()
    return dict(zip(spikes.populations, zip(tops, bottoms, strict=True), strict=True))


def _dot(count: int) -> float:
    """Diameter of a dot, points: smaller the more there are."""
    return float(np.clip(220.0 / np.sqrt(max(count, 1)), 0.9, 2.4))
