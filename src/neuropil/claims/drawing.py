"""The figures of experiments: small axes in one style. (This layer may not import `view`.)

Args:
    count: number of axes; width, height: of each, inches.
    ax: matplotlib axes.
    x, y: names of the axes; title: above them.
    options: of matplotlib's legend.
    names, values, lows, highs: of the bars, one for each.
"""

from __future__ import annotations

from typing import Any

SERIES = ("#2f7fd0", "#e0602a", "#1a9e77", "#b65fb0", "#c79a00", "#58b4e0", "#7a8494", "#9c5a3c")
"""Colours apart for every common form of colour blindness, after Okabe & Ito."""


def panels(count: int = 1, *, width: float = 3.6, height: float = 2.9) -> tuple[Any, list[Any]]:
    """A figure with so many axes side by side, each of that many inches; attached to no window."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height), dpi=150, layout="constrained")
    axes = list(figure.subplots(1, count, squeeze=False)[0])
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    return figure, axes


def label(ax: Any, x: str, y: str, title: str = "") -> None:
    """Names of the axes, and a title set flush left."""
    ax.set_xlabel(x, fontsize=8)
    ax.set_ylabel(y, fontsize=8)
    ax.set_title(title, fontsize=9, loc="left")


def legend(ax: Any, **options: Any) -> None:
    """A legend without a box."""
    ax.legend(frameon=False, fontsize=7, **options)


def bars(ax: Any, names: list[str], values: list[float], lows: list[float], highs: list[float]) -> None:
    """One bar per name, with its interval."""
    ax.bar(range(len(names)), values, color=SERIES[: len(names)], width=0.65)
    errors = [[v - a for v, a in zip(values, lows, strict=True)], [b - v for v, b in zip(values, highs, strict=True)]]
    ax.errorbar(range(len(names)), values, yerr=errors, fmt="none", ecolor="black", elinewidth=0.8, capsize=2)
    ax.set_xticks(range(len(names)), names, fontsize=7)
