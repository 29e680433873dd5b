"""The shape of a cell: unbranched sections, each a list of points with a diameter, joined into a tree.

A morphology is inert data in µm. It says nothing of membranes, nor of how finely it will be divided: that is
:mod:`neuropil.model.cell.discretise`. Between two successive points a section is a frustum (a truncated cone).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuropil.errors import MorphologyError, did_you_mean
from neuropil.model.base.immutable import unchanging
from neuropil.units import magnitude, um

if TYPE_CHECKING:
    from neuropil.model.cell.builder import MorphologyBuilder

LARGEST = 1e7
"""µm; ten metres. Anything larger is a slip of units, and its square might overflow further on."""

THINNEST = 1e-4
"""µm; a fiftieth of a lipid bilayer (about 5 nm). Anything thinner is a slip of units."""

SHORTEST = 1e-9
"""µm; a section shorter than this has no length."""


@unchanging
@dataclass(frozen=True, eq=False)
class Section:
    """An unbranched piece of a cell.

    Attributes:
        name: unique within its morphology, such as ``"soma"`` or ``"apical[12]"``.
        kind: "soma", "axon", "basal", "apical" or any other text.
        points: float64[k, 4], k >= 2: x, y, z and diameter in µm, from the section's start (x = 0) to its end (x = 1).
        parent: index of the section it sprouts from; -1 for the root.
        parent_at: where on the parent it sprouts, 0 to 1 of the parent's length.
        labels: further names of regions that this section belongs to.

    Raises:
        MorphologyError: when points are missing, not finite, too thin or without length, or `parent_at` is out of range.
    """

    name: str
    kind: str
    points: NDArray[np.float64]
    parent: int = -1
    parent_at: float = 1.0
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        points = np.array(self.points, dtype=np.float64)
        points.setflags(write=False)
        object.__setattr__(self, "points", points)
        for what, text in (("name", self.name), ("kind", self.kind)):
            if not isinstance(text, str) or not text:
                raise MorphologyError(f"a section's {what} is a piece of text", got=text)
        _check_points(self.name, points)
        if not 0.0 <= self.parent_at <= 1.0:
            raise MorphologyError(
                f"section {self.name!r} sprouts from a place that its parent does not have",
                got=f"parent_at={self.parent_at}",
                expected="0 (the parent's start) to 1 (its end)",
            )

    @cached_property
    def arc(self) -> NDArray[np.float64]:
        """Path length from the section's start to each point, µm; float64[k]."""
        steps = np.sqrt((np.diff(self.points[:, :3], axis=0) ** 2).sum(axis=1))
        return np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def length(self) -> float:
        """µm."""
        return float(self.arc[-1])

    @property
    def area(self) -> float:
        """Membrane area, µm²: the lateral areas of its frusta."""
        d = self.points[:, 3]
        return float((0.5 * np.pi * (d[1:] + d[:-1]) * np.hypot(np.diff(self.arc), 0.5 * np.diff(d))).sum())

    def point_at(self, x: float) -> NDArray[np.float64]:
        """x, y, z and diameter (µm) at the fraction `x` of the section's length; float64[4]."""
        return np.array([np.interp(x * self.length, self.arc, column) for column in self.points.T])


