"""The checkpoint of a training: all that the next epoch depends on, so that a resumed training ends with the same bits.

    /state           JSON: fingerprint, epoch, history, what early stopping has counted
    /arrays/0…       free numbers, the memory of the optimiser, the best free numbers so far, as the leaves of one tree

Order of samples, encoders and stimuli are functions of the seed and the epoch, so no generator is stored. It is written after each epoch to a
temporary name, made durable and renamed: a kill at any moment leaves the last one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from neuropil.errors import CheckpointError, ResultError
from neuropil.learn.data.dataset import Dataset
from neuropil.learn.data.events import SpikeEvents
from neuropil.learn.fit.settings import Settings
from neuropil.learn.methods.method import method_of
from neuropil.model.network.network import Network
from neuropil.model.network.save import digest_of_described
from neuropil.result.atomic import make_folder, plain
from neuropil.result.sealed import reading, writing
from neuropil.units import Quantity

FILE = "training.h5"
VERSION = 2

Tree = dict[str, Any]


@dataclass
class State:
    """Where a training stands between two epochs.

    Attributes:
        free, memory: free numbers, and the memory of the optimiser.
        epoch: epochs that are done.
        rows, warnings: of `History`.
        best: free numbers of the network after the best epoch so far; best_loss, best_epoch: its loss and number (-1: none).
    """

    free: Tree
    memory: Any
    epoch: int
    rows: list[dict[str, Any]]
    warnings: list[str]
    best: Tree
    best_loss: float
    best_epoch: int


def write(folder: Path, state: State, fingerprint: dict[str, Any]) -> None:
    """Write a checkpoint.

    Args:
        folder: that it stands in; made if it is missing.
        state: of the training.
        fingerprint: of what it belongs to.

    Raises:
        StorageError: the system refused; the old one is as it was.
    """
    make_folder(folder)
    leaves = jax.tree.leaves((state.free, state.memory, state.best))
    described = {
        "fingerprint": fingerprint, "epoch": state.epoch, "rows": state.rows, "warnings": state.warnings, "best_loss": state.best_loss, "best_epoch": state.best_epoch,
    }  # fmt: skip
    with writing(folder / FILE) as file:
        file.attrs["neuropil_training"] = VERSION
        file["state"] = json.dumps(described)
        for j, leaf in enumerate(leaves):
            file[f"arrays/{j}"] = np.asarray(leaf)


def read(folder: Path, like: State, fingerprint: dict[str, Any]) -> State | None:
    """The checkpoint of a folder; None: there is none.

    Args:
        folder: that it stands in.
        like: a state at the start, of the same training.
        fingerprint: of what it must belong to.

    Raises:
        CheckpointError: one that is damaged, or that belongs to another training.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    leaves, shape = jax.tree.flatten((like.free, like.memory, like.best))
    try:
        with reading(path) as file:
            if file.attrs.get("neuropil_training") != VERSION:
                raise CheckpointError("not a training of this version of neuropil", got=str(path), fix="choose another folder, or start anew with resume=False")
            described = json.loads(file["state"][()])
            arrays = [file[f"arrays/{j}"][()] for j in range(len(file["arrays"]))]
    except ResultError as error:
        raise CheckpointError("the training cannot be resumed", got=error.got or error.what, expected="a file as fit wrote it", fix="restore it from a copy, or start anew with resume=False") from error
    for name in dict.fromkeys((*fingerprint, *described["fingerprint"])):
        mine, theirs = plain(fingerprint.get(name)), described["fingerprint"].get(name)
        if mine != theirs:
            raise CheckpointError(
                f"the training in {folder} differs in {name}", got=mine, expected=theirs, fix="give the same arguments, or another folder, or start anew with resume=False"
            )
    if len(arrays) != len(leaves) or any(np.shape(a) != np.shape(b) for a, b in zip(arrays, leaves, strict=True)):
        raise CheckpointError(f"the training in {folder} is of another optimiser", got=f"{len(arrays)} arrays", expected=f"{len(leaves)} arrays", fix="give the same optimiser, or another folder")
    free, memory, best = jax.tree.unflatten(shape, [np.asarray(a, np.asarray(b).dtype) for a, b in zip(arrays, leaves, strict=True)])
    return State(free, memory, described["epoch"], described["rows"], described["warnings"], best, described["best_loss"], described["best_epoch"])


def fingerprint_of(network: Network, settings: Settings, free: Tree, data: Dataset, validation: Dataset | None, **options: Any) -> dict[str, Any]:
    """What decides the course of a training, by name, in the types of JSON.

    Args:
        network: that is trained.
        settings: of the training.
        free: free numbers at the start.
        data, validation: samples; those that come in batches are known by their kind alone.
        options: what else decides it, by name.

    Raises:
        NetworkError: the network or the settings cannot be written to a file, so that the training could not be saved at its end.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(free):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(free[name]).tobytes())
    return {
        "seed": settings.seed, "loss": repr(settings.loss), "regularisers": repr(settings.regularisers), "inputs": [[e.name, repr(e.encoder)] for e in settings.entries],
        "dt": settings.dt, "surrogate": repr(settings.surrogate), "reset_gradient": settings.reset_gradient, "scale": repr(settings.scale),
        "precision": settings.precision, "chunk": settings.chunk, "backend": settings.backend, "method": method_of(settings.method).label, **options,
        "augment": [[e.name, repr(e.augmentations)] for e in settings.entries if e.augmentations], "dropout": settings.dropout,
        "what is trained": digest.hexdigest(), "data": digest_of(data), "validation": None if validation is None else digest_of(validation),
        "network": digest_of_described(network.name, network), "settings": digest_of_described(network.name, settings),
    }  # fmt: skip


def digest_of(data: Dataset) -> str:
    """A digest of samples and targets, or what they come as.

    Args:
        data: the samples.
    """
    if not data.in_memory:
        return "batches"
    whole, digest = data.first(), hashlib.blake2b(digest_size=16)

    def add(values: Any) -> None:
        if isinstance(values, SpikeEvents):
            for array in (*values.times, *values.neurons):
                add(array)
        elif isinstance(values, Quantity):
            add(values.value)
        else:
            array = np.ascontiguousarray(values)
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.tobytes())

    for name in sorted(whole.values):
        add(whole.values[name])
    add(whole.target)
    return digest.hexdigest()
