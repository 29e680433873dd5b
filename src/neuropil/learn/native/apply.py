"""A rollout by native kernels, to JAX one function with a derivative."""

from __future__ import annotations

from typing import Any

from neuropil.errors import ModelError

Tree = dict[str, Any]


def apply_native(rollout: Any, parameters: Tree, state: Tree, inputs: Tree) -> Any:
    """What `Rollout.apply` returns, computed by native kernels.

    Args:
        rollout: the rollout.
        parameters, state, inputs: as of `Rollout.apply`.

    Raises:
        ModelError: the network has something that the native backend does not support.
    """
    raise ModelError("the native backend does not support this network yet", got=repr(rollout), fix="backend='jax'")
