"""What every description is made of: parameters with units, states, ports and inputs, declared in a class.

A neuron, a membrane channel, a receptor and a synapse all describe themselves in the same way: annotated attributes
with defaults are parameters; `State`, `Port` and `Input` say what changes, what events drive and what flows in. The
declarations of a class are collected once, when the class is made; an instance holds values of its parameters and is
itself a value that never changes.
"""

from __future__ import annotations

import copy
import difflib
import inspect
import types
import typing
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from neuropil import units
from neuropil.errors import ModelError, UnitError, did_you_mean
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.base.shown import Shown
from neuropil.registry import provided
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, unit_name

_ANNOTATIONS = {
    getattr(units, name).__metadata__[0]: name
    for name in ("Time", "Rate", "Voltage", "Current", "Capacitance", "Conductance", "Resistance", "Length", "Concentration", "CapacitanceDensity", "ConductanceDensity")
}
"""The names that annotate parameters, by dimension."""


class Steady:
    """Marks a state that starts where it would rest: see `STEADY`."""

    def __repr__(self) -> str:
        return "STEADY"


STEADY = Steady()
"""Initial value of a gate: its steady state at the initial potential, found from its own equation."""


@dataclass(frozen=True)
class State:
    """A variable of the model.

    Args:
        initial: its value at the start: a quantity, a distribution, the name of a parameter, or (for the gates of
            membrane mechanisms) `STEADY`.
    """

    initial: Any = None


@dataclass(frozen=True)
class Port:
    """Where synapses arrive. `unit` is the unit of their weights: ``Port(pA)``."""

    unit: Quantity | float = 1.0


@dataclass(frozen=True)
class Input:
    """A continuous input such as an injected current. `unit` is its unit: ``Input(pA)``.

    An input without a stimulus is zero, and so is one whose stimuli are outside their windows. Where zero is a value like any
    other, `window` names a second, dimensionless input of the model: it is negative while stimuli are attached to the first, in
    this neuron or another of the population, and none of them is within its window here, and else zero or positive.
    """

    unit: Quantity | float = 1.0
    window: str = ""


@dataclass(frozen=True)
class Spec:
    """The declarations of a model class, collected once when the class is made.

    `sites` says of the ports, inputs and states that exist several times in each neuron (on branches, at locations of a
    dendrite) how many there are; what it does not name exists once.

    Attributes:
        parameters: dimension by name.
        defaults: value by name, of parameters that have one.
        states: by name; state_dimensions: their dimensions.
        ports, inputs: dimension by name.
        windows: of inputs, the name of the input that says whether a stimulus is within its window.
        sites: number of sites by name.
    """

    parameters: dict[str, Dimension] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    state_dimensions: dict[str, Dimension] = field(default_factory=dict)
    ports: dict[str, Dimension] = field(default_factory=dict)
    inputs: dict[str, Dimension] = field(default_factory=dict)
    windows: dict[str, str] = field(default_factory=dict)
    sites: dict[str, int] = field(default_factory=dict)


