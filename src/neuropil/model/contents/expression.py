"""What a probe computes of a neuron: an expression of its states, inputs and parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.errors import ModelError, NetworkError, NeuropilError, did_you_mean
from neuropil.model.base.described import DeclarativeModel, Values
from neuropil.model.base.immutable import unchanging
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.mechanism import Mechanism, supplied
from neuropil.model.contents.contents import Population, Probe
from neuropil.model.contents.recordable import Asked, Recordable
from neuropil.model.neuron.composite import full_name
from neuropil.units import Dimension, Quantity, magnitude

ARGUMENTS = ("s", "x", "p", "w")
"""What the function of an expression may ask for."""


class _Asked(dict[str, Any]):
    """Remembers which names were asked for."""

    def __init__(self, values: dict[str, Any]):
        super().__init__(values)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        self.names.add(name)
        return found


class Equations(Values):
    """Parameters of a model, and its equations as methods: `p.g`, `p.current(s, x)`.

    Args:
        model: whose.
        values: parameters by name, quantities.
    """

    def __init__(self, model: DeclarativeModel, values: dict[str, Any]):
        super().__init__("parameter", type(model).__name__, values)
        self.__dict__["_model"] = model

    def __getattr__(self, name: str) -> Any:
        if name not in self._values and not name.startswith("_") and callable(getattr(type(self._model), name, None)):
            values = {n: self._values[n].value for n in self._values}
            return getattr(self._model.bound(values), name)
        return super().__getattr__(name)


def readable(model: DeclarativeModel) -> dict[str, Dimension]:
    """The inputs of a model that an expression may read: of a mechanism all but ion currents, which exist only while a step sums them."""
    mechanism = isinstance(model, Mechanism)
    return {n: d for n, d in model.spec.inputs.items() if not (mechanism and n.startswith("i_") and supplied(n))}


@unchanging
@dataclass(frozen=True, eq=False)
class Expression(Recordable):
    """A quantity that is computed from states, inputs and parameters of a neuron, such as a leak current.

        net.probe(pop, npl.Expression(lambda s, p: p.g_l * (p.e_l - s.v), name="leak"))
        net.probe(cells, npl.Expression(lambda s, x, p: p.current(s, x), part="clamp", name="clamp current"))

    Args:
        function: to one quantity, of what it asks for by the names of its arguments: `s`, the states; `x`, the inputs; `w`, the summed
            weights of the events by port; `p`, the parameters and the equations of the model (`p.g`, `p.current(s, x)`). Each is an object
            with these as attributes. It is written with arithmetic and the functions of `neuropil.maths`. States and potentials are
            those at the time of the sample; inputs those of the step that ends there, and events those that arrived at its end. In the sample
            at t = 0 inputs are those of the first step, and no event has arrived.
        part: of the neuron, such as "branch"; of a cell with morphology the name of a channel or of a point process; "" for the soma, and
            for neurons without parts.
        name: shown in messages and in the name of the probe.

    Raises:
        ModelError: a function with other arguments.
    """

    function: Callable[..., Any]
    part: str = ""
    name: str = "expression"
    asks: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        try:
            names = tuple(inspect.signature(self.function).parameters)
        except (TypeError, ValueError):
            names = ("?",)
        if not set(names) <= set(ARGUMENTS):
            raise ModelError(f"{self.where}: its function must ask for states s, inputs x, parameters p or events w by these names", got=names, expected="lambda s, p: ...")
        object.__setattr__(self, "asks", names)

    @property
    def where(self) -> str:
        """For messages."""
        return f"the expression {self.name!r}"

    def of(self, model: DeclarativeModel, p: dict[str, Any], s: dict[str, Any], x: dict[str, Any] | None = None, w: dict[str, Any] | None = None) -> Any:
        """Its value, on NumPy or JAX alike: a magnitude in base units.

        Args:
            model: whose states and parameters these are.
            p, s, x, w: magnitudes of parameters, states, inputs and weights by name; what the function does not ask for may be left out.
        """
        made = self.quantity(model, p, s, x or {}, w or {})
        return made.value if isinstance(made, Quantity) else made

    def quantity(self, model: DeclarativeModel, p: dict[str, Any], s: dict[str, Any], x: dict[str, Any], w: dict[str, Any]) -> Any:
        """Its value, with its unit; as of `of`, with `model`, `p`, `s`, `x` and `w`."""
        return self._call(model, {n: Quantity(v, model.spec.parameters[n]) for n, v in p.items()}, s, x, w)

    def _call(self, model: DeclarativeModel, p: dict[str, Any], s: dict[str, Any], x: dict[str, Any], w: dict[str, Any]) -> Any:
        spec, owner = model.spec, type(model).__name__
        dimensions = {"s": ("state", s, spec.state_dimensions), "x": ("input", x, readable(model)), "w": ("port", w, spec.ports)}
        given: dict[str, Any] = {"p": Equations(model, p)}
        for key, (kind, values, units) in dimensions.items():
            given[key] = Values(kind, owner, {n: Quantity(v, units[n]) for n, v in values.items() if n in units})
        return self.function(**{n: given[n] for n in self.asks})

    def parameters(self, model: DeclarativeModel) -> set[str]:
        """The names of the parameters of a `model` that it reads; all of them, where it calls an equation."""
        asked = _Asked({n: Quantity(1.0, d) for n, d in model.spec.parameters.items()})
        with np.errstate(all="ignore"):
            self._call(model, asked, *self._ones(model))
        return asked.names

    def _ones(self, model: DeclarativeModel) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
        return dict.fromkeys(model.spec.states, 1.0), dict.fromkeys(readable(model), 1.0), dict.fromkeys(model.spec.ports, 1.0)

    def dimension(self, model: DeclarativeModel) -> Dimension:
        """Of its value for neurons of a `model`, after trying it on ones.

        Raises:
            ModelError: it fails, or gives no number. UnitError: units that do not fit together.
        """
        try:
            with np.errstate(all="ignore"):
                made = self.quantity(model, dict.fromkeys(model.spec.parameters, 1.0), *self._ones(model))
        except NeuropilError as error:
            raise type(error)(f"{self.where}: {error.what}", got=error.got, expected=error.expected, fix=error.fix) from None
        except Exception as error:
            raise ModelError(f"{self.where} fails", got=f"{type(error).__name__}: {error}", fix="write it with arithmetic and the functions of neuropil.maths") from error
        dimension = made.dimension if isinstance(made, Quantity) else (0, 0, 0, 0, 0)
        raw = magnitude(made, dimension, self.where)
        if np.ndim(raw) or np.asarray(raw).dtype.kind not in "biuf":
            raise ModelError(f"{self.where} must give one number", got=made, expected="a quantity")
        return dimension

    def model_in(self, population: Population) -> DeclarativeModel:
        """Whose states and parameters it is computed from in a population.

        Raises:
            NetworkError: the population has no such part.
        """
        models = population.models
        if self.part not in models:
            if isinstance(population.neuron, Cell) and not self.part:
                fix = f"Expression(..., part={next(iter(models), 'channel')!r}), or a name such as 'v' or 'i_membrane'"
                raise NetworkError(f"an expression of cells with morphology ({population.name}) needs the name of a channel or point process", got=self.name, fix=fix)
            raise NetworkError(f"{population.name} has no part {self.part!r}", fix=did_you_mean(self.part, models))
        return models[self.part]

    def sites_in(self, population: Population) -> tuple[int, np.ndarray | None]:
        """How many sites each neuron has of its part, and for a point process on a cell the compartment of each."""
        if not isinstance(cell := population.neuron, Cell):
            return population.parts[self.part].sites, None
        return (len(cell), None) if self.part not in cell.placed else (len(cell.placed[self.part].compartments), cell.placed[self.part].compartments)

    def probe(self, asked: Asked) -> ExpressionProbe:
        self.dimension(self.model_in(asked.population))
        return ExpressionProbe(**asked.common(self.name, *self.sites_in(asked.population)), expression=self)


@dataclass(frozen=True, eq=False)
class ExpressionProbe(Probe):
    """What is computed from the states, inputs and parameters of neurons, recorded at an interval.

    Attributes:
        variable: name of the expression.
        expression: what is computed.
    """

    expression: Expression = field(kw_only=True)

    @property
    def site_count(self) -> int:
        return self.expression.sites_in(self.target)[0]

    @property
    def recorded(self) -> Any:
        return self.expression

    @property
    def parameters(self) -> set[str]:
        return {full_name(self.expression.part, n) for n in self.expression.parameters(self.model)}

    @property
    def dimension(self) -> Dimension:
        return self.expression.dimension(self.model)

    @property
    def model(self) -> DeclarativeModel:
        """Whose states and parameters it is computed from."""
        return self.expression.model_in(self.target)
