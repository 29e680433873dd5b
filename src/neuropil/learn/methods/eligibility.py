"""The forward pass of e-prop: eligibility traces and sums of their products with derivatives of the loss.

Everything that is local to a neuron is a *group*: the synapses of a projection to it, one of its parameters, one of its initial states. Each element of a group
has a trace for every state of its neuron.

Args:
    rollout: of the network.
    parameters, state, inputs: as of `Rollout.apply`, of one sample.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.learn.delivery import Wiring
from neuropil.learn.methods.point_networks import entering, wirings
from neuropil.learn.rollout import Rolled, Rollout

Tree = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """Elements whose traces have one form.

    Attributes:
        path: where their gradient goes: ("weights", projection), ("neurons", population, parameter) or ("initial", population, state).
        population: of the neurons they are local to.
        post: int64[elements], the neuron of each.
        wiring: of synapses; parameter: of neurons, by name; initial: the state that starts at 1.
    """

    path: tuple[str, ...]
    population: str
    post: np.ndarray
    wiring: Wiring | None = None
    parameter: str = ""
    initial: str = ""


def groups(rollout: Rollout, wanted: Set[tuple[str, ...]]) -> list[Group]:
    """The groups of a network whose gradient is asked for.

    Args:
        rollout: of the network.
        wanted: their paths.
    """
    found = [Group(("weights", w.name), w.target, w.post, wiring=w) for w in wirings(rollout)]
    for name, neurons in rollout.neurons.items():
        every = np.arange(neurons.population.size)
        found += [Group(("neurons", name, n), name, every, parameter=n) for n in neurons.parameters]
        found += [Group(("initial", name, n), name, every, initial=n) for n in neurons.initial]
    return [g for g in found if g.path in wanted]


@dataclass(frozen=True)
class Local:
    """Derivatives of one population's step: of new states and spikes, by old states, by ports, by parameters.

    Attributes:
        by_state: state -> (new state -> [neurons], [neurons] of the spike); by_port, by_parameter: likewise.
    """

    by_state: Tree
    by_port: Tree
    by_parameter: Tree


def accumulated(
    rollout: Rollout, parameters: Tree, state: Tree, inputs: Tree, back: Tree, cotangent: Rolled, returning: list[Wiring], wanted: Set[tuple[str, ...]],
) -> tuple[Tree, Tree]:  # fmt: skip
    """The gradient of a loss.

    Args:
        back: projection to a readout -> [synapses], B.
        cotangent: derivatives of the loss by what the rollout leaves.
        returning: the projections to readouts.
        wanted: paths of the groups whose gradient is asked for.

    Returns:
        Like parameters, and like state: floats by state of the neurons, else zero.
    """
    every = groups(rollout, wanted)
    dtype = rollout.dtype
    constants = {n: v.constants(parameters["neurons"][n], rollout.dt, dtype) for n, v in rollout.neurons.items()}
    tangents: Tree = {n: {g.parameter: _tangent(rollout, n, parameters["neurons"][n], g.parameter) for g in every if g.parameter and g.population == n} for n in rollout.neurons}
    silent = {w.target: _linear(rollout, w.target, constants[w.target]) for w in returning}
    weights = {n: jnp.asarray(w, dtype) for n, w in parameters["weights"].items()}
    prepared = rollout.delivery.prepare(weights, {})
    longest = {n: max([1, *(w.longest for w in wirings(rollout) if w.source == n)]) for n in rollout.neurons}

    def begin(group: Group) -> Tree:
        states = rollout.neurons[group.population].initial
        traces = {m: jnp.full(group.post.size, float(m == group.initial), dtype) for m in states}
        through = {
            w.name: {"late": jnp.zeros((w.longest, group.post.size), dtype), "through": {m: jnp.zeros(group.post.size, dtype) for m in rollout.neurons[w.target].initial}}
            for w in returning if w.source == group.population
        }  # fmt: skip
        return {"traces": traces, "through": through, "sum": jnp.zeros(group.post.size, dtype)}

    def step(carry: Tree, row: Tree) -> tuple[Tree, None]:
        k, given, seen = row["inputs"]["step"], row["inputs"], row["cotangent"]
        arrived, flight = rollout.delivery.arrive(carry["flight"], k)
        states, left, spikes, local, direct, past = {}, {}, {}, {}, {}, {}
        for name, neurons in rollout.neurons.items():
            x, w, u = entering(rollout, name, given, arrived)
            old = carry["neurons"][name]
            states[name], left[name], spikes[name], local[name] = _local(neurons, constants[name], tangents[name], old, carry["left"][name], x, w, u)
            direct[name] = {m: jnp.zeros(neurons.population.size, dtype) for m in old}
        for probe in rollout.network.probes:
            of = direct[probe.target.name]
            of[probe.variable] = of[probe.variable].at[probe.flat_index].add(seen["traces"][probe.name])
        signals = {w.name: _signals(back[w.name], w, direct[w.target], seen["spikes"][w.target], local[w.target]) for w in returning}
        after = [_onward(rollout, g, now, local[g.population], carry["past"], k, direct, seen["spikes"], signals, silent, returning) for g, now in zip(every, carry["groups"], strict=True)]
        for name in rollout.neurons:
            past[name] = carry["past"][name].at[k % longest[name]].set(spikes[name])
        flight = rollout.delivery.send(prepared, spikes, flight, k)
        return {"neurons": states, "left": left, "flight": flight, "past": past, "groups": after}, None

    start = {
        "neurons": state["neurons"], "left": state["left"], "flight": state["flight"], "groups": [begin(g) for g in every],
        "past": {n: jnp.zeros((longest[n], v.population.size), dtype) for n, v in rollout.neurons.items()},
    }  # fmt: skip
    rows = {"inputs": inputs, "cotangent": {"spikes": cotangent.spikes, "traces": cotangent.traces}}
    last, _ = jax.lax.scan(step, start, rows)
    return _sorted(parameters, state, every, [g["sum"] for g in last["groups"]])


def _tangent(rollout: Rollout, name: str, parameters: Tree, parameter: str) -> Tree:
    """Derivatives of a population's constants by one of its parameters, floats by name."""
    neurons = rollout.neurons[name]
    given = jnp.asarray(parameters[parameter], rollout.dtype)

    def made(value: Any) -> Tree:
        found = neurons.constants({**parameters, parameter: value}, rollout.dt, rollout.dtype)
        return {n: v for n, v in found.items() if jnp.issubdtype(v.dtype, jnp.floating)}

    tangent: Tree = jax.jvp(made, (given,), (jnp.ones_like(given),))[1]
    return tangent


