"""The trained network on the engine: its response to samples, and how far it agrees with the rollout that was trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.engine import run
from neuropil.learn.data.dataset import Chunk
from neuropil.learn.fit.objective import Objective
from neuropil.learn.fit.presented import presented
from neuropil.learn.losses.response import Response
from neuropil.model.network.network import Network
from neuropil.model.network.replace import duplicate
from neuropil.units import ms


@dataclass(frozen=True)
class Agreement:
    """How far engine and rollout agree.

    Attributes:
        samples: how many were compared; same_spikes: how many had every spike of every population in the same step.
        spikes, other: of the rollout, and how many of either executor the other one does not have.
        same_answers: samples with the same largest output.
        largest_difference: of outputs.
        precision: of both.
    """

    samples: int
    same_spikes: int
    spikes: int
    other: int
    same_answers: int
    largest_difference: float
    precision: str

    def __str__(self) -> str:
        return (
            f"engine and rollout in {self.precision}: {self.same_spikes} of {self.samples} samples have the same spikes ({self.other} of {self.spikes} differ), "
            f"{self.same_answers} the same answer; outputs differ by at most {self.largest_difference:.3g}"
        )


def simulated(network: Network, objective: Objective, chunk: Chunk, epoch: int, **options: Any) -> list[Any]:
    """Results of the engine, one for each sample.

    Args:
        network: with trained values.
        objective: of the training: how samples enter, and what its loss needs recorded.
        chunk: the samples; epoch: keys what is drawn for them.
        options: of `neuropil.run`.
    """
    settings = objective.settings
    dense = {e: e.dense(chunk.values[e.key], settings.dt, settings.seed, epoch, chunk.numbers) for e in settings.entries}
    found = []
    for j, number in enumerate(chunk.numbers):
        one = presented(network, [(e, made[j]) for e, made in dense.items()], settings.dt)
        steps = next(iter(dense.values())).shape[1]
        one.probes = []
        for population, what in settings.loss.recorded():
            one.probe(one[population], what)
        seed = settings.seed if objective.shared(steps) is not None else objective.seed_of(epoch, int(number))
        found.append(run(one, steps * settings.dt * ms, dt=settings.dt * ms, seed=seed, **{"precision": settings.precision, "threads": 1, **options}))
    return found


def response_of(results: list[Any], network: Network, dt: float, steps: int) -> Response:
    """Results of the engine as what losses read.

    Args:
        results: one for each sample.
        network: that ran.
        dt: ms; steps: of a sample.
    """
    spikes = {n: np.zeros((len(results), steps, p.size), np.float32) for n, p in network.populations.items()}
    for j, result in enumerate(results):
        for name, array in spikes.items():
            mine = result.spikes.of(name)
            array[j, mine.step - 1, mine.neuron] = 1.0
    traces = {name: np.stack([np.asarray(r.traces[name].values) for r in results]) for name in results[0].traces}
    return Response(spikes, traces, dt)


def compared(network: Network, objective: Objective, chunk: Chunk, rolled: Response, epoch: int) -> Agreement:
    """Engine against rollout.

    Args:
        network: with trained values.
        objective: of the training.
        chunk: samples; epoch: keys what is drawn for them.
        rolled: the response of the rollout to them.
    """
    settings = objective.settings
    results = simulated(network, objective, chunk, epoch)
    steps = next(iter(rolled.spikes.values())).shape[1]
    engine = response_of(results, duplicate(network), settings.dt, steps)
    differs = {n: np.asarray(s) != engine.spikes[n] for n, s in rolled.spikes.items()}
    same = np.all([~d.any(axis=(1, 2)) for d in differs.values()], axis=0)
    with objective.x64:
        mine, theirs = np.asarray(settings.loss.outputs(rolled)), np.asarray(settings.loss.outputs(engine))
    answers = mine.reshape(len(mine), -1).argmax(axis=1) == theirs.reshape(len(theirs), -1).argmax(axis=1)
    return Agreement(
        len(mine), int(same.sum()), int(sum(np.asarray(s).sum() for s in rolled.spikes.values())), int(sum(d.sum() for d in differs.values())), int(answers.sum()),
        float(np.max(np.abs(mine - theirs), initial=0.0)), settings.precision,
    )  # fmt: skip
