"""Weights of graded projections as they are read and set between steps."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from neuropil.engine.access.synapse_values import Pairs
from neuropil.engine.stores.graded import GradedWeights
from neuropil.engine.stores.shared_store import SharedStore
from neuropil.errors import SimulationError
from neuropil.model.network.graded import weight_dimension


def listed(store: GradedWeights | SharedStore) -> dict[str, np.ndarray]:
    """As of `Simulation.synapses`, of the weights that a `store` has.

    Raises:
        SimulationError: they have a structure.
    """
    p = store.projection
    if p.matrix is not None:
        raise SimulationError(f"projection {p.name!r} has no list of weights: they have a structure", got=type(p.matrix).__name__, fix=f"weights({p.name!r}), or weights({p.name!r}, dense=True)")
    assert isinstance(store, GradedWeights)
    pre, post, steps, site = store.ends()
    return {"source": pre, "target": post, "delay": steps * store.plan.dt, "site": site, **store.weights()}


def weights(store: GradedWeights | SharedStore, dense: bool) -> Any:
    """As of `Simulation.weights`; of a structure without `dense` the `WeightMatrix`.

    Args:
        store: what has them; dense: as a matrix.
    """
    p = store.projection
    if p.matrix is not None:
        present = p.matrix.bound(store.weights())
        if not dense:
            return present
        whole = np.full((p.source.size, p.target.size), np.nan)
        rows, columns = (np.arange(pop.size) if chosen is None else chosen for pop, chosen in ((p.source, p.sources), (p.target, p.targets)))
        whole[np.ix_(rows, columns)] = present.dense()
        return whole
    assert isinstance(store, GradedWeights)
    values = store.weights()["weight"]
    return _pairs(store).as_matrix(values, "weights") if dense else values


def checked(store: GradedWeights | SharedStore, value: Any) -> dict[str, np.ndarray]:
    """What `Simulation.set_weights` was given, as the `store` takes it.

    Args:
        value: as given there; of a structure a `WeightMatrix` of the same structure.

    Raises:
        SimulationError, ModelError, UnitError: what does not fit.
    """
    p = store.projection
    if isinstance(store, SharedStore):
        dimension = p.target.neuron.spec.ports[str(p.port)]
    else:
        dimension = weight_dimension(p.target, str(p.input), store.projection.value.dimension(store.projection.model))
    if p.matrix is None:
        assert isinstance(store, GradedWeights)
        return {"weight": _pairs(store).in_order(value, dimension, "weight")}
    kind = type(p.matrix)
    if type(value) is not kind:
        raise SimulationError(f"projection {p.name!r}: its weights have a structure", got=value, expected=f"a {kind.__name__}")
    value.check(p.ends, dimension, f"projection {p.name!r}")
    fixed = [f.name for f in dataclasses.fields(kind) if f.name not in p.matrix.parameters]
    for name in fixed:
        if not np.array_equal(getattr(value, name), getattr(p.matrix, name)):
            raise SimulationError(f"projection {p.name!r}: {kind.__name__}.{name} cannot be set", got=getattr(value, name), fix="describe another network")
    for name, old in p.matrix.parameters.items():
        if np.shape(value.parameters[name]) != np.shape(old):
            raise SimulationError(f"projection {p.name!r}: {kind.__name__}.{name} has the wrong shape", got=np.shape(value.parameters[name]), expected=np.shape(old))
    return {n: np.array(v, float) for n, v in value.parameters.items()}


def taken_over(name: str, source: Any, target: Any) -> dict[str, np.ndarray]:
    """The weights of a graded projection, or shared ones, for another simulation.

    Args:
        name: of the projection; source, target: what has it in each simulation.

    Raises:
        SimulationError: they differ in more than the values.
    """
    same = isinstance(source, GradedWeights | SharedStore) and type(source) is type(target) and type(source.projection.matrix) is type(target.projection.matrix)
    if same and source.projection.matrix is None:
        same = all(np.array_equal(a, b) for k, (a, b) in enumerate(zip(source.ends(), target.ends(), strict=True)) if k != 2)
    elif same:
        same = source.projection.ends == target.projection.ends
    if not same:
        raise SimulationError(f"load_weights: projection {name!r} is not the same in the two simulations", expected="weights of one form between the same neurons", fix="the same rule, sizes and seed")
    values: dict[str, np.ndarray] = source.weights()
    return values


def _pairs(store: GradedWeights) -> Pairs:
    p = store.projection
    pre, post, *_ = store.ends()
    return Pairs(p.name, pre, post, (p.source.size, p.target.size))
