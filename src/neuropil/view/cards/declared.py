"""What a model declares, as tables: parameters with defaults as they are written, states, ports and inputs."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

from neuropil.model import Network
from neuropil.model.base.described import DeclarativeModel, Spec, Steady
from neuropil.model.base.distribution import Distribution
from neuropil.model.neuron.composite import Composite
from neuropil.units import DIMENSIONLESS, Quantity, unit_name

_POWERS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass
class Table:
    """A table of a card.

    Attributes:
        title: above it.
        columns: headings.
        rows: texts, one for each column.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)


@dataclass(frozen=True)
class _Written:
    """A declaration as it stands in the source: its value, and the comment at the end of its line."""

    value: str
    comment: str = ""


def tables(model: Any) -> list[Table]:
    """The tables of a model; those that have no rows are left out.

    Args:
        model: a class of descriptions, an object of one, or a function that makes a network, agent or cell.
    """
    if isinstance(model, Composite):
        found = []
        for name, part in model.parts.items():
            for table in tables(part.model):
                table.title = f"{name or 'soma'}: {table.title}"
                found.append(table)
        return found
    if isinstance(model, Network):
        return network_tables(model)
    kind = model if isinstance(model, type) else type(model)
    if inspect.isfunction(model) or (isinstance(model, type) and issubclass(model, Composite)):
        made = [_arguments(model)]
    elif issubclass(kind, DeclarativeModel):
        made = _declared(kind, None if isinstance(model, type) else model)
    elif dataclasses.is_dataclass(kind):
        made = [_fields(kind, model)]
    else:
        made = [_arguments(kind)] if kind.__init__ is not object.__init__ else []
    return [table for table in made if table.rows]


def _declared(kind: type[DeclarativeModel], model: Any) -> list[Table]:
    spec, text = kind.spec, _written(kind)
    parameters = Table("parameters", ("name", "value" if model is not None else "default", "unit", ""))
    for name, dimension in spec.parameters.items():
        value = getattr(model, name) if model is not None else spec.defaults.get(name)
        parameters.rows.append((name, _value(value, spec.defaults.get(name), text.get(name)), unit_text(dimension), text.get(name, _Written("")).comment))
    states = Table("states", ("name", "initial value", "unit", ""))
    for name, state in spec.states.items():
        states.rows.append((name, _initial(state.initial, text.get(name)), unit_text(spec.state_dimensions[name]), text.get(name, _Written("")).comment))
    return [parameters, states, _signals("ports", spec.ports, spec, text), _signals("inputs", spec.inputs, spec, text)]


def _signals(title: str, given: dict[str, Any], spec: Spec, text: dict[str, _Written]) -> Table:
    rows: list[tuple[str, ...]] = [(name, unit_text(dimension), text.get(name, _Written("")).comment) for name, dimension in given.items()]
    return Table(title, ("name", "unit", ""), rows)


def _value(value: Any, default: Any, written: _Written | None) -> str:
    if value is None:
        return "required"
    same = value is default or (isinstance(value, Quantity) and isinstance(default, Quantity) and isinstance(value.value, float) and value.value == default.value)
    return written.value if same and written is not None and written.value else value_text(value)


def _initial(value: Any, written: _Written | None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Steady):
        return "steady state"
    match = re.fullmatch(r"(?:npl\.)?State\((.*)\)", written.value if written is not None else "")
    return match[1] if match else value_text(value)


def network_tables(network: Network) -> list[Table]:
    """Populations, projections, stimuli and published rates of a network.

    Args:
        network: the description.
    """
    populations = Table("populations", ("name", "neurons", "model", ""))
    for p in network.populations.values():
        published = f"published: {network.published[p.name]:g} Hz" if p.name in network.published else ""
        populations.rows.append((p.name, f"{p.size:,}", getattr(p.neuron, "changed", p.neuron.__repr__)(), published))
    projections = Table("projections", ("from", "to", "rule", "weight", "delay", "port"))
    for c in network.projections:
        model = "" if c.synapse is None else f", {c.synapse.changed()}"
        projections.rows.append((c.source.name, c.target.name, repr(c.rule) + model, _weight(c), _measure(c.delay, "ms"), c.port or c.input or ""))
    stimuli = Table("stimuli", ("to", "stimulus", "port or input"))
    stimuli.rows = [(d.target.name, repr(d.stimulus), d.port or d.input or "") for d in network.drives]
    return [_shortened(table) for table in (populations, projections, stimuli) if table.rows]


