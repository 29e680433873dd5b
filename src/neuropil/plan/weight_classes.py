"""What distinguishes the segments of a packed word's synapses, besides their delay: the accumulator, or the accumulator and the weight.

Where all synapses from a population onto one accumulator have the same weight, as a multiple of the weight scale, a segment's weight is known once, and a word is
a target alone, in 2 bytes. Otherwise words of equal accumulators lie together, and each has its own weight. A segment with words of 2 bytes is
never shorter than it would be with words of their own weights, so such words are read faster, not only kept in less.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.contents import Projection
from neuropil.model.network.network import Network
from neuropil.plan.weight_scale import Scale

MOST = 32
"""Classes that a step may look at for words of 2 bytes."""


@dataclass(frozen=True)
class WeightClasses:
    """The classes of the segments of one word.

    Attributes:
        of: of each projection of the network its class.
        channel: of each class its accumulator.
        multiples: of each class the weight of its synapses, in units of the weight scale; 0 where words have their own.
    """

    of: tuple[int, ...]
    channel: tuple[int, ...]
    multiples: tuple[int, ...]

    @classmethod
    def planned(cls, network: Network, scales: Sequence[Scale | None], channel_of: Sequence[int], channels: int, word: type) -> WeightClasses:
        """The classes of the projections of a network that a word holds.

        Args:
            scales: of each projection; channel_of: its accumulator.
            channels: number of accumulators.
            word: type of a stored synapse.
        """
        if word != np.uint16:
            return cls(tuple(channel_of), tuple(range(channels)), (0,) * channels)
        pairs = [(c, alike(p, s)) if s is not None and s.word == word else None for p, s, c in zip(network.projections, scales, channel_of, strict=True)]
        number = {pair: k for k, pair in enumerate(dict.fromkeys(pair for pair in pairs if pair is not None))}
        return cls(tuple(-1 if pair is None else number[pair] for pair in pairs), tuple(c for c, _ in number), tuple(int(q or 0) for _, q in number))


def alike(projection: Projection, scale: Scale) -> int | None:
    """The stored weight of a projection's synapses; None if they are not all the same.

    As they are packed (`neuropil.engine.stores.packed_kernels`): in float32, or float64 where they are wide, halves up, within ±top.
    """
    if isinstance(projection.own_weight, Distribution) or np.ndim(projection.own_weight):
        return None
    real = np.float64 if scale.wide else np.float32
    multiples = np.floor(real(float(projection.own_weight) / scale.unit) + real(0.5))
    return int(np.clip(multiples, -scale.top, scale.top))


def narrowed(network: Network, scales: Sequence[Scale | None], channel_of: Sequence[int]) -> list[Scale | None]:
    """The scales with words of 2 bytes where they serve.

    Args:
        scales: of each projection of a network, with words of their own weights; channel_of: its accumulator.
    """
    together: dict[tuple[str, int], list[int]] = {}
    for j, (p, scale) in enumerate(zip(network.projections, scales, strict=True)):
        if scale is not None:
            together.setdefault((p.source.name, channel_of[j]), []).append(j)
    made = list(scales)
    classes: set[tuple[int, int]] = set()
    for (_, channel), mine in together.items():
        found = {alike(network.projections[j], s) for j in mine if (s := scales[j]) is not None}
        multiples = found.pop()
        if not found and multiples is not None and len(classes | {(channel, multiples)}) <= MOST:
            classes.add((channel, multiples))
            for j in mine:
                scale = scales[j]
                assert scale is not None
                made[j] = dataclasses.replace(scale, word=np.uint16)
    return made
