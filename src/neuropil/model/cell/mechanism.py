"""What membrane does: channels and pools spread over it, synapses and electrodes at points of it.

A mechanism is a class of equations, like a neuron model, and does not depend on the cell that it is part of. What it needs of
its compartment it declares as `Input`s, by the names that compartments give them:

    v         membrane potential (mV)
    e_<ion>   reversal potential of an ion (mV), where a mechanism of the compartment provides it
    c_<ion>   concentration of an ion inside (mM), likewise
    i_<ion>   current density (pA/µm², outward) of all channels and point processes there that carry the ion;
              known once all currents are, hence for derivative() alone
    noise     white noise of the compartment's or site's own, and noise_ and more: for derivative() alone (`neuropil.model.base.noise`)
    anything else is a signal from outside, such as the command of a clamp: a stimulus gives it (to point processes)

Its methods say the mathematics:

    current(s, x)     outward current: a density (pA/µm²) for a `Channel`, a current (pA) for a `PointProcess`
    currents(s, x)    in place of current(), where several ions carry it: {"na": …, "k": …, "": of no ion in particular}
    derivative(s, x)  d/dt of its states
    provides(s, x)    what a channel offers its compartment: {"c_ca": …, "e_ca": …}
    receive(s, w)     what events do (point processes with ports)

A gate starts at `STEADY`: where its equation, with those of other states that start so, rests at the initial potential.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from neuropil.errors import ModelError, UnitError
from neuropil.model.base.described import DeclarativeModel
from neuropil.model.base.distribution import Distribution
from neuropil.model.base.integrators import check_integrator
from neuropil.model.base.noise import check_white, is_white
from neuropil.units import Dimension, GOhm, Quantity, mM, ms, mV, nS, pA, pF, um, unit_name

SUPPLIED: dict[str, Dimension] = {
    "v": mV.dimension,
    "e": mV.dimension,
    "c": mM.dimension,
    "i": (pA / um**2).dimension,
}
"""Units of what a compartment supplies, by the first letter of its name."""


def supplied(name: str) -> bool:
    """Whether an input of this name comes from the compartment and not from a stimulus."""
    head, _, ion = name.partition("_")
    return name == "v" or (head in ("e", "c", "i") and ion != "")


NOT_NEGATIVE: dict[Dimension, str] = {
    nS.dimension: "a conductance",
    (nS / um**2).dimension: "a conductance density",
    GOhm.dimension: "a resistance",
    pF.dimension: "a capacitance",
    (pF / um**2).dimension: "a capacitance density",
    ms.dimension: "a time",
    um.dimension: "a length",
    mM.dimension: "a concentration",
}
"""What parameters of these dimensions are, none of which can be negative."""

NOT_ZERO = frozenset({GOhm.dimension, pF.dimension, (pF / um**2).dimension})
"""Dimensions of parameters that equations divide by."""


def unphysical(values: Any, dimension: Dimension) -> np.ndarray:
    """Which of the values (base units) no parameter of this dimension can have: bool, of their shape."""
    values = np.asarray(values, float)
    if dimension in NOT_ZERO:
        return values <= 0.0
    return values < 0.0 if dimension in NOT_NEGATIVE else np.zeros(values.shape, bool)


def check_physical(where: str, values: Any, dimension: Dimension, fix: str | None = None) -> None:
    """Refuse negative conductances, densities, resistances, capacitances, times, lengths and concentrations, and zeros among those that divide.

    Args:
        where: of which parameter, for people; values: a number or an array in base units.
        dimension: of the parameter.
        fix: the remedy that the message states, if any.

    Raises:
        ModelError: such a value; the message gives the first.
    """
    bad = unphysical(values, dimension)
    if bad.any():
        least = "more than 0" if dimension in NOT_ZERO else "0 or more"
        got = f"{np.asarray(values, float)[bad].flat[0]:g} {unit_name(dimension)}"
        raise ModelError(f"{where}: {NOT_NEGATIVE[dimension]} must be {least}", got=got, expected=least, fix=fix)


def _defines(cls: type, method: str) -> bool:
    """Whether a mechanism has this method from a class outside this module."""
    return next(base for base in cls.__mro__ if method in vars(base)).__module__ != __name__


class Mechanism(DeclarativeModel):
    """Base class of `Channel` and `PointProcess`; see the module's text for how to write one.

    Class attributes a mechanism may set:
        carries: the ion that its current is made of ("ca", "na", "k"), "" where it does not matter.
        integrator: of its states, as of a neuron; "auto" leaves it to the equations.

    Raises:
        ModelError: a parameter that does not exist, or a negative conductance, density, resistance, time or the like.
    """

    carries: ClassVar[Any] = ""
    integrator: ClassVar[str] = "auto"
    reserved: ClassVar[frozenset[str]] = DeclarativeModel.reserved | {"carries", "integrator", "current_dimension"}
    current_dimension: ClassVar[Dimension] = (pA / um**2).dimension

    def __init__(self, **parameters: Any):
        super().__init__(**parameters)
        self._check_ions()
        for name, dimension in self.spec.parameters.items():
            value = getattr(self, name)
            if not isinstance(value, Distribution):  # what is drawn is checked once it is
                check_physical(f"{type(self).__name__}.{name}", value.value if isinstance(value, Quantity) else value, dimension)

    def _check_ions(self) -> None:
        """The ions of the current must be named once."""
        name = type(self).__name__
        if not isinstance(self.carries, str):
            fix = 'define currents(self, s, x), which returns {"na": …, "k": …}, in place of current() and carries'
            raise ModelError(f"{name}.carries must name one ion", got=self.carries, expected='text, such as "ca"', fix=fix)
        if _defines(type(self), "currents") and (self.carries or _defines(type(self), "current")):
            raise ModelError(f"{name} defines currents(), so its current is known", got="carries or current() as well", fix="remove them")

    @classmethod
    def check_class(cls) -> None:
        """Inputs that compartments supply must have the units they supply them in; white noise has none.

        Raises:
            UnitError: another unit. ModelError: an integrator that does not exist.
        """
        check_integrator(cls.__name__, cls.integrator)
        check_white(cls.__name__, cls.spec.inputs)
        for name, dimension in cls.spec.inputs.items():
            if supplied(name) and dimension != SUPPLIED[name[0]]:
                raise UnitError(
                    f"{cls.__name__}.{name}: compartments supply it in another unit",
                    got=unit_name(dimension),
                    expected=unit_name(SUPPLIED[name[0]]),
                )

    def current(self, s: Any, x: Any) -> Any:
        """Outward current: density (pA/µm²) of a channel, current (pA) of a point process.

        Args:
            s: states by name, quantities.
            x: inputs by name, quantities: the potential "v", concentrations, ...
        """
        first, *others = self.currents(s, x).values() or (0.0,)
        for other in others:
            first = first + other
        return first

    def currents(self, s: Any, x: Any) -> dict[str, Any]:
        """Outward currents by ion, "" for what no ion in particular carries; defined in place of `current`.

        Args:
            s, x: as of `current`.

        Returns:
            Densities (pA/µm²) of a channel, currents (pA) of a point process, by ion.
        """
        return {}

    def by_ion(self, s: Any, x: Any) -> dict[str, Any]:
        """Outward current by ion, from `currents` or from `current` and `carries`, whichever the class defines.

        Args:
            s, x: as of `current`.
        """
        return self.currents(s, x) if _defines(type(self), "currents") else {self.carries: self.current(s, x)}

    def derivative(self, s: Any, x: Any) -> dict[str, Any]:
        """Time derivatives by state name; a state left out stays constant.

        Args:
            s, x: as of `current`.
        """
        return {}

    def provides(self, s: Any, x: Any) -> dict[str, Any]:
        """What the mechanism offers to its compartment, by name: "c_<ion>" (mM), "e_<ion>" (mV).

        Args:
            s, x: as of `current`.
        """
        return {}


class Channel(Mechanism):
    """A mechanism spread over membrane: its current is a density (pA/µm²). It has no ports."""

    @classmethod
    def check_class(cls) -> None:
        """A channel is part of the membrane: it receives no spikes and no stimuli.

        Raises:
            ModelError: the class declares ports, or inputs that neither compartments nor noise supply.
        """
        super().check_class()
        if signals := [n for n in cls.spec.inputs if not supplied(n) and not is_white(n)]:
            raise ModelError(
                f"{cls.__name__}.{signals[0]}: no stimulus reaches a channel", got="an input that the compartment does not supply",
                expected="v, e_<ion>, c_<ion>, i_<ion> or noise", fix="make it a parameter, which Simulation.set changes, or derive the class from PointProcess",
            )  # fmt: skip
        if cls.spec.ports:
            raise ModelError(f"{cls.__name__}: a channel has no ports", got=list(cls.spec.ports), fix="derive it from PointProcess")


class PointProcess(Mechanism):
    """A mechanism at one point, a synapse or an electrode: its current is in pA, and events may arrive at its ports.

    Class attributes a point process may set:
        crosses_membrane: whether its current flows between the inside and the outside of the cell, as a synapse's does; that of an
            electrode or of a gap junction comes past the membrane.
    """

    crosses_membrane: ClassVar[bool] = True
    reserved: ClassVar[frozenset[str]] = Mechanism.reserved | {"crosses_membrane"}
    current_dimension: ClassVar[Dimension] = pA.dimension

    @classmethod
    def check_class(cls) -> None:
        """A point has no inside whose concentrations others could read.

        Raises:
            ModelError: the class defines `provides`.
        """
        super().check_class()
        if _defines(cls, "provides"):
            raise ModelError(f"{cls.__name__}: a point process cannot define provides()", fix="paint a Channel that does")

    def receive(self, s: Any, w: Any) -> dict[str, Any]:
        """Increments by state name, for the weights `w` (by port) that arrive at the end of a step.

        Args:
            s: states by name, quantities.
        """
        return {}
