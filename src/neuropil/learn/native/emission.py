"""What the elements of a part send in every step: a function of their states and inputs at its beginning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neuropil.learn.native.mapped import Mapped
from neuropil.learn.native.part import Part
from neuropil.lower.gradient import MapGradient
from neuropil.plan.gradient_signature import Role
from neuropil.plan.map_signature import Access, Place

Value = Callable[[Any, Any, Any], Any]
"""(p, s, x) -> a number."""


@dataclass(frozen=True, eq=False)
class Emission:
    """A number of each element of a part.

    Attributes:
        mapped: the function.
        longest: the longest delay with which it arrives, steps.
        reads_inputs: it is computed after what flows into the inputs of its part.
    """

    mapped: Mapped
    longest: int
    reads_inputs: bool

    @classmethod
    def of(cls, name: tuple[str, ...], part: Part, function: Value, product: bool, apart: frozenset[str], longest: int = 0) -> Emission:
        """Trace what is sent.

        Args:
            name: the first part of the keys of its arrays.
            part: whose elements send.
            function: of (p, s, x) of an element.
            product: whether there is a way back.
            apart: parameters with a value for each element.
            longest: as of the emission.

        Returns:
            The emission.
        """
        assert part.step is not None
        names, use = part.step.program.names, part.step.program.use
        states, inputs = {f"s.{n}": n for n in names.states}, {f"x.{n}": n for n in names.inputs if n in (*use.currents, *use.flows)}

        def value(p: Any, v: Any) -> Any:
            x = {n: v.get(f"x.{n}", 0.0) for n in names.inputs}
            return {"value": function(p, {n: v[leaf] for leaf, n in states.items()}, x)}

        def of_input(n: str, current: Role, flow: Role, currents: tuple[str, ...]) -> tuple[Place, ...]:
            return (*((Place(part.key(current, n), Access.STEP),) if n in currents else ()), *((Place(part.key(flow, n)),) if n in use.flows else ()))

        reads: dict[str, tuple[Place, ...]] = {leaf: (Place(part.key(Role.STATE, n)),) for leaf, n in states.items()}
        reads |= {leaf: of_input(n, Role.CURRENT, Role.FLOW, use.currents) for leaf, n in inputs.items()}
        bars: dict[str, tuple[Place, ...]] = {leaf: (Place(part.key(Role.STATE_BAR, n)),) for leaf, n in states.items()}
        bars |= {leaf: of_input(n, Role.CURRENT_BAR, Role.FLOW_BAR, use.current_bars) for leaf, n in inputs.items()}
        wanted = frozenset((*(leaf for leaf in bars if bars[leaf]), *(f"p.{n}" for n in use.parameters))) if product else frozenset[str]()
        program = MapGradient.of(value, names.parameters, tuple(reads), ("value",), wanted, names.model)
        mapped = Mapped.of(
            name, part, program, apart, reads=reads, bars=bars, writes={"value": Place((name, Role.VALUE, ""), Access.ROUND, set=True)},
            cotangents={"value": Place((name, Role.VALUE_BAR, ""), Access.ROUND, cleared=True)},
        )  # fmt: skip
        return cls(mapped, longest, any(leaf in mapped.signature.read for leaf in inputs))

    @property
    def name(self) -> tuple[str, ...]:
        """The first part of the keys of its arrays."""
        return self.mapped.name

    @property
    def part(self) -> Part:
        """Whose elements send."""
        return self.mapped.part
