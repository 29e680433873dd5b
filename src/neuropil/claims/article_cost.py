"""What the claims about the cost of a brain (F3 to F7) share: figures of article 003 as measured quantities, and bars.

Args:
    findings: of `neuropil.cost.article`.
    start: the first words of a name.
    unit: of the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neuropil.claims.claim import Measured
from neuropil.claims.drawing import SERIES, label, panels
from neuropil.cost.article import Finding


def as_measured(findings: Sequence[Finding]) -> list[Measured]:
    """Recomputed figures; those of the article itself stand beside them in the notes."""
    return [Measured(f.what, f.ours.value, f.ours.low, f.ours.high, f.unit) for f in findings]


def named(findings: Sequence[Finding], start: str) -> Measured:
    """The figure whose name begins like this."""
    return as_measured([next(f for f in findings if f.what.startswith(start))])[0]


def printed(findings: Sequence[Finding]) -> list[str]:
    """What the article prints, and remarks."""
    return [
        f"{f.what}: the article has {f.article:.4g} {f.unit}".rstrip() + (f" ({f.note})" if f.note else "")
        for f in findings
        if f.article is not None
    ]


def beside(findings: Sequence[Finding], unit: str) -> Any:
    """A figure of those with a unit, the article's values as crosses, ours as points with their ranges."""
    mine = [f for f in findings if f.unit == unit and f.ours.low > 0]
    figure, (ax,) = panels(width=6.5, height=1.1 + 0.32 * len(mine))
    for row, f in enumerate(reversed(mine)):
        ax.plot([f.ours.low, f.ours.high], [row, row], color=SERIES[0], linewidth=2)
        ax.plot(f.ours.value, row, "o", color=SERIES[0], markersize=4, label="recomputed" if row == 0 else None)
        if f.article is not None:
            ax.plot(f.article, row, "x", color=SERIES[1], markersize=6)
    ax.set_yticks(range(len(mine)), [f.what for f in reversed(mine)], fontsize=7)
    ax.set_ylim(-0.6, len(mine) - 0.4)
    if mine and max(f.ours.high for f in mine) > 30 * min(f.ours.low for f in mine):
        ax.set_xscale("log")
    label(ax, f"{unit or 'number'} (crosses: the article)", "")
    return figure
