"""What probes record of a rollout, by a builder registered for the kind of probe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from neuropil.learn.cable import CellNeurons
from neuropil.model.contents.contents import Probe
from neuropil.model.contents.expression import Expression, ExpressionProbe
from neuropil.model.neuron.branched import Branched
from neuropil.model.neuron.composite import full_name
from neuropil.model.probe.currents import Sum, SumProbe
from neuropil.model.probe.potential import PotentialProbe
from neuropil.registry import builder_of, register


@dataclass(frozen=True)
class Seen:
    """What there is of a population at the time of a sample, by full names.

    Attributes:
        parameters: all that a step reads; states: at that time.
        inputs: of the step that ends there; arrived: summed weights of the events at its end, by port.
    """

    parameters: dict[str, Any]
    states: dict[str, Any]
    inputs: dict[str, Any]
    arrived: dict[str, Any]


Observe = Callable[[Seen], Any]
"""To samples [columns]."""


def observing(probe: Probe, neurons: Any) -> Observe:
    """What gives the samples of a `probe` of a population's `neurons`.

    Raises:
        ModelError: the rollout has no builder for the kind of probe.
    """
    found: Observe = builder_of(probe, "rollout")(probe, neurons)
    return found


@register(Probe, "rollout")
def of_state(probe: Probe, neurons: Any) -> Observe:
    """Samples of a state of a population's `neurons` for a `probe`."""
    return lambda seen: neurons.observed(seen.states, probe.variable, probe.flat_index)


@register(ExpressionProbe, "rollout")
def of_expression(probe: ExpressionProbe, neurons: Any) -> Observe:
    """Samples of an expression for a `probe`, which can be differentiated by states and parameters."""
    return lambda seen: values_of(probe.expression, neurons, seen)[probe.flat_index]


@register(SumProbe, "rollout")
def of_sum(probe: SumProbe, neurons: Any) -> Observe:
    """Samples of a sum of currents for a `probe`, likewise."""
    return lambda seen: sums_of(probe.sum, neurons, seen).ravel()[probe.flat_index]


@register(PotentialProbe, "rollout")
def of_potential(probe: PotentialProbe, neurons: Any) -> Observe:
    """Samples of potentials for a `probe`, likewise."""
    matrix = np.array([probe.matrix(int(c)) for c in probe.neurons])

    def values(seen: Seen) -> Any:
        through = sums_of(probe.sum, neurons, seen)[probe.neurons]
        return jnp.einsum("cek,ck->e", jnp.asarray(matrix, through.dtype), through)

    return values


def values_of(expression: Expression, neurons: Any, seen: Seen) -> Any:
    """An expression of all sites of a population, neuron by neuron; NaN in compartments without the channel.

    Args:
        neurons: of the rollout; seen: what there is of them.
    """
    population, part = neurons.population, expression.part
    if isinstance(neurons, CellNeurons):
        return neurons.evaluated(expression, seen.parameters, seen.states, seen.inputs, seen.arrived).ravel()
    model, sites = expression.model_in(population), expression.sites_in(population)[0]
    spec = model.spec
    p, s, x, w = (
        {n: of[full_name(part, n)] for n in names if full_name(part, n) in of}
        for of, names in ((seen.parameters, spec.parameters), (seen.states, spec.states), (seen.inputs, spec.inputs), (seen.arrived, spec.ports))
    )
    if part and isinstance(population.neuron, Branched):
        x |= {n: jnp.repeat(seen.states[state], sites) for n, state in population.neuron.reads.items()}
    return jnp.broadcast_to(jnp.asarray(expression.of(model, p, s, x, w)), (population.size * sites,))


def sums_of(total: Sum, neurons: CellNeurons, seen: Seen) -> Any:
    """A sum of currents in all compartments, [cells, compartments].

    Args:
        total: what is added up.
        neurons: of the rollout; seen: what there is of them.
    """
    size, n = neurons.population.size, len(neurons.cell)
    found = neurons.axial_currents(seen.parameters, seen.states) if total.axial else jnp.zeros((size, n), seen.states["v"].dtype)
    for flow in total.flows:
        values = values_of(flow.expression, neurons, seen).reshape(size, -1)
        found = found.at[:, flow.into].add(values[:, flow.sites] * jnp.asarray(flow.factor, found.dtype)[None, :])
    return found
