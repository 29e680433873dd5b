"""The batch axis of a rollout: which arrays of a state and of inputs hold one entry for each sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from neuropil.errors import ModelError
from neuropil.model.network.network import Network

Tree = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """Where a batch axis stands.

    Attributes:
        size: samples; None: no array has the axis.
        state, inputs: trees like the state and the inputs, 0 where an array begins with the axis, else None.
    """

    size: int | None
    state: Any
    inputs: Any

    @classmethod
    def of(cls, network: Network, initial: Tree, state: Tree, inputs: Tree) -> Batch:
        """The axis of these arrays, known by their numbers of dimensions; arrays without it are the same for all samples.

        Args:
            network: the description.
            initial: `Rollout.initial()`.
            state, inputs: as given to `Rollout.apply`.

        Raises:
            ModelError: arrays of different numbers of samples.
        """
        found: dict[str, int] = {}

        def axis(what: str, values: Any, dimensions: int) -> int | None:
            if np.ndim(values) != dimensions + 1:
                return None  # what does not fit is for the checks of shapes
            found[what] = np.shape(values)[0]
            return 0

        mine = {jax.tree_util.keystr(path): np.ndim(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(initial)}

        def of_state(path: Any, leaf: Any) -> int | None:
            name = jax.tree_util.keystr(path)
            return axis(f"state{name}", leaf, mine.get(name, np.ndim(leaf)))

        def of_input(kind: str, values: Any) -> Any:
            if not isinstance(values, Mapping):
                return None  # "step", or what the checks refuse
            if kind in ("events", "currents", "spikes"):
                of_one = 1 if kind == "spikes" else 2
                return {n: {e: axis(f"inputs[{kind!r}][{n!r}][{e!r}]", v, of_one) for e, v in each.items()} if isinstance(each, Mapping) else None for n, each in values.items()}
            return {n: axis(f"inputs[{kind!r}][{n!r}]", v, _dimensions(network, kind, n, v)) for n, v in values.items()}

        state_axes = jax.tree_util.tree_map_with_path(of_state, state)
        input_axes = {kind: of_input(kind, values) for kind, values in inputs.items()}
        if len(sizes := set(found.values())) > 1:
            (first, size), (other, more) = next((a, b) for a in found.items() for b in found.items() if a[1] != b[1])
            raise ModelError("arrays have different numbers of samples", got=f"{size} in {first}, {more} in {other}", expected="one number of samples in all arrays with a batch axis")
        return cls(next(iter(sizes), None), state_axes, input_axes)


def _dimensions(network: Network, kind: str, name: str, values: Any) -> int:
    """Dimensions of an input without a batch axis."""
    if kind == "signals" and name in network.modulators and network.modulators[name].signals:
        return min(2, np.ndim(values))
    return 2 if kind == "uniform" else 1
