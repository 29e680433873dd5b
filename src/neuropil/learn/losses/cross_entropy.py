"""Cross-entropy: outputs are the logarithms of odds of classes, targets their numbers.

    L = -log softmax(outputs)[label],    with smoothing ε:  (1 - ε) L + ε mean over classes of -log softmax.

Why to believe it: two equal outputs give log 2; the gradient by the outputs is softmax minus the one-hot label.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.losses.loss import LossName, WithReadout, labels
from neuropil.learn.losses.readouts import Maximum, Readout
from neuropil.registry import register


@dataclass(frozen=True)
class CrossEntropy(WithReadout):
    """Cross-entropy of the class.

    Args:
        readout: `Maximum` (if not given), `MeanOverTime`, `Last`, `SpikeCount`, `FirstSpike`, or one of your own.
        smoothing: of labels, 0 to 1 (exclusive).

    Raises:
        ModelError: not a readout; a smoothing that is none.
    """

    readout: Readout = field(default_factory=Maximum)
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.readout, Readout):
            raise ModelError("CrossEntropy.readout must be a readout", got=self.readout, expected="for example Maximum() or SpikeCount()")
        if isinstance(self.smoothing, bool) or not isinstance(self.smoothing, (int, float)) or not 0.0 <= self.smoothing < 1.0:
            raise ModelError("CrossEntropy.smoothing must be a number from 0 to below 1", got=self.smoothing)

    def check(self, target: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """As of `Loss`: labels, for the shape of the outputs."""
        return labels(target, outputs[0], "CrossEntropy")

    def __call__(self, outputs: Any, target: Any, dt: float) -> Any:
        """As of `Loss`."""
        log_odds = jax.nn.log_softmax(outputs, axis=1)
        missed = -jnp.take_along_axis(log_odds, target[:, None], axis=1)[:, 0]
        return (1.0 - self.smoothing) * missed - self.smoothing * log_odds.mean(axis=1)

    def correct(self, outputs: Any, target: Any) -> Any:
        """Whether the largest output is that of the label: [samples]."""
        return jnp.argmax(outputs, axis=1).astype(target.dtype) == target


register(LossName("cross_entropy", CrossEntropy))
