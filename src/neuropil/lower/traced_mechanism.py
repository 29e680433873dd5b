"""The equations of a channel or a point process as functions of bare values: currents by ion, and what it provides to its compartment."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from neuropil.errors import ModelError
from neuropil.lower.later import jax
from neuropil.lower.trace import Scalars, Traced
from neuropil.model.base.described import Values
from neuropil.model.base.noise import is_white
from neuropil.model.cell.mechanism import SUPPLIED, Mechanism, supplied
from neuropil.units import Quantity, magnitude


class _BeforeCurrents(Values):
    """What equations may read before all currents are known."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("i_") and name not in self._values:
            fix = "use it in derivative(), which has the currents of the step's start"
            raise ModelError(f"{self._owner} reads {name} while currents are summed", got="current() or provides()", fix=fix)
        if is_white(name) and name not in self._values:
            fix = "let derivative() drive a state by it, and read the state"
            raise ModelError(f"{self._owner} reads the white noise {name} outside of derivative()", got="current() or provides()", fix=fix)
        return super().__getattr__(name)


class TracedMechanism(Traced):
    """The equations of a mechanism as functions of bare values."""

    def __init__(self, mechanism: Mechanism):
        super().__init__(mechanism)
        self.mechanism, self.integrator = mechanism, mechanism.integrator

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
        return _BeforeCurrents("input", self.name, {n: Quantity(x[n], d) for n, d in self.spec.inputs.items() if not n.startswith("i_") and not is_white(n)})

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

        def recorded(p: Scalars, s: Scalars, x: Scalars) -> Any:
            given = method(p, s, x)
            found.extend(given)
            return list(given.values())

        number = jax.ShapeDtypeStruct((), "float32")
        jax.eval_shape(recorded, *(dict.fromkeys(of, number) for of in (self.spec.parameters, self.spec.states, self.spec.inputs)))
        return tuple(found)
