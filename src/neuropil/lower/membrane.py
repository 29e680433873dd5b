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

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.lower.integrate import Advance
from neuropil.lower.later import jax, jnp
from neuropil.lower.propagator import propagators
from neuropil.lower.steady import rest
from neuropil.lower.trace import Scalars
from neuropil.lower.traced_mechanism import TracedMechanism
from neuropil.model.base.described import Steady
from neuropil.model.cell.mechanism import Mechanism, PointProcess, supplied


class Membrane:
    """Channels that share a compartment, or one point process, as functions of bare values that any executor may call.

    Args:
        mechanisms: by name in the cell, in the order in which their currents are added: channels, or one point process.
        where: for people.
        offered: what the compartment supplies to a point process besides v: concentrations, reversal potentials.
        counted: ion currents to be summed that no channel here reads.

    Attributes:
        states, signals, ports: what changes, what stimuli and noise give, where events arrive, by "mechanism.name" like all values
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
