"""Synapses with states as native gradients run them: two functions of each synapse in every step, before its target takes it and after.

As in `neuropil.learn.synapses`: before, all states advance and what has arrived acts; a spike of the target acts after it. Spikes come through links with a weight of 1, whose
targets are the synapses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from neuropil.learn.delivery import Wiring
from neuropil.learn.native.links import Link
from neuropil.learn.native.mapped import Mapped
from neuropil.learn.native.part import Part
from neuropil.learn.synapses import Living
from neuropil.lower.gradient import MapGradient
from neuropil.lower.integrate import Advance
from neuropil.model.neuron.composite import full_name, split
from neuropil.model.synapse.context import (
    POST_TIME,
    Activity,
    Potential,
    SignalValue,
    TargetState,
    context_input,
    reads,
)
from neuropil.plan.gradient_signature import Role
from neuropil.plan.map_signature import Access, Place
from neuropil.registry import builder_of, register

ARRIVED, ANSWERED = "arrived", "answered"
"""Ports of synapses: of the spikes of the source, and of those of the target."""


def part_name(projection: str) -> str:
    """The name of the synapses of a `projection` among the parts of a machine."""
    return f"synapses of {projection}"


def activity_name(projection: str) -> str:
    """The name of the activity that the synapses of a `projection` read, likewise."""
    return f"activity in {projection}"


def filters(living: Living) -> bool:
    """Whether the synapses of a `living` projection read the activity of their targets."""
    return reads(living.program.traced.spec.inputs, Activity)


def answers(living: Living) -> bool:
    """Whether the synapses of a `living` projection change at spikes of the target."""
    return "respond" in living.program.traced.equations


def links_of(living: Living) -> list[Link]:
    """How spikes reach the synapses of a `living` projection."""
    p, each = living.projection, np.arange(living.pre.size)
    name, size = part_name(p.name), each.size
    made = [Wiring(f"{name}, {ARRIVED}", p.source.name, name, ARRIVED, living.pre, each, living.delay, (p.source.size, size))]
    if answers(living):
        made.append(Wiring(f"{name}, {ANSWERED}", p.target.name, name, ANSWERED, living.post, each, np.full(size, living.late), (p.target.size, size)))
    if filters(living):
        every = np.arange(p.target.size)
        made.append(Wiring(activity_name(p.name), p.target.name, activity_name(p.name), ANSWERED, every, every, np.zeros(every.size, np.int64), (every.size, every.size)))
    return [Link.of(wiring, fixed=True) for wiring in made]


@dataclass(frozen=True, eq=False)
class Synapses:
    """The synapses of one projection.

    Attributes:
        part: their states.
        advance: what happens before the target takes its step, if anything; respond: likewise after it.
        targets: parts that must take their steps after them: (population, part).
        seen: parts whose states of the same step they read.
    """

    part: Part
    advance: Mapped | None
    respond: Mapped | None
    targets: tuple[tuple[str, str], ...]
    seen: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, living: Living, part: Part, wanted: tuple[str, ...], differ: frozenset[str], sites: Any) -> Synapses:
        """Trace the functions of the synapses of a projection.

        Args:
            living: as the rollout holds them.
            part: their states.
            wanted: parameters whose cotangents are.
            differ: parameters with a value for each synapse.
            sites: int32[synapses], the sites of the target that they reach.

        Returns:
            The synapses.
        """
        p, traced = living.projection, living.program.traced
        target = (p.target.name, p.part)
        parameters = tuple(dict.fromkeys((*traced.spec.parameters, *Advance(traced, living.program.scheme).entry_names, "dt", "weights")))
        reading = Reading(living, sites, living.post.astype(np.int32))
        inputs: dict[str, Place] = {f"x.{n}": builder_of(context_input(n), "native")(reading, n) for n in traced.spec.inputs}
        advance = _advance(living, part, parameters, wanted, differ, inputs, sites)
        respond = _respond(living, part, parameters, wanted, differ) if answers(living) else None
        seen = any(place.access is Access.PICKED for place in inputs.values()) or p.input is not None
        return cls(part, advance, respond, tuple(dict.fromkeys([(p.target.name, split(str(n))[0]) for n in (p.input, p.port) if n is not None])), (target,) if seen else ())

    @property
    def mapped(self) -> list[Mapped]:
        """Its functions."""
        return [m for m in (self.advance, self.respond) if m is not None]


def activity_of(living: Living, part: Part, wanted: tuple[str, ...]) -> Synapses:
    """The activity of the targets of synapses: their spikes, filtered.

    Args:
        living: the synapses of a projection, which read it.
        part: its state.
        wanted: parameters whose cotangents are.

    Returns:
        What happens after the targets took their steps.
    """

    def function(c: Any, v: Any) -> Any:
        return {"s.post": v["s.post"] * jnp.exp(-c["dt"] / c[POST_TIME]) + v[ANSWERED] / c[POST_TIME]}

    respond = _responding("activity", living, part, function, (POST_TIME, "dt"), wanted, frozenset())
    return Synapses(part, None, respond, ((part_name(living.projection.name), ""),), ())


@dataclass(frozen=True, eq=False)
class Reading:
    """What an input of synapses is read of.

    Attributes:
        living: the synapses of a projection.
        sites, neurons: int32[synapses], of the target.
    """

    living: Living
    sites: np.ndarray
    neurons: np.ndarray


@register(TargetState, "native")
@register(Potential, "native")
def _state(reading: Reading, name: str) -> Place:
    p = reading.living.projection
    return Place((p.target.name, Role.STATE, full_name(p.part, name)), Access.PICKED, reading.sites)


@register(Activity, "native")
def _activity(reading: Reading, name: str) -> Place:
    return Place((activity_name(reading.living.projection.name), Role.STATE, name), Access.PICKED, reading.neurons)


@register(SignalValue, "native")
def _signal(reading: Reading, name: str) -> Place:
    return Place((part_name(reading.living.projection.name), "signal", ""), Access.SHARED)


def _advance(
    living: Living, part: Part, parameters: tuple[str, ...], wanted: tuple[str, ...], differ: frozenset[str], inputs: Mapping[str, Place], sites: np.ndarray
) -> Mapped:
    p, traced, flow = living.projection, living.program.traced, Advance(living.program.traced, living.program.scheme)

    def function(c: Any, v: Any) -> Any:
        s, x, arrived = {n: v[f"s.{n}"] for n in part.states}, {n: v[f"x.{n}"] for n in traced.spec.inputs}, v[ARRIVED]
        ready = flow.advance(c, s, x, ())
        after = traced.arrive(c, ready, c["weights"])
        made = {f"s.{n}": ready[n] + arrived * (after[n] - ready[n]) for n in part.states}
        made |= {"flow": -traced.current(c, s, x)} if p.input is not None else {}
        return made | ({"sent": arrived * traced.transmits(c, ready, c["weights"])} if p.port is not None else {})

    def onto(flow: Role, ring: Role) -> dict[str, Place]:
        made = {"flow": Place((p.target.name, flow, p.input), Access.PICKED, sites)} if p.input is not None else {}
        return made | ({"sent": Place((p.target.name, ring, p.port), Access.PICKED_ROUND, sites)} if p.port is not None else {})

    taken = {**_states(part, Role.STATE), ARRIVED: (Place(part.key(Role.RING, ARRIVED), Access.ROUND, cleared=True),), **{leaf: (place,) for leaf, place in inputs.items()}}
    bars = {**_states(part, Role.STATE_BAR), ARRIVED: (Place(part.key(Role.RING_BAR, ARRIVED), Access.ROUND, set=True),)}
    bars |= {leaf: (Place((place.key[0], Role.STATE_BAR, place.key[2]), place.access, place.index),) for leaf, place in inputs.items() if place.access is Access.PICKED}
    return _mapped("advance", living, part, function, parameters, wanted, differ, taken, bars, onto(Role.FLOW, Role.RING), onto(Role.FLOW_BAR, Role.RING_BAR))


def _respond(living: Living, part: Part, parameters: tuple[str, ...], wanted: tuple[str, ...], differ: frozenset[str]) -> Mapped:
    traced = living.program.traced

    def function(c: Any, v: Any) -> Any:
        s = {n: v[f"s.{n}"] for n in part.states}
        after = traced.respond(c, s, c["weights"])
        return {f"s.{n}": s[n] + v[ANSWERED] * (after[n] - s[n]) for n in part.states}

    return _responding("respond", living, part, function, parameters, wanted, differ)


def _responding(what: str, living: Living, part: Part, function: Any, parameters: tuple[str, ...], wanted: tuple[str, ...], differ: frozenset[str]) -> Mapped:
    """A function of states and of the spikes of the target."""
    taken = {**_states(part, Role.STATE), ANSWERED: (Place(part.key(Role.RING, ANSWERED), Access.ROUND, cleared=True),)}
    bars = {**_states(part, Role.STATE_BAR), ANSWERED: (Place(part.key(Role.RING_BAR, ANSWERED), Access.ROUND, set=True),)}
    return _mapped(what, living, part, function, parameters, wanted, differ, taken, bars, {}, {})


def _mapped(
    what: str, living: Living, part: Part, function: Any, parameters: tuple[str, ...], wanted: tuple[str, ...], differ: frozenset[str],
    taken: dict[str, Any], bars: dict[str, Any], writes: dict[str, Place], cotangents: dict[str, Place],
) -> Mapped:  # fmt: skip
    """A function that gives the states of synapses, and more."""
    outputs = (*(f"s.{n}" for n in part.states), *writes)
    barred = frozenset((*bars, *(f"p.{n}" for n in wanted))) if part.active else frozenset[str]()
    program = MapGradient.of(function, parameters, tuple(taken), outputs, barred, living.program.traced.name)
    return Mapped.of(
        (what, part.name), part, program, differ, reads=taken, bars=bars,
        writes={**{leaf: place for leaf, (place,) in _states(part, Role.STATE).items()}, **writes},
        cotangents={**{leaf: place for leaf, (place,) in _states(part, Role.STATE_BAR).items()}, **cotangents},
    )  # fmt: skip


def _states(part: Part, role: Role) -> dict[str, tuple[Place]]:
    return {f"s.{n}": (Place(part.key(role, n), set=True),) for n in part.states}
