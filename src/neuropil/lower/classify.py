"""Decide how each state of a model is advanced, from the structure of its Jacobian, and say why.

The Jacobian comes from differentiating the traced equations. States whose equations are linear with coefficients that
depend on parameters alone, and that depend only on such states, are advanced by the exact propagator of their linear
system. The others take exponential Euler if each is linear in itself (as a membrane potential under conductances, or a
gate), else a Runge-Kutta method. States of one unit, potentials aside, that depend on each other, or that pass on all they lose,
form a kinetic scheme: they take exponential Euler together, by the exponential of their whole Jacobian, so that what they
exchange is neither lost nor made (see `neuropil.lower.coupled`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.lower.coupled import LARGEST_GROUP
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.kept import kept, read_by
from neuropil.lower.later import jax
from neuropil.lower.purity import check_pure
from neuropil.lower.trace import Traced, scalar_jaxpr
from neuropil.model.base.integrators import DERIVED, Tableau, check_integrator
from neuropil.model.base.noise import NoiseTerms, is_white, white
from neuropil.registry import named
from neuropil.units import mV

PROBES = 16
"""Random values at which sums of slopes are tried."""


@dataclass(frozen=True)
class LinearSystem:
    """ds/dt = A s + B x + b of the exactly advanced states, as static nodes of a graph (absent entries are zero).

    Attributes:
        graph: of the nodes.
        a: node of A[i, j]; b: of B[i, k]; constant: of b[i].
    """

    graph: Graph
    a: dict[tuple[str, str], int]
    b: dict[tuple[str, str], int]
    constant: dict[str, int]


@dataclass(frozen=True)
class Scheme:
    """How the states of a model are advanced.

    Attributes:
        exact: states advanced by the exact propagator.
        stepped: states advanced by `method`.
        method: "exponential_euler", the name of a tableau, or None when nothing is stepped.
        reasons: one sentence per state.
        reach: for every exact state, the exact states its future depends on (itself included).
        driven: for every exact state, the inputs its future depends on.
        affine: exact states whose future has a constant part.
        system: the linear system of the exact states.
        own: for every state the node, in the system's graph, of the slope of its rate of change by itself.
        coupled: groups of the stepped states that are advanced together.
        noise: what noise does in the equations.
    """

    exact: tuple[str, ...]
    stepped: tuple[str, ...]
    method: str | None
    reasons: dict[str, str]
    reach: dict[str, tuple[str, ...]]
    driven: dict[str, tuple[str, ...]]
    affine: frozenset[str]
    system: LinearSystem
    own: dict[str, int]
    coupled: tuple[tuple[str, ...], ...] = ()
    noise: NoiseTerms = field(default_factory=NoiseTerms)

    def exact_in_distribution(self, state: str, given: str) -> bool:
        """Whether a state is an Ornstein-Uhlenbeck process of the noise `given`: exact, driven by it, and depending on no state but itself."""
        return is_white(given) and self.reach.get(state) == (state,) and (state, given) in self.system.b

    @property
    def tableau(self) -> Tableau | None:
        """Of a Runge-Kutta method."""
        return None if self.method in (None, *DERIVED) else named(Tableau, self.method)


def parameter_leaf(name: str) -> str:
    """The leaf name of a parameter in a graph."""
    return f"p.{name}"


def classify(traced: Traced) -> Scheme:
    """The scheme of a model; honours its declared `integrator`.

    Raises:
        ModelError: when a declared integrator cannot be used for these equations, or an equation has an effect.
    """
    return kept("scheme", read_by(traced), lambda: _classified(traced))


def _classified(traced: Traced) -> Scheme:
    check_pure(traced)
    spec = traced.spec
    states, inputs = tuple(spec.states), tuple(spec.inputs)
    graph, value, slope = _jacobian(traced, states, inputs)
    moving = {*(f"s.{n}" for n in states), *(f"x.{n}" for n in inputs)}

    def constant(node: int) -> bool:
        return not (graph.leaves(node) & moving)

    diffusion = _diffusion(traced, states, white(inputs), slope, graph)
    linear, obstacles = _linear(set(states), {}, states, inputs, slope, graph, constant)
    method = _method(traced, tuple(s for s in states if s not in linear), slope, graph, obstacles, diffusion)
    groups: tuple[tuple[str, ...], ...] = ()
    while method == "exponential_euler" and traced.integrator == "auto":
        groups = tuple(g for g in _kinetic_schemes(traced, states, slope, graph) if not linear.issuperset(g))
        if not (joined := linear.intersection(*[set().union(*groups)])):
            break
        # An exact state that exchanges with others is advanced with them, and what depends on it no longer is exact.
        obstacles |= {i: f"d{i}/dt belongs to a kinetic scheme whose rates vary" for i in joined}
        linear, obstacles = _linear(linear - joined, obstacles, states, inputs, slope, graph, constant)
    exact, stepped = tuple(s for s in states if s in linear), tuple(s for s in states if s not in linear)
    system = LinearSystem(
        graph,
        {(i, j): slope[i, j] for i in exact for j in exact if graph.literal(slope[i, j]) != 0.0},
        {(i, k): slope[i, k] for i in exact for k in inputs if graph.literal(slope[i, k]) != 0.0},
        _constants(graph, value, exact, states, inputs, traced),
    )
    reach = {i: _closure(i, exact, system.a) for i in exact}
    driven = {i: tuple(k for k in inputs if any((j, k) in system.b for j in reach[i])) for i in exact}
    affine = frozenset(i for i in exact if any(j in system.constant for j in reach[i]))
    reasons = _reasons(exact, stepped, method, obstacles, system) | _together(groups)
    scheme = Scheme(exact, stepped, method, reasons, reach, driven, affine, system, {i: slope[i, i] for i in states}, groups, diffusion)
    reasons |= {i: f"{reasons[i]}; {_of_noise(scheme, i)}" for i in diffusion.of}
    return scheme


def _diffusion(traced: Traced, states: tuple[str, ...], noises: tuple[str, ...], slope: dict, graph: Graph) -> NoiseTerms:
    """The diffusion of each state: its slope by noise, which must not depend on noise."""
    of = {i: tuple(k for k in noises if graph.literal(slope[i, k]) != 0.0) for i in states}
    of = {i: several for i, several in of.items() if several}
    leaves = {i: graph.leaves(*(slope[i, k] for k in several)) for i, several in of.items()}
    for i, found in leaves.items():
        if squared := [k for k in noises if f"x.{k}" in found]:
            raise ModelError(
                f"{traced.name}: d{i}/dt is not linear in {squared[0]}", got="white noise has no square, and no other function",
                expected="a diffusion times the noise", fix="make what the noise drives a state, and take the function of that state",
            )  # fmt: skip
    return NoiseTerms(of, {i: frozenset(j for j in of if f"s.{j}" in leaves[i]) for i in of})


def _of_noise(scheme: Scheme, i: str) -> str:
    """What an explanation says of a state with noise."""
    noise, order = scheme.noise, f"strong order {scheme.noise.strong_order(scheme.method):.1f}"
    if i in scheme.exact and all(scheme.exact_in_distribution(i, k) for k in noise.of[i]):
        return f"Ornstein-Uhlenbeck process, exact in distribution, {order}"
    if not noise.read[i]:
        return f"additive noise, {order}"
    return f"multiplicative noise in the sense of Itô, {'Euler-Maruyama, ' if scheme.method == 'euler' else ''}{order}"


def _linear(linear: set[str], obstacles: dict[str, str], states: Any, inputs: Any, slope: dict, graph: Graph, constant: Any) -> tuple[set[str], dict[str, str]]:
    """Those of the states that can be advanced exactly, and why the others cannot."""
    while out := {i: why for i in linear if (why := _why_not(i, states, inputs, linear, slope, graph, constant))}:
        obstacles = obstacles | out
        linear = linear - set(out)
    return linear, obstacles


def _kinetic_schemes(traced: Traced, states: tuple[str, ...], slope: dict, graph: Graph) -> list[tuple[str, ...]]:
    """Groups of states of one unit, no potentials, that depend on each other or pass on to each other all that they lose."""
    unit = traced.spec.state_dimensions
    able = tuple(s for s in states if unit[s] != mV.dimension)
    feeds = {j: {i for i in able if unit[i] == unit[j] and graph.literal(slope[i, j]) != 0.0} for j in able}
    if not any(feeds[j] - {j} for j in able):
        return []
    passing = _passing_on(feeds, slope, graph)
    beyond = {j: _reached(j, feeds) for j in able}
    joined: dict[str, set[str]] = {s: {i for i in able if (i in beyond[s] and s in beyond[i]) or (s in passing and i in feeds[s])} for s in able}
    both = {s: joined[s] | {i for i in able if s in joined[i]} for s in able}
    groups = dict.fromkeys(tuple(s for s in states if s in _reached(first, both)) for first in able)
    found = [g for g in groups if len(g) > 1]
    if any(len(g) > LARGEST_GROUP for g in found):
        raise ModelError(f"{traced.name}: too many states depend on each other", got=max(map(len, found)), expected=f"at most {LARGEST_GROUP}")
    return found


def _reached(first: str, onward: dict[str, set[str]]) -> set[str]:
    """A state and all that one comes to from it."""
    found, ahead = {first}, [first]
    while ahead:
        new = onward[ahead.pop()] - found
        found |= new
        ahead += sorted(new)
    return found


def _passing_on(feeds: dict[str, set[str]], slope: dict, graph: Graph) -> set[str]:
    """States all of whose loss is others' gain: their slopes in all equations sum to zero, tried at random values of everything."""
    rng = np.random.default_rng(0)
    columns = {j: [slope[i, j] for i in (j, *sorted(into - {j}))] for j, into in feeds.items() if into - {j}}
    leaves = {n: rng.uniform(0.2, 2.0, PROBES) for n in sorted(graph.leaves(*(n for c in columns.values() for n in c)))}
    found = set()
    for j, nodes in columns.items():
        values = np.array([np.broadcast_to(np.asarray(v, float), PROBES) for v in graph.evaluate(nodes, leaves)])
        known = np.isfinite(values).all(axis=0)
        left = np.abs(values.sum(axis=0)) <= 1e-12 * np.abs(values).sum(axis=0)
        if known.any() and left[known].all():
            found.add(j)
    return found


