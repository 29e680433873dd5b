"""Random networks of a structure: every number is drawn by Hypothesis, so that a failing one can be made smaller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fuzz.structures import KINDS, RECORDED, SOURCES, Structure, Wire, synapse_of
from neuropil.maths import sigmoid
from neuropil.model import (
    AllToAll,
    Blocks,
    Circulant,
    Convolution,
    Distribution,
    Edges,
    FirstOrder,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    Gain,
    Graded,
    InhomogeneousPoisson,
    Kronecker,
    LogNormal,
    Network,
    Noise,
    Normal,
    OneToOne,
    Permutation,
    Poisson,
    Pooling,
    Regular,
    Rewiring,
    Signal,
    Sine,
    SpikeList,
    Step,
    TimeArray,
    Uniform,
)
from neuropil.model.network.changes import sites_of
from neuropil.units import Hz, Quantity, ms, mV, nM, nS, um


def release(s: Any, p: Any) -> Any:
    """What graded projections transmit, 0 to 1."""
    return sigmoid((s.v + 55 * mV) / (5 * mV))


LARGEST = 9
"""Neurons of a population."""


@dataclass
class Case:
    """A network and what is done with it.

    Attributes:
        network, dt, steps, seed: what runs.
        weights: before a step, by projection: new weights in base units, one for all.
        plastic: from a step on: whether plasticity is on.
        settings: before a step, what `Simulation.set` is given.
        chunks: in how many steps at a time the second run goes; threads: of the runs; cut: where the third is interrupted.
        starts: whether a simulation starts from a snapshot taken there, too.
    """

    network: Network
    dt: Quantity
    steps: int
    seed: int
    weights: dict[int, dict[str, float]] = field(default_factory=dict)
    plastic: dict[int, bool] = field(default_factory=dict)
    chunks: list[int] = field(default_factory=list)
    threads: tuple[int, int, int] = (1, 2, 3)
    cut: int = 0
    starts: bool = False
    signals: dict[str, dict[int, float]] = field(default_factory=dict)
    settings: dict[int, list[tuple[Any, dict[str, Any]]]] = field(default_factory=dict)


class Drawing:
    """Draws the numbers of one network."""

    def __init__(self, data: Any, structure: Structure):
        self.draw, self.structure = data.draw, structure
        self.h = self.one_of([0.1, 0.05, 0.2, 0.25, 1 / 3])
        self.dt = self.h * ms
        self.steps = self.whole(40, 160)
        self.network = Network("fuzz")

    def whole(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def number(self, low: float, high: float) -> float:
        return float(self.draw(st.floats(low, high, allow_subnormal=False)))

    def one_of(self, options: Any) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def maybe(self) -> bool:
        return bool(self.draw(st.booleans()))

    def array(self, low: float, high: float, *shape: int) -> np.ndarray:
        return np.random.default_rng(self.whole(0, 2**31)).uniform(low, high, shape)

    def value(self, typical: Any, *shape: int, drawn: bool = True) -> Any:
        """A value near a typical one: a number, a distribution, or an array of a shape."""
        unit = Quantity(1.0, typical.dimension) if isinstance(typical, Quantity) else 1.0
        v = float(getattr(typical, "value", typical))
        low, high = sorted((0.5 * v, 1.5 * v))
        kind = self.one_of(["number", "uniform", "normal", "lognormal", "array"] if drawn else ["number"])
        if kind == "uniform":
            return Uniform(low * unit, high * unit)
        if kind == "normal":
            return Normal(v * unit, 0.3 * abs(v) * unit, **({"low": 0.0 * unit} if v > 0 else {"high": 0.0 * unit}))
        if kind == "lognormal" and v > 0:
            return LogNormal(v * unit, 0.5 * v * unit)
        if kind == "array" and shape:
            return self.array(low, high, *shape) * unit
        return self.number(low, high) * unit

    def some(self, population: Any) -> Any:
        """A population, or a view of some of its neurons in some order."""
        kind, n = self.one_of(["all", "slice", "mask", "list", "one"]), population.size
        first = self.whole(0, n - 1)
        if kind == "slice":
            return population[first :: self.one_of([1, 2, -1])]
        if kind == "mask":
            return population[(np.arange(n) == first) | (self.array(0, 1, n) < 0.6)]
        if kind == "list":
            return population[np.argsort(self.array(0, 1, n))[first:]]
        return population[first] if kind == "one" else population

    # --- the parts ---------------------------------------------------------------------------------------------------

    def case(self) -> Case:
        net, s = self.network, self.structure
        source = SOURCES[s.source]()
        if s.source == "poisson":
            source = source.with_(rate=self.number(20, 200) * Hz)
        pops = [net.population("source", source, self.whole(1, LARGEST))]
        if s.source == "relay":
            net.stimulate(pops[0], Poisson(self.number(20, 200) * Hz), port="spikes", weight=1.0)
        for k, name in enumerate(s.kinds, 1):
            pops.append(self.population(f"{name}{k}", name, [p for j, p in s.modulated if j == k]))
        for pop, (port, kind), name in zip(pops[1:], s.events, s.kinds, strict=True):
            driven = self.some(pop)
            net.stimulate(driven, self.events(kind, driven.size), port=port, weight=self.value(KINDS[name].ports[port]))
        point = [(pop, name) for pop, name in zip(pops[1:], s.kinds, strict=True) if KINDS[name].inputs]
        for (pop, name), (entry, kind) in zip(point, s.currents, strict=True):
            driven = self.some(pop)
            net.stimulate(driven, self.current(kind, driven.size, KINDS[name].inputs[entry]), input=entry)
        made = [self.project(pops, wire) for wire in s.wires]
        for k, variable in s.probes:
            net.probe(self.some(pops[k]), variable, interval=None if self.maybe() else self.whole(1, 20) * self.dt)
        for k, key in s.recorded:
            start = 0 * self.dt if self.maybe() else None
            net.probe(self.some(pops[k]), RECORDED[key], interval=self.one_of([None, 3 * self.dt]), start=start, name=f"{key} of {k}")
        if s.coupled:
            self.couple(self.some(point[0][0]), point[0][1])
        for first, second, form in s.graded:
            self.graded(pops[first], pops[second], KINDS[s.kinds[second - 1]], form)
        for first, second, form, port in s.shared:
            self.shared(pops[first], pops[second], KINDS[s.kinds[second - 1]], form, port)
        signals = self.modulate(pops) if s.modulated else {}
        learning = [p for p, wire in zip(made, s.wires, strict=True) if wire.synapse and not wire.rewired and "weight" in p.synapse.spec.states]
        if s.normalised and learning:
            typical = next(synapse_of(wire.synapse)[1] for p, wire in zip(made, s.wires, strict=True) if p is learning[0] and wire.synapse)
            net.normalise(learning[0], self.value(1.8 * typical, drawn=False), interval=self.whole(5, 60) * self.dt)
        if s.watched and learning:
            net.probe(learning[0], "weight", interval=self.whole(5, 30) * self.dt, start=self.whole(0, 20) * self.dt if self.maybe() else None)
        return self.acts(Case(net, self.dt, self.steps, self.whole(0, 2**31), signals=signals), made)

    def population(self, name: str, kind: str, modulated: list[str]) -> Any:
        size, model = self.whole(1, LARGEST), KINDS[kind].make()
        if getattr(type(model), "refractory", None):  # on the grid of the step
            model = model.with_(**{type(model).refractory: self.whole(1, 40) * self.dt})
        for parameter in KINDS[kind].tunable[:1]:
            if parameter not in modulated and self.maybe():
                model = model.with_(**{parameter: self.value(getattr(model, parameter), size)})
        positions = self.array(-100, 100, size, 3) * um if kind == "cell" else None
        return self.network.population(name, model, size, positions=positions)

    def events(self, kind: str, size: int) -> Any:
        if kind == "poisson":
            return Poisson(self.number(0, 3000) * Hz)
        if kind == "regular":
            start = self.whole(1, 60)
            bounds = {"start": start * self.dt, "stop": (start + self.whole(0, 100)) * self.dt} if self.maybe() else {}
            return Regular(self.whole(1, 100) * self.dt, **bounds)
        if kind == "list":
            n = self.whole(0, 20)
            return SpikeList(np.floor(self.array(1, self.steps, n)) * self.dt, np.floor(self.array(0, size, n)).astype(int) if self.maybe() else None)
        shape = (self.whole(1, 5), *([size] if self.maybe() else []))
        return InhomogeneousPoisson(self.array(0, 2000, *shape) * Hz, interval=self.whole(5, 80) * self.dt)

    def current(self, kind: str, size: int, typical: Any) -> Any:
        if kind == "step":
            start = self.whole(0, 50)
            return Step(self.value(typical, size), start=start * self.dt, stop=None if self.maybe() else (start + self.whole(1, 150)) * self.dt)
        if kind == "sine":
            return Sine(self.value(typical, size), self.number(1, 200) * Hz, phase=self.number(-3, 3))
        if kind == "noise":
            return Noise(self.value(typical, drawn=False), 0.5 * typical, interval=None if self.maybe() else self.whole(1, 20) * self.dt)
        unit = Quantity(1.0, typical.dimension)
        return TimeArray(self.array(0, 1.5 * typical.value, self.whole(1, 5), size) * unit, interval=self.whole(5, 100) * self.dt)

    def rule(self, n: int, m: int) -> tuple[Any, tuple[int, ...]]:
        """A rule, and the shape of arrays with a value per synapse where it has one."""
        kind = self.one_of(["all", "one", "probability", "edges", "in", "out", "total"])
        me, several = self.maybe(), self.maybe()
        if kind == "one" and n == m:
            return OneToOne(), (n,)
        if kind == "edges":
            e = self.whole(0, 30)
            return Edges(np.floor(self.array(0, n, e)).astype(int), np.floor(self.array(0, m, e)).astype(int)), (e,)
        if kind == "in":
            return FixedInDegree(self.whole(0, n - 1), allow_self=me, allow_multiple=several), ()
        if kind == "out":
            return FixedOutDegree(self.whole(0, m - 1), allow_self=me, allow_multiple=several), ()
        if kind == "total":
            return FixedTotal(self.whole(0, max(0, n * m // 2 - 1)), allow_self=me, allow_multiple=True), ()
        if kind == "probability":
            return FixedProbability(self.one_of([0.0, 0.1, 0.5, 1.0]), allow_self=me), ()
        return AllToAll(allow_self=me), (n, m)

    def delay(self, shape: tuple[int, ...]) -> Any:
        kind = self.one_of(["step", "whole", "uniform", "lognormal", "array"])
        if kind == "uniform":
            return Uniform(1.0 * self.dt, self.number(2, 30) * self.dt)
        if kind == "lognormal":
            return LogNormal(8.0 * self.dt, 12.0 * self.dt, low=1.0 * self.dt, high=200.0 * self.dt)
        if kind == "array" and shape:
            return np.floor(self.array(1, 25, *shape)) * self.dt
        return (1 if kind == "step" else self.whole(1, 40)) * self.dt

    def project(self, pops: list[Any], wire: Wire) -> Any:
        source, target = self.some(pops[wire.source]), self.some(pops[wire.target])
        rule, shape = (FixedProbability(0.4), ()) if wire.rewired else self.rule(source.size, target.size)
        options: dict[str, Any] = {}
        if wire.rewired:
            form = None if self.maybe() else self.number(0, 50) * Hz
            options["structure"] = Rewiring(self.whole(5, 60) * self.dt, eliminate=self.number(0, 20) * Hz, form=form)
        if wire.synapse is None:
            weight = 2 * KINDS[self.structure.kinds[wire.target - 1]].ports[wire.port]
            options["port"] = wire.port
        else:
            model, weight = synapse_of(wire.synapse)
            options |= {"synapse": model, "clock_driven": wire.clock_driven, "input" if wire.port == "current" else "port": wire.port}
            options |= {"response_delay": self.whole(1, 20) * self.dt} if wire.late else {}
        made = self.network.project(source, target, rule, weight=self.value(weight, *shape), delay=self.delay(shape), **options)
        return made[0]

    def graded(self, source: Any, target: Any, kind: Any, form: str) -> None:
        """Release that grows with the potential flows into an input, through weights of a form."""
        entry, amplitude = next(iter(kind.inputs.items()))
        weight: Any = self.number(-0.1, 0.2) * amplitude
        delay: Any = self.whole(0, 12) * self.dt
        pre, post, rule, n = self.some(source), self.some(target), AllToAll(), 0
        if form in ("rule", "delays"):
            rule, shape = self.rule(pre.size, post.size)
            weight = self.value(0.1 * amplitude, *shape)
            delay = self.delay(shape) if form == "delays" else delay
        elif form == "all":
            weight = self.value(0.1 * amplitude, pre.size, post.size)
        else:
            n = self.whole(1, min(source.size, target.size))
            pre, post = source[:n], target[target.size - n :]
        if form == "circulant":
            weight = Circulant(weight * self.array(0, 1, n))
        elif form == "permutation":
            weight = Permutation(np.argsort(self.array(0, 1, n)), weight)
        elif form == "kronecker":
            a, b = (n // 2, 2) if n % 2 == 0 else (n, 1)
            weight = Kronecker(self.array(0, 1, a, a), weight * self.array(0, 1, b, b))
        elif form == "blocks":
            weight = Blocks(weight * (self.array(0, 1, n, 1, 1) if self.maybe() else self.array(0, 1, 1, n, n)))
        self.network.project(pre, post, rule, weight=weight, delay=delay, input=entry, synapse=Graded(release))

    def shared(self, source: Any, target: Any, kind: Any, form: str, port: str) -> None:
        """Spikes or what is graded through a convolution or pooling: some neurons of the source are channels of a line or a plane, some of the target see them."""
        sizes = [(c, *axes) for c in (1, 2) for axes in [(a,) for a in range(1, 10)] + [(a, b) for a in (1, 2, 3) for b in (1, 2, 3)] if c * int(np.prod(axes)) <= source.size]
        shape = self.one_of(sizes)
        size, moves = [self.whole(1, n) for n in shape[1:]], {"stride": self.whole(1, 3), "padding": self.whole(0, 1)}
        entry, amplitude = next(iter(kind.inputs.items())) if not port else (None, kind.ports[port])
        unit, channels = (0.1 if not port else 1.5) * amplitude, 1

        def made() -> Any:
            if form == "pooling":
                return Pooling(shape, size, self.number(-0.5, 1.0) * unit, **moves)
            kernel = self.array(-0.5, 1.0, channels, shape[0] // groups, *size)
            return Convolution(kernel * unit, shape, **moves, groups=groups, dilation=1)

        groups = channels = shape[0] if form == "convolution" and self.maybe() else 1
        if int(np.prod(made().target_shape)) > target.size:  # a window over all: one position
            size, moves, shape = list(shape[1:]), {"stride": 1, "padding": 0}, (1, *shape[1:])
            groups = channels = 1
        channels *= self.whole(1, max(1, target.size // int(np.prod(made().target_shape)))) if form == "convolution" else 1
        weight = made()
        order = np.argsort(self.array(0, 1, target.size)) if self.maybe() else np.arange(target.size)
        pre, post = source[source.size - weight.shape[0] :], target[order[: weight.shape[1]]]
        how: dict[str, Any] = {"port": port} if port else {"input": entry, "synapse": Graded(release)}
        self.network.project(pre, post, AllToAll(), weight=weight, delay=self.whole(1 if port else 0, 12) * self.dt, **how)

    def couple(self, pop: Any, kind: str) -> None:
        """Gap junctions within a population or a view of one, along a line or a part of it."""
        pairs = [(i, i + 1) for i in range(self.whole(0, pop.size - 1))]
        entry = next(iter(KINDS[kind].inputs))
        if pairs:
            self.network.couple((pop, entry), (pop, entry), pairs, g=self.number(0.1, 1.0) * nS)

    def modulate(self, pops: list[Any]) -> dict[str, dict[int, float]]:
        (k, parameter), tick = self.structure.modulated[0], self.whole(1, 30)
        if self.structure.modulator == "signal":
            m = self.network.modulator("m", Signal(), volume=[pops[k]], tick=tick * self.dt)
            m.modulates(pops[k], parameter, Gain(by=self.number(-0.4, 0.8)))
            return {"m": {tick * self.whole(0, 3): self.number(0, 1)}}
        m = self.network.modulator("m", FirstOrder(baseline=20 * nM, tau=40 * ms), volume=[pops[k]], tick=tick * self.dt)
        m.released_by(pops[0], 50 * nM)
        m.modulates(pops[k], parameter, lambda value, c: value * (1.0 + 0.3 * c / (c + 100 * nM)))
        return {}

    def near(self, typical: Any, size: int) -> Any:
        """A number near a typical one, or an array."""
        drawn = self.value(typical, size)
        return self.value(typical, drawn=False) if isinstance(drawn, Distribution) else drawn

    def setting(self) -> tuple[Any, dict[str, Any]]:
        """A parameter of some neurons, or a field of a stimulus, and its new value."""
        drives = [d for d in self.network.drives if d.follows is None and d.stream[0] != "noise"]  # noise of neurons' own has no fields
        pops = list(self.network.populations.values())[1:]
        if drives and self.maybe():
            drive = self.one_of(drives)
            return drive.name, self.field(drive)
        k = self.whole(0, len(pops) - 1)
        some, kind = self.some(pops[k]), KINDS[self.structure.kinds[k]]
        model = pops[k].models.get("", None)
        if model is not None and getattr(type(model), "refractory", None) and self.maybe():
            return some, {type(model).refractory: self.whole(1, 300) * self.dt}
        if not (kind.tunable or kind.within):
            return drives[0].name if drives else some, self.field(drives[0]) if drives else {}
        name = self.one_of(kind.tunable + kind.within)
        part, _, inner = name.rpartition(".")
        typical = getattr(kind.make() if not part else kind.make().models[part], inner)
        return some, {name: self.near(typical, some.size * sites_of(pops[k], part))}

    def field(self, drive: Any) -> dict[str, Any]:
        """A new value of a field of a stimulus."""
        stimulus, size = drive.stimulus, drive.size
        if drive.port is not None and self.maybe():
            typical = KINDS[self.structure.kinds[list(self.network.populations).index(drive.target.name) - 1]].ports.get(drive.port) if drive.target.name != "source" else 1.0
            return {"weight": self.near(typical, size)}
        if isinstance(stimulus, Poisson):
            return {"rate": self.near(self.number(1, 3000) * Hz, size)}
        if isinstance(stimulus, InhomogeneousPoisson):
            return {"rates": self.array(0, 2000, self.whole(1, 5)) * Hz}
        if isinstance(stimulus, Regular):
            return {"interval": self.whole(1, 60) * self.dt}
        if isinstance(stimulus, SpikeList):
            n = self.whole(0, 20)
            return {"times": np.floor(self.array(1, self.steps, n)) * self.dt, "neurons": np.floor(self.array(0, size, n)).astype(int) if self.maybe() else None}
        typical = KINDS[self.structure.kinds[list(self.network.populations).index(drive.target.name) - 1]].inputs[drive.input]
        name = {Step: "amplitude", Sine: "amplitude", Noise: "mean"}.get(type(stimulus))
        if name is not None:
            return {name: self.near(typical, size)}
        return {"values": self.array(0, 1.5 * typical.value, self.whole(1, 5)) * Quantity(1.0, typical.dimension)}

    def acts(self, case: Case, made: list[Any]) -> Case:
        """What is done between steps, and how the runs are divided."""
        if self.maybe():
            at = self.whole(1, case.steps - 1)
            chosen = self.one_of(made)
            if chosen.port is not None and chosen.structure is None:
                w = chosen.weight
                typical = float(w.quantile(0.5)) if isinstance(w, Distribution) else float(np.mean(w)) if np.size(w) else 0.0
                case.weights[at] = {chosen.name: typical * self.number(0, 1.5)}
        if self.maybe() and any(p.synapse is not None for p in made):
            off = self.whole(1, case.steps - 1)
            case.plastic = {off: False, off + self.whole(1, 60): True}
        for _ in range(self.whole(0, 3)):
            case.settings.setdefault(self.whole(0, case.steps - 1), []).append(self.setting())
        left = case.steps
        while left:
            case.chunks.append(min(left, self.whole(1, 80)))
            left -= case.chunks[-1]
        case.starts = self.whole(0, 4) == 0
        case.threads, case.cut = self.one_of([(1, 2, 3), (2, 3, 1), (3, 1, 2)]), self.whole(0, case.steps)
        return case