def _local(neurons: Any, p: Tree, tangents: Tree, s: Tree, left: Any, x: Tree, w: Tree, u: Any) -> tuple[Tree, Any, Any, Local]:
    """A step of a population, and its derivatives."""
    floats = {n: v for n, v in p.items() if jnp.issubdtype(v.dtype, jnp.floating)}

    def stepped(p_: Tree, s: Tree, w: Tree) -> tuple[Tree, Any]:
        new, _, spikes = neurons.advance({**p, **p_}, s, left, x, w, u)
        return new, spikes

    (new, spikes), along = jax.linearize(stepped, floats, s, w)
    none_p, none_s, none_w = (jax.tree.map(jnp.zeros_like, t) for t in (floats, s, w))
    by_state = {n: along(none_p, {**none_s, n: jnp.ones_like(s[n])}, none_w) for n in s}
    by_port = {n: along(none_p, none_s, {**none_w, n: jnp.ones_like(w[n])}) for n in w}
    by_parameter = {n: along(t, none_s, none_w) for n, t in tangents.items()}
    _, left, _ = neurons.advance(p, s, left, x, w, u)
    return new, left, spikes, Local(by_state, by_port, by_parameter)


def _linear(rollout: Rollout, name: str, p: Tree) -> tuple[Tree, Tree]:
    """Of a readout's silent step, which is linear and the same for all: new state by old state, and by port, numbers."""
    neurons: Any = rollout.neurons[name]
    s = {n: jnp.zeros(1, rollout.dtype) for n in neurons.initial}
    w = {n: jnp.zeros(1, rollout.dtype) for n in neurons.population.neuron.spec.ports}
    x = {n: jnp.zeros(1, rollout.dtype) for n in neurons.population.neuron.spec.inputs}
    still = jnp.zeros(1, bool)

    def stepped(s: Tree, w: Tree) -> Tree:
        new, _ = neurons.silent(p, s, x, w, still, jnp.zeros(1, rollout.dtype))
        return {n: jnp.broadcast_to(v, (1,)).astype(rollout.dtype) for n, v in new.items()}

    _, along = jax.linearize(stepped, s, w)
    none_s, none_w = jax.tree.map(jnp.zeros_like, s), jax.tree.map(jnp.zeros_like, w)
    by_state = {n: along({**none_s, n: jnp.ones(1, rollout.dtype)}, none_w) for n in s}
    return by_state, {n: along(none_s, {**none_w, n: jnp.ones(1, rollout.dtype)}) for n in w}


