"""What probes record: from the populations while they run, by a builder registered for the kind of probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from neuropil.model import Population, Probe
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.expression import Expression, ExpressionProbe
from neuropil.model.probe.currents import Sum, SumProbe
from neuropil.model.probe.potential import PotentialProbe
from neuropil.oracle.integrate import Array
from neuropil.registry import builder_of, register


class World(Protocol):
    """The network while it runs.

    Attributes:
        groups: populations by name, with the states `s` by their full names.
    """

    groups: dict[str, Any]

    def group(self, population: Population, part: str) -> Any:
        """The neurons of a population, or the sites of a part."""
        ...


Samples = Callable[[], Array]
"""What is recorded at the end of a step: [columns]."""


def samples_of(probe: Probe, world: World) -> Samples:
    """The function that gives the samples of a `probe` of a `world`.

    Raises:
        ModelError: the oracle has no builder for the kind of probe.
    """
    found: Samples = builder_of(probe, "oracle")(probe, world)
    return found


@register(Probe, "oracle")
def of_state(probe: Probe, world: World) -> Samples:
    """Samples of a state: the function that a `probe` of a `world` calls at the end of its steps."""
    return lambda: world.groups[probe.target.name].s[probe.variable][probe.flat_index]


@register(ExpressionProbe, "oracle")
def of_expression(probe: ExpressionProbe, world: World) -> Samples:
    """Samples of an expression, likewise, of a `probe` of a `world`."""
    return lambda: values_of(probe.expression, probe.target, world)[probe.flat_index]


@register(SumProbe, "oracle")
def of_sum(probe: SumProbe, world: World) -> Samples:
    """Samples of a sum of currents, likewise, of a `probe` of a `world`."""
    return lambda: sums_of(probe.sum, probe.target, world).ravel()[probe.flat_index]


@register(PotentialProbe, "oracle")
def of_potential(probe: PotentialProbe, world: World) -> Samples:
    """Samples of potentials, likewise, of a `probe` of a `world`."""
    matrix = np.array([probe.matrix(int(c)) for c in probe.neurons])
    return lambda: np.einsum("cek,ck->e", matrix, sums_of(probe.sum, probe.target, world)[probe.neurons])


def values_of(expression: Expression, population: Population, world: World) -> Array:
    """An expression of all sites of a population, neuron by neuron; NaN in compartments without the channel.

    Args:
        world: the network while it runs.
    """
    group, model = world.group(population, expression.part), expression.model_in(population)
    sites, points = expression.sites_in(population)
    x, w = world.groups[population.name].seen(expression.part)
    made = np.asarray(expression.of(model, group.parameters, group.s, x, w), float)
    if not isinstance(population.neuron, Cell) or points is not None:
        return np.broadcast_to(made, (population.size * sites,))
    whole = np.full((population.size, sites), np.nan)
    whole[:, group.where] = np.broadcast_to(made, (population.size * len(group.where),)).reshape(population.size, -1)
    return whole.ravel()


def sums_of(total: Sum, population: Population, world: World) -> Array:
    """A sum of currents in all compartments, [cells, compartments].

    Args:
        total: what is added up.
        population: of cells; world: the network while it runs.
    """
    cells = world.groups[population.name]
    found = -cells.v @ cells.laplacian if total.axial else np.zeros(cells.v.shape)
    for flow in total.flows:
        values = values_of(flow.expression, population, world).reshape(population.size, -1)
        for site, into, factor in zip(flow.sites, flow.into, flow.factor, strict=True):
            found[:, into] += factor * values[:, site]
    return found
