"""What probes record of a rollout, by a builder registered for the kind of probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from neuropil.model.contents.contents import ExpressionProbe, Probe
from neuropil.model.neuron.composite import full_name
from neuropil.registry import builder_of, register

Observe = Callable[[dict[str, Any], dict[str, Any]], Any]
"""From parameters and states of a population, by their full names, to samples [columns]."""


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
    return lambda parameters, states: neurons.observed(states, probe.variable, probe.places)


@register(ExpressionProbe, "rollout")
def of_expression(probe: ExpressionProbe, neurons: Any) -> Observe:
    """Samples of an expression for a `probe`, which can be differentiated by states and parameters."""
    part, spec = probe.expression.part, probe.model.spec

    def values(parameters: dict[str, Any], states: dict[str, Any]) -> Any:
        p = {n: jnp.asarray(parameters[full_name(part, n)]) for n in spec.parameters}
        s = {n: states[full_name(part, n)] for n in spec.states}
        made = jnp.asarray(probe.expression.of(probe.model, p, s))
        return jnp.broadcast_to(made, (probe.target.size * probe.site_count,))[probe.places]

    return values
