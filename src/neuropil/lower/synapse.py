"""The program of a synapse model: what spikes and steps do to its states, as graphs of operations.

Which states wait for a spike, and which advance in every step, stands in `neuropil.lower.synapse_form`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.lower.classify import Scheme, classify
from neuropil.lower.graph import Graph
from neuropil.lower.integrate import Advance
from neuropil.lower.kept import kept, read_by
from neuropil.lower.later import jnp
from neuropil.lower.learned import PLASTIC, learned_states
from neuropil.lower.propagator import propagators
from neuropil.lower.synapse_form import SIDES, Form, age, closed_form, form_of, strikes
from neuropil.lower.trace import named_leaves
from neuropil.lower.traced_synapse import Stateless, TracedSynapse, traced_graph
from neuropil.model.contents.in_context import synapse_in_context
from neuropil.model.contents.per_synapse import differs
from neuropil.model.contents.wiring import weight_dimension
from neuropil.model.modulation.bound_effect import vary_by_cell
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.network.network import Network
from neuropil.model.synapse.synapse import Synapse


@dataclass(frozen=True)
class SynapseProgram:
    """The traced and simplified operations of the synapses of a projection.

    Attributes:
        traced, scheme, form: what they were made from.
        arrival: graph of what spikes do; its leaves are p.* (static), s.*, w and the ages h, h_source, h_target (ms).
        ready: node of each state's value just before a spike arrives; after: just after it; sent: of what it transmits.
        responded: node of each state's value just after a spike of the target, whose states come as they are just before it.
        target_after: node of each of the target's states just after its spike.
        step: graph of a step; its leaves are p.* (static), s.* and x.*.
        stepped: node of each clocked state's new value; flow: node of the current, None without one.
        learned: states that are held while plasticity is off (`neuropil.lower.learned`).
    """

    traced: TracedSynapse
    scheme: Scheme
    form: Form
    arrival: Graph
    ready: dict[str, int]
    after: dict[str, int]
    sent: int | None
    responded: dict[str, int]
    target_after: dict[str, int]
    step: Graph
    stepped: dict[str, int]
    flow: int | None
    learned: tuple[str, ...]

    @classmethod
    def of(cls, traced: TracedSynapse, *, clock_driven: bool = False, alike: bool = True) -> SynapseProgram:
        """Classify, trace and simplify a synapse model.

        Args:
            clock_driven: advance every state in every step.
            alike: all synapses of the projection have been there from the start, so that they may share states.
            traced: the model's equations.

        Returns:
            The program.
        """
        return cls(traced, *kept("synapse", (*read_by(traced), clock_driven, alike), lambda: _traced(traced, clock_driven, alike)))

    @property
    def event_driven(self) -> bool:
        """Nothing happens between spikes."""
        return not self.step_roots

    @property
    def states(self) -> tuple[str, ...]:
        """In the model's order."""
        return tuple(self.traced.spec.states)

    @property
    def responds(self) -> bool:
        """A spike of the target changes something."""
        graph = self.arrival
        quiet = {n: self.ready[n] if self.form.side[n] != "target" else graph.leaf(f"s.{n}") for n in self.states}
        return any(self.responded[n] != quiet[n] for n in self.states)

    @property
    def arrival_roots(self) -> list[int]:
        """Nodes computed when a spike arrives."""
        return [*(self.after[n] for n in self.struck), *([] if self.sent is None else [self.sent])]

    @property
    def once(self) -> list[int]:
        """Nodes of an arrival that are the same for all synapses of a source and delay."""
        return self._of_one("source")

    @property
    def per_target(self) -> list[int]:
        """Nodes of an arrival that are the same for all synapses of a target, and that something else reads."""
        mine, graph = set(self._of_one("target")), self.arrival
        read = {a for n in graph.reach(self.arrival_roots) if n not in mine for a in graph.nodes[n].args} | set(self.arrival_roots)
        return sorted(mine & read)

    def _of_one(self, side: str) -> list[int]:
        """Dynamic nodes of an arrival that read what is shared by a side alone, and no parameter that varies."""
        graph, mine = self.arrival, {f"s.{n}" for n in self.form.of(side)} | {age(side)}
        varied = {f"p.{n}" for n in self.traced.varied}
        # A state that does not change by itself is a node of this kind, too.
        nodes = [n for n in graph.reach(self.arrival_roots) if not graph.nodes[n].static and graph.nodes[n].op != "const"]
        nodes = [n for n in nodes if all(x in mine or (x[0] == "p" and x not in varied) for x in graph.leaves(n))]
        return [n for n in nodes if graph.nodes[n].op != "leaf" or side == "target"]

    @property
    def response_roots(self) -> list[int]:
        """Nodes computed for a synapse when its target spikes."""
        return [self.responded[n] for n in self.responding]

    @property
    def target_roots(self) -> list[int]:
        """Nodes computed for a target when it spikes: its states just before and just after."""
        mine = self.form.of("target")
        return [*(self.ready[n] for n in mine), *(self.target_after[n] for n in mine)]

    @property
    def step_roots(self) -> list[int]:
        """Nodes computed in every step."""
        moving = [self.stepped[n] for n in self.moving]
        return [*moving, *([] if self.flow is None else [self.flow])]

    @property
    def struck(self) -> tuple[str, ...]:
        """States that a spike's arrival writes."""
        return self._written(self.after, "target")

    @property
    def responding(self) -> tuple[str, ...]:
        """States of a synapse that a spike of its target writes."""
        return self._written(self.responded, "target", "source")

    def _written(self, after: dict[str, int], *but: str) -> tuple[str, ...]:
        """States that change, leaving out those that belong to other sides."""
        return tuple(n for n in self.states if self.form.side[n] not in but and self.arrival.nodes[after[n]].value != f"s.{n}")

    @property
    def drifting(self) -> tuple[str, ...]:
        """States that change by themselves while they wait for a spike."""
        return tuple(n for n in self.states if self.arrival.nodes[self.ready[n]].value != f"s.{n}")

    @property
    def moving(self) -> tuple[str, ...]:
        """States that a step writes."""
        return tuple(n for n in self.form.clocked if self.step.nodes[self.stepped[n]].value != f"s.{n}")

    @property
    def arrival_reads(self) -> tuple[str, ...]:
        """States that a spike's arrival reads."""
        read = self.arrival.leaves(*self.arrival_roots)
        return tuple(n for n in self.states if f"s.{n}" in read)

    @property
    def step_reads(self) -> tuple[str, ...]:
        """States that a step reads."""
        read = self.step.leaves(*self.step_roots)
        return tuple(n for n in self.states if f"s.{n}" in read)

    @property
    def dated(self) -> bool:
        """A synapse stores when it was last brought up to date: something reads how long ago that was, if only who looks at its states."""
        seen = (self.ready[n] for n in self.form.of(""))
        return "h" in self.arrival.leaves(*self.arrival_roots, *self.response_roots, *seen)

    @property
    def outside(self) -> tuple[str, ...]:
        """What it reads of the world in a step."""
        read = self.step.leaves(*self.step_roots)
        return tuple(n for n in self.traced.spec.inputs if f"x.{n}" in read)

    @property
    def shared(self) -> list[int]:
        """Dynamic nodes of a step that are the same for all synapses of a target: computed once for each target."""
        nodes = self.step.nodes
        own = ("s.", "x.noise")
        same = [n for n in self.step.reach(self.step_roots) if not any(x.startswith(own) for x in self.step.leaves(n)) and not nodes[n].static]
        return [n for n in same if nodes[n].op not in ("leaf", "const")]

    @property
    def flops(self) -> dict[str, int]:
        """Floating-point operations per "synapse" and step, per "target" and step, and per "event" that arrives."""
        shared, adding = self.step.flops(self.shared), int(self.flow is not None)
        whole = self.step.flops(self.step_roots)
        arrival = self.arrival.flops(self.arrival_roots) - self.arrival.flops(self.once) - self.arrival.flops(self.per_target)
        spikes = {"event": arrival, "response": self.arrival.flops(self.response_roots)}
        return {"synapse": whole - shared + adding, "target": shared, **spikes}

    def constants(self, parameters: dict[str, Any], dt: float, plastic: bool = True) -> dict[str, Any]:
        """Everything static by its leaf's name in `p`, for parameters by name: floats or one value per synapse.

        Args:
            parameters: by name, base units: floats or float64[synapses].
            dt: time step, ms.
            plastic: whether the rule acts.
        """
        system, scheme = self.scheme.system, self.scheme
        leaves = {f"p.{n}": v for n, v in parameters.items()}
        names = [*(f"A_{i}_{j}" for i, j in system.a), *(f"b_{i}" for i in system.constant)]
        values = system.graph.evaluate([*system.a.values(), *system.constant.values()], leaves)
        derived = {}
        if not self.event_driven:  # only a step reads the propagators
            derived = propagators(scheme, parameters, tuple(self.traced.spec.inputs), dt, Advance(self.traced, scheme).prefixes)
        return {**parameters, **dict(zip(names, values, strict=True)), **derived, "dt": dt, PLASTIC: float(plastic)}

    @cached_property
    def strikes(self) -> tuple[Graph, dict[str, int], dict[str, int]]:
        """Every state after `arrive` and after `respond`: a graph and nodes by state."""
        return kept("strikes", read_by(self.traced), lambda: strikes(self.traced))

    def aged(self, side: str) -> bool:
        """It matters when the states of a side were last brought up to date."""
        return self.dated if side == "" else bool(self.form.of(side))

    def explain(self) -> str:
        """One sentence on how the synapses run and why."""
        name = self.traced.name
        if not self.states and self.flow is None:
            return "listed: synapses come and go, so each is kept by itself"
        if self.event_driven:
            kept = [f"{', '.join(self.form.of(side))} once for each {whose}" for side, whose in _WHOSE.items() if self.form.of(side)]
            late = "; responses to spikes of the target are computed when the next spike arrives" if self.responds else ""
            shared = f"; kept {' and '.join(kept)}" if kept else ""
            return f"event-driven: {name} has a closed form between spikes, and nothing else reads its states{shared}{late}"
        why = "; ".join(f"{n}: {self.form.reasons[n]}" for n in self.form.clocked) or "its current flows in every step"
        late = f"; {', '.join(self.form.waiting)} only when a spike arrives" if self.form.waiting else ""
        return f"clock-driven: {name} advances in every step ({why}{late})"


