"""How the weights of static projections are rounded: the weight scale, and how many bits hold a weight.

Weights that meet in an accumulator, those of a port of a population, are whole multiples of one weight scale, so that their sums are exact.
A word has 16 bits for a weight, or 48. The largest weight is a power of two times the scale, and so small that all synapses of a
target at once stay within its accumulator: nothing that arrives can wrap it.

16 bits are the choice in float32, and enough where weights are of one order of magnitude. A port has 48 where 16 would distort
what a target receives through one of its projections:

* an error above 1 % of the summed magnitudes of a target's synapses (their mean magnitude, where weights are drawn),
* or an error above 5 % of the weight itself in more than 1 % of the weights (above 1 % of it, where a target has fewer than 32
  synapses, so that each counts),
* or more than one weight in a thousand stored as 0.

Weights too small for 48 bits beside the largest of their port are left out of this account; they are stored as 0 and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.contents import Projection
from neuropil.model.contents.pairs import ends_of
from neuropil.model.contents.per_synapse import edges_of
from neuropil.model.network.network import Network

LARGEST_ERROR = 0.01
"""Of what a target receives, relative to the magnitudes."""

LARGEST_OWN_ERROR, FEW = 0.05, 32
"""Of a weight, relative to itself, where a target has this many synapses or more; below, `LARGEST_ERROR`."""

MOST_DISTORTED, MOST_VANISHED = 0.01, 0.001
"""Shares of a projection's weights that may have a larger error, or be stored as 0."""

CHUNK = 1 << 20
"""Explicit weights that are looked at at once: bounds the memory."""


@dataclass(frozen=True)
class Scale:
    """How the weights of a port are stored.

    Attributes:
        unit: the weight scale: what a stored weight of 1 weighs, in the unit of the port.
        top: largest stored weight; beyond, it is saturated.
        word: np.uint32 (16 bits for the weight), np.uint64 (48), or np.uint16 (none: see `neuropil.plan.weight_classes`).
        why: what asked for 48 bits, "" if nothing did.
    """

    unit: float
    top: int
    word: Any
    why: str = ""

    @property
    def wide(self) -> bool:
        """A weight takes 48 bits, in words that hold weights."""
        return self.top >= 1 << 15


def scales(network: Network, exact: Sequence[bool], word: Any) -> list[Scale | None]:
    """The scale of every projection's weights: one for all that meet in an exact accumulator; None for those that add to real ones.

    Args:
        network: the description.
        exact: of each projection whether its store adds to exact accumulators.
        word: the narrowest that may be used.
    """
    ports: dict[Any, list[Projection]] = {}
    for p in (p for p, mine in zip(network.projections, exact, strict=True) if mine):
        ports.setdefault((p.target.name, p.port), []).append(p)
    made = {key: _scale(projections, word) for key, projections in ports.items()}
    return [made[p.target.name, p.port] if mine else None for p, mine in zip(network.projections, exact, strict=True)]


def _scale(projections: list[Projection], word: Any) -> Scale:
    largest = max(_largest(p) for p in projections)
    together = sum(largest_in_degree(p) for p in projections)
    wide = scale_for(largest, np.uint64, together)
    if word == np.uint64:
        return wide
    narrow = scale_for(largest, np.uint32, together)
    for p in projections:
        if why := shortcoming(p, narrow.unit, wide.unit):
            return Scale(wide.unit, wide.top, np.uint64, f"48-bit weights: of {p.name!r}, 16 bits would leave {why}")
    return narrow


def scale_for(largest: float, word: Any, in_degree: float = 1.0) -> Scale:
    """The scale for weights up to `largest` (1e-9 tails, see `Distribution.largest`), `in_degree` of which may arrive at once.

    The largest is a power of two times the scale, so that weights in ratios of powers of two (-4 in many cortical models)
    are exact, with as much room again for the tails.

    Args:
        word: type of a stored synapse, uint32 or uint64.
    """
    bits, accumulator = (14, 30) if word == np.uint32 else (46, 62)
    full = 1 << max(0, min(bits, accumulator - int(np.ceil(np.log2(max(in_degree, 1.0))))))
    return Scale(largest / full if largest > 0.0 else 1.0, 2 * full - 1, word)


