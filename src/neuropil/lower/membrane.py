"""The membrane of a compartment: all its channels together, lowered to two elementwise functions.

Compartments that carry the same channels form a *membrane*; so does a point process, by itself. From the equations follow

    currents  from potential and states: the outward current, its slope g = dI/dV, which the implicit solver needs, and
              the current of each ion that a pool counts
    states    from the new potential: new concentrations, then, with them, new gates

Each state advances as its own equation allows: exactly where it is linear with constant coefficients, else by exponential
Euler with the slope from automatic differentiation. This is the staggered scheme of Hines (1984): potential and gates
take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.errors import ModelError
from neuropil.lower.elementwise import Constants, frontier
from neuropil.lower.exponentials import share_exponentials
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.integrate import Advance
from neuropil.lower.propagator import propagators
from neuropil.lower.trace import Scalars, Traced, scalar_jaxpr
from neuropil.model.described import Steady
from neuropil.model.mechanism import SUPPLIED, Mechanism, supplied
from neuropil.units import magnitude


class TracedMechanism(Traced):
    """The equations of a mechanism as functions of bare values."""

    def __init__(self, mechanism: Mechanism):
        super().__init__(mechanism)
        self.mechanism = mechanism

    @property
    def equations(self) -> dict[str, tuple[Callable[..., Any], tuple[str, ...]]]:
        return super().equations | self._given({"current": (self.current, ("s", "x")), "provides": (self.provides, ("s", "x"))})

    def current(self, p: Scalars, s: Scalars, x: Scalars) -> Any:
        """Outward current, in the mechanism's own unit."""
        with self._equation("current"):
            value = self._model(p).current(self._states(s), self._values("input", x, self.spec.inputs))
            return magnitude(value, self.mechanism.current_dimension, f"{self.name}.current()")

    def provides(self, p: Scalars, s: Scalars, x: Scalars) -> Scalars:
        """What it offers to its compartment."""
        with self._equation("provides"):
            given = self._model(p).provides(self._states(s), self._values("input", x, self.spec.inputs))
        for name in given:
            if not supplied(name) or name == "v" or name.startswith("i_"):
                raise ModelError(f"{self.name}.provides(): not something a compartment passes on", got=name, expected='"c_<ion>" or "e_<ion>"')
        return {n: magnitude(v, SUPPLIED[n[0]], f"{self.name}.provides(): {n}") for n, v in given.items()}