def _together(groups: tuple[tuple[str, ...], ...]) -> dict[str, str]:
    """The reason of states that are advanced together."""
    return {
        i: f"kinetic scheme with {', '.join(j for j in g if j != i)}: solved together by the exponential of their Jacobian, which keeps their sum"
        for g in groups for i in g
    }  # fmt: skip


def _jacobian(traced: Traced, states: tuple[str, ...], inputs: tuple[str, ...]) -> tuple[Graph, dict, dict]:
    """Graph of all d/dt, of their values and of their slopes by each state and input."""
    parameters = {n: "f" for n in traced.spec.parameters}

    def slopes(p: Any, s: Any, x: Any) -> Any:
        def f(s: Any, x: Any) -> Any:
            return {n: jax.numpy.asarray(v, "float64") for n, v in traced.derivative(p, s, x).items()}

        rows: dict[str, Any] = {}
        value = f(s, x)
        for j in (*states, *inputs):
            ds = {n: jax.numpy.float64(n == j) for n in states}
            dx = {n: jax.numpy.float64(n == j) for n in inputs}
            _, rows[j] = jax.jvp(f, (s, x), (ds, dx))
        return value, rows

    arguments = (parameters, {n: "f" for n in states}, {n: "f" for n in inputs})
    closed = scalar_jaxpr(slopes, *arguments)
    graph = Graph()
    names = jax.tree.leaves(({n: f"p.{n}" for n in parameters}, {n: f"s.{n}" for n in states}, {n: f"x.{n}" for n in inputs}))
    leaves = [graph.leaf(name, static=name.startswith("p.")) for name in names]
    results = absorb(graph, closed, leaves, traced.name)
    shape = ({n: 0 for n in states}, {j: {i: 0 for i in states} for j in (*states, *inputs)})
    value, rows = jax.tree.unflatten(jax.tree.structure(shape), results)
    return graph, value, {(i, j): rows[j][i] for j in rows for i in states}