def _largest(p: Projection) -> float:
    return p.own_weight.largest() if isinstance(p.own_weight, Distribution) else float(np.max(np.abs(p.own_weight), initial=0.0))


def largest_in_degree(projection: Projection) -> float:
    """A bound on the synapses that any target receives; for random rules one that fewer than 1 in 10⁹ targets exceed."""
    return projection.rule.largest_in_degree(ends_of(projection))


# --- what rounding does ----------------------------------------------------------------------------------------------


def shortcoming(p: Projection, unit: float, finest: float) -> str:
    """What is wrong with this weight scale for a projection, in words; "" if nothing is.

    Args:
        finest: the weight scale of 48 bits; weights that it would not hold are left out.
        p: the projection.
        unit: the unit of stored weights.
    """
    if isinstance(p.own_weight, Distribution):
        return _of_drawn(p, p.own_weight, unit)
    if np.ndim(p.own_weight) == 0:
        return of_explicit(np.atleast_1d(float(p.own_weight)), lambda a, b: np.zeros(b - a, np.int64), 1, unit, finest)
    if p.rule.listed:
        n_target, post = p.target.size, edges_of(p.rule, p.source.size)[1]
    else:
        n_target, post = p.ends[1], None  # a matrix has a column for each of a view

    def targets(a: int, b: int) -> np.ndarray:
        return np.arange(a, b) % n_target if post is None else post[a:b]

    return of_explicit(np.ravel(np.asarray(p.own_weight, float)), targets, n_target, unit, finest)


def of_explicit(values: np.ndarray, targets: Callable[[int, int], np.ndarray], n_target: int, unit: float, finest: float) -> str:
    """Likewise of weights that are known: float64[n], the target of those from index a to b being targets(a, b).

    Args:
        n_target: neurons of the target.
        unit: the unit of stored weights.
        finest: that of 48 bits.
        values: float64[n], weights.
        targets: (a, b) -> the targets of the weights from index a to b.
    """
    own = LARGEST_OWN_ERROR if values.size >= FEW * n_target else LARGEST_ERROR
    error, size, distorted, vanished = np.zeros(n_target), np.zeros(n_target), 0, 0
    for a in range(0, values.size, CHUNK):
        w, target = values[a : a + CHUNK], targets(a, min(a + CHUNK, values.size))
        seen = np.abs(w) >= 0.5 * finest
        w, target = w[seen], target[seen]
        stored = np.floor(w / unit + 0.5) * unit
        off, magnitude = np.abs(stored - w), np.abs(w)
        error += np.bincount(target, off, n_target)
        size += np.bincount(target, magnitude, n_target)
        distorted += int(np.count_nonzero(off > own * magnitude))
        vanished += int(np.count_nonzero(stored == 0.0))
    worst = float(np.max(error[size > 0] / size[size > 0], initial=0.0))
    return _said(worst, distorted / max(values.size, 1), vanished / max(values.size, 1))


def _of_drawn(p: Projection, distribution: Distribution, unit: float) -> str:
    half = 0.5 * unit
    few = p.rule.expected_synapses(*p.ends, p.recurrent) < FEW * p.ends[1]  # not, where the number is not known
    own = LARGEST_ERROR if few else LARGEST_OWN_ERROR

    def below(bound: float) -> float:
        """Share of weights whose magnitude is smaller."""
        return float(distribution.cdf(bound) - distribution.cdf(-bound))

    mean = float(np.abs(distribution.quantile((np.arange(512) + 0.5) / 512)).mean())
    return _said(half / mean if mean else 0.0, below(half / own), below(half))


def _said(worst: float, distorted: float, vanished: float) -> str:
    if vanished > MOST_VANISHED:
        return f"{100 * vanished:.2g} % of the weights at 0"
    if worst > LARGEST_ERROR:
        return f"a target an error of {100 * worst:.2g} %"
    if distorted > MOST_DISTORTED:
        return f"{100 * distorted:.2g} % of the weights with a large error"
    return ""
