"""A card: what one thing is that a network can be made of, in a terminal, a notebook or a page."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from types import ModuleType
from typing import Any

from neuropil import maths
from neuropil.errors import ModelError
from neuropil.model import Network
from neuropil.model.neuron.composite import Composite
from neuropil.pages import render
from neuropil.view.cards.catalogue import find
from neuropil.view.cards.declared import Table, tables
from neuropil.view.cards.equations import Group, equations
from neuropil.view.cards.example import example
from neuropil.view.cards.kinds import RETURNS, kind_of
from neuropil.view.cards.response import response
from neuropil.view.cards.symbols import Symbol, parts
from neuropil.view.cards.typeset import Latex, MathML, Notation
from neuropil.view.style import to_svg

_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
_USUAL = {"exp", "log", "sqrt", "sin", "cos", "tanh", "minimum", "maximum", "absolute", "where", "logical_and", "logical_or", "logical_not"}


@dataclass
class Card:
    """The facts about one thing.

    Attributes:
        title: its name in Python.
        kind: neuron, channel, stimulus, …
        path: module and name from which it is imported, "" if it cannot be.
        about: what it is, paragraphs.
        groups: its equations.
        functions: what the functions in them compute, beyond the usual ones.
        tables: parameters, states, ports, inputs or arguments.
        shows: published behaviour that tests hold it to.
        sources: paragraphs of the docstring that cite the literature.
        thing: the class, object or function itself.
    """

    title: str
    kind: str
    path: str
    about: list[str]
    groups: list[Group] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    shows: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    thing: Any = None

    @property
    def imports(self) -> str:
        """The statement that imports it."""
        module, _, name = self.path.partition(":")
        return f"from {module} import {name}" if name.isidentifier() and module != "__main__" else ""

    @cached_property
    def example(self) -> str:
        """A program that uses it; "" where there is none for its kind."""
        return example(self.kind, self.thing, self.imports)

    @cached_property
    def svg(self) -> str:
        """A picture of its response as an <svg> element, simulated when it is first asked for; "" where there is none for its kind."""
        figure = self.figure()
        return "" if figure is None else to_svg(figure, f"response-{self.title}", f"Response of {self.title}")

    def figure(self) -> Any:
        """A matplotlib Figure of its response; None where there is none for its kind."""
        return response(self.kind, self.thing)

    # --- as text ---------------------------------------------------------------------------------------------------

    def text(self, width: int = 110) -> str:
        """The card for a terminal.

        Args:
            width: characters of a line of prose.
        """
        blocks = [f"{self.title}  ({self.kind})", *(textwrap.fill(p, width) for p in self.about)]
        if self.imports:
            blocks.append(f"    {self.imports}")
        if self.groups:
            lines = [line for group in self.groups for line in _group_text(group)]
            blocks.append("\n".join(["equations (numbers in ms, mV, pA, µm, mM and their products)", *lines, *(f"    {f}" for f in self.functions)]))
        blocks += [_table_text(table) for table in self.tables]
        for heading, items in (("must show", self.shows), ("sources", self.sources)):
            if items:
                blocks.append("\n".join([heading, *(textwrap.fill(i, width, initial_indent="    ", subsequent_indent="    ") for i in items)]))
        if self.example:
            blocks.append("example\n" + textwrap.indent(self.example, "    "))
        return "\n\n".join(blocks) + "\n"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()

    # --- typeset ---------------------------------------------------------------------------------------------------

    def html(self, picture: bool = True) -> str:
        """The card as an HTML element, its equations in MathML.

        Args:
            picture: simulate and show its response.
        """
        notation = MathML()
        groups = [
            {
                "heading": group.heading, "note": group.note, "source": group.source, "lines": [_math(line.text(notation)) for line in group.lines],
                "where": [_math(line.text(notation)) for line in group.where],
            }
            for group in self.groups
        ]  # fmt: skip
        return render(__package__, "card.html", card=self, groups=groups, svg=self.svg if picture else "")

    def page(self) -> str:
        """The card as a whole HTML page, which needs no other files."""
        return f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(self.title)}</title></head><body>\n{self.html()}\n</body></html>\n'

    def latex(self) -> str:
        """The equations as LaTeX, an aligned display; "" without equations that can be typeset."""
        notation, rows = Latex(), []
        for group in self.groups:
            lines = [line.text(notation) for line in (*group.lines, *group.where)]
            if group.heading and lines:
                rows.append(rf"&\text{{{group.heading}}}".replace("_", r"\_"))
            rows += [f"&{line}" for line in lines]
            rows += [f"&{notation.words(text)}" for text in (f"{group.heading}: as it is programmed" if group.source else "", group.note) if text]
        return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$" if rows else ""

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_latex_(self) -> str:
        return self.latex()


def card(thing: Any) -> Card:
    """The card of something that a network can be made of.

    Args:
        thing: a class or object of a neuron, channel, point process, synapse, modulator, stimulus, rule, effect, …; a function that makes a
            circuit, agent or cell; or a name, as `neuropil list` gives them ("lif_exp", "stimulus/noise").

    Returns:
        The card, which prints itself and is typeset in notebooks.

    Raises:
        ModelError: not such a thing, or no such name.
    """
    if isinstance(thing, str):
        thing = find(thing).load()
    kind = kind_of(thing)
    if kind is None:
        raise ModelError("there is no card of this", got=thing, expected="a class or object of a model, a function that makes a network, or a name", fix="neuropil list")
    if isinstance(thing, Network):
        return Card(thing.name or "network", kind, "", [repr(thing)], tables=tables(thing), sources=[thing.citation] if thing.citation else [], thing=thing)
    named = thing if isinstance(thing, type) or inspect.isfunction(thing) else type(thing)
    model = _object(thing)
    groups = [] if isinstance(thing, tuple(RETURNS)) else equations(model)
    about, shows, sources = _described(named)
    made = tables(model)
    if kind == "circuit" and (network := _made(thing)) is not None:
        made += tables(network)
    path = f"{named.__module__}:{named.__qualname__}"
    return Card(named.__name__, kind, path, about, groups, _functions(groups), made, shows, sources, thing)


def _made(function: Any) -> Network | None:
    """The network that a circuit's function makes without arguments; None where it needs some."""
    if any(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in inspect.signature(function).parameters.values()):
        return None
    network: Network = function()
    return network


