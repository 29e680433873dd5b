"""An unbranched section of a cell, in µm: a list of points with a diameter; two successive points bound a frustum."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuropil.errors import MorphologyError, did_you_mean
from neuropil.model.base.immutable import unchanging
from neuropil.units import magnitude, um

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
        parent: index of the section to which it is attached; -1 for the root.
        parent_at: where on the parent it is attached, 0 to 1 of the parent's length.
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
                raise MorphologyError(f"a section's {what} must be text", got=text)
        _check_points(self.name, points)
        if not 0.0 <= self.parent_at <= 1.0:
            raise MorphologyError(
                f"section {self.name!r}: parent_at is out of range",
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


Parsed = tuple[tuple[Section, ...], str, tuple[str, ...]]
"""What a file holds: the sections, the cell's name, and notes; the arguments of a `Morphology`."""


def numbered(kinds: Iterable[str]) -> list[str]:
    """Names of sections of these kinds: `kind[0]`, `kind[1]`, ... in their order, or `kind` alone where there is one.

    Args:
        kinds: one for each section.
    """
    kinds = list(kinds)
    seen: dict[str, int] = {}
    names = []
    for kind in kinds:
        number = seen[kind] = seen.get(kind, -1) + 1
        names.append(kind if kinds.count(kind) == 1 else f"{kind}[{number}]")
    return names


def suggest(name: str, known: Iterable[str]) -> str:
    """`did_you_mean` for a name, listing only the nearest of the known names where there are many: a cell may have hundreds of sections."""
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
            f"{where}: points have the wrong shape",
            got=f"an array of shape {points.shape}",
            expected="shape (k, 4): x, y, z, diameter of at least 2 points",
        )
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1) | (abs(points) > LARGEST).any(axis=1))
    if bad.size:
        raise MorphologyError(f"{where}: point {bad[0]} is not finite, or out of range", got=points[bad[0]].tolist(), expected="finite numbers in µm")
    thin = np.flatnonzero(points[:, 3] < THINNEST)
    if thin.size:
        raise MorphologyError(
            f"{where}: point {thin[0]} is too thin", got=f"diameter {points[thin[0], 3]:g} µm", expected=f"at least {THINNEST:g} µm"
        )
    if np.sqrt((np.diff(points[:, :3], axis=0) ** 2).sum(axis=1)).sum() < SHORTEST:
        raise MorphologyError(f"{where} has no length", got="points that all coincide", fix="leave the section out")
