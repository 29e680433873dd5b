"""How weights and delays of synapses are drawn: what a description says, in the form that kernels compute with.

A weight is a quantile of its distribution at the synapse's word. A delay, being a whole number of time steps, is drawn
from a discrete distribution by Walker's alias method (Walker 1977, ACM Trans. Math. Softw. 3:253; table after Vose 1991):

    P(d steps) = F((d + 1/2) dt) - F((d - 1/2) dt),   d = 1, 2, ...

which is rounding to the nearest step. One step takes all that the distribution's bounds leave below 1.5 dt; a
distribution that puts weight below dt/2 would need delays of zero steps, and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.connectivity import kernels
from neuropil.errors import NetworkError
from neuropil.model.base import grid
from neuropil.model.base.distribution import Distribution, LogNormal, Normal, Uniform
from neuropil.model.contents.contents import Projection

TAIL = 1e-9
"""Probability at either end of a delay distribution that is cut off."""

LONGEST = 1 << 21
"""Most steps of a delay: 200 s at 0.1 ms. Each step ahead takes some bytes."""

MOST_DELAYS = 0xFFFF
"""Most different delays of a projection."""

_COARSE = 2.0**-10
"""If truncation leaves a smaller share of a distribution than this, mapping words onto the rest would be coarse."""


@dataclass(frozen=True)
class WeightSampler:
    """Weights of a projection.

    Attributes:
        kind: ``kernels.CONSTANT``, ``ARRAY``, ``NORMAL``, ``LOGNORMAL`` or ``UNIFORM``.
        values: float64, explicit weights in the order of the synapses, else empty.
        fields: the parameters by their names in ``kernels.ROW_SAMPLER``.
        largest: magnitude that at most one weight in 10**9 exceeds.
        mean: mean magnitude.
    """

    kind: int
    values: NDArray[np.float64]
    fields: dict[str, Any]
    largest: float
    mean: float

    def nonzero(self, n: int) -> int:
        """How many of n weights are other than 0."""
        if self.kind == kernels.ARRAY:
            return int(np.count_nonzero(self.values))
        return 0 if self.kind == kernels.CONSTANT and self.fields["location"] == 0.0 else n

    def fill(self, sampler: np.void) -> None:
        """Write the parameters into a kernel's record (`sampler`)."""
        sampler["weight_kind"] = self.kind
        for name, value in self.fields.items():
            sampler[name] = value


@dataclass(frozen=True)
class DelaySampler:
    """Delays of a projection, as indices into `steps`.

    Attributes:
        steps: int64, sorted: every delay that can occur, in time steps.
        kind: ``kernels.CONSTANT``, ``ARRAY`` or ``ALIAS``.
        values: uint16, explicit indices in the order of the synapses, else empty.
        threshold, pair, shift: the alias table, see :func:`alias_table`.
        key: stream of the delays.
    """

    steps: NDArray[np.int64]
    kind: int
    values: NDArray[np.uint16] = field(default_factory=lambda: np.empty(0, np.uint16))
    threshold: NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    pair: NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    shift: int = 0
    key: rng.Key = (0, 0)

    def fill(self, sampler: np.void) -> None:
        """Write the parameters into a kernel's record (`sampler`)."""
        sampler["delay_kind"], sampler["alias_shift"] = self.kind, self.shift
        sampler["delay_key0"], sampler["delay_key1"] = self.key


# --- weights ---------------------------------------------------------------------------------------------------------


