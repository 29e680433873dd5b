"""What the elements of a part send in every step, as kernels with a derivative."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.gradient_source import NAME
from neuropil.codegen.value_source import source_of
from neuropil.learn.native.part import Part
from neuropil.lower.gradient import Names, Use, Value, ValueGradient
from neuropil.plan.gradient_signature import Argument, Role, ValueSignature


@dataclass(frozen=True, eq=False)
class Emission:
    """A number of each element of a part, a function of its states and inputs at the beginning of a step.

    Attributes:
        name: of the emission, the first part of the keys of its arrays.
        part: whose elements send.
        signature: the arguments of its kernels.
        longest: the longest delay with which it arrives, steps.
        reads_inputs: it is computed after what flows into the inputs of its part.
    """

    name: tuple[str, ...]
    part: Part
    signature: ValueSignature
    longest: int
    reads_inputs: bool = False

    @classmethod
    def of(cls, name: tuple[str, ...], part: Part, function: Value, names: Names, use: Use, apart: frozenset[str], longest: int = 0) -> Emission:
        """Trace what is sent.

        Args:
            name, part, longest: as of the emission.
            function: of (p, s, x) of an element.
            names: of its arguments; use: what of them is in use.
            apart: parameters with a value for each element.

        Returns:
            The emission, whose kernels are compiled when they are first used.
        """
        program = ValueGradient.of(function, names, use)
        differ = {f"p.{n}" for n in apart}
        places = tuple(j for j, node in enumerate(program.hoisted) if differ & program.graph.leaves(node))
        reads = any(leaf.startswith("x.") for leaf in program.read)
        return cls(name, part, ValueSignature(program, places), longest, reads)

    @property
    def program(self) -> ValueGradient:
        """The graph with its roots."""
        return self.signature.program

    @cached_property
    def module(self) -> ModuleType:
        """With the kernels `forward` and `backward`."""
        return load(NAME, source_of(self.signature, self.part.step.precision))

    def key(self, argument: Argument) -> Any:
        """The key of the array of an argument: the part's, or its own.

        Args:
            argument: of a kernel.
        """
        if argument.role in (Role.STATE, Role.STATE_BAR, Role.CURRENT, Role.CURRENT_BAR, Role.FLOW, Role.FLOW_BAR):
            return self.part.key(argument.role, argument.name)
        return self.name, argument.role, argument.name

    def constants(self, values: dict[str, Any], dt: float) -> list[np.ndarray]:
        """Values of the hoisted constants, computed in float64 and rounded once: () or [elements].

        Args:
            values: parameters and entries of propagators by name.
            dt: time step, ms.
        """
        given = {n: np.asarray(v, float) for n, v in values.items()} | {"dt": np.asarray(dt)}
        return [np.asarray(v, self.part.step.precision) for v in self.program.constants(given)]
