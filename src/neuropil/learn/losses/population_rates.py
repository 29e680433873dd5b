"""Squared error of the mean firing rates of populations: a circuit fitted to recorded rates.

    L = mean over populations of ((r - r*) / scale)²,    r the spikes of a neuron and second in the mean over the population.

Targets are rates [samples, populations] in Hz.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.losses.loss import Loss, numeric
from neuropil.learn.losses.response import Response, check_spiking, output_of
from neuropil.model.network.network import Network


@dataclass(frozen=True)
class PopulationRates(Loss):
    """Squared error of mean rates.

    Args:
        of: names of populations, in the order of the targets.
        scale: Hz, the error that counts as 1.
        skip: ms at the start that do not count.

    Raises:
        ModelError: names, a scale or a time that are none.
    """

    of: tuple[str, ...]
    scale: float = 10.0
    skip: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.of, (tuple, list)) or not self.of or not all(isinstance(n, str) for n in self.of) or len(set(self.of)) < len(self.of):
            raise ModelError("PopulationRates.of must be names of populations, each once", got=self.of, expected="such as ('exc', 'inh')")
        object.__setattr__(self, "of", tuple(self.of))
        for name, least in (("scale", 1e-9), ("skip", 0.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value < float("inf"):
                raise ModelError(f"PopulationRates.{name} must be {'a positive rate in Hz' if name == 'scale' else 'a time in ms'}", got=value)

    def resolved(self, network: Network) -> Loss:
        """As of `Loss`, in the `network`."""
        for name in self.of:
            check_spiking(output_of(network, name, "PopulationRates"), "PopulationRates")
        return self

    def outputs(self, response: Response) -> Any:
        """Mean rates, Hz: [samples, populations], of the `response`."""
        first = round(self.skip / response.dt)
        counted = [response.spikes[n][:, first:] for n in self.of]
        if counted[0].shape[1] < 1:
            raise ModelError("PopulationRates.skip leaves no step", got=f"{self.skip:g} ms", expected=f"less than {response.duration:g} ms")
        return jnp.stack([1000.0 / response.dt * s.mean(axis=(1, 2)) for s in counted], axis=1)

    def check(self, target: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """As of `Loss`: rates, for the shape of the outputs."""
        return numeric(target, outputs, "PopulationRates", "mean rates of the populations, Hz")

    def __call__(self, outputs: Any, target: Any, dt: float) -> Any:
        """As of `Loss`."""
        return (((outputs - target) / self.scale) ** 2).mean(axis=1)
