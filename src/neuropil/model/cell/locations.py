"""Where on a cell: regions (many compartments) and locations (points on it), as values that name no compartment.

A region or location is resolved against :class:`~neuropil.model.cell.compartments.Compartments` only when it is used, so the
same description serves every discretisation. Regions combine with ``&``, ``|`` and ``~``. Text is shorthand:
``"apical"`` (a kind), ``"apical[12]"`` (a section), any label, ``"all"``; ``"apical[12](0.3)"`` is a location.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.errors import MorphologyError
from neuropil.model.cell.compartments import Compartments
from neuropil.model.cell.morphology import Morphology
from neuropil.model.cell.regional import EVERYTHING, region_names
from neuropil.model.cell.section import suggest
from neuropil.units import Quantity, magnitude, um

Ints: TypeAlias = NDArray[np.int32]
RegionLike: TypeAlias = "Region | str"
LocationLike: TypeAlias = "Location | str"

# --- regions ------------------------------------------------------------------------------------------------------


class Region:
    """Base of all regions: a set of compartments with membrane. Combine with ``&``, ``|``, ``~``."""

    def inside(self, compartments: Compartments) -> NDArray[np.bool_]:
        """bool[n]: which compartments belong to it (those without membrane are left out afterwards)."""
        raise NotImplementedError

    def compartments(self, compartments: Compartments) -> Ints:
        """int32[m], ascending: the compartments with membrane whose middle lies in the region.

        Raises:
            MorphologyError: a name that the cell does not have, with the nearest one.
        """
        return np.flatnonzero(self.inside(compartments) & compartments.has_membrane).astype(np.int32)

    def __and__(self, other: RegionLike) -> Region:
        return _Both(self, region(other))

    def __or__(self, other: RegionLike) -> Region:
        return _Either(self, region(other))

    def __rand__(self, other: RegionLike) -> Region:
        return _Both(region(other), self)

    def __ror__(self, other: RegionLike) -> Region:
        return _Either(region(other), self)

    def __invert__(self) -> Region:
        return _Not(self)


@dataclass(frozen=True)
class Everywhere(Region):
    """The whole cell."""

    def inside(self, compartments: Compartments) -> NDArray[np.bool_]:
        return np.ones(len(compartments), dtype=bool)


@dataclass(frozen=True)
class Kind(Region):
    """Sections of one kind: "soma", "axon", "basal", "apical" or a kind of the cell's own.

    Args:
        kind: its name.
    """

    kind: str

    def inside(self, compartments: Compartments) -> NDArray[np.bool_]:
        cell = compartments.morphology
        if self.kind not in cell.kinds:
            raise MorphologyError(f"{cell.name} has no sections of kind {self.kind!r}", fix=suggest(self.kind, cell.kinds))
        return compartments.kind == self.kind


@dataclass(frozen=True, init=False)
class Sections(Region):
    """Sections by name: ``Sections("basal[3]", "basal[4]")``.

    Args:
        names: of sections, at least one.

    Raises:
        MorphologyError: no name is given.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str):
        if not names:
            raise MorphologyError("Sections() names no section", expected="at least one name")
        object.__setattr__(self, "names", names)

    def inside(self, compartments: Compartments) -> NDArray[np.bool_]:
        return np.isin(compartments.section, [compartments.morphology.number_of(n) for n in self.names])


@dataclass(frozen=True)
class Distance(Region):
    """Compartments whose middle lies at a path distance d of the soma's middle with low <= d < high (lengths).

    Args:
        low, high: lengths, or 0.

    Raises:
        MorphologyError: not 0 <= low < high.
    """

    low: Quantity | float = 0.0
    high: Quantity | float = np.inf * um

    def __post_init__(self) -> None:
        low, high = self._bounds()
        if not 0.0 <= low < high:
            raise MorphologyError("Distance: low must be at least 0 and below high", got=f"{low:g} to {high:g} µm", expected="0 <= low < high")

    def _bounds(self) -> tuple[float, float]:
        return (
            float(magnitude(self.low, um.dimension, "Distance.low")),
            float(magnitude(self.high, um.dimension, "Distance.high")),
        )

    def inside(self, compartments: Compartments) -> NDArray[np.bool_]:
        low, high = self._bounds()
        return (compartments.distance >= low) & (compartments.distance < high)


