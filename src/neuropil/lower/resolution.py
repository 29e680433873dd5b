"""Which states change too little at a time for float32, from a model's equations and the values of its parameters.

A float32 has 24 bits. A state that changes by a share q of itself in a step keeps 24 + log2 q bits of the change: with a
time constant of 10⁷ steps none, so that it stops, and of the propagator 1 - 10⁻⁷ less than one bit is right. A state is
*slow* when q can fall below `RESOLVED`:

    decay        its rate, from the Jacobian: of linear states the eigenvalues of those that depend on each other, of the
                 others the slope by the state itself over a range of plausible states
    no decay     it integrates, or counts events: however large the steps, the sum outgrows them
    increments   what a reset or an event of typical weight adds is too small beside its value

A part with a slow state is advanced in float64 as a whole: the vector loop is as wide as its widest number in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.lower.classify import Scheme, parameter_leaf
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.integrate import Advance, StepFunction
from neuropil.lower.kept import kept, read_by
from neuropil.lower.later import jax, jnp
from neuropil.lower.trace import TracedNeuron, scalar_jaxpr
from neuropil.model.base.described import Spec
from neuropil.model.base.distribution import Distribution
from neuropil.units import mV

RESOLVED = 2.0**-13
"""Smallest share of itself by which a float32 state may change at a time: 11 bits of the change are kept, an error of 2.4e-4."""

MODULATED_ROOM = 8.0
"""How many times slower modulators may make a float32 state than it is at the start."""

SAMPLES = 32
"""Plausible states at which the slopes of equations that are not linear are looked at."""


@dataclass(frozen=True)
class Jumps:
    """What resets and events do to a model's states, as nodes of a graph with leaves p.*, s.* and w.*.

    Attributes:
        reset: the value after a spike; keeps: its slope by the state's own value before (zero: a plain assignment).
        received: the increment by events.
        graph: of the nodes.
    """

    graph: Graph
    reset: dict[str, int]
    keeps: dict[str, int]
    received: dict[str, int]

    @classmethod
    def of(cls, step: StepFunction) -> Jumps:
        """Trace a neuron model's `reset` and `receive`.

        Args:
            step: of the model.

        Returns:
            The nodes.
        """
        return cls(*kept("jumps", read_by(step.traced), lambda: _jumps(step.traced)))


def _jumps(traced: TracedNeuron) -> tuple[Graph, dict[str, int], dict[str, int], dict[str, int]]:
    """Graph and nodes, see `Jumps`."""
    spec = traced.spec
    names = ({n: f"p.{n}" for n in spec.parameters}, {n: f"s.{n}" for n in spec.states}, {n: f"w.{n}" for n in spec.ports})
    fires = traced.has_fires or traced.has_hazard

    def jumps(p: Any, s: Any, w: Any) -> Any:
        def after(s: Any) -> Any:
            return {n: jnp.asarray(v, "float64") for n, v in (traced.reset(p, s) if fires else s).items()}

        keeps = {n: jax.jvp(after, (s,), ({m: jnp.float64(m == n) for m in s},))[1][n] for n in s}
        return after(s), keeps, {n: jnp.asarray(v, "float64") for n, v in traced.receive(p, s, w).items()}

    graph = Graph()
    closed = scalar_jaxpr(jumps, *names)
    nodes = absorb(graph, closed, [graph.leaf(n, static=n[0] == "p") for n in jax.tree.leaves(names)], traced.name)
    ordered = sorted(spec.states)
    parts = (nodes[k * len(ordered) : (k + 1) * len(ordered)] for k in range(3))
    reset, keeps, received = (dict(zip(ordered, part, strict=True)) for part in parts)
    return graph, reset, keeps, received


def slow_states(
    step: StepFunction, parameters: Mapping[str, Any], initial: Mapping[str, Any], weights: Mapping[str, float], dt: float, modulated: Iterable[str] = ()
) -> dict[str, str]:
    """The slow states of a neuron model, each with the reason.

    Args:
        parameters: by name: floats, or arrays with a value per element.
        initial: initial values by state, likewise.
        weights: typical magnitude of the smallest weights by port; what is not named does not occur.
        dt: ms.
        modulated: parameters that modulators change.
        step: of the model.
    """
    found = slow_flows(step, parameters, initial, dt, modulated)
    rests = _resting(step.scheme, parameters)
    at = {n: max(rests.get(n, 0.0), _extreme(v), key=abs) for n, v in initial.items()}
    jumps = Jumps.of(step)
    leaves = {f"p.{n}": v for n, v in parameters.items()} | {f"s.{n}": v for n, v in at.items()}
    leaves |= {f"w.{n}": weights.get(n, 0.0) for n in step.traced.spec.ports}
    for n in (n for n in step.traced.spec.states if n not in found):
        after, keeps, received = (np.ravel(jumps.graph.evaluate([nodes[n]], leaves)[0]) for nodes in (jumps.reset, jumps.keeps, jumps.received))
        untouched = bool(np.all(keeps == 1.0) and np.all(after == at[n]))
        kept = bool(np.any(keeps != 0.0)) and not untouched  # a spike adds to it; else it gives it a value of its own
        size = abs(at[n]) if untouched or kept else max(abs(at[n]), float(np.abs(after).max()))
        steps = np.abs(np.append(after - at[n] if kept else [], received))
        small = steps[(steps > 0.0) & (steps < RESOLVED * size)]
        if small.size:
            found[n] = f"events change it by {small.min():.2g} at a value of {size:.3g}"
        elif _decays_never(step.scheme, n) and (kept or (untouched and np.any(received != 0.0))):
            found[n] = "it sums up events and does not decay"
    return {n: found[n] for n in step.traced.spec.states if n in found}


def slow_flows(
    advance: Advance, parameters: Mapping[str, Any], initial: Mapping[str, Any], dt: float | Mapping[str, float], modulated: Iterable[str] = ()
) -> dict[str, str]:
    """Those that are slow between events.

    Args:
        dt: time between two changes, ms: of all states, or of each; the others as of `slow_states`.
        parameters: by name, base units.
        initial: values of states at the start, by name.
        modulated: names of parameters that modulators change.
    """
    scheme, leaves, found = advance.scheme, {parameter_leaf(n) for n in modulated}, {}
    rates = {**_linear_rates(scheme, parameters), **_stepped_rates(advance, parameters, initial)}
    for n, rate in rates.items():
        share = rate * (dt[n] if isinstance(dt, Mapping) else dt)
        room = MODULATED_ROOM if scheme.system.graph.leaves(*_slope_nodes(scheme, n)) & leaves else 1.0
        if rate == 0.0:
            if not _decays_never(scheme, n) or _flows(scheme, n):
                found[n] = "it integrates what flows in, without decay"
        elif share < RESOLVED * room:
            found[n] = f"its time constant is {1.0 / share:.3g} steps" + (", and modulated" if room > 1.0 else "")
    return found


def own_rates(scheme: Scheme, modulated: Iterable[str]) -> tuple[list[int], bool]:
    """A fast check whether modulated parameters have made a state slow.

    Args:
        modulated: parameters that modulators change.

    Returns:
        Nodes, in the system's graph, of the rates that depend on them, of exact states that no other depends on in turn; and whether
        they decide the rate of any other state, of which `slow_flows` must be asked.
    """
    leaves = {parameter_leaf(n) for n in modulated}
    nodes, others = [], False
    for n in (*scheme.exact, *scheme.stepped):
        slopes = _slope_nodes(scheme, n)
        if scheme.system.graph.leaves(*slopes) & leaves:
            alone = n in scheme.exact and len(_together(scheme, n)) == 1
            nodes += slopes if alone else []
            others |= not alone
    return nodes, others


def typical(weight: Any) -> float:
    """The magnitude of most values of a weight: of a number, an array or a distribution, in base units."""
    if isinstance(weight, Distribution):
        return abs(float(weight.quantile(0.5)))
    size = np.abs(np.asarray(getattr(weight, "value", weight), float))
    return float(np.median(size[size > 0.0])) if np.any(size > 0.0) else 0.0


# --- rates -------------------------------------------------------------------------------------------------------------


def _together(scheme: Scheme, n: str) -> tuple[str, ...]:
    """The exact states that depend on each other, one of which is n."""
    return tuple(j for j in scheme.reach[n] if n in scheme.reach[j])


def _slope_nodes(scheme: Scheme, n: str) -> list[int]:
    """Nodes that decide the rate of a state."""
    if n in scheme.stepped:
        return [scheme.own[n]]
    group = _together(scheme, n)
    return [node for (i, j), node in scheme.system.a.items() if i in group and j in group]


def _decays_never(scheme: Scheme, n: str) -> bool:
    """An exact state, by itself, without decay."""
    return n in scheme.exact and (n, n) not in scheme.system.a and len(_together(scheme, n)) == 1


def _flows(scheme: Scheme, n: str) -> bool:
    """Anything moves it between events."""
    return n in scheme.system.constant or any(n == i for i, _ in (*scheme.system.a, *scheme.system.b))


def _matrix(scheme: Scheme, names: tuple[str, ...], parameters: Mapping[str, Any]) -> np.ndarray:
    """float64[distinct or elements, k, k], the linear system of some exact states."""
    pairs = [(i, j) for i, j in scheme.system.a if i in names and j in names]
    values = scheme.system.graph.evaluate([scheme.system.a[p] for p in pairs], {parameter_leaf(n): v for n, v in parameters.items()})
    matrix = np.zeros((max([np.size(v) for v in values], default=1), len(names), len(names)))
    for (i, j), value in zip(pairs, values, strict=True):
        matrix[:, names.index(i), names.index(j)] = value
    return np.unique(matrix, axis=0) if len(names) > 1 else matrix


def _linear_rates(scheme: Scheme, parameters: Mapping[str, Any]) -> dict[str, float]:
    """The smallest rate of decay (or growth), 1/ms, of each exact state over all elements; 0 without any."""
    rates: dict[str, float] = {}
    for n in scheme.exact:
        if n not in rates:
            group = _together(scheme, n)
            matrix = _matrix(scheme, group, parameters)
            if not np.all(np.isfinite(matrix)):
                continue  # refused with its parameters' names when the propagators are made
            modes = np.abs(matrix[:, 0, 0]) if len(group) == 1 else np.abs(np.linalg.eigvals(matrix))
            slowest, fastest = float(modes.min()), float(modes.max())
            rates.update(dict.fromkeys(group, slowest if slowest > 1e-12 * fastest else 0.0))
    return rates


def _stepped_rates(advance: Advance, parameters: Mapping[str, Any], initial: Mapping[str, Any]) -> dict[str, float]:
    """Likewise of the states that are not linear: a rate that nine in ten plausible states exceed."""
    scheme, spec = advance.scheme, advance.traced.spec
    if not scheme.stepped:
        return {}
    chosen = _extremes(parameters)
    leaves = {parameter_leaf(n): v[chosen, None] if np.size(v) > 1 else v for n, v in parameters.items()}
    leaves |= {f"s.{n}": v for n, v in _plausible(spec, initial).items()} | {f"x.{n}": v for n, v in _surroundings(spec).items()}
    rates = {}
    for n in scheme.stepped:
        slope = np.abs(np.asarray(scheme.system.graph.evaluate([scheme.own[n]], leaves)[0], float))
        slope = np.broadcast_to(slope, np.broadcast_shapes(slope.shape, (1, SAMPLES)))
        flat = np.count_nonzero(slope == 0.0, axis=-1) > SAMPLES // 2  # a bounded equation may be flat beyond its bounds
        known = np.where(np.isfinite(slope) & (slope != 0.0), slope, np.inf)
        rates[n] = float(np.where(flat, 0.0, np.quantile(known, 0.1, axis=-1, method="lower")).min())
    return rates


def _extremes(parameters: Mapping[str, Any]) -> np.ndarray:
    """Elements with the smallest and the largest value of each parameter that differs."""
    arrays = [np.asarray(v) for v in parameters.values() if np.size(v) > 1]
    return np.unique([k for a in arrays for k in (int(a.argmin()), int(a.argmax()))])


def _plausible(spec: Spec, initial: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """float64[SAMPLES] by state: potentials from -90 to 0 mV (or 20 mV around a start at 0 or above), shares from 0 to 1,
    everything else within a factor of ten of its start, or up to 100 units."""
    draw = np.random.default_rng(0)
    made = {}
    for n, dimension in spec.state_dimensions.items():
        start = float(np.ravel(initial[n])[0]) if n in initial and np.size(initial[n]) else 0.0
        u = draw.uniform(size=SAMPLES)
        if dimension == mV.dimension:
            made[n] = -90.0 * u if start < 0.0 else start + 20.0 * (2.0 * u - 1.0)
        elif not any(dimension):
            made[n] = u if 0.0 <= start <= 1.0 else start * 10.0 ** (2.0 * u - 1.0)
        else:
            made[n] = start * 10.0 ** (2.0 * u - 1.0) if start else 10.0 ** (3.0 * u - 1.0)
    return made


def _surroundings(spec: Spec) -> dict[str, Any]:
    """Likewise of what flows in: potentials, concentrations of ions (10⁻⁵ to 10⁻² mM); anything else is 0."""
    draw = np.random.default_rng(1)
    made: dict[str, Any] = {}
    for n, dimension in spec.inputs.items():
        u = draw.uniform(size=SAMPLES)
        made[n] = -90.0 * u if dimension == mV.dimension else 10.0 ** (3.0 * u - 5.0) if n.startswith("c_") else 0.0
    return made


# --- values ------------------------------------------------------------------------------------------------------------


def _resting(scheme: Scheme, parameters: Mapping[str, Any]) -> dict[str, float]:
    """Where the exact states rest without inputs, of all elements the farthest from zero; only if all of them rest somewhere."""
    system, names = scheme.system, scheme.exact
    if not system.constant:
        return {}
    chosen = _extremes(parameters)
    leaves = {parameter_leaf(n): v[chosen] if np.size(v) > 1 else v for n, v in parameters.items()}
    values = [np.ravel(v) for v in system.graph.evaluate([*system.a.values(), *system.constant.values()], leaves)]
    size = max(v.size for v in values)
    matrix, drift = np.zeros((size, len(names), len(names))), np.zeros((size, len(names), 1))
    for (i, j), value in zip(system.a, values, strict=False):
        matrix[:, names.index(i), names.index(j)] = value
    for i, value in zip(system.constant, values[len(system.a) :], strict=True):
        drift[:, names.index(i), 0] = value
    try:
        rest = -np.linalg.solve(matrix, drift)[:, :, 0]
    except np.linalg.LinAlgError:
        return {}
    return {n: _extreme(rest[:, k]) for k, n in enumerate(names) if np.all(np.isfinite(rest[:, k]))}


def _extreme(values: Any) -> float:
    """Of some numbers the farthest from zero."""
    flat = np.ravel(values)
    return float(flat[np.argmax(np.abs(flat))]) if flat.size else 0.0
