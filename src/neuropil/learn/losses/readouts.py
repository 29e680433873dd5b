"""Readouts: from what a network did to one number for each output neuron.

A readout of one's own is a subclass of `Readout`: what it needs recorded, and a function of the response.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from neuropil.errors import ModelError
from neuropil.learn.losses.response import Response, Variable, check_spiking, label_of, output_of, variable_of
from neuropil.model.network.network import Network


@dataclass(frozen=True)
class Readout:
    """Base of readouts.

    Args:
        of: "population", or "population.state" for readouts of states; None: the population "output", or the only one that projects to
            no other, and of states its first.
    """

    of: str | None = None

    def resolved(self, network: Network) -> Readout:
        """The same readout with names that stand for themselves.

        Args:
            network: that it reads.

        Raises:
            ModelError: what it names does not exist.
        """
        raise NotImplementedError

    def recorded(self) -> tuple[Variable, ...]:
        """What must be recorded in every step, of a resolved readout."""
        return ()

    def __call__(self, response: Response) -> Any:
        """The outputs of each sample, [samples, outputs].

        Args:
            response: to a batch.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class _OfState(Readout):
    """Readouts of a state; its values are multiplied by `gain`."""

    gain: float = 1.0

    def __post_init__(self) -> None:
        _check_positive(self.gain, f"{type(self).__name__}.gain")

    def resolved(self, network: Network) -> Readout:
        """As of `Readout`, in the `network`."""
        return dataclasses.replace(self, of=".".join(variable_of(network, self.of, type(self).__name__)))

    def recorded(self) -> tuple[Variable, ...]:
        """The state."""
        assert self.of is not None
        population, _, state = self.of.partition(".")
        return ((population, state),)

    def __call__(self, response: Response) -> Any:
        """As of `Readout`, for the `response`."""
        return self.gain * self._over_time(response.traces[label_of(self.recorded()[0])])

    def _over_time(self, trace: Any) -> Any:
        raise NotImplementedError


class Maximum(_OfState):
    """The largest value of a state over time."""

    def _over_time(self, trace: Any) -> Any:
        return trace.max(axis=1)


class MeanOverTime(_OfState):
    """The mean of a state over time."""

    def _over_time(self, trace: Any) -> Any:
        return trace.mean(axis=1)


class Last(_OfState):
    """A state at the end."""

    def _over_time(self, trace: Any) -> Any:
        return trace[:, -1]


@dataclass(frozen=True)
class _OfSpikes(Readout):
    """Readouts of spikes."""

    def resolved(self, network: Network) -> Readout:
        """As of `Readout`, in the `network`."""
        population = output_of(network, self.of, type(self).__name__)
        check_spiking(population, type(self).__name__)
        return dataclasses.replace(self, of=population.name)


@dataclass(frozen=True)
class SpikeCount(_OfSpikes):
    """How often each neuron spiked, times `gain`."""

    gain: float = 1.0

    def __post_init__(self) -> None:
        _check_positive(self.gain, "SpikeCount.gain")

    def __call__(self, response: Response) -> Any:
        """As of `Readout`, for the `response`."""
        return self.gain * response.spikes[str(self.of)].sum(axis=1)


@dataclass(frozen=True)
class FirstSpike(_OfSpikes):
    """How early each neuron spiked first: minus the time of its first spike over `tau`; without a spike the time is the duration.

    The time is dt · Σ_k Π_{j≤k} (1 - s_j), the steps before the first spike, so the gradient moves the spikes up to it and creates those that
    come before it. Goeltz et al. (2021) Nat. Mach. Intell. 3:823 train on such outputs.

    Args:
        of: as of `Readout`.
        tau: ms, the difference of times that counts as 1.
    """

    tau: float = 5.0

    def __post_init__(self) -> None:
        _check_positive(self.tau, "FirstSpike.tau")

    def __call__(self, response: Response) -> Any:
        """As of `Readout`, for the `response`."""
        return -first_spike_times(response.spikes[str(self.of)], response.dt) / self.tau


def first_spike_times(spikes: Any, dt: float) -> Any:
    """Time of each neuron's first spike, ms: [samples, neurons]; the duration where there is none.

    Args:
        spikes: [samples, steps, neurons], 0 or 1.
        dt: time step, ms. A spike in the first step has the time dt.
    """
    silent = jnp.cumprod(1.0 - spikes, axis=1)
    before = silent.sum(axis=1)
    return dt * (before + 1.0 - silent[:, -1])


def _check_positive(value: Any, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < float("inf"):
        raise ModelError(f"{what} must be a positive number", got=value)
