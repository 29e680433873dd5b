"""What arrives in a step through projections without states."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.model import Distribution, Projection
from neuropil.model.base import grid
from neuropil.model.contents.pairs import ends_of, pairs_of
from neuropil.model.contents.per_synapse import in_order
from neuropil.oracle.integrate import Array
from neuropil.units import Quantity


def counters(size: int, sites: Array) -> Array:
    """The counters of random numbers of some sites in a population of this size: [neurons, sites]."""
    return np.arange(size)[:, None] + sites * size


def per_element(value: Any, size: int, sites: int, seed: int, *purpose: int | str) -> Array:
    """A number, array or distribution (magnitudes or quantities) as one value per site of every neuron, neuron by neuron.

    Args:
        value: the number, array or distribution.
        size: neurons of the population.
        sites: in each neuron.
        seed: of the simulation.
        purpose: names the stream of random numbers.
    """
    if isinstance(value, Distribution):
        return np.asarray(value.quantile(rng.uniform(rng.stream_key(seed, *purpose), counters(size, np.arange(sites)), 0))).ravel()
    raw = np.asarray(value.value if isinstance(value, Quantity) else value, float)
    return np.array(np.broadcast_to(raw.reshape(size, sites) if raw.size == size * sites else raw, (size, sites))).ravel()


def _ms(value: Any) -> float:
    return float(value.value if isinstance(value, Quantity) else value)


class Synapses:
    """The synapses of one projection, as a list, and those that a spike is under way through, by the step in which it arrives.

    Args:
        dt: time step, ms.
        seed: of the network's random numbers.
        given: as of `edges` in `simulate`, where the rule draws at random.

    Raises:
        ModelError: a delay shorter than a step.
    """

    def __init__(self, projection: Projection, dt: float, seed: int, given: tuple[Any, ...] | None):
        self.projection = projection
        self.source, self.target, self.port = projection.source.name, projection.target.name, projection.port
        site: Array = np.zeros(1, np.int64)
        if given is not None:
            pre, post, weight, steps, *more = (np.asarray(part) for part in given)
            site = more[0] if more else site
        else:
            pre, post, weight, steps, site = drawn(projection, dt, seed)
        self.pre, self.post = pre, post * projection.sites + site
        self.weight, self.steps = np.broadcast_to(weight, pre.shape), np.broadcast_to(steps, pre.shape)
        if self.steps.size and self.steps.min() < 1:
            raise ModelError(f"projection {projection.name}: a delay is shorter than a step", expected=f"at least {dt} ms")
        self.under_way: list[list[Array]] = [[] for _ in range(int(self.steps.max(initial=1)) + 1)]
        self.size = projection.target.size * projection.sites

    def send(self, fired: Array, stamp: int) -> None:
        """File the spikes of the source neurons by the step in which they arrive.

        Args:
            fired: bool[sources].
            stamp: step of the spikes.
        """
        on = np.flatnonzero(fired[self.pre])
        for steps in np.unique(self.steps[on]):
            self.under_way[(stamp + steps) % len(self.under_way)].append(on[self.steps[on] == steps])

    def arrive(self, step: int) -> Array:
        """Summed weights per site of every target neuron that arrive at the end of the step that ends at this one."""
        row = step % len(self.under_way)
        arrived = np.zeros(self.size)
        for which in self.under_way[row]:
            np.add.at(arrived, self.post[which], self.weight[which])
        self.under_way[row] = []
        return arrived


def site_of(p: Projection) -> Array:
    """int64[n]: the sites of the synapses of projection `p`, which must be given.

    Raises:
        ModelError: the sites would have to be drawn.
    """
    if p.sites > 1 and p.site is None:
        raise ModelError(f"the oracle does not draw the sites of projection {p.name}", fix="simulate(..., edges=...)")
    return np.zeros(1, np.int64) if p.site is None else np.asarray(p.site)


def drawn(p: Projection, dt: float, seed: int) -> tuple[Array, ...]:
    """pre, post, weight, delay in steps and site of each synapse, by source, of a rule that defines them source by source.

    Args:
        p: the projection; dt: time step, ms; seed: of the network's random numbers.

    Returns:
        Five arrays [n], the weights in the unit of the port.

    Raises:
        ModelError: a rule, weights or delays that the oracle does not draw.
    """
    if not p.rule.drawn_by_source or isinstance(p.weight, Distribution) or isinstance(p.delay, Distribution):
        raise ModelError(
            f"the oracle does not draw the synapses of projection {p.name}",
            got=repr(p.rule) if not p.rule.drawn_by_source else f"weight {p.weight!r}, delay {p.delay!r}",
            expected="a rule that defines `targets` (or OneToOne, AllToAll, Edges), with numbers for weight and delay",
            fix="simulate(..., edges={index of the projection: (pre, post, weight, delay_steps)})",
        )
    pre, post, order = pairs_of(p, seed)
    site = site_of(p)
    weight, delay = (np.broadcast_to(in_order(v, p, pre, post), pre.shape) for v in (p.weight, p.delay))
    return pre, post, weight, grid.nearest(delay, dt), site[order] if site.size > 1 else np.broadcast_to(site, pre.shape)


def numbers(p: Projection, pre: Array, post: Array) -> Array:
    """What distinguishes each synapse from the others in draws of its own.

    Args:
        p: the projection.
        pre, post: int64[n], indices within the populations.
    """
    return np.arange(pre.size) if p.structure is not None else p.rule.numbers(pre, post, ends_of(p, whole=True))