class Membrane:
    """Channels that share a compartment, as functions of bare values that any executor may call.

    Args:
        mechanisms: by name in the cell, in the order in which their currents are added: channels, or one point process.
        where: for people.

    Attributes:
        states, signals, ports: what changes, what stimuli give, where events arrive, by "mechanism.name" like all values
            of states and parameters.
        counted: ion currents that a pool counts: "i_ca".
    """

    def __init__(self, mechanisms: Mapping[str, Mechanism], where: str = "a compartment"):
        self.traced = {name: TracedMechanism(c) for name, c in mechanisms.items()}
        self.steps = {name: Advance.of(t) for name, t in self.traced.items()}
        self.states = tuple(f"{n}.{s}" for n, t in self.traced.items() for s in t.spec.states)
        self.counted = tuple(dict.fromkeys(i for t in self.traced.values() for i in t.spec.inputs if i.startswith("i_")))
        self.signals = tuple(f"{n}.{i}" for n, t in self.traced.items() for i in t.spec.inputs if not supplied(i))
        self.ports = tuple(f"{n}.{port}" for n, t in self.traced.items() for port in t.spec.ports)
        self._check(where)

    def _check(self, where: str) -> None:
        offered = dict.fromkeys(("v", *self.counted), "the compartment")
        for name, t in self.traced.items():
            for given in t.provides({n: 1.0 for n in t.spec.parameters}, {n: 0.5 for n in t.spec.states}, {n: 1.0 for n in t.spec.inputs}):
                if given in offered:
                    raise ModelError(f"{where}: {given} comes from {offered[given]} and from {name}", fix="paint one of the two there")
                offered[given] = name
        for name, t in self.traced.items():
            for wanted in t.spec.inputs:
                if supplied(wanted) and wanted not in offered:
                    listed, ion = ", ".join(self.traced), wanted.partition("_")[2]
                    raise ModelError(f"{where}: {name} needs {wanted!r}, which nothing there provides", got=f"only {listed}", fix=f"paint a pool of {ion} too")

    @property
    def pools(self) -> tuple[str, ...]:
        """Channels that count an ion's current: their states come first."""
        return tuple(n for n, t in self.traced.items() if any(i.startswith("i_") for i in t.spec.inputs))

    def _surroundings(self, p: Scalars, s: Scalars, v: Any, ions: Scalars) -> Scalars:
        """What the compartment supplies, from the states as they are."""
        given = {"v": v, **ions}
        for name, t in self.traced.items():
            x = {n: given.get(n, 0.0) for n in t.spec.inputs}
            given.update(t.provides(_of(name, p), _of(name, s), x))
        return given

    def _inputs(self, name: str, given: Scalars, signals: Scalars) -> Scalars:
        return {n: given[n] if supplied(n) else signals[f"{name}.{n}"] for n in self.traced[name].spec.inputs}

    def currents(self, p: Scalars, s: Scalars, v: Any, signals: Scalars) -> tuple[Any, Any, Scalars]:
        """(g, outward current, ion currents): densities of channels (nS/µm², pA/µm²), absolute of a point process (nS, pA)."""
        ions = {i: 0.0 for i in self.counted}

        def total(v: Any) -> tuple[Any, Scalars]:
            given = self._surroundings(p, s, v, ions)
            amount: Any = jnp.asarray(0.0) * v
            by_ion = dict.fromkeys(self.counted, jnp.asarray(0.0) * v)
            for name, t in self.traced.items():
                own = t.current(_of(name, p), _of(name, s), self._inputs(name, given, signals))
                amount = amount + own
                ion = f"i_{t.mechanism.carries}"
                if ion in by_ion:
                    by_ion[ion] = by_ion[ion] + own
            return amount, by_ion

        v = jnp.asarray(v)
        amount, slope, by_ion = jax.jvp(total, (v,), (jnp.ones_like(v),), has_aux=True)
        return slope, amount, by_ion

    def advance(self, p: Scalars, s: Scalars, v: Any, ions: Scalars, signals: Scalars, w: Scalars) -> Scalars:
        """States after a step, for the potential at its end, the ion currents at its start and the events that arrive."""
        new = dict(s)
        for turn in (self.pools, tuple(n for n in self.traced if n not in self.pools)):
            given = self._surroundings(p, new, v, ions)
            for name in turn:
                after = self.steps[name].advance({**_of(name, p), "dt": p["dt"]}, _of(name, s), self._inputs(name, given, signals))
                if self.traced[name].spec.ports:
                    jump = self.traced[name].receive(_of(name, p), after, _of(name, w))
                    after = {n: value + jump[n] for n, value in after.items()}
                new.update({f"{name}.{n}": value for n, value in after.items()})
        return new

    def constants(self, parameters: dict[str, dict[str, Any]], dt: float) -> dict[str, Any]:
        """Everything that `currents` and `advance` read as `p`: parameters, propagators and dt, by "channel.name"."""
        found: dict[str, Any] = {"dt": dt}
        for name, values in parameters.items():
            step, inputs = self.steps[name], tuple(self.traced[name].spec.inputs)
            entries = propagators(step.scheme, values, inputs, dt, step.prefixes)
            found.update({f"{name}.{n}": v for n, v in {**values, **entries}.items()})
        return found

    def names(self) -> list[str]:
        """Keys of `constants`."""
        return ["dt", *(f"{n}.{q}" for n, t in self.traced.items() for q in (*t.spec.parameters, *self.steps[n].entry_names))]

    def initial(self, parameters: dict[str, Any], v: Any) -> dict[str, np.ndarray]:
        """States at the start, by "channel.name": as declared, or at rest at potential v.

        Args:
            parameters: from `constants`, numbers or arrays; v: initial potential, likewise.
        """
        start: dict[str, Any] = {}
        for name, t in self.traced.items():
            for state, declared in t.spec.states.items():
                if isinstance(declared.initial, str):
                    start[f"{name}.{state}"] = parameters[f"{name}.{declared.initial}"]
                elif isinstance(declared.initial, Steady):
                    start[f"{name}.{state}"] = 0.0
                else:
                    start[f"{name}.{state}"] = declared.initial.value if hasattr(declared.initial, "value") else float(declared.initial)
        with jax.enable_x64(True):
            given = self._surroundings(parameters, start, v, {i: 0.0 for i in self.counted})
            for name, t in self.traced.items():
                steady = [n for n, d in t.spec.states.items() if isinstance(d.initial, Steady)]
                own, x, p = _of(name, start), self._inputs(name, given, dict.fromkeys(self.signals, 0.0)), _of(name, parameters)
                for state in steady:

                    def rate(value: Any, t: Any = t, p: Any = p, own: Any = own, x: Any = x, state: str = state) -> Any:
                        return jnp.asarray(t.derivative(p, {**own, state: value}, x)[state], "float64")

                    size = jnp.broadcast_shapes(*(np.shape(a) for a in (*p.values(), *x.values())))
                    at = jnp.full(size, 0.5)
                    f, slope = jax.jvp(rate, (at,), (jnp.ones_like(at),))
                    start[f"{name}.{state}"] = np.asarray(at - f / slope)
        return {n: np.asarray(value, float) for n, value in start.items()}


