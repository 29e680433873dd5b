"""What a neuron model is: parameters, states, ports and inputs, and the equations between them.

A model is a class. Parameters are annotated attributes with defaults; `State`, `Port` and `Input` declare what
changes, what synapses drive and what currents flow in; methods say the mathematics:

    derivative(s, x)  what flows: a dict state -> d/dt, given states `s` and inputs `x`
    receive(s, w)     what an event does: a dict state -> increment, given the summed weights `w` of this step
    fires(s)          the threshold (a bool), or
    hazard(s)         the rate of stochastic firing (1/ms)
    reset(s)          the new values after a spike

An input called `noise`, or `noise_` and more, is white noise of each neuron's own: in every step a normal number over √(dt / 1 ms), so that its
integral over a time t has the variance t · 1 ms; in an equation d/dt that is noise / √(1 ms · τ). Equations are linear in it, and are read in
the sense of Itô; inputs with different names are independent. An Ornstein-Uhlenbeck process of deviation σ:

    return dict(y=-s.y / self.tau + self.sigma * sqrt(2 / (self.tau * ms)) * x.noise)

Only `derivative` or `receive` is needed; the rest has defaults. The methods are run on tracers and on NumPy arrays:
they may use arithmetic, comparisons and `neuropil.maths`, and must not branch on values (`where` does that).
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from neuropil.errors import ModelError, did_you_mean
from neuropil.model.base.described import DeclarativeModel, Steady
from neuropil.model.base.integrators import check_integrator
from neuropil.model.base.noise import check_white


class Neuron(DeclarativeModel):
    """Base class of neuron models; see the module's text for how to write one.

    Class attributes a model may set:
        integrator: "auto" (exact where linear, else exponential Euler where each equation is linear in its own
            variable, else "rk4"), "exact", "exponential_euler", or a registered tableau (`neuropil.model.base.integrators`):
            "euler", "heun", "rk4"; "milstein" where the diffusion of a state depends on that state.
        spikes_on: "level" (a spike in each step in which `fires` holds) or "rising" (only when it begins to hold).
        refractory: name of the parameter that holds the refractory period, or None.
        clamps: states held at their reset value, and not changed by events, while refractory.

    Args:
        parameters: values by name; each a quantity, an array with one value per neuron, or a `Distribution`.

    Raises:
        ModelError: unknown parameter, or a value that is not a number.
        UnitError: a value in the wrong unit.
    """

    integrator: ClassVar[str] = "auto"
    spikes_on: ClassVar[str] = "level"
    refractory: ClassVar[str | None] = None
    clamps: ClassVar[tuple[str, ...]] = ()
    reserved: ClassVar[frozenset[str]] = DeclarativeModel.reserved | {"integrator", "spikes_on", "refractory", "clamps"}

    @classmethod
    def check_class(cls) -> None:
        """The class attributes must name what exists."""
        spec = cls.spec
        name = cls.__name__
        for state, declared in spec.states.items():
            if isinstance(declared.initial, Steady):
                raise ModelError(f"{name}.{state}: only gates of membrane mechanisms start at STEADY", fix="give a number")
        check_integrator(name, cls.integrator)
        check_white(name, spec.inputs)
        if cls.spikes_on not in ("level", "rising"):
            raise ModelError(f"{name}.spikes_on is unknown", got=cls.spikes_on, expected="'level' or 'rising'")
        own = {n for base in cls.__mro__ if base.__module__ != __name__ for n in vars(base)}
        if "fires" in own and "reset" not in own and cls.spikes_on == "level":
            warnings.warn(
                f"{name} fires on a level and has no reset(): it fires in every step in which its threshold is met; "
                'define def reset(self, s): return {"v": self.v_reset}, or spikes_on = "rising" for one spike each time the threshold is '
                "crossed; if this is intended, let reset() return {}",
                stacklevel=3,
            )
        if "reset" in own and not own & {"fires", "hazard"}:
            warnings.warn(f"{name} has a reset() and neither fires() nor hazard(), so that it never spikes; define def fires(self, s): return s.v >= self.v_th", stacklevel=3)
        if cls.refractory is not None and spec.parameters.get(cls.refractory) != (1, 0, 0, 0, 0):
            raise ModelError(f"{name}.refractory must name a parameter in ms", got=cls.refractory)
        for state in cls.clamps:
            if state not in spec.states:
                raise ModelError(f"{name}.clamps names a state that does not exist", got=state, fix=did_you_mean(state, spec.states))
        if cls.clamps and cls.refractory is None:
            raise ModelError(f"{name} clamps states but has no refractory period", fix="set refractory to the name of a Time parameter")

    # --- the mathematics; a model overrides what it needs ---------------------------------------------------

    def derivative(self, s: Any, x: Any) -> dict[str, Any]:
        """Time derivatives by state name; a state left out stays constant.

        Args:
            s: states by name, quantities.
            x: inputs by name, quantities.
        """
        return {}

    def receive(self, s: Any, w: Any) -> dict[str, Any]:
        """Increments by state name, for the weights `w` (by port) that arrive at the end of a step.

        Args:
            s: states by name, quantities.
            w: summed weights by port, in the port's unit; 0 where nothing arrives.
        """
        return {}

    def fires(self, s: Any) -> Any:
        """Whether a neuron in state `s` emits a spike."""
        return False

    def hazard(self, s: Any) -> Any:
        """Rate of stochastic spikes, 1/ms; the chance of one in a step is 1 - exp(-hazard·dt).

        Args:
            s: states by name, quantities.
        """
        return None

    def reset(self, s: Any) -> dict[str, Any]:
        """New values by state name after a spike; a state left out is kept.

        Args:
            s: states by name, quantities, at the moment of the spike.
        """
        return {}
