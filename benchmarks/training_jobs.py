"""The jobs of the training benchmark, as NumPy arrays that every program is given, and how each is measured."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Job:
    """Layers of leaky integrate-and-fire neurons, the spikes of the last one counted.

    Attributes:
        sizes: of the input and of each layer; recurrent: whether the last layer projects to itself.
        batch, steps: samples and time steps.
        rate: spikes of each input in a step.
        gain: scale of the weights, relative to 1 / √(sources · their rate); 0.1 is taken for that of hidden layers.
    """

    sizes: tuple[int, ...]
    batch: int
    steps: int
    rate: float
    recurrent: bool = False
    gain: float = 0.6

    def spikes(self) -> np.ndarray:
        """Input, bool[batch, steps, inputs]."""
        return np.random.default_rng(1).random((self.batch, self.steps, self.sizes[0])) < self.rate

    def weights(self) -> list[np.ndarray]:
        """float32[sources, targets] of each layer, then of the recurrent projection, in units of the distance to threshold."""
        draw = np.random.default_rng(2)
        pairs = [*zip(self.sizes[:-1], self.sizes[1:], strict=True), *([(self.sizes[-1],) * 2] if self.recurrent else [])]
        rates = [self.rate, *[0.1] * (len(pairs) - 1)]
        return [(draw.standard_normal(p) * self.gain / np.sqrt(p[0] * r)).astype("f") for p, r in zip(pairs, rates, strict=True)]


JOBS = {
    "one layer": Job((512, 512), 16, 500, 0.1),
    "recurrent": Job((700, 256), 8, 1000, 8000 / 700_000, recurrent=True, gain=0.4),
    "three layers": Job((64, 256, 256, 10), 128, 100, 0.1, gain=0.8),
}
"""Open Neuromorphic's benchmark; a recurrent layer on 8,000 spikes a sample (as of the Heidelberg digits); a classifier."""

DECAY = 0.9
"""Of the membrane in a step."""


def measured(simulator: str, job: str, step: Callable[[], float], turns: int = 7) -> None:
    """Time the value and gradient of one batch, and print what was found as JSON.

    Args:
        simulator: its name and version.
        job: name of the job.
        step: computes the gradient and returns the share of neuron-steps with a spike.
        turns: calls that are timed.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    rate = step()
    first = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    cpu, wall = [], []
    for _ in range(turns):
        c, w = time.process_time(), time.perf_counter()
        step()
        cpu.append(1e3 * (time.process_time() - c))
        wall.append(1e3 * (time.perf_counter() - w))
    found: dict[str, Any] = {"simulator": simulator, "job": job, "cpu_ms": min(cpu), "wall_ms": min(wall), "cpu_ms_all": cpu, "first_s": first, "peak_mb": peak / 1e3, "rate": rate}
    sys.stdout.write(json.dumps(found) + "\n")
