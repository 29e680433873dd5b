"""Tornado plots: how far each assumption alone moves a total, the longest bar on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neuropil.cost import Bar
from neuropil.view import style


def tornado_figure(bars: Sequence[Bar], best: float, quantity: str, title: str = "") -> Any:
    """A matplotlib figure of the bars.

    Args:
        bars: as `neuropil.cost.tornado` gives them.
        best: the total with every assumption at its best value, where the bars meet.
        quantity: what the axis shows, with its unit.
        title: of the figure.
    """
    figure = style.new_figure(7.5, 1.1 + 0.3 * len(bars))
    figure.set_layout_engine("constrained")
    ax = figure.add_subplot()
    for row, bar in enumerate(reversed(bars)):
        for end, colour in ((bar.low, style.EXCITATORY), (bar.high, style.INHIBITORY)):
            ax.plot([best, end], [row, row], color=colour, linewidth=9, solid_capstyle="butt")
    ax.axvline(best, color=style.INK, linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yticks(range(len(bars)), [bar.label for bar in reversed(bars)])
    ax.set_ylim(-0.6, len(bars) - 0.4)
    style.tidy(ax, left=False, grid="x")
    ax.tick_params(axis="y", length=0)
    style.label(ax, x=f"{quantity} (blue: the assumption at its low end, red: at its high end)", title=title)
    return figure
