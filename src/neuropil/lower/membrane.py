"""The membrane of a compartment: all its channels together, lowered to two elementwise functions.

Compartments that carry the same channels form a *membrane*; so does a point process, by itself. From the equations follow

    currents  from potential and states: the outward current, its slope g = dI/dV, which the implicit solver needs, and
              the current of each ion that a pool counts
    states    from the new potential: new concentrations, then, with them, new gates
    offers    from potential and states: concentrations and reversal potentials for the point processes that sit there

Each state advances as its own equation allows: exactly where it is linear with constant coefficients, else by exponential
Euler with the slope from automatic differentiation, the states of a kinetic scheme together. This is the staggered scheme of Hines (1984): potential and gates
take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.lower.constants import Constants, hoisted
from neuropil.lower.exponentials import share_exponentials
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.integrate import Advance
from neuropil.lower.later import jax, jnp
from neuropil.lower.propagator import propagators
from neuropil.lower.steady import rest
from neuropil.lower.trace import Scalars, Traced, named_leaves, scalar_jaxpr
from neuropil.model.base.described import Steady, Values
from neuropil.model.cell.mechanism import SUPPLIED, Mechanism, PointProcess, supplied
from neuropil.units import Quantity, magnitude


class _BeforeCurrents(Values):
    """What equations may read before all currents are known."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("i_") and name not in self._values:
            fix = "use it in derivative(), which has the currents of the step's start"
            raise ModelError(f"{self._owner} reads {name} while currents are summed", got="current() or provides()", fix=fix)
        return super().__getattr__(name)


class TracedMechanism(Traced):
    """The equations of a mechanism as functions of bare values."""

    def __init__(self, mechanism: Mechanism):
        super().__init__(mechanism)
        self.mechanism = mechanism

    @property
    def equations(self) -> dict[str, tuple[Callable[..., Any], tuple[str, ...]]]:
        mine = {name: (self.current, ("s", "x")) for name in ("current", "currents")}
        return super().equations | self._given({**mine, "provides": (self.provides, ("s", "x"))})

    def currents(self, p: Scalars, s: Scalars, x: Scalars) -> Scalars:
        """Outward current by ion, in the mechanism's own unit; "" for what no ion in particular carries.

        Args:
            p, s, x: parameters, states and inputs by name.

        Raises:
            ModelError: not a dict by ion.
        """
        with self._equation("current"):
            given = self._model(p).by_ion(self._states(s), self._early(x))
        unit = self.mechanism.current_dimension
        if not isinstance(given, dict) or any(not isinstance(ion, str) or (ion and not ion.isidentifier()) for ion in given):
            raise ModelError(f"{self.name}.currents() must return a dict by ion", got=given, expected='{"na": …, "k": …, "": …}')
        with self._equation("current"):
            return {ion: magnitude(value, unit, f"{self.name}.current()" + (f": {ion}" if len(given) > 1 else "")) for ion, value in given.items()}

    def current(self, p: Scalars, s: Scalars, x: Scalars) -> Any:
        """Outward current, whatever carries it.

        Args:
            p, s, x: parameters, states and inputs by name.
        """
        first, *others = self.currents(p, s, x).values() or (0.0,)
        return sum(others, first)

    def provides(self, p: Scalars, s: Scalars, x: Scalars) -> Scalars:
        """What it offers to its compartment.

        Args:
            p, s, x: parameters, states and inputs by name.

        Raises:
            ModelError: a name that no compartment passes on.
        """
        with self._equation("provides"):
            given = self._model(p).provides(self._states(s), self._early(x))
        for name in given:
            if not supplied(name) or name == "v" or name.startswith("i_"):
                raise ModelError(f"{self.name}.provides(): not a quantity of a compartment", got=name, expected='"c_<ion>" or "e_<ion>"')
        return {n: magnitude(v, SUPPLIED[n[0]], f"{self.name}.provides(): {n}") for n, v in given.items()}

    def _early(self, x: Scalars) -> Values:
        return _BeforeCurrents("input", self.name, {n: Quantity(x[n], d) for n, d in self.spec.inputs.items() if not n.startswith("i_")})

    @cached_property
    def ions(self) -> tuple[str, ...]:
        """The currents that it adds to: "i_ca"."""
        return tuple(f"i_{ion}" for ion in self._names(self.currents) if ion)

    @cached_property
    def offers(self) -> tuple[str, ...]:
        """What it provides."""
        return self._names(self.provides)

    def _names(self, method: Callable[..., Scalars]) -> tuple[str, ...]:
        found: list[str] = []

        def noted(p: Scalars, s: Scalars, x: Scalars) -> Any:
            given = method(p, s, x)
            found.extend(given)
            return list(given.values())

        number = jax.ShapeDtypeStruct((), "float32")
        jax.eval_shape(noted, *(dict.fromkeys(of, number) for of in (self.spec.parameters, self.spec.states, self.spec.inputs)))
        return tuple(found)


