"""Where the numbers that a `Trainable` names are among a rollout's parameters and initial values; one function per kind of owner.

An owner of another kind is one more function:

    @leaf_of.register
    def of_lens(owner: Lens, rollout, what): return Leaf(...)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any, NoReturn, get_args

import numpy as np

from neuropil.errors import ModelError, did_you_mean
from neuropil.learn.modulators import key_of
from neuropil.learn.rollout import Rollout
from neuropil.model.base.described import Spec
from neuropil.model.cell.cell import Cell
from neuropil.model.connection.shared import SharedWeights
from neuropil.model.contents.contents import Population, Projection
from neuropil.model.contents.graded import GradedProjection
from neuropil.model.contents.wiring import weight_dimension
from neuropil.model.modulation.bound_effect import BoundEffect, must_be_positive
from neuropil.model.modulation.modulator import Modulator
from neuropil.model.network.graded import weight_dimension as graded_dimension
from neuropil.model.neuron.composite import full_name, split
from neuropil.units import (
    DIMENSIONLESS,
    Capacitance,
    CapacitanceDensity,
    Conductance,
    ConductanceDensity,
    Dimension,
    Length,
    Quantity,
    Rate,
    Resistance,
    Time,
    ms,
)

PARAMETERS, STATE = "parameters", "state"
POSITIVE = {get_args(kind)[1] for kind in (Time, Rate, Capacitance, Conductance, Resistance, Length, CapacitanceDensity, ConductanceDensity)}
"""Dimensions of what is positive by its nature."""


@dataclass(frozen=True)
class Leaf:
    """Some numbers of a rollout.

    Attributes:
        root: "parameters" or "state", the trees that `Rollout.apply` takes.
        path: keys within it.
        dimension: of the values.
        count: how many there are where each element has its own; None: as they are.
        least: a bound that holds in any case.
        each: whether every element has its own where nothing else is asked for.
        source: int64[n], the source neuron of each, where they are weights.
        follows: path of a state -> this parameter is where it starts.
    """

    root: str
    path: tuple[str, ...]
    dimension: Dimension
    count: int | None = None
    least: float = -np.inf
    each: bool = False
    source: np.ndarray | None = None
    follows: tuple[tuple[str, ...], ...] = field(default=())


@singledispatch
def leaf_of(owner: Any, rollout: Rollout, what: str) -> Leaf:
    """Where the values are.

    Args:
        owner: an object of the rollout's network.
        rollout: whose parameters and states.
        what: the name.

    Raises:
        ModelError: an owner of no known kind, a name that it does not have, or values without a gradient.
    """
    raise ModelError("Trainable: not something that can be trained", got=owner, expected="a population, a projection, a modulator or an effect of one")


@leaf_of.register
def of_population(owner: Population, rollout: Rollout, what: str) -> Leaf:
    """Parameters and initial values of neurons.

    Args:
        owner, rollout, what: as of `leaf_of`.

    Raises:
        ModelError: a name that it does not have, or values without a gradient.
    """
    if isinstance(owner.neuron, Cell):
        return _of_cells(owner, owner.neuron, rollout, what)
    part, name = split(what)
    models = {p: of.model for p, of in owner.parts.items()}
    known = [full_name(p, n) for p, model in models.items() for n in (*model.spec.parameters, *model.spec.states)]
    if part not in models or what not in known:
        _unknown(owner, what, known)
    spec, count = models[part].spec, owner.size * owner.parts[part].sites
    if name in spec.states:
        return Leaf(STATE, ("neurons", owner.name, what), spec.state_dimensions[name], count, each=True)
    if name == getattr(models[part], "refractory", None):
        raise ModelError(f"Trainable: {owner.name}.{what} counts whole steps and has no gradient", got=what, expected="another parameter, or a state")
    dimension = spec.parameters[name]
    started = tuple(
        ("neurons", owner.name, full_name(part, n)) for n, state in spec.states.items() if state.initial == name and full_name(part, n) not in owner.initial
    )
    return Leaf(PARAMETERS, ("neurons", owner.name, what), dimension, count, _least(name, dimension), follows=started)


def _of_cells(owner: Population, cell: Cell, rollout: Rollout, what: str) -> Leaf:
    known = rollout.parameters["neurons"][owner.name]
    if what not in known:
        _unknown(owner, what, known)
    path = ("neurons", owner.name, what)
    if what in ("capacitance", "axial"):
        return Leaf(PARAMETERS, path, DIMENSIONLESS, len(cell), 0.0)
    part, name = split(what)
    count = len(cell.placed[part].compartments) if part in cell.placed else int(cell.channels[part].sum())
    dimension = owner.models[part].spec.parameters[name]
    return Leaf(PARAMETERS, path, dimension, count, _least(name, dimension))


@leaf_of.register
def of_projection(owner: Projection, rollout: Rollout, what: str) -> Leaf:
    """Weights, delays, parameters and initial values of synapses.

    Args:
        owner, rollout, what: as of `leaf_of`.

    Raises:
        ModelError: a name that it does not have, or delays that are fixed in the rollout.
    """
    synapse = owner.synapse
    spec = Spec() if synapse is None else synapse.spec
    weights = np.asarray(rollout.parameters["weights"][owner.name])
    if isinstance(owner.matrix, SharedWeights):
        if what != "weight":
            _unknown(owner, what, ["weight"])
        return Leaf(PARAMETERS, ("weights", owner.name), owner.target.neuron.spec.ports[str(owner.port)])
    pre = rollout.sources[owner.name]
    if what == "weight":
        port = None if owner.port is None else owner.target.neuron.spec.ports.get(owner.port)
        return Leaf(PARAMETERS, ("weights", owner.name), weight_dimension(owner.name, synapse, port), weights.size, each=True, source=pre)
    if what == "delay":
        if owner.name not in rollout.delays:
            raise ModelError(f"Trainable: delays of {owner.name!r} are fixed in this rollout", fix=f"Rollout(..., delays={{{owner.name!r}: longest}})")
        return Leaf(PARAMETERS, ("delays", owner.name), ms.dimension, weights.size, rollout.dt, each=True)
    if what in spec.parameters:
        started = tuple(("synapses", owner.name, "states", n) for n, state in spec.states.items() if state.initial == what and n not in owner.initial)
        return Leaf(PARAMETERS, ("synapses", owner.name, what), spec.parameters[what], weights.size, _least(what, spec.parameters[what]), follows=started)
    if what in spec.states:
        return Leaf(STATE, ("synapses", owner.name, "states", what), spec.state_dimensions[what], weights.size, each=True)
    _unknown(owner, what, ["weight", "delay", *spec.parameters, *spec.states])


@leaf_of.register
def of_graded(owner: GradedProjection, rollout: Rollout, what: str) -> Leaf:
    """Weights of graded transmission, or the parameters of their matrix.

    Args:
        owner, rollout, what: as of `leaf_of`.

    Raises:
        ModelError: a name that it does not have.
    """
    flow = rollout.graded[owner.name]
    if what not in flow.start:
        _unknown(owner, what, flow.start)
    dimension = graded_dimension(owner.target, str(owner.input), owner.value.dimension(owner.model))
    if owner.matrix is not None:
        given = getattr(owner.matrix, what)
        return Leaf(PARAMETERS, ("graded", owner.name, what), given.dimension if isinstance(given, Quantity) else DIMENSIONLESS)
    start = np.asarray(flow.start[what])
    source = flow.pre if start.ndim == 1 else np.repeat(np.arange(start.shape[0]), start.shape[1])
    return Leaf(PARAMETERS, ("graded", owner.name, what), dimension, source=source)


@leaf_of.register
def of_modulator(owner: Modulator, rollout: Rollout, what: str) -> Leaf:
    """Kinetics, and the half-maximal concentrations of receptors.

    Args:
        owner, rollout, what: as of `leaf_of`.

    Raises:
        ModelError: a name that it does not have.
    """
    known = rollout.parameters["modulators"][owner.name]
    if what not in known:
        _unknown(owner, what, known)
    receptor = what not in owner.kinetics.spec.parameters
    dimension = owner.kinetics.dimension if receptor else owner.kinetics.spec.parameters[what]
    return Leaf(PARAMETERS, ("modulators", owner.name, what), dimension, least=0.0 if receptor else _least(what, dimension))


@leaf_of.register
def of_effect(owner: BoundEffect, rollout: Rollout, what: str) -> Leaf:
    """Constants of an effect.

    Args:
        owner, rollout, what: as of `leaf_of`.

    Raises:
        ModelError: a name that it does not have.
    """
    key = key_of(rollout.network.modulators, owner)
    known = rollout.parameters["effects"].get(key, {})
    if what not in known:
        _unknown(owner, what, known)
    given = getattr(owner.change, what)
    return Leaf(PARAMETERS, ("effects", key, what), given.dimension if isinstance(given, Quantity) else DIMENSIONLESS)


def found(owner: Any, rollout: Rollout) -> Any:
    """The object of the rollout's network that is meant: of the owner's kind, with its name.

    Args:
        owner: of this network or of one from which it was made.
        rollout: of the network.

    Raises:
        ModelError: there is none.
    """
    network = rollout.network
    pools: tuple[tuple[type, Mapping[Any, Any], Any], ...] = (
        (Population, network.populations, "name"), (GradedProjection, {p.name: p for p in network.graded}, "name"),
        (Projection, {p.name: p for p in network.projections}, "name"), (Modulator, network.modulators, "name"),
        (BoundEffect, {e.order: e for m in network.modulators.values() for e in m.effects}, "order"),
    )  # fmt: skip
    for kind, pool, key in pools:
        if isinstance(owner, kind):
            if (one := pool.get(getattr(owner, key))) is None:
                raise ModelError("Trainable: not of the network that is trained", got=owner, fix=did_you_mean(str(getattr(owner, key)), map(str, pool)))
            return one
    return owner


def _least(name: str, dimension: Dimension) -> float:
    return 0.0 if dimension in POSITIVE or must_be_positive(name, dimension) else -np.inf


def _unknown(owner: Any, what: str, known: Any) -> NoReturn:
    label = getattr(owner, "label", None) or owner.name
    raise ModelError(f"Trainable: {label} has no {what!r} to train", fix=did_you_mean(what, known), expected=", ".join(known) or "nothing")
