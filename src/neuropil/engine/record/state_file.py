"""The file of a state: what is described of it, and its arrays, in one sealed HDF5 file, written so that a kill never spoils it.

    /described        JSON: what decides how a run goes on, by name, and numbers
    /saved/...        arrays in groups, as the parts of a simulation saved them
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py

from neuropil.engine.saved import Arrays
from neuropil.errors import CheckpointError, ResultError
from neuropil.result.folder import CHECKPOINT_FILE
from neuropil.result.sealed import reading, writing
from neuropil.result.sonata import link, unlink

VERSION = 7


def write(path: Path, described: dict[str, Any], saved: dict[str, Arrays]) -> None:
    """Write a state: to a temporary name, made durable, then renamed over the old one.

    Args:
        path: of the file.
        described: in the types of JSON.
        saved: the arrays of each part.

    Raises:
        CheckpointError: there is no folder for it, or another file has its name. StorageError: the system refused; the old file is as it was.
    """
    _require_free(path)
    with writing(path) as file:
        file.attrs["neuropil_checkpoint"] = VERSION
        file["described"] = json.dumps(described)
        _write(file, {"saved": dict(saved)})


def read(path: Path) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """What `write` wrote.

    Args:
        path: of the file, or of the folder of a run with a checkpoint.

    Raises:
        CheckpointError: absent, damaged, or of another version.
    """
    path = path / CHECKPOINT_FILE if path.is_dir() else path
    if not path.is_file():
        raise CheckpointError("there is no checkpoint", got=str(path), fix="run with --checkpoint-every, or leave --resume out")
    try:
        with reading(path) as file:
            if file.attrs.get("neuropil_checkpoint") != VERSION:
                raise CheckpointError("not a checkpoint of this version of neuropil", got=str(path), fix="start anew")
            return json.loads(file["described"][()]), _read(file["saved"])
    except ResultError as error:
        raise CheckpointError(
            "the checkpoint cannot be read", got=f"{path}: {error.got or error.what}", expected="a checkpoint as neuropil wrote it",
            fix="resume from a copy of it, or start anew",
        ) from error  # fmt: skip


def _write(file: Any, arrays: Arrays) -> None:
    """Write arrays by name, in groups."""
    for name, value in arrays.items():
        if isinstance(value, dict):
            _write(file.create_group(link(name)), value)
        else:
            file[link(name)] = value


def _read(group: Any) -> Any:
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
