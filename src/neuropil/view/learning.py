"""The learning curve of an agent: returns of all episodes, their running mean, and a self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neuropil.agents.history import History
from neuropil.pages import render
from neuropil.result.atomic import replacing
from neuropil.view.style import SERIES, label, new_figure, tidy, to_svg

WINDOW = 20
_BARS = "▁▂▃▄▅▆▇█"


def learning_figure(history: History) -> Any:
    """Returns by episode as dots, and their mean over the last 20 as a line, for each copy of the agent."""
    figure = new_figure(6.4, 3.2)
    ax = figure.add_subplot()
    for copy, returns in enumerate(history.returns):
        episodes, colour = np.arange(1, len(returns) + 1), SERIES[copy % len(SERIES)]
        ax.plot(episodes, returns, ".", color=colour, markersize=2.5, alpha=0.45)
        if returns:
            curve = History([returns], [], [], []).curve(WINDOW)[0]
            ax.plot(episodes, curve, color=colour, linewidth=1.4)
    tidy(ax, grid="y")
    label(ax, x="episode", y="return", title=f"{history.summary.get('agent', '')} in {history.summary.get('world', '')}: mean of {WINDOW}")
    figure.tight_layout()
    return figure


def sparkline(history: History, width: int = 40) -> str:
    """The mean return of all copies over the course of the episodes, as a row of blocks; empty without episodes.

    Args:
        width: characters.
    """
    shortest = min(map(len, history.returns))
    if shortest == 0:
        return ""
    mean = np.mean([r[:shortest] for r in history.returns], axis=0)
    parts = np.array([p.mean() for p in np.array_split(mean, min(width, shortest))])
    low, high = parts.min(), parts.max()
    levels = np.zeros(parts.size, int) if high == low else ((parts - low) / (high - low) * (len(_BARS) - 1)).round().astype(int)
    return "".join(_BARS[level] for level in levels)


def write_learning(history: History, folder: Path) -> None:
    """Write curve.png and report.html into a folder."""
    figure = learning_figure(history)
    with replacing(folder / "curve.png") as path:
        figure.savefig(path, format="png", dpi=150, facecolor="white")
    s = history.summary
    facts = [
        ("episodes", f"{history.episodes}"),
        ("mean of the last 100", ", ".join(f"{np.mean(r[-100:]):.4g}" for r in history.returns if r) or "none"),
        ("steps of the environment", f"{s.get('environment_steps', 0):,}"),
        ("wall time of a step", f"{s.get('microseconds_per_step', 0):.0f} µs"),
        ("seed", f"{s.get('seed', '')}"),
    ]
    document = render(
        __package__, "learning.html",
        title=f"{s.get('agent', 'agent')} in {s.get('world', 'its world')}",
        interrupted=s.get("interrupted") or "",
        facts=[(name, value, None) for name, value in facts],
        curve=to_svg(figure, "curve", "Learning curve"),
    )  # fmt: skip
    with replacing(folder / "report.html") as path:
        path.write_text(document, encoding="utf-8")
