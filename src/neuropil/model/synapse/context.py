"""What the equations of a synapse read from outside of it: context inputs, by name.

A synapse model declares an `Input`; its name says what it is. `v`, `post`, `modulator` and `noise` are context inputs of this package, any
other name that is not registered is the target's state of that name. A context input outside the package is one class, registered once:

    class AboveThreshold(ContextInput):
        \"\"\"The target's potential relative to its threshold.\"\"\"

        name, unit = "v_above", mV

        def of_target(self, target):
            return target.v - target.v_th

    npl.register(AboveThreshold())

`of_target` reads states of the target as of the beginning of a step, and parameters of the target. `of_pair` gives a constant of the two
neurons that a synapse joins, such as their distance. Engine, oracle and rollout compute both from these definitions
(`neuropil.model.contents.in_context`). States of the source are not among them: the neurons that own a synapse do not hold these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from neuropil.errors import ModelError, UnitError
from neuropil.model.base.described import Spec
from neuropil.model.base.ends import Ends
from neuropil.registry import Named, named, names, register
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, kHz, ms, mV, unit_name

POST_TIME = "tau_post"
"""The parameter that says over which time `post` is the activity."""


class ContextInput(Named):
    """A named thing that synapses may read.

    Class attributes:
        name: of the `Input` that reads it.
        unit: of its values, 1.0 for none.
    """

    family: ClassVar[str] = "context input"
    unit: Any = 1.0

    @property
    def dimension(self) -> Dimension:
        """The dimension of its unit."""
        return self.unit.dimension if isinstance(self.unit, Quantity) else DIMENSIONLESS

    def of_target(self, target: Any) -> Any:
        """Its value by states and parameters of the target.

        Args:
            target: has states (as of the beginning of the step) and parameters of the neuron, or of the part of it that the projection
                reaches, as attributes.

        Returns:
            A quantity in `unit`.
        """
        raise NotImplementedError

    def of_pair(self, ends: Ends) -> Any:
        """Its constant value for each pair of neurons.

        Args:
            ends: the neurons on both sides, with their positions. (A matrix of all pairs is held: 8 bytes for each.)

        Returns:
            A quantity in `unit`, [sources, targets].
        """
        raise NotImplementedError

    def check_model(self, model: str, spec: Spec) -> None:
        """Refuse a synapse model that lacks what it needs.

        Args:
            model: name of the class; spec: its declarations.

        Raises:
            ModelError, UnitError: with the remedy.
        """
        if spec.inputs[self.name] != self.dimension:
            raise UnitError(f"{model}.{self.name} has the wrong unit", got=unit_name(spec.inputs[self.name]), expected=unit_name(self.dimension))


class Potential(ContextInput):
    """The membrane potential of the target: its state `v`."""

    name, unit = "v", mV


class Activity(ContextInput):
    """The target's spikes, filtered with the synapse's parameter `tau_post`, 1/ms."""

    name, unit = "post", kHz

    def check_model(self, model: str, spec: Spec) -> None:
        """Refuse a synapse model that does not say over which time.

        Args:
            model: name of the class; spec: its declarations.

        Raises:
            ModelError, UnitError: with the remedy.
        """
        super().check_model(model, spec)
        if spec.parameters.get(POST_TIME) != ms.dimension:
            raise ModelError(f"{model} reads the target's activity, which needs the time constant of its average", fix=f"declare {POST_TIME}: Time = … * ms")


class SignalValue(ContextInput):
    """A signal, 0 until it is set (`Simulation.set_modulator`)."""

    name = "modulator"


class WhiteNoise(ContextInput):
    """In every step a normal number over √(dt / 1 ms), of each synapse."""

    name = "noise"


class TargetState(ContextInput):
    """A state of the target by its own name."""

    def __init__(self, name: str):
        self.name = name


for _one in (Potential(), Activity(), SignalValue(), WhiteNoise()):
    register(_one)


def context_input(name: str) -> ContextInput:
    """The context input that an `Input` of this name reads."""
    return named(ContextInput, name) if name in names(ContextInput) else TargetState(name)


def reads(inputs: Iterable[str], kind: type[ContextInput]) -> bool:
    """Whether some of these inputs read a context input of a kind."""
    return any(isinstance(context_input(n), kind) for n in inputs)


def target_states(inputs: Iterable[str]) -> list[str]:
    """Those of these inputs that read a state of the target as it is, the potential among them."""
    return [n for n in inputs if isinstance(context_input(n), (Potential, TargetState))]