def _weight(projection: Any) -> str:
    ports, synapse = projection.target.neuron.spec.ports, projection.synapse
    own = {} if synapse is None else synapse.spec.state_dimensions  # of a synapse that has a current of its own
    dimension = ports.get(projection.port, own.get("weight"))
    return _measure(projection.weight, "" if dimension is None else unit_text(dimension))


def _measure(value: Any, unit: str) -> str:
    """A number in base units with its unit, an array or a distribution, which has its own."""
    return f"{value:g} {unit}".strip() if isinstance(value, (int, float)) else value_text(value)


def _shortened(table: Table, limit: int = 16) -> Table:
    if len(table.rows) > limit:
        more = len(table.rows) - limit
        table.rows = [*table.rows[:limit], (f"… {more} more", *[""] * (len(table.columns) - 1))]
    return table


def value_text(value: Any) -> str:
    """A value of a description for a reader: arrays by their shape and range."""
    raw = value.value if isinstance(value, Quantity) else value
    if getattr(raw, "shape", ()) not in ((), None) and not isinstance(value, Distribution):
        unit = f" {value.unit}" if isinstance(value, Quantity) and value.dimension != DIMENSIONLESS else ""
        return f"{' × '.join(map(str, raw.shape))} values, {raw.min():g} to {raw.max():g}{unit}"
    return repr(value)


def unit_text(dimension: Any) -> str:
    """The unit of a dimension for a reader, "1" for none."""
    return "1" if dimension == DIMENSIONLESS else re.sub(r"\^(-?\d+)", lambda m: m[1].translate(_POWERS), unit_name(dimension))


def _fields(kind: type, model: Any) -> Table:
    table = Table("parameters", ("name", "value" if not isinstance(model, type) else "default", ""))
    described = explained(kind)
    for each in dataclasses.fields(kind):
        default = "required" if each.default is dataclasses.MISSING else repr(each.default)
        table.rows.append((each.name, default if isinstance(model, type) else value_text(getattr(model, each.name)), described.get(each.name, "")))
    return table


def _arguments(function: Any) -> Table:
    table, described = Table("arguments", ("name", "default", "")), explained(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        default = "required" if parameter.default is parameter.empty else value_text(parameter.default)
        table.rows.append((name, default, described.get(name, "")))
    return table


def explained(thing: Any) -> dict[str, str]:
    """What the sections Args and Attributes of a docstring say, by name.

    Args:
        thing: a class or function.
    """
    found: dict[str, str] = {}
    for section in re.findall(r"^(?:Args|Attributes):\n((?:[ \t]+.*\n?|\n)+)", inspect.getdoc(thing) or "", re.MULTILINE):
        entries = re.split(r"\n(?=\S)", textwrap.dedent(section).strip("\n"))
        for entry in (piece for line in entries for piece in re.split(r"; (?=\w+(?:, \w+)*: )", line)):
            names, _, text = entry.partition(":")
            for name in names.split(","):
                found[name.strip().lstrip("*")] = " ".join(text.split())
    return found


def _written(kind: type) -> dict[str, _Written]:
    """The declarations of a class and its bases as they are written, by name, those of the class itself last."""
    found: dict[str, _Written] = {}
    for base in reversed(kind.__mro__):
        if base in (object, DeclarativeModel) or base.__module__.startswith("neuropil.model."):
            continue
        try:
            source = textwrap.dedent(inspect.getsource(base))
            body = ast.parse(source).body[0].body  # type: ignore[attr-defined]
        except (OSError, TypeError, SyntaxError, IndexError):
            continue
        lines = source.splitlines()
        for node in body:
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                for name, value in _pairs(target, node.value):
                    found[name] = _Written(_plain(value), _comment(lines[node.end_lineno - 1]))
    return found


def _pairs(target: ast.expr, value: ast.expr | None) -> list[tuple[str, ast.expr]]:
    if value is None:
        return []
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return [pair for t, v in zip(target.elts, value.elts, strict=False) for pair in _pairs(t, v)]
    return [(target.id, value)] if isinstance(target, ast.Name) else []


def _plain(value: ast.expr) -> str:
    """A quantity as the field writes it: "120 mS/cm²" for 120 * mS / cm**2."""
    text = re.sub(r" \*\* (-?\d+)", lambda m: m[1].translate(_POWERS), ast.unparse(value))
    return re.sub(r"\bum\b", "µm", re.sub(r" / (?=\w)", "/", text.replace(" * ", " ")))


def _comment(line: str) -> str:
    _, mark, comment = line.rpartition("  # ")
    return comment.strip() if mark and not re.match(r"(fmt|type|noqa)\b", comment.strip()) else ""
