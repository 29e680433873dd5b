"""The likelihood of spikes under an intensity: minus its logarithm, in nats.

    L = Σ_k [λ_k dt - n_k log(λ_k dt) + log n_k!],    n_k the observed spikes in step k, Poisson of mean λ_k dt,

summed over time, mean over neurons. λ (1/ms) is any expression of a model: a hazard, or the exponential of a filtered potential. Truccolo et al. (2005)
J. Neurophysiol. 93:1074.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.special import gammaln

from neuropil.errors import ModelError
from neuropil.learn.losses.loss import Loss, numeric
from neuropil.learn.losses.response import Response, Variable, label_of, output_of
from neuropil.model.contents.expression import Expression
from neuropil.model.network.network import Network


@dataclass(frozen=True)
class PointProcess(Loss):
    """Minus the log-likelihood of spikes.

    Targets are numbers of spikes, [samples, steps, neurons].

    Args:
        intensity: an `Expression` of a population's states, a rate; for example ``npl.Expression(lambda s, p: p.hazard(s), name="hazard")``.
        of: population; None: the output.
        least: kHz, below which the intensity counts as this, so that no logarithm is infinite.

    Raises:
        ModelError: not an expression.
    """

    intensity: Any = None
    of: str | None = None
    least: float = 1e-6

    def __post_init__(self) -> None:
        if not isinstance(self.intensity, Expression):
            raise ModelError("PointProcess needs an intensity", got=self.intensity, expected='npl.Expression(lambda s, p: p.hazard(s), name="hazard")')
        if isinstance(self.least, bool) or not isinstance(self.least, (int, float)) or not 0.0 < self.least < float("inf"):
            raise ModelError("PointProcess.least must be a positive rate in kHz", got=self.least)

    def resolved(self, network: Network) -> Loss:
        """As of `Loss`, in the `network`."""
        return dataclasses.replace(self, of=output_of(network, self.of, "PointProcess").name)

    def recorded(self) -> tuple[Variable, ...]:
        """The intensity."""
        return ((str(self.of), self.intensity),)

    def outputs(self, response: Response) -> Any:
        """The intensity in the `response`, kHz: [samples, steps, neurons]."""
        return response.traces[label_of(self.recorded()[0])]

    def check(self, target: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """As of `Loss`: numbers of spikes, for the shape of the outputs."""
        values = numeric(target, outputs, "PointProcess", "steps, neurons of the output")
        if values.size and (values.min() < 0 or np.any(values != np.floor(values))):
            raise ModelError("PointProcess: targets must be numbers of spikes", got=f"{values[(values < 0) | (values != np.floor(values))][0]:g}")
        # The term without gradient, added here once, is kept apart as a second plane.
        return np.stack([values, gammaln(values + 1.0)], axis=-1)

    def __call__(self, outputs: Any, target: Any, dt: float) -> Any:
        """As of `Loss`."""
        mean = jnp.maximum(outputs, self.least) * dt
        return (mean - target[..., 0] * jnp.log(mean) + target[..., 1]).sum(axis=1).mean(axis=1)