def all_roots(program: SynapseProgram) -> list[int]:
    """Every node that kernels of event-driven synapses compute: what spikes do, and states as they are when they are read or parameters change.

    Args:
        program: of the synapses.
    """
    return [*program.arrival_roots, *program.response_roots, *program.target_roots, *(program.ready[n] for side in SIDES for n in program.form.of(side))]


_WHOSE = {"source": "source and delay", "target": "target"}


def plan_synapses(network: Network) -> dict[int, SynapseProgram]:
    """The programs of the projections whose synapses are kept each by itself, by their index in the network."""
    made = {}
    for j, p in enumerate(network.projections):
        if p.per_synapse:
            spec = p.target.neuron.spec
            port = None if p.port is None else spec.ports[p.port]
            synapse = synapse_in_context(p) or Stateless()
            unit = weight_dimension(p.name, p.synapse, port)
            differing = frozenset(n for n, effects in effects_on(network.modulators, p).items() if vary_by_cell(effects))
            starts = frozenset(n for n, v in p.initial.items() if differs(v))
            traced = TracedSynapse(synapse, unit, port, None if p.input is None else spec.inputs[p.input], differing, starts)
            made[j] = SynapseProgram.of(traced, clock_driven=p.clock_driven, alike=p.structure is None)
    return made