def _of(name: str, values: Scalars) -> Scalars:
    """The values of one channel, without its prefix."""
    prefix = f"{name}."
    return {n[len(prefix) :]: v for n, v in values.items() if n.startswith(prefix)}


@dataclass(frozen=True)
class MembraneProgram:
    """A membrane's two functions as graphs.

    Attributes:
        membrane: what was traced.
        graph: operations of both.
        currents: nodes of "g", "out" and the ion currents that pools count.
        states: node of each state's new value.
    """

    membrane: Membrane
    graph: Graph
    currents: dict[str, int]
    states: dict[str, int]

    @classmethod
    def of(cls, membrane: Membrane, precision: str, used: Container[str] = ()) -> MembraneProgram:
        """Trace and simplify, for "float32" or "float64"; signals and ports that are not in `used` are zero."""
        graph = Graph()
        p = {n: f"p.{n}" for n in membrane.names()}
        s = {n: f"s.{n}" for n in membrane.states}
        ions = {n: f"x.{n}" for n in membrane.counted}

        x = {n: f"x.{n}" for n in membrane.signals}
        w = {n: f"w.{n}" for n in membrane.ports}

        def leaf(name: str) -> int:
            kind, _, rest = name.partition(".")
            idle = (kind == "w" or rest in membrane.signals) and rest not in used
            return graph.const(0.0) if idle else graph.leaf(name, static=kind == "p")

        def leaves(*trees: Any) -> list[int]:
            return [leaf(n) for n in jax.tree.leaves(trees)]

        def currents(p: Scalars, s: Scalars, v: Any, x: Scalars) -> Any:
            g, out, by_ion = membrane.currents(p, s, v, x)
            return [jnp.asarray(value, "float64") for value in (g, out, *by_ion.values())]

        def states(p: Scalars, s: Scalars, v: Any, ions: Scalars, x: Scalars, w: Scalars) -> Any:
            new = membrane.advance(p, s, v, ions, x, w)
            return [jnp.asarray(new[n], "float64") for n in membrane.states]

        where = "+".join(membrane.traced) or "bare membrane"
        nodes = absorb(graph, scalar_jaxpr(currents, p, s, "v", x), leaves(p, s, "x.v", x), where)
        found = dict(zip(("g", "out", *membrane.counted), nodes, strict=True))
        nodes = absorb(graph, scalar_jaxpr(states, p, s, "v", ions, x, w), leaves(p, s, "x.v", ions, x, w), where)
        graph, place = share_exponentials(graph, [*found.values(), *nodes], "x.v", exact=precision == "float64")
        states_of = {n: place[node] for n, node in zip(membrane.states, nodes, strict=True)}
        return cls(membrane, graph, {n: place[node] for n, node in found.items()}, states_of)

    @property
    def changing(self) -> dict[str, int]:
        """States that the step writes."""
        return {n: node for n, node in self.states.items() if self.graph.nodes[node].value != f"s.{n}"}

    @cached_property
    def flops(self) -> int:
        """Floating-point operations of a compartment and step, without the solver's."""
        return self.graph.flops(self.currents.values()) + self.graph.flops(self.changing.values())

    def evaluated(self, parameters: dict[str, Any], size: int, *, as_given: bool) -> tuple[Constants, Constants]:
        """Constants of the loops that compute currents and states (see `Constants.of`)."""
        loops, leaves = (tuple(self.currents.values()), tuple(self.changing.values())), {f"p.{n}": v for n, v in parameters.items()}
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            currents, states = (Constants.of(self.graph, frontier(self.graph, roots), leaves, size, as_given=as_given) for roots in loops)
        for made in (currents, states):
            self._check_finite(made)
        return currents, states

    def _check_finite(self, made: Constants) -> None:
        values = {**dict(zip(made.nodes, made.numbers, strict=True)), **made.arrays}
        for node, value in values.items():
            if not np.all(np.isfinite(value)):
                names = ", ".join(sorted(x[2:] for x in self.graph.leaves(node)))
                raise ModelError(
                    "a constant of a membrane is not finite", got=f"{np.ravel(value)[~np.isfinite(np.ravel(value))][0]} from {names}",
                    fix="look for a zero or negative time constant, slope or capacitance",
                )  # fmt: skip
