"""What there is (`neuropil list`) and how it will be run (`neuropil explain`)."""

from __future__ import annotations

import inspect
from typing import Any

from neuropil.cli.loading import load
from neuropil.errors import CommandError, did_you_mean
from neuropil.model import Network
from neuropil.units import ms


def lines() -> list[str]:
    """Neurons and circuits, one line each: name, kind, and what its docstring begins with."""
    from neuropil.zoo.registry import CIRCUITS, NEURONS, circuit, neuron

    listed = [f"{name:<16}circuit  {first_line(circuit(name))}" for name in CIRCUITS]
    return listed + [f"{name:<16}neuron   {_about(neuron(name))}" for name in NEURONS]


def first_line(thing: Any) -> str:
    """First line of a docstring, empty if there is none."""
    text = inspect.getdoc(thing) or ""
    return text.splitlines()[0] if text else ""


def _about(neuron_class: type) -> str:
    """The family, from the model file's docstring, and what sets this member apart, from its own."""
    return f"{first_line(inspect.getmodule(neuron_class))} {first_line(neuron_class)}"


def explanation(name: str, dt_ms: float) -> str:
    """The plan of a neuron model, or of each distinct model of a circuit, as text."""
    from neuropil.lower import explain
    from neuropil.zoo.registry import CIRCUITS, NEURONS, neuron

    if name in NEURONS:
        return str(explain(neuron(name)(), dt=dt_ms * ms))
    if name not in CIRCUITS and ".py" not in name:
        raise CommandError(f"there is no model {name!r}", fix=did_you_mean(name, [*NEURONS, *CIRCUITS]))
    network = load(name)
    parts = [_inventory(network)]
    seen: list[type] = []
    for pop in network.populations.values():
        if type(pop.neuron) not in seen:
            seen.append(type(pop.neuron))
            parts.append(str(explain(pop.neuron, dt=dt_ms * ms)))
    return "\n\n".join(parts)


def _inventory(network: Network) -> str:
    lines = [f"{network.name}: {network.size:,} neurons, {len(network.projections)} projections"]
    if network.citation:
        lines.append(f"  {network.citation}")
    for pop in network.populations.values():
        lines.append(f"  {pop.name:<8} {pop.size:>9,} × {pop.neuron!r}")
    synapses = sum(p.rule.expected_synapses(p.source.size, p.target.size, p.recurrent) for p in network.projections)
    lines.append(f"  synapses expected: {synapses:,.0f}")
    return "\n".join(lines)
