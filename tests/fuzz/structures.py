"""What random networks are made of: a small vocabulary of models, and structures that say which of them meet.

A structure decides which kernels and which program run; everything else (sizes, rules, weights, delays, parameters, numbers
of stimuli, seeds, the time step) is drawn for each network. So all networks of a structure compile once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.maths import sqrt
from neuropil.model import FixedCount, Input, Morphology, Port, State
from neuropil.model.cell.cell import Cell
from neuropil.model.neuron.branched import Branch, Branched
from neuropil.units import Conductance, Time, ms, mV, nS, pA, um
from neuropil.zoo.channels.h_current import HCurrent
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.contract import synapse_use
from neuropil.zoo.neurons.adex import AdEx
from neuropil.zoo.neurons.eif import ExponentialLIF
from neuropil.zoo.neurons.escape_lif import EscapeLIF
from neuropil.zoo.neurons.intrinsic import IntrinsicLIF
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.registry import point_process, synapse


class Twig(Branch):
    """A leaky conductance."""

    tau: Time = 10 * ms
    g_c: Conductance = 3 * nS
    v = State(-70 * mV)
    v_soma = Input(mV)
    exc = Port(mV)

    def derivative(self, s, x):
        return {"v": (-70 * mV - s.v) / self.tau}

    def receive(self, s, w):
        return {"v": w.exc}

    def output(self, s, x):
        return self.g_c * (s.v - x.v_soma)


class Restless(EscapeLIF):
    """An escaping neuron with a noisy current, whose size fluctuates: additive and multiplicative noise."""

    tau_noise: Time = 4 * ms
    i_noise = State(0 * pA)
    gain = State(1.0)
    noise_i = Input(1.0)
    noise_gain = Input(1.0)

    def derivative(self, s, x):
        own = super().derivative(s, x)
        own["v"] += s.gain * s.i_noise / self.c_m
        own["i_noise"] = -s.i_noise / self.tau_noise + 80 * pA * sqrt(2 / (self.tau_noise * ms)) * x.noise_i
        own["gain"] = (1 - s.gain) / (20 * ms) + 0.2 * s.gain * x.noise_gain / sqrt(self.tau_noise * ms)
        return own


def ball_and_stick() -> Cell:
    build = Morphology.builder("ball and stick")
    build.section("soma", kind="soma", length=20 * um, diameter=18 * um)
    build.section("stick", kind="apical", length=120 * um, diameter=[3, 1.5] * um, parent="soma")
    cell = Cell(build.build(), discretisation=FixedCount(3), initial=-68 * mV)
    cell.paint("all", Leak(), name="leak")
    cell.paint("stick", HCurrent(), name="h")
    return cell.place("ampa", point_process("ampa_exponential")(), at=["stick(0.2)", "stick(0.9)"])


@dataclass(frozen=True)
class Kind:
    """A sort of neuron.

    Attributes:
        make: the model.
        ports: port -> a weight that matters (one of several sites: "part.port").
        inputs: input -> an amplitude that matters.
        states: those that may be probed.
        tunable: parameters that may be drawn and modulated.
    """

    make: Any
    ports: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    tunable: tuple[str, ...] = ()


_LIF: dict[str, Any] = {"ports": {"exc": 500 * pA, "inh": -500 * pA}, "inputs": {"current": 400 * pA}}

KINDS: dict[str, Kind] = {
    "lif": Kind(LIFExp, **_LIF, states=("v", "i_exc"), tunable=("tau_m", "tau_exc")),
    "intrinsic": Kind(IntrinsicLIF, **_LIF, states=("v", "offset"), tunable=("tau_inh",)),
    "escape": Kind(Restless, **_LIF, states=("v", "i_inh", "i_noise", "gain"), tunable=("tau_m", "tau_noise")),
    "adex": Kind(AdEx, {"exc": 20 * nS, "inh": 5 * nS}, {"current": 700 * pA}, ("v", "w"), ("tau_w", "g_l")),
    "eif": Kind(ExponentialLIF, {"exc": 100 * pA, "inh": -50 * pA}, {"current": 80 * pA}, ("v",), ("g_l",)),
    "branched": Kind(
        lambda: Branched(LIFExp(), Twig(), 2, reads={"v_soma": "v"}), {"exc": 500 * pA, "branch.exc": 20 * mV}, {"current": 300 * pA}, ("v", "branch.v")
    ),
    "cell": Kind(ball_and_stick, {"ampa.exc": 2 * nS}, {}, ("v", "h.m", "ampa.g")),
}

SOURCES = {"relay": Relay, "poisson": PoissonSource}

SYNAPSES = ("tsodyks_markram", "stdp_additive", "triplet_stdp", "graupner_brunel", "voltage_stdp", "receptor_kinetics", "dopamine_stdp")
"""Synapse models: event-driven with and without answers to the target's spikes, clocked, driven by noise and by potentials, with a current."""

