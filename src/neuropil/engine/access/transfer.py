"""Trained weights go from one simulation into another: projections find each other by name, synapses by what they join."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from neuropil.engine.access.graded_access import taken_over
from neuropil.engine.access.synaptic_state import SynapticState
from neuropil.engine.stores.graded import GradedWeights
from neuropil.engine.stores.shared_store import SharedStore
from neuropil.errors import NetworkError, SimulationError, did_you_mean

STRUCTURED = (GradedWeights, SharedStore)
"""Weights that are taken over as a whole."""


def transfer(source: SynapticState, target: SynapticState, projections: Iterable[str] | None) -> None:
    """Give synapses of `target` the weights and learnt states of those of `source`; see `Simulation.load_weights`.

    Args:
        projections: names; None: all that both networks have.

    Raises:
        NetworkError: no projection of this name, or synapses that do not join the same neurons.
    """
    theirs, mine = _by_name(source), _by_name(target)
    names = [n for n in mine if n in theirs] if projections is None else _names(projections)
    if not names:
        raise NetworkError("load_weights: the two networks have no projection of the same name", got=", ".join(theirs), expected=", ".join(mine))
    for name in names:
        for known in (theirs, mine):
            if name not in known:
                raise NetworkError(f"load_weights: no projection {name!r}", fix=did_you_mean(name, known))
    graded = {name for name in names if isinstance(theirs[name], STRUCTURED) or isinstance(mine[name], STRUCTURED)}
    values = {mine[name]: taken_over(name, theirs[name], mine[name]) if name in graded else _values(name, source, theirs[name], target, mine[name]) for name in names}
    for j, found in values.items():  # all or none
        if isinstance(j, STRUCTURED):
            j.set(found)
        elif found:
            target.write(j, found)


def _names(projections: Any) -> list[str]:
    try:
        names = None if isinstance(projections, str) else list(projections)
    except TypeError:
        names = None
    if names is None or not all(isinstance(name, str) for name in names):
        raise NetworkError("load_weights: projections are names in a list", got=projections, fix=f"[{projections!r}]" if isinstance(projections, str) else None)
    return names


def _by_name(state: SynapticState) -> dict[str, Any]:
    """By the names of projections their indices, or what has weights that are taken over as a whole."""
    return {**{p.name: j for j, p in enumerate(state.plan.network.projections)}, **{g.projection.name: g for g in state.core.structured}}


def _values(name: str, source: SynapticState, i: int, target: SynapticState, j: int) -> dict[str, np.ndarray]:
    """What projection j is to hold, in the order of its synapses."""
    order = _matching(name, source, i, target, j)
    there, here = source.plan.synapses.get(i), target.plan.synapses.get(j)
    one, other = (p.network.projections[k] for p, k in ((source.plan, i), (target.plan, j)))
    if one.port is not None and other.synapse is None and one.synapse is not None:
        store = source.core.per_synapse[i]
        return {"weight": store.listed().sent(store.program, source.core.step, source.plan.dt)[order]}
    wanted = ("weight", *(there.learned if there is not None else ()))
    states = () if here is None else here.states
    missing = [n for n in wanted if n != "weight" and n not in states]
    if missing:
        raise SimulationError(
            f"load_weights: projection {name!r} has none of the learnt states", got=f"the states {', '.join(missing)}",
            expected=f"one of {', '.join(states)}", fix="the same synapse model, or none: then what a spike transmits becomes the weight",
        )  # fmt: skip
    found = source.all(i)
    return {n: found[n][order] for n in dict.fromkeys(wanted)}


def _matching(name: str, source: SynapticState, i: int, target: SynapticState, j: int) -> np.ndarray:
    """For every synapse of the target projection the one of the source that joins the same neurons at the same site."""
    mine, theirs = target.address(j), source.address(i)
    order, other = (np.lexsort(tuple(reversed(address))) for address in (mine, theirs))
    same = mine[0].size == theirs[0].size and all(np.array_equal(a[order], b[other]) for a, b in zip(mine, theirs, strict=True))
    if not same:
        raise SimulationError(
            f"load_weights: projection {name!r} has other synapses in the two simulations", got=f"{theirs[0].size} and {mine[0].size} synapses",
            expected="the same source, target and site of each", fix="the same rule, sizes and seed, or Edges in both",
        )  # fmt: skip
    found = np.empty(order.size, np.int64)
    found[order] = other
    return found
