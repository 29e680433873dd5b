"""The compartments of a cell: the circuit that a cable solver integrates, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import MorphologyError
from neuropil.model.base.immutable import unchanging
from neuropil.model.cell.morphology import Morphology

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@unchanging
@dataclass(frozen=True, eq=False)
class Compartments:
    """A morphology divided; made by :func:`neuropil.model.cell.discretise.discretise`.

    Compartments with membrane come first, numbered depth first: 0 is the root, each comes after those between it and the
    root. Then come nodes without membrane (area, capacitance and length zero): the ends at which sections meet, and the free
    ends at which something was placed, in the order in which it was.

    Attributes:
        morphology: what was divided.
        parent: int32[n]; -1 for the root.
        area: float64[n], membrane area, µm².
        resistance: float64[n], axial resistance from the compartment's middle to its parent's, GΩ; 0 for the root.
        capacitance: float64[n], of the whole membrane of the compartment, pF.
        length, diameter: float64[n], µm; the diameter is the mean along the compartment.
        section: int32[n], the section it belongs to.
        position: float64[n], where its middle lies on the section, 0 to 1.
        distance: float64[n], path length from the middle of the soma to its middle, µm (from the root's start where there
            is no soma).
        counts: int32[sections], compartments with membrane in each section.
        numbers: int32[sum of counts], the compartments with membrane, section after section from start to end:
            positions in this list keep their order however finely the cell is divided.
        electrotonic: float64[sections], length of each section in length constants at 100 Hz.
        tips: float64[sections, 2], axial resistance from the first compartment's middle to the section's start and from the
            last one's to its end, GΩ.
        rule: how it was divided, as text.
    """

    morphology: Morphology
    parent: Ints
    area: Floats
    resistance: Floats
    capacitance: Floats
    length: Floats
    diameter: Floats
    section: Ints
    position: Floats
    distance: Floats
    counts: Ints
    numbers: Ints
    electrotonic: Floats
    tips: Floats
    rule: str

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __len__(self) -> int:
        return len(self.parent)

    @cached_property
    def has_membrane(self) -> NDArray[np.bool_]:
        """bool[n]: false for branch points without membrane."""
        return self.area > 0

    @cached_property
    def beside(self) -> Ints:
        """int32[n]: the compartment itself, or for a node without membrane the one towards the root."""
        return np.where(self.has_membrane, np.arange(len(self)), self.parent).astype(np.int32)

    @cached_property
    def xyz(self) -> Floats:
        """float64[n, 3]: where the middle of each compartment, or the node, lies, µm."""
        positions = zip(self.section, self.position, strict=True)
        return np.array([self.morphology.sections[s].point_at(x)[:3] for s, x in positions])

    @cached_property
    def kind(self) -> NDArray[np.str_]:
        """str[n]: the kind of section each compartment belongs to."""
        return self._by_section(lambda s: s.kind)

    @cached_property
    def name(self) -> NDArray[np.str_]:
        """str[n]: the name of the section each compartment belongs to; of a node its position, "soma(1)"."""
        names = self._by_section(lambda s: s.name).tolist()
        return np.array([n if own else f"{n}({x:g})" for n, own, x in zip(names, self.has_membrane, self.position, strict=True)])

    def _by_section(self, of: Callable[[Any], str]) -> NDArray[np.str_]:
        return np.array([of(s) for s in self.morphology.sections])[self.section]

    def at(self, section: str | int, x: float = 0.5) -> int:
        """The compartment at the position `x` (0 to 1) of a section, given by name or index.

        That is the one whose membrane holds it. At x = 1 it is the node of that end, at x = 0 the point at which the section is
        attached: a node, or a compartment of its parent. A free end without a node stands for the compartment beside it, which has the
        same potential.

        Raises:
            MorphologyError: no such section (with the nearest name), or `x` is off it.
        """
        number = self.morphology.number_of(section)
        if not 0.0 <= x <= 1.0:
            raise MorphologyError(
                f"section {self.morphology.sections[number].name!r}: x is out of range", got=f"x={x}", expected="0 (its start) to 1 (its end)"
            )
        position = self._canonical(number, x)
        if position in self._nodes:
            return self._nodes[position]
        number, x = position
        n = int(self.counts[number])
        return int(self.of_section(number)[min(int(x * n), n - 1)])

    def with_nodes(self, positions: Iterable[tuple[str | int, float]]) -> Compartments:
        """With a node at each of these positions (section, x) that is a free end without one; no number changes.

        Returns:
            The same compartments followed by the new nodes, which have no membrane.
        """
        free = [p for p in dict.fromkeys(self._canonical(self.morphology.number_of(s), x) for s, x in positions) if p[1] in (0.0, 1.0) and p not in self._nodes]
        if not free:
            return self
        beside = [self.at(*end) for end in free]
        zeros, points = [0.0] * len(free), [self.morphology.sections[s].point_at(x) for s, x in free]
        more: dict[str, Any] = {
            "parent": beside, "area": zeros, "capacitance": zeros, "length": zeros,
            "resistance": [self.tips[s, int(x)] for s, x in free],
            "diameter": [p[3] for p in points],
            "section": [s for s, _ in free],
            "position": [x for _, x in free],
            "distance": [float(self.morphology.distance_at(s, x)) for s, x in free],
        }  # fmt: skip
        grown: dict[str, Any] = {name: np.append(old := getattr(self, name), np.asarray(new, old.dtype)) for name, new in more.items()}
        return replace(self, **grown)

    @cached_property
    def _nodes(self) -> dict[tuple[int, float], int]:
        """The nodes without membrane by their section and its end."""
        return {(int(self.section[i]), float(self.position[i])): int(i) for i in np.flatnonzero(~self.has_membrane)}

    def _canonical(self, section: int, x: float) -> tuple[int, float]:
        """A position by the section nearest to the root that has it: a start is where the section is attached."""
        while x == 0.0 and section > 0:
            child = self.morphology.sections[section]
            section, x = child.parent, child.parent_at
        return section, float(x)

    def of_section(self, section: str | int) -> Ints:
        """int32[count]: the compartments with membrane of a section, from its start to its end."""
        number = self.morphology.number_of(section)
        end = int(self.counts[: number + 1].sum())
        return self.numbers[end - int(self.counts[number]) : end]

    def report(self) -> str:
        """How finely each kind of section was divided, as text."""
        own = self.has_membrane
        electrotonic = self.electrotonic / self.counts
        lines = [
            f"{self.morphology.name} by {self.rule}: {int(own.sum())} compartments in {len(self.counts)} sections, "
            f"{int((~own).sum())} nodes without membrane, area {self.area.sum():,.1f} µm²",
            f"  {'kind':<12}{'sections':>9}{'compartments':>14}{'per section':>13}{'longest µm':>12}{'of λ(100 Hz)':>14}{'area µm²':>12}",
        ]
        for kind in self.morphology.kinds:
            sections = np.array([s.kind == kind for s in self.morphology.sections])
            here = own & (self.kind == kind)
            counts = self.counts[sections]
            span = f"{counts.min()} to {counts.max()}" if counts.min() < counts.max() else str(counts.min())
            lines.append(
                f"  {kind:<12}{int(sections.sum()):>9}{int(here.sum()):>14}{span:>13}{self.length[here].max():>12.2f}"
                f"{electrotonic[sections].max():>14.4f}{self.area[here].sum():>12,.1f}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Compartments({self.morphology.name!r}, {len(self)}, by {self.rule})"
