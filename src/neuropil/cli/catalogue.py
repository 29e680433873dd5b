"""What there is (`neuropil list`) and how it will be run (`neuropil explain`)."""

from __future__ import annotations

import inspect
from typing import Any

from neuropil.cli.loading import load
from neuropil.errors import CommandError, did_you_mean
from neuropil.model import Network
from neuropil.units import ms


def lines() -> list[str]:
    """What the zoo holds, one line each: name, kind, and what its docstring begins with."""
    from neuropil.zoo import registry

    listed = [(name, "circuit", first_line(registry.circuit(name))) for name in registry.CIRCUITS]
    listed += [(name, "agent", first_line(registry.agent(name))) for name in registry.AGENTS]
    listed += [(name, "neuron", _about(registry.neuron(name))) for name in registry.NEURONS]
    listed += [(name, "cell", _about(registry.cell(name))) for name in registry.CELLS]
    listed += [(name, "channel", _about(registry.channel(name))) for name in registry.CHANNELS]
    listed += [(name, "point process", _about(registry.point_process(name))) for name in registry.POINT_PROCESSES]
    return [f"{name:<25}{kind:<15}{text}" for name, kind, text in listed]


def first_line(thing: Any) -> str:
    """First line of the docstring of a thing, empty if there is none."""
    text = inspect.getdoc(thing) or ""
    return text.splitlines()[0] if text else ""


def _about(model: Any) -> str:
    """The family, from the model file's docstring, and what sets this member apart, from its own."""
    return f"{first_line(inspect.getmodule(model))} {first_line(model)}"


def explanation(name: str, dt_ms: float) -> str:
    """The plan of a neuron model, or of each distinct model of a circuit, as text.

    Args:
        name: of a model or circuit, or path.py:function.
        dt_ms: time step, ms.

    Raises:
        CommandError: there is no such model.
    """
    from neuropil.view.explain import explain
    from neuropil.zoo.registry import CIRCUITS, NEURONS, neuron

    if name in NEURONS:
        return str(explain(neuron(name)(), dt=dt_ms * ms))
    if name not in CIRCUITS and ".py" not in name:
        raise CommandError(f"there is no model {name!r}", fix=did_you_mean(name, [*NEURONS, *CIRCUITS]))
    return _inventory(load(name), dt_ms)


def _inventory(network: Network, dt_ms: float) -> str:
    """The plan of a network and the memory it will take, population by population."""
    from neuropil.engine.memory import predict
    from neuropil.plan import make_plan
    from neuropil.view.explain import describe_plan

    plan = make_plan(network, dt=dt_ms * ms)
    lines = [f"  {pop.name:<8} {pop.size:>9,} × {pop.neuron!r}" for pop in network.populations.values()]
    parts = predict(plan)
    memory = "\n".join(f"   {size / 1e6:>10,.1f} MB  {name}" for name, size in sorted(parts.items(), key=lambda p: -p[1]))
    total = f"memory: {sum(parts.values()) / 1e9:.2f} GB predicted\n{memory}"
    return "\n".join([describe_plan(plan), "", "populations:", *lines, "", total])