def _object(thing: Any) -> Any:
    """A composed neuron is described by an object, made without arguments."""
    if isinstance(thing, type) and issubclass(thing, Composite):
        try:
            return thing()
        except TypeError:
            return thing
    return thing


def _described(named: Any) -> tuple[list[str], list[str], list[str]]:
    """What the docstrings of a thing and of its module say: what it is, what it must show, and the paragraphs that cite."""
    module = inspect.getmodule(named)
    whole = (module.__doc__ or "") if isinstance(module, ModuleType) and not (module.__package__ or "").startswith("neuropil.model") else ""
    own = re.split(r"\n(?:Args|Attributes|Returns|Raises|Class attribute\w*):", inspect.getdoc(named) or "")[0]
    if dataclasses.is_dataclass(named) and re.match(r"\w+\(.*\)$", own.partition("\n")[0]):
        own = ""  # what Python writes where there is no docstring
    first, _, rest = whole.strip().partition("\n\n")
    paragraphs = [p for p in re.split(r"\n\s*\n", textwrap.dedent(rest)) if p.strip()]
    shows = [" ".join(p.split()) for p in paragraphs if p.lstrip().startswith(("Must show", "It must show", "Both must show"))]
    prose = [" ".join(p.split()) for p in paragraphs if not p.startswith(" ")]
    sources = [p for p in prose if p not in shows and _YEAR.search(p)]
    about = list(dict.fromkeys(" ".join(text.split()) for text in (first, own) if text.strip()))
    return about, shows, sources


def _functions(groups: list[Group]) -> list[str]:
    """What functions of `neuropil.maths` compute, of those that need to be said."""
    met = {p.op for group in groups for line in (*group.lines, *group.where) for p in parts(line.right) if isinstance(p, Symbol)}
    said = [name for name in maths.__all__ if name in met - _USUAL]
    return [f"{name}(x): {(getattr(maths, name).__doc__ or '').split('.')[0].split(';')[0]}" for name in said]


def _group_text(group: Group) -> list[str]:
    notation = Notation()
    lines = [f"  {group.heading}:"] if group.heading else []
    lines += [f"    {line.text(notation)}" for line in group.lines]
    lines += [f"        {line.text(notation)}" for line in group.where]
    if group.source:
        lines += textwrap.indent(group.source.rstrip(), "    ").splitlines()
    return lines + ([f"    {group.note}"] if group.note else [])


def _table_text(table: Table) -> str:
    rows = [table.columns, *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    return "\n".join([table.title, *("    " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table.rows)])


def _math(inner: str) -> str:
    return f'<math display="block">{inner}</math>'
