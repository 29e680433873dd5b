"""What kind of thing something is: a neuron, a channel, a stimulus, a circuit, …, by its base class or by what it returns."""

from __future__ import annotations

import inspect
from typing import Any

from neuropil.model import (
    Agent,
    Channel,
    CurrentStimulus,
    Effect,
    EventStimulus,
    Junction,
    Kinetics,
    Network,
    Neuron,
    PointProcess,
    Recordable,
    Rule,
    Synapse,
    WeightMatrix,
)
from neuropil.model.cell.cell import Cell
from neuropil.model.neuron.branched import Branch
from neuropil.model.neuron.composite import Composite
from neuropil.registry import Named

BASES: dict[type, str] = {
    Branch: "branch", Neuron: "neuron", Composite: "neuron", Channel: "channel", PointProcess: "point process", Synapse: "synapse", Kinetics: "modulator",
    CurrentStimulus: "stimulus", EventStimulus: "stimulus", Rule: "connection rule", Effect: "effect", Junction: "junction", WeightMatrix: "weight matrix",
    Recordable: "recorded quantity",
}  # fmt: skip
"""The base classes of what a network is made of, the particular before the general, and what their subclasses are called."""

RETURNS: dict[type, str] = {Network: "circuit", Agent: "agent", Cell: "cell"}
"""What a function is called that returns an object of a class."""


def base_of(kind: type) -> type | None:
    """The base class of `BASES` that a class, `kind`, is derived from; None: of none, or one of them itself."""
    return next((b for b in BASES if issubclass(kind, b) and kind is not b), None)


def kind_of(thing: Any) -> str | None:
    """What kind of thing a class, an object of one, a function or a named thing is; None: none that a network is made of."""
    if isinstance(thing, Named):
        return thing.family
    if inspect.isfunction(thing):
        returned = inspect.signature(thing).return_annotation
        name = returned.rpartition(".")[2] if isinstance(returned, str) else getattr(returned, "__name__", "")
        return next((k for c, k in RETURNS.items() if name == c.__name__), None)
    for made, name in RETURNS.items():
        if isinstance(thing, made):
            return name
    base = base_of(thing if isinstance(thing, type) else type(thing))
    return None if base is None else BASES[base]
