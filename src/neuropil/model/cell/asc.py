"""Reading Neurolucida ASC files through MorphIO (Apache-2.0), an extra: ``pip install neuropil[asc]``.

MorphIO reads the sections and keeps coordinates in single precision. The soma's outline becomes the cylinder with the area of a
sphere about its centre, as thick as the outline is in the mean: length and diameter twice the mean distance of its points from
their mean. (NEURON's Import3d stacks cylinders along the outline instead.) What is attached to the soma is attached at its middle and
begins at its own first point; without an outline, the first tree is the cell.
"""

from __future__ import annotations

import importlib
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.errors import MorphologyError
from neuropil.model.cell.section import SHORTEST, Parsed, Section, numbered
from neuropil.model.cell.swc_points import KINDS, file_name

SOMA = "soma"


def read_asc(path: str | PathLike[str], name: str | None = None) -> Parsed:
    """Read a file; see :meth:`Morphology.from_asc`.

    Args:
        path: of the file.
        name: of the morphology; None: the file's name without its ending.

    Returns:
        The morphology, in µm.

    Raises:
        MorphologyError: MorphIO is missing, or cannot read the file, or finds no cell in it.
    """
    source = file_name(path)
    try:
        morphio = importlib.import_module("morphio")
    except ImportError:
        raise MorphologyError(f"{source}: reading Neurolucida ASC needs MorphIO", fix="pip install neuropil[asc]") from None
    if not Path(source).is_file():
        raise MorphologyError(f"{source}: the file cannot be read", got="no such file")
    try:
        read = morphio.Morphology(source)
    except morphio.MorphioError as error:
        raise MorphologyError(f"{source}: MorphIO cannot read the file", got=str(error).strip()) from None
    sections, notes = sections_of(read, source)
    return sections, name or Path(source).stem, notes


def sections_of(cell: Any, source: str) -> tuple[tuple[Section, ...], tuple[str, ...]]:
    """The sections of what MorphIO read, and notes on what was changed or left out.

    Args:
        cell: a MorphIO morphology.
        source: name of the file, for messages.

    Raises:
        MorphologyError: no sections, or several trees without a soma to join them.
    """
    found: list[tuple[str, np.ndarray, int, float]] = []
    notes: list[str] = []
    if len(cell.soma.points):
        points, note = _soma(np.asarray(cell.soma.points, float), np.asarray(cell.soma.diameters, float))
        found.append((SOMA, points, -1, 1.0))
        notes.append(note)
    elif len(cell.root_sections) != 1:
        got = f"{len(cell.root_sections)} trees" if cell.root_sections else "nothing"
        raise MorphologyError(f"{source}: no soma that joins the trees", got=got, fix="draw a CellBody outline, or keep one tree to a file")
    dropped = 0
    waiting = [(section, 0 if found else -1, 0.5 if found else 1.0) for section in reversed(cell.root_sections)]
    while waiting:
        section, parent, x = waiting.pop()
        points = np.column_stack([np.asarray(section.points, float), np.asarray(section.diameters, float)])
        if len(points) >= 2 and np.sqrt((np.diff(points[:, :3], axis=0) ** 2).sum(axis=1)).sum() >= SHORTEST:
            found.append((KINDS.get(int(section.type), f"custom{int(section.type)}"), points, parent, x))
            parent, x = len(found) - 1, 1.0
        else:
            dropped += 1
        waiting += [(child, parent, x) for child in reversed(section.children)]
    if dropped:
        notes.append(f"{dropped} sections without length were left out")
    names = numbered([kind for kind, *_ in found])
    return tuple(Section(name, *rest) for name, rest in zip(names, found, strict=True)), tuple(notes)


def _soma(points: np.ndarray, diameters: np.ndarray) -> tuple[np.ndarray, str]:
    """A cylinder along y with the area of the soma's sphere, float64[2, 4], and what was done."""
    centre = points.mean(axis=0)
    radius = diameters[0] / 2 if len(points) == 1 else float(np.sqrt(((points - centre) ** 2).sum(axis=1)).mean())
    x, y, z = centre
    ends = np.array([[x, y - radius, z, 2 * radius], [x, y + radius, z, 2 * radius]])
    return ends, f"soma outline of {len(points)} points, drawn as the cylinder of a sphere of {2 * radius:.4g} µm"
