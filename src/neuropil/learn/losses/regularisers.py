"""Regularisers of activity: what is added to the loss for neurons that fire too little or too much.

    R = strength · mean over samples and neurons of [max(0, low - r)² + max(0, r - high)²] / scale²,

r the rate of a neuron in a sample (or of the population, `each=False`), Hz. With low = high it pulls to one rate (Bellec et al. 2020 Nat. Commun. 11:3625,
whose target is that of each neuron over a batch); low = 0 bounds the activity from above (Zenke & Vogels 2021 Neural Comput. 33:899). One of one's
own is a subclass of `Regulariser`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from neuropil.errors import ModelError, did_you_mean
from neuropil.learn.losses.response import Response, check_spiking, spikes
from neuropil.model.network.network import Network


@dataclass(frozen=True)
class Regulariser:
    """Base of regularisers."""

    def resolved(self, network: Network) -> Regulariser:
        """The same regulariser with names that stand for themselves.

        Args:
            network: that is trained.

        Raises:
            ModelError: what it names does not exist.
        """
        return self

    def __call__(self, response: Response, counts: Any) -> Any:
        """What is added to the loss of a batch, one number.

        Args:
            response: to a batch.
            counts: [samples], 1 for samples and 0 for those that only fill the batch.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class RateBounds(Regulariser):
    """Bounds of firing rates.

    Args:
        low, high: Hz, between which a rate costs nothing.
        strength: factor of the sum.
        populations: names, or one name; None: all that spike and receive projections.
        over: "sample": rates of each neuron in each sample; "batch": its mean over the samples of a batch; "population": the mean over the
            neurons too.
        scale: Hz, the excess that counts as 1.

    Raises:
        ModelError: bounds that are none.
    """

    low: float = 0.0
    high: float = 100.0
    strength: float = 1.0
    populations: Any = None
    over: str = "batch"
    scale: float = 10.0

    def __post_init__(self) -> None:
        for name in ("low", "high", "strength", "scale"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < float("inf") or (name in ("strength", "scale") and not value):
                raise ModelError(f"RateBounds.{name} must be a {'positive' if name in ('strength', 'scale') else 'non-negative'} number", got=value)
        if self.low > self.high:
            raise ModelError("RateBounds: low is above high", got=f"low={self.low}, high={self.high}")
        if self.over not in ("sample", "batch", "population"):
            raise ModelError("RateBounds.over is unknown", got=self.over, expected="'sample', 'batch' or 'population'")

    def resolved(self, network: Network) -> Regulariser:
        """As of `Regulariser`, in the `network`."""
        if self.populations is None:
            received = {p.target.name for p in network.projections}
            chosen = [p.name for p in network.populations.values() if p.name in received and spikes(p)]
        else:
            chosen = [self.populations] if isinstance(self.populations, str) else list(self.populations) if isinstance(self.populations, Sequence) else [self.populations]
            for name in chosen:
                if name not in network.populations:
                    raise ModelError(f"RateBounds: there is no population {name!r}", fix=did_you_mean(name, network.populations))
                check_spiking(network[name], "RateBounds")
        if not chosen:
            raise ModelError("RateBounds: no population spikes", fix="leave it out")
        return dataclasses.replace(self, populations=tuple(chosen))

    def __call__(self, response: Response, counts: Any) -> Any:
        """As of `Regulariser`."""
        total: Any = 0.0
        for name in self.populations:
            rates = 1000.0 / response.duration * response.spikes[name].sum(axis=1)  # [samples, neurons]
            weight = counts[:, None].astype(rates.dtype)
            shares = weight / (weight.sum() * rates.shape[1])
            if self.over != "sample":
                rates, shares = (rates * weight).sum(axis=0) / weight.sum(), jnp.full(rates.shape[1], 1.0 / rates.shape[1], rates.dtype)
            if self.over == "population":
                rates, shares = rates.mean(keepdims=True), shares.sum(keepdims=True)
            excess = jnp.maximum(self.low - rates, 0.0) ** 2 + jnp.maximum(rates - self.high, 0.0) ** 2
            total = total + (excess * shares).sum() / self.scale**2
        return self.strength * total

