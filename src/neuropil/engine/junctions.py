"""Gap junctions in the engine: each end of a step, potentials at coupled sites are published; in the next, partners read them.

Two buffers alternate, as for spikes: a step reads what the one before it wrote, so owners need to meet only once a step.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from neuropil.engine.cells import CellArrays
from neuropil.engine.program import Operation
from neuropil.lower.flags import KERNEL_FLAGS
from neuropil.model.coupling import PARTNER, End
from neuropil.model.network import Network

_MODULE = "from neuropil.engine.junctions import "


@njit(**KERNEL_FLAGS)
def see_partners(k, seen, published, partner):
    """The potential of each site's partner at the beginning of step k; partner: its place among the published, or -1."""
    for i in range(seen.size):
        if partner[i] >= 0:
            seen[i] = published[k & 1, partner[i]]


@njit(**KERNEL_FLAGS)
def publish(k, potentials, places, published):
    """The potentials at the end of step k."""
    for i in range(potentials.size):
        published[(k + 1) & 1, places[i]] = potentials[i]


def junctions(
    network: Network, cells: dict[str, list[tuple[slice, CellArrays]]], partner_arrays: Callable[[str, str, int], np.ndarray], precision: str
) -> tuple[list[Operation], list[Callable[[int], None]]]:
    """The operations of all couplings, and functions that publish before a first step.

    Args:
        partner_arrays: from (population, part, thread) to the array of the partner's potentials, [sites × own cells].
    """
    ends = {(e.population.name, e.part): e for c in network.couplings for e in (c.first, c.second)}
    first: dict[tuple[str, str], int] = {}
    total = 0
    for key, e in ends.items():
        first[key] = total
        total += e.population.size * e.sites
    published = np.zeros((2, max(total, 1)), precision)
    operations, before = [], []
    for key, e in ends.items():
        partner = np.full(e.population.size * e.sites, -1)
        for coupling in network.couplings:
            for mine, other in coupling.directed:
                if (mine.population.name, mine.part) == key:
                    partner[mine.places] = first[other.population.name, other.part] + other.places
        see, tell = [], []
        for t, (own, arrays) in enumerate(cells[key[0]]):
            places = _site_major(np.arange(partner.size), e, own)
            see.append((partner_arrays(*key, t), published, _site_major(partner, e, own)))
            tell.append((arrays.potentials(e.part), first[key] + places, published))
            before.append(_publisher(arrays, tell[-1]))
        name = f"{key[0]}.{key[1]}: {PARTNER}"
        operations.append(Operation("stimuli", name, ("see_partners", _MODULE + "see_partners"), "k, *a", see.__getitem__))
        operations.append(Operation("neurons", name, ("publish", _MODULE + "publish"), "k, *a", tell.__getitem__))
    return operations, before


def _site_major(values: np.ndarray, end: End, own: slice) -> np.ndarray:
    """Values by neuron and site, cut to a thread's cells and turned into its order: site by site."""
    return values.reshape(end.population.size, end.sites)[own].T.ravel()


def _publisher(arrays: CellArrays, told: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Callable[[int], None]:
    potentials, places, published = told

    def now(k: int) -> None:
        arrays.look()
        published[k & 1, places] = potentials

    return now
