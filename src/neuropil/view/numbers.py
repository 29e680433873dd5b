"""Numbers for readers: thousands separated, few digits, a unit; a dash for what is not known."""

from __future__ import annotations

import math


def number(value: object, digits: int = 2) -> str:
    """A value as text for a reader: thousands set apart, a fixed number of decimals (`digits`), a dash for what is not known."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.{digits}f}".replace("-", "−") if math.isfinite(value) else "–"


def significant(value: object, digits: int = 3) -> str:
    """A value as text to so many significant digits, without an exponent unless it is very large or very small."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    if value and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{digits}g}"
    decimals = digits - 1 - (math.floor(math.log10(abs(value))) if value else 0)
    return f"{value:,.{max(decimals, 0)}f}"


def seconds(value: object) -> str:
    """A value in seconds as text with a fitting unit of time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    for limit, scale, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (600.0, 1.0, "s"), (36_000.0, 1 / 60, "min")):
        if value < limit:
            return f"{significant(float(value * scale))} {unit}"
    return f"{significant(value / 3600)} h"


def size(value: object) -> str:
    """A value in bytes as text with a fitting decimal unit."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    for scale, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= scale:
            return f"{significant(value / scale)} {unit}"
    return f"{value:.0f} B"


def short_count(value: object) -> str:
    """A large value as text in words: million, billion, trillion."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    for scale, unit in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= scale:
            return f"{significant(value / scale)} {unit}"
    return f"{value:,.0f}"
