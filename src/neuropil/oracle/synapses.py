"""Synapses with states, one by one and step by step: every state of every synapse advances in every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neuropil import rng
from neuropil.model import Distribution, Projection, Synapse
from neuropil.model.base import grid
from neuropil.model.contents.in_context import synapse_in_context
from neuropil.model.contents.pairs import ends_of
from neuropil.model.contents.per_synapse import differs, in_order
from neuropil.model.contents.wiring import threshold, weight_dimension
from neuropil.model.synapse.context import (
    POST_TIME,
    Activity,
    Potential,
    SignalValue,
    TargetState,
    WhiteNoise,
    context_input,
    reads,
)
from neuropil.oracle.events import drawn, numbers, site_of
from neuropil.oracle.integrate import Array, Integrator, States
from neuropil.registry import builder_of, register
from neuropil.units import Quantity, magnitude


def per_one(value: Any, p: Projection, pre: Array, post: Array, number: Array, seed: int, *purpose: int | str) -> Array:
    """A number, distribution, array or matrix as an array with one value per synapse, drawn by its number.

    Args:
        value: the number, distribution, array or matrix.
        p: the projection.
        pre, post: int64[n], indices within the populations.
        number: int64[n], counters of the draws.
        seed: of the simulation.
        purpose: names the stream of random numbers.
    """
    if isinstance(value, Distribution):
        return np.asarray(value.quantile(rng.uniform(rng.stream_key(seed, *purpose), number, 0)))
    raw = value.value if isinstance(value, Quantity) else value
    return np.array(np.broadcast_to(in_order(raw, p, pre, post), pre.size), float)


class StatefulSynapses:
    """The synapses of one projection that have states, or that vanish and form.

    Args:
        given: pre, post, weight, delay in steps, site, and their numbers in draws of their own (their indices, if left out), where
            they are not to be read off the description.
        modulator: value of the signal.
        dt: time step, ms.
        seed: of the simulation.
    """

    def __init__(self, projection: Projection, dt: float, seed: int, given: tuple[Any, ...] | None, modulator: float):
        self.projection, self.dt, self.seed, self.modulator = projection, dt, seed, modulator
        self.model = synapse_in_context(projection) or Synapse()
        self.source, self.target, self.port, self.input = projection.source.name, projection.target.name, projection.port, projection.input
        pre, post, weight, steps, *more = drawn(projection, dt, seed) if given is None else (np.asarray(part) for part in given)
        site = more[0] if more else site_of(projection)
        order = np.argsort(pre, kind="stable")
        self.listed = given is not None  # by the caller
        self.given = more[1][order] if len(more) > 1 else None
        self.pre, self.post, self.site = pre[order], post[order], np.broadcast_to(site, pre.shape)[order]
        self.weight, self.steps = (np.broadcast_to(a, pre.shape)[order] for a in (weight, steps))
        # Not the longest of those that exist: synapses that form later may have any delay of the description.
        delay = projection.delay
        bound = delay.quantile(rng.word_to_uniform(np.uint32(0xFFFFFFFF))) if isinstance(delay, Distribution) else np.max(delay, initial=0.0)
        self.longest = max(int(np.ceil(bound / dt)), int(self.steps.max(initial=1)))
        self.history: list[tuple[int, Array]] = []  # (stamp, fired) of the last spikes of the sources
        self.activity = np.zeros(projection.target.size)
        self.changed: dict[str, Any] = {}
        self.held: tuple[str, ...] | None = None  # while plasticity is off, the states that do not change
        self.late = grid.steps(projection.response_delay, dt, "response_delay", least=0)
        self.answers = [np.zeros(projection.target.size, bool)] * self.late  # spikes of the targets on their way to the synapses
        self.s = self._initial(self.weight, self.pre, self.post)
        self._ready()

    def _initial(self, weight: Array, pre: Array, post: Array) -> States:
        s: States = {}
        where, stream = (self.projection, pre, post, self._numbers(weight.size), self.seed), self.projection.stream
        self.parameters = {name: per_one(getattr(self.model, name), *where, "synapse", *stream, name) for name in self.model.spec.parameters}
        for name, state in self.model.spec.states.items():
            start: Any = self.projection.initial.get(name, state.initial)
            if isinstance(start, str):
                s[name] = self.parameters[start].copy()
                continue
            s[name] = weight.copy() if name == "weight" else per_one(start, *where, "synapse state", *stream, name)
        return s

    def _numbers(self, n: int) -> Array:
        """What distinguishes n synapses in draws of their own; those that come and go, by their indices."""
        if self.projection.structure is not None or (self.listed and self.given is None):
            return np.arange(n)
        return numbers(self.projection, self.pre, self.post) if self.given is None else self.given

    def _ready(self) -> None:
        """Everything that depends on how many synapses there are."""
        self.integrator = Integrator(self.model, self.parameters, self.pre.size, self.dt)
        self.bound = self.integrator.equations.model

    def change(self, values: dict[str, Any]) -> None:
        """Give parameters new values: one for all synapses, one for each target, or, of drawn parameters, one for each synapse."""
        self.changed = values
        self.parameters |= {n: self._each(n, v) for n, v in values.items()}
        self.integrator = self.integrator.with_parameters(self.parameters)
        self.bound = self.integrator.equations.model

    def _each(self, name: str, value: Any) -> Array:
        """A changed parameter of every synapse."""
        if differs(getattr(self.model, name)):
            return np.array(np.broadcast_to(value, self.post.size))
        return np.broadcast_to(value, self.projection.target.size)[self.post]

    @property
    def reached(self) -> Array:
        """Of every synapse the site it is on, sites being numbered neuron by neuron."""
        return self.post * self.projection.sites + self.site

    def _world(self, k: int, state: Callable[[str], Array]) -> States:
        return {name: builder_of(context_input(name), "oracle")(self, name, k, state) for name in self.model.spec.inputs}

    def step(self, k: int, state: Callable[[str], Array], arrived: Array | None) -> Array:
        """Advance from t_k to t_{k+1}; `state` gives states of the target's sites as of t_k, by name.

        Args:
            arrived: where to add, for each site of the targets, the weights that arrive at the end of the step: by the step
                in which the spikes were emitted, then by source, then by index in the list.
            k: step.

        Returns:
            The current that flows into each site of the targets during the step.
        """
        equations, size = self.integrator.equations, self.projection.target.size * self.projection.sites
        x = self._world(k, state)
        flow = np.zeros(size)
        if self.input is not None:
            inputs = self.projection.target.neuron.spec.inputs
            values = self.bound.current(equations.states(self.s), equations._in("input", x, self.model.spec.inputs))
            np.add.at(flow, self.reached, -np.broadcast_to(magnitude(values, inputs[self.input], "current"), self.pre.size))
        still = {n: self.s[n] for n in self.held or ()}
        self.s = {**self.integrator.advance(self.s, x, np.zeros(self.pre.size, bool)), **still}
        due = [np.flatnonzero(fired[self.pre] & (stamp + self.steps == k + 1)) for stamp, fired in self.history]
        if arrived is not None:
            unit = self.projection.target.neuron.spec.ports[str(self.port)]
            handed = np.broadcast_to(magnitude(self.bound.transmits(equations.states(self.s), self._w()), unit, "transmits"), self.pre.size)
            for which in due:
                np.add.at(arrived, self.reached[which], handed[which])
        here = np.zeros(self.pre.size, bool)
        here[np.concatenate([np.empty(0, int), *due])] = True
        self._change("arrive", here)
        return flow

    def _w(self) -> Quantity:
        """The present weights."""
        port = None if self.port is None else self.projection.target.neuron.spec.ports[self.port]
        return Quantity(self.s.get("weight", self.weight), weight_dimension("", self.projection.synapse, port))

    def _change(self, method: str, where: Array) -> None:
        """What `arrive` or `respond` does to some of the synapses."""
        equations = self.integrator.equations
        after = equations._out(method, getattr(self.bound, method)(equations.states(self.s), self._w()))
        self.s = {**self.s, **{n: np.where(where, after[n], self.s[n]) for n in after if n not in (self.held or ())}}

    def send(self, fired: Array, mine: Array, stamp: int) -> None:
        """Let synapses respond to their targets' spikes, which raise their activity; file the spikes of the sources; rewire where that is due.

        Args:
            fired: bool[sources].
            mine: bool[targets].
            stamp: step of the spikes.
        """
        self.answers.append(mine)
        self._change("respond", self.answers.pop(0)[self.post])
        self.history.append((stamp, fired))
        self.history = [(s, f) for s, f in self.history if s + self.longest > stamp]
        if reads(self.model.spec.inputs, Activity):
            tau = self.changed.get(POST_TIME, float(getattr(self.model, POST_TIME).value))
            self.activity = self.activity * np.exp(-self.dt / tau) + mine / tau
        structure = self.projection.structure
        if structure is not None and self.held is None:
            every = grid.steps(structure.interval, self.dt, "Rewiring.interval")
            if stamp % every == 0:
                self._rewire(stamp // every)

    # --- structure ---------------------------------------------------------------------------------------------------

    def _words(self, what: str, n: int, round: int) -> Array:
        return rng.words(rng.stream_key(self.seed, "rewiring", *self.projection.stream, what), np.arange(n), round)

    def _uniform(self, what: str, n: int, round: int) -> Array:
        return rng.word_to_uniform(self._words(what, n, round))

    def _rewire(self, round: int) -> None:
        p, structure = self.projection, self.projection.structure
        assert structure is not None
        unit = weight_dimension("", p.synapse, None if p.port is None else p.target.neuron.spec.ports[p.port])
        weights = self.s.get("weight", self.weight)
        chance = -np.expm1(-structure.eliminate * structure.interval)
        gone = (self._uniform("eliminate", self.pre.size, round) < chance) & (weights < threshold(structure, unit, p.name))
        if structure.form is None:
            births = np.bincount(self.post[gone], minlength=p.target.size)
        else:
            births = np.array([int(rng.poisson(structure.form * structure.interval, w)) for w in self._words("form", p.target.size, round)])
            births[np.setdiff1d(np.arange(p.target.size), np.arange(p.target.size) if p.targets is None else p.targets)] = 0
        post, keep = np.repeat(np.arange(p.target.size), births), ~gone
        pre = self._partners(post, self.pre[keep], self.post[keep], self._uniform("source", post.size, round))
        site = np.full(post.size, p.site) if isinstance(p.site, int) else np.floor(self._uniform("site", post.size, round) * p.sites).astype(int)
        weight = self._drawn(p.weight, "weight", post.size, round)
        steps = np.maximum(1, grid.nearest(self._drawn(p.delay, "delay", post.size, round), self.dt))
        found = pre >= 0
        pre, post, site, weight, steps = (a[found] for a in (pre, post, site, weight, steps))
        born = self._initial(weight, pre, post)
        order = np.argsort(np.concatenate([self.pre[keep], pre]), kind="stable")
        self.s = {n: np.concatenate([v[keep], born[n]])[order] for n, v in self.s.items()}
        for name, new in (("pre", pre), ("post", post), ("site", site), ("weight", weight), ("steps", steps)):
            setattr(self, name, np.concatenate([getattr(self, name)[keep], new])[order])
        self.parameters = {n: self._each(n, self.changed.get(n, float(getattr(self.model, n).value))) for n in self.model.spec.parameters}
        self._ready()

    def _partners(self, targets: Array, pre: Array, post: Array, u: Array) -> Array:
        """A source for each new synapse onto these targets, one after the other, as the rule allows; -1 where there is none."""
        p, made = self.projection, []
        several, apart, ends = p.rule.multapses, p.excludes_self, ends_of(p, whole=True)
        joined = set(zip(pre.tolist(), post.tolist(), strict=True))
        for target, number in zip(targets.tolist(), u, strict=True):
            sources = np.arange(p.source.size) if p.sources is None else np.sort(p.sources)
            likely = p.rule.likelihood(sources, np.array([target]), ends)[:, 0]
            taken = np.array([(apart and s == target) or (not several and (s, target) in joined) for s in sources.tolist()])
            up_to = np.cumsum(np.where(taken, 0.0, likely))
            if up_to[-1] == 0.0:
                made.append(-1)
                continue
            made.append(int(sources[np.argmax(up_to > number * up_to[-1])]))
            joined.add((made[-1], target))
        return np.array(made, int)

    def _drawn(self, value: Any, what: str, n: int, round: int) -> Array:
        if isinstance(value, Distribution):
            return np.asarray(value.quantile(self._uniform(what, n, round)))
        return np.full(n, float(value))


# --- context inputs: the value for every synapse in step k -----------------------------------------------------------------


@register(WhiteNoise, "oracle")
def _noise(synapses: StatefulSynapses, name: str, k: int, state: Callable[[str], Array]) -> Array:
    key = rng.stream_key(synapses.seed, "synapse noise", *synapses.projection.stream)
    return rng.normal(key, synapses._numbers(synapses.pre.size), k) / np.sqrt(synapses.dt)


@register(Activity, "oracle")
def _activity(synapses: StatefulSynapses, name: str, k: int, state: Callable[[str], Array]) -> Array:
    return synapses.activity[synapses.post]


@register(SignalValue, "oracle")
def _signal(synapses: StatefulSynapses, name: str, k: int, state: Callable[[str], Array]) -> Array:
    return np.full(synapses.pre.size, synapses.modulator)


@register(TargetState, "oracle")
@register(Potential, "oracle")
def _state(synapses: StatefulSynapses, name: str, k: int, state: Callable[[str], Array]) -> Array:
    return state(name)[synapses.reached]