@unchanging
@dataclass(frozen=True, eq=False)
class Morphology:
    """A tree of sections, each parent before its children; the first is the root (the soma, where there is one).

    Attributes:
        sections: the sections.
        name: of the cell or of the file it came from.
        notes: what a reader of its file should know: which convention of the soma was recognised, what was left out.

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
        """An empty :class:`~neuropil.model.cell.builder.MorphologyBuilder` for a cell of this name, to add sections by hand."""
        from neuropil.model.cell.builder import MorphologyBuilder

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
        from neuropil.model.cell.swc import read_swc

        return read_swc(path, soma=soma, types=types, default_radius=default_radius, tree=tree, scale=scale, name=name)

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
        from neuropil.model.cell.asc import read_asc

        return read_asc(path, name)

    def to_swc(self, path: str | PathLike[str]) -> dict[int, str]:
        """Write an SWC file at `path`, in µm; :mod:`neuropil.model.cell.swc_write` says what the format has no place for.

        Returns:
            The kinds that are not SWC's own, by the type numbers that stand for them: ``types=`` of `from_swc`.

        Raises:
            MorphologyError: the file cannot be written.
        """
        from neuropil.model.cell.swc_write import write_swc

        return write_swc(self, path)

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
        """How many places two or more sections sprout from (a section's end counts as one place)."""
        places: dict[tuple[int, float], int] = {}
        for s in self.sections[1:]:
            places[s.parent, s.parent_at] = places.get((s.parent, s.parent_at), 0) + 1
        return sum(n > 1 for n in places.values())

    @property
    def soma(self) -> int | None:
        """The index of the soma: of the first section of kind "soma", wherever in the tree it is; None where there is none."""
        return next((i for i, s in enumerate(self.sections) if s.kind == "soma"), None)

    def distances(self) -> NDArray[np.float64]:
        """Path length from the middle of the soma to the start of each section, µm; float64[sections]."""
        return np.asarray(self.distance_at(np.arange(len(self.sections)), 0.0))

    def distance_at(self, section: Any, x: Any) -> Any:
        """Path length from the middle of the soma to the place `x` of a section, µm; both numbers or arrays.

        The soma is :attr:`soma`, its middle is x = 0.5, and the path is that through the tree, also towards the root. Without a
        soma it is measured from the start of the root.
        """
        nearest, there, lengths_ = self._paths
        return there[section] + np.abs(np.asarray(x) - nearest[section]) * lengths_[section]

    @cached_property
    def _paths(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Of each section the place nearest to the soma's middle, the path length from there to it, and its own length."""
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


def numbered(kinds: Iterable[str]) -> list[str]:
    """Names of sections of these kinds: `kind[0]`, `kind[1]`, ... in their order, or `kind` alone where there is one."""
    kinds = list(kinds)
    seen: dict[str, int] = {}
    names = []
    for kind in kinds:
        number = seen[kind] = seen.get(kind, -1) + 1
        names.append(kind if kinds.count(kind) == 1 else f"{kind}[{number}]")
    return names


def suggest(name: str, known: Iterable[str]) -> str:
    """`did_you_mean` for a name, but listing only the nearest of the known names where there are many: a cell may have hundreds of sections."""
    known = list(known)
    if len(known) <= 12:
        return did_you_mean(name, known)
    near = difflib.get_close_matches(name, known, n=8) or known[:8]
    return f"did you mean {near[0]!r}? {len(known)} are known, such as {', '.join(near)}"


def lengths(value: Any, where: str) -> NDArray[np.float64]:
    """One or several lengths as an array in µm; a list may mix quantities.

    Args:
        value: a quantity, an array, or a list of quantities.
        where: what the value is for; opens the error message.
    """
    if isinstance(value, (list, tuple)):
        return np.array([magnitude(v, um.dimension, where) for v in value], dtype=np.float64)
    return np.atleast_1d(np.asarray(magnitude(value, um.dimension, where), dtype=np.float64))


def _check_points(name: str, points: ArrayLike) -> None:
    points = np.asarray(points)
    where = f"section {name!r}"
    if points.ndim != 2 or points.shape[1] != 4 or len(points) < 2:
        raise MorphologyError(
            f"{where}: its points do not make a section",
            got=f"an array of shape {points.shape}",
            expected="shape (k, 4): x, y, z, diameter of at least 2 points",
        )
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1) | (abs(points) > LARGEST).any(axis=1))
    if bad.size:
        raise MorphologyError(f"{where}: point {bad[0]} is not a place", got=points[bad[0]].tolist(), expected="finite numbers in µm")
    thin = np.flatnonzero(points[:, 3] < THINNEST)
    if thin.size:
        raise MorphologyError(
            f"{where}: point {thin[0]} has no thickness", got=f"diameter {points[thin[0], 3]:g} µm", expected=f"at least {THINNEST:g} µm"
        )
    if np.sqrt((np.diff(points[:, :3], axis=0) ** 2).sum(axis=1)).sum() < SHORTEST:
        raise MorphologyError(f"{where} has no length", got="points that all coincide", fix="leave the section out")