def _signals(back: Any, wiring: Wiring, direct: Tree, spikes: Any, local: Local) -> tuple[Tree, Tree, Any]:
    """Learning signals of the sources of a projection to a readout: by the readout's new states, by its old states through its spikes, and by
    what arrives through its spikes; each [sources]."""

    def to_sources(error: Any) -> Any:
        return jnp.zeros(wiring.sizes[0], back.dtype).at[wiring.pre].add(back * error[wiring.post])

    through = {n: to_sources(spikes * z) for n, (_, z) in local.by_state.items()}
    return {n: to_sources(c) for n, c in direct.items()}, through, to_sources(spikes * local.by_port[wiring.port][1])


def _onward(
    rollout: Rollout, group: Group, now: Tree, local: Local, past: Tree, k: Any, direct: Tree, seen: Tree, signals: Tree, silent: Tree, returning: list[Wiring]
) -> Tree:  # fmt: skip
    """A group's traces after the step, and its sum with what the step adds."""
    post, name = group.post, group.population
    fresh, spike = _injected(group, local, past, k)
    traces, e = {m: fresh.get(m, 0.0) + jnp.zeros(post.size, rollout.dtype) for m in now["traces"]}, spike
    for m, (new, z) in local.by_state.items():
        e = e + z[post] * now["traces"][m]
        traces = {n: traces[n] + new[n][post] * now["traces"][m] for n in traces}
    total = now["sum"] + seen[name][post] * e
    for m, c in direct[name].items():
        total = total + c[post] * traces[m]
    through = {}
    for w in returning:
        if w.source != name:
            continue
        mine, (by_state, by_port) = now["through"][w.name], silent[w.target]
        row = k % w.longest
        arriving = mine["late"][row]
        new = {n: by_port[w.port][n] * arriving for n in mine["through"]}
        for m, effect in by_state.items():
            new = {n: new[n] + effect[n] * mine["through"][m] for n in new}
        states, spiking, at_once = signals[w.name]
        total = total + at_once[post] * arriving
        for m in new:
            total = total + states[m][post] * new[m] + spiking[m][post] * mine["through"][m]
        through[w.name] = {"late": mine["late"].at[row].set(e), "through": new}
    return {"traces": traces, "through": through, "sum": total}


def _injected(group: Group, local: Local, past: Tree, k: Any) -> tuple[Tree, Any]:
    """What the step adds to the traces of the states, and to that of the spike."""
    if group.wiring is not None:
        w = group.wiring
        before = past[w.source]
        came = before[(k - w.delay.astype(np.int32)) % before.shape[0], w.pre]
        states, spike = local.by_port[w.port]
        return {n: v[w.post] * came for n, v in states.items()}, spike[w.post] * came
    if group.parameter:
        states, spike = local.by_parameter[group.parameter]
        return dict(states), spike
    return {}, jnp.zeros(group.post.size, next(iter(local.by_state.values()))[1].dtype)


def _sorted(parameters: Tree, state: Tree, every: list[Group], sums: list[Any]) -> tuple[Tree, Tree]:
    """The sums as trees like parameters and state."""
    by_parameter = jax.tree.map(jnp.zeros_like, parameters)
    by_state = jax.tree.map(lambda a: jnp.zeros_like(a) if jnp.issubdtype(a.dtype, jnp.floating) else np.zeros(a.shape, jax.dtypes.float0), state)
    for group, total in zip(every, sums, strict=True):
        kind, name, *rest = group.path
        if kind == "weights":
            by_parameter["weights"][name] = total.astype(parameters["weights"][name].dtype)
        elif kind == "neurons":
            given = parameters["neurons"][name][rest[0]]
            by_parameter["neurons"][name][rest[0]] = (total if given.ndim else total.sum()).astype(given.dtype)
        else:
            by_state["neurons"][name][rest[0]] = total
    return by_parameter, by_state
