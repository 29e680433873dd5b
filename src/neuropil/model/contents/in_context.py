"""A synapse model as it runs in its projection: context inputs that are defined by equations, replaced by what these read.

Such a model has the target's states among its inputs, and the target's parameters and constants of pairs of neurons among its
parameters; so every executor runs it as any other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import NetworkError, UnitError, did_you_mean
from neuropil.model.base.described import Values
from neuropil.model.base.distribution import Distribution
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Projection
from neuropil.model.contents.pairs import ends_of, naming
from neuropil.model.neuron.composite import full_name, split
from neuropil.model.synapse.context import ContextInput, context_input
from neuropil.model.synapse.synapse import Synapse
from neuropil.units import Dimension, Quantity, magnitude, unit_name


def synapse_in_context(projection: Projection) -> Synapse | None:
    """The synapse model of a projection as it runs; the model itself where no context input is defined by equations.

    Raises:
        NetworkError, UnitError: a context input that does not fit the projection.
    """
    synapse = projection.synapse
    if synapse is None:
        return None
    inputs = [context_input(n) for n in synapse.spec.inputs]
    of_target = [c for c in inputs if type(c).of_target is not ContextInput.of_target]
    of_pair = [c for c in inputs if type(c).of_pair is not ContextInput.of_pair]
    if not of_target and not of_pair:
        return synapse
    targets = {c.name: _Reading(projection, c) for c in of_target}
    constants = {c.name: _pairs(projection, c) for c in of_pair}
    return _made(synapse, targets, constants)


def target_parameters(projection: Projection) -> set[str]:
    """Full names of the target's parameters that context inputs of the projection read."""
    inputs = () if projection.synapse is None else projection.synapse.spec.inputs
    defined = [c for c in map(context_input, inputs) if type(c).of_target is not ContextInput.of_target]
    return {full_name(projection.part, n) for c in defined for n in _Reading(projection, c).parameters}


class _Reading:
    """What a context input reads of the targets of a projection.

    Attributes:
        context: the input.
        states: dimensions by name; parameters: values by name.
    """

    def __init__(self, projection: Projection, context: ContextInput):
        self.projection, self.context = projection, context
        self.states: dict[str, Dimension] = {}
        self.parameters: dict[str, Quantity] = {}
        where, value = _where(projection, context), context.of_target(_Recorder(self))
        try:
            magnitude(value, context.dimension, where)
        except UnitError as error:
            raise UnitError(f"{where}: of_target gives another unit", got=error.got, expected=unit_name(context.dimension)) from None

    def record(self, name: str) -> Quantity:
        """A state or parameter that `of_target` asks for."""
        p = self.projection
        spec, part = p.target.neuron.spec, p.part
        state = "v" if name == "v" and isinstance(p.target.neuron, Cell) else full_name(part, name)
        if state in spec.state_dimensions:
            self.states[name] = spec.state_dimensions[state]
            return Quantity(1.0, self.states[name])
        model = p.target.models.get(part)
        parameters = {} if model is None else model.spec.parameters
        if name not in parameters:
            known = [split(n)[1] for n in spec.state_dimensions if split(n)[0] == part] + list(parameters)
            raise NetworkError(f"{_where(p, self.context)}: {p.target.name} has no state or parameter {name!r}", fix=did_you_mean(name, known))
        value = getattr(model, name)
        if isinstance(value, Distribution) or (np.ndim(value.value) and np.shape(value.value) != (p.target.size,)):
            raise NetworkError(f"{_where(p, self.context)}: {p.target.name}.{name} must be one number, or one for each neuron", got=value, fix="draw the values yourself and give an array")
        self.parameters[name] = value
        return Quantity(1.0, value.dimension)

    def value(self, name: str) -> Quantity:
        """A parameter for the synapses: one number, or a matrix [sources, targets]."""
        p, given = self.projection, self.parameters[name]
        if np.ndim(given.value) == 0:
            return given
        mine = given.value if p.targets is None else given.value[p.targets]
        return Quantity(np.broadcast_to(mine, p.ends), given.dimension)


class _Recorder:
    """Stands for a target while `of_target` is asked what it reads."""

    def __init__(self, reading: _Reading):
        self._reading = reading

    def __getattr__(self, name: str) -> Quantity:
        return self._reading.record(name)


def _where(projection: Projection, context: ContextInput) -> str:
    return f"projection {projection.name!r}: the context input {context.name!r}"


def _pairs(projection: Projection, context: ContextInput) -> Quantity:
    """A constant of each pair, checked."""
    where, ends = _where(projection, context), ends_of(projection)
    if projection.structure is not None:
        raise NetworkError(f"{where} is a constant of two neurons, which synapses that come and go cannot have", fix="leave structure out")
    with naming(projection):
        given = context.of_pair(ends)
    raw = np.asarray(magnitude(given, context.dimension, f"{where}: of_pair"), float)
    if raw.shape != projection.ends or not np.all(np.isfinite(raw)):
        raise NetworkError(f"{where}: of_pair must give a finite value for each pair", got=f"shape {raw.shape}", expected=f"shape {projection.ends}")
    return Quantity(raw, context.dimension)


def _made(synapse: Synapse, targets: dict[str, _Reading], constants: dict[str, Quantity]) -> Synapse:
    """An instance of a class with other declarations and the same equations."""
    kind, own = type(synapse), synapse.spec
    plain = [n for n in own.inputs if n not in targets and n not in constants]
    names = {(c, n): _unused(f"target_{n}", own.parameters) for c, r in targets.items() for n in r.parameters}

    def seen(self: Any, x: Any) -> Values:
        values = {n: getattr(x, n) for n in plain} | {n: getattr(self, n) for n in constants}
        for c, reading in targets.items():
            read = {n: getattr(x, n) for n in reading.states} | {n: getattr(self, names[c, n]) for n in reading.parameters}
            values[c] = reading.context.of_target(Values("state or parameter", reading.projection.target.name, read))
        return Values("input", kind.__name__, values)

    def derivative(self: Any, s: Any, x: Any) -> Any:
        return kind.derivative(self, s, seen(self, x))

    def current(self: Any, s: Any, x: Any) -> Any:
        return kind.current(self, s, seen(self, x))

    methods = {m.__name__: m for m in (derivative, current) if getattr(kind, m.__name__) is not getattr(Synapse, m.__name__)}
    made: Any = type(kind.__name__, (kind,), {"__module__": kind.__module__, "__doc__": kind.__doc__, **methods})
    values = {names[c, n]: r.value(n) for c, r in targets.items() for n in r.parameters} | constants
    for n in (*targets, *constants):
        del made.spec.inputs[n]
    made.spec.inputs.update({n: d for r in targets.values() for n, d in r.states.items()})
    made.spec.parameters.update({n: v.dimension for n, v in values.items()})
    return made(**{n: getattr(synapse, n) for n in own.parameters}, **values)  # type: ignore[no-any-return]


def _unused(name: str, taken: Any) -> str:
    return name if name not in taken else _unused(f"{name}_", taken)
