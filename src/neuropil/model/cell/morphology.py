"""The shape of a cell: sections joined into a tree, read from a file or built section by section.

A morphology is inert data in µm. It says nothing of membranes, nor of how finely it will be divided: that is
:mod:`neuropil.model.cell.discretise`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import MorphologyError
from neuropil.model.base.immutable import unchanging
from neuropil.model.cell.asc import read_asc
from neuropil.model.cell.section import LARGEST, Section, lengths, suggest
from neuropil.model.cell.swc import read_swc
from neuropil.model.cell.swc_write import write_swc
from neuropil.units import magnitude, um


@unchanging
@dataclass(frozen=True, eq=False)
class Morphology:
    """A tree of sections, each parent before its children; the first is the root (the soma, where there is one).

    Attributes:
        sections: the sections.
        name: of the cell or of the file it came from.
        notes: on how its file was read: which convention of the soma was recognised, what was left out.

    Raises:
        MorphologyError: when the sections are not one tree in that order, or two share a name.
    """

    sections: tuple[Section, ...]
    name: str = "cell"
    notes: tuple[str, ...] = ()
    _numbers: Mapping[str, int] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sections", tuple(self.sections))
        if not self.sections:
            raise MorphologyError(f"{self.name}: a morphology needs at least one section")
        numbers: dict[str, int] = {}
        for i, section in enumerate(self.sections):
            if section.name in numbers:
                raise MorphologyError(f"{self.name}: two sections are named {section.name!r}", fix="give each its own name")
            numbers[section.name] = i
            if (i == 0) != (section.parent == -1) or not -1 <= section.parent < i:
                raise MorphologyError(
                    f"{self.name}: section {section.name!r} is not placed in the tree",
                    got=f"parent {section.parent} of section {i}",
                    expected="-1" if i == 0 else f"0 to {i - 1}: one root, the first section, and parents before children",
                )
        object.__setattr__(self, "_numbers", numbers)

    # --- making one ---------------------------------------------------------------------------------------------

    @staticmethod
    def builder(name: str = "cell") -> MorphologyBuilder:
        """An empty :class:`~neuropil.model.cell.builder.MorphologyBuilder` for a cell of this name, to add sections to."""
        return MorphologyBuilder(name)

    @classmethod
    def cable(cls, length: Any, diameter: Any, *, kind: str = "basal", name: str = "cable") -> Morphology:
        """One unbranched cable, its only section named ``"cable"``; `diameter` one length, or two for a cone.

        Args:
            length: a length.
            kind: of the section: "soma", "axon", "basal", "apical" or any text.
            name: of the morphology.
        """
        build = cls.builder(name)
        build.section("cable", kind=kind, length=length, diameter=diameter)
        return build.build()

    @classmethod
    def ball_and_stick(
        cls,
        soma_diameter: Any = 20 * um,
        length: Any = 500 * um,
        diameter: Any = 2 * um,
        *,
        kind: str = "basal",
        name: str = "ball and stick",
    ) -> Morphology:
        """A soma (a cylinder with the area of a sphere of `soma_diameter`) and one dendrite, ``"dend"``, at its end.

        Args:
            length, diameter: lengths, of the dendrite.
            kind: of the dendrite.
            name: of the morphology.
        """
        build = cls.builder(name)
        build.section("soma", kind="soma", length=soma_diameter, diameter=soma_diameter)
        build.section("dend", kind=kind, length=length, diameter=diameter, parent="soma")
        return build.build()

    @classmethod
    def from_swc(
        cls,
        path: str | PathLike[str],
        *,
        soma: str = "auto",
        types: Mapping[int, str] | None = None,
        default_radius: Any = None,
        tree: str | int = "only",
        scale: Any = 1.0,
        name: str | None = None,
    ) -> Morphology:
        """Read an SWC file; the rules are those of :mod:`neuropil.model.cell.swc`.

        Args:
            soma: "auto" recognises the three-point soma of NeuroMorpho.org; "points" takes soma points as they stand.
            types: kinds for SWC type numbers, over the usual {1: "soma", 2: "axon", 3: "basal", 4: "apical"}.
            default_radius: a length for points whose radius is zero; without it such a file is refused.
            tree: which tree of a file with several is meant: "largest" (by length; a note says what was left out), or its
                number, 0 the first in the file. "only": several are refused.
            scale: µm in a unit of the file's coordinates and radii: a number (0.001 for nanometres), or a length.
            name: of the morphology; the file's name when left out.
            path: of the file.

        Returns:
            The morphology, in µm, with notes on what was changed or left out.

        Raises:
            MorphologyError: naming the file and the line.
        """
        return Morphology(*read_swc(path, soma=soma, types=types, default_radius=default_radius, tree=tree, scale=scale, name=name))

    @classmethod
    def from_asc(cls, path: str | PathLike[str], *, name: str | None = None) -> Morphology:
        """Read a Neurolucida ASC file through MorphIO, an extra (``pip install neuropil[asc]``); see :mod:`neuropil.model.cell.asc`.

        Args:
            path: of the file.
            name: of the morphology; None: the file's name without its ending.

        Returns:
            The morphology, in µm, with notes on what was changed or left out.

        Raises:
            MorphologyError: MorphIO is missing, or the file holds no cell.
        """
        return Morphology(*read_asc(path, name))

    def to_swc(self, path: str | PathLike[str]) -> dict[int, str]:
        """Write an SWC file at `path`, in µm; :mod:`neuropil.model.cell.swc_write` says what the format cannot represent.

        Returns:
            The kinds that are not SWC's own, by the type numbers that stand for them: ``types=`` of `from_swc`.

        Raises:
            MorphologyError: the file cannot be written.
        """
        return write_swc(self.sections, self.name, path)

    def with_label(self, label: str, sections: Iterable[str]) -> Morphology:
        """The same morphology, its sections of these names also belonging to the region `label`."""
        chosen = {self.number_of(s) for s in sections}
        return replace(
            self,
            sections=tuple(
                replace(s, labels=(*s.labels, label)) if i in chosen and label not in s.labels else s
                for i, s in enumerate(self.sections)
            ),
        )

    # --- looking at it ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.sections)

    def __getitem__(self, section: str | int) -> Section:
        return self.sections[self.number_of(section)]

    def number_of(self, section: str | int) -> int:
        """The index of a section given by name or index.

        Raises:
            MorphologyError: when there is none, with the nearest name.
        """
        if isinstance(section, str):
            if section not in self._numbers:
                raise MorphologyError(f"{self.name} has no section {section!r}", fix=suggest(section, self._numbers))
            return self._numbers[section]
        if not 0 <= section < len(self.sections):
            raise MorphologyError(f"{self.name} has no section {section}", expected=f"0 to {len(self.sections) - 1}")
        return int(section)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The distinct kinds, in order of first appearance."""
        return tuple(dict.fromkeys(s.kind for s in self.sections))

    @property
    def length(self) -> float:
        """Total length of all sections, µm."""
        return sum(s.length for s in self.sections)

    @property
    def area(self) -> float:
        """Total membrane area, µm²."""
        return sum(s.area for s in self.sections)

    @property
    def branch_points(self) -> int:
        """The number of points to which two or more sections are attached (a section's end counts as one point)."""
        points: dict[tuple[int, float], int] = {}
        for s in self.sections[1:]:
            points[s.parent, s.parent_at] = points.get((s.parent, s.parent_at), 0) + 1
        return sum(n > 1 for n in points.values())

    @property
    def soma(self) -> int | None:
        """The index of the soma: of the first section of kind "soma", wherever in the tree it is; None where there is none."""
        return next((i for i, s in enumerate(self.sections) if s.kind == "soma"), None)

    def distances(self) -> NDArray[np.float64]:
        """Path length from the middle of the soma to the start of each section, µm; float64[sections]."""
        return np.asarray(self.distance_at(np.arange(len(self.sections)), 0.0))

    def distance_at(self, section: Any, x: Any) -> Any:
        """Path length from the middle of the soma to the position `x` of a section, µm; both numbers or arrays.

        The soma is :attr:`soma`, its middle is x = 0.5, and the path is that through the tree, also towards the root. Without a
        soma it is measured from the start of the root.
        """
        nearest, there, lengths_ = self._paths
        return there[section] + np.abs(np.asarray(x) - nearest[section]) * lengths_[section]

    @cached_property
    def _paths(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Of each section the position nearest to the soma's middle, the path length from there to it, and its own length."""
        own = np.array([s.length for s in self.sections])
        nearest, there = np.zeros(len(own)), np.zeros(len(own))
        towards = 0 if self.soma is None else self.soma
        nearest[towards] = 0.0 if self.soma is None else 0.5
        passed = {towards}
        while (up := self.sections[towards].parent) >= 0:  # what lies between the soma and the root is nearest where the path leaves it
            nearest[up], there[up] = self.sections[towards].parent_at, there[towards] + nearest[towards] * own[towards]
            towards = up
            passed.add(up)
        for i, s in enumerate(self.sections):
            if i not in passed:
                there[i] = there[s.parent] + abs(s.parent_at - nearest[s.parent]) * own[s.parent]
        return nearest, there, own

    def summary(self) -> str:
        """A table of sections, points, length and area by kind, as text."""
        lines = [
            f"{self.name}: {len(self)} sections, {self.branch_points} branch points, "
            f"length {self.length:,.1f} µm, area {self.area:,.1f} µm²",
            f"  {'kind':<12}{'sections':>9}{'points':>9}{'length µm':>12}{'area µm²':>12}{'diameter µm':>16}",
        ]
        for kind in self.kinds:
            own = [s for s in self.sections if s.kind == kind]
            d = np.concatenate([s.points[:, 3] for s in own])
            lines.append(
                f"  {kind:<12}{len(own):>9}{len(d):>9}{sum(s.length for s in own):>12,.1f}"
                f"{sum(s.area for s in own):>12,.1f}{f'{d.min():.3g} to {d.max():.3g}':>16}"
            )
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Morphology({self.name!r}, {len(self)} sections, area {self.area:.4g} µm²)"


class MorphologyBuilder:
    """Collects sections and makes a :class:`Morphology` of them.

    >>> from neuropil.units import um
    >>> build = MorphologyBuilder("pyramid")
    >>> soma = build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    >>> trunk = build.section("trunk", kind="apical", length=500 * um, diameter=[4 * um, 2 * um], parent=soma)
    >>> build.build().length
    520.0

    Args:
        name: of the morphology.
    """

    def __init__(self, name: str = "cell"):
        self.name = name
        self._sections: list[Section] = []

    def section(
        self,
        name: str,
        *,
        kind: str,
        length: Any = None,
        diameter: Any = None,
        points: Any = None,
        parent: str | None = None,
        at: float = 1.0,
        direction: Sequence[float] = (1.0, 0.0, 0.0),
        labels: Sequence[str] = (),
    ) -> str:
        """Add a section and return its name, to be the parent of others.

        Args:
            kind: "soma", "axon", "basal", "apical" or any text.
            length, diameter: lengths, for a straight section that starts where it is attached; `diameter` one length, or a
                list of them at equal steps from start to end.
            points: instead of these, a quantity of shape (k, 4): x, y, z, diameter.
            parent: name of an earlier section; None only for the first.
            at: where on the parent, 0 to 1.
            direction: of a straight section; any length.
            labels: further names of regions that it belongs to.
            name: of the section, unique in the cell.

        Raises:
            MorphologyError, UnitError: when the description is incomplete or impossible.
        """
        known = {s.name: i for i, s in enumerate(self._sections)}
        if parent is not None and parent not in known:
            raise MorphologyError(f"section {name!r}: there is no parent {parent!r} yet", fix=suggest(parent, known))
        if (parent is None) != (not self._sections):
            raise MorphologyError(
                f"section {name!r}: a cell has one root",
                got=f"parent={parent!r} for section number {len(self._sections)}",
                expected="no parent for the first section, one of the earlier sections for every other",
            )
        if name in known:
            raise MorphologyError(f"two sections are named {name!r}", fix="give each its own name")
        if (points is None) == (length is None or diameter is None):
            raise MorphologyError(f"section {name!r}: give either `length` and `diameter`, or `points`")
        if points is not None:
            shape = np.asarray(magnitude(points, um.dimension, f"points of section {name!r}"), dtype=np.float64)
        else:
            start = np.zeros(3) if parent is None else self._sections[known[parent]].point_at(at)[:3]
            shape = _straight(name, start, length, diameter, direction)
        index = -1 if parent is None else known[parent]
        self._sections.append(Section(name, kind, shape, index, float(at), tuple(labels)))
        return name

    def build(self) -> Morphology:
        """The morphology of the sections added so far."""
        return Morphology(tuple(self._sections), self.name)


def _straight(name: str, start: np.ndarray, length: Any, diameter: Any, direction: Sequence[float]) -> np.ndarray:
    """Points at equal steps along a line, one for each diameter."""
    total = float(magnitude(length, um.dimension, f"length of section {name!r}"))
    diameters = lengths(diameter, f"diameter of section {name!r}")
    if diameters.size == 1:
        diameters = np.repeat(diameters, 2)
    along = np.asarray(direction, dtype=np.float64)
    norm = float(np.sqrt((along**2).sum())) if along.shape == (3,) else 0.0
    if not (norm > 0 and np.isfinite(norm)):
        raise MorphologyError(f"section {name!r}: not a direction", got=direction, expected="three numbers, not all zero")
    if not 0 < total <= LARGEST:
        raise MorphologyError(f"section {name!r}: the length must be positive", got=f"{total:g} µm", expected="more than 0")
    steps = np.linspace(0.0, total, diameters.size)
    return np.column_stack([start + steps[:, None] * (along / norm), diameters])
