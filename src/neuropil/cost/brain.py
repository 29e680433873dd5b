"""Brains in numbers, each with its source, and the assumptions that turn them into a workload.

`Brain` holds what was counted in animals; `Assumptions` what a simulation of one would have to do. Every assumption is an
interval, and fixing one (a flag of `neuropil cost`) makes it exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np

from neuropil.cost.interval import Interval
from neuropil.errors import CommandError, did_you_mean
from neuropil.lower.synapse import SynapseProgram
from neuropil.model.base.distribution import Uniform
from neuropil.model.connection.rules import FixedInDegree, OneToOne
from neuropil.model.network.network import Network
from neuropil.model.neuron.neuron import Neuron
from neuropil.model.stimulus.currents import Step
from neuropil.plan.cost import KernelCost, kernel_costs
from neuropil.plan.parts import KernelBatch
from neuropil.plan.plan import Plan, make_plan
from neuropil.units import Quantity, ms
from neuropil.zoo.neurons.hodgkin_huxley import HodgkinHuxley
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.synapses.full_synapse import ArticleSynapse


@dataclass(frozen=True)
class Brain:
    """A brain: sizes and activity with their ranges and sources.

    Attributes:
        neurons, synapses: how many.
        rate: mean spikes per neuron and second.
        compartments: to give a neuron in a simulation.
        spiking: whether its neurons fire spikes at all; graded ones need synapses that are advanced every step.
        sources: of neurons, synapses, rate and compartments.
        name: of the animal.
    """

    name: str
    neurons: Interval
    synapses: Interval
    rate: Interval
    compartments: Interval
    spiking: bool
    sources: Mapping[str, str]


BRAINS: dict[str, Brain] = {
    "human": Brain(
        "human", Interval(78e9, 86.1e9, 100e9), Interval(1e14, 1.5e14, 6e14), Interval(0.16, 1.0, 10.0), Interval(1, 10, 100), True,
        {
            "neurons": "86.1 ± 8.1 billion, Azevedo et al. 2009; high: the 100 billion of article 003",
            "synapses": "neocortex 1.5e14, Pakkenberg et al. 2003; high: the 6e14 of article 003",
            "rate": "0.16 Hz Lennie 2003 (reported); 4 Hz Attwell & Laughlin 2001; 0.1 to 10 is usual for cortex",
            "compartments": "article 003 has 10 to 100; 1 is a point neuron",
        },
    ),
    "mouse": Brain(
        "mouse", Interval(67e6, 71e6, 75e6), Interval(1e11, 3e11, 1e12), Interval(0.5, 3.0, 10.0), Interval(1, 10, 100), True,
        {
            "neurons": "71 million, Herculano-Houzel, Mota & Lent 2006 (reported); 75 million, Williams 2000",
            "synapses": "1e11 to 1e12 (reported): cortical neurons have some 8000 (Braitenberg & Schüz 1998), granule cells few",
            "rate": "0.5 to 10 Hz in cortex (reported)",
            "compartments": "as for human",
        },
    ),
    "fly": Brain(
        "fly", Interval(125e3, 139e3, 140e3), Interval(50e6, 54.5e6, 130e6), Interval(0.5, 5.0, 50.0), Interval(1, 1, 10), True,
        {
            "neurons": "139,000, FlyWire 2024; 125,000 modelled by Shiu et al. 2024 (reported)",
            "synapses": "54.5 million, FlyWire 2024 (CLAIMS F8); high: before thresholds (reported)",
            "rate": "assumed: central neurons are silent to 50 Hz",
            "compartments": "point neurons, as in Shiu et al. 2024",
        },
    ),
    "worm": Brain(
        "worm", Interval(302, 302, 302), Interval(5600, 7600, 8700), Interval(0.01, 1.0, 10.0), Interval(1, 10, 100), False,
        {
            "neurons": "302, White et al. 1986",
            "synapses": "5000 chemical, 2000 neuromuscular, 600 gap junctions, White et al. 1986; "
            "high: 6393 + 890 + 1410, Varshney et al. 2011 (reported)",
            "rate": "most neurons are graded; the rate enters event counts only",
            "compartments": "as for human",
        },
    ),
}  # fmt: skip

POINT_NEURONS = ("fly",)
"""Brains simulated with integrate-and-fire neurons; the others' compartments are Hodgkin-Huxley's."""


def brain(name: str) -> Brain:
    """The brain of this name.

    Raises:
        CommandError: there is none.
    """
    if name not in BRAINS:
        raise CommandError(f"there is no brain {name!r}", fix=did_you_mean(name, BRAINS))
    return BRAINS[name]


@dataclass(frozen=True)
class Assumptions:
    """What a simulation of a brain does; every number an interval.

    Attributes:
        neurons, synapses, rate (Hz), compartments: of the brain.
        dt: time step, ms.
        flops_per_compartment, bytes_per_compartment: for a step; bytes read and written.
        state_bytes: memory of a compartment.
        active_fraction: of the synapses that do work: of all each step when clock-driven, of the arriving spikes when
            event-driven (release fails at most cortical synapses most of the time).
        flops_per_synapse, bytes_per_synapse: for an event, or for a step when clock-driven.
        memory_per_synapse: bytes.
        utilisation: share of a processor's peak that is reached.
        event_driven: synapses are touched by spikes only.
        precision: "float32" or "float64".
        sources: where each number comes from.
        rate: mean spikes per neuron and second, Hz.
        neurons, synapses, compartments: of the brain.
    """

    neurons: Interval
    synapses: Interval
    compartments: Interval
    dt: Interval
    flops_per_compartment: Interval
    bytes_per_compartment: Interval
    state_bytes: Interval
    rate: Interval
    active_fraction: Interval
    flops_per_synapse: Interval
    bytes_per_synapse: Interval
    memory_per_synapse: Interval
    utilisation: Interval
    event_driven: bool
    precision: str
    sources: Mapping[str, str]

    def intervals(self) -> dict[str, Interval]:
        """Every assumption that has a range, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Interval)}

    def fixed(self, **values: float) -> Assumptions:
        """With some assumptions made exact.

        Args:
            values: by name.

        Returns:
            A copy.

        Raises:
            CommandError: an assumption that does not exist.
        """
        unknown = set(values) - set(self.intervals())
        if unknown:
            raise CommandError(f"there is no assumption {min(unknown)!r}", fix=did_you_mean(min(unknown), self.intervals()))
        changes: dict[str, Any] = {name: Interval.exact(value) for name, value in values.items()}
        return replace(self, **changes, sources={**self.sources, **dict.fromkeys(values, "given")})


