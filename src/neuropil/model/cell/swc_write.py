"""Writing a morphology as SWC, so that :mod:`neuropil.model.cell.swc` reads the same cable back.

SWC has points with one diameter each, joined to one parent point, and numbers for kinds. What it cannot represent:

- names and labels; a section that goes on in one single section of its kind is read as one with it;
- what is attached within a section: the point is added, and a section that is no soma is read as two that meet there; what
  is attached within a soma is read as attached to its middle;
- a step in diameter where a section leaves one that is no soma: written as two points at one position, read with the ring
  between the two circles as membrane;
- a section that begins elsewhere than where it is attached: it is moved there, with what is attached to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import MorphologyError
from neuropil.model.cell.section import Section
from neuropil.model.cell.swc_points import KINDS, file_name

SOMA = "soma"
APART = 1e-6
"""µm; points closer than this are written as one."""


def write_swc(sections: tuple[Section, ...], name: str, path: str | PathLike[str]) -> dict[int, str]:
    """Write a file at `path`; see :meth:`Morphology.to_swc`.

    Args:
        sections: of the morphology.
        name: of the morphology, for the first line.

    Returns:
        The kinds that are not SWC's own, by the type numbers that stand for them.

    Raises:
        MorphologyError: the file cannot be written.
    """
    source, numbers = file_name(path), kind_numbers(sections)
    lines = _Lines(sections, numbers).write()
    own = {n: kind for kind, n in numbers.items() if KINDS.get(n) != kind}
    head = [f"# {name}", *(f"# type {n}: {kind}" for n, kind in own.items()), "# id type x y z radius parent"]
    try:
        Path(source).write_text("\n".join([*(line.replace("\n", " ") for line in head), *lines, ""]), encoding="utf-8")
    except OSError as error:
        raise MorphologyError(f"{source}: the file cannot be written", got=error.strerror or str(error)) from None
    return own


def kind_numbers(sections: tuple[Section, ...]) -> dict[str, int]:
    """A number for every kind: SWC's own, that of "custom<n>", or the next free one from 5 on.

    Args:
        sections: of the morphology.
    """
    known = {kind: n for n, kind in KINDS.items()}
    kinds = list(dict.fromkeys(s.kind for s in sections))
    numbers = {k: known[k] if k in known else int(k[6:]) for k in kinds if k in known or (k.startswith("custom") and k[6:].isdecimal())}
    free = (n for n in range(5, 10**6) if n not in numbers.values())
    return {k: numbers[k] if k in numbers else next(free) for k in kinds}


@dataclass
class _Lines:
    """The lines of a file as they come: section after section, each point behind its parent."""

    sections: tuple[Section, ...]
    numbers: dict[str, int]
    lines: list[str] = field(default_factory=list)
    positions: list[NDArray[np.float64]] = field(default_factory=list)
    ids: dict[tuple[int, float], int] = field(default_factory=dict)

    def write(self) -> list[str]:
        sections = self.sections
        inside: list[list[float]] = [[] for _ in sections]
        for s in sections[1:]:
            if 0.0 < s.parent_at < 1.0:
                inside[s.parent].append(s.parent_at)
        for number, s in enumerate(sections):
            points, at = _with_points_at(s.points, s.arc, sorted(set(inside[number])))
            above, points = (-1, points) if number == 0 else self._joined(number, points)
            skipped = len(at) - len(points)
            for x, point in zip(at[skipped:], points, strict=True):
                above = self._add(point, s.kind, above)
                self.ids[number, x] = above
            if number == 0:
                self.ids[0, 0.0] = 1
        return self.lines

    def _joined(self, number: int, points: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
        """The id of the point to which a section is attached, and its points without those that are there already."""
        sections = self.sections
        s = sections[number]
        owner, x = s.parent, s.parent_at
        while x == 0.0 and owner > 0:
            owner, x = sections[owner].parent, sections[owner].parent_at
        above = self.ids[owner, x]
        stem = sections[owner].kind == SOMA != s.kind
        if stem and 0.0 < x < 1.0:  # what lies inside the soma is no part of the stem
            return above, points
        there = self.positions[above - 1]
        points = points + np.append(there[:3] - points[0, :3], 0.0) if np.abs(points[0, :3] - there[:3]).max() > APART else points
        # A stem begins with its own diameter, any other section with its parent's: only there is a point spared.
        return above, points[1:] if not stem and points[0, 3] == there[3] else points

    def _add(self, point: NDArray[np.float64], kind: str, above: int) -> int:
        self.positions.append(point)
        x, y, z, diameter = point
        self.lines.append(f"{len(self.positions)} {self.numbers[kind]} {x:.12g} {y:.12g} {z:.12g} {diameter / 2:.12g} {above}")
        return len(self.positions)


def _with_points_at(points: NDArray[np.float64], arc: NDArray[np.float64], inside: list[float]) -> tuple[NDArray[np.float64], list[float]]:
    """Points with interpolated ones added at fractions of the length, and the fraction of each; the last is 1."""
    at = list(arc / arc[-1])
    at[-1] = 1.0
    for x in inside:
        k = int(np.searchsorted(at, x))
        if at[k] != x:
            points = np.insert(points, k, [np.interp(x * arc[-1], arc, column) for column in points.T], axis=0)
            at.insert(k, x)
            arc = np.insert(arc, k, x * arc[-1])
    return points, [float(x) for x in at]