class Values:
    """Named quantities handed to a model's equations: `s.v`, `x.current`, `w.exc`.

    Args:
        kind: "state", "input" or "port", for messages.
        owner: name of the model, for messages.
        values: by name.
    """

    def __init__(self, kind: str, owner: str, values: dict[str, Any]):
        self.__dict__.update(_kind=kind, _owner=owner, _values=values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise ModelError(
                f"{self._owner} has no {self._kind} {name!r}", fix=did_you_mean(name, self._values)
            ) from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise ModelError(
            f"{self._owner}: equations must not assign to a {self._kind}",
            got=f"assignment to {name!r}",
            expected="a returned dict",
        )


class _Signature:
    """The signature of a model class: its parameters by keyword, with their defaults."""

    def __get__(self, model: object, kind: type[DeclarativeModel]) -> inspect.Signature:
        given, spec = inspect.Parameter, kind.spec
        return inspect.Signature([given(n, given.KEYWORD_ONLY, default=spec.defaults.get(n, given.empty)) for n in spec.parameters if n.isidentifier()])


class DeclarativeModel(Shown):
    """Base class of all models that declare parameters, states, ports and inputs.

    Args:
        parameters: values by name; each a quantity, an array with one value per element, or a `Distribution`.
        unnamed: refused; parameters are given by name.

    Raises:
        ModelError: unknown parameter, or a value that is not a number.
        UnitError: a value in the wrong unit.
    """

    __signature__: ClassVar[Any] = _Signature()
    spec: ClassVar[Spec] = Spec()
    reserved: ClassVar[frozenset[str]] = frozenset({"spec", "reserved", "each"})
    each: ClassVar[tuple[str, int]] = ("neuron", 1)  # what an array of a parameter has values for, and how many axes it has at most

    def __init__(self, *unnamed: Any, **parameters: Any):
        spec = self.spec
        if unnamed:
            text = isinstance(unnamed[0], str)
            raise ModelError(
                f"{type(self).__name__}: equations are methods, not text" if text else f"{type(self).__name__}: parameters are given by name", got=unnamed[0],
                expected=', '.join(f"{n}=..." for n in spec.parameters) or None,
                fix='class MyNeuron(npl.Neuron): ..., with def derivative(self, s, x): return {"v": -s.v / self.tau}' if text else None,
            )  # fmt: skip
        for name in parameters:
            if name not in spec.parameters:
                raise ModelError(
                    f"{type(self).__name__} has no parameter {name!r}", fix=did_you_mean(name, spec.parameters)
                )
        for name, dimension in spec.parameters.items():
            if name not in parameters and name not in spec.defaults:
                raise ModelError(f"{type(self).__name__} needs a value for {name!r}", expected=unit_name(dimension))
            value = parameters.get(name, spec.defaults.get(name))
            object.__setattr__(self, name, as_quantity(value, dimension, f"{type(self).__name__}.{name}", self.each))

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        cls.spec = _collect(cls)
        _check_methods(cls)
        cls.check_class()

    @classmethod
    def check_class(cls) -> None:
        """Raise a `ModelError` when the declarations of the class do not fit together."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise ModelError(
            f"{type(self).__name__} is a value and cannot be changed",
            got=f"assignment to {name!r}",
            fix=f"make a new one: model.with_({name}=...)",
        )

    def with_(self, **parameters: Any) -> typing.Self:
        """A copy with some `parameters` (values by name, as of the class) changed."""
        values = {name: getattr(self, name) for name in self.spec.parameters}
        return type(self)(**{**values, **parameters})

    def bound(self, values: dict[str, Any]) -> typing.Self:
        """A copy whose parameters have these values, unchecked: tracers when lowering, arrays in the oracle.

        Args:
            values: magnitudes in base units by name of parameter.
        """
        twin = copy.copy(self)
        for name, value in values.items():
            object.__setattr__(twin, name, Quantity(value, self.spec.parameters[name]))
        return twin

    @classmethod
    def getdoc(cls) -> str:
        """The card of the class as text: what IPython and Jupyter show for `Model?`."""
        return str(provided("cards").card(cls))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.spec.parameters)})"

    def changed(self) -> str:
        """The model as text, with those parameters alone that differ from their defaults."""
        spec = self.spec
        found = []
        for name in spec.parameters:
            value, default = getattr(self, name), spec.defaults.get(name)
            if isinstance(value, Distribution) or _differs(value, default):
                found.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(found)})"


def _differs(value: Any, default: Any) -> bool:
    mine = value.value if isinstance(value, Quantity) else value
    other = default.value if isinstance(default, Quantity) else default
    return not (isinstance(mine, (int, float)) and isinstance(other, (int, float)) and mine == other)


def as_quantity(value: Any, dimension: Dimension, where: str, each: tuple[str, int] = ("neuron", 1)) -> Any:
    """The value as a Quantity of this dimension with a finite float or float array in it (or a Distribution).

    Args:
        value: a quantity, a number, an array, a list or a `Distribution`.
        dimension: the dimension required.
        where: what the value is for; opens the error message.
        each: what an array has a value for, and its largest number of axes.

    Raises:
        ModelError: not a number, not finite, or too many axes.
        UnitError: another dimension.
    """
    raw = value.value if isinstance(value, Quantity) else value
    shape = getattr(raw, "shape", None)
    if shape is None and isinstance(raw, (list, tuple)):
        shape = (len(raw),) if each[1] == 1 else np.shape(raw)
    if shape is not None and len(shape) > each[1]:
        raise ModelError(f"{where} must be one number or one per {each[0]}", got=f"an array of shape {tuple(shape)}")
    checked = checked_values(value, dimension, where, tuple(shape or ()))
    return checked if isinstance(checked, Distribution) else Quantity(checked, dimension)


def _dimension_of(unit: Any, where: str) -> Dimension:
    if isinstance(unit, Quantity):
        return unit.dimension
    if isinstance(unit, (int, float)) and not isinstance(unit, bool):
        return DIMENSIONLESS
    raise ModelError(f"{where} must be given a unit", got=unit, expected="for example pA, or 1.0 for dimensionless")


def annotated_dimension(cls: type, name: str) -> Dimension | None:
    """The dimension that the annotation of a class's attribute gives; None where it gives none.

    Args:
        cls: the class.
        name: of the attribute.
    """
    for base in cls.__mro__:
        annotation = inspect.get_annotations(base).get(name)
        if annotation is None:
            continue
        if isinstance(annotation, str):
            module = inspect.getmodule(base)
            try:
                annotation = eval(annotation, vars(module) if module else {})
            except NameError:
                return None
        metadata = getattr(annotation, "__metadata__", ())
        return metadata[0] if metadata else (DIMENSIONLESS if annotation in (float, int) else None)
    return None


def _check_methods(cls: type) -> None:
    """Refuse a new method that is named almost as an equation which the class does not have itself: nothing would call it.

    An equation of a class of the user's that it would leave in force does not excuse it: it was meant to take its place.
    """
    kinds = [base for base in cls.__mro__[1:] if base.__module__.startswith("neuropil.model.") and base is not DeclarativeModel]
    equations = {n for base in kinds for n, f in vars(base).items() if isinstance(f, types.FunctionType) and not n.startswith("_")}
    missing = equations - set(vars(cls))
    inherited = {n for base in cls.__mro__[1:] for n in vars(base)}
    for name, method in vars(cls).items():
        if isinstance(method, types.FunctionType) and name not in inherited and (near := difflib.get_close_matches(name, missing, 1, 0.8)):
            raise ModelError(f"{cls.__name__} has no equation {name!r}", fix=f"did you mean {near[0]!r}? A method of your own needs a name that is less like it")


def _collect(cls: type[DeclarativeModel]) -> Spec:
    """Read the declarations of a model class, base classes first."""
    spec = Spec()
    annotated = [n for base in reversed(cls.__mro__) for n in inspect.get_annotations(base)]
    constants = {n for base in cls.__mro__ for n, a in inspect.get_annotations(base).items() if "ClassVar" in str(a)}
    declared = [n for base in reversed(cls.__mro__) if issubclass(base, DeclarativeModel) for n in vars(base)]
    for name in dict.fromkeys([*annotated, *declared]):
        if name.startswith("_") or name in cls.reserved or name in constants or callable(getattr(cls, name, None)):
            continue
        value = getattr(cls, name, None)
        where = f"{cls.__name__}.{name}"
        if isinstance(value, State):
            spec.states[name] = value
        elif isinstance(value, Port):
            spec.ports[name] = _dimension_of(value.unit, where)
        elif isinstance(value, Input):
            spec.inputs[name] = _dimension_of(value.unit, where)
            if value.window:
                spec.windows[name] = value.window
        elif name in annotated:
            dimension = annotated_dimension(cls, name)
            if value is not None:
                own = value.dimension if isinstance(value, (Quantity, Distribution)) else DIMENSIONLESS
                if dimension is not None and own != dimension:
                    raise UnitError(
                        f"{where}: the default does not fit the annotation", got=f"{value!r}, {unit_name(own)}", expected=unit_name(dimension),
                        fix=f"{name} = {value!r} * {unit_name(dimension)}" if own == DIMENSIONLESS else None,
                    )  # fmt: skip
                spec.defaults[name] = as_quantity(value, own, where)
                dimension = own
            if dimension is None:
                raise ModelError(f"{where}: no unit known", fix="annotate it (Time, Voltage, …, float) or give a default")
            spec.parameters[name] = dimension
        elif isinstance(value, (Quantity, Distribution, int, float)) and not isinstance(value, bool):
            kind = _ANNOTATIONS.get(value.dimension, "float") if isinstance(value, (Quantity, Distribution)) else "float"
            raise ModelError(
                f"{where} has a value but no annotation: nothing says that it is a parameter", got=f"{name} = {value!r}",
                fix=f"annotate it: {name}: {kind} = ... (a constant that is no parameter: {name}: ClassVar[...] = ...)",
            )  # fmt: skip
    for name, window in spec.windows.items():
        if spec.inputs.get(window) != DIMENSIONLESS:
            raise ModelError(f"{cls.__name__}.{name}: window must name a dimensionless input", got=window, expected=f"{window} = Input()")
    for name, state in spec.states.items():
        spec.state_dimensions[name] = _initial_dimension(cls, spec, name, state)
    return spec


def _initial_dimension(cls: type, spec: Spec, name: str, state: State) -> Dimension:
    initial = state.initial
    if initial is None:
        raise ModelError(f"{cls.__name__}.{name}: a State needs an initial value", fix='State(-65 * mV); State("e_l") starts at a parameter')
    if isinstance(initial, str):
        if initial not in spec.parameters:
            raise ModelError(
                f"{cls.__name__}.{name} starts at a parameter that does not exist",
                got=initial,
                fix=did_you_mean(initial, spec.parameters),
            )
        return spec.parameters[initial]
    if isinstance(initial, Steady):
        return DIMENSIONLESS
    if isinstance(initial, (Quantity, Distribution)):
        return initial.dimension
    if isinstance(initial, (int, float)) and not isinstance(initial, bool):
        return DIMENSIONLESS
    raise ModelError(f"{cls.__name__}.{name}: not an initial value", got=initial, expected="a quantity, a distribution or a parameter's name")