NAMES = {
    "neurons": "neurons", "synapses": "synapses", "compartments": "compartments per neuron", "dt": "time step (ms)",
    "flops_per_compartment": "FLOPs per compartment-step", "bytes_per_compartment": "bytes per compartment-step",
    "state_bytes": "memory per compartment (bytes)", "rate": "firing rate (Hz)", "active_fraction": "active fraction of synapses",
    "flops_per_synapse": "FLOPs per synapse update", "bytes_per_synapse": "bytes per synapse update",
    "memory_per_synapse": "memory per synapse (bytes)", "utilisation": "share of peak reached",
}  # fmt: skip
"""What each assumption is called in print."""


def assumptions(subject: Brain, *, event_driven: bool | None = None, precision: str = "float32") -> Assumptions:
    """What to assume for a brain, the operations counted from kernels that run.

    A compartment is counted as a Hodgkin-Huxley point neuron (low: leaky integrate-and-fire; high: three times as much,
    for the ten channels of a layer-5 cell), a synaptic event as the packed store's, a clock-driven synapse as article
    003's equations traced. The fly's neurons are integrate-and-fire, as in Shiu et al. 2024.

    Args:
        subject: the brain.
        event_driven: whether synapses are; None: where its neurons spike.
        precision: "float32" or "float64".
    """
    if event_driven is None:
        event_driven = subject.spiking
    hh, lif = counted(HodgkinHuxley, precision), counted(LIFExp, precision)
    plan, group = hh
    best = lif if subject.name in POINT_NEURONS else hh
    synapse = _events(precision) if event_driven else _clocked(precision)
    sources = {
        **subject.sources,
        "dt": "0.1 ms is usual for networks, 0.025 for Hodgkin-Huxley cells; high: the 1 ms of article 003",
        "flops_per_compartment": f"best: kernel of {best[1].name}; low: LIFExp; high: 3 × {group.name}",
        "bytes_per_compartment": f"best: arrays of the kernel of {best[1].name}; low: LIFExp; high: 3 × {group.name}",
        "state_bytes": "best: the states of the kernel; high: 3 ×",
        "active_fraction": "every synapse" if not event_driven else "release at each arriving spike; low: 0.1 (reported)",
        **{k: v for k, v in synapse.items() if isinstance(v, str)},
        "utilisation": "data-sheet peak; low: what simulations commonly reach is less (assumed 0.1)",
    }
    sources |= {name: sources.pop(f"{name}_source") for name in ("flops_per_synapse", "bytes_per_synapse", "memory_per_synapse")}
    flops = _range(lif[1].program.flops, best[1].program.flops, 3 * hh[1].program.flops)
    moved = _range(lif[1].bytes_per_step(lif[0]), best[1].bytes_per_step(best[0]), 3 * group.bytes_per_step(plan))
    states = _range(_state(lif), _state(best), 3 * _state(hh))
    return Assumptions(
        subject.neurons, subject.synapses, subject.compartments, Interval(0.025, 0.1, 1.0), flops, moved, states,
        subject.rate, Interval(0.1, 1.0, 1.0), synapse["flops"], synapse["bytes"], synapse["memory"],
        Interval(0.1, 1.0, 1.0), event_driven, precision, sources,
    )  # fmt: skip


