"""The few pieces of HTML that the report is made of; every text that enters is escaped here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from neuropil.view.style import SERIES


def text(value: object) -> str:
    """Any value, escaped."""
    return escape(str(value), quote=True)


def section(title: str, body: str, note: str = "") -> str:
    """A titled part of the page; nothing if it has no body."""
    if not body:
        return ""
    remark = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{text(title)}</h2>{remark}{body}</section>\n"


def figure(svg: str) -> str:
    """A picture that keeps its letters legible on a phone by scrolling sideways."""
    return f'<figure tabindex="0">{svg}</figure>'


def tiles(items: Iterable[tuple[str, str, str]]) -> str:
    """Key figures as (label, value, small print)."""
    cells = (
        f"<div><dt>{text(name)}</dt><dd>{text(value)}<small>{text(small)}</small></dd></div>"
        for name, value, small in items
    )
    return f'<dl class="tiles">{"".join(cells)}</dl>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table of ready HTML cells; all columns but the first `left` are numbers, set flush right."""
    top = "".join(f"<th{_side(i, left)}>{text(cell)}</th>" for i, cell in enumerate(head))
    body = "".join(
        f"<tr>{''.join(f'<td{_side(i, left)}>{cell}</td>' for i, cell in enumerate(row))}</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def bar(part: float, colour: str) -> str:
    """A bar that fills `part` (0 to 1) of its cell."""
    width = 100 * min(max(part if math.isfinite(part) else 0.0, 0.0), 1.0)
    return f'<span class="bar"><i style="width:{width:.1f}%;background:{colour}"></i></span>'


def deviation_bar(part: float, colour: str) -> str:
    """A bar from the middle of its cell, to the right for a positive part and to the left for a negative (-1 to 1)."""
    part = min(max(part if math.isfinite(part) else 0.0, -1.0), 1.0)
    left, width = 50 + 50 * min(part, 0.0), 50 * abs(part)
    return f'<span class="bar mid"><i style="left:{left:.1f}%;width:{width:.1f}%;background:{colour}"></i></span>'


def stack(parts: Mapping[str, float], show: Mapping[str, str]) -> str:
    """Shares of a whole as one bar with a legend; `show` gives the text of each amount."""
    total = sum(value for value in parts.values() if value > 0)
    if not total > 0:
        return ""
    ordered = sorted(((name, value) for name, value in parts.items() if value > 0), key=lambda item: -item[1])
    shade = {name: SERIES[index % len(SERIES)] for index, (name, _) in enumerate(ordered)}
    segments = "".join(
        f'<i style="flex:{value / total:.5f};background:{shade[name]}" title="{text(name)}"></i>'
        for name, value in ordered
    )
    legend = "".join(
        f'<li><b style="background:{shade[name]}"></b>{text(name)} '
        f"<span>{text(show[name])} · {100 * value / total:.1f} %</span></li>"
        for name, value in ordered
    )
    return f'<div class="stack">{segments}</div><ul class="legend">{legend}</ul>'


def number(value: object, digits: int = 2) -> str:
    """A number for a reader: thousands set apart, a fixed number of decimals, a dash for what is not known."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.{digits}f}".replace("-", "−") if math.isfinite(value) else "–"


def significant(value: object, digits: int = 3) -> str:
    """A number to so many digits, without an exponent unless it is very large or very small."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    if value and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{digits}g}"
    decimals = digits - 1 - (math.floor(math.log10(abs(value))) if value else 0)
    return f"{value:,.{max(decimals, 0)}f}"


def seconds(value: object) -> str:
    """A span of time given in seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    for limit, scale, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (600.0, 1.0, "s"), (36_000.0, 1 / 60, "min")):
        if value < limit:
            return f"{significant(float(value * scale))} {unit}"
    return f"{significant(value / 3600)} h"


def size(value: object) -> str:
    """An amount of memory given in bytes, in decimal units."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    for scale, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= scale:
            return f"{significant(value / scale)} {unit}"
    return f"{value:.0f} B"


def short_count(value: object) -> str:
    """A large count in words."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    for scale, unit in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= scale:
            return f"{significant(value / scale)} {unit}"
    return f"{value:,.0f}"


def _side(index: int, left: int) -> str:
    return ' class="l"' if index < left else ""
