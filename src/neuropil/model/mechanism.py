"""What membrane does: channels and pools spread over it, synapses and electrodes at points of it.

A mechanism is a class of equations, like a neuron model, and knows nothing of the cell it will sit in. What it needs of
its compartment it declares as `Input`s, by the names that compartments give them:

    v         membrane potential (mV)
    e_<ion>   reversal potential of an ion (mV), where a mechanism of the compartment provides it
    c_<ion>   concentration of an ion inside (mM), likewise
    i_<ion>   current density (pA/µm², outward) of all channels that carry the ion
    anything else is a signal from outside, such as the command of a clamp: a stimulus gives it

Its methods say the mathematics:

    current(s, x)     outward current: a density (pA/µm²) for a `Channel`, a current (pA) for a `PointProcess`
    derivative(s, x)  d/dt of its states
    provides(s, x)    what it offers its compartment: {"c_ca": …, "e_ca": …}
    receive(s, w)     what events do (point processes with ports)

A gate starts at `STEADY`: where its own equation rests at the initial potential.
"""

from __future__ import annotations

from typing import Any, ClassVar

from neuropil.errors import ModelError, UnitError
from neuropil.model.described import Described
from neuropil.units import Dimension, mM, mV, pA, um, unit_name

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


class Mechanism(Described):
    """Base class of `Channel` and `PointProcess`; see the module's text for how to write one.

    Class attributes a mechanism may set:
        carries: the ion that its current is made of ("ca", "na", "k"), "" where it does not matter.
    """

    carries: ClassVar[str] = ""
    reserved: ClassVar[frozenset[str]] = Described.reserved | {"carries", "current_dimension"}
    current_dimension: ClassVar[Dimension] = (pA / um**2).dimension

    @classmethod
    def check_class(cls) -> None:
        """Inputs that compartments supply must have the units they supply them in."""
        for name, dimension in cls.spec.inputs.items():
            if supplied(name) and dimension != SUPPLIED[name[0]]:
                raise UnitError(
                    f"{cls.__name__}.{name}: compartments supply it in another unit",
                    got=unit_name(dimension),
                    expected=unit_name(SUPPLIED[name[0]]),
                )

    def current(self, s: Any, x: Any) -> Any:
        """Outward current: density (pA/µm²) of a channel, current (pA) of a point process."""
        return 0.0

    def derivative(self, s: Any, x: Any) -> dict[str, Any]:
        """Time derivatives by state name; a state left out stays constant."""
        return {}

    def provides(self, s: Any, x: Any) -> dict[str, Any]:
        """What the mechanism offers to its compartment, by name: "c_<ion>" (mM), "e_<ion>" (mV)."""
        return {}


class Channel(Mechanism):
    """A mechanism spread over membrane: its current is a density (pA/µm²). It has no ports."""

    @classmethod
    def check_class(cls) -> None:
        """A channel is part of the membrane and hears no spikes."""
        super().check_class()
        if cls.spec.ports:
            raise ModelError(f"{cls.__name__}: a channel has no ports", got=list(cls.spec.ports), fix="derive it from PointProcess")


class PointProcess(Mechanism):
    """A mechanism at one point, a synapse or an electrode: its current is in pA, and events may arrive at its ports."""

    current_dimension: ClassVar[Dimension] = pA.dimension

    def receive(self, s: Any, w: Any) -> dict[str, Any]:
        """Increments by state name, for the weights `w` (by port) that arrive at the end of a step."""
        return {}
