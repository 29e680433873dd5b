"""What arrives in a step through projections without states."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.model import (
    AllToAll,
    Distribution,
    Edges,
    OneToOne,
    Projection,
)
from neuropil.model.base import grid
from neuropil.oracle.integrate import Array
from neuropil.units import Quantity


def counters(size: int, sites: Array) -> Array:
    """The counters of random numbers: [neurons, sites], those of a site together."""
    return np.arange(size)[:, None] + sites * size


def per_element(value: Any, size: int, sites: int, seed: int, *purpose: int | str) -> Array:
    """A number, array or distribution (magnitudes or quantities) as one value per site of every neuron, neuron by neuron."""
    if isinstance(value, Distribution):
        return np.asarray(value.quantile(rng.uniform(rng.stream_key(seed, *purpose), counters(size, np.arange(sites)), 0))).ravel()
    raw = np.asarray(value.value if isinstance(value, Quantity) else value, float)
    return np.array(np.broadcast_to(raw.reshape(size, sites) if raw.size == size * sites else raw, (size, sites))).ravel()


def _ms(value: Any) -> float:
    return float(value.value if isinstance(value, Quantity) else value)


class Synapses:
    """The synapses of one projection, as a list, and those that a spike is under way through, by the step in which it arrives."""

    def __init__(self, projection: Projection, dt: float, given: tuple[Any, ...] | None):
        self.projection = projection
        self.source, self.target, self.port = projection.source.name, projection.target.name, projection.port
        site: Array = np.zeros(1, np.int64)
        if given is not None:
            pre, post, weight, steps, *more = (np.asarray(part) for part in given)
            site = more[0] if more else site
        else:
            pre, post, weight, steps = listed(projection, dt)
            site = site_of(projection)
        self.pre, self.post = pre, post * projection.sites + site
        self.weight, self.steps = np.broadcast_to(weight, pre.shape), np.broadcast_to(steps, pre.shape)
        if self.steps.size and self.steps.min() < 1:
            raise ModelError(f"projection {projection.name}: a delay is shorter than a step", expected=f"at least {dt} ms")
        self.under_way: list[list[Array]] = [[] for _ in range(int(self.steps.max(initial=1)) + 1)]
        self.size = projection.target.size * projection.sites

    def send(self, fired: Array, stamp: int) -> None:
        """Spikes of the source neurons (bool per neuron) stamped with a step set out."""
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
    """The sites of a projection's synapses, which must be given."""
    if p.sites > 1 and p.site is None:
        raise ModelError(f"the oracle does not draw the sites of projection {p.name}", fix="simulate(..., edges=...)")
    return np.zeros(1, np.int64) if p.site is None else np.asarray(p.site)


def listed(p: Projection, dt: float) -> tuple[Array, ...]:
    """pre, post, weight, delay in steps of each synapse of a rule that leaves nothing to chance."""
    pre, post, weight, delay = _listed(p)
    return pre, post, weight, grid.nearest(delay, dt)


def _listed(p: Projection) -> tuple[Array, ...]:
    known = isinstance(p.rule, (OneToOne, AllToAll, Edges))
    if not known or isinstance(p.weight, Distribution) or isinstance(p.delay, Distribution):
        raise ModelError(
            f"the oracle does not draw the synapses of projection {p.name}",
            got=repr(p.rule) if not known else f"weight {p.weight!r}, delay {p.delay!r}",
            expected="OneToOne, AllToAll or Edges with numbers for weight and delay",
            fix="simulate(..., edges={index of the projection: (pre, post, weight, delay_steps)})",
        )
    if isinstance(p.rule, Edges):
        pre, post = p.rule.pre, p.rule.post
    elif isinstance(p.rule, OneToOne):
        pre = post = np.arange(p.source.size)
    else:
        sources, targets = (np.arange(pop.size) if view is None else view for pop, view in ((p.source, p.sources), (p.target, p.targets)))
        pre, post = (a.ravel() for a in np.meshgrid(sources, targets, indexing="ij"))
    weight, delay = (np.broadcast_to(np.ravel(v), pre.shape) for v in (p.weight, p.delay))
    if isinstance(p.rule, AllToAll):
        order = np.lexsort((post, pre))
        keep = order[pre[order] != post[order]] if p.recurrent and not p.rule.allow_self else order
        return pre[keep], post[keep], weight[keep], delay[keep]
    return pre, post, weight, delay


def numbers(p: Projection, pre: Array, post: Array) -> Array:
    """What tells each synapse of a rule that leaves nothing to chance from the others in draws of its own: its place, by source, among
    all those that the whole populations would have."""
    if not isinstance(p.rule, AllToAll) or p.structure is not None:
        return np.arange(pre.size)
    excluded = p.recurrent and not p.rule.allow_self
    return pre * (p.target.size - excluded) + post - (excluded & (post > pre))