def _why_not(
    i: str, states: tuple[str, ...], inputs: tuple[str, ...], linear: set[str], slope: dict, graph: Graph, constant: Any
) -> str | None:
    """Why state i cannot be advanced exactly, or None."""
    for j in (*states, *inputs):
        node = slope[i, j]
        if not constant(node):
            return f"d{i}/dt is not linear in {j}"
        if j in states and j not in linear and graph.literal(node) != 0.0:
            return f"d{i}/dt depends on {j}, which is not linear"
    return None


def _constants(graph: Graph, value: dict, exact: Any, states: Any, inputs: Any, traced: Traced) -> dict[str, int]:
    """b of ds/dt = A s + B x + b: the derivative with every state and input at zero."""
    if not exact:
        return {}

    def at_zero(p: Any) -> Any:
        s, x = {n: jax.numpy.float64(0.0) for n in states}, {n: jax.numpy.float64(0.0) for n in inputs}
        rates = traced.derivative(p, s, x)
        return {n: jax.numpy.asarray(rates[n], "float64") for n in exact}

    parameters = sorted(traced.spec.parameters)
    closed = scalar_jaxpr(at_zero, {n: "f" for n in parameters})
    nodes = absorb(graph, closed, [graph.leaf(parameter_leaf(n), static=True) for n in parameters], traced.name)
    found = dict(zip(sorted(exact), nodes, strict=True))
    return {n: node for n, node in found.items() if graph.literal(node) != 0.0}