@dataclass(frozen=True)
class Named(Region):
    """What a plain piece of text stands for: a kind, a section's name, a label, or "all".

    Args:
        name: the text.
    """

    name: str

    def inside(self, compartments: Compartments) -> NDArray[np.bool_]:
        cell = compartments.morphology
        matching = [
            i for i, s in enumerate(cell.sections) if self.name in (EVERYTHING, s.kind, s.name) or self.name in s.labels
        ]
        if not matching:
            raise MorphologyError(f"{cell.name} has no region {self.name!r}", fix=suggest(self.name, region_names(cell)))
        return np.isin(compartments.section, matching)


@dataclass(frozen=True)
class _Both(Region):
    a: Region
    b: Region

    def inside(self, compartments: Compartments) -> NDArray[np.bool_]:
        return self.a.inside(compartments) & self.b.inside(compartments)


@dataclass(frozen=True)
class _Either(Region):
    a: Region
    b: Region

    def inside(self, compartments: Compartments) -> NDArray[np.bool_]:
        return self.a.inside(compartments) | self.b.inside(compartments)


@dataclass(frozen=True)
class _Not(Region):
    a: Region

    def inside(self, compartments: Compartments) -> NDArray[np.bool_]:
        return ~self.a.inside(compartments)


def region(value: RegionLike) -> Region:
    """A region from a region or from text.

    Raises:
        MorphologyError: the value is neither.
    """
    if isinstance(value, Region):
        return value
    if isinstance(value, str) and value:
        return Named(value)
    raise MorphologyError("not a region", got=value, expected='a region, or text such as "apical", "basal[3]" or "all"')


# --- locations ----------------------------------------------------------------------------------------------------


