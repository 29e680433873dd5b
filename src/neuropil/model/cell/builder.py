"""Building a morphology by hand, section after section, in quantities with units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuropil.errors import MorphologyError
from neuropil.model.cell.morphology import Morphology, Section, lengths, suggest
from neuropil.units import magnitude, um


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
            length, diameter: lengths, for a straight section that starts where it sprouts; `diameter` one length, or a
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
        raise MorphologyError(f"section {name!r}: this is no direction", got=direction, expected="three numbers, not all zero")
    if not 0 < total <= 1e7:
        raise MorphologyError(f"section {name!r}: this is no length", got=f"{total:g} µm", expected="more than 0")
    steps = np.linspace(0.0, total, diameters.size)
    return np.column_stack([start + steps[:, None] * (along / norm), diameters])
