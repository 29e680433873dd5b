"""The equations of a model as expressions: its methods, called on symbols, each under a heading that says when it acts."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import textwrap
from dataclasses import dataclass, field
from typing import Any

from neuropil.model.base.described import DeclarativeModel, Values, annotated_dimension
from neuropil.model.neuron.composite import Composite
from neuropil.units import DIMENSIONLESS, Quantity, kHz, ms, mV, pA
from neuropil.view.cards.kinds import base_of
from neuropil.view.cards.symbols import NoSymbol, Symbol, called, named, parts, symbol_of
from neuropil.view.cards.typeset import Notation

HEADINGS = {
    "derivative": ("", "rate"), "receive": ("events arrive; w_port is their summed weight", "add"), "fires": ("a spike", "condition"), "hazard": ("rate of spikes", "value"),
    "reset": ("after a spike", "set"), "current": ("outward current", "i"), "currents": ("outward currents, by ion", "i"), "provides": ("for other mechanisms", "value"),
    "output": ("current into the soma", "value"), "arrive": ("a presynaptic spike arrives", "set"), "respond": ("the target spikes", "set"),
    "transmits": ("weight that a spike transmits", "value"), "removal": ("removal from the volume", "value"), "value": ("value at the time t", "value"),
    "events": ("events in the step from t to t + dt", "value"), "entry": ("weight of a pair", "value"), "__call__": ("new value of the parameter", "value"),
}  # fmt: skip
"""By method: when it acts, and how what it returns is written. A method that is not named here is written under its own name."""

LONGEST = 300
"""Characters of an equation beyond which the method's source says more than the equation."""

_ARGUMENTS = {"t": ms.dimension, "dt": ms.dimension, "v_here": mV.dimension, "v_there": mV.dimension}
_FIELDS = {"frequency": kHz.dimension, "rate": kHz.dimension, "interval": ms.dimension, "start": ms.dimension, "stop": ms.dimension}
"""Dimensions of fields whose annotation leaves it open, by their names."""

_GUESSES = (DIMENSIONLESS, pA.dimension, mV.dimension)
"""Dimensions to try for fields that may have any."""


@dataclass
class Line:
    """One equation.

    Attributes:
        form: "rate" (d/dt), "add" and "set" (at an event), "value", "condition" or "i" (a current).
        name: of what is on its left side; "" where that is the heading.
        right: the expression.
    """

    form: str
    name: str
    right: Any

    def text(self, notation: Notation) -> str:
        """The equation in a notation."""
        if self.form == "condition":
            return notation.expression(self.right)
        left = notation.name(self.name) if self.name else ""
        if self.form == "rate":
            return notation.joined(notation.rate(left), notation.sign("="), notation.expression(self.right))
        if self.form == "add":
            return notation.joined(left, notation.sign("←"), left, notation.sign("+"), notation.expression(self.right))
        relation = notation.sign("←" if self.form == "set" else "=")
        return notation.joined(left, relation, notation.expression(self.right, whole=self.form == "where")) if left else notation.expression(self.right)


@dataclass
class Group:
    """The equations of one method.

    Attributes:
        heading: when they hold; "" for differential equations.
        lines: the equations.
        where: definitions of local variables that they use.
        source: text of the method, where it cannot be written as equations; "" otherwise.
        note: what else holds.
    """

    heading: str
    lines: list[Line] = field(default_factory=list)
    where: list[Line] = field(default_factory=list)
    source: str = ""
    note: str = ""


def equations(model: Any) -> list[Group]:
    """The equations of a model, method by method; a part of a composed neuron under its name.

    Args:
        model: a class of descriptions, or an object of one.
    """
    if isinstance(model, Composite):
        groups: list[Group] = []
        for name, part in model.parts.items():
            for group in equations(part.model):
                group.heading = ": ".join(filter(None, (name or "soma", group.heading)))
                groups.append(group)
        return groups
    kind = model if isinstance(model, type) else type(model)
    return [made for name in methods(kind) if (made := _group(kind, name)) is not None]


def methods(kind: type) -> list[str]:
    """The names of the equations that a class, or a base of it, defines in addition to or instead of those of its kind's base class."""
    base = base_of(kind)
    return [n for n in HEADINGS if base is not None and callable(getattr(kind, n, None)) and _differs(getattr(kind, n), getattr(base, n, None))]


def _differs(method: Any, general: Any) -> bool:
    return method is not general and hasattr(method, "__code__")