class Location:
    """Base of all locations: an ordered list of points, each in the membrane of one compartment or at the end of a section."""

    def ends(self, compartments: Compartments) -> list[tuple[str, float]]:
        """Which of the points are ends of sections, as (section, 0.0 or 1.0)."""
        return []

    def compartments(self, compartments: Compartments) -> Ints:
        """int32[m], in the order of the points: the compartment of each; one compartment may hold several.

        Raises:
            MorphologyError: a name that the cell does not have, or a region without membrane.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class At(Location):
    """The point `x` (0 to 1) of a section, given by name.

    A kind stands for its only section, or for the root section where that is of the kind; ``At("soma")`` for the soma that
    distances are measured from.

    Args:
        section: name of a section, or a kind.

    Raises:
        MorphologyError: x is outside of 0 to 1.
    """

    section: str
    x: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 <= self.x <= 1.0:
            raise MorphologyError(f"At({self.section!r}): x is out of range", got=f"x={self.x}", expected="0 (its start) to 1 (its end)")

    def ends(self, compartments: Compartments) -> list[tuple[str, float]]:
        return [(self._name(compartments.morphology), float(self.x))] if self.x in (0.0, 1.0) else []

    def compartments(self, compartments: Compartments) -> Ints:
        return np.array([compartments.at(self._name(compartments.morphology), self.x)], dtype=np.int32)

    def _name(self, cell: Morphology) -> str:
        names = [s.name for s in cell.sections]
        own = [s.name for s in cell.sections if s.kind == self.section]
        if self.section in names or not own:
            if self.section not in names:
                raise MorphologyError(f"{cell.name} has no section {self.section!r}", fix=suggest(self.section, names))
            return self.section
        if len(own) > 1 and self.section not in (cell.sections[0].kind, "soma"):
            raise MorphologyError(
                f"{cell.name}: {self.section!r} is {len(own)} sections, not one point", fix=f"name one of them, such as {own[0]!r}"
            )
        return own[0]


@dataclass(frozen=True)
class Spread(Location):
    """`count` points drawn at random in a region, uniformly along its length; with replacement.

    Point i depends on the seed, on i and on the region's shape only: for regions of whole sections it is the same point
    however finely the cell is divided.

    Args:
        region: a region or text.
        count: number of points, 0 or more.
        seed: whole number in [0, 2**63).

    Raises:
        MorphologyError: not a region, a number of points, or a seed.
    """

    region: RegionLike
    count: int
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, (int, np.integer)) or not 0 <= self.count < 2**32:
            raise MorphologyError("Spread.count is not a number of points", got=self.count, expected="a whole number >= 0")
        if isinstance(self.seed, bool) or not isinstance(self.seed, (int, np.integer)) or not 0 <= self.seed < 2**63:
            raise MorphologyError("Spread.seed is not a seed", got=self.seed, expected="a whole number in [0, 2**63)")
        region(self.region)

    def compartments(self, compartments: Compartments) -> Ints:
        where, ends = _laid_end_to_end(region(self.region), compartments, repr(self))
        u = rng.uniform(rng.stream_key(int(self.seed), "places"), np.arange(self.count), 0)
        return where[np.searchsorted(ends[:-1], u * ends[-1], side="right")]


@dataclass(frozen=True)
class Evenly(Location):
    """Points a `spacing` apart along a region, its sections laid end to end; the first half a spacing from the start.

    Args:
        region: a region or text.
        spacing: a length, positive.

    Raises:
        MorphologyError: not a region, or not a positive length.
    """

    region: RegionLike
    spacing: Quantity

    def __post_init__(self) -> None:
        if not 0.0 < magnitude(self.spacing, um.dimension, "Evenly.spacing") < np.inf:
            raise MorphologyError("Evenly.spacing is not a distance", got=self.spacing, expected="more than 0 µm")
        region(self.region)

    def compartments(self, compartments: Compartments) -> Ints:
        where, ends = _laid_end_to_end(region(self.region), compartments, repr(self))
        spacing = float(magnitude(self.spacing, um.dimension, "Evenly.spacing"))
        count = np.floor(ends[-1] / spacing + 0.5)
        if count > 2**32:
            raise MorphologyError("Evenly.spacing makes too many points", got=f"{count:.3g}", expected="fewer than 2**32")
        points = (np.arange(int(count)) + 0.5) * spacing
        return where[np.searchsorted(ends[:-1], points, side="right")]


def _laid_end_to_end(area: Region, compartments: Compartments, what: str) -> tuple[Ints, NDArray[np.float64]]:
    """The compartments of a region section after section, and where each ends along their common length, µm."""
    where = compartments.numbers[area.inside(compartments)[compartments.numbers]]
    if not where.size:
        raise MorphologyError(f"{what}: no compartment of {compartments.morphology.name} lies in the region", fix="enlarge the region, or divide the cell into more compartments")
    return where, np.cumsum(compartments.length[where])


_POINT = re.compile(r"(?P<section>.+?)\s*\(\s*(?P<x>[^()]+?)\s*\)")


def location(value: LocationLike) -> Location:
    """A location from a location or from text: ``"soma(0.5)"``, ``"apical[12](0.3)"``, or ``"soma"`` for its middle.

    Raises:
        MorphologyError: the value is neither.
    """
    if isinstance(value, Location):
        return value
    if isinstance(value, str) and value:
        match = _POINT.fullmatch(value.strip())
        if not match:
            return At(value.strip())
        try:
            return At(match["section"], float(match["x"]))
        except ValueError:
            pass
    raise MorphologyError("not a location", got=value, expected='a location, or text such as "soma(0.5)" or "apical[12](0.3)"')
