"""Reading SWC files: one point a line, `id type x y z radius parent`, radius and coordinates in µm (Cannon et al. 1998).

**Lines** are read by :mod:`neuropil.model.cell.swc_points`. A `#` begins a comment. Ids need not be in order and a parent may come
after its child; a root's parent is -1. A file of several trees is read when `tree` says which of them is meant. Anything else is
refused with the line and, where what was meant is known, with what to write instead.

**Types.** 1 soma, 2 axon, 3 basal, 4 apical; 0 "undefined"; n >= 5 "custom<n>". `types` renames any of them.

**Sections** are unbranched runs of points of one kind, named `kind[0]`, `kind[1]`, ... in the order of the file, or
`kind` alone where there is one. A run begins with its parent's point, so that no length is lost, and is attached to the
end (x = 1) of its parent's run.

**The soma** follows NEURON's Import3d, so that the same file makes the same circuit there and here:

- one point: a sphere, drawn as the cylinder of equal area, length and diameter twice the radius;
- three points of equal radius r, the second and third both leaves on the first, the distances to them adding up to 2r
  within 1 %: NeuroMorpho.org's way to write a sphere, drawn as the same cylinder (unless soma="points");
- otherwise a chain of points as it stands, each with its own diameter. Where soma points fork, each branch is a section
  of its own; at the root the first branch continues it and the others are attached at its start (x = 0). This includes a
  soma interrupted in the file by other points, and one that runs both ways from its root;
- none: the first point is the root. Where it forks, the first branch continues it and the others are attached at x = 0.

**Stems**, which leave the soma: at the root point they are attached at x = 0, at the last point of the soma at x = 1, at
any point between, and on a cylinder that stands for a sphere at its middle, x = 0.5. In the last two cases, and
where the soma itself forks, a stem begins at its first own point: what lies between that and the soma's axis is inside
the soma. Elsewhere it begins at the soma's point with the diameter of its first own point (so does a stem of one single
point, which would have no length otherwise). When a stem forks right at its first own point, the first branch continues
it and the others are attached at its start, x = 0.

Import3d departs from these rules of its own in three cases that are not followed: a stem that is the second point of the
file and forks at once, a stem of one single point where the soma forks (it is lost there), and a run whose points are not
on successive lines (it is broken in two, the same cable).

Runs without length (points that coincide) are left out and what is attached to them moves to where they were attached.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import MorphologyError, did_you_mean
from neuropil.model.cell.section import SHORTEST, Parsed, Section, numbered
from neuropil.model.cell.swc_points import Points, file_name, read_points, refuse

SOMA = "soma"
CONVENTIONS = ("auto", "points")


def read_swc(
    path: str | PathLike[str],
    *,
    soma: str = "auto",
    types: Mapping[int, str] | None = None,
    default_radius: Any = None,
    tree: str | int = "only",
    scale: Any = 1.0,
    name: str | None = None,
) -> Parsed:
    """Read an SWC file; the arguments are those of :meth:`Morphology.from_swc`.

    Args:
        path: of the file.
        soma, types, default_radius, tree, scale, name: as of `Morphology.from_swc`.

    Returns:
        The morphology, in µm.

    Raises:
        MorphologyError: the file cannot be read or is malformed; names the file and the line.
    """
    source = file_name(path)
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        raise MorphologyError(f"{source}: the file cannot be read", got=error.strerror or str(error)) from None
    return parse_swc(content, source, soma=soma, types=types, default_radius=default_radius, tree=tree, scale=scale, name=name)


def parse_swc(
    content: bytes | str,
    source: str = "text",
    *,
    soma: str = "auto",
    types: Mapping[int, str] | None = None,
    default_radius: Any = None,
    tree: str | int = "only",
    scale: Any = 1.0,
    name: str | None = None,
) -> Parsed:
    """The morphology that the content of an SWC file describes.

    Args:
        content: of the file.
        source: names the file in errors.
        soma, types, default_radius, tree, scale, name: as of `Morphology.from_swc`.

    Raises:
        MorphologyError: the content is malformed; names the file and the line.
    """
    if not isinstance(soma, str) or soma not in CONVENTIONS:
        raise MorphologyError(f"soma={soma!r} is not a convention for the soma", fix=did_you_mean(str(soma), CONVENTIONS))
    points = read_points(content, source, types or {}, default_radius, tree, scale)
    sections, notes = _Sectioner(points, recognise=soma == "auto").run()
    return sections, name or Path(source).stem or source, notes


# --- points to sections -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Joint:
    """Where a run is attached: the position `x` of a section.

    `stem`: it leaves the soma. `wire`: it begins at its own first point, not at its parent's.
    """

    section: int
    x: float
    stem: bool = False
    wire: bool = False


class _Sectioner:
    """Follows the tree of points run by run, in the order of the file."""

    def __init__(self, points: Points, *, recognise: bool):
        self.points = points
        self.recognise = recognise
        self.kind = points.kind
        self.children: list[list[int]] = [[] for _ in points.kind]
        for i, parent in enumerate(points.parent):
            if parent >= 0:
                self.children[parent].append(i)
        self.notes = list(points.notes)
        self.dropped = 0
        self.found: list[tuple[str, NDArray[np.float64], int, float]] = []
        self.waiting: list[tuple[int, _Joint]] = []

    def run(self) -> tuple[tuple[Section, ...], tuple[str, ...]]:
        self._begin(self.points.parent.index(-1))
        while self.waiting:
            self._follow(*heapq.heappop(self.waiting))
        if self.dropped:
            self.notes.append(f"{self.dropped} runs of points without length were left out")
        return self._named(), tuple(self.notes)

    def _begin(self, root: int) -> None:
        """The root section: a sphere's cylinder, or a run of points."""
        soma = self.kind[root] == SOMA
        if soma and self.recognise and self._is_three_point_soma(root):
            self.children[root] = [c for c in self.children[root] if self.kind[c] != SOMA]
            self.notes.append("three-point soma of NeuroMorpho.org, drawn as the cylinder it stands for")
        if soma and not self._alike(root, SOMA):
            self._sphere([root])
            return
        if not self.children[root]:
            self._refuse(root, "a single point that is not a soma", expected="at least two points, or a soma")
        # What continues the root is the first branch of its own kind; failing that the first, which gives it its kind.
        kind = self.kind[root] if self._alike(root, self.kind[root]) else self.kind[self.children[root][0]]
        own = self._collect(root, kind, proximal=True)
        points = self.points.xyzd[own]
        if _length(points) >= SHORTEST:
            self.found.append((kind, points, -1, 1.0))
            self._sprout(own, 0, proximal=True)
        elif soma:
            self.notes.append("a soma whose points coincide, drawn as a sphere's cylinder")
            self._sphere(own)
        else:
            self._refuse(root, "the first section has no length", got=f"{len(own)} points that coincide", fix="leave the repeated points out")

    def _is_three_point_soma(self, root: int) -> bool:
        others = self._alike(root, SOMA)
        if self.kind.count(SOMA) != 3 or len(others) != 2 or any(self.children[c] for c in others):
            return False
        at = self.points.xyzd
        d = at[root, 3]
        reach = sum(float(np.sqrt(((at[c, :3] - at[root, :3]) ** 2).sum())) for c in others)
        return all(abs(at[c, 3] - d) <= 0.01 * d for c in others) and abs(reach - d) < 0.01 * d

    def _sphere(self, own: list[int]) -> None:
        """A cylinder along y about the root, as NeuroMorpho.org lays it; all else is attached at its middle."""
        x, y, z, d = self.points.xyzd[own[0]]
        self.found.append((SOMA, np.array([[x, y - d / 2, z, d], [x, y + d / 2, z, d]]), -1, 1.0))
        for child in (c for p in own for c in self.children[p] if c not in own):
            heapq.heappush(self.waiting, (child, _Joint(0, 0.5, stem=True, wire=True)))

    def _follow(self, first: int, joint: _Joint) -> None:
        """Record the run that begins at point `first`, and keep what is attached to it for later."""
        kind = self.kind[first]
        own = self._collect(first, kind, proximal=joint.stem)
        wire = joint.wire and len(own) > 1
        points = self.points.xyzd[own]
        if not wire:
            start = self.points.xyzd[self.points.parent[first]].copy()
            if joint.stem:  # as thick as its own first point, not as the soma
                start[3] = points[0, 3]
            points = np.vstack([start, points])
        if _length(points) >= SHORTEST:
            self.found.append((kind, points, joint.section, joint.x))
            self._sprout(own, len(self.found) - 1, proximal=joint.stem)
        else:
            self.dropped += 1
            self._sprout(own, joint.section, proximal=joint.stem, moved_to=joint.x)

    def _alike(self, i: int, kind: str) -> list[int]:
        return [c for c in self.children[i] if self.kind[c] == kind]

    def _collect(self, first: int, kind: str, *, proximal: bool) -> list[int]:
        """A run's own points. `proximal`: the first is the run's start, so that the first branch there continues it."""
        own = [first]
        while True:
            alike, children = self._alike(own[-1], kind), self.children[own[-1]]
            if proximal and len(own) == 1:
                after = alike or children[: self.points.parent[first] == -1]
            else:  # a stem does not end a run of soma points; any branch ends another
                after = alike if len(alike if kind == SOMA else children) == 1 else []
            if not after:
                return own
            own.append(after[0])

    def _sprout(self, own: list[int], section: int, *, proximal: bool, moved_to: float | None = None) -> None:
        """Let wait the branches off each of a run's points; `proximal` as in `_collect`."""
        for k, point in enumerate(own):
            x = 0.0 if proximal and k == 0 < len(own) - 1 else 1.0 if k == len(own) - 1 else 0.5
            forks = len(self._alike(point, SOMA)) > 1
            for child in self.children[point]:
                if k + 1 < len(own) and child == own[k + 1]:
                    continue
                stem = self.kind[point] == SOMA != self.kind[child]
                wire = stem and (x == 0.5 or forks)
                heapq.heappush(self.waiting, (child, _Joint(section, x if moved_to is None else moved_to, stem, wire)))

    def _named(self) -> tuple[Section, ...]:
        names = numbered(kind for kind, *_ in self.found)
        return tuple(Section(name, *rest) for name, rest in zip(names, self.found, strict=True))

    def _refuse(self, point: int, what: str, **parts: Any) -> NoReturn:
        refuse(self.points.source, self.points.line[point], what, **parts)


def _length(points: NDArray[np.float64]) -> float:
    return float(np.sqrt((np.diff(points[:, :3], axis=0) ** 2).sum(axis=1)).sum())
