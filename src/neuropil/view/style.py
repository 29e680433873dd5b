"""Colours and lettering of every picture, and their export as SVG that follows the page's own light or dark theme.

Excitatory is blue and inhibitory vermilion (after Okabe & Ito), apart for every common form of colour blindness and
legible on white and on near-black. Figures are made without pyplot, so nothing global is touched.
"""

from __future__ import annotations

import io
import re
from typing import Any

EXCITATORY = "#2f7fd0"
INHIBITORY = "#e0602a"
OTHER = "#1a9e77"
SERIES = ("#2f7fd0", "#e0602a", "#1a9e77", "#b65fb0", "#c79a00", "#58b4e0", "#7a8494", "#9c5a3c")
INK = "#1d222b"
SMALL, NORMAL = 8.0, 9.0
_FAINT = 0.55


def kind(population: str) -> str:
    """'E', 'I' or '' from the name of a population: L23E and exc, L23I and inh."""
    name = population.lower()
    if population.endswith("E") or name.endswith(("exc", "excitatory", "_e", "-e")) or name == "e":
        return "E"
    if population.endswith("I") or name.endswith(("inh", "inhibitory", "_i", "-i")) or name == "i":
        return "I"
    return ""


def colour(population: str) -> str:
    """The colour of a population."""
    return {"E": EXCITATORY, "I": INHIBITORY}.get(kind(population), OTHER)


def new_figure(width: float, height: float) -> Any:
    """A figure of this width and height (inches), transparent, attached to no window."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150)
    figure.patch.set_alpha(0.0)
    return figure


def tidy(ax: Any, *, left: bool = True, grid: str = "") -> None:
    """Quiet axes: no box, thin ink, small ticks; `grid` is '', 'x' or 'y'.

    Args:
        ax: matplotlib axes.
        left: whether the left axis is drawn.
    """
    ax.patch.set_alpha(0.0)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom" or (side == "left" and left))
        spine.set_color(INK)
        spine.set_alpha(_FAINT)
        spine.set_linewidth(0.6)
    ax.tick_params(colors=INK, labelsize=SMALL, width=0.6, length=3, pad=2)
    if grid:
        ax.grid(axis=grid, color=INK, alpha=0.12, linewidth=0.5)
        ax.set_axisbelow(True)


def label(ax: Any, *, x: str = "", y: str = "", title: str = "") -> None:
    """Axis labels, and a title set flush left.

    Args:
        ax: matplotlib axes.
        x, y: labels of the axes.
        title: of the axes.
    """
    ax.set_xlabel(x, fontsize=SMALL, color=INK, labelpad=3)
    ax.set_ylabel(y, fontsize=SMALL, color=INK, labelpad=4)
    if title:
        ax.set_title(title, fontsize=NORMAL, color=INK, loc="left", pad=6)


def to_svg(figure: Any, name: str, description: str) -> str:
    """The figure as an <svg> element to stand inside HTML.

    Ink becomes `currentColor` and letters the page's font, so the picture follows the page; rastered parts travel
    inside it as PNG. `name` keeps the identifiers of several pictures on one page apart, and makes them reproducible.

    Args:
        figure: of matplotlib.
        description: for readers that do not see it.
    """
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", dpi=220, transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # HTML needs no namespaces, and every identifier that matplotlib numbers from 1 would clash with the next picture's.
    text = re.sub(r'\s+xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'(id="|"#|url\(#)', rf"\g<1>{name}-", text)
    text = text.replace(INK, "currentColor")
    text = re.sub(r"(font: [^;\"]*?px) [^;\"]*", r"\1 inherit", text).replace(" inherit", " system-ui, sans-serif")
    box = re.search(r'viewBox="([^"]*)"', text)
    opening = f'<svg viewBox="{box.group(1) if box else ""}" role="img" aria-label="{description}">'
    return re.sub(r"<svg[^>]*>", opening, text, count=1)
