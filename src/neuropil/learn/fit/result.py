"""What a training leaves: the network with trained values, its history, and what can be done with both."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.data.dataset import Dataset
from neuropil.learn.fit.history import History
from neuropil.learn.fit.loop import EVALUATION, evaluated
from neuropil.learn.fit.objective import Objective
from neuropil.learn.fit.settings import Settings
from neuropil.model.network.network import Network
from neuropil.model.network.save import save_described
from neuropil.registry import provided

if TYPE_CHECKING:
    from neuropil.learn.fit.agreement import Agreement
    from neuropil.learn.fit.cost import FitCost


class Scores(Mapping[str, float]):
    """What an evaluation found: "loss", "accuracy" (where there are right answers), "samples", "rate" and "rate population" (Hz).

    Args:
        values: by name.
    """

    def __init__(self, values: dict[str, float]):
        self._values = values

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> float:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"no {name!r} was measured: {', '.join(self._values)}")
        return self._values[name]

    def __repr__(self) -> str:
        return "Scores(" + ", ".join(f"{n}={v:.4g}" for n, v in self._values.items()) + ")"


class Fit:
    """A trained network.

    Args:
        network: the description with the trained values; it runs on the engine, is saved and loaded, and goes on learning.
        history: of the epochs.
        settings: of the training.
        batch: samples of a step, also of evaluations.
        facts: what else there is to say of it, in the types of JSON: "backend", "backend_why", "epochs", "best_epoch", "stopped", "trained", "rates", "duration".

    Attributes:
        network, history, settings, batch, facts: as given.
        folder: where the training has written its files; None: nowhere.
    """

    folder: Path | None = None

    def __init__(self, network: Network, history: History, settings: Settings, batch: int | None, facts: dict[str, Any]):
        self.network, self.history, self.settings, self.batch, self.facts = network, history, settings, batch, facts

    def __repr__(self) -> str:
        return f"Fit({self.network.name!r}, {self.history!r})"

    def evaluate(self, data: Any, *, batch: int | None = None) -> Scores:
        """Measure the loss and the share of right answers, with the trained values.

        Args:
            data: as of `fit`.
            batch: samples at once; None: as in training.

        Returns:
            Numbers by name, also as attributes: `scores["accuracy"]` or `scores.accuracy`.

        Raises:
            ModelError: data that do not fit.
        """
        samples = Dataset(data)
        rollout, size = self._objective.rollout, (batch or self.batch or 64) if samples.in_memory else None
        tally = evaluated(self._objective, rollout.parameters, rollout.initial(), samples, size, "jax")
        row = tally.row()
        del row["gradient_norm"]
        return Scores({**{k: float(v) for k, v in row.items()}, "samples": float(tally.samples)})

    def predict(self, x: Any, *, batch: int | None = None) -> np.ndarray:
        """The outputs for samples, [samples, outputs]: `argmax(axis=1)` is the class.

        Args:
            x: samples, as of `fit`.
            batch: samples at once; None: as in training.

        Raises:
            ModelError: samples that do not fit.
        """
        found = []
        for chunk in self._samples(x).chunks(batch or self.batch or 64, None):
            made = self._objective.batch(chunk, EVALUATION)
            found.append(np.asarray(self._respond(made, outputs=True)))
        return np.concatenate(found)

    def run(self, x: Any, **options: Any) -> list[Any]:
        """Run the trained network on the engine, once for each sample.

        Args:
            x: samples, as of `fit`.
            options: of `neuropil.run`; precision and one thread as in training if not given.

        Returns:
            A `Result` for each.

        Raises:
            ModelError: samples that do not fit.
        """
        from neuropil.learn.fit.agreement import simulated

        return simulated(self.network, self._objective, self._samples(x).first(), EVALUATION, **options)

    def agreement(self, x: Any) -> Agreement:
        """How far the engine agrees with the rollout that was trained, spike for spike.

        Args:
            x: some samples, as of `fit`.

        Raises:
            ModelError: samples that do not fit.
        """
        from neuropil.learn.fit.agreement import compared

        chunk = self._samples(x).first()
        return compared(self.network, self._objective, chunk, self._respond(self._objective.batch(chunk, EVALUATION), outputs=False), EVALUATION)

    def with_precision(self, precision: str) -> Fit:
        """The same with another precision, for evaluations and for `agreement`.

        Args:
            precision: "float32" or "float64".

        Raises:
            ModelError: another one.
        """
        if precision not in ("float32", "float64"):
            raise ModelError("unknown precision", got=precision, expected="'float32' or 'float64'")
        return Fit(self.network, self.history, dataclasses.replace(self.settings, precision=precision), self.batch, self.facts)

    def cost(self) -> FitCost:
        """Operations, bytes and joules of one inference, event-driven at the rates of the last epoch, and dense."""
        from neuropil.learn.fit.cost import inference_cost

        return inference_cost(self.network, self.facts["rates"], self.settings.dt, self.facts["duration"], self.settings.precision)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to a file, which `neuropil.load_fit` reads; `neuropil.load_network` reads the network from it.

        Args:
            path: of the file; one that exists is replaced.

        Returns:
            The path.

        Raises:
            NetworkError: something that cannot be written as data, named; nothing is written then. StorageError: the system refused.
        """
        training = {"rows": self.history.rows, "warnings": self.history.warnings, "batch": self.batch, "facts": self.facts}
        return save_described(self.network.name, {"network": self.network, "settings": self.settings, "training": training}, path)

    def report(self, path: str | os.PathLike[str] = "report.html") -> Path:
        """Write a page with learning curve, warnings, activity and cost: one self-contained file.

        Args:
            path: of the file, or a folder to put `report.html` into.

        Returns:
            The path of the file.
        """
        written: Path = provided("training report").write_training(self, path)
        return written

    # --- compiled when it is first wanted ----------------------------------------------------------------------------------

    @cached_property
    def _objective(self) -> Objective:
        return Objective(self.network, self.settings)

    @cached_property
    def _outputs(self) -> Any:
        objective = self._objective

        def outputs(inputs: Any) -> Any:
            rollout = objective.rollout
            return objective.settings.loss.outputs(objective.respond(rollout.parameters, rollout.initial(), inputs, "jax"))

        return jax.jit(outputs)

    def _respond(self, batch: Any, outputs: bool) -> Any:
        objective = self._objective
        with objective.x64:
            if outputs:
                return self._outputs(batch.inputs)
            return objective.respond(objective.rollout.parameters, objective.rollout.initial(), batch.inputs, "jax")

    def _samples(self, x: Any) -> Dataset:
        if isinstance(x, Dataset):
            return x
        count = len(next(iter(x.values()))) if isinstance(x, Mapping) and x else len(getattr(x, "value", x)) if hasattr(getattr(x, "value", x), "__len__") else 0
        return Dataset((x, np.zeros(count, np.int32)))
