"""Squared error of a state over time: membrane potentials fitted to recordings, outputs to a signal.

    L = mean over steps and columns of (w_k (v - v*) / scale)².
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.losses.loss import Loss, LossName, WithReadout, numeric
from neuropil.learn.losses.readouts import Readout
from neuropil.learn.losses.response import Response, Variable, label_of, variable_of
from neuropil.model.network.network import Network
from neuropil.registry import register


@dataclass(frozen=True)
class TraceError(Loss):
    """Squared error of a state over time.

    Targets are [samples, steps, columns] in the state's base unit (mV for a potential), at the end of each step.

    Args:
        of: "population.state"; None: the first state of the output.
        scale: in the same unit, the error that counts as 1.
        skip: steps at the start that do not count.
        columns: of the state, which were recorded, in this order: neurons, or of a state with several sites all sites neuron by neuron (of one cell, compartments); None:
            all.

    Raises:
        ModelError: a scale, a number of steps or columns that are none.
    """

    of: str | None = None
    scale: float = 1.0
    skip: int = 0
    columns: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.scale, bool) or not isinstance(self.scale, (int, float)) or not 0.0 < self.scale < float("inf"):
            raise ModelError("TraceError.scale must be a positive number", got=self.scale)
        if isinstance(self.skip, bool) or not isinstance(self.skip, (int, np.integer)) or self.skip < 0:
            raise ModelError("TraceError.skip must be a number of steps", got=self.skip)
        if self.columns is not None:
            listed = self.columns if isinstance(self.columns, (tuple, list)) else ()
            if not listed or not all(isinstance(c, (int, np.integer)) and not isinstance(c, bool) and c >= 0 for c in listed) or len(set(listed)) < len(listed):
                raise ModelError("TraceError.columns must be numbers of columns, each once", got=self.columns, expected="such as (0,)")
            object.__setattr__(self, "columns", tuple(int(c) for c in listed))

    def resolved(self, network: Network) -> Loss:
        """As of `Loss`, in the `network`."""
        return dataclasses.replace(self, of=".".join(variable_of(network, self.of, "TraceError")))

    def recorded(self) -> tuple[Variable, ...]:
        """The state."""
        population, _, state = str(self.of).partition(".")
        return ((population, state),)

    def outputs(self, response: Response) -> Any:
        """The state in the `response`, [samples, steps, columns]."""
        found = response.traces[label_of(self.recorded()[0])]
        if self.columns is None:
            return found
        if (most := max(self.columns)) >= found.shape[-1]:
            raise ModelError(f"TraceError: {self.of} has no such column", got=most, expected=f"0 … {found.shape[-1] - 1}")
        return found[..., np.array(self.columns)]

    def check(self, target: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """As of `Loss`: values of the state, for the shape of the outputs."""
        if self.skip >= outputs[0]:
            raise ModelError("TraceError.skip leaves no step", got=self.skip, expected=f"fewer than {outputs[0]}")
        return numeric(target, outputs, "TraceError", "steps, columns of the state")

    def __call__(self, outputs: Any, target: Any, dt: float) -> Any:
        """As of `Loss`."""
        away = (outputs - target)[:, self.skip :] / self.scale
        return (away**2).mean(axis=(1, 2))


@dataclass(frozen=True)
class SquaredError(WithReadout):
    """Squared error of a readout, mean over outputs; targets are [samples, outputs].

    Args:
        readout: of the outputs.

    Raises:
        ModelError: not a readout.
    """

    def __post_init__(self) -> None:
        if not isinstance(self.readout, Readout):
            raise ModelError("SquaredError needs a readout", got=self.readout, expected="for example Last() or MeanOverTime()")

    def check(self, target: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """As of `Loss`: values, for the shape of the outputs."""
        return numeric(target, outputs, "SquaredError", "outputs")

    def __call__(self, outputs: Any, target: Any, dt: float) -> Any:
        """As of `Loss`."""
        return ((outputs - target) ** 2).mean(axis=1)


register(LossName("trace_error", TraceError))
