"""What a program is made of: operations, each a call of one kernel in every step.

An operation says which kernel it calls, what the loop hands to it, which buffers it uses and how, what it returns, and what it
costs. Writing the program, checking it, and counting its memory and its work do not depend on any mechanism by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from neuropil.plan.buffers import Buffer


class Phase(Enum):
    """To what the time of an operation is counted. The order within a step follows from buffers (`neuropil.plan.spec`)."""

    SPIKES = "spikes"
    """File what all owners published: for every step, once they have met."""
    MODULATION = "modulation"
    """At the beginning of a step that is a tick: concentrations advance, and effects write parameters."""
    STIMULI = "stimuli"
    DELIVERY = "delivery"
    NEURONS = "neurons"
    PROBES = "probes"
    RESPONSES = "responses"
    """Of what an owner holds to the spikes of its own neurons, at the end of a step."""
    WAITING = "waiting"
    """For the other owners; no operation has this phase."""


class Given(Enum):
    """What the loop hands to a kernel."""

    STEP = "int64, the step under way"
    NEXT_STEP = "int64, the step after it"
    EMITTED = "int64, of operations that file what was published: the step in which the neurons fired"
    PUBLISHED = "int32[owners, room], neurons that fired, by owner"
    BOUNDS = "int64[owners, 8], where among an owner's those begin and end that fired in that step"
    OWN_SPIKES = "int32[n], this owner's neurons that fired in the step under way"
    FIRED = "int32[room], this owner's neurons that have fired since the owners met"
    FIRED_COUNT = "int64, how many of them so far"


class Result(Enum):
    """What a kernel returns to the loop."""

    FIRED_COUNT = "int64, how many of this owner's neurons have fired since the owners met"
    EVENTS = "int64, synaptic events delivered"
    DIVERGED = "int32, states beyond all bounds"
    FAULT = "int64, of operations with a period: other than 0 where the run must not go on before somebody has looked"


@dataclass(frozen=True, eq=False)
class TimeTable:
    """An argument that depends on the step alone and is the same for all owners.

    Attributes:
        values: from steps (int64[n]) to the argument in each of them: int64[n] of an index, else float64[n].
        index: whether it is a whole number; a value has the run's precision.
    """

    values: Callable[[np.ndarray], np.ndarray]
    index: bool


@dataclass(frozen=True)
class Kernel:
    """A compiled function, or one that a factory makes.

    Attributes:
        module, name: where the function, or the factory, is found.
        made_with: the factory's arguments, numbers or strings; None for a function.
    """

    module: str
    name: str
    made_with: tuple[int | str, ...] | None = None

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Kernel:
        """The kernel that is this compiled function of a module."""
        source = getattr(function, "py_func", function)
        return cls(source.__module__, source.__name__)

    @classmethod
    def made(cls, factory: Callable[..., Any], *arguments: int | str) -> Kernel:
        """The kernel that a function of a module returns for these arguments.

        Args:
            factory: the function.
            arguments: of the call.
        """
        source = getattr(factory, "__wrapped__", factory)
        return cls(source.__module__, source.__name__, arguments)


@dataclass(frozen=True, eq=False)
class Operation:
    """One call in a step.

    Attributes:
        label: what it does, for people; it is not in the program.
        phase: to what its time is counted.
        kernel: what is called.
        given: what the loop hands to it, first.
        own: from an owner to the operation's own arguments, which follow (asked anew for every run: a store may have grown).
        result: what it returns.
        sets: buffers that it fills; adds: to which it adds, all of them set or updated by another.
        reads: buffers whose values it takes as they are at the beginning of the step, or, of those that are set or added to in a
            step, when all of that is done.
        updates: states that it brings from the beginning of the step to its end, and inputs that it takes and sets to zero.
        completes: states that it changes after they have been updated, because its events belong to the end of the step.
        observes: buffers that it reads as they are at the end of the step.
        checks: whether it judges what a run has left: it is called once, after the last step of a run, and not in every step; the run ends as
            diverged where it returns other than 0.
        periods: steps from one call to the next; () of what is called in every step. It is called at the beginning of steps that are a multiple
            of any of them (and may be in others that are a tick of other operations, so it looks itself), when all spikes up to then have been
            noted and before anything else of the step; all owners wait for each other afterwards.
    """

    label: str
    phase: Phase
    kernel: Kernel
    own: Callable[[int], tuple[Any, ...]]
    given: tuple[Given | TimeTable, ...] = ()
    result: Result | None = None
    sets: tuple[Buffer, ...] = field(default=(), kw_only=True)
    adds: tuple[Buffer, ...] = field(default=(), kw_only=True)
    reads: tuple[Buffer, ...] = field(default=(), kw_only=True)
    updates: tuple[Buffer, ...] = field(default=(), kw_only=True)
    completes: tuple[Buffer, ...] = field(default=(), kw_only=True)
    observes: tuple[Buffer, ...] = field(default=(), kw_only=True)
    periods: tuple[int, ...] = field(default=(), kw_only=True)
    checks: bool = field(default=False, kw_only=True)
