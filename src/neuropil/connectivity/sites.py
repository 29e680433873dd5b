"""Where in its target neuron a synapse ends, on a port that exists at several sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.connectivity.kernels import DRAWN, LISTED, NAMED, SINGLE
from neuropil.model.contents.contents import Projection


@dataclass(frozen=True)
class SiteSampler:
    """How the sites of a projection's synapses are made.

    Attributes:
        kind: SINGLE, DRAWN, NAMED or LISTED; sites: how many the port has in a neuron.
        named: the site of all; key: stream of the draws; values: int32[n_synapses], listed ones in the synapses' order.
    """

    kind: int
    sites: int
    named: int
    key: rng.Key
    values: NDArray[np.int32]

    def fill(self, sampler: np.ndarray) -> None:
        """Set the fields of a kernel's record (`sampler`), in which the offset of the values is known already."""
        sampler["site_kind"], sampler["n_sites"] = self.kind, self.sites
        sampler["site_key0"], sampler["site_key1"] = self.key
        if self.kind == NAMED:
            sampler["site_pool"] = self.named


def site_sampler(projection: Projection, seed: int, order: NDArray[np.int64] | None) -> SiteSampler:
    """How to draw the sites of a projection.

    Args:
        order: where each synapse stands in the arrays that the user gave.
        seed: of the network's random numbers.
    """
    site, sites = projection.site, projection.sites
    key, none = rng.stream_key(seed, "projection", *projection.stream, "site"), np.empty(0, np.int32)
    if sites == 1:
        return SiteSampler(SINGLE, 1, 0, key, none)
    if site is None:
        return SiteSampler(DRAWN, sites, 0, key, none)
    if isinstance(site, np.ndarray):
        return SiteSampler(LISTED, sites, 0, key, (site if order is None else site[order]).astype(np.int32))
    return SiteSampler(NAMED, sites, int(site), key, none)
