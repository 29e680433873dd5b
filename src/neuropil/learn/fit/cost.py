"""What an inference costs: operations, bytes and joules of the trained network for one sample, event-driven and dense.

Event-driven: as the engine runs it, synaptic events counted from the rates that were measured. Dense: every synapse in every step, as matrix products
compute it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuropil.cost.circuit import CircuitCost, Rates, cost_of
from neuropil.cost.interval import Interval
from neuropil.model.network.network import Network
from neuropil.plan.plan import make_plan
from neuropil.units import ms


@dataclass(frozen=True)
class InferenceCost:
    """Of one sample.

    Attributes:
        operations, bytes, synaptic_events: counts.
        joules: by platform, intervals of published figures (`neuropil.cost.energy`).
        duration: of the sample, ms.
    """

    operations: float
    bytes: float
    synaptic_events: float
    joules: Mapping[str, Interval]
    duration: float


@dataclass(frozen=True)
class FitCost:
    """What an inference costs.

    Attributes:
        event_driven: spikes as they were measured.
        dense: every synapse in every step.
        rates: Hz by population, from which events are counted.
    """

    event_driven: InferenceCost
    dense: InferenceCost
    rates: Mapping[str, float]

    def __str__(self) -> str:
        lines = [f"one inference of {self.event_driven.duration:g} ms        event-driven         dense"]
        for name, what in (("operations", "operations"), ("bytes", "bytes"), ("synaptic events", "synaptic_events")):
            lines.append(f"  {name:<28}{getattr(self.event_driven, what):>18,.0f}{getattr(self.dense, what):>18,.0f}")
        for platform, joules in self.event_driven.joules.items():
            if joules.high > 0:
                lines.append(f"  {platform + ' (J)':<28}{joules.value:>18.3g}{self.dense.joules[platform].value:>18.3g}")
        return "\n".join(lines)


def inference_cost(network: Network, rates: Mapping[str, float], dt: float, duration: float, precision: str) -> FitCost:
    """The cost of a sample.

    Args:
        network: with trained values.
        rates: Hz by population, as measured.
        dt: ms; duration: of a sample, ms.
        precision: of the run.
    """
    plan = make_plan(network, dt=dt * ms, precision=precision)
    every = dict.fromkeys(network.populations, 1000.0 / dt)
    found = []
    for given in (rates, every):
        cost = cost_of(plan, Rates({n: Interval.exact(float(r)) for n, r in given.items()}, "measured"))
        found.append(_of_sample(cost, duration))
    return FitCost(found[0], found[1], dict(rates))


def _of_sample(cost: CircuitCost, duration: float) -> InferenceCost:
    part = duration / 1000.0
    joules: dict[str, Any] = {platform: each * part for platform, each in cost.watts.items()}
    return InferenceCost(cost.flops.value * part, cost.bytes.value * part, cost.times("synaptic event").value * part, joules, duration)
