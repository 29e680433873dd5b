"""Which states of synapses change too little at a time for float32 (see `neuropil.lower.resolution`).

A clocked state changes in every step, a waiting one when a spike arrives, taken to be after `BETWEEN_SPIKES` at least. A
state that nothing but spikes changes, as most weights, is slow if what they add, once traces are fresh, is too small beside
it, or if it can outgrow them: if nothing bounds it where it is thousands of times as large.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from neuropil.lower.classify import parameter_leaf
from neuropil.lower.graph import Graph
from neuropil.lower.integrate import Advance
from neuropil.lower.modulation import graft
from neuropil.lower.resolution import RESOLVED, own_rates, slow_flows, typical
from neuropil.lower.synapse import SynapseProgram
from neuropil.model.base.described import DeclarativeModel
from neuropil.model.base.distribution import Distribution
from neuropil.units import Quantity

BETWEEN_SPIKES = 1.0
"""Shortest mean interval between the spikes of a source, ms."""

_SHARES = np.array([1e-6, 0.01, 0.5, 0.99, 1 - 1e-6])
"""Where distributions are looked at."""


def slow_synapses(
    program: SynapseProgram, weight: Any, dt: float, modulated: Iterable[str] = (), changed: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """The slow states of the synapses of a projection, each with the reason.

    Args:
        weight: of the projection, in its base unit: a number, an array or a distribution.
        dt: ms.
        modulated: parameters that modulators change; changed: values that they have at present.
        program: of the synapse model.
    """
    model, spec, form = program.traced.model, program.traced.spec, program.form
    parameters = {n: _spread(getattr(model, n)) for n in spec.parameters} | dict(changed or {})
    w = typical(weight) * (-1.0 if np.median(_spread(weight)) < 0.0 else 1.0)
    initial = _initial(model, parameters, w)
    between = {n: dt if n in form.clocked else max(dt, BETWEEN_SPIKES) for n in spec.states}
    found = slow_flows(Advance(program.traced, program.scheme), parameters, initial, between, modulated)
    decaying = {n for n in program.scheme.stepped} | {i for i, j in program.scheme.system.a if i == j}
    found |= {n: why for n, why in _slow_sums(program, parameters, initial, w, decaying).items() if n not in found}
    return {n: found[n] for n in spec.states if n in found}


def resolution_depends(program: SynapseProgram, modulated: Iterable[str]) -> bool:
    """Whether modulated parameters decide if a state is slow.

    Args:
        program: of the synapses; modulated: parameters that modulators change.
    """
    graph, *jumps = program.strikes
    nodes, others = own_rates(program.scheme, modulated)
    return bool(nodes) or others or bool(graph.leaves(*(n for after in jumps for n in after.values())) & {parameter_leaf(n) for n in modulated})


def resolved_sums(graph: Graph, program: SynapseProgram, weight: Any, modulated: Iterable[str]) -> list[int]:
    """Nodes that are true where spikes change states enough for float32, whatever modulated parameters are: the same question as that of `slow_synapses`.

    Args:
        graph: takes the nodes; its leaves are the modulated parameters.
        program: of the synapses; weight: of the projection, in its base unit.
        modulated: parameters that modulators change.
    """
    strikes, *kinds = program.strikes
    model, leaves = program.traced.model, {parameter_leaf(n) for n in modulated}
    parameters = {n: float(np.median(_spread(getattr(model, n)))) for n in model.spec.parameters}
    w = typical(weight) * (-1.0 if np.median(_spread(weight)) < 0.0 else 1.0)
    known = {parameter_leaf(n): graph.const(v) for n, v in parameters.items() if parameter_leaf(n) not in leaves} | {"w": graph.const(w)}

    def after(nodes: Mapping[str, int], s: Mapping[str, int]) -> dict[str, int]:
        given = known | {f"s.{n}": node for n, node in s.items()}
        return dict(zip(nodes, graft(graph, strikes, nodes.values(), given=given), strict=True))

    start = {n: graph.const(v) for n, v in _initial(model, parameters, w).items()}
    start |= {n: graph.leaf(parameter_leaf(state.initial), static=True) for n, state in model.spec.states.items() if isinstance(state.initial, str) and parameter_leaf(state.initial) in leaves}
    arrived, responded = kinds
    struck, spiked = after(arrived, start), after(responded, start)
    pairs = [(arrived, start), (responded, start), (responded, struck), (arrived, spiked)]
    ends = [after(nodes, s) for nodes, s in pairs]
    decaying = {n for n in program.scheme.stepped} | {i for i, j in program.scheme.system.a if i == j}
    made = []
    for n in start:
        jumps = [graph.add("sub", end[n], s[n]) for end, (_, s) in zip(ends, pairs, strict=True)]
        jump, size = (_largest(graph, nodes) for nodes in (jumps, [v[n] for v in (start, struck, spiked)]))
        good = graph.add("ge", jump, graph.add("mul", graph.const(RESOLVED), size))
        if n not in decaying:
            reach = graph.add("add", size, graph.add("mul", graph.const(2.0 / RESOLVED), jump))
            for (nodes, s), j in zip(pairs, jumps, strict=True):
                far = graph.add("select", graph.add("lt", j, graph.const(0.0)), graph.add("neg", reach), reach)
                beyond = graph.add("mul", graph.add("sub", after(nodes, {**s, n: far})[n], far), far)
                good = graph.add("and", good, graph.add("or", graph.add("not", graph.add("gt", beyond, graph.const(0.0))), graph.add("eq", j, graph.const(0.0))))
        none = graph.add("not", graph.add("and", graph.add("gt", jump, graph.const(0.0)), graph.add("is_finite", jump)))
        made.append(graph.add("or", none, good))
    return made


def _largest(graph: Graph, nodes: Iterable[int]) -> int:
    """The node of the largest magnitude."""
    first, *others = [graph.add("abs", n) for n in nodes]
    for other in others:
        first = graph.add("max", first, other)
    return first


def _slow_sums(
    program: SynapseProgram, parameters: Mapping[str, Any], initial: Mapping[str, float], w: float, decaying: set[str]
) -> dict[str, str]:
    """States to which spikes add too little."""
    graph, arrived, responded = program.strikes
    leaves = {f"p.{n}": float(np.median(v)) for n, v in parameters.items()} | {"w": w}

    def after(nodes: Mapping[str, int], s: Mapping[str, float]) -> dict[str, float]:
        values = graph.evaluate(nodes.values(), leaves | {f"s.{n}": v for n, v in s.items()})
        return {n: float(np.ravel(v)[0]) for n, v in zip(nodes, values, strict=True)}

    start = dict(initial)
    struck, spiked = after(arrived, start), after(responded, start)
    pairs = [(arrived, start), (responded, start), (responded, struck), (arrived, spiked)]  # the last two with fresh traces
    found = {}
    for n in initial:
        jumps = [after(nodes, s)[n] - s[n] for nodes, s in pairs]
        jump, size = max(map(abs, jumps)), max(abs(v[n]) for v in (start, struck, spiked))
        if not 0.0 < jump < np.inf:
            continue
        far = [(size + 2.0 * jump / RESOLVED) * np.sign(j) for j in jumps]  # thousands of steps on
        if jump < RESOLVED * size:
            found[n] = f"spikes change it by {jump:.2g} at a value of {size:.3g}"
        elif n not in decaying and any((after(nodes, {**s, n: x})[n] - x) * x > 0.0 for (nodes, s), x in zip(pairs, far, strict=True)):
            found[n] = "it sums up spikes without bound"
    return found


def _spread(value: Any) -> Any:
    """A parameter in base units; of a distribution, some of its quantiles."""
    if isinstance(value, Distribution):
        return np.asarray(value.quantile(_SHARES))
    raw = value.value if isinstance(value, Quantity) else value
    if np.ndim(raw) == 0:
        return raw
    return np.quantile(raw, np.clip(np.round(_SHARES, 3), 0.0, 1.0)) if np.size(raw) else 1.0  # of no synapses, any number


def _initial(model: DeclarativeModel, parameters: Mapping[str, Any], weight: float) -> dict[str, float]:
    """A typical initial value of each state."""
    made = {}
    for n, state in model.spec.states.items():
        given = parameters[state.initial] if isinstance(state.initial, str) else _spread(state.initial)
        made[n] = weight if n == "weight" else float(np.median(given))
    return made
