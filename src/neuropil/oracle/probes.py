"""What probes record: from the populations while they run, by a builder registered for the kind of probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from neuropil.model import Population, Probe
from neuropil.model.contents.contents import ExpressionProbe
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
    return lambda: world.groups[probe.target.name].s[probe.variable][probe.places]


@register(ExpressionProbe, "oracle")
def of_expression(probe: ExpressionProbe, world: World) -> Samples:
    """Samples of an expression, likewise, of a `probe` of a `world`."""
    size = probe.target.size * probe.site_count

    def values() -> Array:
        group = world.group(probe.target, probe.expression.part)
        return np.broadcast_to(np.asarray(probe.expression.of(probe.model, group.parameters, group.s), float), (size,))[probe.places]

    return values
