"""What is summed up over the batches of an epoch or an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.learn.fit.objective import Batch
from neuropil.model.network.network import Network


@dataclass
class Tally:
    """Sums over samples.

    Attributes:
        network: whose populations fire.
        dt: ms.
        samples, steps: how many; of a sample the steps of the longest.
        losses, values: summed over samples; values with regularisers.
        correct: samples that were answered correctly; None where there is no right answer.
        spikes: population -> [neurons], float64.
        time: ms, of all samples together.
        norms, batches: summed norms of gradients, and how many.
    """

    network: Network
    dt: float
    samples: int = 0
    steps: int = 0
    losses: float = 0.0
    values: float = 0.0
    correct: float | None = None
    spikes: dict[str, np.ndarray] = field(default_factory=dict)
    time: float = 0.0
    norms: float = 0.0
    batches: int = 0

    def add(self, batch: Batch, seen: dict[str, Any]) -> None:
        """Add a batch.

        Args:
            batch: the samples; seen: of `Trainer`.
        """
        count, steps = int(batch.counts.sum()), len(batch.inputs["step"])
        self.samples += count
        self.batches += 1
        self.steps = max(self.steps, steps)
        self.time += count * steps * self.dt
        self.losses += float(np.sum(np.asarray(seen["losses"], np.float64) * batch.counts))
        self.values += float(seen["value"]) * count
        if seen["correct"] is not None:
            self.correct = (self.correct or 0.0) + float(np.sum(np.asarray(seen["correct"], np.float64) * batch.counts))
        for name, spikes in seen["spikes"].items():
            self.spikes[name] = self.spikes.get(name, 0.0) + np.asarray(spikes, np.float64)
        if "norms" in seen:
            self.norms += float(np.sqrt(sum(float(n) ** 2 for n in seen["norms"].values())))

    @property
    def loss(self) -> float:
        """Mean over samples, with regularisers."""
        return self.values / max(self.samples, 1)

    @property
    def accuracy(self) -> float | None:
        """Share of samples that were answered correctly."""
        return None if self.correct is None else self.correct / max(self.samples, 1)

    def rates(self) -> dict[str, float]:
        """Mean rate by population, Hz, of those that spike or can."""
        return {n: 1000.0 * float(s.mean()) / max(self.time, 1e-300) for n, s in self.spikes.items()}

    def hidden_rate(self) -> float:
        """Mean rate of the neurons that receive projections, Hz, without populations that never spike."""
        received = {p.target.name for p in (*self.network.projections, *self.network.graded)}
        mine = [s for n, s in self.spikes.items() if n in received and s.sum() > 0]
        return 1000.0 * float(np.concatenate(mine).mean()) / self.time if mine and self.time else 0.0

    def row(self) -> dict[str, Any]:
        """The entries of `History` for an epoch."""
        found: dict[str, Any] = {"loss": self.loss}
        if self.accuracy is not None:
            found["accuracy"] = self.accuracy
        return {**found, "gradient_norm": self.norms / max(self.batches, 1), "rate": self.hidden_rate(), **{f"rate {n}": r for n, r in self.rates().items()}}
