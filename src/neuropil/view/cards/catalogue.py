"""What there is: everything that is registered, by kind and name, and found by its name, its family or a misspelling."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from neuropil import model, registry
from neuropil.errors import ModelError
from neuropil.view.cards.kinds import BASES, kind_of
from neuropil.zoo.registry import TABLES

_REGISTERING = ("neuropil.plan.stores", "neuropil.learn.losses", "neuropil.learn.methods")
"""Modules that register named things when they are imported, beside those that descriptions import."""

_GROUP = "neuropil"
"""The entry points by which other packages say which of their modules register models."""


@dataclass(frozen=True)
class Entry:
    """Something that is registered.

    Attributes:
        kind: neuron, circuit, stimulus, …
        name: by which it is found, unique among those of its kind.
        path: module:name from which it is imported; of a thing that has no name of its own, of its class.
        thing: what it is, where it is in memory; None: it is imported by its path.
    """

    kind: str
    name: str
    path: str
    thing: Any = None

    def load(self) -> Any:
        """The class, function or object."""
        if self.thing is not None:
            return self.thing
        module, _, attribute = self.path.partition(":")
        return getattr(import_module(module), attribute)

    @property
    def summary(self) -> str:
        """What it is, in one line: the family, from the module's docstring, and what sets it apart, from its own."""
        thing = self.load()
        named = thing if isinstance(thing, type) or inspect.isfunction(thing) else type(thing)
        module = inspect.getmodule(named)
        family = _first_line(module) if module is not None and (module.__package__ or "").startswith("neuropil.zoo") else ""
        own = getattr(thing, "title", "") or _first_line(named)
        return f"{family} {own}".strip()


def entries() -> list[Entry]:
    """Everything that is registered: the published models, what the package builds networks of, named things, and what others registered."""
    found = [Entry(kind, name, path) for kind, table in TABLES.items() for name, path in table.items()]
    for name in model.__all__:
        thing = getattr(model, name)
        if isinstance(thing, type) and thing not in BASES and (kind := kind_of(thing)) is not None and not issubclass(thing, registry.Named):
            found.append(Entry(kind, snake_case(name), f"neuropil:{name}", thing))
    for module in _REGISTERING:
        import_module(module)
    for package in entry_points(group=_GROUP):
        package.load()
    found += [Entry(each.family, each.name, _path(type(each)), each) for each in registry.all_named()]
    found += [Entry(kind_of(thing) or "model", name, _path(thing), thing) for name, thing in registry.listed().items()]
    return found


def snake_case(name: str) -> str:
    """A name of a class as names of models are written: "FixedProbability" is "fixed_probability"."""
    return re.sub(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _path(thing: Any) -> str:
    return f"{thing.__module__}:{thing.__qualname__}"


def _first_line(thing: Any) -> str:
    return ((inspect.getdoc(thing) or "").splitlines() or [""])[0]


def matching(name: str, among: Iterable[Entry] | None = None) -> list[Entry]:
    """The things of a name, one for each kind that has it; "kind/name" chooses.

    Args:
        name: as in `neuropil list`, or the name of the class or function.
        among: what to search; None: everything.
    """
    kind, _, asked = name.rpartition("/")
    asked = asked.lower()
    known = [e for e in (entries() if among is None else among) if not kind or e.kind.replace(" ", "_") == kind.lower().replace(" ", "_")]
    exact = [e for e in known if e.name.lower() == asked]
    return exact or [e for e in known if e.path.rpartition(":")[2].lower() == asked]


def family(name: str, among: Iterable[Entry] | None = None) -> list[Entry]:
    """The things whose name has this word in it: "lif" is in "lif_exp" and "escape_lif".

    Args:
        name: a word of a name.
        among: what to search; None: everything.
    """
    word = name.rpartition("/")[2].lower()
    return [e for e in (entries() if among is None else among) if word in e.name.lower().split("_")]


def find(name: str) -> Entry:
    """The one thing of this name.

    Args:
        name: as in `neuropil list`, the name of a class or function, or "kind/name".

    Raises:
        ModelError: there is none, or there are several; the message names the nearest, the family or the kinds.
    """
    known = entries()
    found = matching(name, known)
    if len(found) == 1:
        return found[0]
    if found:
        raise ModelError(f"{name!r} is the name of several things", expected=" or ".join(repr(f"{e.kind}/{e.name}") for e in found), fix="choose one by its kind")
    raise unknown(name, known)


def unknown(name: str, known: list[Entry]) -> ModelError:
    """The error for a name that nothing has: with its family, or else with the nearest names.

    Args:
        name: what was asked for.
        known: everything there is.
    """
    if members := family(name, known):
        return ModelError(f"{name!r} is a family", expected="one of " + ", ".join(e.name for e in members), fix="choose one of them")
    lower = {n.lower(): n for n in [*(e.path.rpartition(":")[2] for e in known), *(e.name for e in known)]}  # of two spellings the name
    close = difflib.get_close_matches(name.rpartition("/")[2].lower(), lower, n=3, cutoff=0.5)
    return ModelError(f"there is nothing with the name {name!r}", fix=f"did you mean {' or '.join(repr(lower[c]) for c in close)}?" if close else "`neuropil list` shows everything")
