"""The sources that new synapses of a rewired projection come from: such as its rule allows (`neuropil.model.connection.structure`)."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg"
# (Numba infers the types of the kernel from its arguments.)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuropil.codegen.kernel_cache import cached_njit
from neuropil.model.contents.contents import Projection
from neuropil.model.contents.pairs import ends_of, naming

_AT_ONCE = 1 << 20
"""Pairs whose probabilities are computed together."""


def partners(
    projection: Projection, births: NDArray[np.int64], pre: NDArray[np.int32], post: NDArray[np.int32], u: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The source of each new synapse, -1 where the rule leaves none.

    Args:
        births: int64[targets], how many each target forms; the new ones are numbered target by target.
        pre, post: the synapses that there are.
        u: float64[new], uniform numbers.
    """
    targets = np.flatnonzero(births)
    found = np.full(u.size, -1)
    if not targets.size:
        return found
    order = np.argsort(post, kind="stable")
    bounds = np.searchsorted(post[order], np.arange(projection.target.size + 1))
    first = np.cumsum(births) - births
    share = np.zeros(projection.source.size)
    share[slice(None) if projection.sources is None else projection.sources] = 1.0
    rule, ends, sorted_pre, many = projection.rule, ends_of(projection, whole=True), pre[order], projection.rule.multapses
    some = max(1, _AT_ONCE // share.size)
    for a in range(0, targets.size, some):
        now = targets[a : a + some]
        with naming(projection):
            likely = share[:, None] * rule.likelihood(np.arange(share.size), now, ends)
        _choose(now, births, first, bounds, sorted_pre, np.ascontiguousarray(likely.T), projection.excludes_self, many, u, found)
    return found


@cached_njit(nogil=True)
def _choose(targets, births, first, bounds, pre, likely, apart, many, u, found):
    """found[new] = a source, with a probability in proportion to `likely` ([targets or 1, sources]) among those that are allowed."""
    for t in range(targets.size):
        target = targets[t]
        left = likely[t if likely.shape[0] > 1 else 0].copy()
        if apart:
            left[target] = 0.0
        if not many:
            for i in range(bounds[target], bounds[target + 1]):
                left[pre[i]] = 0.0
        for new in range(first[target], first[target] + births[target]):
            total = 0.0
            for s in range(left.size):
                total += left[s]
            reached, aim = 0.0, u[new] * total
            for s in range(left.size):
                reached += left[s]
                if left[s] > 0.0 and reached > aim:
                    found[new] = s
                    break
            if found[new] >= 0 and not many:
                left[found[new]] = 0.0
