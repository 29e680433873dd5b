"""Synapses that vanish and form: a projection's list after one rewiring.

All is drawn by counters, by index in the list, by target, by new synapse, and the number of the rewiring, so that it does
not depend on who owns what. What this leaves is compact again: the vanished leave no holes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil import rng
from neuropil.connectivity.draw import delay_steps
from neuropil.connectivity.partners import partners
from neuropil.engine.stores.synapse_list import SynapseList
from neuropil.model.base import grid
from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.chosen import inverse_index
from neuropil.model.contents.contents import Stream
from neuropil.model.contents.wiring import threshold
from neuropil.plan.plan import Plan


def steps_between(plan: Plan, index: int) -> int | None:
    """The rewiring interval of the projection with this index in steps; None if it keeps its synapses."""
    structure = plan.network.projections[index].structure
    return None if structure is None else grid.steps(structure.interval, plan.dt, "Rewiring.interval")


def rewired(synapses: SynapseList, plan: Plan, index: int, step: int, seed: int) -> tuple[SynapseList, int, int]:
    """The list after the rewiring at a step (a multiple of the interval), how many vanished and how many formed.

    Args:
        synapses: before.
        index: of the projection.
        step: of the rewiring.
        seed: of its random numbers.
    """
    p, every = plan.network.projections[index], steps_between(plan, index)
    structure = p.structure
    assert structure is not None and every is not None
    draw = _Draw(seed, p.stream, step // every)
    program = plan.synapses[index]
    weights = synapses.up_to(program, step, plan.dt)["weight"] if "weight" in program.states else synapses.weight
    weak = weights < threshold(structure, program.traced.weight, p.name)
    gone = weak & (draw.uniform("eliminate", synapses.size) < -np.expm1(-structure.eliminate * structure.interval))
    if structure.form is None:
        births = np.bincount(synapses.post[gone], minlength=p.target.size)
    else:
        births = rng.poisson(structure.form * structure.interval, draw.words("form", p.target.size))
        births = births if p.targets is None else np.where(inverse_index(p.targets, p.target.size) >= 0, births, 0)
    post, kept = np.repeat(np.arange(p.target.size), births), np.flatnonzero(~gone)
    pre = partners(p, births, synapses.pre[kept], synapses.post[kept], draw.uniform("source", post.size))
    known = delay_steps(p, plan.dt)
    steps = grid.nearest(draw.value(p.delay, "delay", post.size), plan.dt).clip(known[0], known[-1])
    site = np.full(post.size, p.site) if isinstance(p.site, int) else np.floor(draw.uniform("site", post.size) * p.sites)
    weight, found = draw.value(p.weight, "weight", post.size), np.flatnonzero(pre >= 0)
    born = SynapseList.made(plan, index, pre[found], post[found], site[found], weight[found], steps[found], step)
    return synapses.take(kept).joined(born), int(gone.sum()), found.size


class _Draw:
    """The random numbers of one rewiring of one projection."""

    def __init__(self, seed: int, stream: Stream, number: int):
        self.seed, self.stream, self.number = seed, stream, number

    def words(self, what: str, n: int) -> np.ndarray:
        return rng.words(rng.stream_key(self.seed, "rewiring", *self.stream, what), np.arange(n), self.number)

    def uniform(self, what: str, n: int) -> np.ndarray:
        return rng.word_to_uniform(self.words(what, n))

    def value(self, value: Any, what: str, n: int) -> np.ndarray:
        """A number, or draws from a distribution."""
        if isinstance(value, Distribution):
            return np.asarray(value.quantile(self.uniform(what, n)))
        return np.full(n, float(value))
