"""Products with structured weights in a rollout: by the matrix's own `product`, or by a builder that is registered for its class; and the weights one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from neuropil.model.connection.convolution import Convolution
from neuropil.model.connection.matrix import WeightMatrix
from neuropil.model.connection.shared import SharedWeights
from neuropil.registry import find_builder, register
from neuropil.units import Quantity


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


@dataclass(frozen=True)
class Expanded:
    """Structured weights one by one, for what multiplies through a list or a full matrix.

    Attributes:
        pairs: int64[pairs] twice, source and target of each weight that can differ from zero; None: all, as a matrix [sources, targets].
        weights: the weights of these, of the parameters by name; JAX differentiates it.
    """

    pairs: tuple[Any, Any] | None
    weights: Callable[[dict[str, Any]], Any]


def expanded(matrix: WeightMatrix) -> Expanded:
    """The weights of a `matrix` one by one."""
    pairs = matrix.pairs()
    if isinstance(matrix, SharedWeights):
        assert pairs is not None
        _, place = matrix.place(*pairs)
        return Expanded(pairs, lambda given: matrix.by_tap(jnp.asarray(given[matrix.parameter]))[place])

    def weights(given: dict[str, Any]) -> Any:
        bound = matrix.bound(given)
        made = bound.dense() if pairs is None else bound.entry(*pairs)
        return made.value if isinstance(made, Quantity) else made

    return Expanded(pairs, weights)
