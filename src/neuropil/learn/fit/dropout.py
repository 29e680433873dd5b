"""Dropout: in each step of a training some neurons are cut off from their targets, so that none relies on single others.

A neuron that is dropped sends nothing: the weights of all its synapses are zero in this step of the optimiser, for all samples of the batch; those of the others are
divided by the chance to be kept, so that the mean of what arrives is the same as in an evaluation, where none is dropped.

Srivastava et al. (2014) J. Mach. Learn. Res. 15:1929.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from neuropil import rng
from neuropil.errors import ModelError, did_you_mean
from neuropil.learn.rollout import Rollout
from neuropil.model.network.network import Network

Tree = dict[str, Any]


def dropout_of(given: Any, network: Network) -> dict[str, float]:
    """Chances to be dropped by population.

    Args:
        given: a dict of numbers from 0 to below 1 by population, or None.
        network: that is trained.

    Raises:
        ModelError: no such population, one that projects nowhere, or another number.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ModelError("dropout must be a dict of chances by population", got=given, expected='for example {"hidden": 0.2}')
    for name, chance in given.items():
        if name not in network.populations:
            raise ModelError(f"dropout: there is no population {name!r}", fix=did_you_mean(str(name), network.populations))
        if isinstance(chance, bool) or not isinstance(chance, (int, float, np.number)) or not 0.0 <= chance < 1.0:
            raise ModelError(f"dropout of {name} must be a chance from 0 to below 1", got=chance)
        if not any(p.source.name == name for p in network.projections):
            raise ModelError(f"dropout: population {name!r} has no projection of spikes to cut", fix="name a population that projects to others")
    return {str(name): float(chance) for name, chance in given.items() if chance > 0}


class Dropout:
    """What is dropped in each step.

    Args:
        chances: by population; empty: nothing is.
        rollout: of the network.
        seed: of the draws.

    Raises:
        ModelError: a population whose projections have no weights of single synapses, or weights that are a state, which a rule may change.
    """

    def __init__(self, chances: Mapping[str, float], rollout: Rollout, seed: int):
        network, sources = rollout.network, rollout.sources
        self.chances, self.seed = dict(chances), seed
        self.sizes = {name: network[name].size for name in chances}
        self.cut = {p.name: p.source.name for p in network.projections if p.source.name in chances}
        self.sources = {name: sources[name] for name in self.cut if name in sources}
        whole = [name for name in self.cut if name not in sources] + [g.name for g in network.graded if g.source.name in chances]
        learnt = [name for name in self.cut if name in rollout.living and "weight" in rollout.living[name].program.traced.spec.states]
        if learnt:
            raise ModelError(
                "dropout: these projections hold their weights as a state, which a rule may change within a sample, also for neurons that are cut off", got=", ".join(learnt),
                fix="drop another population, or npl.data.InputDropout for the samples",
            )  # fmt: skip
        if whole:
            raise ModelError("dropout: these projections have no weights of single synapses to cut", got=", ".join(whole), fix="drop a population behind them, or npl.data.InputDropout for the samples")

    def factors(self, epoch: int, number: int) -> Tree:
        """What the synapses of each neuron are multiplied by: population -> float64[neurons], 0 or 1 / (1 - chance).

        Args:
            epoch: from 0; number: of the batch in it.
        """
        return {
            name: (rng.uniform(rng.stream_key(self.seed, "fit", "dropout", name, epoch), np.arange(self.sizes[name]), number) >= chance) / (1.0 - chance)
            for name, chance in self.chances.items()
        }

    def applied(self, values: tuple[Tree, Tree], factors: Tree) -> tuple[Tree, Tree]:
        """Parameters and state with weights of synapses multiplied; differentiable.

        Args:
            values: parameters and state, as of `Rollout.apply`.
            factors: of this step.
        """
        parameters, state = values
        if not factors:
            return values
        weights = dict(parameters["weights"])
        for name, population in self.cut.items():
            weights[name] = weights[name] * jnp.asarray(factors[population], weights[name].dtype)[self.sources[name]]
        return {**parameters, "weights": weights}, state
