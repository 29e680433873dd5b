"""Van Rossum's distance between spike trains: both filtered by an exponential, and the squared difference integrated.

    D² = 1/τ ∫ (f(t) - g(t))² dt,    f(t) = Σ_i exp(-(t - t_i)/τ) for t ≥ t_i.

Van Rossum (2001) Neural Comput. 13:751. The integral of spikes on the grid is exact, with what follows the end. One spike against none gives 1/2, two
spikes apart by d give 1 - exp(-d/τ).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.losses.loss import Loss, LossName, numeric
from neuropil.learn.losses.response import Response, check_spiking, output_of
from neuropil.model.network.network import Network
from neuropil.registry import register


@dataclass(frozen=True)
class VanRossum(Loss):
    """Van Rossum's distance, mean over neurons.

    Targets are spike trains [samples, steps, neurons], 1 where a neuron should spike in that step (or more often, their number).

    Args:
        of: population; None: the output.
        tau: time constant of the filter, ms.

    Raises:
        ModelError: a time constant that is none.
    """

    of: str | None = None
    tau: float = 10.0

    def __post_init__(self) -> None:
        if isinstance(self.tau, bool) or not isinstance(self.tau, (int, float)) or not 0.0 < self.tau < float("inf"):
            raise ModelError("VanRossum.tau must be a time in ms", got=self.tau)

    def resolved(self, network: Network) -> Loss:
        """As of `Loss`, in the `network`."""
        population = output_of(network, self.of, "VanRossum")
        check_spiking(population, "VanRossum")
        return dataclasses.replace(self, of=population.name)

    def outputs(self, response: Response) -> Any:
        """The spikes of the `response`, [samples, steps, neurons]."""
        return response.spikes[str(self.of)]

    def check(self, target: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """As of `Loss`: spike trains, for the shape of the outputs."""
        values = numeric(target, outputs, "VanRossum", "steps, neurons of the output")
        if values.size and values.min() < 0:
            raise ModelError("VanRossum: numbers of spikes must not be negative", got=values.min())
        return values

    def __call__(self, outputs: Any, target: Any, dt: float) -> Any:
        """As of `Loss`."""
        return van_rossum(outputs - target, dt, self.tau).mean(axis=1)


def van_rossum(difference: Any, dt: float, tau: float) -> Any:
    """D² of spike trains by their difference, for each neuron: [samples, neurons].

    Args:
        difference: [samples, steps, neurons].
        dt: time step, ms; tau: ms.
    """
    decay = math.exp(-dt / tau)

    def step(filtered: Any, jumps: Any) -> tuple[Any, Any]:
        after = decay * filtered + jumps
        return after, after**2

    _, squares = jax.lax.scan(step, jnp.zeros_like(difference[:, 0]), jnp.swapaxes(difference, 0, 1))
    # Within a step f² decays by exp(-2t/τ), whose integral over the step is τ/2 (1 - exp(-2dt/τ)); after the last one, τ/2.
    within = 0.5 * (1.0 - decay**2)
    return within * squares[:-1].sum(axis=0) + 0.5 * squares[-1]


register(LossName("van_rossum", VanRossum))
