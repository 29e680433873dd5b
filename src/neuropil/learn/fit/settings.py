"""What a training does, checked: everything that decides its course beside the network, the data and the optimiser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.errors import ModelError, did_you_mean
from neuropil.learn.data.dataset import Chunk
from neuropil.learn.data.entries import Entry, entries_of
from neuropil.learn.fit.dropout import dropout_of
from neuropil.learn.losses.loss import Loss, LossName
from neuropil.learn.losses.regularisers import Regulariser
from neuropil.learn.methods.method import Method, method_of
from neuropil.learn.surrogate import Surrogate
from neuropil.learn.surrogate import surrogate as named_surrogate
from neuropil.learn.trainable import Trainable
from neuropil.model.cell.cell import Cell
from neuropil.model.network.network import Network
from neuropil.registry import named, names
from neuropil.units import Quantity, magnitude, ms

BACKENDS = ("auto", "jax", "native")


SURROGATE = Surrogate("triangle", 0.5)
"""The gradient of spikes if no other is asked for. It ends, so that most neuron-steps have none, and native kernels skip them."""


@dataclass(frozen=True)
class Settings:
    """Of a training, and of what it evaluates afterwards.

    Attributes:
        loss, regularisers, entries: with names that stand for themselves.
        dt: ms.
        seed: of every random number.
        surrogate, reset_gradient, scale, precision, chunk: as of `Rollout`.
        backend, method: what computes gradients, and how.
        dropout: chances by population.
    """

    loss: Loss
    regularisers: tuple[Regulariser, ...]
    entries: tuple[Entry, ...]
    dt: float
    seed: int
    surrogate: Surrogate
    reset_gradient: bool
    scale: dict[str, Any] | None
    precision: str
    chunk: Any
    backend: str
    method: str | Method
    dropout: dict[str, float] = field(default_factory=dict)


def settings_of(
    network: Network, example: Chunk, *, loss: Any, regularisers: Any, input: Any, encoder: Any, dt: Any, seed: Any, surrogate: Any, reset_gradient: Any, scale: Any,
    precision: Any, chunk: Any, backend: Any, method: Any, augment: Any, dropout: Any,
) -> Settings:  # fmt: skip
    """The settings that arguments of `fit` stand for.

    Args:
        network: to be trained.
        example: some samples.
        loss, regularisers, input, encoder, dt, seed, surrogate, reset_gradient, scale, precision, chunk, backend, method, augment, dropout: as of `fit`.

    Raises:
        ModelError: what does not exist or does not fit.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise ModelError("seed must be a whole number from 0 to 2⁶³ - 1", got=seed)
    if backend not in BACKENDS:
        raise ModelError("unknown backend", got=backend, expected=" or ".join(map(repr, BACKENDS)), fix=did_you_mean(str(backend), BACKENDS))
    if precision not in ("float32", "float64"):
        raise ModelError("unknown precision", got=precision, expected="'float32' or 'float64'")
    if not isinstance(reset_gradient, bool):
        raise ModelError("reset_gradient must be True or False", got=reset_gradient)
    if chunk is not None and (isinstance(chunk, bool) or not isinstance(chunk, (int, np.integer)) or chunk < 1):
        raise ModelError("chunk must be a number of steps", got=chunk)
    if not isinstance(dt, Quantity):
        raise ModelError("dt must be a time", got=dt, expected="for example 1 * ms")
    method_of(method)
    step = float(magnitude(dt, ms.dimension, "dt"))
    if not 0.0 < step < float("inf"):
        raise ModelError("dt must be a positive time", got=dt)
    if surrogate is not None and not isinstance(surrogate, (str, Surrogate)):
        raise ModelError("surrogate must be the name of a shape, or a Surrogate", got=surrogate)
    shape = SURROGATE if surrogate is None else named_surrogate(surrogate)
    chosen = loss_of(loss).resolved(network)
    entries = entries_of(network, input, encoder, augment, example)
    scales = None if scale is None else dict(scale) if isinstance(scale, dict) else _refuse_scale(scale)
    dropped = dropout_of(dropout, network)
    return Settings(chosen, _regularisers(regularisers, network), entries, step, int(seed), shape, reset_gradient, scales, precision, chunk, backend, method, dropped)


def loss_of(given: Any) -> Loss:
    """A loss: the one that is `given`, or of this name.

    Raises:
        ModelError: there is none.
    """
    if isinstance(given, str):
        made: Loss = named(LossName, given.strip().lower().replace("-", "_").replace(" ", "_")).make()
        return made
    if isinstance(given, type) and issubclass(given, Loss):
        raise ModelError("loss: give a loss, not its class", got=given.__name__, fix=f"{given.__name__}(...)")
    if not isinstance(given, Loss):
        raise ModelError("not a loss", got=given, expected=f"a Loss, or one of {', '.join(map(repr, names(LossName)))}", fix="subclass npl.losses.Loss for one of your own")
    return given


def _regularisers(given: Any, network: Network) -> tuple[Regulariser, ...]:
    listed = [given] if isinstance(given, Regulariser) else list(given) if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else [given]
    for one in listed:
        if not isinstance(one, Regulariser):
            raise ModelError("not a regulariser", got=one, expected="for example npl.losses.RateBounds(high=50)")
    return tuple(one.resolved(network) for one in listed)


def _refuse_scale(scale: Any) -> dict[str, Any]:
    raise ModelError("scale must be a dict of distances to threshold by population", got=scale)


def trainables(network: Network, given: Any) -> list[Trainable]:
    """What is trained.

    Args:
        network: that is trained.
        given: `Trainable` objects, or names: of projections, whose weights are meant, or "population.parameter" and "projection.parameter"; None: all
            weights.

    Raises:
        ModelError: a name that does not exist; nothing to train.
    """
    owners: dict[str, Any] = {p.name: p for p in (*network.projections, *network.graded)}
    if given is None:
        chosen = [Trainable(p, "weight") for p in network.projections]
        chosen += [Trainable(g, "weight") for g in network.graded if g.matrix is None]
        if not chosen:
            raise ModelError("nothing to train: the network has no projection", fix='trainable=["population.parameter"]')
        return chosen
    found = []
    for one in [given] if isinstance(given, (str, Trainable)) else list(given) if isinstance(given, Iterable) else [given]:
        if isinstance(one, Trainable):
            found.append(one)
        elif isinstance(one, str):
            found.append(_by_name(network, owners, one))
        else:
            raise ModelError("trainable must be names or Trainable objects", got=one, expected='for example ["input→hidden", "hidden.tau_m"]')
    if not found:
        raise ModelError("nothing to train", got="trainable=[]", fix="leave trainable out to train all weights")
    return found


def _by_name(network: Network, owners: dict[str, Any], name: str) -> Trainable:
    if name in owners:
        return Trainable(owners[name], "weight")
    known: dict[str, Any] = {**owners, **network.populations}
    for label, owner in sorted(known.items(), key=lambda item: -len(item[0])):
        if name.startswith(f"{label}."):
            return Trainable(owner, name[len(label) + 1 :])
    if name in network.populations:
        population = network[name]
        parameters = [] if isinstance(population.neuron, Cell) else list(population.neuron.spec.parameters)
        raise ModelError(f"trainable: which parameter of {name}?", got=name, expected=", ".join(f"{name}.{p}" for p in parameters))
    raise ModelError(f"trainable: there is nothing by the name {name!r}", fix=did_you_mean(name, known))
