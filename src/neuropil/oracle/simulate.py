"""The order of a time step, from t_k to t_{k+1}, for every neuron:

1. integrate the states with the inputs of t_k; the clamped states of a refractory neuron stay;
2. add the events that arrive at t_{k+1};
3. test the threshold or draw from the hazard; reset; start the refractory count; stamp the spike k + 1.

A refractory neuron does not spike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.model import Network, Population, Projection, StimulusConnection
from neuropil.model.base import grid
from neuropil.model.contents.contents import Probe
from neuropil.model.contents.per_synapse import differs
from neuropil.model.network.changes import parameter_changes, sites_of, stimulus_changed, target_of, with_followers
from neuropil.model.network.membership import require_member
from neuropil.model.network.validate import validate
from neuropil.model.neuron.composite import split
from neuropil.model.probe.upkeep import Normalisation, SynapseProbe
from neuropil.oracle.cable import Cells, Sites
from neuropil.oracle.events import Synapses
from neuropil.oracle.graded import GradedSynapses
from neuropil.oracle.groups import Group, Running, running
from neuropil.oracle.integrate import Array, States
from neuropil.oracle.modulate import Given, Modulators
from neuropil.oracle.probes import samples_of
from neuropil.oracle.stimuli import Source
from neuropil.oracle.synapses import StatefulSynapses
from neuropil.result.spikes import Spikes
from neuropil.units import Quantity, magnitude, ms


@dataclass(frozen=True, eq=False)
class OracleResult:
    """What a run left.

    Attributes:
        spikes: `.step` (k + 1 for a spike of step k) and `.neuron` (global index), sorted by both.
        traces: probe name -> values [samples, neurons], base units; the first sample is one interval after the start.
        states: population -> state -> final values, base units, of every site neuron by neuron.
        modulators: trace -> concentrations at its ticks, base units; the first is of t = 0.
        synapses: name of a projection whose synapses have states (or come and go) -> "source", "target", "weight" and the
            states, final values, by source.
    """

    spikes: Spikes
    traces: dict[str, Array]
    states: dict[str, States]
    synapses: dict[str, States]
    modulators: dict[str, Array]


def simulate(
    network: Network,
    duration: Quantity,
    *,
    dt: Quantity = 0.1 * ms,
    seed: int = 1,
    edges: Mapping[int | str, tuple[Any, ...]] | None = None,
    modulators: Mapping[int, float] | None = None,
    signals: Given | None = None,
    doses: Given | None = None,
    changes: Mapping[int, Mapping[str, Mapping[str, Any]]] | None = None,
    held: Mapping[int, Mapping[str, tuple[str, ...] | None]] | None = None,
    settings: Mapping[int, Sequence[tuple[Any, Mapping[str, Any]]]] | None = None,
) -> OracleResult:
    """Run a network, slowly, in float64.

    Args:
        duration, dt: times; the duration is a multiple of dt.
        edges: synapses of projections that are drawn at random, by the index of the projection in
            `network.projections`, or of graded ones by name: (pre, post, weight in the port's base unit, delay in steps) and, for a port with
            several sites, the site of each; last, what distinguishes each from the others in draws of its own (of noise, of
            parameters): its index in the list, if left out, which is not the engine's between views (`numbered_edges`).
        modulators: value of the signal of synapses that read one, by the index of the projection; 0 otherwise.
        signals, doses: of the network's modulators by name: the signal from a step on, and what is given at a step.
        changes: before a step, by the name of a projection: new values of "weight" or of states, base units, for its synapses
            sorted by source.
        held: from a step on, by the name of a projection: the states that do not change while its plasticity is off, which
            stops rewiring too; None: it is on again.
        settings: before a step, one after the other: a population, view or stimulus (or its name), and new values of its parameters by
            name, as of `Simulation.set`.
        seed: of every random stream.

    Returns:
        Spikes, probes and the concentrations of modulators.

    Raises:
        NetworkError: a network that does not fit the time step.
        ModelError: a projection whose synapses would have to be drawn.
        SimulationError: a state that is no longer finite.
    """
    validate(network, dt)
    h = float(magnitude(dt, ms.dimension, "dt"))
    steps = grid.steps(magnitude(duration, ms.dimension, "duration"), h, "the duration", least=0)
    unknown = set(edges or {}) - set(range(len(network.projections))) - {p.name for p in network.graded}
    if unknown:
        raise ModelError("edges for projections that do not exist", got=sorted(map(str, unknown)), expected=f"below {len(network.projections)}, or names of graded ones")
    world = _World(network, h, steps, seed, dict(edges or {}), dict(modulators or {}))
    modulation = Modulators(network, h, signals or {}, doses or {}, world.parameter, world.change)
    traces = _Traces(network, world, h)
    normalisations = [(n, grid.steps(n.interval, h, "the interval of normalise")) for n in network.normalisations]
    stamps, neurons = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for k in range(steps):
        for name, values in (changes or {}).get(k, {}).items():
            world.rewrite(name, values)
        for target, given in (settings or {}).get(k, ()):
            world.set(target, given, k, modulation)
        for name, states in (held or {}).get(k, {}).items():
            next(a for a in world.stateful if a.projection.name == name).held = states
        if k == 0:
            traces.begin(network.synapse_probes)
        modulation.before(k)
        for n, steps_between in normalisations:
            if k % steps_between == 0:
                world.normalise(n)
        x, w = world.arriving(k)
        if k == 0:
            traces.begin(network.probes)
        fired = world.step(k, x, w)
        modulation.after(fired)
        who = np.concatenate([world.groups[n].pop.first + np.flatnonzero(f) for n, f in fired.items()])
        stamps.append(np.full(who.size, k + 1))
        neurons.append(who)
        traces.sample(k + 1)
    spans = {n: (p.first, p.size) for n, p in network.populations.items()}
    return OracleResult(
        Spikes(np.concatenate(stamps), np.concatenate(neurons), spans, h),
        traces.values(),
        {name: g.s for name, g in world.groups.items()},
        {a.projection.name: {"source": a.pre, "target": a.post, "weight": a.weight, **a.s} for a in world.stateful},
        {name: np.array(values) for name, values in modulation.traces.items()},
    )


class _World:
    """A network while it runs."""

    def __init__(self, network: Network, h: float, steps: int, seed: int, edges: dict[int | str, Any], modulators: dict[int, float]):
        self.network, self.h, self.seed, populations, projections = network, h, seed, network.populations, network.projections
        self.groups: dict[str, Running] = {name: running(pop, h, seed) for name, pop in populations.items()}
        self.synapses = [Synapses(p, h, seed, edges.get(i)) for i, p in enumerate(projections) if not p.per_synapse]
        self.stateful = [
            StatefulSynapses(p, h, seed, edges.get(i), modulators.get(i, 0.0)) for i, p in enumerate(projections) if p.per_synapse
        ]
        self.graded = [GradedSynapses(p, h, seed, edges.get(p.name)) for p in network.graded]
        self.sources = [Source(d, h, steps, seed) for d in network.drives]
        specs = {name: pop.neuron.spec for name, pop in populations.items()}
        self.inputs = {name: {i: pop.size * pop.sites(i) for i in specs[name].inputs} for name, pop in populations.items()}
        self.ports = {name: {p: pop.size * pop.sites(p) for p in specs[name].ports} for name, pop in populations.items()}

    def parameter(self, target: Population | Projection, name: str) -> tuple[Any, Array | None]:
        """A parameter's value in the description, and, where there is not one for each cell, which cell each value is of."""
        if isinstance(target, Projection):
            alive = next(a for a in self.stateful if a.projection is target)
            drawn = differs(getattr(target.synapse, name))
            return (alive.parameters[name], alive.post) if drawn else (float(getattr(target.synapse, name).value), None)
        part, inner = split(name)
        values = self.group(target, part).parameters[inner]
        return values, np.repeat(np.arange(target.size), values.size // target.size)

    def group(self, population: Population, part: str) -> Group | Sites:
        """The neurons of a population, or the sites of a part, a channel or a point process."""
        sites: Group | Sites = self.groups[population.name].group(part)
        return sites

    def change(self, target: Population | Projection, values: dict[str, Any]) -> None:
        """Give parameters of a target new values."""
        if isinstance(target, Projection):
            return next(a for a in self.stateful if a.projection is target).change(values)
        for part in dict.fromkeys(split(n)[0] for n in values):
            self.group(target, part).change({split(n)[1]: v for n, v in values.items() if split(n)[0] == part})

    def set(self, target: Any, values: Mapping[str, Any], k: int, modulation: Modulators) -> None:
        """Change parameters of neurons, or a stimulus, before step k."""
        require_member((self.network,), target, "set")
        found = target_of(self.network, target)
        if isinstance(found, StimulusConnection):
            drives = [source.drive for source in self.sources]
            index = next(j for j, d in enumerate(self.network.drives) if d is found)
            for j, twin in with_followers(drives, index, stimulus_changed(drives[index], values, self.h)):
                self.sources[j] = self.sources[j].with_drive(twin)
            return
        for change in parameter_changes(self.network, found, values, self.h):
            population, inner = change.population, split(change.name)[1]
            group = self.group(population, change.part)
            before = modulation.base.get((id(population), change.name), (group.parameters[inner], None))[0]
            before = before.reshape(population.size, -1)
            after = np.array(np.broadcast_to(change.applied(before, sites_of(population, change.part)), before.shape)).ravel()
            group.change({inner: after})
            if k == 0 and isinstance(group, Group):
                group.start_at(inner, before.ravel())
            elif k == 0 and isinstance(cells := self.groups[population.name], Cells):
                cells.start(self.seed)
            modulation.rebase(population, change.name, after, k)

    def synaptic(self, projection: Projection, name: str, chosen: Array | None = None) -> tuple[Array, Array, Any]:
        """A state, or "weight", of the (chosen) synapses of a projection by source; the target of each; what keeps them."""
        which = slice(None) if chosen is None else chosen
        for alive in (a for a in self.stateful if a.projection is projection):
            return alive.s.get(name, alive.weight)[which], alive.post[which], alive
        kept = next(s for s in self.synapses if s.projection is projection)
        order = np.argsort(kept.pre, kind="stable")[which]
        return kept.weight[order], kept.post[order] // projection.sites, kept

    def normalise(self, n: Normalisation) -> None:
        """Scale what arrives at each target to a total."""
        values, post, kept = self.synaptic(n.projection, n.variable)
        if getattr(kept, "held", None) is None:
            self.rewrite(n.projection.name, {n.variable: n.scaled(values, post)})

    def rewrite(self, projection: str, values: Mapping[str, Any]) -> None:
        """Give the synapses of a projection, sorted by source, other weights or states."""
        for synapse in (s for s in self.synapses if s.projection.name == projection):
            synapse.weight = np.empty(synapse.pre.size)
            synapse.weight[np.argsort(synapse.pre, kind="stable")] = values["weight"]
        for alive in (a for a in self.stateful if a.projection.name == projection):
            for name, value in values.items():
                if name in alive.s:
                    alive.s[name] = np.array(np.broadcast_to(value, alive.pre.size), float)
                else:
                    alive.weight = np.array(np.broadcast_to(value, alive.pre.size), float)

    def arriving(self, k: int) -> tuple[dict[str, States], dict[str, States]]:
        """Inputs during step k and weights that arrive at its end, by population and full name; all have taken in their inputs."""
        x, w = self._arriving(k)
        for name, group in self.groups.items():
            group.begin(x[name])
        return x, w

    def step(self, k: int, x: dict[str, States], w: dict[str, States]) -> dict[str, Array]:
        """From t_k to t_{k+1} with what `arriving` gave; returns who spiked, bool per neuron by population."""
        with np.errstate(over="ignore"):
            fired = {name: g.step(k, x[name], w[name]) for name, g in self.groups.items()}
        for synapse in self.synapses:
            synapse.send(fired[synapse.source], k + 1)
        for alive in self.stateful:
            alive.send(fired[alive.source], fired[alive.target], k + 1)
        return fired

    def _arriving(self, k: int) -> tuple[dict[str, States], dict[str, States]]:
        """Inputs during the step and weights at its end, by population and full name."""
        x = {name: {i: np.zeros(n) for i, n in sizes.items()} for name, sizes in self.inputs.items()}
        w = {name: {p: np.zeros(n) for p, n in sizes.items()} for name, sizes in self.ports.items()}
        for source in self.sources:
            if source.drive.input is not None:
                x[source.drive.target.name][source.drive.input] += source.current(k)
            elif source.drive.port is not None:
                w[source.drive.target.name][source.drive.port] += source.events(k)
        # Per-synapse projections add one event after the other to what stimuli brought; the exact sums of the others join last.
        for alive in self.stateful:
            flow = alive.step(k, partial(self.groups[alive.target].observed, alive.projection.part), None if alive.port is None else w[alive.target][alive.port])
            if alive.input is not None:
                x[alive.target][alive.input] += flow
        for synapse in self.synapses:
            assert synapse.port is not None
            w[synapse.target][synapse.port] += synapse.arrive(k + 1)
        for coupling, (mine, other, side) in ((c, pair) for c in self.network.couplings for pair in c.directed):
            entry, there = x[mine.population.name][mine.input], self.groups[other.population.name].observed(other.part, "v")[other.flat_index]
            if mine.half:
                entry[mine.flat_index] = there
            else:
                here = self.groups[mine.population.name].observed(mine.part, "v")[mine.flat_index]
                np.add.at(entry, mine.flat_index, coupling.flow(here, there, side))
        for graded in self.graded:
            p = graded.projection
            x[p.target.name][str(p.input)] += graded.flow(*self.groups[p.source.name].read(p.value.part))
        return x, w


class _Traces:
    """The samples of all probes."""

    def __init__(self, network: Network, world: _World, h: float):
        probes: list[Probe | SynapseProbe] = [*network.probes, *network.synapse_probes]
        self.steps = {p.name: p.steps(h) for p in probes}
        self.sample_of = {p.name: samples_of(p, world) for p in network.probes} | {p.name: partial(_synaptic, world, p) for p in network.synapse_probes}
        self.samples: dict[str, list[Array]] = {p.name: [] for p in probes}
        self.columns = {p.name: p.columns.size for p in network.probes}  # those of synapses may rewire

    def begin(self, probes: Iterable[Probe | SynapseProbe]) -> None:
        """The samples at t = 0 of those among the `probes` that start there."""
        for probe in probes:
            if self.steps[probe.name][0] == 0:
                self.samples[probe.name].append(self.sample_of[probe.name]())

    def sample(self, step: int) -> None:
        """The samples after a step."""
        for name, (first, every) in self.steps.items():
            if step >= max(first, 1) and (step - first) % every == 0:
                self.samples[name].append(self.sample_of[name]())

    def values(self) -> dict[str, Array]:
        """Of every probe, [samples, columns]."""
        columns = {n: self.columns[n] if n in self.columns else self.sample_of[n]().size for n in self.samples}
        return {name: np.array(samples).reshape(len(samples), columns[name]) for name, samples in self.samples.items()}


def _synaptic(world: _World, probe: SynapseProbe) -> Array:
    return world.synaptic(probe.projection, probe.variable, probe.chosen)[0]
