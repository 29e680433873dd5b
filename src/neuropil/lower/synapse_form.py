"""Which states of a synapse wait for a spike, which advance in every step, and whose they are.

A state *waits* when its future between spikes follows from itself and from other such states in closed form: its
equations are linear with constant coefficients, nothing from outside enters, and no state depends on itself by way of
others. It is then brought up to date when a spike arrives, with one exponential per rate. A state is *clocked*,
advanced in every step, when it depends on the world, is not linear, or is read by a clocked state or by the current.
A synapse all of whose states wait is event-driven; it costs nothing between spikes.

In an event-driven synapse a state that arrivals alone decide is the same for all synapses of a source with one delay,
and one that the target's spikes alone decide is the same for all synapses of a target: such a state is kept once for
them all (`_shared`). Each kind of state has an age of its own, the time since it was last brought up to date: "h" of
the synapse, "h_source" of what it shares with those of its source, "h_target" with those of its target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neuropil.lower.classify import Scheme
from neuropil.lower.graph import Graph
from neuropil.lower.later import jnp
from neuropil.lower.trace import Scalars
from neuropil.lower.traced_synapse import TracedSynapse, traced_graph
from neuropil.model.base.distribution import Distribution

SIDES = ("", "source", "target")
"""Whose a waiting state is: the synapse's own, or shared."""


def age(side: str) -> str:
    """The leaf of the time since the states of a side were brought up to date."""
    return f"h_{side}" if side else "h"


@dataclass(frozen=True)
class Form:
    """Which states wait for a spike and which are clocked, in the model's order, with a sentence for each.

    `side` says of every state whose it is, by `SIDES`.

    Attributes:
        waiting: states that wait for a spike; clocked: those that do not.
        reasons: a sentence for each state.
    """

    waiting: tuple[str, ...]
    clocked: tuple[str, ...]
    reasons: dict[str, str]
    side: dict[str, str]

    def of(self, side: str) -> tuple[str, ...]:
        """The states of a side."""
        return tuple(n for n, mine in self.side.items() if mine == side)


def form_of(traced: TracedSynapse, scheme: Scheme, step: Graph, flow: int | None, clock_driven: bool, alike: bool) -> Form:
    """The form of a synapse model.

    Args:
        step, flow: graph of a step and the node of the current, None without one.
        clock_driven: advance every state in every step.
        alike: all synapses have been there from the start, so that they may share states.
        traced: the model's equations.
    """
    states, reads = tuple(traced.spec.states), dependencies(traced)
    own = dict.fromkeys(states, "")
    if clock_driven:
        return Form((), states, {n: "as asked" for n in states}, own)
    why: dict[str, str] = {}
    for n in states:
        if n in scheme.stepped:
            why[n] = "no closed form"
        elif scheme.driven[n]:
            why[n] = f"driven by {', '.join(scheme.driven[n])}"
        elif any(j != n and n in scheme.reach[j] for j in scheme.reach[n]):
            why[n] = "coupled both ways"
        elif _ramps(n, scheme):
            why[n] = "grows without bound"
    shown = {x[2:] for x in step.leaves(flow)} if flow is not None else set()
    why.update({n: "its current reads it" for n in states if n in shown and n not in why})
    while True:
        more = {n: f"{j} reads it" for j in why for n in reads[j] if n not in why and n in traced.spec.states}
        more |= {n: f"depends on {j}" for n in states if n not in why for j in reads[n] if j in why}
        if not more:
            break
        why.update(more)
    side = _shared(traced, reads) if alike and not why and flow is None else own
    return Form(tuple(n for n in states if n not in why), tuple(n for n in states if n in why), why, side)


def _shared(traced: TracedSynapse, reads: dict[str, set[str]]) -> dict[str, str]:
    """Whose each state of an event-driven synapse is, by `SIDES`.

    A state is shared if its own equations read nothing but states shared alike, no parameter that varies between synapses, and
    neither the synapse's weight nor a spike from the other side; and if no state of the synapse's own flows with it.
    """
    graph, arrived, responded = strikes(traced)
    spec, varied = traced.spec, {f"p.{n}" for n in traced.varied}
    side = {}
    for n, state in spec.states.items():
        still = graph.leaf(f"s.{n}")
        heard, answers = arrived[n] != still, responded[n] != still
        sole = graph.leaves(arrived[n], responded[n]) | {f"p.{x}" for x in reads[n] if x in spec.parameters}
        start = f"p.{state.initial}" if isinstance(state.initial, str) else ""
        alike = not (sole & varied or "w" in sole or start in varied or n in traced.starts or isinstance(state.initial, Distribution) or n == "weight")
        side[n] = ("source" if heard else "target") if alike and heard != answers else ""
    while True:
        struck = {n: {x[2:] for x in graph.leaves(arrived[n], responded[n]) if x[0] == "s"} for n in side}
        apart = {n for n in side if side[n] and any(side[j] != side[n] for j in struck[n] | (reads[n] & set(side)))}
        apart |= {j for n in side for j in reads[n] & set(side) if side[j] and side[n] != side[j]}
        if not apart:
            return side
        side.update(dict.fromkeys(apart, ""))


