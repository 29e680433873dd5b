"""Samples of probes beside native kernels: these give states over time, of which JAX computes what a probe sees."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from neuropil.errors import ModelError
from neuropil.learn.probes import Seen

Tree = dict[str, Any]


def needed_states(rollout: Any) -> frozenset[tuple[str, str]]:
    """The states that the probes of a rollout read: (population, state).

    Raises:
        ModelError: a probe of inputs or of events.
    """
    found: set[tuple[str, str]] = set()
    for probe, observe in zip(rollout.network.probes, rollout.observe, strict=True):
        population, spec = probe.target, probe.target.neuron.spec
        constants = rollout.constants(rollout.parameters)[population.name]
        size = {n: population.size * population.sites(n) for n in (*spec.states, *spec.inputs, *spec.ports)}
        every = {kind: {n: jax.ShapeDtypeStruct((size[n],), rollout.dtype) for n in names} for kind, names in (("s", spec.states), ("x", spec.inputs), ("w", spec.ports))}
        closed = jax.make_jaxpr(lambda e, observe=observe, c=constants: observe(Seen(c, e["s"], e["x"], e["w"])))(every)
        needed = set(closed.jaxpr.outvars)
        for equation in reversed(closed.jaxpr.eqns):
            if needed & set(equation.outvars):
                needed |= {v for v in equation.invars if not hasattr(v, "val")}
        for (path, _), variable in zip(jax.tree_util.tree_leaves_with_path(every), closed.jaxpr.invars, strict=True):
            kind, name = (k.key for k in path)
            if variable in needed and kind != "s":
                raise ModelError(f"the native backend does not support probes of inputs: {probe.name!r} reads {name!r}", expected="a probe of states", fix="backend='jax'")
            if variable in needed:
                found.add((population.name, name))
    return frozenset(found)


def traces_of(rollout: Any, constants: Tree, records: Tree, apart: frozenset[str]) -> Tree:
    """Samples of every probe after every step: [samples, steps, columns].

    Args:
        rollout: the rollout.
        constants: by population.
        records: population -> state -> [samples, steps, neurons].
        apart: populations whose constants begin with the samples.
    """
    traces: Tree = {}
    for probe, observe in zip(rollout.network.probes, rollout.observe, strict=True):
        name, spec = probe.target.name, probe.target.neuron.spec
        absent = {n: jnp.zeros(probe.target.size * probe.target.sites(n), rollout.dtype) for n in (*spec.states, *spec.inputs, *spec.ports)}

        def sample(states: Tree, own: Tree, observe: Any = observe, absent: Tree = absent) -> Any:
            return observe(Seen(own, {**absent, **states}, absent, absent))

        over_time = jax.vmap(sample, in_axes=(0, None))
        traces[probe.name] = jax.vmap(over_time, in_axes=(0, 0 if name in apart else None))(records.get(name, {}), constants[name])
    return traces
