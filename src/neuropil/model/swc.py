"""Reading SWC files: one point a line, `id type x y z radius parent`, radius and coordinates in µm (Cannon et al. 1998).

**Lines.** A `#` begins a comment. Ids need not be in order and a parent may come after its child; there is one root,
whose parent is -1. Anything else is refused with the line.

**Types.** 1 soma, 2 axon, 3 basal, 4 apical; 0 "undefined"; n >= 5 "custom<n>". `types` renames any of them.

**Sections** are unbranched runs of points of one kind, named `kind[0]`, `kind[1]`, ... in the order of the file, or
`kind` alone where there is one. A run begins with its parent's point, so that no length is lost, and sprouts from the
end (x = 1) of its parent's run.

**The soma** follows NEURON's Import3d, so that the same file makes the same circuit there and here:

- one point: a sphere, drawn as the cylinder of equal area, length and diameter twice the radius;
- three points of equal radius r, the second and third both leaves on the first, the distances to them adding up to 2r
  within 1 %: NeuroMorpho.org's way to write a sphere, drawn as the same cylinder (unless soma="points");
- otherwise a chain of points as it stands, each with its own diameter. Where soma points fork, each branch is a section
  of its own; at the root the first branch continues it and the others sprout from its start (x = 0). This includes a
  soma interrupted in the file by other points, and one that runs both ways from its root;
- none: the first point is the root. Where it forks, the first branch continues it and the others sprout from x = 0.

**Stems**, which leave the soma: at the root point they sprout from x = 0, at the last point of the soma from x = 1, from
any point between and from a cylinder that stands for a sphere from its middle, x = 0.5. In the last two cases, and
where the soma itself forks, a stem begins at its first own point: what lies between that and the soma's axis is inside
the soma. Elsewhere it begins at the soma's point with the diameter of its first own point (so does a stem of one single
point, which would have no length otherwise). When a stem forks right at its first own point, the first branch continues
it and the others sprout from its start, x = 0.

Import3d departs from these rules of its own in three cases that are not followed: a stem that is the second point of the
file and forks at once, a stem of one single point where the soma forks (it is lost there), and a run whose points are not
on successive lines (it is broken in two, the same cable).

Runs without length (points that coincide) are left out and what sprouts from them moves to where they sprouted.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import MorphologyError, did_you_mean
from neuropil.model.morphology import LARGEST, SHORTEST, THINNEST, Morphology, Section
from neuropil.units import magnitude, um

KINDS = {0: "undefined", 1: "soma", 2: "axon", 3: "basal", 4: "apical"}
COLUMNS = ("id", "type", "x", "y", "z", "radius", "parent")
SOMA = "soma"
CONVENTIONS = ("auto", "points")


def read_swc(
    path: str | PathLike[str],
    *,
    soma: str = "auto",
    types: Mapping[int, str] | None = None,
    default_radius: Any = None,
    name: str | None = None,
) -> Morphology:
    """Read an SWC file; the arguments are those of :meth:`Morphology.from_swc`.

    Raises:
        MorphologyError: the file cannot be read or is malformed; names the file and the line.
    """
    source = fspath(path)
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        raise MorphologyError(f"{source}: the file cannot be read", got=error.strerror or str(error)) from None
    return parse_swc(content, source, soma=soma, types=types, default_radius=default_radius, name=name)


def parse_swc(
    content: bytes | str,
    source: str = "text",
    *,
    soma: str = "auto",
    types: Mapping[int, str] | None = None,
    default_radius: Any = None,
    name: str | None = None,
) -> Morphology:
    """The same for the content of a file; `source` names it in errors."""
    if soma not in CONVENTIONS:
        raise MorphologyError(f"soma={soma!r} is no convention of the soma", fix=did_you_mean(soma, CONVENTIONS))
    points = _read_points(content, source, types or {}, default_radius)
    sections, notes = _Sectioner(points, recognise=soma == "auto").run()
    return Morphology(sections, name or Path(source).stem or source, notes)


# --- lines to points ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Points:
    """The points of a file, in its order.

    Attributes:
        source: the file's name.
        line: list[n], the line of each, from 1.
        kind: list[n].
        xyzd: float64[n, 4], with diameters.
        parent: list[n], index of the parent point; -1 for the root.
        notes: about radii filled in.
    """

    source: str
    line: list[int]
    kind: list[str]
    xyzd: NDArray[np.float64]
    parent: list[int]
    notes: tuple[str, ...]


def _refuse(source: str, line: int, what: str, **parts: Any) -> NoReturn:
    raise MorphologyError(f"{source}, line {line}: {what}", **parts)


def _read_points(content: bytes | str, source: str, types: Mapping[int, str], default_radius: Any) -> _Points:
    text = _as_text(content, source)
    index: dict[int, int] = {}
    line_of: list[int] = []
    kinds: list[str] = []
    rows: list[tuple[float, float, float, float]] = []
    parents: list[int] = []
    names = {**KINDS, **types}
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 7:
            _refuse(source, number, "not seven columns", got=line.strip(), expected=" ".join(COLUMNS))
        identity = _whole(words[0], 0, source, number)
        if identity in index:
            _refuse(source, number, f"a second point {identity}", got=f"the first is on line {line_of[index[identity]]}", expected="an id of its own")
        type_number = _whole(words[1], 1, source, number)
        index[identity] = len(rows)
        line_of.append(number)
        kinds.append(names.get(type_number) or f"custom{type_number}")
        x, y, z, radius = (_real(words[c], c, source, number) for c in range(2, 6))
        rows.append((x, y, z, radius))
        parents.append(_whole(words[6], 6, source, number))
    if not rows:
        raise MorphologyError(f"{source}, line 1: no points in this file", got="only comments or nothing", expected=" ".join(COLUMNS))
    xyzd = np.array(rows)
    notes = _fill_radii(xyzd, line_of, source, default_radius)
    xyzd[:, 3] *= 2.0
    parent = _resolve_parents(parents, index, line_of, source)
    return _Points(source, line_of, kinds, xyzd, parent, notes)


def _as_text(content: bytes | str, source: str) -> str:
    if isinstance(content, bytes):
        if b"\0" in content:
            line = content[: content.index(b"\0")].count(b"\n") + 1
            _refuse(source, line, "not a text file", got="a zero byte", expected="plain text (UTF-8 or ASCII)")
        content = content.decode("utf-8-sig", errors="replace")  # comments may be in any encoding
    return content.replace("\r\n", "\n").replace("\r", "\n")


def _whole(word: str, column: int, source: str, line: int) -> int:
    value = _real(word, column, source, line, limit=2.0**53)
    if value != int(value):
        _refuse(source, line, f"{COLUMNS[column]} is not a whole number", got=word)
    return int(value)


def _real(word: str, column: int, source: str, line: int, limit: float = LARGEST / 4) -> float:
    # A quarter of what a section allows: a diameter, and the cylinder drawn for a sphere, reach further than a radius.
    try:
        value = float(word)
    except ValueError:
        _refuse(source, line, f"{COLUMNS[column]} is not a number", got=word)
    if not abs(value) <= limit:
        _refuse(source, line, f"{COLUMNS[column]} is out of range", got=word, expected=f"a number between -{limit:g} and {limit:g}")
    return value


def _fill_radii(xyzr: NDArray[np.float64], line: list[int], source: str, default_radius: Any) -> tuple[str, ...]:
    """Replace radii of zero by the default in place, and refuse those that are no radii."""
    radius = xyzr[:, 3]
    for i in np.flatnonzero(radius < 0)[:1]:
        _refuse(source, line[i], "a negative radius", got=f"{radius[i]:g}")
    zero = np.flatnonzero(radius == 0)
    notes: tuple[str, ...] = ()
    if zero.size and default_radius is None:
        _refuse(
            source, line[zero[0]], "a radius of zero",
            got=f"{zero.size} of {len(radius)} points have none",
            expected="a positive radius in µm",
            fix="pass default_radius=, for example 0.5 * um",
        )  # fmt: skip
    if zero.size:
        value = float(magnitude(default_radius, um.dimension, "default_radius"))
        if not THINNEST <= value <= LARGEST / 4:
            raise MorphologyError("default_radius is not a radius", got=default_radius)
        radius[zero] = value
        notes = (f"{zero.size} of {len(radius)} points had no radius and were given {value:g} µm",)
    for i in np.flatnonzero(2 * radius < THINNEST)[:1]:
        _refuse(source, line[i], "a point thinner than a membrane", got=f"radius {radius[i]:g} µm", expected=f"at least {THINNEST / 2:g} µm")
    return notes


def _resolve_parents(parents: list[int], index: dict[int, int], line: list[int], source: str) -> list[int]:
    """Ids of parents as indices, after checking that they make one tree."""
    resolved: list[int] = []
    root = -1
    for i, parent in enumerate(parents):
        if parent == -1:
            if root >= 0:
                _refuse(source, line[i], "a second root", got=f"the first is on line {line[root]}", expected="one point with parent -1",
                        fix="keep one tree to a file, or give this point its parent")  # fmt: skip
            root = i
        elif parent not in index:
            _refuse(source, line[i], f"there is no point {parent} to be its parent", expected="the id of another point, or -1 for the root")
        resolved.append(index.get(parent, -1) if parent != -1 else -1)
    if root < 0:
        _refuse(source, line[0], "no root", got="every point has a parent", expected="one point with parent -1")
    state = [0] * len(parents)  # 0 unknown, 1 on the present path, 2 reaches the root
    state[root] = 2
    for i in range(len(parents)):
        path = []
        while state[i] == 0:
            state[i] = 1
            path.append(i)
            i = resolved[i]
        if state[i] == 1:
            _refuse(source, line[i], "a point that is its own ancestor", expected="parents that lead to the root")
        for j in path:
            state[j] = 2
    return resolved


# --- points to sections -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Joint:
    """Where a run sprouts: the place `x` of a section.

    `stem`: it leaves the soma. `wire`: it begins at its own first point, not at its parent's.
    """

    section: int
    x: float
    stem: bool = False
    wire: bool = False


class _Sectioner:
    """Follows the tree of points run by run, in the order of the file."""

    def __init__(self, points: _Points, *, recognise: bool):
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
            self._refuse(root, "one single point that is no soma", expected="at least two points, or a soma")
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
        """A cylinder along y about the root, as NeuroMorpho.org lays it; all else sprouts from its middle."""
        x, y, z, d = self.points.xyzd[own[0]]
        self.found.append((SOMA, np.array([[x, y - d / 2, z, d], [x, y + d / 2, z, d]]), -1, 1.0))
        for child in (c for p in own for c in self.children[p] if c not in own):
            heapq.heappush(self.waiting, (child, _Joint(0, 0.5, stem=True, wire=True)))

    def _follow(self, first: int, joint: _Joint) -> None:
        """Record the run that begins at point `first`, and let wait what sprouts from it."""
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
        kinds = [kind for kind, *_ in self.found]
        seen: dict[str, int] = {}
        sections = []
        for kind, points, parent, x in self.found:
            number = seen[kind] = seen.get(kind, -1) + 1
            sections.append(Section(kind if kinds.count(kind) == 1 else f"{kind}[{number}]", kind, points, parent, x))
        return tuple(sections)

    def _refuse(self, point: int, what: str, **parts: Any) -> NoReturn:
        _refuse(self.points.source, self.points.line[point], what, **parts)


def _length(points: NDArray[np.float64]) -> float:
    return float(np.sqrt((np.diff(points[:, :3], axis=0) ** 2).sum(axis=1)).sum())
