"""The base of losses: a number for each sample, from what a network put out and what it should have.

A loss of one's own is a subclass of `Loss` in one file: a readout (or what must be recorded), `check`, and a function of outputs and targets.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.losses.response import Response, Variable
from neuropil.model.network.network import Network
from neuropil.registry import Named


@dataclass(frozen=True)
class Loss:
    """Base of losses."""

    def resolved(self, network: Network) -> Loss:
        """The same loss with names that stand for themselves.

        Args:
            network: that is trained.

        Raises:
            ModelError: what it names does not exist.
        """
        return self

    def recorded(self) -> tuple[Variable, ...]:
        """What must be recorded in every step, of a resolved loss."""
        return ()

    def outputs(self, response: Response) -> Any:
        """What is compared with the targets, [samples, ...].

        Args:
            response: to a batch.
        """
        raise NotImplementedError

    def check(self, target: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """The targets as the loss reads them.

        Args:
            target: of some samples, [samples, ...].
            outputs: shape of the outputs of one sample.

        Raises:
            ModelError: targets of another shape or type.
        """
        raise NotImplementedError

    def __call__(self, outputs: Any, target: Any, dt: float) -> Any:
        """The loss of each sample, [samples].

        Args:
            outputs: [samples, ...]; target: [samples, ...]; dt: time step, ms.
        """
        raise NotImplementedError

    def correct(self, outputs: Any, target: Any) -> Any | None:
        """1 for each sample that is answered correctly, else 0, [samples]; None where there is no right answer.

        Args:
            outputs, target: [samples, ...].
        """
        return None


@dataclass(frozen=True)
class WithReadout(Loss):
    """Base of losses of what a readout gives.

    Args:
        readout: of the outputs.
    """

    readout: Any = None

    def resolved(self, network: Network) -> Loss:
        """As of `Loss`, in the `network`."""
        return dataclasses.replace(self, readout=self.readout.resolved(network))

    def recorded(self) -> tuple[Variable, ...]:
        """As of the readout."""
        found: tuple[Variable, ...] = self.readout.recorded()
        return found

    def outputs(self, response: Response) -> Any:
        """What the readout gives for the `response`."""
        return self.readout(response)


class LossName(Named):
    """A loss that `fit` finds by a word.

    Args:
        name: the word.
        make: makes the loss.
    """

    family = "loss"

    def __init__(self, name: str, make: Any):
        self.name, self.make = name, make


def numeric(target: np.ndarray, shape: tuple[int, ...], what: str, axes: str) -> np.ndarray:
    """Targets that are finite numbers of one shape, as float64.

    Args:
        target: [samples, ...].
        shape: of the target of one sample.
        what: loss; begins the message.
        axes: what the axes are.

    Raises:
        ModelError: others.
    """
    if target.dtype.kind not in "fiub":
        raise ModelError(f"{what}: targets must be numbers", got=f"{target.dtype}")
    if target.shape[1:] != shape:
        raise ModelError(f"{what}: targets have the wrong shape", got=f"{target.shape}", expected=f"(samples, {', '.join(map(str, shape))}): {axes}")
    values = target.astype(np.float64)
    if not np.all(np.isfinite(values)):
        raise ModelError(f"{what}: a target is not finite", got=f"sample {int(np.argwhere(~np.isfinite(values))[0, 0])}")
    return values


def labels(target: np.ndarray, classes: int, what: str) -> np.ndarray:
    """Targets that are the number of a class, as int32.

    Args:
        target: [samples].
        classes: how many there are.
        what: loss; begins the message.

    Raises:
        ModelError: others.
    """
    if target.ndim != 1:
        raise ModelError(f"{what}: labels have one number for each sample", got=f"shape {target.shape}", expected="(samples,)", fix="labels.argmax(axis=1), if they are one-hot")
    if target.dtype.kind not in "iu":
        raise ModelError(f"{what}: labels must be whole numbers", got=f"{target.dtype}", fix="np.unique(labels, return_inverse=True)[1] numbers them")
    if target.size and (target.min() < 0 or target.max() >= classes):
        bad = int(np.argmax((target < 0) | (target >= classes)))
        raise ModelError(f"{what}: a label is the number of an output", got=f"{target[bad]} (sample {bad})", expected=f"0 … {classes - 1}")
    return target.astype(np.int32)
