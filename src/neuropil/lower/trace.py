"""Run a model's equations on bare values while checking units: what JAX traces.

`TracedNeuron` turns the methods of a model into functions of plain dicts of scalars (or arrays), in base units. Units
exist only inside these functions, while Python runs them; what JAX records contains nothing of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from neuropil.errors import ModelError, NeuropilError, PrimitiveError, UnitError, did_you_mean
from neuropil.lower.later import jax
from neuropil.lower.mistakes import explained
from neuropil.model.base.described import DeclarativeModel, Values
from neuropil.model.neuron.branched import Branch
from neuropil.model.neuron.neuron import Neuron
from neuropil.units import Dimension, Quantity, kHz, magnitude

Scalars = dict[str, Any]


class Traced:
    """A described model whose methods can be called on bare values: checks units, retells errors with its name.

    Every function that a subclass offers takes the parameters `p` (by name) first, so that it can be differentiated by
    them as well.

    Args:
        model: as described.

    Attributes:
        integrator, clamps, refractory: as a `Neuron` declares them, the first also a `Mechanism`; other models leave all to the classification.
    """

    integrator: str = "auto"
    clamps: tuple[str, ...] = ()
    refractory: str | None = None

    def __init__(self, model: DeclarativeModel):
        self.model = model
        self.spec = model.spec
        self.name = type(model).__name__

    def derivative(self, p: Scalars, s: Scalars, x: Scalars) -> Scalars:
        """d/dt of every state; zero where the model gives none.

        Args:
            p, s, x: parameters, states and inputs by name.
        """
        spec = self.spec
        with self._equation("derivative"):
            rates = self._model(p).derivative(self._states(s), self._values("input", x, spec.inputs))
        per_ms = {name: (d[0] - 1, *d[1:]) for name, d in spec.state_dimensions.items()}
        return self._by_state("derivative", rates, per_ms, {name: 0.0 for name in spec.states})

    def receive(self, p: Scalars, s: Scalars, w: Scalars) -> Scalars:
        """Increment of every state for the summed weights `w` of a step.

        Args:
            p, s: parameters and states by name.
        """
        spec = self.spec
        with self._equation("receive"):
            jumps = self._model(p).receive(self._states(s), self._values("port", w, spec.ports))
        return self._by_state("receive", jumps, spec.state_dimensions, {name: 0.0 for name in spec.states})

    @property
    def equations(self) -> dict[str, tuple[Callable[..., Any], tuple[str, ...]]]:
        """The equations that the model gives, by the names of its methods: functions of (p, …), and what they are of.

        That is "s" (the states), "x" (the inputs), "w" (the weights by port) or "weight" (of a synapse).
        """
        return self._given({"derivative": (self.derivative, ("s", "x")), "receive": (self.receive, ("s", "w"))})

    def _given(self, every: dict[str, tuple[Callable[..., Any], tuple[str, ...]]]) -> dict[str, tuple[Callable[..., Any], tuple[str, ...]]]:
        """Those of some methods that the model defines itself, and not the base class of its kind."""
        mine = {n for base in type(self.model).__mro__ if not base.__module__.startswith("neuropil.model.") for n in vars(base)}
        return {n: e for n, e in every.items() if n in mine}

    def _model(self, p: Scalars) -> Any:
        return self.model.bound({n: p[n] for n in self.spec.parameters if n in p})

    def _states(self, s: Scalars) -> Values:
        return self._values("state", s, self.spec.state_dimensions)

    def _values(self, kind: str, values: Scalars, dimensions: dict[str, Dimension]) -> Values:
        return Values(kind, self.name, {n: Quantity(values[n], d) for n, d in dimensions.items()})

    def _by_state(self, method: str, given: Any, dimensions: dict[str, Dimension], default: Scalars) -> Scalars:
        if not isinstance(given, dict):
            state = next(iter(dimensions), "v")
            raise ModelError(
                f"{self.name}.{method}() must return a dict by state", got="nothing" if given is None else type(given).__name__,
                fix=f'end it with return {{"{state}": ...}}',
            )  # fmt: skip
        result = dict(default)
        for name, value in given.items():
            if name not in dimensions:
                raise ModelError(f"{self.name}.{method}() returns an unknown state {name!r}", fix=f"{did_you_mean(name, dimensions)}; or declare it: {name} = npl.State(...)")
            what = f"d{name}/dt" if method == "derivative" else name
            try:
                result[name] = magnitude(value, dimensions[name], f"{self.name}.{method}(): the equation for {what}")
            except UnitError as error:
                fix = "compare the terms of this equation: one of them lacks a factor"
                raise UnitError(error.what, got=error.got, expected=error.expected, fix=fix) from None
            if isinstance(result[name], (str, bytes)):
                raise ModelError(f"{self.name}.{method}(): the equation for {what} does not return a number", got=value, expected="one quantity")
        return result

    @contextmanager
    def _equation(self, method: str, what: str = "") -> Iterator[None]:
        """Errors raised by the model's own code, retold with the model's name."""
        where = f"{self.name}.{method}()" + (f", equation for {what}" if what else "")
        try:
            yield
        except (PrimitiveError, ModelError):
            raise
        except UnitError as error:
            mistake = explained(error, self.model, method, where)
            if mistake is not error:
                raise mistake from None
            if error.what.startswith(self.name):
                raise
            raise UnitError(f"{where}: {error.what}", got=error.got, expected=error.expected, fix=error.fix) from None
        except NeuropilError:
            raise
        except Exception as error:
            raise explained(error, self.model, method, where) from error


class TracedNeuron(Traced):
    """The equations of a neuron model as functions of bare values.

    Raises:
        ModelError: both `fires` and `hazard` are defined.
    """

    def __init__(self, neuron: Neuron):
        super().__init__(neuron)
        self.neuron = neuron
        self.integrator, self.clamps, self.refractory = neuron.integrator, neuron.clamps, neuron.refractory
        self.has_hazard = type(neuron).hazard is not Neuron.hazard
        self.has_fires = type(neuron).fires is not Neuron.fires
        if self.has_hazard and self.has_fires:
            raise ModelError(
                f"{self.name} defines both fires() and hazard()", fix="keep the deterministic or the stochastic threshold"
            )

    @property
    def equations(self) -> dict[str, tuple[Callable[..., Any], tuple[str, ...]]]:
        mine: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
            "fires": (self.fires, ("s",)), "hazard": (self.hazard, ("s",)), "reset": (self.reset, ("s",)), "output": (self.output, ("s", "x")),
        }  # fmt: skip
        return super().equations | self._given(mine)

    def reset(self, p: Scalars, s: Scalars) -> Scalars:
        """Every state after a spike.

        Args:
            p, s: parameters and states by name.
        """
        with self._equation("reset"):
            new = self._model(p).reset(self._states(s))
        return self._by_state("reset", new, self.spec.state_dimensions, dict(s))

    def fires(self, p: Scalars, s: Scalars) -> Any:
        """Whether the threshold condition holds.

        Args:
            p, s: parameters and states by name.

        Raises:
            ModelError: the result is not a truth value.
        """
        with self._equation("fires"):
            result = self._model(p).fires(self._states(s))
        if isinstance(result, Quantity) or not np.issubdtype(getattr(result, "dtype", bool), np.bool_):
            raise ModelError(f"{self.name}.fires() must return a comparison", got=result, expected="for example s.v >= self.v_th")
        return result

    def output(self, p: Scalars, s: Scalars, x: Scalars) -> Any:
        """What a branch gives to its soma, in the base unit of what it `gives`.

        Args:
            p, s, x: parameters, states and inputs by name.
        """
        assert isinstance(self.neuron, Branch)
        with self._equation("output"):
            result = self._model(p).output(self._states(s), self._values("input", x, self.spec.inputs))
            return magnitude(result, self.neuron.output_dimension(), f"{self.name}.output()")

    def hazard(self, p: Scalars, s: Scalars) -> Any:
        """Rate of stochastic spikes, 1/ms.

        Args:
            p, s: parameters and states by name.
        """
        with self._equation("hazard"):
            result = self._model(p).hazard(self._states(s))
            return magnitude(result, kHz.dimension, f"{self.name}.hazard()")


def named_leaves(prefix: str, names: Iterable[str]) -> OrderedDict[str, str]:
    """Leaf names ("s.v": a prefix and the name) by name, in the order of the names: JAX sorts a plain dict, and then names would decide the
    order of operations.
    """
    return OrderedDict((n, f"{prefix}.{n}") for n in names)


def scalar_jaxpr(function: Callable[..., Any], *arguments: Any) -> Any:
    """The closed jaxpr of a function of pytrees of scalars, traced in float64.

    Args:
        arguments: trees of "float" and "bool", one for each argument.

    Raises:
        ModelError: a result that is not a scalar.
    """
    with jax.enable_x64(True):
        shaped = jax.tree.map(lambda a: jax.ShapeDtypeStruct((), bool if a == "bool" else "float64"), arguments)
        made = jax.make_jaxpr(function)(*shaped)
    if wrong := [v.aval.shape for v in made.jaxpr.outvars if v.aval.shape]:
        raise ModelError("an equation returns an array for one neuron or synapse", got=f"an array of shape {wrong[0]}", expected="one number for one neuron or synapse")
    return made
