"""The epochs of a training: batches in an order that seed and epoch determine, validation, early stopping, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from neuropil.learn.data.dataset import Dataset, shuffled
from neuropil.learn.data.entries import EVALUATION
from neuropil.learn.fit import checkpoint
from neuropil.learn.fit.checkpoint import State
from neuropil.learn.fit.diverged import refuse
from neuropil.learn.fit.health import activity_warnings, raise_warnings
from neuropil.learn.fit.objective import Batch, Objective
from neuropil.learn.fit.progress import Progress
from neuropil.learn.fit.tally import Tally
from neuropil.learn.fit.trainer import Trainer


@dataclass
class Loop:
    """A training that goes from epoch to epoch.

    Attributes:
        trainer: its compiled parts.
        data, validation: samples.
        batch: samples of a step; None: as the data come.
        patience: epochs without a better loss after which it ends; None: it does not.
        folder, fingerprint: where checkpoints are written, and what they belong to.
        progress: shows where it is.
    """

    trainer: Trainer
    data: Dataset
    validation: Dataset | None
    batch: int | None
    patience: int | None
    folder: Path | None
    fingerprint: dict[str, Any]
    progress: Progress

    def run(self, state: State, epochs: int) -> State:
        """Train up to so many epochs, counted from the start.

        Args:
            state: where it stands.
            epochs: in all.

        Returns:
            Where it stands then.

        Raises:
            SimulationError: something became NaN or infinite, named.
        """
        while state.epoch < epochs and not self._enough(state):
            began = time.perf_counter()
            state, tally = self._epoch(state)
            outcome = self.trainer.outcome(state.free, state.memory)
            row = tally.row()
            watched = tally.loss
            if self.validation is not None:
                with self.trainer.objective.x64:
                    parameters, start = self.trainer.free.rounded(outcome)
                measured = evaluated(self.trainer.objective, parameters, start, self.validation, self.batch, self.trainer.backend)
                row["validation_loss"] = watched = measured.loss
                if measured.accuracy is not None:
                    row["validation_accuracy"] = measured.accuracy
            row["seconds"] = time.perf_counter() - began
            state.rows.append(row)
            known = {text.partition(":")[0] for text in state.warnings}
            fresh = [text for text in activity_warnings(self.trainer.objective.rollout, tally) if text.partition(":")[0] not in known]
            state.warnings += fresh
            raise_warnings(fresh)
            if not math.isfinite(state.best_loss) or watched < state.best_loss:
                state.best, state.best_loss, state.best_epoch = outcome, watched, state.epoch
            state.epoch += 1
            if self.folder is not None:
                checkpoint.write(self.folder, state, self.fingerprint)
            self.progress.epoch(state.epoch - 1, row)
        return state

    def _enough(self, state: State) -> bool:
        return self.patience is not None and state.best_epoch >= 0 and state.epoch - 1 - state.best_epoch >= self.patience

    def _epoch(self, state: State) -> tuple[State, Tally]:
        objective = self.trainer.objective
        tally = Tally(objective.rollout.network, objective.settings.dt)
        size, free, memory = self.data.size, state.free, state.memory
        order = None if size is None else shuffled(size, objective.settings.seed, "order", state.epoch)
        for number, batch in enumerate(batches(objective, self.data, self.batch, state.epoch + 1, order)):
            after, memory, seen = self.trainer.step(free, memory, batch, self.trainer.dropout.factors(state.epoch, number))
            if not (np.isfinite(seen["value"]) and all(np.isfinite(n) for n in seen["norms"].values())):
                refuse(self.trainer, free, batch, seen, state.epoch)
            free = after
            tally.add(batch, seen)
            self.progress.batch(state.epoch, 0.0 if size is None else tally.samples / size, tally.loss)
        kept = jax.tree.map(np.asarray, (free, memory))
        return State(kept[0], kept[1], state.epoch, state.rows, state.warnings, state.best, state.best_loss, state.best_epoch), tally


def batches(objective: Objective, data: Dataset, size: int | None, epoch: int, order: Any = None) -> Iterator[Batch]:
    """The samples batch by batch, all filled up to the size of the first, so that one program serves all.

    Args:
        objective: that reads them.
        data: the samples.
        size: of a batch; None: as the data come.
        epoch: keys what is drawn.
        order: int64[samples], of samples in memory.

    Raises:
        ModelError: samples or targets that do not fit.
    """
    full, outputs = size, None
    for chunk in data.chunks(size, order):
        count = len(chunk.target)
        full = max(count, full or count)
        if size is not None and data.size is not None:
            full = min(size, data.size)
        batch = objective.batch(chunk, epoch, full)
        if outputs is None:
            outputs = objective.output_shape(batch)
        target = objective.targets(chunk, outputs).target
        rows = np.minimum(np.arange(len(batch.counts)), count - 1)
        yield Batch(batch.inputs, target[rows], batch.counts, batch.numbers)


def evaluated(objective: Objective, parameters: Any, state: Any, data: Dataset, size: int | None, backend: str) -> Tally:
    """What an evaluation sums up.

    Args:
        objective: of the training.
        parameters, state: as of `Rollout.apply`.
        data: the samples.
        size: of a batch.
        backend: "jax" or "native".
    """
    tally = Tally(objective.rollout.network, objective.settings.dt)
    for batch in batches(objective, data, size, EVALUATION):
        tally.add(batch, objective.measure(parameters, state, batch, backend))
    return tally
