"""The step of a population as kernels with a derivative: traced with its surrogate, whose constants are parameters of the kernel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import jax
import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.gradient_source import NAME, source_of
from neuropil.learn.population import Neurons
from neuropil.learn.surrogate import Surrogate
from neuropil.lower.gradient import Names, StepGradient, Use
from neuropil.plan.gradient_signature import GradientSignature

SURROGATE = ("surrogate.scale", "surrogate.width", "surrogate.height")
"""Constants of the surrogate among the parameters of a kernel."""


@dataclass(frozen=True)
class _Moved:
    """A surrogate at a distance that can be moved: the derivative by `moved` is the slope, of what cannot spike zero.

    Attributes:
        shape: its shape; width, height, moved: numbers.
    """

    shape: Surrogate
    width: Any
    height: Any
    moved: Any

    def spike(self, fired: Any, x: Any) -> Any:
        x = x + self.moved
        still = jax.lax.stop_gradient(x)
        return fired.astype(x.dtype) + replace(self.shape, width=self.width, height=self.height).slope(still) * (x - still)


def names_of(neurons: Neurons) -> Names:
    """What the step of a population takes."""
    spec, shape = neurons.step.traced.spec, neurons.surrogate
    parameters = tuple(dict.fromkeys((*spec.parameters, *neurons.step.entry_names, "dt", *(SURROGATE if shape is not None else ()))))
    return Names(parameters, tuple(spec.states), tuple(spec.inputs), tuple(spec.ports), neurons.step.rests, neurons.step.traced.name)


@dataclass(frozen=True, eq=False)
class NativeStep:
    """Both kernels of a population, and the constants that they take.

    Attributes:
        neurons: the population as a rollout steps it.
        signature: the arguments of the kernels.
        precision: "float32" or "float64".
    """

    neurons: Neurons
    signature: GradientSignature
    precision: str

    @classmethod
    def of(cls, neurons: Neurons, use: Use, apart: frozenset[str], precision: str) -> NativeStep:
        """Trace the step of a population.

        Args:
            neurons: the population as a rollout steps it.
            use: what of the model is in use.
            apart: parameters and entries with a value for each neuron.
            precision: of the kernels.

        Returns:
            The step, whose kernels are compiled when they are first used.
        """

        def step(p: Any, s: Any, x: Any, w: Any, refractory: Any, u: Any, moved: Any) -> Any:
            mine = neurons
            if neurons.surrogate is not None:
                scale, width, height = (p[n] for n in SURROGATE)
                mine = replace(neurons, scale=scale, surrogate=_Moved(neurons.surrogate, width, height, moved))  # type: ignore[arg-type]
            return mine.passed(p, s, x, w, refractory, u)

        program = StepGradient.of(step, names_of(neurons), use)
        differ = {f"p.{n}" for n in apart}
        places = tuple(j for j, node in enumerate(program.hoisted) if differ & program.graph.leaves(node))
        return cls(neurons, GradientSignature(program, places, neurons.step.traced.neuron.refractory in apart), precision)

    @property
    def program(self) -> StepGradient:
        """The graph with its roots."""
        return self.signature.program

    @cached_property
    def module(self) -> ModuleType:
        """With the kernels `forward` and `backward`."""
        return load(NAME, source_of(self.signature, self.precision))

    def constants(self, values: dict[str, Any], dt: float) -> list[np.ndarray]:
        """Values of the hoisted constants, computed in float64 and rounded once: () or [neurons].

        Args:
            values: parameters and entries of propagators by name.
            dt: time step, ms.
        """
        given = {n: np.asarray(v, float) for n, v in values.items()} | {"dt": np.asarray(dt)}
        if (shape := self.neurons.surrogate) is not None:
            given |= dict(zip(SURROGATE, map(np.asarray, (self.neurons.scale, shape.width, shape.height)), strict=True))
        return [np.asarray(v, self.precision) for v in self.program.constants(given)]