@cache
def counted(model: type[Neuron], precision: str) -> tuple[Plan, KernelBatch]:
    """The plan and group of one neuron model with all its ports and inputs in use.

    Args:
        precision: "float32" or "float64".
    """
    network = Network(model.__name__)
    one = network.population("one", model(), 40_000)
    for port, dimension in model.spec.ports.items():
        different = Uniform(Quantity(1.0, dimension), Quantity(2.0, dimension))  # as a brain's: words of equal weights would hold none
        network.project(one, one, OneToOne(), weight=different, delay=1 * ms, port=port)
    for name, dimension in model.spec.inputs.items():
        network.stimulate(one, Step(Quantity(0.0, dimension)), input=name)
    plan = make_plan(network, precision=precision)
    return plan, plan.groups[0]


def kernel_of(name: str, precision: str) -> tuple[Plan, KernelBatch]:
    """The kernel that stands for a compartment of a brain.

    Args:
        name: of the brain.
        precision: "float32" or "float64".
    """
    return counted(LIFExp if name in POINT_NEURONS else HodgkinHuxley, precision)


@cache
def clocked_synapse(precision: str) -> tuple[SynapseProgram, KernelCost]:
    """What stands for a clock-driven synapse: article 003's, all its states advanced in every step, 1000 on a target.

    Args:
        precision: "float32" or "float64".
    """
    network = Network("synapse")
    source, target = network.population("source", PoissonSource(), 1000), network.population("target", LIFExp(), 1000)
    network.project(
        source, target, FixedInDegree(1000), weight=1.0, delay=1 * ms, input="current", synapse=ArticleSynapse(), clock_driven=True
    )
    plan = make_plan(network, precision=precision)
    return plan.synapses[0], next(w for w in kernel_costs(plan) if w.kind == "synapse")


def _range(low: float, value: float, high: float) -> Interval:
    return Interval(min(low, value), value, max(value, high))


def _state(of: tuple[Plan, KernelBatch]) -> float:
    return float(np.dtype(of[0].precision).itemsize * len(of[1].program.states))


def _events(precision: str) -> dict[str, Any]:
    """A packed synapse: one addition, a word, an accumulator; at most Carlsmith's 100 FLOPs an event."""
    event = next(w for w in kernel_costs(counted(LIFExp, precision)[0]) if w.kind == "synaptic event")
    return {
        "flops": Interval(event.flops, event.flops, 100.0),
        "bytes": Interval(event.bytes, event.bytes, 4 * event.bytes),
        "memory": Interval(1.0, event.bytes / 3, 32.0),
        "flops_per_synapse_source": f"{event.source}; high: 100 an event (Carlsmith 2020, reported)",
        "bytes_per_synapse_source": f"{event.source}; high: 4 ×, a synapse with state",
        "memory_per_synapse_source": "best: a packed word; low: the 1 byte discussed below article 003; high: 8 states of 4 bytes",
    }


def _clocked(precision: str) -> dict[str, Any]:
    """Article 003's synapse, its equations traced."""
    program, work = clocked_synapse(precision)
    value, moved = float(round(work.flops)), float(work.bytes)
    state = float(np.dtype(precision).itemsize * len(program.states))
    return {
        "flops": _range(10.0, value, 2 * value),
        "bytes": _range(8.0, moved, 2 * moved),
        "memory": _range(4.0, state, 2 * state),
        "flops_per_synapse_source": "best: article 003's synapse as it runs; low: transmission alone; high: 2 ×",
        "bytes_per_synapse_source": "best: its states, read and written; low: one state; high: 2 ×",
        "memory_per_synapse_source": "best: its states; low: one; high: 2 ×",
    }
