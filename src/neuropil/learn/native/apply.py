"""A rollout by native kernels: what `Rollout.apply` returns for `backend="native"`."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.batches import Batch
from neuropil.learn.native.calls import Native
from neuropil.learn.native.segments import modulated
from neuropil.learn.native.span import Held, Span
from neuropil.learn.native.support import check_supported

Tree = dict[str, Any]


def apply_native(rollout: Any, parameters: Tree, state: Tree, inputs: Tree, native: Native) -> Any:
    """What `Rollout.apply` returns, computed by native kernels.

    Args:
        rollout: the rollout.
        parameters, state, inputs: as of `Rollout.apply`.
        native: options.

    Raises:
        ModelError: the network has something that the native backend does not support.
    """
    check_supported(rollout, parameters)
    compiled = rollout.__dict__.setdefault("_native_compiled", {})
    if native not in compiled:
        # Within `jit` this changes nothing; outside, JAX would compile some hundred operations one by one, each for a new shape.
        compiled[native] = jax.jit(partial(_applied, rollout, native))
    return compiled[native](parameters, state, inputs)


def _applied(rollout: Any, native: Native, parameters: Tree, state: Tree, inputs: Tree) -> Any:
    axes = Batch.of(rollout.network, rollout.initial(), state, inputs)
    if axes.size == 0:
        raise ModelError("the native backend needs a sample", got="a batch of 0 samples", fix="leave the call out")
    rollout.check(parameters, *_first(axes, state, inputs))

    def batched(a: Any, axis: int | None) -> Any:
        return jnp.asarray(a) if axis is not None else jnp.asarray(a)[None]

    given = jax.tree.map(batched, inputs, {**axes.inputs, "step": None}, is_leaf=lambda a: a is None)
    started = jax.tree.map(batched, state, axes.state, is_leaf=lambda a: a is None)
    span = Span.of(rollout, native, axes.size or 1, parameters)
    rows = {**given, "step": inputs["step"]}
    if rollout.network.modulators:
        out = modulated(span, parameters, started, rows)
    else:
        out = span.roll(Held.of(rollout, parameters), started, rows)
    return out if axes.size is not None else jax.tree.map(lambda a: a[0], out)


def _first(axes: Batch, state: Tree, inputs: Tree) -> tuple[Tree, Tree]:
    """State and inputs of one sample, for the checks: shapes alone."""

    def one(a: Any, axis: int | None) -> Any:
        return jax.ShapeDtypeStruct(np.shape(a)[1:] if axis is not None else np.shape(a), np.float32)

    none = lambda a: a is None  # noqa: E731
    return jax.tree.map(one, state, axes.state, is_leaf=none), jax.tree.map(one, inputs, {**axes.inputs, "step": None}, is_leaf=none)