def _group(kind: type, name: str) -> Group | None:
    heading, form = HEADINGS[name]
    if name == "fires":
        heading = "a spike when this begins to hold" if getattr(kind, "spikes_on", "") == "rising" else "a spike where"
    try:
        result = _result(kind, name)
    except NoSymbol:
        return _source(kind, name, heading)
    if isinstance(result, dict):
        lines = [Line("value" if form == "i" else form, f"i_{n}".rstrip("_") if form == "i" else n, symbol_of(v)) for n, v in result.items()]
    elif result is None or result is False:
        return None
    else:
        lines = [Line("condition" if form == "condition" else "value", "i" if form == "i" else "", symbol_of(result))]
    lines = [line for line in lines if not (line.form == "value" and _is_name(line.right, line.name))]
    if not lines:
        return None
    if max(len(line.text(Notation())) for line in lines) > LONGEST:
        return _source(kind, name, heading)
    return Group(heading, lines, _definitions(lines), note=_held(kind) if name == "reset" else "")


def _is_name(value: Any, name: str) -> bool:
    return isinstance(value, Symbol) and value.op == "name" and value.args[0] == name


def _source(kind: type, name: str, heading: str) -> Group:
    """A method as it is written."""
    try:
        text = textwrap.dedent(inspect.getsource(getattr(kind, name)))
    except (OSError, TypeError):
        text = f"{name}() of {kind.__name__}, whose source is not available"
    return Group(heading or "derivatives", source=text)


def _held(kind: Any) -> str:
    return f"{', '.join(kind.clamps)} held for {kind.refractory}" if getattr(kind, "clamps", ()) else f"no spike for {kind.refractory}" if kind.refractory else ""


def _definitions(lines: list[Line]) -> list[Line]:
    """A line for each local variable that the equations use, what is used first coming first."""
    used = {id(p): p for line in lines for p in parts(line.right) if p.local}
    return [Line("where", p.local, p) for p in used.values()]


def _result(kind: type, name: str) -> Any:
    """What a method returns for symbols."""
    if issubclass(kind, DeclarativeModel):
        model, taken = _symbolic(kind), {*kind.spec.parameters, *kind.spec.states, *kind.spec.inputs}
        return called(getattr(model, name), *_given(kind, name), taken=taken)
    last: NoSymbol | None = None
    for dimension in _GUESSES:
        model, taken = _filled(kind, dimension)
        arguments = [Quantity(named(a), _ARGUMENTS.get(a, DIMENSIONLESS)) for a in _arguments(kind, name)]
        try:
            return called(getattr(model, name), *arguments, taken=taken)
        except NoSymbol as error:
            last = error
    assert last is not None
    raise last


def _arguments(kind: type, name: str) -> list[str]:
    return list(inspect.signature(getattr(kind, name)).parameters)[1:]


def _symbolic(kind: type[DeclarativeModel]) -> Any:
    """A model whose parameters are symbols."""
    model = object.__new__(kind)
    for name, dimension in kind.spec.parameters.items():
        object.__setattr__(model, name, Quantity(named(name), dimension))
    return model


def _given(kind: type[DeclarativeModel], name: str) -> list[Any]:
    """The arguments of an equation of a declarative model, by their names: states s, inputs x, weights w, a concentration c."""
    spec = kind.spec
    states = {n: Quantity(named(n), d) for n, d in spec.state_dimensions.items()}
    made: dict[str, Any] = {
        "s": Values("state", kind.__name__, states),
        "x": Values("input", kind.__name__, {n: Quantity(named(n), d) for n, d in spec.inputs.items()}),
        "w": Values("port", kind.__name__, {n: Quantity(named(f"w_{n}"), d) for n, d in spec.ports.items()}) if spec.ports else Quantity(named("w"), spec.state_dimensions.get("weight", DIMENSIONLESS)),
        "c": Quantity(named("C"), spec.parameters.get("baseline", DIMENSIONLESS)),
    }
    return [made.get(a, Quantity(named(a))) for a in _arguments(kind, name)]


def _filled(kind: type, dimension: Any) -> tuple[Any, set[str]]:
    """An object of a dataclass whose numbers are symbols; those that may have any dimension have the one given."""
    model: Any = object.__new__(kind)
    taken: set[str] = set()
    for each in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
        own = annotated_dimension(kind, each.name)
        default = None if each.default is dataclasses.MISSING else each.default
        fixed = isinstance(default, (str, bool))
        object.__setattr__(model, each.name, copy.copy(default) if fixed else Quantity(named(each.name), _FIELDS.get(each.name, dimension) if own is None else own))
        taken.add(each.name)
    return model, taken
