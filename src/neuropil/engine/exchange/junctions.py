"""Gap junctions in the engine: at the end of each step potentials at coupled places are published; in the next, partners read them.

Two sides alternate, as for spikes: a step reads what the one before it wrote, so owners need to meet only once a step.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.engine.exchange.exchange import Exchange
from neuropil.model.contents.contents import Population
from neuropil.model.network.coupling import End
from neuropil.model.network.network import Network
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.operations import Given, Kernel, Operation, Phase

Seeing: TypeAlias = Callable[[slice], tuple[np.ndarray, ...]]
"""From the neurons that a thread owns to what its kernel reads."""


@dataclass(frozen=True)
class Potentials:
    """The potentials of a part's sites in one thread.

    Attributes:
        own: the neurons of the population that the thread owns.
        values: [sites × own neurons].
        look: brings `values` up to date before a first step.
    """

    own: slice
    values: np.ndarray
    look: Callable[[], None]


@cached_njit(**KERNEL_FLAGS)
def see_partners(k, seen, published, partner):
    """The potential of each site's partner at the beginning of step k; partner: its place among the published, or -1."""
    for i in range(seen.size):
        if partner[i] >= 0:
            seen[i] = published[k & 1, partner[i]]


@cached_njit(**KERNEL_FLAGS)
def publish(k, potentials, places, published):
    """The potentials at the end of step k."""
    for i in range(potentials.size):
        published[(k + 1) & 1, places[i]] = potentials[i]


@cached_njit(**KERNEL_FLAGS)
def conduct(k, current, published, here, bounds, partner, conductance):
    """Add the currents of junctions during step k; here: a place's own among the published; bounds: its junctions."""
    for i in range(current.size):
        total = 0.0
        for j in range(bounds[i], bounds[i + 1]):
            total += conductance[j] * (np.float64(published[k & 1, partner[j]]) - np.float64(published[k & 1, here[i]]))
        current[i] += total


def junctions(
    network: Network,
    threads: int,
    potentials: Callable[[Population, str, int], Potentials],
    inputs: Callable[[Population, str, int], np.ndarray],
    precision: str,
    exchange: Exchange,
    buffers: Callable[[Population, str], Buffer],
    inputs_of: Callable[[Population, str], Buffer],
) -> tuple[list[Operation], list[Callable[[int], None]]]:
    """The operations of all couplings, and functions that publish before a first step.

    Args:
        potentials: from (population, part, thread) to the potentials of the part's sites there.
        inputs: from (population, full name of an input, thread) to its array there, [sites × own neurons].
        exchange: where the potentials are published.
        buffers: from (population, part) to the buffer of the potentials; inputs_of: from (population, full name of an input) to its.
    """
    ends = [e for c in network.couplings for e in (c.first, c.second)]
    seen = {(e.population.name, e.part): e for e in ends}
    sizes = [e.population.size * e.sites for e in seen.values()]
    first = dict(zip(seen, np.cumsum([0, *sizes]).tolist(), strict=False))
    published = exchange.shared("potentials", precision, (2, max(sum(sizes), 1)))
    shared = {key: Buffer(f"published potentials of {key[0]}.{key[1]}", precision, size, Owner.ALL) for key, size in zip(seen, sizes, strict=True)}
    operations: list[Operation] = []
    before: list[Callable[[int], None]] = []
    for entry in {(e.population.name, e.input): e for e in ends}.values():
        seeing = (_halves if entry.conductance is None else _currents)(network, entry, first)
        arguments = [
            (inputs(entry.population, entry.input, t), published, *seeing(potentials(entry.population, entry.part, t).own)) for t in range(threads)
        ]
        kernel = Kernel.of(see_partners if entry.conductance is None else conduct)
        name = f"{entry.population.name}.{entry.input}: gap junctions"
        operations.append(Operation(
            name, Phase.STIMULI, kernel, arguments.__getitem__, (Given.STEP,), adds=(inputs_of(entry.population, entry.input),), reads=tuple(shared.values()),
        ))  # fmt: skip
    for key, e in seen.items():
        places, tell = first[key] + np.arange(e.population.size * e.sites), []
        for t in range(threads):
            mine = potentials(e.population, e.part, t)
            tell.append((mine.values, _site_major(places, e, mine.own), published))
            before.append(partial(_publish_now, mine, tell[-1]))
        operations.append(Operation(
            f"{key[0]}: publish potentials", Phase.NEURONS, Kernel.of(publish), tell.__getitem__, (Given.STEP,),
            observes=(buffers(e.population, e.part),), updates=(shared[key],),
        ))  # fmt: skip
    return operations, before


def _directed(network: Network, entry: End, first: dict[tuple[str, str], int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All junctions of an input: whose place, the partner's place among the published, the conductance (of halves: NaN)."""
    found = [(m, o) for c in network.couplings for m, o in c.directed if (m.population, m.input) == (entry.population, entry.input)]
    return (
        np.concatenate([m.places for m, _ in found]),
        np.concatenate([first[o.population.name, o.part] + o.places for _, o in found]),
        np.concatenate([np.full(m.places.size, np.nan) if m.conductance is None else m.conductance for m, _ in found]),
    )


def _halves(network: Network, entry: End, first: dict[tuple[str, str], int]) -> Seeing:
    """From the own neurons to the partner of each half, -1 without one."""
    places, partners, _ = _directed(network, entry, first)
    partner = np.full(entry.population.size * entry.sites, -1)
    partner[places] = partners
    return lambda own: (_site_major(partner, entry, own),)


def _currents(network: Network, entry: End, first: dict[tuple[str, str], int]) -> Seeing:
    """From the own neurons to (here, bounds, partner, conductance): the junctions of each place in their order in the network."""
    places, partners, conductance = _directed(network, entry, first)
    order = np.argsort(places, kind="stable")
    size = entry.population.size * entry.sites
    starts = np.concatenate([[0], np.cumsum(np.bincount(places, minlength=size))])

    def of(own: slice) -> tuple[np.ndarray, ...]:
        mine = _site_major(np.arange(size), entry, own)
        which = np.concatenate([order[starts[p] : starts[p + 1]] for p in mine]) if mine.size else order[:0]
        bounds = np.concatenate([[0], np.cumsum(starts[mine + 1] - starts[mine])])
        return first[entry.population.name, entry.part] + mine, bounds, partners[which], conductance[which]

    return of


def _site_major(values: np.ndarray, end: End, own: slice) -> np.ndarray:
    """Values by neuron and site, cut to a thread's cells and turned into its order: site by site."""
    return values.reshape(end.population.size, end.sites)[own].T.ravel()


def _publish_now(potentials: Potentials, told: tuple[np.ndarray, np.ndarray, np.ndarray], k: int) -> None:
    """What the step before k would have published."""
    values, places, published = told
    potentials.look()
    published[k & 1, places] = values
