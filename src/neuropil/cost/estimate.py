"""From assumptions to totals: FLOP/s, bytes, memory, watts, processors, years.

One formula, `totals`, is evaluated at the best values, at the ends, one assumption at a time (tornado) and at random
(Monte Carlo):

    neurons:   neurons × compartments × steps/s × FLOPs each
    synapses:  synapses × updates/s × FLOPs each,   updates/s = active fraction × (rate, or steps/s when clock-driven)

and likewise for bytes; memory is items × bytes each. More of any assumption makes every total larger, except of the time
step and of the share of peak, which make it smaller; so the ends of a total lie where all assumptions lie at their ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.cost.brain import NAMES, Assumptions
from neuropil.cost.energy import ENERGIES, watts
from neuropil.cost.interval import Interval
from neuropil.cost.machines import (
    CLUSTER,
    FP32_DOUBLING,
    FP64_DOUBLING_ARTICLE,
    H100,
    H100_ALL_IN_WATTS,
    doubling_time,
    year_interval,
)
from neuropil.cost.measure import Measured

DECREASING = ("dt", "utilisation")
"""Assumptions of which more means less work, or fewer processors."""


def totals(v: Mapping[str, Any], event_driven: bool, precision: str) -> dict[str, Any]:
    """Every total for one set of values (numbers, or arrays of them), by the names of `Assumptions`.

    Args:
        v: values by name.
        event_driven: whether synapses are.
        precision: "float32" or "float64".
    """
    steps = 1000.0 / v["dt"]
    compartments = v["neurons"] * v["compartments"]
    updates = v["active_fraction"] * (v["rate"] if event_driven else steps)
    neuron_flops = compartments * steps * v["flops_per_compartment"]
    synapse_flops = v["synapses"] * updates * v["flops_per_synapse"]
    neuron_bytes = compartments * steps * v["bytes_per_compartment"]
    synapse_bytes = v["synapses"] * updates * v["bytes_per_synapse"]
    neuron_memory = compartments * v["state_bytes"]
    synapse_memory = v["synapses"] * v["memory_per_synapse"]
    flops, moved, memory = neuron_flops + synapse_flops, neuron_bytes + synapse_bytes, neuron_memory + synapse_memory
    by_flops = flops / (H100.peak(precision) * v["utilisation"])
    by_bandwidth, by_memory = moved / (H100.bandwidth * v["utilisation"]), memory / H100.memory
    return {
        "compartments": compartments, "steps": steps, "updates": updates, "neuron_flops": neuron_flops,
        "synapse_flops": synapse_flops, "flops": flops, "neuron_bytes": neuron_bytes, "synapse_bytes": synapse_bytes,
        "bandwidth": moved, "neuron_memory": neuron_memory, "synapse_memory": synapse_memory, "memory": memory,
        "events": v["synapses"] * v["active_fraction"] * v["rate"], "neuron_steps": compartments * steps,
        "h100_by_flops": by_flops, "h100_by_bandwidth": by_bandwidth, "h100_by_memory": by_memory,
        "h100": np.maximum(np.maximum(by_flops, by_bandwidth), by_memory),
    }  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """The totals of a set of assumptions, each with the ends that the assumptions allow.

    Attributes:
        assumptions: from which they follow.
        totals: by name.
    """

    assumptions: Assumptions
    totals: Mapping[str, Interval]

    def __getitem__(self, name: str) -> Interval:
        return self.totals[name]

    @property
    def limit(self) -> str:
        """What decides the number of processors: "flops", "bandwidth" or "memory"."""
        return max(("flops", "bandwidth", "memory"), key=lambda by: self[f"h100_by_{by}"].value)

    @property
    def watts(self) -> dict[str, Interval]:
        """Joules per second of biology (= watts in real time) by platform, from the energy of each operation."""
        per_second = {
            "FLOP": self["flops"], "byte": self["bandwidth"], "synaptic event": self["events"], "neuron-step": self["neuron_steps"],
        }  # fmt: skip
        return {platform: watts(platform, per_second) for platform in ENERGIES}

    @property
    def h100_watts(self) -> Interval:
        """Power of the H100s needed: their boards at 700 W, at most with host and cooling."""
        return self["h100"] * Interval(H100.watts, H100.watts, H100_ALL_IN_WATTS)

    def years(self) -> dict[str, tuple[float, Interval]]:
        """When 10⁵ processors of the day suffice: trend -> (doubling time in years, year)."""
        by_flops = self["h100_by_flops"]
        trends = {
            "FLOPs, doubling as FP32 has": (FP32_DOUBLING, by_flops),
            "FLOPs, FP64 by the data sheets of P100 to H100": (doubling_time(), by_flops),
            "FLOPs, FP64 as article 003 has it (a slip, see F6)": (FP64_DOUBLING_ARTICLE, by_flops),
            "bandwidth, by the same data sheets": (doubling_time(of="bandwidth"), self["h100_by_bandwidth"]),
            "memory, by the same data sheets": (doubling_time(of="memory"), self["h100_by_memory"]),
        }
        return {name: (doubling, year_interval(needed, doubling, CLUSTER)) for name, (doubling, needed) in trends.items()}

    def seconds_here(self, machine: Measured, neuron_rate: float, synapse_rate: float | None) -> Interval:
        """Wall time of this machine for a second of biology, s, had it the memory.

        Args:
            neuron_rate, synapse_rate: FLOP/s that the kernels of a neuron, and of a clock-driven synapse, sustain.
            machine: as measured.
        """
        neurons = (self["neuron_flops"] / neuron_rate).widest(self["neuron_bytes"] / machine.bandwidth)
        if synapse_rate is None:  # an event costs what a packed event costs; more arithmetic comes on top
            synapses = self["events"] / machine.events
            synapses = synapses.widest(self["synapse_flops"] / machine.peak(self.assumptions.precision))
        else:
            synapses = (self["synapse_flops"] / synapse_rate).widest(self["synapse_bytes"] / machine.bandwidth)
        return neurons + synapses

    def to_json(self) -> dict[str, Any]:
        """Assumptions with their sources, totals, watts and years, in plain types."""
        a = self.assumptions
        return {
            "event_driven": a.event_driven,
            "precision": a.precision,
            "assumptions": {n: {**i.to_json(), "source": a.sources.get(n, "")} for n, i in a.intervals().items()},
            "totals": {name: interval.to_json() for name, interval in self.totals.items()},
            "limit": self.limit,
            "watts": {name: interval.to_json() for name, interval in self.watts.items()},
            "h100_watts": self.h100_watts.to_json(),
            "years": {name: {"doubling": d, **year.to_json()} for name, (d, year) in self.years().items()},
        }


def estimate(a: Assumptions) -> Estimate:
    """The totals of a set of assumptions."""
    given = a.intervals()
    low = {n: i.high if n in DECREASING else i.low for n, i in given.items()}
    high = {n: i.low if n in DECREASING else i.high for n, i in given.items()}
    ends = [totals(v, a.event_driven, a.precision) for v in (low, best_values(a), high)]
    return Estimate(a, {name: Interval(*(float(e[name]) for e in ends)) for name in ends[0]})


def best_values(a: Assumptions) -> dict[str, float]:
    """The best guess of every assumption in `a`."""
    return {name: interval.value for name, interval in a.intervals().items()}


@dataclass(frozen=True)
class Bar:
    """How far one assumption moves a total: the total at its low and at its high end, all else at best.

    Attributes:
        name: of the assumption.
        label: for the axis.
        low, high: the total at its ends.
    """

    name: str
    label: str
    low: float
    high: float

    @property
    def factor(self) -> float:
        """The larger over the smaller."""
        small, large = sorted((self.low, self.high))
        return large / small if small else float("inf")


def tornado(a: Assumptions, quantity: str = "h100", others: Mapping[str, Assumptions] | None = None) -> list[Bar]:
    """The bars of a tornado plot, the longest first.

    Args:
        quantity: a name of `totals`.
        others: choices that are no interval (event- or clock-driven, precision), by label: what would be assumed instead.
        a: the assumptions.
    """
    best = best_values(a)

    def at(changed: Assumptions, **values: float) -> float:
        v = {**best_values(changed), **values}
        return float(totals(v, changed.event_driven, changed.precision)[quantity])

    bars = []
    for name, interval in a.intervals().items():
        if interval.high > interval.low:
            label = f"{NAMES[name]}: {interval.low:.4g} … {interval.high:.4g}"
            bars.append(Bar(name, label, at(a, **{name: interval.low}), at(a, **{name: interval.high})))
    here = float(totals(best, a.event_driven, a.precision)[quantity])
    bars += [Bar(label, label, here, at(other)) for label, other in (others or {}).items()]
    return sorted((b for b in bars if b.factor > 1.0), key=lambda b: -b.factor)


def draws(a: Assumptions, quantity: str, n: int = 20_000, seed: int = 1) -> np.ndarray:
    """A total for random assumptions: triangular in the logarithm, between the ends, with the peak at the best value.

    Args:
        a: the assumptions.
        quantity: a name of `totals`.
        n: number of draws.
        seed: of the draws.

    Returns:
        float64[n].
    """
    generator = np.random.default_rng(seed)
    v = {}
    for name, interval in a.intervals().items():
        if interval.high > interval.low:
            low, mode, high = (math.log(x) for x in (interval.low, interval.value, interval.high))
            v[name] = np.exp(generator.triangular(low, mode, high, n))
        else:
            v[name] = np.full(n, interval.value)
    found: np.ndarray = totals(v, a.event_driven, a.precision)[quantity]
    return found


def percentile_of(value: float, sample: np.ndarray) -> float:
    """Per cent of the sample below a value."""
    return float(100.0 * np.mean(sample < value))