def _traced(traced: TracedSynapse, clock_driven: bool, alike: bool) -> tuple[Any, ...]:
    """What a program consists of besides the model, see `SynapseProgram`."""
    scheme = classify(traced)
    learned = learned_states(traced)
    step, stepped, flow = _trace_step(traced, scheme, learned)
    form = form_of(traced, scheme, step, flow, clock_driven, alike)
    return scheme, form, *_trace_spikes(traced, scheme, form, learned), step, {n: stepped[n] for n in form.clocked}, flow, learned


def _held(p: Any, learned: tuple[str, ...], new: Any, old: Any) -> dict[str, Any]:
    """New values of the states, those that are learnt only while the rule acts."""
    return {**new, **{n: jnp.where(p[PLASTIC] > 0.0, new[n], old[n]) for n in learned if n in new}}


def _trace_step(traced: TracedSynapse, scheme: Scheme, learned: tuple[str, ...]) -> tuple[Graph, dict[str, int], int | None]:
    spec, flow = traced.spec, Advance(traced, scheme)
    has_current = isinstance(traced.model, Synapse) and traced.model.has_current
    names = (
        named_leaves("p", (*spec.parameters, *flow.entry_names, "dt", PLASTIC)),
        named_leaves("s", spec.states),
        named_leaves("x", spec.inputs),
    )

    def step(p: Any, s: Any, x: Any) -> Any:
        new = {n: jnp.asarray(v, "float64") for n, v in _held(p, learned, flow.advance(p, s, x, ()), s).items()}
        return new, [jnp.asarray(traced.current(p, s, x), "float64")] if has_current else []

    graph, nodes = traced_graph(step, names, traced.name)
    return graph, dict(zip(sorted(spec.states), nodes[: len(spec.states)], strict=True)), nodes[-1] if has_current else None


