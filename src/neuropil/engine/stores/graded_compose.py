"""The graded projections of a network in the engine: who publishes what, and whose inputs it reaches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from neuropil.engine.compose import Machine, input_buffer, own_array, own_input, potential_buffer
from neuropil.engine.exchange.graded import Published, Sources, publishing
from neuropil.engine.layout import Layout
from neuropil.engine.stores.graded import GradedWeights
from neuropil.model.contents.graded import GradedProjection
from neuropil.plan.graded import longest_delay
from neuropil.plan.plan import Plan
from neuropil.plan.signature import state


def graded_of(plan: Plan, layout: Layout, machine: Machine) -> tuple[list[Published], list[GradedWeights]]:
    """What is published, and the weights of every graded projection, in the network's order.

    Args:
        machine: the arrays of all threads.
    """
    together: dict[Any, list[GradedProjection]] = {}
    for p in plan.network.graded:
        together.setdefault(p.published, []).append(p)
    published: dict[Any, Published] = {}
    for number, (key, some) in enumerate(together.items()):
        p, longest = some[0], max(longest_delay(one, plan.dt) for one in some)
        on_cells = p.source.name in machine.cells
        states = partial(_of_cells if on_cells else _of_neurons, plan, layout, machine, p)
        names = ["v"] if on_cells else list(p.model.spec.states)
        observed = tuple(dict.fromkeys(potential_buffer(plan, machine, p.source, p.value.part) if on_cells else plan.buffer(p.source, p.value.part, state(n)) for n in names))
        published[key] = publishing(plan, layout, machine.exchange, number, p, longest, states, observed)
    weights = []
    for p in plan.network.graded:
        inputs = [own_input(plan, layout, machine, p.target, str(p.input), t) for t in range(len(layout.shares))]
        weights.append(GradedWeights(plan, layout, p, published[p.published], inputs, input_buffer(plan, p.target, str(p.input))))
    return list(published.values()), weights


def _of_neurons(plan: Plan, layout: Layout, machine: Machine, p: GradedProjection, t: int, names: list[str]) -> Sources:
    mine = layout.slice(p.source, p.value.part, t)
    states = tuple(own_array(plan, layout, machine, p.source, p.value.part, state(n), t) for n in names)
    return slice(mine.lower, mine.lower + mine.neurons), states, _nothing


def _of_cells(plan: Plan, layout: Layout, machine: Machine, p: GradedProjection, t: int, names: list[str]) -> Sources:
    own, cells = machine.cells[p.source.name][t]
    potentials: Callable[[str], np.ndarray] = cells.potentials
    return own, tuple(potentials(p.value.part) for _ in names), cells.look


def _nothing() -> None:
    """States of neurons are up to date."""
