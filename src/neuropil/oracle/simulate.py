"""The order of a time step, from t_k to t_{k+1}, for every neuron:

1. integrate the states with the inputs of t_k; the clamped states of a refractory neuron stay;
2. add the events that arrive at t_{k+1};
3. test the threshold or draw from the hazard; reset; start the refractory count; stamp the spike k + 1.

A refractory neuron does not spike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil import rng
from neuropil.errors import ModelError, SimulationError
from neuropil.model import Network, Neuron, Population
from neuropil.model.validate import validate
from neuropil.oracle.events import Source, Synapses, per_neuron
from neuropil.oracle.integrate import Array, Integrator, States
from neuropil.oracle.synapses import LivingSynapses
from neuropil.result.spikes import Spikes
from neuropil.units import Quantity, magnitude, ms


@dataclass(frozen=True, eq=False)
class OracleResult:
    """What a run left.

    Attributes:
        spikes: `.step` (k + 1 for a spike of step k) and `.neuron` (global index), sorted by both.
        traces: probe name -> values [samples, neurons], base units; the first sample is one interval after the start.
        states: population -> state -> final values, base units.
        synapses: name of a projection whose synapses have states (or come and go) -> "pre", "post", "weight" and the
            states, final values, by source.
    """

    spikes: Spikes
    traces: dict[str, Array]
    states: dict[str, States]
    synapses: dict[str, States]


class Group:
    """The neurons of one population while they run."""

    def __init__(self, pop: Population, dt: float, seed: int):
        self.pop, self.dt = pop, dt
        model, spec = pop.neuron, pop.neuron.spec
        self.parameters = {
            name: per_neuron(getattr(model, name), pop.size, seed, "parameter", pop.name, name) for name in spec.parameters
        }
        self.s: States = {}
        for name, state in spec.states.items():
            start = pop.initial.get(name, state.initial)
            start = self.parameters[start] if isinstance(start, str) else start
            self.s[name] = per_neuron(start, pop.size, seed, "initial", pop.name, name)
        self.integrator = Integrator(model, self.parameters, pop.size, dt)
        self.equations = self.integrator.equations
        self.left = np.zeros(pop.size, int)  # refractory steps to go
        refractory = type(model).refractory
        self.count = np.rint(self.parameters[refractory] / dt).astype(int) if refractory else np.zeros(pop.size, int)
        self.stochastic = type(model).hazard is not Neuron.hazard
        self.key = rng.stream_key(seed, "hazard", pop.name)

    def step(self, k: int, x: States, w: States) -> Array:
        """Advance from t_k to t_{k+1}; returns who spiked."""
        before, held = self.s, self.left > 0
        s = self.integrator.advance(before, x, held)
        for name, increment in self.equations.receive(s, w).items():
            deaf = held & (name in type(self.pop.neuron).clamps)
            s[name] = s[name] + np.where(deaf, 0.0, increment)
        fired = self._spikes(before, s, k) & ~held
        for name, value in self.equations.reset(s).items():
            s[name] = np.where(fired, value, s[name])
        self.left = np.where(fired, self.count, np.maximum(self.left - 1, 0))
        self.s = s
        self._check(k)
        return fired

    def _spikes(self, before: States, after: States, k: int) -> Array:
        if self.stochastic:
            chance = -np.expm1(-self.equations.hazard(after) * self.dt)
            return rng.uniform(self.key, np.arange(self.pop.size), k) < chance
        fires = self.equations.fires(after)
        return fires & ~self.equations.fires(before) if type(self.pop.neuron).spikes_on == "rising" else fires

    def _check(self, k: int) -> None:
        for name, values in self.s.items():
            if not np.all(np.isfinite(values)):
                i = int(np.argmin(np.isfinite(values)))
                at = f"{self.pop.name}.{name} of neuron {i} at {(k + 1) * self.dt:g} ms"
                raise SimulationError("a state is no longer a finite number", got=f"{values[i]} in {at}", fix="a smaller dt")


def simulate(
    network: Network,
    duration: Quantity,
    *,
    dt: Quantity = 0.1 * ms,
    seed: int = 1,
    edges: Mapping[int, tuple[Any, ...]] | None = None,
    modulators: Mapping[int, float] | None = None,
) -> OracleResult:
    """Run a network, slowly, in float64.

    Args:
        duration, dt: times; a whole number of steps is made of them by rounding.
        edges: synapses of projections that are left to chance, by the index of the projection in
            `network.projections`: (pre, post, weight in the port's base unit, delay in steps).
        modulators: value of the signal of synapses that know one, by the index of the projection; 0 otherwise.

    Raises:
        NetworkError: a network that does not fit the time step.
        ModelError: a projection whose synapses would have to be drawn.
        SimulationError: a state that is no longer finite.
    """
    validate(network, dt)
    h = float(magnitude(dt, ms.dimension, "dt"))
    steps = round(float(magnitude(duration, ms.dimension, "duration")) / h)
    unknown = set(edges or {}) - set(range(len(network.projections)))
    if unknown:
        raise ModelError("edges for projections that do not exist", got=sorted(unknown), expected=f"below {len(network.projections)}")
    groups = {name: Group(pop, h, seed) for name, pop in network.populations.items()}
    given = dict(edges or {})
    synapses = [Synapses(p, h, given.get(i)) for i, p in enumerate(network.projections) if not p.listed]
    living = [
        LivingSynapses(p, i, h, seed, given.get(i), dict(modulators or {}).get(i, 0.0))
        for i, p in enumerate(network.projections) if p.listed
    ]  # fmt: skip
    sources = [Source(d, i, h, steps, seed) for i, d in enumerate(network.drives)]
    every = {p.name: 1 if p.interval is None else max(1, round(p.interval / h)) for p in network.probes}
    traces: dict[str, list[Array]] = {p.name: [] for p in network.probes}
    stamps, neurons = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]

    for k in range(steps):
        x = {name: {i: np.zeros(g.pop.size) for i in g.pop.neuron.spec.inputs} for name, g in groups.items()}
        w = {name: {p: np.zeros(g.pop.size) for p in g.pop.neuron.spec.ports} for name, g in groups.items()}
        for source in sources:
            if source.drive.input is not None:
                x[source.drive.target.name][source.drive.input] += source.current(k)
            elif source.drive.port is not None:
                w[source.drive.target.name][source.drive.port] += source.events(k)
        for synapse in synapses:
            assert synapse.port is not None
            w[synapse.target][synapse.port] += synapse.arrive(k + 1)
        for alive in living:
            flow, sent = alive.step(k, groups[alive.target].s)
            if alive.input is not None:
                x[alive.target][alive.input] += flow
            if alive.port is not None:
                w[alive.target][alive.port] += sent
        with np.errstate(over="ignore"):
            fired = {name: g.step(k, x[name], w[name]) for name, g in groups.items()}
        for synapse in synapses:
            synapse.send(fired[synapse.source], k + 1)
        for alive in living:
            alive.send(fired[alive.source], fired[alive.target], k + 1)
        who = np.concatenate([g.pop.first + np.flatnonzero(fired[name]) for name, g in groups.items()] or [neurons[0]])
        stamps.append(np.full(who.size, k + 1))
        neurons.append(who)
        for probe in network.probes:
            if (k + 1) % every[probe.name] == 0:
                traces[probe.name].append(groups[probe.target.name].s[probe.variable][probe.neurons])

    return OracleResult(
        Spikes(
            np.concatenate(stamps), np.concatenate(neurons), {n: (p.first, p.size) for n, p in network.populations.items()}, h
        ),
        {p.name: np.array(traces[p.name]).reshape(-1, p.neurons.size) for p in network.probes},
        {name: g.s for name, g in groups.items()},
        {a.projection.name: {"pre": a.pre, "post": a.post, "weight": a.weight, **a.s} for a in living},
    )
