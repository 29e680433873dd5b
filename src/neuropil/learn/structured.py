"""Products with structured weights in a rollout: by the matrix's own `product`, or by a builder that is registered for its class."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from neuropil.model.connection.convolution import Convolution
from neuropil.model.connection.matrix import WeightMatrix
from neuropil.registry import find_builder, register


def multiplied(matrix: WeightMatrix, x: Any) -> Any:
    """What reaches all targets, [targets].

    Args:
        matrix: the weights, bound to the rollout's values.
        x: values of the sources, [sources].
    """
    builder = find_builder(matrix, "rollout", unless=("product", "reach", "entry"))
    return matrix.product(x) if builder is None else builder(matrix, x)


@register(Convolution, "rollout")
def convolution(matrix: Convolution, x: Any) -> Any:
    """By XLA's convolution, which does not unroll the windows.

    Args:
        matrix, x: as of `multiplied`.
    """
    kernel = jnp.asarray(matrix.parameters["kernel"], x.dtype)
    made = jax.lax.conv_general_dilated(
        x.reshape(1, *matrix.source_shape), kernel, matrix.stride, matrix.padding, rhs_dilation=matrix.dilation, feature_group_count=matrix.groups
    )
    return made.ravel()
