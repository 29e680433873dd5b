"""A stateful synapse: states that change between spikes and when a spike arrives.

A synapse model is a class of equations, like a neuron model, of which every synapse of a projection is an instance:

    derivative(s, x)  what flows between spikes: a dict state -> d/dt
    arrive(s, w)      what a presynaptic spike does when it arrives: a dict state -> new value
    respond(s, w)     what a spike of the target does to the synapse: a dict state -> new value
    transmits(s, w)   the weight that this spike hands to the target's port, from the states just before it
    current(s, x)     a current that flows all the time, outward as in a membrane (g·(v - e)); the target's input
                      gets its negative

`w` is the synapse's weight. A state called `weight` starts at the weight of the projection and may change; then `w` is
its present value. Between spikes a synapse reads what it declares as `Input`s (`x`), by these names, and others that are registered
(`neuropil.model.synapse.context`):

    v          membrane potential of its target (mV), the target's state of that name
    post       the target's activity (1/ms): its spikes filtered with the synapse's parameter `tau_post`
    modulator  a signal, 0 until it is set (`Simulation.set_modulator`)
    noise      white noise of its own: in every step a normal number over √(dt / 1 ms), so that its integral over a time t
               has the variance t · 1 ms; in an equation d/dt that is noise / √(1 ms · τ)
    any other  the state of that name of its target, such as an adaptive threshold or calcium, in the unit declared: of the
               neuron, or of the part (branch, point process) that the projection reaches

Learning rules need nothing further: a spike trace is a state that decays and that spikes raise, and equations see the states
as they are just before the spike. Of two spikes with one stamp the arriving one comes first. Pair-based STDP:

    def derivative(self, s, x):
        return dict(pre=-s.pre / self.tau_plus, post=-s.post / self.tau_minus)

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, weight=maximum(w - self.a_minus * s.post, 0.0))

    def respond(self, s, w):
        return dict(post=s.post + 1.0, weight=minimum(w + self.a_plus * s.pre, self.w_max))

A synapse whose states follow from its own past in closed form is brought up to date only when a spike arrives; what
depends on the world, or feeds a current, advances in every step. A state that arrivals alone decide is kept once for
each source and delay, one that responses alone decide once for each target (`neuropil explain` says which, and why).
"""

from __future__ import annotations

from typing import Any, ClassVar

from neuropil.errors import ModelError, did_you_mean
from neuropil.model.base.described import DeclarativeModel, Steady
from neuropil.model.base.integrators import check_integrator
from neuropil.model.base.noise import NOISE, is_white
from neuropil.model.synapse.context import ContextInput, context_input
from neuropil.registry import names

ADDRESS = ("source", "target", "delay", "site")
"""What `Simulation.synapses` gives for every synapse beside its states."""


class Synapse(DeclarativeModel):
    """Base class of synapse models; see the module's text for how to write one.

    Class attributes a model may set:
        integrator: as of a `Neuron`, for the states that have no closed form.
        learned: names of the states that are held while plasticity is off. None: the state `weight`, and every state that nothing
            brings back (its own derivative does not read it), so not traces, and not short-term plasticity.

    Args:
        parameters: values by name; each a quantity, a `Distribution` that is drawn for every synapse, or an array or a matrix
            [source, target] with one value for each (`neuropil.model.contents.per_synapse`).
    """

    integrator: ClassVar[str] = "auto"
    learned: ClassVar[tuple[str, ...] | None] = None
    each: ClassVar[tuple[str, int]] = ("synapse", 2)
    reserved: ClassVar[frozenset[str]] = DeclarativeModel.reserved | {"integrator", "learned"}

    @classmethod
    def check_class(cls) -> None:
        """The declarations must name what exists."""
        spec, name = cls.spec, cls.__name__
        check_integrator(name, cls.integrator)
        if spec.ports:
            raise ModelError(f"{name}: a synapse has no ports of its own", got=list(spec.ports), fix="spikes come in through arrive()")
        for state in cls.learned or ():
            if state not in spec.states:
                raise ModelError(f"{name}.learned names a state that does not exist", got=state, fix=did_you_mean(state, spec.states))
        for state, declared in spec.states.items():
            if state in ADDRESS:
                raise ModelError(f"{name}.{state}: the name is reserved for the address of a synapse", got=state, expected=f"none of {', '.join(ADDRESS)}")
            if isinstance(declared.initial, Steady):
                raise ModelError(f"{name}.{state}: only gates of membrane mechanisms start at STEADY", fix="give a number")
        for given in spec.inputs:
            if is_white(given) and given != NOISE:
                raise ModelError(f"{name}.{given}: a synapse has one white noise", fix=f"name the input {NOISE}, or otherwise")
            if given in names(ContextInput):
                context_input(given).check_model(name, spec)

    @property
    def has_current(self) -> bool:
        """A current flows through it all the time."""
        return type(self).current is not Synapse.current

    # --- the mathematics; a model overrides what it needs ----------------------------------------------------------

    def derivative(self, s: Any, x: Any) -> dict[str, Any]:
        """Time derivatives by state name between spikes; a state left out stays constant.

        Args:
            s: states of the synapse by name, quantities.
            x: what the synapse reads of its surroundings by name (the target's potential, a modulator).
        """
        return {}

    def arrive(self, s: Any, w: Any) -> dict[str, Any]:
        """New values by state name when a presynaptic spike arrives; a state left out is kept.

        Args:
            s: states of the synapse by name, just before the spike.
            w: the projection's weight, in the port's unit.
        """
        return {}

    def respond(self, s: Any, w: Any) -> dict[str, Any]:
        """New values by state name when the target spikes; a state left out is kept.

        Args:
            s: states of the synapse by name, just before the spike.
            w: the projection's weight, in the port's unit.
        """
        return {}

    def transmits(self, s: Any, w: Any) -> Any:
        """The weight handed to the target's port by a spike that finds the synapse in state `s`.

        Args:
            s: states of the synapse by name, just before the spike (and before `arrive` changes them).
            w: the projection's weight, in the port's unit.
        """
        return w

    def current(self, s: Any, x: Any) -> Any:
        """Outward current through the synapse, in the unit of the target's input.

        Args:
            s: states of the synapse by name.
            x: what the synapse reads of its surroundings by name.
        """
        return 0.0
