"""What random networks are made of: a small vocabulary of models, and structures that say which of them meet.

A structure decides which kernels and which program run; everything else (sizes, rules, weights, delays, parameters, numbers
of stimuli, seeds, the time step) is drawn for each network. So all networks of a structure compile once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contract.cell_networks import Twig
from neuropil import Expression, LineSource
from neuropil.maths import sqrt
from neuropil.model import Channel, FixedCount, Input, Morphology, PointProcess, Port, State
from neuropil.model.cell.cell import Cell
from neuropil.model.neuron.branched import Branched
from neuropil.units import ConductanceDensity, Time, cm, mS, ms, mV, nS, pA, um
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


class Flicker(Channel):
    """A leak whose size fluctuates: multiplicative noise."""

    g: ConductanceDensity = 0.05 * mS / cm**2
    tau: Time = 6 * ms
    y = State(1.0)
    v = Input(mV)
    noise = Input(1.0)

    def current(self, s, x):
        return self.g * s.y * (x.v + 60 * mV)

    def derivative(self, s, x):
        return {"y": (1 - s.y) / self.tau + 0.3 * s.y * x.noise / sqrt(self.tau * ms)}


class Background(PointProcess):
    """A conductance that fluctuates, additive noise, to which events add."""

    tau: Time = 3 * ms
    g = State(0.5 * nS)
    v = Input(mV)
    noise_g = Input(1.0)
    exc = Port(nS)

    def current(self, s, x):
        return s.g * x.v

    def derivative(self, s, x):
        return {"g": (0.5 * nS - s.g) / self.tau + 0.2 * nS * sqrt(2 / (self.tau * ms)) * x.noise_g}

    def receive(self, s, w):
        return {"g": w.exc}


def ball_and_stick() -> Cell:
    build = Morphology.builder("ball and stick")
    build.section("soma", kind="soma", length=20 * um, diameter=18 * um)
    build.section("stick", kind="apical", length=120 * um, diameter=[3, 1.5] * um, parent="soma")
    cell = Cell(build.build(), discretisation=FixedCount(3), initial=-68 * mV)
    cell.paint("all", Leak(), name="leak")
    cell.paint("stick", HCurrent(), name="h").paint("all", Flicker(), name="flicker").place("background", Background(), ["stick(0.5)", "soma(0.5)"])
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
        within: parameters of parts and channels that may be changed while it runs.
        recorded: what else may be probed, a key of `RECORDED`.
    """

    make: Any
    ports: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    tunable: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()


RECORDED: dict[str, Any] = {
    "leak": Expression(lambda s, p: p.c_m * (p.e_l - s.v) / p.tau_m, name="leak"),
    "through": Expression(lambda s, p: p.g_l * (p.e_l - s.v), name="through"),
    "slope": Expression(lambda s, x, p: p.derivative(s, x)["v"], name="slope"),
    "given": Expression(lambda s, x, p: p.output(s, x), part="branch", name="given"),
    "gate": Expression(lambda s, x, p: p.g * s.m * (x.v - p.e), part="h", name="gate"),
    "electrodes": LineSource(np.array([[30.0, 10.0, 0.0], [80.0, -40.0, 5.0]]) * um, name="electrodes"),
    **{name: name for name in ("current", "exc", "branch.exc", "i_membrane", "i_injected", "i_flicker", "i_background", "flicker.noise", "background.noise_g", "ampa.exc")},
}
"""Probes of inputs, events, currents, potentials and expressions."""

READS = {"leak": {"tau_m"}, "through": {"g_l"}}
"""Parameters that they read; "slope" reads all."""

_LIF: dict[str, Any] = {"ports": {"exc": 500 * pA, "inh": -500 * pA}, "inputs": {"current": 400 * pA}, "recorded": ("leak", "current", "exc", "slope")}

KINDS: dict[str, Kind] = {
    "lif": Kind(LIFExp, **_LIF, states=("v", "i_exc"), tunable=("tau_m", "tau_exc")),
    "intrinsic": Kind(IntrinsicLIF, **_LIF, states=("v", "offset"), tunable=("tau_inh",)),
    "escape": Kind(Restless, **_LIF, states=("v", "i_inh", "i_noise", "gain"), tunable=("tau_m", "tau_noise")),
    "adex": Kind(AdEx, {"exc": 20 * nS, "inh": 5 * nS}, {"current": 700 * pA}, ("v", "w"), ("tau_w", "g_l"), recorded=("through", "current", "slope")),
    "eif": Kind(ExponentialLIF, {"exc": 100 * pA, "inh": -50 * pA}, {"current": 80 * pA}, ("v",), ("g_l",), recorded=("through", "exc", "slope")),
    "branched": Kind(
        lambda: Branched(LIFExp(), Twig(), 2, reads={"v_soma": "v"}), {"exc": 500 * pA, "branch.exc": 20 * mV}, {"current": 300 * pA}, ("v", "branch.v"),
        within=("branch.tau", "branch.g_c"), recorded=("given", "branch.exc", "current"),
    ),
    "cell": Kind(
        ball_and_stick, {"ampa.exc": 2 * nS, "background.exc": 1 * nS}, {}, ("v", "h.m", "ampa.g", "flicker.y", "background.g"),
        within=("h.g", "leak.g", "flicker.tau", "background.tau"),
        recorded=("gate", "electrodes", "i_membrane", "i_flicker", "i_background", "flicker.noise", "background.noise_g", "ampa.exc"),
    ),
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


SHARED = ("convolution", "pooling")
"""Forms of weights that many synapses share."""

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
    recorded: tuple[tuple[int, str], ...] = ()
    graded: tuple[tuple[int, int, str], ...] = ()  # indices of the source and the target, and the form of the weights
    shared: tuple[tuple[int, int, str, str], ...] = ()  # likewise, and the port, or "" of graded ones


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
    changed = {name for _, name in modulated}
    free = [(k, key) for k, name in enumerate(kinds, 1) for key in KINDS[name].recorded if not changed or (key != "slope" and not READS.get(key, set()) & changed)]
    recorded = tuple(dict.fromkeys(pick(free) for _ in range(2)))
    shared = []
    for _ in range(int(g.integers(0, 3))):
        spiking = not point or g.random() < 0.6
        source, target = (int(g.integers(0, len(kinds) + 1)), int(g.integers(1, len(kinds) + 1))) if spiking else (pick(point), pick(point))
        shared.append((source, target, pick(SHARED), pick(KINDS[kinds[target - 1]].ports) if spiking else ""))
    return Structure(*rest, recorded, graded, tuple(shared))


def synapse_of(name: str) -> tuple[Any, Any]:
    """(model, weight) of a synapse by its name, with the parameters that make it do all it can."""
    use = synapse_use(name)
    return synapse(name)(**use.given), use.weight