def weight_sampler(
    projection: Projection,
    seed: int,
    counts: NDArray[np.int64],
    order: NDArray[np.int64] | None = None,
    skip_self: bool = False,
) -> WeightSampler:
    """How to draw a projection's weights, given the synapses of each source; for the rest see :func:`synapse_order`.

    Args:
        seed: of the network's random numbers.
        counts: int64[sources], synapses of each.
        order, skip_self: as of `synapse_order`.
    """
    value = projection.own_weight
    none = np.empty(0)
    if isinstance(value, Distribution):
        key = rng.stream_key(seed, "projection", *projection.stream, "weight")
        kind, fields = _distribution_fields(value)
        fields |= {"weight_key0": key[0], "weight_key1": key[1], "low": value.low, "high": value.high}
        middles = (np.arange(4096) + 0.5) / 4096
        drawn = _draw_on_host(value, key, counts) if kind == kernels.ARRAY else none
        return WeightSampler(kind, drawn, fields, value.largest(), float(np.abs(value.quantile(middles)).mean()))
    if np.ndim(value) == 0:
        return constant_weight(float(value))
    return explicit_weights(synapse_order(value, projection, order, skip_self))


def constant_weight(value: float) -> WeightSampler:
    """The sampler that gives all synapses the same value, in base units of the port."""
    return WeightSampler(kernels.CONSTANT, np.empty(0), {"location": value}, abs(value), abs(value))


def explicit_weights(weights: np.ndarray) -> WeightSampler:
    """Weights in the order of the synapses.

    Args:
        weights: float64[synapses], base units of the port.
    """
    values = np.ascontiguousarray(weights, np.float64)
    magnitude = np.abs(values) if values.size else np.zeros(1)
    return WeightSampler(kernels.ARRAY, values, {}, float(magnitude.max()), float(magnitude.mean()))


_BY_NORMAL_NUMBERS: dict[type[Distribution], tuple[int, str, str]] = {
    Normal: (kernels.NORMAL, "mean", "sd"), LogNormal: (kernels.LOGNORMAL, "mu", "sigma"),
}  # fmt: skip
"""Distributions that kernels draw from a normal number; all others, and what is derived from these, through their own quantiles."""


def _distribution_fields(distribution: Distribution) -> tuple[int, dict[str, Any]]:
    """Kind and parameters of a distribution for the kernels; ARRAY if they cannot draw it."""
    if type(distribution) is Uniform:
        return kernels.UNIFORM, {"location": distribution.low, "scale": distribution.high - distribution.low}
    known = _BY_NORMAL_NUMBERS.get(type(distribution))
    if known is None:
        return kernels.ARRAY, {}
    a, b = distribution.range_of_u()
    if b - a < _COARSE:
        return kernels.ARRAY, {}
    low = int(np.floor(a * 2**32))
    kind, location, scale = known
    return kind, {"location": getattr(distribution, location), "scale": getattr(distribution, scale), "word_low": low, "word_span": int(np.ceil(b * 2**32)) - low}


