"""A function of elements as two kernels: what elements send in every step, what synapses do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.gradient_source import NAME
from neuropil.codegen.map_source import source_of
from neuropil.learn.native.loop import Call
from neuropil.learn.native.part import Part
from neuropil.lower.gradient import MapGradient
from neuropil.plan.gradient_signature import Role
from neuropil.plan.map_signature import MapSignature, Place, arrays


@dataclass(frozen=True, eq=False)
class Mapped:
    """A function of the elements of a part.

    Attributes:
        name: the first part of the keys of its own arrays.
        part: whose elements.
        signature: the arguments of its kernels.
    """

    name: tuple[str, ...]
    part: Part
    signature: MapSignature

    @classmethod
    def of(cls, name: tuple[str, ...], part: Part, program: MapGradient, apart: frozenset[str], **places: Any) -> Mapped:
        """A traced function with its arrays.

        Args:
            name, part: as of this.
            program: the function.
            apart: parameters with a value for each element.
            places: of `MapSignature`.

        Returns:
            The function, whose kernels are compiled when they are first used.
        """
        differ = {f"p.{n}" for n in apart}
        constants = tuple(j for j, node in enumerate(program.hoisted) if differ & program.graph.leaves(node))
        return cls(name, part, MapSignature(program, constants, **places))

    @property
    def program(self) -> MapGradient:
        """The graph with its roots."""
        return self.signature.program

    @property
    def product(self) -> bool:
        """It has a way back."""
        return bool(self.program.backward)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Those whose cotangents are summed."""
        return tuple(self.program.parameter_bar)

    @cached_property
    def module(self) -> ModuleType:
        """With the kernels `forward` and `backward`."""
        return load(NAME, source_of(self.signature, self.part.precision))

    def constants(self, values: dict[str, Any], dt: float) -> list[np.ndarray]:
        """Values of the hoisted constants, computed in float64 and rounded once: () or [elements].

        Args:
            values: parameters and entries of propagators by name.
            dt: time step, ms.
        """
        given = {n: np.asarray(v, float) for n, v in values.items()} | {"dt": np.asarray(dt)}
        return [np.asarray(v, self.part.precision) for v in self.program.constants(given)]

    def forward(self, at: Any) -> Call:
        """The call of every step.

        Args:
            at: to the array of a key.
        """
        return Call(self.module.forward, (self.part.size, *self._constants(at, self.program.forward), *_given(at, self.signature.forward_places), *self._tapes(at)))

    def backward(self, at: Any) -> Call:
        """The call of every step on the way back.

        Args:
            at: to the array of a key.
        """
        bars = (at(self.name, Role.PARAMETER_BAR, n) for n in self.parameters)
        return Call(self.module.backward, (self.part.size, *self._constants(at, self.program.backward), *self._tapes(at), *_given(at, self.signature.backward_places), *bars))

    def _constants(self, at: Any, roots: list[int]) -> list[Any]:
        return [at(self.name, Role.NUMBERS, ""), *(at(self.name, Role.CONSTANT, str(j)) for j in self.signature.constants(roots) if j in self.signature.apart)]

    def _tapes(self, at: Any) -> list[Any]:
        return [at(self.name, Role.TAPE, n) for n in self.program.tape]


def _given(at: Any, places: list[Place]) -> list[Any]:
    return [a for place in arrays(places) for a in (at(*place.key), *([place.index] if place.index is not None else []))]
