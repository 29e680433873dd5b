"""Native gradients beside those of JAX: one number of a rollout, and its derivatives by everything."""

from __future__ import annotations

import zlib
from typing import Any

import jax
import numpy as np

from neuropil.learn import Native, Rollout, surrogate
from neuropil.model import Network
from neuropil.units import Quantity

KINDS = ("neurons", "flight", "graded", "synapses", "modulators")
"""Of a state, what is real."""


def functional(rolled: Any) -> Any:
    """A number that depends on every spike, every state at every time, and what is left at the end, each with its own weight."""
    total = 0.0
    for path, values in jax.tree_util.tree_leaves_with_path((rolled.spikes, rolled.traces, *(rolled.state[kind] for kind in KINDS if kind in rolled.state))):
        draw = np.random.default_rng(zlib.crc32(jax.tree_util.keystr(path).encode()))
        total += (draw.normal(size=values.shape) * values).sum() if values.dtype.kind == "f" else 0.0
    return total


def both(roll: Rollout, backend: Any, inputs: Any, wanted: Any = None) -> Any:
    """Value and gradients by everything: parameters, state and inputs, or by what is `wanted` of the parameters."""
    held = roll.parameters if wanted is None else wanted
    given = {kind: inputs[kind] for kind in inputs if kind not in ("events", "currents")}
    inputs = {kind: inputs[kind] for kind in ("events", "currents")}

    def value(parameters: Any, state: Any, inputs: Any) -> Any:
        rolled = roll.apply({**roll.parameters, **parameters}, state, {**given, **inputs}, backend=backend)
        return functional(rolled), rolled.spikes

    return jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2), has_aux=True, allow_int=True))(held, roll.initial(), inputs)


def assert_near(found: Any, truth: Any, tolerance: float) -> None:
    """Relative to the largest magnitude of each array; what is below the rounding of the largest of all counts as zero."""
    rounding = 1e-16 * max(float(np.abs(g).max(initial=0.0)) for g in jax.tree.leaves(truth) if g.dtype != jax.dtypes.float0)
    for (path, mine), theirs in zip(jax.tree_util.tree_leaves_with_path(found), jax.tree.leaves(truth), strict=True):
        if mine.dtype != jax.dtypes.float0:
            assert np.all(np.isfinite(theirs)), jax.tree_util.keystr(path)
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=max(tolerance * np.abs(theirs).max(initial=0.0), rounding), err_msg=jax.tree_util.keystr(path))


def compared(network: Network, dt: Quantity, steps: int, more: Any = None) -> Any:
    """Both backends, in float64, for all steps of a network: the same spikes, the same gradients to rounding, and no bit by threads or memory.

    Args:
        network, dt, steps: of the rollout.
        more: inputs besides those of its stimuli.

    Returns:
        Spikes, and the gradients of JAX by parameters, state and inputs.
    """
    roll = Rollout(network, dt=dt, precision="float64", surrogate=surrogate("superspike", width=0.3))
    inputs = {**roll.inputs(steps), **(more or {})}
    (value, spikes), gradients = both(roll, Native(threads=1), inputs)
    (truth, expected), reference = both(roll, "jax", inputs)
    assert jax.tree.all(jax.tree.map(np.array_equal, spikes, expected))
    np.testing.assert_allclose(value, truth, rtol=1e-11)
    assert_near(gradients, reference, 1e-10)
    again = both(roll, Native(threads=2, memory=0.0), inputs)
    assert jax.tree.all(jax.tree.map(np.array_equal, again, ((value, spikes), gradients)))
    return spikes, reference
