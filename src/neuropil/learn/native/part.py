"""A part of a population as native gradients run it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from neuropil.codegen.vectors import LINE
from neuropil.learn.native.step import NativeStep
from neuropil.model.neuron.branched import BRANCH
from neuropil.model.neuron.composite import full_name
from neuropil.plan.gradient_signature import Role

Key = tuple[str, Role, str]
"""(population, role, full name of a state, port or input) of an array."""


@dataclass(frozen=True, eq=False)
class Part:
    """All neurons of a population, or all their branches.

    Attributes:
        name: of the population; part: of the part, "" for the soma and neurons without parts.
        size: its elements.
        step: its kernels.
        rings: port -> the longest delay with which spikes arrive there, steps.
        given: whether its spikes are given: then it takes no step, and its codes are filled beforehand.
    """

    name: str
    part: str
    size: int
    step: NativeStep
    rings: Mapping[str, int]
    given: bool = False

    def key(self, role: Role | str, n: str = "") -> Key:
        """The key of one of its arrays.

        Args:
            role: what it holds; n: the name within the part.
        """
        return self.name, role, full_name(self.part, n)  # type: ignore[return-value]

    @property
    def width(self) -> int:
        """Bytes of a row of codes."""
        return -(-self.size // LINE) * LINE

    @property
    def coded(self) -> bool:
        """There is a code for every step."""
        return not self.part and (self.given or self.step.program.can_fire or self.step.program.names.rests)

    @property
    def fires(self) -> bool:
        """It has spikes."""
        return not self.part and (self.given or self.step.program.can_fire)

    @property
    def moving(self) -> list[tuple[Role, str]]:
        """What it has at the start and at the end."""
        own = [*((Role.STATE, n) for n in self.step.program.names.states), *((Role.RING, n) for n in self.rings)]
        return own if self.part else [*own, (Role.LEFT, "")]


def inner_names(part: str, names: Iterable[str]) -> dict[str, str]:
    """Full names of a population that belong to a part, by their names within it.

    Args:
        part: "" for the soma.
        names: full names; names of a propagator's entries may have points in them.
    """
    if not part:
        return {n: n for n in names if not n.startswith(f"{BRANCH}.")}
    return {n.removeprefix(f"{part}."): n for n in names if n.startswith(f"{part}.")}
