"""Gap junctions in the engine: at the end of each step potentials at coupled sites are published; in the next, partners read them.

Two sides alternate, as for spikes: a step reads what the one before it wrote, so owners need to meet only once a step.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.equation_source import NAME, junction_source
from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.engine.exchange.exchange import Exchange
from neuropil.lower.equation import junction_program, parameter_leaves
from neuropil.model.contents.contents import Population
from neuropil.model.network.coupling import Coupling, End
from neuropil.model.network.junction import Junction, OhmicJunction
from neuropil.model.network.network import Network
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.operations import Given, Kernel, Operation, Phase
from neuropil.registry import nearest_builder, register

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
    """The potential of each site's partner at the beginning of step k; partner: its index among the published, or -1."""
    for i in range(seen.size):
        if partner[i] >= 0:
            seen[i] = published[k & 1, partner[i]]


@cached_njit(**KERNEL_FLAGS)
def publish(k, potentials, indices, published):
    """The potentials at the end of step k."""
    for i in range(potentials.size):
        published[(k + 1) & 1, indices[i]] = potentials[i]


@cached_njit(**KERNEL_FLAGS)
def conduct(k, current, published, here, bounds, partner, conductance):
    """Add the currents of junctions during step k; here: a site's own among the published; bounds: its junctions."""
    for i in range(current.size):
        total = 0.0
        for j in range(bounds[i], bounds[i + 1]):
            total += conductance[j] * (np.float64(published[k & 1, partner[j]]) - np.float64(published[k & 1, here[i]]))
        current[i] += total


Further: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, ...]]
"""From the junctions of a thread, int64[junctions], to the arguments that follow (k, current, published, here, bounds, partner)."""


@register(OhmicJunction, "engine")
def ohmic(junction: OhmicJunction, values: dict[str, np.ndarray], side: np.ndarray) -> tuple[Kernel, Further]:
    """The kernel of gap junctions; see `equation`."""
    return Kernel.of(conduct), lambda which: (values["g"][which],)


@register(Junction, "engine")
def equation(junction: Junction, values: dict[str, np.ndarray], side: np.ndarray) -> tuple[Kernel, Further]:
    """The kernel that is written from the equation of a junction.

    Args:
        junction: one of them.
        values: parameters by name, float64[junctions].
        side: float64[junctions], 1 for the first site of a pair, -1 for the second.
    """
    program = junction_program(junction)
    made = program.constants({leaf: values[n] for n, leaf in parameter_leaves(values).items()})
    constants = [np.broadcast_to(v, side.shape) for v in made]
    kernel = load(NAME, junction_source(program, range(len(constants))))
    return Kernel.of(kernel.conduct), lambda which: (side[which], np.empty(0), *(v[which] for v in constants))


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
        network: as described.
        threads: number of owners.
        precision: of the published potentials, "float32" or "float64".
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
        own = [potentials(entry.population, entry.part, t).own for t in range(threads)]
        targets = [inputs(entry.population, entry.input, t) for t in range(threads)]
        label = f"{entry.population.name}.{entry.input}: gap junctions"
        for kernel, seeing in [_halves(network, entry, first)] if entry.half else _currents(network, entry, first):
            arguments = [(targets[t], published, *seeing(own[t])) for t in range(threads)]
            operations.append(Operation(
                label, Phase.STIMULI, kernel, arguments.__getitem__, (Given.STEP,), adds=(inputs_of(entry.population, entry.input),), reads=tuple(shared.values()),
            ))  # fmt: skip
    for key, e in seen.items():
        indices, shares = first[key] + np.arange(e.population.size * e.sites), []
        for t in range(threads):
            mine = potentials(e.population, e.part, t)
            shares.append((mine.values, _site_major(indices, e, mine.own), published))
            before.append(partial(_publish_now, mine, shares[-1]))
        operations.append(Operation(
            f"{key[0]}: publish potentials", Phase.NEURONS, Kernel.of(publish), shares.__getitem__, (Given.STEP,),
            observes=(buffers(e.population, e.part),), updates=(shared[key],),
        ))  # fmt: skip
    return operations, before


def _into(network: Network, entry: End) -> list[tuple[Coupling, End, End, float]]:
    """The couplings that an input belongs to, with its own side, the other side, and which of them it is."""
    return [(c, *pair) for c in network.couplings for pair in c.directed if (pair[0].population, pair[0].input) == (entry.population, entry.input)]


def _halves(network: Network, entry: End, first: dict[tuple[str, str], int]) -> tuple[Kernel, Seeing]:
    """From the own neurons to the partner of each half, -1 without one."""
    partner = np.full(entry.population.size * entry.sites, -1)
    for _, mine, other, _ in _into(network, entry):
        partner[mine.flat_index] = first[other.population.name, other.part] + other.flat_index
    return Kernel.of(see_partners), lambda own: (_site_major(partner, entry, own),)


def _currents(network: Network, entry: End, first: dict[tuple[str, str], int]) -> list[tuple[Kernel, Seeing]]:
    """For each kind of junctions of an input its kernel, and what that reads of the own neurons' junctions in their order in the network."""
    kinds: dict[type, list[tuple[Coupling, End, End, float]]] = {}
    for one in _into(network, entry):
        kinds.setdefault(type(one[0].junction), []).append(one)
    return [_of_kind(entry, first, found) for found in kinds.values()]


def _of_kind(entry: End, first: dict[tuple[str, str], int], found: list[tuple[Coupling, End, End, float]]) -> tuple[Kernel, Seeing]:
    indices = np.concatenate([mine.flat_index for _, mine, _, _ in found])
    partners = np.concatenate([first[other.population.name, other.part] + other.flat_index for _, _, other, _ in found])
    junction = found[0][0].junction
    assert junction is not None
    values = {n: np.concatenate([c.values[n] for c, *_ in found]) for n in junction.spec.parameters}
    side = np.concatenate([np.full(mine.flat_index.size, which) for _, mine, _, which in found])
    kernel, further = nearest_builder(junction, "engine", Junction, "current")(junction, values, side)
    order = np.argsort(indices, kind="stable")
    size = entry.population.size * entry.sites
    starts = np.concatenate([[0], np.cumsum(np.bincount(indices, minlength=size))])

    def of(own: slice) -> tuple[np.ndarray, ...]:
        mine = _site_major(np.arange(size), entry, own)
        which = np.concatenate([order[starts[p] : starts[p + 1]] for p in mine]) if mine.size else order[:0]
        bounds = np.concatenate([[0], np.cumsum(starts[mine + 1] - starts[mine])])
        return first[entry.population.name, entry.part] + mine, bounds, partners[which], *further(which)

    return kernel, of


def _site_major(values: np.ndarray, end: End, own: slice) -> np.ndarray:
    """Values by neuron and site, cut to a thread's cells and turned into its order: site by site."""
    return values.reshape(end.population.size, end.sites)[own].T.ravel()


def _publish_now(potentials: Potentials, target: tuple[np.ndarray, np.ndarray, np.ndarray], k: int) -> None:
    """What the step before k would have published."""
    values, indices, published = target
    potentials.look()
    published[k & 1, indices] = values
