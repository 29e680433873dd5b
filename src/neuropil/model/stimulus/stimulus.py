"""What a stimulus is: events into a port or a current into an input, described by an equation or built by the package.

Events arrive on the grid: one stamped `t` is added at the end of the step that ends at `t`. A current holds during
the step from `t_k` to `t_{k+1}` the value it has at `t_k`.

A stimulus of one's own is one class: its fields are its parameters, one method is its equation. It runs in every executor.

    class Chirp(npl.CurrentStimulus):
        amplitude: npl.Current                     # a quantity, one per neuron, or a distribution
        slope: Any = 10 * Hz / second              # a field without a unit in its annotation takes any

        def value(self, t):                        # the current at t; `normal` or `uniform` besides: a number for each neuron and step
            return self.amplitude * maths.sin(2 * math.pi * (self.slope * t) * t)

    class Ramped(npl.EventStimulus):
        rate: npl.Rate

        def events(self, t, dt, uniform):          # how many events a neuron gets at the end of the step that begins at t
            return uniform < self.rate * dt * t / (t + 100 * ms)
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np
from numpy.typing import NDArray

from neuropil import registry
from neuropil.errors import ModelError, NeuropilError
from neuropil.model.base.described import annotated_dimension, as_quantity
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.base.shown import Shown
from neuropil.model.stimulus.checks import dimension_of
from neuropil.model.stimulus.equation import Equation, check_equation, evaluated_once
from neuropil.units import DIMENSIONLESS, Dimension, Quantity


@dataclass_transform(frozen_default=True, eq_default=False)
class Stimulus(Shown):
    """Base of all stimuli; every subclass is made a frozen dataclass.

    The methods say what others have to ask of a stimulus; those that mean something else for a new one are overridden.

    Attributes:
        equation_name: name of the method that is its equation.
        built_in: the package has a builder for the class in every executor.
    """

    equation_name: ClassVar[str] = ""
    built_in: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        dataclasses.dataclass(frozen=True, eq=False)(cls)
        for name in ("__setattr__", "__delattr__"):  # this class's own refuse all changes; a decorator of the subclass may set them again
            if name in vars(cls):
                delattr(cls, name)

    def __setattr__(self, name: str, value: Any = None) -> None:
        raise ModelError(f"{type(self).__name__} is a value and cannot be changed", got=f"assignment to {name!r}", fix="make a new one: dataclasses.replace(...)")

    __delattr__ = __setattr__

    def __post_init__(self) -> None:
        for name in self._fields():
            if (dimension := annotated_dimension(type(self), name)) is not None and getattr(self, name) is not None:
                object.__setattr__(self, name, as_quantity(getattr(self, name), dimension, f"{type(self).__name__}.{name}"))

    @classmethod
    def _fields(cls) -> tuple[str, ...]:
        return tuple(f.name for f in dataclasses.fields(cls)) if dataclasses.is_dataclass(cls) else ()

    # --- its equation --------------------------------------------------------------------------------------------

    @property
    def parameters(self) -> dict[str, Dimension]:
        """The fields that are numbers (quantities, arrays, distributions), which an equation may read: the dimension by name."""
        given = {n: getattr(self, n) for n in self._fields()}
        kinds = (Quantity, Distribution, int, float, np.ndarray, np.number)
        return {n: dimension_of(v) for n, v in given.items() if isinstance(v, kinds) and not isinstance(v, bool)}

    @property
    def equation(self) -> Equation | None:
        """The method of this name with the arguments that it declares; None without one.

        Raises:
            ModelError: arguments that no equation of a stimulus has.
        """
        method = getattr(type(self), self.equation_name, None)
        return None if method is None else Equation.of(type(self).__name__, self.equation_name, tuple(inspect.signature(method).parameters)[1:])

    @property
    def defined_by_equation(self) -> bool:
        """Whether the equation says what it does, and not a class of the package that this one is derived from."""
        for kind in type(self).__mro__:
            if vars(kind).get("built_in"):
                return False
            if self.equation_name in vars(kind):
                return True
        return False

    def bound(self, values: dict[str, Any]) -> Self:
        """A copy whose parameters have these values, unchecked: tracers when lowering, arrays in the oracle.

        Args:
            values: magnitudes in base units by name of parameter.
        """
        twin, dimensions = copy.copy(self), self.parameters
        for name, value in values.items():
            object.__setattr__(twin, name, Quantity(value, dimensions[name]))
        return twin

    def dimension(self) -> Dimension:
        """Of what its equation gives."""
        raise NotImplementedError

    # --- what others ask of it -----------------------------------------------------------------------------------

    def fit(self, size: int, label: str) -> None:
        """Refuse values that do not fit so many neurons.

        Args:
            size: number of neurons.
            label: of the stimulus; opens the error message.

        Raises:
            ModelError, NetworkError: an array of another shape.
        """
        for name, dimension in self.parameters.items():
            checked_values(getattr(self, name), dimension, f"{label}: {name}", (size,))

    def faults(self, dt: float, label: str) -> list[NeuropilError]:
        """What cannot be simulated with a time step: times beside the grid, too many events.

        Args:
            dt: time step, ms.
            label: of the stimulus; opens the error messages.
        """
        return []

    def window(self, level: float) -> Stimulus | None:
        """A dimensionless current of this `level` from when the stimulus starts to when it stops; None: it acts all the time."""
        return None

    @property
    def addressed(self) -> NDArray[np.int64] | None:
        """The neurons that it names, by their index within its target; None if it names none."""
        return None

    def addressing(self, neurons: NDArray[np.int64]) -> Stimulus:
        """The same for other `neurons` (int64, as many as are `addressed`).

        Raises:
            ModelError: it names no neurons.
        """
        raise ModelError(f"{type(self).__name__} names no neurons", got=neurons)

    def moved(self, dt: float) -> tuple[NDArray[np.float64], int]:
        """What of it is data that is moved onto the grid of time steps.

        Args:
            dt: time step, ms.

        Returns:
            The given times, ms, and how many events meet another one in a step of a neuron that were apart before.
        """
        return np.empty(0), 0

    @property
    def poisson_rate(self) -> float | None:
        """The rate (1/ms) of independent Poisson trains, if it is that and the same for all neurons at all times."""
        return None


class EventStimulus(Stimulus):
    """A stimulus made of events; drives a port, with a weight.

    A subclass gives `events(self, t, ...)`, the number of events that each neuron gets at the end of the step that begins at t; it
    multiplies the weight. Beside `t` it may ask for `dt`, the duration of the step, and for `uniform` (in (0, 1)) or `normal` (mean 0,
    variance 1), a random number of each neuron in each step. A truth value is one event or none.
    """

    equation_name: ClassVar[str] = "events"

    def dimension(self) -> Dimension:
        """Of what its equation gives: a number."""
        return DIMENSIONLESS


class CurrentStimulus(Stimulus):
    """A stimulus that flows; drives an input.

    A subclass gives `value(self, t, ...)`, the current at t, which holds during the step that begins then; further arguments are
    those of `EventStimulus`.
    """

    equation_name: ClassVar[str] = "value"

    def dimension(self) -> Dimension:
        """Dimension of the current: what the equation gives.

        Raises:
            ModelError: there is no equation, or it fails. UnitError: units in it do not fit together.
        """
        if self.equation is None:
            raise ModelError(f"{type(self).__name__} has no unit", fix="define value(self, t), or dimension(self)")
        return dimension_of(evaluated_once(self))


def builder_for(stimulus: Stimulus, executor: str) -> Callable[..., Any]:
    """What turns a stimulus into work: the builder of its class, or of the nearest of its base classes, where none nearer has an equation.

    Args:
        stimulus: as described.
        executor: "engine", "oracle" or "rollout".

    Raises:
        ModelError: there is neither a builder nor an equation.
    """
    general = next(k for k in type(stimulus).__mro__ if "equation_name" in vars(k))
    return registry.nearest_builder(stimulus, executor, general, stimulus.equation_name)


def check_stimulus(stimulus: Stimulus, size: int, label: str) -> None:
    """Refuse a stimulus that no executor can carry out, or that does not fit so many neurons.

    Args:
        stimulus: as described.
        size: number of neurons that it drives.
        label: of the stimulus; opens the error message.

    Raises:
        ModelError, NetworkError, UnitError: neither an equation nor a builder, or values and units that do not fit.
    """
    kinds = type(stimulus).__mro__
    built = any(vars(k).get("built_in") or registry.has_builder(k) for k in kinds if "equation_name" not in vars(k))
    if stimulus.equation is None and not built:
        name = type(stimulus).__name__
        raise ModelError(
            f"{label}: the effect of a {name} is not defined", got=stimulus,
            fix=f"define {stimulus.equation_name or 'value'}(self, t), or register a builder: @npl.register({name}, \"engine\")",
        )  # fmt: skip
    stimulus.fit(size, label)
    if stimulus.equation is not None and stimulus.defined_by_equation:
        check_equation(stimulus, size, stimulus.dimension())
