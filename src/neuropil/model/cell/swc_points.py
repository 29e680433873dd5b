"""The lines of an SWC file as points in µm, checked; what is known to go wrong in such files is refused, and the error states the remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import MorphologyError
from neuropil.model.cell.section import LARGEST, THINNEST
from neuropil.units import Quantity, magnitude, um

KINDS = {0: "undefined", 1: "soma", 2: "axon", 3: "basal", 4: "apical"}
COLUMNS = ("id", "type", "x", "y", "z", "radius", "parent")
TREES = '"only", "largest" or the number of one'


@dataclass(frozen=True)
class Points:
    """The points of a file, or of one of its trees, in its order.

    Attributes:
        source: the file's name.
        line: list[n], the line of each, from 1.
        kind: list[n].
        xyzd: float64[n, 4], with diameters, µm.
        parent: list[n], index of the parent point; -1 for the root.
        notes: about radii filled in and trees left out.
    """

    source: str
    line: list[int]
    kind: list[str]
    xyzd: NDArray[np.float64]
    parent: list[int]
    notes: tuple[str, ...]


def file_name(path: Any) -> str:
    """The path of a file as text.

    Raises:
        MorphologyError: not a path.
    """
    if not isinstance(path, (str, PathLike)):
        raise MorphologyError("not the path of a file", got=path)
    return str(fspath(path))


def refuse(source: str, line: int, what: str, **parts: Any) -> NoReturn:
    """Raise a `MorphologyError` that names file and line.

    Args:
        source: name of the file.
        line: number of the line, from 1.
        what: is wrong.
        parts: `got`, `expected` and `fix` of the error.
    """
    raise MorphologyError(f"{source}, line {line}: {what}", **parts)


def read_points(
    content: bytes | str, source: str, types: Mapping[int, str], default_radius: Any, tree: str | int, scale: Any
) -> Points:
    """All points of a file that has one tree, or those of the tree that is chosen.

    Args:
        content: of the file.
        source: names the file in errors.
        types, default_radius, tree, scale: as of `Morphology.from_swc`.

    Raises:
        MorphologyError: the content is malformed; names the file and the line.
    """
    text, factor = _as_text(content, source), _factor(scale)
    _check_choice(tree)
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
            refuse(source, number, "not seven columns", got=line.strip(), expected=" ".join(COLUMNS), fix=_columns_meant(line, rows))
        identity = _whole(words[0], 0, source, number)
        if identity in index:
            refuse(source, number, f"a second point {identity}", got=f"the first is on line {line_of[index[identity]]}", expected="an id of its own",
                   fix="leave one of the two out if they are the same point; else number the points anew")  # fmt: skip
        type_number = _whole(words[1], 1, source, number)
        index[identity] = len(rows)
        line_of.append(number)
        kinds.append(names.get(type_number) or f"custom{type_number}")
        # A quarter of what a section allows: a diameter, and the cylinder drawn for a sphere, reach further than a radius.
        x, y, z, radius = (_real(words[c], c, source, number, LARGEST / 4 / factor) for c in range(2, 6))
        rows.append((x, y, z, radius))
        parents.append(_whole(words[6], 6, source, number))
    if not rows:
        raise MorphologyError(f"{source}, line 1: no points in this file", got="only comments or nothing", expected=" ".join(COLUMNS))
    parent = _resolve_parents(parents, index, line_of, source)
    kept, notes = _chosen(parent, np.array(rows)[:, :3], tree, line_of, source)
    new_index = {old: new for new, old in enumerate(kept)}
    lines = [line_of[i] for i in kept]
    xyzd = np.array(rows)[kept] * factor
    notes += _fill_radii(xyzd, lines, source, default_radius)
    xyzd[:, 3] *= 2.0
    return Points(source, lines, [kinds[i] for i in kept], xyzd, [new_index.get(parent[i], -1) for i in kept], notes)


# --- words ----------------------------------------------------------------------------------------------------------


def _as_text(content: bytes | str, source: str) -> str:
    if isinstance(content, bytes):
        if b"\0" in content:
            line = content[: content.index(b"\0")].count(b"\n") + 1
            fix = "save it as UTF-8" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "unpack it first" if content[:2] in (b"\x1f\x8b", b"PK") else None
            refuse(source, line, "not a text file", got="a zero byte", expected="plain text (UTF-8 or ASCII)", fix=fix)
        content = content.decode("utf-8-sig", errors="replace")  # comments may be in any encoding
    return content.replace("\r\n", "\n").replace("\r", "\n")


_FORMATS = (
    (r"\s*[(;]", "this looks like Neurolucida ASC: Morphology.from_asc(path)"),
    (r"\s*<", "this looks like XML (NeuroML, Neurolucida): convert it to SWC first"),
    (r".*\b(create|pt3dadd|pt3dclear|connect|begintemplate|objref)\b", "this looks like hoc: load it in NEURON and write SWC or ASC from there"),
)


def _columns_meant(line: str, rows: list[Any]) -> str | None:
    """What to do about a line that has not seven words."""
    bare = line.partition("#")[0].strip()
    for pattern, fix in _FORMATS:
        if re.match(pattern, bare):
            return fix
    words = re.split(r"[,;\s]+", bare.strip(",; "))
    if re.search("[,;]", bare) and len(words) == 7:
        return "separate the columns by blanks: " + " ".join(words)
    if all(_is_number(w) for w in words):
        return "keep the first seven columns" if len(words) > 7 else "a column is missing"
    return None if rows else "begin a line of headings with #"


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _whole(word: str, column: int, source: str, line: int) -> int:
    value = _real(word, column, source, line, limit=2.0**53)
    if value != int(value):
        refuse(source, line, f"{COLUMNS[column]} is not a whole number", got=word)
    return int(value)


def _real(word: str, column: int, source: str, line: int, limit: float) -> float:
    try:
        value = float(word)
    except ValueError:
        decimal = _is_number(word.replace(",", "."))
        fix = f"write {word.replace(',', '.')}" if decimal else "begin a line of headings with #" if word.isalpha() else None
        refuse(source, line, f"{COLUMNS[column]} is not a number", got=word, fix=fix)
    if not abs(value) <= limit:
        fix = "write 0 where a radius is not known, and pass default_radius=" if column == 5 else None
        fix = "if the file is in another unit than µm, pass scale=, for example 0.001 for nanometres" if np.isfinite(value) and 1 < column < 6 else fix
        refuse(source, line, f"{COLUMNS[column]} is out of range", got=word, expected=f"a number between -{limit:g} and {limit:g}", fix=fix)
    return value


def _factor(scale: Any) -> float:
    """µm in a unit of the file."""
    value = float(magnitude(scale, um.dimension, "scale")) if isinstance(scale, Quantity) else scale
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value < np.inf:
        raise MorphologyError("scale must be a positive number or length", got=scale, expected="a positive number of µm, or a length, that is a unit of the file")
    return float(value)


def _fill_radii(xyzr: NDArray[np.float64], line: list[int], source: str, default_radius: Any) -> tuple[str, ...]:
    """Replace radii of zero by the default in place, and refuse those that are no radii."""
    radius = xyzr[:, 3]
    for i in np.flatnonzero(radius < 0)[:1]:
        refuse(source, line[i], "a negative radius", got=f"{radius[i]:g}", fix="write 0 where it is not known, and pass default_radius=")
    zero = np.flatnonzero(radius == 0)
    notes: tuple[str, ...] = ()
    if zero.size and default_radius is None:
        refuse(
            source, line[zero[0]], "a radius of zero",
            got=f"{zero.size} of {len(radius)} points have none",
            expected="a positive radius in µm",
            fix="pass default_radius=, for example 0.5 * um",
        )  # fmt: skip
    if zero.size:
        value = float(magnitude(default_radius, um.dimension, "default_radius"))
        if not THINNEST <= value <= LARGEST / 4:
            raise MorphologyError("default_radius must be a positive length", got=default_radius)
        radius[zero] = value
        notes = (f"{zero.size} of {len(radius)} points had no radius and were given {value:g} µm",)
    for i in np.flatnonzero(2 * radius < THINNEST)[:1]:
        refuse(source, line[i], "a point thinner than a membrane", got=f"radius {radius[i]:g} µm", expected=f"at least {THINNEST / 2:g} µm",
               fix="if the file is in another unit than µm, pass scale=")  # fmt: skip
    return notes


# --- trees ----------------------------------------------------------------------------------------------------------


def _resolve_parents(parents: list[int], index: dict[int, int], line: list[int], source: str) -> list[int]:
    """Ids of parents as indices, -1 of roots, after checking that every point leads to a root."""
    resolved: list[int] = []
    for i, parent in enumerate(parents):
        if parent != -1 and parent not in index:
            first = -1 not in parents and i == 0
            fix = "-1 marks a root" if first else "if this point begins a tree, its parent is -1; else the point is missing from the file"
            refuse(source, line[i], f"its parent {parent} does not exist", expected="the id of another point, or -1 for the root", fix=fix)
        resolved.append(index[parent] if parent != -1 else -1)
    if -1 not in resolved:
        refuse(source, line[0], "no root", got="every point has a parent", expected="one point with parent -1", fix="write -1 as the parent of the point that the tree begins with")
    state = [2 if parent == -1 else 0 for parent in resolved]  # 0 unknown, 1 on the present path, 2 reaches a root
    for i in range(len(parents)):
        path = []
        while state[i] == 0:
            state[i] = 1
            path.append(i)
            i = resolved[i]
        if state[i] == 1:
            refuse(source, line[i], "a point that is its own ancestor", expected="parents that lead to the root", fix="give it a parent on the way to the root, or -1 if it is the root")
        for j in path:
            state[j] = 2
    return resolved


def _check_choice(tree: Any) -> None:
    if not (isinstance(tree, str) and tree in ("only", "largest")) and (isinstance(tree, bool) or not isinstance(tree, (int, np.integer)) or tree < 0):
        raise MorphologyError("tree must say which tree of the file is meant", got=tree, expected=TREES)


def _chosen(parent: list[int], xyz: NDArray[np.float64], tree: str | int, line: list[int], source: str) -> tuple[list[int], tuple[str, ...]]:
    """The points of the tree that is meant, in the order of the file, and a note on the others."""
    roots = [i for i, p in enumerate(parent) if p == -1]
    if len(roots) == 1 and tree in ("only", "largest", 0):
        return list(range(len(parent))), ()
    last = len(roots) - 1
    if tree == "only":
        refuse(source, line[roots[1]], "a second root", got=f"{len(roots)} trees; the first begins on line {line[roots[0]]}", expected="one point with parent -1",
               fix=f'tree="largest" keeps the largest, tree=0 to {last} one of them; or give this point its parent')  # fmt: skip
    if isinstance(tree, (int, np.integer)) and tree > last:
        raise MorphologyError(f"{source} has no tree {tree}", got=f"{len(roots)} trees", expected=f"0 to {last}")
    belongs = _trees(parent, roots)
    length = np.zeros(len(roots))
    for i, p in enumerate(parent):
        if p >= 0:
            length[belongs[i]] += np.sqrt(((xyz[i] - xyz[p]) ** 2).sum())
    which = int(np.argmax(length)) if tree == "largest" else int(tree)
    kept = np.flatnonzero(belongs == which).tolist()
    note = f"tree {which} of {len(roots)} in the file, {len(kept)} of {len(parent)} points; the others were left out"
    return kept, (note,)


def _trees(parent: list[int], roots: list[int]) -> NDArray[np.int64]:
    """The number of each point's tree."""
    belongs = np.full(len(parent), -1)
    belongs[roots] = np.arange(len(roots))
    for i in range(len(parent)):
        path = []
        while belongs[i] < 0:
            path.append(i)
            i = parent[i]
        belongs[path] = belongs[i]
    return belongs
