"""Where the two kernels of a function of elements find what it takes and put what it gives; text is made of it in `codegen` alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np

from neuropil.lower.gradient import MapGradient
from neuropil.plan.gradient_signature import Signature


class Access(Enum):
    """How element i finds its entry of an array in step k."""

    OWN = "of the element, [n]"
    STEP = "of step and element, [steps, n]"
    ROUND = "of step and element, steps counted around, [rows, n]"
    PICKED = "of another element, [any]"
    PICKED_ROUND = "of step and another element, steps counted around, [rows, any]"
    SHARED = "of the step alone, [steps]"


@dataclass(frozen=True, eq=False)
class Place:
    """An entry of an array.

    Attributes:
        key: of the array.
        access: how an element finds its entry.
        index: int32[n], of the other element.
        set: it is set, and not added to, where it is written.
        cleared: it is zero after it was read.
    """

    key: Any
    access: Access = Access.OWN
    index: np.ndarray | None = None
    set: bool = False
    cleared: bool = False


@dataclass(frozen=True, eq=False)
class MapSignature(Signature):
    """The arguments of both kernels.

    Attributes:
        program: the graph with its roots.
        apart: places of the hoisted constants that differ between elements.
        reads: by leaf, what adds up to it.
        writes: by what is given.
        bars: by leaf, where its cotangent goes; cotangents: by what is given, where its cotangent comes from.
    """

    program: MapGradient
    apart: tuple[int, ...]
    reads: Mapping[str, tuple[Place, ...]]
    writes: Mapping[str, Place]
    bars: Mapping[str, tuple[Place, ...]]
    cotangents: Mapping[str, Place]

    @cached_property
    def read(self) -> tuple[str, ...]:
        """Leaves that are read forward: of what is given or of its product, and those that are cleared."""
        p = self.program
        found = p.graph.leaves(*p.forward, *p.backward)
        return tuple(n for n in p.names if n in found or any(place.cleared for place in self.reads[n]))

    @cached_property
    def barred(self) -> tuple[str, ...]:
        """Leaves whose cotangents are put somewhere: a zero is not added."""
        p = self.program
        return tuple(n for n, node in p.leaf_bar.items() if p.graph.literal(node) != 0.0 or any(place.set for place in self.bars[n]))

    @cached_property
    def pulled(self) -> tuple[str, ...]:
        """Of what is given, that whose cotangent is read."""
        p = self.program
        found = p.graph.leaves(*p.backward)
        return tuple(n for n in p.given if f"g.{n}" in found or self.cotangents[n].cleared)

    @property
    def forward_places(self) -> list[Place]:
        """Of the function, in the order in which they first occur."""
        return [*(place for n in self.read for place in self.reads[n]), *self.writes.values()]

    @property
    def backward_places(self) -> list[Place]:
        """Of the product, likewise."""
        return [*(self.cotangents[n] for n in self.pulled), *(place for n in self.barred for place in self.bars[n])]


def arrays(places: Iterable[Place]) -> Iterator[Place]:
    """The first of some `places` of each array and index: those that are arguments."""
    known = set()
    for place in places:
        if (name := (place.key, id(place.index))) not in known:
            known.add(name)
            yield place