def _trace_spikes(
    traced: TracedSynapse, scheme: Scheme, form: Form, learned: tuple[str, ...]
) -> tuple[Graph, dict[str, int], dict[str, int], int | None, dict[str, int], dict[str, int]]:
    """(graph, ready, after, sent, responded, target_after), see `SynapseProgram`."""
    spec, system = traced.spec, scheme.system
    static = (*spec.parameters, *(f"A_{i}_{j}" for i, j in system.a), *(f"b_{i}" for i in system.constant), PLASTIC)
    names = (named_leaves("p", static), named_leaves("s", spec.states), {side: age(side) for side in SIDES}, "w")

    def spikes(p: Any, s: Any, h: Any, w: Any) -> Any:
        ready = dict(s)
        for side in SIDES:
            mine = tuple(n for n in form.waiting if form.side[n] == side)
            ready |= _held(p, learned, closed_form(scheme, mine, p, s, h[side]), s)
        found = {**ready, **{n: s[n] for n in form.of("target")}}
        sent = [] if traced.port is None else [traced.transmits(p, ready, w)]
        struck = ((traced.arrive, ready), (traced.respond, found), (traced.respond, ready))
        every = (ready, *(_held(p, learned, strike(p, before, w), before) for strike, before in struck))
        return tuple([jnp.asarray(v[n], "float64") for n in spec.states] for v in every), [jnp.asarray(v, "float64") for v in sent]

    graph, nodes = traced_graph(spikes, names, traced.name)
    n = len(spec.states)
    ready, after, responded, target_after = (dict(zip(spec.states, nodes[k * n : (k + 1) * n], strict=True)) for k in range(4))
    return graph, ready, after, nodes[4 * n] if traced.port is not None else None, responded, target_after


def check_finite(where: str, values: list[Any]) -> None:
    """Refuse constants that are not finite.

    Args:
        where: opens the error message.
        values: floats or arrays.

    Raises:
        ModelError: one that is not finite.
    """
    if not all(np.all(np.isfinite(v)) for v in values):
        raise ModelError(
            f"{where}: a constant is not finite", got="a division by zero",
            fix="check for a time constant of zero, or two coupled states that decay at the same rate (clock_driven=True takes those)",
        )  # fmt: skip
