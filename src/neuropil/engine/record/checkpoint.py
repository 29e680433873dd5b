"""Checkpoints: the whole state of a simulation in one small HDF5 file, written so that a kill never spoils it.

Synapses without states follow from the description and the seed and are not stored; spikes in flight are stored
as the spikes that sent them. Nothing in the file depends on the number of threads, so a run may wake on another machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import h5py

from neuropil.engine.record.fingerprint import parts
from neuropil.engine.record.recorder import Marks
from neuropil.engine.saved import Arrays
from neuropil.errors import CheckpointError, ResultError
from neuropil.plan.plan import Plan
from neuropil.result.folder import CHECKPOINT_FILE
from neuropil.result.sealed import reading, writing
from neuropil.result.sonata import link, unlink

VERSION = 5


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        step: steps done.
        events: synaptic events so far.
        marks: how far the run has recorded.
        wall_seconds: time spent so far.
        saved: the arrays of each part of the simulation, by its name.
    """

    step: int
    events: int
    marks: Marks
    wall_seconds: float
    saved: dict[str, Arrays]


def save(path: Path, plan: Plan, checkpoint: Checkpoint) -> None:
    """Write a checkpoint: to a temporary name, made durable, then renamed over the old one.

    Args:
        path: of the file.

    Raises:
        CheckpointError: there is no folder for it, or another file has its name. StorageError: the system refused; the
            old checkpoint is as it was.
    """
    _require_free(path)
    with writing(path) as file:
        file.attrs["neuropil_checkpoint"] = VERSION
        file["parts"] = json.dumps(parts(plan))
        file["marks"] = json.dumps(checkpoint.marks._asdict())
        for name in ("step", "events", "wall_seconds"):
            file.attrs[name] = getattr(checkpoint, name)
        _write(file, {"saved": dict(checkpoint.saved)})


def _write(file: Any, arrays: Arrays) -> None:
    """Write arrays by name, in groups."""
    for name, value in arrays.items():
        if isinstance(value, dict):
            _write(file.create_group(link(name)), value)
        else:
            file[link(name)] = value


def _read(group: Any) -> Arrays:
    """Read what `_write` wrote."""
    return {unlink(name): _read(value) if isinstance(value, h5py.Group) else value[()] for name, value in group.items()}


def _require_free(path: Path) -> None:
    """Refuse to write over what is not a checkpoint."""
    if not path.parent.is_dir():
        raise CheckpointError("there is no folder for the checkpoint", got=str(path.parent), fix="make it first")
    if path.is_dir():
        raise CheckpointError("a checkpoint is a file", got=f"the folder {path}", fix=f"name a file, such as {path / CHECKPOINT_FILE}")
    if path.exists() and path.name != CHECKPOINT_FILE:
        try:
            with h5py.File(path, "r") as file:
                known = "neuropil_checkpoint" in file.attrs
        except (OSError, RuntimeError):
            known = False
        if not known:
            raise CheckpointError("the checkpoint would replace another file", got=str(path), fix="choose another name, or remove the file")


def load(path: Path, plan: Plan) -> Checkpoint:
    """The checkpoint in the file at `path`, if it is of this very network.

    Raises:
        CheckpointError: absent, damaged, or of another network, seed, step or precision.
    """
    if not path.is_file():
        raise CheckpointError("there is no checkpoint", got=str(path), fix="run with --checkpoint-every, or leave --resume out")
    try:
        with reading(path) as file:
            if file.attrs.get("neuropil_checkpoint") != VERSION:
                raise CheckpointError("not a checkpoint of this version of neuropil", got=str(path))
            _require_same(path, json.loads(file["parts"][()]), parts(plan))
            marks: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(file["marks"][()]).items()}
            saved = cast("dict[str, Arrays]", _read(file["saved"]))
            return Checkpoint(int(file.attrs["step"]), int(file.attrs["events"]), Marks(**marks), float(file.attrs["wall_seconds"]), saved)
    except ResultError as error:
        raise CheckpointError(
            "the checkpoint cannot be read", got=f"{path}: {error.got or error.what}", expected="a checkpoint as neuropil wrote it",
            fix="resume from a copy of it, or start anew",
        ) from error  # fmt: skip


def _require_same(path: Path, then: dict[str, str], now: dict[str, str]) -> None:
    """Say what differs between the description of a checkpoint and the present one."""
    plain = ("dt", "seed", "precision", "weights")
    changed = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    if any(name not in then or name not in now for name in changed):  # then the order differs anyway
        changed = [name for name in changed if not name.startswith("the order")]
    told = [
        f"{name} is {now[name]}, was {then[name]}" if name in plain else f"{name} is new" if name not in then
        else f"{name} is gone" if name not in now else f"{name} changed"
        for name in changed
    ]  # fmt: skip
    if told:
        raise CheckpointError(
            f"the checkpoint belongs to another network: {path}", got="; ".join(told),
            expected="the same description, seed, dt and precision as when it was written",
            fix="run with the options of the first run, or start anew. To try several inputs from one state, describe them all from the start, "
            "at amplitude 0, and set them after resuming (Simulation.set_drive)",
        )  # fmt: skip