RESPONDING = ("stdp_additive", "triplet_stdp", "dopamine_stdp")
"""Those that answer to their target's spikes."""

EVENTS, CURRENTS = ("poisson", "regular", "list", "inhomogeneous"), ("step", "sine", "noise", "array")


@dataclass(frozen=True)
class Wire:
    """A projection: indices of its populations (the source is 0), a port, a synapse model or None, what else it has."""

    source: int
    target: int
    port: str
    synapse: str | None = None
    rewired: bool = False
    clock_driven: bool = False
    late: bool = False


GRADED = ("all", "rule", "delays", "circulant", "permutation", "blocks", "kronecker")
"""Forms of the weights of graded projections."""


@dataclass(frozen=True)
class Structure:
    """Which mechanisms a network has."""

    source: str
    kinds: tuple[str, ...]
    events: tuple[tuple[str, str], ...]  # of each population after the source: (port, stimulus)
    currents: tuple[tuple[str, str], ...]
    wires: tuple[Wire, ...]
    probes: tuple[tuple[int, str], ...]
    modulated: tuple[tuple[int, str], ...]
    modulator: str
    coupled: bool
    normalised: bool
    watched: bool
    graded: tuple[tuple[int, int, str], ...] = ()  # indices of the source and the target, and the form of the weights


def structure(number: int) -> Structure:
    """A structure by its number: the same in every process. Seven in a row have every kind of neuron and of synapse."""
    g = np.random.default_rng([number, 20])
    pick = lambda options: list(options)[int(g.integers(len(list(options))))]  # noqa: E731
    kinds = (list(KINDS)[number % len(KINDS)], *([pick(KINDS)] if g.random() < 0.5 else []))
    if not {"lif", "intrinsic", "escape"} & set(kinds):
        kinds = (*kinds[:1], pick(("lif", "intrinsic", "escape")))
    learning = [k for k, name in enumerate(kinds, 1) if name in ("lif", "intrinsic", "escape")]
    wires = []
    for _ in range(int(g.integers(1, 3))):
        target = int(g.integers(1, len(kinds) + 1))
        rewired = bool(g.random() < 0.15) and kinds[target - 1] != "cell"
        wires.append(Wire(int(g.integers(0, len(kinds) + 1)), target, pick(KINDS[kinds[target - 1]].ports), rewired=rewired))
    for j in range(int(g.integers(1, 3))):
        name, target = SYNAPSES[number % len(SYNAPSES)] if j == 0 else pick(SYNAPSES), pick(learning)
        port = "current" if name == "receptor_kinetics" else "exc"
        extra = {"rewired": bool(g.random() < 0.2), "clock_driven": bool(g.random() < 0.25), "late": bool(g.random() < 0.5) and name in RESPONDING}
        wires.append(Wire(int(g.integers(0, len(kinds) + 1)), target, port, name, **extra))
    events = tuple((pick(KINDS[name].ports), pick(EVENTS)) for name in kinds)
    currents = tuple((pick(KINDS[name].inputs), pick(CURRENTS)) for name in kinds if KINDS[name].inputs)
    probes = tuple((k, pick(KINDS[name].states)) for k, name in enumerate(kinds, 1))
    tunable = [(k, p) for k, name in enumerate(kinds, 1) for p in KINDS[name].tunable]
    modulated = (tunable[int(g.integers(len(tunable)))],) if tunable and g.random() < 0.4 else ()
    point = [k for k, name in enumerate(kinds, 1) if KINDS[name].inputs]
    rest = (
        pick(SOURCES), kinds, events, currents, tuple(wires), probes, modulated, pick(("first order", "signal")),
        bool(point and g.random() < 0.25), bool(g.random() < 0.2), bool(g.random() < 0.3),
    )  # fmt: skip
    graded = tuple((pick(point), pick(point), pick(GRADED)) for _ in range(int(g.integers(0, 3))))
    return Structure(*rest, graded)


def synapse_of(name: str) -> tuple[Any, Any]:
    """(model, weight) of a synapse by its name, with the parameters that make it do all it can."""
    use = synapse_use(name)
    return synapse(name)(**use.given), use.weight
