"""What there is (`neuropil list`), and what it is and how it will be run (`neuropil explain`)."""

from __future__ import annotations

from typing import Any

from neuropil.cli.loading import load
from neuropil.errors import CommandError, ModelError, did_you_mean
from neuropil.model import Network
from neuropil.units import ms
from neuropil.view.cards import Entry, card, entries, family, matching, unknown


def chosen(kind: str | None) -> list[Entry]:
    """Everything that is registered, or what is of one kind.

    Args:
        kind: such as "neuron"; None: all.

    Raises:
        CommandError: there is no such kind.
    """
    known = entries()
    kinds = dict.fromkeys(e.kind for e in known)
    if kind is None:
        return known
    asked = kind.lower().replace("_", " ").rstrip("s")
    found = [e for e in known if e.kind.rstrip("s") == asked]
    if not found:
        raise CommandError(f"there is no kind {kind!r}", fix=did_you_mean(kind, kinds))
    return found


def lines(found: list[Entry]) -> list[str]:
    """One line for each: name, kind, where it is imported from, and what its docstring begins with.

    Args:
        found: what is listed.
    """
    width = max((len(e.path) for e in found), default=0)
    return [f"{e.name:<25}{e.kind:<19}{e.path:<{width}}  {e.summary}" for e in found]


def as_json(found: list[Entry]) -> list[dict[str, str]]:
    """The same in plain types: kind, name and import path.

    Args:
        found: what is listed.
    """
    return [{"kind": e.kind, "name": e.name, "path": e.path} for e in found]


def page(name: str) -> str:
    """The card of the one thing of this name as an HTML page.

    Args:
        name: as in `neuropil list`, or kind/name.

    Raises:
        CommandError: there is none, or there are several.
    """
    try:
        return card(name).page()
    except ModelError as error:
        raise CommandError(error.what, got=error.got, expected=error.expected, fix=error.fix) from None


def explanation(name: str, dt_ms: float) -> str:
    """The cards of all things of a name; of neurons and circuits also how they will be run. Of a family its members.

    Args:
        name: as in `neuropil list`, a class, kind/name, a word that several names have, or path.py:function.
        dt_ms: time step, ms.

    Raises:
        CommandError: there is no such thing.
    """
    if ".py" in name:
        return _inventory(load(name), dt_ms)
    known = entries()
    if found := matching(name, known):
        return "\n\n".join(_explained(entry, dt_ms) for entry in found)
    if members := family(name, known):
        return "\n".join([f"{name!r} is a family; explain one of:", *lines(members)])
    error = unknown(name, known)
    raise CommandError(error.what, expected=error.expected, fix=error.fix)


def _explained(entry: Entry, dt_ms: float) -> str:
    from neuropil.view.explain import explain
    from neuropil.zoo.registry import CIRCUITS, NEURONS

    text = card(entry.load()).text()
    if entry.kind == "neuron" and entry.name in NEURONS:
        return f"{text}\nhow it is run\n{explain(entry.load()(), dt=dt_ms * ms)}"
    if entry.kind == "circuit" and entry.name in CIRCUITS:
        return f"{text}\nhow it is run\n{_inventory(entry.load()(), dt_ms)}"
    return text


def _inventory(network: Network, dt_ms: float) -> str:
    """The plan of a network and the memory it will take, population by population."""
    from neuropil.engine.memory import predict
    from neuropil.plan import make_plan
    from neuropil.view.explain import describe_plan

    plan = make_plan(network, dt=dt_ms * ms)
    lines = [f"  {pop.name:<8} {pop.size:>9,} × {_model(pop.neuron)}" for pop in network.populations.values()]
    parts = predict(plan)
    memory = "\n".join(f"   {size / 1e6:>10,.1f} MB  {name}" for name, size in sorted(parts.items(), key=lambda p: -p[1]))
    total = f"memory: {sum(parts.values()) / 1e9:.2f} GB predicted\n{memory}"
    return "\n".join([describe_plan(plan), "", "populations:", *lines, "", total])


def _model(neuron: Any) -> str:
    """A neuron model with what is changed of it."""
    return neuron.changed() if hasattr(neuron, "changed") else repr(neuron)