def _draw_on_host(distribution: Distribution, key: rng.Key, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The weights of all synapses from the same counters as the kernels use, through the distribution's own quantiles."""
    source = np.repeat(np.arange(counts.size), counts)
    position = np.arange(source.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(distribution.quantile(rng.uniform(key, source, position)), np.float64)


def synapse_order(value: Any, projection: Projection, order: NDArray[np.int64] | None, skip_self: bool) -> np.ndarray:
    """A user's array of weights or delays in the order of the synapses.

    Args:
        order: index of each synapse in the user's array (of edges).
        skip_self: of an all-to-all matrix, leave out the diagonal.
        value: float64[synapses] or float64[sources, targets].
    """
    array = np.asarray(value, float)
    if array.ndim == 2:
        return array[np.eye(*array.shape) == 0] if skip_self else array.ravel()
    return array if order is None else array[order]


# --- delays ----------------------------------------------------------------------------------------------------------


def delay_sampler(
    projection: Projection,
    seed: int,
    dt_ms: float,
    order: NDArray[np.int64] | None = None,
    skip_self: bool = False,
) -> DelaySampler:
    """How to draw a projection's delays on the grid of time steps.

    Args:
        seed: of the network's random numbers.
        dt_ms: time step, ms.
        order, skip_self: as of `synapse_order`.

    Raises:
        NetworkError: a delay that is, or can be, below one time step; delays longer than `LONGEST` steps, or more than `MOST_DELAYS` different ones.
    """
    value = projection.delay
    if isinstance(value, Distribution):
        steps, probability = delay_pmf(value, dt_ms, projection.name)
        if steps.size == 1:
            return DelaySampler(steps, kernels.CONSTANT)
        threshold, pair, shift = alias_table(probability)
        key = rng.stream_key(seed, "projection", *projection.stream, "delay")
        return DelaySampler(steps, kernels.ALIAS, threshold=threshold, pair=pair, shift=shift, key=key)
    if np.ndim(value) == 0:
        return DelaySampler(delay_steps(projection, dt_ms), kernels.CONSTANT)
    return delays_of(synapse_order(value, projection, order, skip_self), dt_ms, projection.name)


def delays_of(delays: Any, dt_ms: float, name: str) -> DelaySampler:
    """The sampler of given delays, in the order of the synapses.

    Args:
        delays: ms, [synapses].
        dt_ms: time step, ms.
        name: of the projection, for messages.
    """
    every = _grid_steps(delays, dt_ms, name)
    steps, which = np.unique(every, return_inverse=True)
    _check_many(steps.size, name)
    return DelaySampler(steps, kernels.ARRAY, values=which.astype(np.uint16))


def delay_steps(projection: Projection, dt_ms: float) -> NDArray[np.int64]:
    """Every delay that the projection's synapses can have, in time steps, sorted; one step, of a list without any synapse.

    Args:
        dt_ms: time step, ms.
    """
    value = projection.delay
    if isinstance(value, Distribution):
        return delay_pmf(value, dt_ms, projection.name)[0]
    if np.ndim(value) == 0:
        _check_shortest(float(value), dt_ms, projection.name)
        steps = grid.all_steps(value, dt_ms, f"projection {projection.name!r}: the delay")
        _check_longest(float(steps[0]), dt_ms, projection.name)
        return steps
    listed = _listed_steps(projection, dt_ms)
    return np.unique(listed) if listed.size else np.ones(1, np.int64)


def delay_range(projection: Projection, dt_ms: float) -> tuple[int, int]:
    """The shortest and the longest of `delay_steps`, which are not sorted for it.

    Args:
        dt_ms: time step, ms.
    """
    steps = _listed_steps(projection, dt_ms) if isinstance(projection.delay, np.ndarray) and projection.delay.size else delay_steps(projection, dt_ms)
    return (int(steps.min()), int(steps.max())) if steps.size else (1, 1)


def _listed_steps(projection: Projection, dt_ms: float) -> NDArray[np.int64]:
    """Delays given as an array, in time steps."""
    views = projection.sources is not None or projection.targets is not None
    flat = projection.delay if views else synapse_order(projection.delay, projection, None, projection.excludes_self)
    return _grid_steps(flat, dt_ms, projection.name)


def _grid_steps(delay_ms: Any, dt_ms: float, name: str) -> NDArray[np.int64]:
    """An array of delays in steps, each the nearest."""
    values = np.asarray(delay_ms, float)
    if values.size == 0:
        return np.empty(0, np.int64)
    _check_shortest(float(values.min()), dt_ms, name)
    steps = grid.nearest(values, dt_ms)
    _check_longest(float(steps.max()), dt_ms, name)
    return steps


def _check_shortest(delay_ms: float, dt_ms: float, name: str) -> None:
    if delay_ms < dt_ms * (1.0 - grid.TOLERANCE):
        raise NetworkError(
            f"projection {name!r}: a delay is shorter than the time step",
            got=f"{delay_ms:g} ms with dt = {dt_ms:g} ms",
            expected=f"at least {dt_ms:g} ms: a spike is delivered at the earliest in the step after it",
            fix="lengthen the delay, or simulate with a smaller dt",
        )


def _check_longest(steps: float, dt_ms: float, name: str) -> None:
    if steps > LONGEST:
        raise NetworkError(
            f"projection {name!r}: a delay of too many time steps",
            got=f"{steps * dt_ms:g} ms = {steps:g} steps",
            expected=f"at most {LONGEST} steps ({LONGEST * dt_ms:g} ms)",
            fix="truncate the distribution with high=..., or use a larger dt",
        )


def _check_many(different: int, name: str) -> None:
    if different > MOST_DELAYS:
        raise NetworkError(
            f"projection {name!r}: too many different delays", got=different, expected=f"at most {MOST_DELAYS}",
            fix="truncate the distribution with low=... and high=..., round the delays to fewer values, or use a larger dt",
        )  # fmt: skip


def delay_pmf(distribution: Distribution, dt_ms: float, name: str = "") -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A distribution of delays on the grid: (steps, their probabilities, which sum to 1), tails below 1e-9 cut off.

    Args:
        distribution: of delays, ms.
        dt_ms: time step, ms.
        name: of the projection, for messages.

    Raises:
        NetworkError: more than 1e-9 of the distribution lies below dt/2.
    """
    below = float(distribution.cdf(0.5 * dt_ms * (1 - 1e-9)))
    if below > TAIL:
        raise NetworkError(
            f"projection {name!r}: the distribution of delays reaches below the time step",
            got=f"{distribution}: {below:.2g} of it below dt/2 = {dt_ms / 2:g} ms",
            expected="delays of at least one time step",
            fix=f"truncate it: {type(distribution).__name__}(..., low={dt_ms:g} * ms)",
        )
    last = np.floor(float(distribution.quantile(1 - TAIL)) / dt_ms + 0.5)
    _check_longest(last, dt_ms, name)
    first = max(1.0, np.floor(float(distribution.quantile(TAIL)) / dt_ms + 0.5))
    _check_many(int(max(last, first) - first) + 1, name)
    steps = np.arange(int(first), max(int(last), int(first)) + 1)
    cdf = distribution.cdf((np.append(steps, steps[-1] + 1) - 0.5) * dt_ms)
    if steps[0] == 1:
        cdf[0] = 0.0
    probability = np.diff(cdf)
    kept = probability > 0.0
    return steps[kept], probability[kept] / probability[kept].sum()


def alias_table(probability: NDArray[np.float64]) -> tuple[NDArray[np.uint32], NDArray[np.uint32], int]:
    """(threshold, pair, shift) of an alias table whose cells number a power of two.

    A 32-bit word w falls into cell ``w >> shift``; it stands for outcome ``pair & 0xffff`` if ``w < threshold``, else
    for ``pair >> 16``. Probabilities are realised as whole numbers of words, hence to 2**-32 each, and none is lost.

    Args:
        probability: float64[outcomes], which sum to 1.
    """
    bits = max(1, int(np.ceil(np.log2(probability.size))))
    cells, shift = 1 << bits, 32 - bits
    share = _whole_words(probability)
    width = 1 << shift
    left = [int(x) for x in share] + [0] * (cells - share.size)
    own, other = list(range(cells)), list(range(cells))
    filled = [0] * cells
    small = [c for c in range(cells) if left[c] < width]
    large = [c for c in range(cells) if left[c] >= width]
    while small:
        c = small.pop()
        filled[c] = left[c]
        if filled[c] < width:
            donor = large[-1]
            other[c] = donor
            left[donor] -= width - filled[c]
            if left[donor] < width:
                small.append(large.pop())
    for c in large:
        filled[c] = width
    # A full cell holds one outcome twice; its threshold could be 2**32, which is no uint32.
    top = [min(c * width + filled[c], 0xFFFFFFFF) for c in range(cells)]
    for c in range(cells):
        if filled[c] == width:
            other[c] = own[c]
    pair = np.array(own, np.uint32) | np.array(other, np.uint32) << np.uint32(16)
    return np.array(top, np.uint32), pair, shift


def _whole_words(probability: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers that sum to 2**32 in proportion to the probabilities; rounding goes to the largest."""
    share = np.rint(probability * 2.0**32).astype(np.int64)
    share[np.argmax(share)] += 2**32 - int(share.sum())
    return share
