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
    """All neurons of a population, all their branches, or all synapses of a projection.

    Attributes:
        name: of the population; part: of the part, "" for the soma, neurons without parts and synapses.
        size: its elements; precision: of its numbers; states: names.
        step: the kernels of neurons and branches; None: synapses, whose kernels are in `neuropil.learn.native.synapses`.
        rings: port -> the longest delay with which spikes arrive there, steps; 0: nothing is on its way there at the end of a step.
        active: whether its states depend on something whose cotangent is wanted.
        given: whether its spikes are given: then it takes no step, and its codes are filled beforehand.
    """

    name: str
    part: str
    size: int
    precision: str
    states: tuple[str, ...]
    step: NativeStep | None
    rings: Mapping[str, int]
    active: bool
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
        return self.step is not None and not self.part and (self.given or self.step.program.can_fire or self.step.program.names.rests)

    @property
    def fires(self) -> bool:
        """It has spikes."""
        return self.step is not None and not self.part and (self.given or self.step.program.can_fire)

    @property
    def product(self) -> bool:
        """Its step has a way back."""
        return self.step is not None and self.step.program.use.product

    @property
    def spike_matters(self) -> bool:
        """The cotangents of its spikes are used."""
        return self.step is not None and self.product and self.step.program.spike_matters

    @property
    def moving(self) -> list[tuple[Role, str]]:
        """What it has at the start and at the end."""
        own = [*((Role.STATE, n) for n in self.states), *((Role.RING, n) for n, longest in self.rings.items() if longest)]
        return own if self.part or self.step is None else [*own, (Role.LEFT, "")]


def inner_names(part: str, names: Iterable[str]) -> dict[str, str]:
    """Full names of a population that belong to a part, by their names within it.

    Args:
        part: "" for the soma.
        names: full names; names of a propagator's entries may have points in them.
    """
    if not part:
        return {n: n for n in names if not n.startswith(f"{BRANCH}.")}
    return {n.removeprefix(f"{part}."): n for n in names if n.startswith(f"{part}.")}