class Membrane:
    """Channels that share a compartment, or one point process, as functions of bare values that any executor may call.

    Args:
        mechanisms: by name in the cell, in the order in which their currents are added: channels, or one point process.
        where: for people.
        offered: what the compartment supplies to a point process besides v: concentrations, reversal potentials.
        counted: ion currents to be summed that no channel here reads.

    Attributes:
        states, signals, ports: what changes, what stimuli give, where events arrive, by "mechanism.name" like all values
            of states and parameters.
        counted: ion currents that `currents` gives: "i_ca".
        around: what is read of the compartment besides v: ion currents, and what is offered to a point process.
        offers: what the channels provide to each other and to point processes.
    """

    def __init__(self, mechanisms: Mapping[str, Mechanism], where: str = "a compartment", offered: Sequence[str] = (), counted: Sequence[str] = ()):
        self.traced = {name: TracedMechanism(c) for name, c in mechanisms.items()}
        self.steps = {name: Advance.of(t) for name, t in self.traced.items()}
        self.states = tuple(f"{n}.{s}" for n, t in self.traced.items() for s in t.spec.states)
        points = any(isinstance(m, PointProcess) for m in mechanisms.values())
        read = tuple(dict.fromkeys(i for t in self.traced.values() for i in t.spec.inputs if supplied(i) and i != "v"))
        self.counted = tuple(i for i in counted if i in self._carried()) if points else tuple(dict.fromkeys((*(i for i in read if i.startswith("i_")), *counted)))
        self.around = read if points else self.counted
        self.offers = tuple(dict.fromkeys(o for t in self.traced.values() for o in t.offers))
        self.signals = tuple(f"{n}.{i}" for n, t in self.traced.items() for i in t.spec.inputs if not supplied(i))
        self.ports = tuple(f"{n}.{port}" for n, t in self.traced.items() for port in t.spec.ports)
        self._check(where, offered)

    def _carried(self) -> tuple[str, ...]:
        return tuple(i for t in self.traced.values() for i in t.ions)

    def _check(self, where: str, outside: Sequence[str]) -> None:
        offered = dict.fromkeys(("v", *self.counted, *(i for i in self.around if i.startswith("i_")), *outside), "the compartment")
        for name, t in self.traced.items():
            for given in t.offers:
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

    def surroundings(self, p: Scalars, s: Scalars, v: Any, around: Scalars) -> Scalars:
        """What the compartment supplies, from the states as they are.

        Args:
            p: parameters by "mechanism.name".
            s: states by "mechanism.name".
            v: potential, mV.
            around: ion currents and concentrations by name.
        """
        given = {"v": v, **around}
        for name, t in self.traced.items():
            x = {n: given.get(n, 0.0) for n in t.spec.inputs}
            given.update(t.provides(_of(name, p), _of(name, s), x))
        return given

    def _inputs(self, name: str, given: Scalars, signals: Scalars) -> Scalars:
        """What a mechanism reads; before they are known, without ion currents."""
        found = {n: signals[f"{name}.{n}"] for n in self.traced[name].spec.inputs if not supplied(n)}
        return {**found, **{n: given[n] for n in self.traced[name].spec.inputs if supplied(n) and (n in given or not n.startswith("i_"))}}

    def currents(self, p: Scalars, s: Scalars, v: Any, around: Scalars, signals: Scalars) -> tuple[Any, Any, Scalars]:
        """(g, outward current, ion currents): densities of channels (nS/µm², pA/µm²), absolute of a point process (nS, pA).

        Args:
            p, s, v, around: as of `surroundings`.
            signals: stimuli by "mechanism.input".
        """

        def total(v: Any) -> tuple[Any, Scalars]:
            given = self.surroundings(p, s, v, around)
            amount: Any = jnp.asarray(0.0) * v
            by_ion = dict.fromkeys(self.counted, jnp.asarray(0.0) * v)
            for name, t in self.traced.items():
                arguments = _of(name, p), _of(name, s), self._inputs(name, given, signals)
                amount = amount + t.current(*arguments)
                if not by_ion.keys().isdisjoint(t.ions):
                    for ion, own in t.currents(*arguments).items():
                        if f"i_{ion}" in by_ion:
                            by_ion[f"i_{ion}"] = by_ion[f"i_{ion}"] + own
            return amount, by_ion

        v = jnp.asarray(v)
        amount, slope, by_ion = jax.jvp(total, (v,), (jnp.ones_like(v),), has_aux=True)
        return slope, amount, by_ion

    def advance(self, p: Scalars, s: Scalars, v: Any, around: Scalars, signals: Scalars, w: Scalars) -> Scalars:
        """States after a step, for the potential at its end, the ion currents at its start and the events that arrive.

        Args:
            p, s, v, around: as of `surroundings`.
            signals: stimuli by "mechanism.input".
            w: summed weights by "mechanism.port".
        """
        new = dict(s)
        for turn in (self.pools, tuple(n for n in self.traced if n not in self.pools)):
            given = self.surroundings(p, new, v, around)
            for name in turn:
                after = self.steps[name].advance({**_of(name, p), "dt": p["dt"]}, _of(name, s), self._inputs(name, given, signals))
                if self.traced[name].spec.ports:
                    jump = self.traced[name].receive(_of(name, p), after, _of(name, w))
                    after = {n: value + jump[n] for n, value in after.items()}
                new.update({f"{name}.{n}": value for n, value in after.items()})
        return new

    def constants(self, parameters: dict[str, dict[str, Any]], dt: float) -> dict[str, Any]:
        """Everything that `currents` and `advance` read as `p`: parameters, propagators and dt, by "channel.name".

        Args:
            parameters: by channel and name, numbers or arrays that broadcast against each other.
        """
        found: dict[str, Any] = {"dt": dt}
        for name, values in parameters.items():
            step, inputs = self.steps[name], tuple(self.traced[name].spec.inputs)
            shape = np.broadcast_shapes(*(np.shape(v) for v in values.values()))
            flat = {n: np.broadcast_to(v, shape).ravel() if np.ndim(v) else v for n, v in values.items()}
            entries = {n: np.reshape(v, shape) if np.ndim(v) else v for n, v in propagators(step.scheme, flat, inputs, dt, step.prefixes).items()}
            found.update({f"{name}.{n}": v for n, v in {**values, **entries}.items()})
        return found

    def names(self) -> list[str]:
        """Keys of `constants`."""
        return ["dt", *(f"{n}.{q}" for n, t in self.traced.items() for q in (*t.spec.parameters, *self.steps[n].entry_names))]

    def initial(self, parameters: dict[str, Any], v: Any, around: Scalars | None = None, given: dict[str, Any] | None = None) -> dict[str, np.ndarray]:
        """States at the start, by "channel.name": as declared, or at rest at potential v, without any ion current.

        Args:
            parameters: from `constants`; v: initial potential; around: what a point process is offered: numbers or arrays.
            given: states that start elsewhere, likewise.
        """
        start: dict[str, Any] = dict(given or {})
        idle = {**(around or {}), **{i: 0.0 for i in (*self.counted, *self.around) if i.startswith("i_")}}
        for name, t in self.traced.items():
            for state, declared in t.spec.states.items():
                if isinstance(declared.initial, str):
                    start.setdefault(f"{name}.{state}", parameters[f"{name}.{declared.initial}"])
                elif not isinstance(declared.initial, Steady):
                    value = declared.initial.value if hasattr(declared.initial, "value") else float(declared.initial)
                    start.setdefault(f"{name}.{state}", value)
        with jax.enable_x64(True):
            # Pools before what reads their concentrations.
            for name in sorted(self.traced, key=lambda n: n not in self.pools and not self.traced[n].offers):
                t = self.traced[name]
                sought = {n: t.spec.state_dimensions[n] for n, d in t.spec.states.items() if isinstance(d.initial, Steady) and f"{name}.{n}" not in start}
                if not sought:
                    continue
                known = {f"{n}.{s}": start.get(f"{n}.{s}", 0.0) for n, other in self.traced.items() for s in other.spec.states}
                x = self._inputs(name, self.surroundings(parameters, known, v, idle), dict.fromkeys(self.signals, 0.0))
                p, own = _of(name, parameters), _of(name, known)
                size = np.broadcast_shapes(*(np.shape(a) for a in (*p.values(), *x.values(), *own.values())))

                def rates(values: Scalars, t: Any = t, p: Any = p, own: Any = own, x: Any = x) -> Scalars:
                    return t.derivative(p, {**own, **values}, x)

                start.update({f"{name}.{n}": value for n, value in rest(rates, sought, size, name).items()})
        return {n: np.asarray(start[n], float) for n in self.states}


