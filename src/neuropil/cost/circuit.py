"""What a described network costs: the work of its plan for a second of biology, and the time this machine needs for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuropil.cost.brain import kernel_of
from neuropil.cost.energy import ENERGIES, watts
from neuropil.cost.interval import Interval
from neuropil.cost.measure import Measured, neuron_seconds
from neuropil.model.network.network import Network
from neuropil.plan.cost import ADVANCED, KernelCost, kernel_costs
from neuropil.plan.plan import Plan

ASSUMED_RATE = Interval(0.5, 5.0, 20.0)
"""Hz, for populations of unknown rate."""


@dataclass(frozen=True)
class Rates:
    """Firing rates by population, Hz, and where they come from.

    Attributes:
        by_population: Hz.
        source: where they come from.
    """

    by_population: Mapping[str, Interval]
    source: str

    def corner(self, end: str) -> dict[str, float]:
        """All rates at one end: "low", "value" or "high"."""
        return {name: getattr(rate, end) for name, rate in self.by_population.items()}


def rates_for(network: Network, given: float | None = None) -> Rates:
    """The rate given, else the rates that the network's paper reports, else an assumed interval."""
    names = list(network.populations)
    if given is not None:
        return Rates(dict.fromkeys(names, Interval.exact(given)), "given")
    published = {n: Interval.exact(network.published[n]) for n in names if n in network.published}
    missing = [n for n in names if n not in published]
    if not missing:
        return Rates(published, "published with the model")
    source = "assumed" if not published else f"published, but for {', '.join(missing)} assumed"
    return Rates({**dict.fromkeys(missing, ASSUMED_RATE), **published}, source)


@dataclass(frozen=True)
class Load:
    """A mechanism's work in a second of biology.

    Attributes:
        work: the record; times: how often, over all items; flops, bytes: in that second.
    """

    work: KernelCost
    times: Interval
    flops: Interval
    bytes: Interval


@dataclass(frozen=True)
class CircuitCost:
    """A network's cost for a second of biology; FLOPs, bytes and events are counts in that second.

    Attributes:
        loads: one for each kind of work.
        rates: from which events are counted.
    """

    loads: tuple[Load, ...]
    rates: Rates

    @property
    def flops(self) -> Interval:
        """All floating-point operations."""
        return sum((load.flops for load in self.loads), Interval.exact(0.0))

    @property
    def bytes(self) -> Interval:
        """All bytes read and written."""
        return sum((load.bytes for load in self.loads), Interval.exact(0.0))

    def times(self, kind: str) -> Interval:
        """How often work of a kind is done."""
        return sum((load.times for load in self.loads if load.work.kind == kind), Interval.exact(0.0))

    @property
    def watts(self) -> dict[str, Interval]:
        """Joules by platform."""
        advanced = sum((self.times(kind) for kind in ADVANCED), Interval.exact(0.0))
        return watts_of(self.flops, self.bytes, self.times("synaptic event"), advanced)


def watts_of(flops: Interval, moved: Interval, events: Interval, neuron_steps: Interval) -> dict[str, Interval]:
    """Joules by platform, for counts in a second (or in a whole run) of biology.

    Args:
        flops, moved: FLOPs and bytes.
        events, neuron_steps: synaptic events and neuron-steps.
    """
    counts = {"FLOP": flops, "byte": moved, "synaptic event": events, "neuron-step": neuron_steps}
    return {platform: watts(platform, counts) for platform in ENERGIES}


def cost_of(plan: Plan, rates: Rates) -> CircuitCost:
    """The work of a plan at these rates."""
    loads = []
    for work in kernel_costs(plan):
        times = Interval(*(work.times(plan.dt, rates.corner(end)) for end in ("low", "value", "high")))
        loads.append(Load(work, times, times * work.flops, times * work.bytes))
    return CircuitCost(tuple(loads), rates)


def seconds_here(plan: Plan, cost: CircuitCost, machine: Measured, *, again: bool = False) -> dict[str, Interval]:
    """Expected wall time of this machine for a second of biology, s, by kind of work; their sum is the real-time factor.

    Neurons and branches at what their own kernels take; compartments of cells at the FLOP/s that a Hodgkin-Huxley kernel
    sustains; events at what packed events take whose words come from memory; clock-driven synapses and graded projections at the peak or at the
    triad's bandwidth, whichever is slower; stimuli at what a Poisson count takes. The meeting of threads, the filing of
    spikes and recording are not in it: a run takes longer, by a quarter in large circuits and by far in small ones.
    `again` measures the kernels even if there are figures.

    Args:
        plan: of the network.
        cost: of the network.
        machine: as measured.
        again: measure the kernels even if there are figures.
    """
    steps = 1000.0 / plan.dt
    neurons = sum(neuron_seconds(g, plan, machine.threads, again=again) * g.size * steps for g in plan.groups)
    seconds = {
        "neurons": Interval.exact(neurons),
        "stimuli": cost.times("stimulus") / machine.poisson,
        "synaptic events": cost.times("synaptic event") / machine.events,
    }
    for kind, named in (("synapse", "clock-driven synapses"), ("graded", "graded projections")):
        if loads := [load for load in cost.loads if load.work.kind == kind]:
            flops, moved = (sum((getattr(load, what) for load in loads), Interval.exact(0.0)) for what in ("flops", "bytes"))
            by_flops, by_bytes = flops / machine.peak(plan.precision), moved / machine.bandwidth
            seconds[named] = max(by_flops, by_bytes, key=lambda s: s.value)
    if plan.cells:
        hh_plan, hh = kernel_of("human", plan.precision)
        rate = hh.program.flops / neuron_seconds(hh, hh_plan, machine.threads, again=again)
        flops = sum((load.flops for load in cost.loads if load.work.kind == "compartment"), Interval.exact(0.0))
        seconds["compartments of cells"] = flops / rate
    return seconds


def to_json(cost: CircuitCost) -> dict[str, Any]:
    """The cost in plain types."""
    return {
        "rates": {n: r.to_json() for n, r in cost.rates.by_population.items()},
        "rates_from": cost.rates.source,
        "work": [
            {**load.work.to_json(), "times": load.times.to_json(), "flops_per_second": load.flops.to_json(),
             "bytes_per_second": load.bytes.to_json()}
            for load in cost.loads
        ],
        "flops": cost.flops.to_json(),
        "bytes": cost.bytes.to_json(),
        "synaptic_events": cost.times("synaptic event").to_json(),
        "watts": {name: w.to_json() for name, w in cost.watts.items()},
    }  # fmt: skip
