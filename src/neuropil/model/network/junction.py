"""What flows through a junction: the current into a site, by its potential and that of its partner.

A junction of one's own is one class, and runs in every executor:

    class Rectifier(npl.Junction):
        g: npl.Conductance = 1 * nS

        def current(self, v_here, v_there, side):      # lets current flow from the first site of a pair to the second
            return -side * self.g * maths.maximum(side * (v_here - v_there), 0 * mV)
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import numpy as np

from neuropil.errors import ModelError, NeuropilError, did_you_mean
from neuropil.model.base.described import DeclarativeModel
from neuropil.model.base.distribution import Distribution
from neuropil.units import Conductance, Quantity, magnitude, mV, nS, pA

ARGUMENTS = ("v_here", "v_there", "side")


class Junction(DeclarativeModel):
    """Base class: a subclass declares its parameters, for all pairs or one value for each, and gives `current`.

    `current(self, v_here, v_there)` is the current into the input of a site, in pA, for the potentials of the site and of its partner.
    It is evaluated for both sites of a pair; where they differ, `side`, a third argument, is 1 for the first and -1 for the second.
    """

    each: ClassVar[tuple[str, int]] = ("pair", 1)

    @classmethod
    def check_class(cls) -> None:
        method = getattr(cls, "current", None)
        for name in () if method is None else tuple(inspect.signature(method).parameters)[1:]:
            if name not in ARGUMENTS:
                raise ModelError(f"{cls.__name__}.current() has an argument {name!r}", expected=f"some of {', '.join(ARGUMENTS)}", fix=did_you_mean(name, ARGUMENTS))
        for kind, declared in (("states", cls.spec.states), ("ports", cls.spec.ports), ("inputs", cls.spec.inputs)):
            if declared:
                raise ModelError(f"{cls.__name__}: a junction has no {kind}", got=", ".join(declared), expected="parameters")

    def flow(self, values: dict[str, Any], here: Any, there: Any, side: Any) -> Any:
        """The current into sites, pA, on NumPy or JAX alike.

        Args:
            values: parameters by name, magnitudes in base units, one or one for each site.
            here, there: potentials of the sites and of their partners, mV.
            side: 1 for the first site of a pair, -1 for the second.

        Raises:
            ModelError: there is no equation. UnitError: it is no current.
        """
        equation = getattr(self.bound(values), "current", None)
        if equation is None:
            raise ModelError(f"the current of a {type(self).__name__} is not defined", fix="define current(self, v_here, v_there)")
        given = dict(zip(ARGUMENTS, (Quantity(here, mV.dimension), Quantity(there, mV.dimension), Quantity(side)), strict=True))
        wanted = tuple(inspect.signature(equation).parameters)
        return magnitude(equation(*(given[n] for n in wanted)), pA.dimension, f"{type(self).__name__}.current()")

    def checked(self, pairs: int, where: str) -> dict[str, np.ndarray]:
        """float64[pairs] by parameter, base units, after trying the equation on them.

        Args:
            pairs: number of pairs.
            where: of which coupling; opens the error messages.

        Raises:
            ModelError, UnitError: values for another number of pairs, or an equation that does not give one current for each.
        """
        values = {}
        for name in self.spec.parameters:
            given = getattr(self, name)
            if isinstance(given, Distribution):
                raise ModelError(f"{where}: {name} must be a number or an array", got=given, expected="one value for all pairs, or one each")
            if np.ndim(given.value) and np.shape(given.value) != (pairs,):
                raise ModelError(f"{where}: {name} has the wrong shape", got=np.shape(given.value), expected=f"({pairs},) (or one number for all)")
            values[name] = np.array(np.broadcast_to(given.value, (pairs,)), float)
        try:
            with np.errstate(all="ignore"):
                made = self.flow(values, np.full(pairs, -60.0), np.full(pairs, -70.0), np.ones(pairs))
        except NeuropilError:
            raise
        except Exception as error:
            fix = "write it with arithmetic and the functions of neuropil.maths, such as where(condition, a, b)"
            raise ModelError(f"{type(self).__name__}.current() fails", got=f"{type(error).__name__}: {error}", fix=fix) from error
        if np.shape(made) not in ((), (pairs,)):
            raise ModelError(f"{type(self).__name__}.current() must give one current", got=f"shape {np.shape(made)}", expected="a quantity for one pair, or one for each")
        return values


class OhmicJunction(Junction):
    """A gap junction: i = g (v_there - v_here)."""

    g: Conductance = 0.5 * nS

    def current(self, v_here, v_there):  # type: ignore[no-untyped-def]
        """The current from there to here, pA, at the potentials v_here and v_there (mV)."""
        return self.g * (v_there - v_here)