def _of(name: str, values: Scalars) -> Scalars:
    """The values of one channel, without its prefix."""
    prefix = f"{name}."
    return {n[len(prefix) :]: v for n, v in values.items() if n.startswith(prefix)}


@dataclass(frozen=True)
class MembraneProgram:
    """A membrane's functions as graphs.

    Attributes:
        membrane: what was traced.
        graph: operations of all.
        currents: nodes of "g", "out" and the ion currents that are counted.
        states: node of each state's new value.
        offers: nodes of what point processes read of the membrane.
    """

    membrane: Membrane
    graph: Graph
    currents: dict[str, int]
    states: dict[str, int]
    offers: dict[str, int]

    @classmethod
    def of(cls, membrane: Membrane, precision: str, used: Container[str] = (), wanted: Sequence[str] = ()) -> MembraneProgram:
        """Trace and simplify, for "float32" or "float64".

        Args:
            used: signals and ports that anything reaches; all others are zero.
            wanted: what point processes read of it.
            precision: of the numbers.

        Returns:
            The program.
        """
        graph = Graph()
        p, s = named_leaves("p", membrane.names()), named_leaves("s", membrane.states)
        around, early = named_leaves("x", membrane.around), named_leaves("x", (n for n in membrane.around if not n.startswith("i_")))
        x, w = named_leaves("x", membrane.signals), named_leaves("w", membrane.ports)
        offered = [n for n in wanted if n in membrane.offers]

        def leaf(name: str) -> int:
            kind, _, rest = name.partition(".")
            idle = (kind == "w" or rest in membrane.signals) and rest not in used
            return graph.const(0.0) if idle else graph.leaf(name, static=kind == "p")

        def leaves(*trees: Any) -> list[int]:
            return [leaf(n) for n in jax.tree.leaves(trees)]

        def currents(p: Scalars, s: Scalars, v: Any, early: Scalars, x: Scalars) -> Any:
            g, out, by_ion = membrane.currents(p, s, v, early, x)
            return [jnp.asarray(value, "float64") for value in (g, out, *(by_ion[i] for i in membrane.counted))]

        def states(p: Scalars, s: Scalars, v: Any, around: Scalars, x: Scalars, w: Scalars) -> Any:
            new = membrane.advance(p, s, v, around, x, w)
            return [jnp.asarray(new[n], "float64") for n in membrane.states]

        def offers(p: Scalars, s: Scalars, v: Any) -> Any:
            given = membrane.surroundings(p, s, v, {})
            return [jnp.asarray(given[n], "float64") for n in offered]

        where = "+".join(membrane.traced) or "bare membrane"
        nodes = absorb(graph, scalar_jaxpr(currents, p, s, "v", early, x), leaves(p, s, "x.v", early, x), where)
        found = dict(zip(("g", "out", *membrane.counted), nodes, strict=True))
        nodes = absorb(graph, scalar_jaxpr(states, p, s, "v", around, x, w), leaves(p, s, "x.v", around, x, w), where)
        given = absorb(graph, scalar_jaxpr(offers, p, s, "v"), leaves(p, s, "x.v"), where) if offered else []
        graph, place = share_exponentials(graph, [*found.values(), *nodes, *given], "x.v", exact=precision == "float64")
        states_of = {n: place[node] for n, node in zip(membrane.states, nodes, strict=True)}
        offers_of = {n: place[node] for n, node in zip(offered, given, strict=True)}
        return cls(membrane, graph, {n: place[node] for n, node in found.items()}, states_of, offers_of)

    @property
    def changing(self) -> dict[str, int]:
        """States that the step writes."""
        return {n: node for n, node in self.states.items() if self.graph.nodes[node].value != f"s.{n}"}

    def flops(self, tabulated: Container[str] = ()) -> int:
        """Floating-point operations of a compartment and step, without the solver's and those of tables; what is offered is computed twice.

        Args:
            tabulated: states that are read from a table.
        """
        loops = self.outputs(tabulated)
        return sum(self.graph.flops(loops[kind].values()) for kind in ("currents", "states", "offers", "offers"))

    def read(self, name: str) -> tuple[bool, bool]:
        """Whether the currents, and the states, depend on something around: "c_ca".

        Args:
            name: of what is around.
        """
        early, late = (self.graph.leaves(*roots.values()) for roots in (self.currents, self.changing))
        return f"x.{name}" in early, f"x.{name}" in late

    def parameters_of(self, node: int) -> frozenset[str]:
        """Parameters by "mechanism.name" that a node depends on; of a mechanism whose propagator it reads, all."""
        found: set[str] = set()
        for leaf in self.graph.leaves(node):
            kind, _, name = leaf.partition(".")
            mechanism, _, parameter = name.partition(".")
            if kind == "p" and parameter:
                declared = self.membrane.traced[mechanism].spec.parameters
                found.update([name] if parameter in declared else (f"{mechanism}.{n}" for n in declared))
        return frozenset(found)

    def outputs(self, tabulated: Container[str] = ()) -> dict[str, dict[str, int]]:
        """Nodes that each loop computes: "currents", "states", "offers", and "gates", the equations of states that are read from a table.

        Args:
            tabulated: the names of these.
        """
        states, gates = ({n: node for n, node in self.changing.items() if (n in tabulated) == within} for within in (False, True))
        return {"currents": self.currents, "states": states, "gates": gates, "offers": self.offers}

    def evaluated(self, parameters: dict[str, Any], size: int, *, as_given: bool, tabulated: Container[str] = ()) -> dict[str, Constants]:
        """Constants of the loops (see `Constants.of`).

        Args:
            parameters: by "mechanism.name".
            size: elements of an array.
            as_given: as of `Constants.of`.
            tabulated: states that are read from a table.
        """
        loops = self.outputs(tabulated)
        leaves = {f"p.{n}": v for n, v in parameters.items()}
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            made = {n: Constants.of(self.graph, hoisted(self.graph, roots.values()), leaves, size, as_given=as_given) for n, roots in loops.items()}
        for constants in made.values():
            self._check_finite(constants)
        return made

    def _check_finite(self, made: Constants) -> None:
        values = {**dict(zip(made.nodes, made.numbers, strict=True)), **made.arrays}
        for node, value in values.items():
            if not np.all(np.isfinite(value)):
                names = ", ".join(sorted(x[2:] for x in self.graph.leaves(node)))
                raise ModelError(
                    "a constant of a membrane is not finite", got=f"{np.ravel(value)[~np.isfinite(np.ravel(value))][0]} from {names}",
                    fix="check for a zero or negative time constant, slope or capacitance",
                )  # fmt: skip