def _closure(i: str, exact: tuple[str, ...], a: dict[tuple[str, str], int]) -> tuple[str, ...]:
    reached, frontier = {i}, [i]
    while frontier:
        j = frontier.pop()
        for k in exact:
            if (j, k) in a and k not in reached:
                reached.add(k)
                frontier.append(k)
    return tuple(s for s in exact if s in reached)


def _method(traced: Traced, stepped: tuple[str, ...], slope: dict, graph: Graph, obstacles: dict[str, str], diffusion: NoiseTerms) -> str | None:
    check_integrator(traced.name, traced.integrator)  # it may have been set after the class was made
    wanted = diffusion.method(traced.name, traced.integrator)
    if not stepped:
        return None
    if wanted == "exact":
        raise ModelError(
            f"{traced.name} asks for the exact integrator, but it is not linear",
            got=obstacles[stepped[0]],
            fix='set integrator = "auto", or "rk4"',
        )
    if wanted != "auto":
        return wanted
    in_itself = all(f"s.{i}" not in graph.leaves(slope[i, i]) for i in stepped)
    return "exponential_euler" if in_itself else "rk4"


def _reasons(exact: Any, stepped: Any, method: str | None, obstacles: dict[str, str], system: LinearSystem) -> dict[str, str]:
    reasons = {}
    for i in exact:
        alone = not any((i, j) in system.a for j in exact) and i not in system.constant
        moves = any((i, k) in system.b for (_, k) in system.b)
        reasons[i] = "constant between events" if alone and not moves else "exact: linear with constant coefficients"
    if method is not None:
        why = "exponential Euler: each equation is linear in its own variable" if method in DERIVED else named(Tableau, method).reason
        reasons.update({i: f"{why} ({obstacles[i]})" for i in stepped})
    return reasons
