"""The jobs of the training benchmark, as NumPy arrays that every program is given, and how each is measured."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
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


def _memory(field: str) -> float:
    """A line of /proc/self/status, MB."""
    return next(float(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)) / 1e3


def measured(simulator: str, job: str, make: Callable[[Job], Callable[[], float]], turns: int = 7, seconds: float = 2.5) -> None:
    """Time the value and gradient of one batch, and print what was found as JSON.

    Memory is what the first call of the job adds at its highest to a process that has run a job of two steps and one sample: libraries are loaded by then.

    Args:
        simulator: its name and version.
        job: name of the job.
        make: of a job what computes the gradient and returns the share of neuron-steps with a spike.
        turns: calls that are timed; fewer, but two at least, once they took `seconds`.
    """
    make(replace(JOBS[job], batch=1, steps=2))()
    step = make(JOBS[job])
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the highest memory starts anew
    before, start = _memory("VmRSS"), time.perf_counter()
    rate = step()
    first, peak = time.perf_counter() - start, _memory("VmHWM") - before
    cpu: list[float] = []
    wall: list[float] = []
    while len(cpu) < 2 or (len(cpu) < turns and sum(wall) < 1e3 * seconds):
        c, w = time.process_time(), time.perf_counter()
        step()
        cpu.append(1e3 * (time.process_time() - c))
        wall.append(1e3 * (time.perf_counter() - w))
    found: dict[str, Any] = {"simulator": simulator, "job": job, "cpu_ms": min(cpu), "wall_ms": min(wall), "cpu_ms_all": cpu, "first_s": first, "peak_mb": peak, "rate": rate}
    sys.stdout.write(json.dumps(found) + "\n")
