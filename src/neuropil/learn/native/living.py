"""States of synapses as a rollout keeps them, and as native kernels do."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from neuropil.learn.native.synapses import ANSWERED, ARRIVED, activity_name, answers, filters, part_name
from neuropil.learn.synapses import Living, begin
from neuropil.model.synapse.context import POST_TIME

Tree = dict[str, Any]


def living_parts(living: Living, constants: Tree, started: Tree, first: Any) -> Tree:
    """What kernels take of the synapses of a projection, by the names of parts: constants, states at the start, and spikes on their way ("flight").

    Args:
        living: the synapses.
        constants: all that a step of them reads.
        started: their state, with a batch axis.
        first: the network's step at the start; -1: none is taken.
    """
    name = living.projection.name
    states = begin(started, constants["weights"], first)["states"]
    late = {ANSWERED: started["late"][..., living.post]} if living.late and answers(living) else {}
    made = {part_name(name): {"constants": {n: v for n, v in constants.items() if n != "dt"}, "states": states, "flight": {ARRIVED: started["flight"], **late}}}
    if filters(living):
        made[activity_name(name)] = {"constants": {POST_TIME: constants[POST_TIME]}, "states": {"post": started["post"]}, "flight": {}}
    return made


def living_after(living: Living, before: Tree, out: Tree, first: Any, count: Any) -> Tree:
    """The state at the end, as the rollout keeps it.

    Args:
        living: the synapses of a projection.
        before: their state at the start.
        out: what kernels leave: states, flight, and spikes [samples, steps, neurons].
        first: the network's step at the start; count: how many are taken.
    """
    name, late = living.projection.name, jnp.asarray(before["late"])
    spikes = out["spikes"][living.projection.target.name]
    if living.late and spikes.shape[-2]:
        end = first + count - 1
        last = end - (end - np.arange(living.late, dtype=np.int32)) % living.late - first  # the last step whose row it is, from the first here
        new = jnp.take(spikes, jnp.maximum(last, 0), axis=-2)
        late = jnp.where((last >= 0)[:, None], new, late)
    post = out["states"][activity_name(name)]["post"] if filters(living) else before["post"]
    return {**before, "states": out["states"][part_name(name)], "flight": out["flight"][part_name(name)][ARRIVED], "late": late, "post": post}
