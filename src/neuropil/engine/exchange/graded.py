"""What graded projections transmit: at the end of each step owners publish a function of their neurons' states; in later steps all read it.

A ring has a row for each step that a delay looks back, and for each that an owner may be ahead of another, so owners meet as seldom as for spikes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.equation_source import NAME, published_source
from neuropil.engine.exchange.exchange import Exchange
from neuropil.engine.layout import Layout
from neuropil.engine.ring import ring_length
from neuropil.lower.equation import EquationProgram, expression_program, parameter_leaves
from neuropil.model.contents.graded import GradedProjection
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.graded import columns_of
from neuropil.plan.operations import Given, Kernel, Operation, Phase
from neuropil.plan.plan import Plan

Sources = tuple[slice, tuple[np.ndarray, ...], Callable[[], None]]
"""Of a thread: the neurons of a population that it owns, their states in the order that was asked for, what brings these up to date before a first step."""


@dataclass(frozen=True)
class Published:
    """What one population transmits.

    Attributes:
        projection: one of those that transmit it; longest: their longest delay, steps.
        values: [rows, columns], by step and neuron; columns beyond the neurons are 0.
        buffer: what is declared of it.
        operation: publishes, at the end of each step.
        begin: publishes for a step what the step before it would have published.
        renew: takes the parameters of a plan that are read.
    """

    projection: GradedProjection
    longest: int
    values: np.ndarray
    buffer: Buffer
    operation: Operation
    begin: Callable[[int], None]
    renew: Callable[[Plan], None]

    @property
    def size(self) -> int:
        """Neurons of the population."""
        return self.projection.source.size

    def past(self, step: int) -> np.ndarray:
        """What was transmitted in the steps before a `step`, [longest delay, neurons], the latest first."""
        return self.values[self._rows(step), : self.size].copy()

    def restore(self, step: int, past: np.ndarray) -> None:
        """Take up what `past` gave.

        Args:
            step: of that moment; past: as `past` gave it; steps before those that it has are those before a start.
        """
        self.values[:] = 0.0
        known = past[: self.longest]
        self.values[self._rows(step)[: len(known)], : self.size] = known

    def _rows(self, step: int) -> np.ndarray:
        return (step - 1 - np.arange(self.longest)) & (len(self.values) - 1)


def publishing(plan: Plan, layout: Layout, exchange: Exchange, number: int, projection: GradedProjection, longest: int, sources: Callable[[int, list[str]], Sources],
               observed: tuple[Buffer, ...]) -> Published:  # fmt: skip
    """What is shared of a population for a graded projection, and for the others that transmit the same.

    Args:
        number: of the published values in the network.
        projection: one of those that transmit it.
        longest: the longest delay, steps.
        sources: from (thread, names of states) to the thread's neurons.
        observed: the buffers of the states.
    """
    p = projection
    program = expression_program(p.value, p.model)
    used = [n for n in p.model.spec.states if f"s.{n}" in program.graph.leaves(program.root)]
    values = exchange.shared(f"graded values {number}", plan.precision, (ring_length(longest + exchange.interval + 1), columns_of(p.source.size)))
    kernel = load(NAME, published_source(program, used, range(len(program.hoisted)))).publish
    arguments, looks, constants = [], [], []
    for t in range(len(layout.shares)):
        own, states, look = sources(t, used)
        constants.append((own, [np.empty(own.stop - own.start) for _ in program.hoisted]))
        arguments.append((values, own.start, own.stop - own.start, np.empty(0), states, *constants[-1][1]))
        looks.append(look)
    renew = partial(_renew, p, program, constants)
    renew(plan)
    buffer = Buffer(f"what {p.source.name} transmits", plan.precision, values.size, Owner.ALL, purpose="spikes in flight")
    operation = Operation(
        f"{p.source.name}: publish {p.value.name}", Phase.NEURONS, Kernel.of(kernel), arguments.__getitem__, (Given.STEP,), observes=observed, updates=(buffer,)
    )  # fmt: skip
    return Published(p, longest, values, buffer, operation, partial(_begin, kernel, arguments, looks), renew)


def _renew(p: GradedProjection, program: EquationProgram, constants: list[tuple[slice, list[np.ndarray]]], plan: Plan) -> None:
    """Write what follows from parameters: of each thread its neurons, and an array with a value for each of them."""
    parameters = _parameters(plan, p)
    made = program.constants({leaf: parameters[n] for n, leaf in parameter_leaves(parameters).items()})
    for own, arrays in constants:
        for array, value in zip(arrays, made, strict=True):
            array[:] = value[own] if np.ndim(value) else value


def _parameters(plan: Plan, p: GradedProjection) -> dict[str, Any]:
    """The parameters of the source's part by name: numbers, or one for each neuron."""
    if not p.model.spec.parameters:
        return {}
    g, m = plan.indices_of(p.source, p.value.part)
    return {n: np.asarray(v).ravel() if np.ndim(v) else v for n, v in plan.batches[g].members[m].parameters.items()}


def _begin(kernel: Any, arguments: list[tuple[Any, ...]], looks: list[Callable[[], None]], step: int) -> None:
    for mine, look in zip(arguments, looks, strict=True):
        look()
        kernel(step - 1, *mine)
