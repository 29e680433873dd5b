"""`fit`: train a network on data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.data.dataset import Dataset
from neuropil.learn.fit import checkpoint
from neuropil.learn.fit.backends import chosen_backend
from neuropil.learn.fit.checkpoint import State
from neuropil.learn.fit.health import gradient_norms, gradient_warnings, raise_warnings, surrogate_warnings
from neuropil.learn.fit.history import History
from neuropil.learn.fit.loop import Loop, batches, evaluated
from neuropil.learn.fit.objective import Objective
from neuropil.learn.fit.observed import Observed
from neuropil.learn.fit.optimiser import label_of, optimiser_of
from neuropil.learn.fit.progress import Progress
from neuropil.learn.fit.result import Fit
from neuropil.learn.fit.settings import settings_of, trainables
from neuropil.learn.fit.starts import check_starts, drawn_starts, values_at
from neuropil.learn.fit.trainer import Trainer
from neuropil.learn.methods.method import Method
from neuropil.learn.trainable import FreeParameters, longest_delays
from neuropil.model.network.network import Network
from neuropil.units import ms

CHECKED = 8
"""Samples of the diagnosis before a training."""


def fit(
    network: Network,
    data: Any,
    *,
    loss: Any = "cross_entropy",
    optimizer: Any = "adam",
    epochs: int = 10,
    batch: int | None = 32,
    method: str | Method = "bptt",
    backend: str = "auto",
    seed: int = 1,
    out: str | os.PathLike[str] | None = None,
    progress: Any = None,
    input: Any = None,
    encoder: Any = None,
    augment: Any = None,
    trainable: Any = None,
    regularisers: Any = (),
    learning_rate: Any = None,
    clip: float | None = None,
    dropout: Any = None,
    average: float | None = None,
    validation: Any = None,
    patience: int | None = None,
    keep: str = "last",
    surrogate: Any = None,
    reset_gradient: bool = False,
    scale: Any = None,
    dt: Any = 1 * ms,
    precision: str = "float32",
    chunk: int | None = None,
    resume: bool = True,
    checks: bool = True,
    starts: int = 1,
) -> Fit:
    """Train a network by gradient.

    Samples enter at `input`, the loss reads the output, and what `trainable` names is changed so that the loss falls. The description given is left as it is; that
    with the trained values is `Fit.network`.

    Args:
        network: the description.
        data: (x, y): arrays, or `npl.data.SpikeEvents` for x, or a dict of them by input; or batches (x, y) that can be iterated again and again. x is [samples, steps,
            neurons], events or currents in every step, or with an encoder [samples, ...]; y as the loss wants it.
        loss: one of `npl.losses`, or "cross_entropy" (of the maximum of the output's first state; labels), "spike_rate", "van_rossum", "trace_error".
        optimizer: of optax, or the name of one. Free numbers are about 1 at the start (values over the root mean square of their kind), so a rate of 0.01
            moves weights by about 1 % a step, whatever their unit.
        epochs: how often all samples are seen, in all (with those before a resumption).
        batch: samples of a step; data that come in batches are taken as they come.
        method: how gradients are computed: "bptt", backpropagation through time; "truncated", "forward", "eprop", "eventprop", or one of `npl.methods` with
            its options.
        backend: "jax", on any device; "native", compiled kernels; "auto": native where it can and no modulator ticks at every step. `Fit.facts["backend"]` says which it was,
            `Fit.facts["backend_why"]` why.
        seed: of every random number: synapses, starting states, order of samples, encoders, stimuli.
        out: folder for checkpoints after every epoch, and for the trained network and a report at the end.
        progress: True or False, or a function of each epoch's row; None: a line, on a terminal.
        input: "population", "population.port" or "population.input"; with several inputs a dict of them. None: the population "input", or the only one that nothing drives.
        encoder: an `npl.data.Encoder`, or a dict of them by input.
        augment: an `npl.data.Augmentation` or several in a list, or a dict of such by input: changes samples at random in every epoch, not in evaluations.
        trainable: names or `npl.Trainable` objects: a projection's name stands for its weights, "population.parameter" and "projection.parameter" for the parameter.
            None: all weights.
        regularisers: of activity, such as `npl.losses.RateBounds(high=50)`.
        learning_rate: a number or a schedule of optax, if the optimiser is given by its name.
        clip: largest norm of the gradient.
        dropout: population -> chance, 0 to below 1, that a neuron is cut off from its targets in a step of the optimiser.
        average: decay d of a moving average of the trained values over about 1 / (1 - d) steps, with which the network is validated and returned; None: the values of
            the last step.
        validation: data as above, or a part of the samples (0 to 1), which is drawn by the seed.
        patience: epochs without a lower loss (of the validation data, if there are any) after which training ends.
        keep: "last": the values at the end; "best": those of the epoch with the lowest loss.
        surrogate, reset_gradient, scale: the gradient of spikes, as of `npl.Rollout`; None: `SURROGATE`, a triangle that reaches half of the way from rest to
            threshold.
        dt: time step.
        precision: "float32" or "float64".
        chunk: steps between stored states, which saves memory; as of `npl.Rollout`.
        resume: go on from the checkpoint in `out`, if there is one; it ends with the same bits as a training that was not interrupted.
        checks: look at gradients and surrogates before the first step, and warn (`TrainingWarning`).
        starts: how many trainings there are, against local minima: the first from the description's values, the others from values drawn between the bounds of
            `npl.Trainable`. The one with the lowest loss at the end (of the validation data, if there are any) is returned; `Fit.facts["starts"]` has the loss and the values of each.

    Returns:
        The trained network, its history, and what can be done with them.

    Raises:
        NeuropilError: whatever is wrong with the description, the data or the options; SimulationError: something became NaN or infinite, named;
            CheckpointError: the folder holds another training.

    Example:
        >>> fitted = npl.fit(network, (x, y), encoder=npl.data.LatencyEncoder(100 * ms), epochs=20)
        >>> fitted.evaluate((x_test, y_test)).accuracy
    """
    if not isinstance(network, Network):
        raise ModelError("fit trains a Network", got=network, expected="a description", fix="fit(fitted.network, ...) goes on learning" if isinstance(network, Fit) else None)
    count = check_starts(starts)
    _check_options(epochs, batch, patience, keep, resume=resume, checks=checks, out=out)
    samples = Dataset(data)
    samples, held = _validation(samples, validation, seed)
    settings = settings_of(
        network, samples.first(), loss=loss, regularisers=regularisers, input=input, encoder=encoder, dt=dt, seed=seed, surrogate=surrogate,
        reset_gradient=reset_gradient, scale=scale, precision=precision, chunk=chunk, backend=backend, method=method, augment=augment, dropout=dropout,
    )  # fmt: skip
    chosen = trainables(network, trainable)
    optimiser, _ = optimiser_of(optimizer, learning_rate, clip, average), Progress(progress, epochs)  # both checked before anything is compiled
    objective = Objective(network, settings, delays=longest_delays(network, chosen))
    free = FreeParameters(objective.rollout, chosen)
    size = None if not samples.in_memory else min(batch or 32, samples.size or 1)
    used, why = chosen_backend(objective, free, settings)
    trainer = Trainer(objective, free, optimiser, used)
    folder = None if out is None else Path(out)
    options = {"batch": size, "clip": clip, "average": average, "optimizer": label_of(optimizer, learning_rate), "constraints": [one.constraint for one in chosen]}
    for one in (samples, *([] if held is None else [held])):
        _check_samples(objective, one)

    def trained(k: int, start: Any) -> State:
        """The training from one of the starts."""
        place = folder if folder is None or count == 1 else folder / f"start {k}"
        fingerprint = {} if place is None else checkpoint.fingerprint_of(network, settings, start, samples, held, **options)
        begun, memory = trainer.start(start)
        state = State(begun, memory, 0, [], [], start, float("inf"), -1)
        if place is not None and resume:
            state = checkpoint.read(place, state, fingerprint) or state
        if checks and state.epoch == 0 and epochs > 0 and k == 0:
            state.warnings += _diagnosed(network, trainer, samples, size)
        shown = Progress(progress, epochs, state.epoch)
        return Loop(trainer, samples, held, size, patience, place, fingerprint, shown).run(state, epochs)

    ends = [trained(k, start) for k, start in enumerate(drawn_starts(free, count, settings.seed))]
    finals = [state.best if keep == "best" else trainer.outcome(state.free, state.memory) for state in ends]
    losses = [0.0] if count == 1 else [_loss(trainer, final, held or samples, size) for final in finals]
    lowest = int(np.nanargmin(losses))
    state, final = ends[lowest], finals[lowest]
    facts = _facts(trainer, final, samples, size, state, epochs, used, why)
    if count > 1:
        facts["starts"] = [{"loss": loss, "values": values_at(free, at)} for loss, at in zip(losses, finals, strict=True)]
    made = Fit(free.network(final), History(state.rows, state.warnings), settings, size, facts)
    if folder is not None:
        made.folder = folder
        made.save(folder / "fit.h5")
        made.report(folder / "report.html")
    return made


def _check_options(epochs: Any, batch: Any, patience: Any, keep: Any, *, out: Any, **flags: Any) -> None:
    """Refuse what is none of the options' values."""
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 0:
        raise ModelError("epochs must be a whole number", got=epochs)
    for name, value in (("batch", batch), ("patience", patience)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1):
            raise ModelError(f"{name} must be a whole number from 1 on", got=value)
    if keep not in ("last", "best"):
        raise ModelError("keep is unknown", got=keep, expected="'last' or 'best'")
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ModelError(f"{name} must be True or False", got=value)
    if out is not None and not isinstance(out, (str, os.PathLike)):
        raise ModelError("out must be a folder", got=out)


def _validation(samples: Dataset, given: Any, seed: Any) -> tuple[Dataset, Dataset | None]:
    if given is None:
        return samples, None
    if isinstance(given, (int, float, np.number)) and not isinstance(given, bool):
        if not 0.0 < given < 1.0:
            raise ModelError("validation must be data, or a part of the samples between 0 and 1", got=given)
        return samples.divided(float(given), int(seed) if isinstance(seed, (int, np.integer)) and seed >= 0 else 0)
    return samples, Dataset(given, "validation")


def _check_samples(objective: Objective, samples: Dataset) -> None:
    """Refuse samples and targets that do not fit, of data in memory all, else of the first batch."""
    example = samples.first()
    shape = objective.output_shape(objective.batch(samples.some(1), 1))
    objective.targets(example, shape)


def _loss(trainer: Trainer, final: Any, samples: Dataset, size: int | None) -> float:
    """The loss of some samples with free numbers `final`."""
    objective = trainer.objective
    with objective.x64:
        parameters, start = trainer.free.rounded(final)
    return evaluated(objective, parameters, start, samples, size, trainer.backend).loss


def _diagnosed(network: Network, trainer: Trainer, samples: Dataset, size: int | None) -> list[str]:
    """Warnings about gradients and surrogates, from a few samples at the start."""
    batch = next(batches(trainer.objective, samples, min(size or CHECKED, CHECKED) if samples.in_memory else None, 1))
    with trainer.objective.x64:
        parameters, state = trainer.free.values(trainer.free.start)
    found = gradient_warnings(gradient_norms(trainer, trainer.free.start, batch), trainer.objective.rollout.network)
    found += surrogate_warnings(Observed(network, trainer.objective, trainer.objective.delays), batch, parameters, state)[0]
    raise_warnings(found)
    return found


def _facts(trainer: Trainer, final: Any, samples: Dataset, size: int | None, state: State, epochs: int, backend: str, why: str) -> dict[str, Any]:
    """What is said of a training beside its history."""
    objective = trainer.objective
    if state.rows:
        rates = {name: state.rows[-1][f"rate {name}"] for name in objective.rollout.network.populations}
    else:
        with objective.x64:
            parameters, start = trainer.free.rounded(final)
        rates = evaluated(objective, parameters, start, samples, size, backend).rates()
    steps = objective.batch(samples.some(1), 1).inputs["step"]
    return {
        "backend": backend, "backend_why": why, "epochs": state.epoch, "asked": epochs, "best_epoch": state.best_epoch, "stopped": state.epoch < epochs,
        "trained": {label: int(np.size(x)) for label, x in jax.tree.map(np.asarray, trainer.free.start).items()}, "rates": rates,
        "duration": len(steps) * objective.settings.dt,
    }  # fmt: skip
