"""A population as native gradients run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neuropil.codegen.vectors import LINE
from neuropil.learn.native.step import NativeStep
from neuropil.plan.gradient_signature import Role


@dataclass(frozen=True, eq=False)
class Part:
    """One population.

    Attributes:
        name: of the population; size: its neurons.
        step: its kernels.
        rings: port -> the longest delay with which spikes arrive there, steps.
        given: whether its spikes are given: then it takes no step, and its codes are filled beforehand.
    """

    name: str
    size: int
    step: NativeStep
    rings: Mapping[str, int]
    given: bool = False

    @property
    def width(self) -> int:
        """Bytes of a row of codes."""
        return -(-self.size // LINE) * LINE

    @property
    def coded(self) -> bool:
        """There is a code for every step."""
        return self.given or self.step.program.can_fire or self.step.program.names.rests

    @property
    def fires(self) -> bool:
        """It has spikes."""
        return self.given or self.step.program.can_fire

    @property
    def moving(self) -> list[tuple[Role, str]]:
        """What it has at the start and at the end."""
        return [*((Role.STATE, n) for n in self.step.program.names.states), *((Role.RING, n) for n in self.rings), (Role.LEFT, "")]
