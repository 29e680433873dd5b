"""What one mechanism does: operations and bytes for an item, and how often that is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class KernelCost:
    """What one mechanism does.

    Attributes:
        what: which one, for people.
        kind: "neuron", "branch", "compartment" (see `ADVANCED`), "synapse" (advanced every step), "graded" (a
            multiply-add of a graded projection), "stimulus", "spike", "synaptic event" or "response" (of a synapse to a spike of its target).
        count: how many items there are: neurons, synapses, …
        per: "step" (each item once a time step) or "event" (each item once per spike of a neuron of `owner`).
        flops: floating-point operations for an item and a time.
        bytes: read and written, likewise.
        source: where the numbers come from.
        owner: the population whose spikes are the events; empty for work done every step.
    """

    what: str
    kind: str
    count: float
    per: str
    flops: float
    bytes: float
    source: str
    owner: str = ""

    def times(self, dt: float, rates: Mapping[str, float]) -> float:
        """How often it is done in a second of biology, over all items.

        Args:
            dt: time step, ms.
            rates: Hz by population.
        """
        return self.count * (1000.0 / dt if self.per == "step" else rates[self.owner])

    def to_json(self) -> dict[str, Any]:
        """The record in plain types; `KernelCost(**record)` restores it."""
        return asdict(self)


ADVANCED = ("neuron", "branch", "compartment")
"""Kinds of work that advance the state of a cell."""
