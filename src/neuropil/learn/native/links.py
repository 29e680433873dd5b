"""Projections as native kernels read them: a matrix where all pairs are joined with one delay, else lists of synapses by source and delay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuropil.learn.delivery import Wiring


@dataclass(frozen=True, eq=False)
class Link:
    """The synapses of one projection.

    Attributes:
        wiring: as the rollout holds them.
        order: places of the synapses, in the order of source, delay and target; None: they stand in it.
        dense: all pairs are joined, with one delay.
        fixed: all weights are 1, and none is given.
        timed: the delay of each synapse is given with the weights, in the order of the rollout.
        first, delay, begin, target: int arrays of `neuropil.learn.native.kernels.send_sparse`.
    """

    wiring: Wiring
    order: NDArray[np.int64] | None
    dense: bool
    first: NDArray[np.int64]
    delay: NDArray[np.int64]
    begin: NDArray[np.int64]
    target: NDArray[np.int32]
    fixed: bool = False
    timed: bool = False

    @classmethod
    def of(cls, wiring: Wiring, fixed: bool = False, timed: bool = False) -> Link:
        """The synapses of a projection, sorted; where delays are given, each stands by itself.

        Args:
            wiring: as the rollout holds them.
            fixed, timed: as of the link.

        Returns:
            The link.
        """
        sources, targets = wiring.sizes
        pre, post, delay = wiring.pre, wiring.post, wiring.delay
        order = np.lexsort((post, delay, pre))
        sorted_ = bool(np.all(order == np.arange(order.size)))
        pre, post, delay = pre[order], post[order], delay[order]
        pairs = pre * targets + post
        dense = not timed and pre.size == sources * targets and bool(np.all(delay == delay[:1])) and bool(np.all(pairs == np.arange(pre.size)))
        new = np.ones(pre.size, bool)
        new[1:] = timed | (pre[1:] != pre[:-1]) | (delay[1:] != delay[:-1])
        begin = np.flatnonzero(new)
        first = np.searchsorted(pre[begin], np.arange(sources + 1))
        return cls(wiring, None if sorted_ else order, dense, first.astype(np.int64), delay[begin].astype(np.int64), np.append(begin, pre.size).astype(np.int64), post.astype(np.int32), fixed, timed)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weights as the kernels take them."""
        return self.wiring.sizes if self.dense else (self.target.size,)

    def taken(self, weight: NDArray[np.floating]) -> NDArray[np.floating]:
        """Weights in the order of the kernels; of a matrix [sources, targets].

        Args:
            weight: [synapses], in the order of the rollout.
        """
        weight = weight if self.order is None else weight[self.order]
        return np.ascontiguousarray(weight.reshape(self.wiring.sizes) if self.dense else weight)

    @staticmethod
    def early(name: str) -> str:
        """The name of the link of a projection `name` whose delays are parameters, for what arrives at the earlier of two steps."""
        return f"{name}, earlier"

    @staticmethod
    def late(name: str) -> str:
        """Likewise for the later one of a projection `name`."""
        return f"{name}, later"

    def given_back(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Values in the order of the rollout: [synapses].

        Args:
            values: of the kernels, as `taken`.
        """
        values = values.ravel()
        if self.order is None:
            return values
        made = np.empty_like(values)
        made[self.order] = values
        return made
