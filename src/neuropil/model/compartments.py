"""The compartments of a cell: the circuit that a cable solver integrates, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import MorphologyError
from neuropil.model.morphology import Morphology

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Compartments:
    """A morphology divided; made by :func:`neuropil.model.discretise.discretise`.

    Compartments are numbered depth first: a parent before its children, every subtree in one piece, 0 the root. A branch
    point that needs a node of its own is a compartment without membrane: area, capacitance and length zero.

    Attributes:
        morphology: what was divided.
        parent: int32[n]; -1 for the root.
        area: float64[n], membrane area, µm².
        resistance: float64[n], axial resistance from the compartment's middle to its parent's, GΩ; 0 for the root.
        capacitance: float64[n], of the whole membrane of the compartment, pF.
        length, diameter: float64[n], µm; the diameter is the mean along the compartment.
        section: int32[n], the section it belongs to.
        position: float64[n], where its middle lies on the section, 0 to 1.
        distance: float64[n], path length from the middle of the soma to its middle, µm (from the root's start where the
            root is no soma).
        counts: int32[sections], compartments with membrane in each section.
        numbers: int32[sum of counts], the compartments with membrane, section after section from start to end:
            places in this list keep their order however finely the cell is divided.
        electrotonic: float64[sections], length of each section in length constants at 100 Hz.
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
    def kind(self) -> NDArray[np.str_]:
        """str[n]: the kind of section each compartment belongs to."""
        return self._by_section(lambda s: s.kind)

    @cached_property
    def name(self) -> NDArray[np.str_]:
        """str[n]: the name of the section each compartment belongs to."""
        return self._by_section(lambda s: s.name)

    def _by_section(self, of: Callable[[Any], str]) -> NDArray[np.str_]:
        return np.array([of(s) for s in self.morphology.sections])[self.section]

    def at(self, section: str | int, x: float = 0.5) -> int:
        """The compartment whose membrane holds the place `x` (0 to 1) of a section, given by name or index.

        Raises:
            MorphologyError: no such section (with the nearest name), or `x` is off it.
        """
        number = self.morphology.number_of(section)
        if not 0.0 <= x <= 1.0:
            raise MorphologyError(
                f"section {self.morphology.sections[number].name!r} has no such place", got=f"x={x}", expected="0 (its start) to 1 (its end)"
            )
        n = int(self.counts[number])
        return int(self.of_section(number)[min(int(x * n), n - 1)])

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
            f"{int((~own).sum())} branch nodes, area {self.area.sum():,.1f} µm²",
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
