"""The arguments of the two kernels of a step that is differentiated through time: objects, of which text is made in `codegen` alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from neuropil.lower.gradient import Differentiated, StepGradient


class Role(Enum):
    """What an array of a kernel holds; n are the elements, "row" counts the steps of a tape."""

    NUMBERS = "hoisted constants equal for all elements, [constants]"
    CONSTANT = "a hoisted constant that differs, [n]"
    LEFT = "int32, refractory steps left, [n]"
    PERIOD = "int32, the refractory period in steps, [1] or [n]"
    CODE = "uint8, what a step did: FIRED, NEAR and RESTING, [steps, at least n]"
    STATE = "a state, [n]"
    TAPE = "values before a step of what the product needs, [rows, n]"
    RECORD = "a state after every step, [steps, n]"
    RING = "summed weights by step of arrival, [at least delays, n]"
    EVENTS = "given summed weights, [steps, n]"
    CURRENT = "a given input, [steps, n]"
    FLOW = "what other elements add to an input, [n]"
    UNIFORM = "uniform numbers, [steps, n]"
    STATE_BAR = "cotangent of a state, [n]"
    RECORD_BAR = "cotangent of a recorded state, [steps, n]"
    SPIKE_BAR = "cotangent of the spikes of some steps, [steps, n]"
    RING_BAR = "cotangent of what arrives, [more than delays, n]"
    EVENTS_BAR = "cotangent of given summed weights, [steps, n]"
    CURRENT_BAR = "cotangent of a given input, [steps, n]"
    FLOW_BAR = "cotangent of what others add to an input, [n]"
    VALUE = "what elements send, by step, [at least delays and rows of a tape, n]"
    VALUE_BAR = "cotangent of what elements send, by step, [likewise, n]"
    PAST = "what elements sent in the steps before, the latest first, [delays, n]"
    PARAMETER_BAR = "cotangent of a parameter, summed over steps, [n]"


FIRED, NEAR, RESTING = 1, 2, 4
"""Bits of a code: a spike, a slope of the spike that is not zero, a step of the refractory period."""


@dataclass(frozen=True)
class Argument:
    """One array.

    Attributes:
        role: what it holds.
        name: of the state, port, input, parameter or (of a tape) leaf; of a constant its place among the hoisted nodes.
    """

    role: Role
    name: str = ""


class Signature:
    """The hoisted constants among the arguments of two kernels.

    Attributes:
        program: the graph with its roots.
        apart: places of the hoisted constants that differ between elements.
    """

    program: Differentiated
    apart: tuple[int, ...]

    def constants(self, roots: list[int]) -> tuple[int, ...]:
        """Places of the hoisted constants that these roots use."""
        reached = set(self.program.graph.reach(roots, self.program.hoisted))
        return tuple(j for j, node in enumerate(self.program.hoisted) if node in reached)

    def _constants(self, roots: list[int]) -> list[Argument]:
        return [Argument(Role.NUMBERS), *(Argument(Role.CONSTANT, str(j)) for j in self.constants(roots) if j in self.apart)]


@dataclass(frozen=True)
class GradientSignature(Signature):
    """The arguments of both kernels of a step.

    Attributes:
        program: the graph with its roots.
        apart: places of the hoisted constants that differ between elements.
        periods: whether the refractory period does.
    """

    program: StepGradient
    apart: tuple[int, ...] = ()
    periods: bool = False

    @cached_property
    def forward(self) -> tuple[Argument, ...]:
        """Of the step."""
        p, use = self.program, self.program.use
        made = self._constants(p.forward)
        if p.names.rests:
            made += [Argument(Role.LEFT), Argument(Role.PERIOD)]
        if p.can_fire or p.names.rests:
            made.append(Argument(Role.CODE))
        made += [Argument(Role.STATE, n) for n in p.names.states]
        made += [Argument(Role.TAPE, n) for n in p.tape]
        listed = ((Role.RECORD, use.recorded), (Role.RING, use.rings), (Role.EVENTS, use.events), (Role.CURRENT, use.currents), (Role.FLOW, use.flows))
        made += [Argument(role, n) for role, names in listed for n in names]
        return (*made, *([Argument(Role.UNIFORM)] if p.draws(p.forward) else []))

    @cached_property
    def backward(self) -> tuple[Argument, ...]:
        """Of the product."""
        p, use = self.program, self.program.use
        if not use.product:
            return ()
        made = self._constants(p.backward)
        if p.names.rests or p.reads_fired:
            made.append(Argument(Role.CODE))
        made += [Argument(Role.STATE_BAR, n) for n in p.names.states]
        made += [Argument(Role.RECORD_BAR, n) for n in use.recorded]
        made += [Argument(Role.SPIKE_BAR)] if p.spike_matters else []
        made += [Argument(Role.TAPE, n) for n in p.tape]
        listed = ((Role.RING_BAR, use.rings), (Role.EVENTS_BAR, use.event_bars), (Role.CURRENT_BAR, use.current_bars), (Role.FLOW_BAR, use.flows))
        made += [Argument(role, n) for role, names in listed for n in names]
        made += [Argument(Role.PARAMETER_BAR, n) for n in self.parameters]
        return (*made, *([Argument(Role.UNIFORM)] if p.draws(p.backward) else []))

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Those whose cotangents are summed: of the others they are zero."""
        p = self.program
        return tuple(n for n, node in p.parameter_bar.items() if p.graph.literal(node) != 0.0)
