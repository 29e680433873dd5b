"""Squared error of firing rates.

    L = mean over neurons of ((r - r*) / scale)²,    r the spikes of a neuron over the duration.

Targets are rates [samples, neurons] in Hz, or labels: then r* is `right` for the neuron of the label and `wrong` for the others.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.losses.loss import Loss, LossName, labels, numeric
from neuropil.learn.losses.response import Response, check_spiking, output_of
from neuropil.model.network.network import Network
from neuropil.registry import register


@dataclass(frozen=True)
class SpikeRate(Loss):
    """Squared error of firing rates.

    Args:
        of: population; None: the output.
        right, wrong: Hz, of the neuron of the label, and of the others.
        scale: Hz, the error that counts as 1.

    Raises:
        ModelError: rates that are none.
    """

    of: str | None = None
    right: float = 100.0
    wrong: float = 0.0
    scale: float = 50.0

    def __post_init__(self) -> None:
        for name in ("right", "wrong", "scale"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < float("inf") or (name == "scale" and value == 0):
                raise ModelError(f"SpikeRate.{name} must be a rate in Hz", got=value)
        if self.right <= self.wrong:
            raise ModelError("SpikeRate: the neuron of the label should fire faster than others", got=f"right={self.right}, wrong={self.wrong}")

    def resolved(self, network: Network) -> Loss:
        """As of `Loss`, in the `network`."""
        population = output_of(network, self.of, "SpikeRate")
        check_spiking(population, "SpikeRate")
        return dataclasses.replace(self, of=population.name)

    def outputs(self, response: Response) -> Any:
        """Rates, Hz: [samples, neurons], of the `response`."""
        return 1000.0 / response.duration * response.spikes[str(self.of)].sum(axis=1)

    def check(self, target: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """As of `Loss`: rates or labels, for the shape of the outputs."""
        if target.ndim == 1 and target.dtype.kind in "iu":
            return labels(target, outputs[0], "SpikeRate")
        return numeric(target, outputs, "SpikeRate", "rates of the output's neurons, Hz (or labels, (samples,))")

    def __call__(self, outputs: Any, target: Any, dt: float) -> Any:
        """As of `Loss`."""
        wanted = target
        if target.ndim == 1:
            wanted = self.wrong + (self.right - self.wrong) * jax.nn.one_hot(target, outputs.shape[1], dtype=outputs.dtype)
        return (((outputs - wanted) / self.scale) ** 2).mean(axis=1)

    def correct(self, outputs: Any, target: Any) -> Any | None:
        """Whether the neuron of the label fires fastest: [samples]; None for rates."""
        return jnp.argmax(outputs, axis=1).astype(target.dtype) == target if target.ndim == 1 else None


register(LossName("spike_rate", SpikeRate))