def _ramps(n: str, scheme: Scheme) -> bool:
    """A drift that never ends: something constant, in the end, feeds a state without decay."""
    steady = {j for j in scheme.reach[n] if (j, j) not in scheme.system.a}
    return any(j in scheme.affine or any(k != j and k in steady for k in scheme.reach[j]) for j in steady)


def strikes(traced: TracedSynapse) -> tuple[Graph, dict[str, int], dict[str, int]]:
    """Every state after `arrive` and after `respond` of a traced synapse model, from the states just before."""
    spec = traced.spec
    names = ({n: f"p.{n}" for n in spec.parameters}, {n: f"s.{n}" for n in spec.states}, "w")

    def strike(p: Any, s: Any, w: Any) -> Any:
        return tuple([jnp.asarray(v[n], "float64") for n in spec.states] for v in (traced.arrive(p, s, w), traced.respond(p, s, w)))

    graph, nodes = traced_graph(strike, names, traced.name)
    n = len(spec.states)
    return graph, dict(zip(spec.states, nodes[:n], strict=True)), dict(zip(spec.states, nodes[n:], strict=True))


def dependencies(traced: TracedSynapse) -> dict[str, set[str]]:
    """For every state of a traced synapse model the names of the parameters, states and inputs that its derivative reads."""
    spec = traced.spec
    names = ({n: f"p.{n}" for n in spec.parameters}, {n: f"s.{n}" for n in spec.states}, {n: f"x.{n}" for n in spec.inputs})

    def rates(p: Any, s: Any, x: Any) -> Any:
        return {n: jnp.asarray(v, "float64") for n, v in traced.derivative(p, s, x).items()}

    graph, nodes = traced_graph(rates, names, traced.name)
    found = dict(zip(sorted(spec.states), nodes, strict=True))
    return {n: {x[2:] for x in graph.leaves(found[n])} for n in spec.states}


def closed_form(scheme: Scheme, states: tuple[str, ...], p: Scalars, s: Scalars, h: Any) -> Scalars:
    """The states after h without spikes, as sums of exponentials.

    With rates a_i = A_ii, a state fed by C·exp(a_j h) holds C/(a_j - a_i)·exp(a_j h) of it, a constant being a rate of
    zero, and what is missing at h = 0 decays with its own rate. `p` holds the entries A_i_j and b_i.

    Args:
        states: names.
        s: values at the last event by name.
        h: time since then, ms.
    """
    a = scheme.system.a
    terms: dict[str, dict[str, Any]] = {}  # state -> rate (a state's name, "" for zero) -> coefficient
    left = [n for n in scheme.exact if n in states]
    while left:
        i = next(n for n in left if all(j == n or (n, j) not in a or j in terms for j in scheme.exact))
        left.remove(i)
        own = i if (i, i) in a else ""
        rate = p[f"A_{i}_{i}"] if own else 0.0
        feeds: dict[str, Any] = {"": p[f"b_{i}"]} if i in scheme.system.constant else {}
        for j in terms:
            if (i, j) in a:
                for mode, c in terms[j].items():
                    feeds[mode] = feeds.get(mode, 0.0) + p[f"A_{i}_{j}"] * c
        mine = {mode: c / ((p[f"A_{mode}_{mode}"] if mode else 0.0) - rate) for mode, c in feeds.items()}
        rest = s[i]
        for c in mine.values():
            rest = rest - c
        terms[i] = {**mine, own: mine[own] + rest if own in mine else rest}
    modes = dict.fromkeys(m for t in terms.values() for m in t if m)  # not a set: the order of operations must be the same in every process
    decay = {m: jnp.exp(p[f"A_{m}_{m}"] * h) for m in modes}
    made = {}
    for i, parts in terms.items():
        total: Any = parts.get("", 0.0)
        for mode, c in parts.items():
            total = total + c * decay[mode] if mode else total
        made[i] = total
    return made
