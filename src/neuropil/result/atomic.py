"""Files that are either the old one or the new one, whatever happens in between; and JSON that shows when it was changed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.errors import ResultError, storage_error

INTEGRITY = "integrity"
"""The key of a JSON file under which its checksum, and those of the files that belong to it, stand."""
SUFFIX = ".partial"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to; on leaving without an error it is made durable and takes the place of `path`.

    Raises:
        StorageError: the system refused; the old file, if there was one, is as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{SUFFIX}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise storage_error(error, f"cannot write {path}") from error
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises:
        StorageError: it cannot be made.
        ResultError: a file has this name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ResultError("results need a folder", got=f"the file {folder}", fix="choose another folder") from error
    except OSError as error:
        raise storage_error(error, f"cannot make the folder {folder}") from error


def remove_temporaries(folder: Path) -> None:
    """Remove what killed writers left in a folder that no other process writes to."""
    with suppress(OSError):
        for path in folder.glob(f".*{SUFFIX}"):
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable, where the system can."""
    with suppress(OSError):  # Windows cannot open a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_json(path: Path, value: Mapping[str, Any], files: Mapping[str, str] | None = None) -> None:
    """Write strict JSON: NumPy numbers and arrays become plain ones, NaN and infinities become null.

    Args:
        path: the file.
        value: what to write; the key "integrity" is added to it.
        files: seals of the files that belong to this one, by name; see `read_bound`.
    """
    content = plain({key: item for key, item in value.items() if key != INTEGRITY})
    names = dict(files or {})
    sealed = {**content, INTEGRITY: {"checksum": _checksum(content, names), "files": names}}
    text = json.dumps(sealed, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object that `write_json` wrote to the file at `path`.

    Raises:
        ResultError: it cannot be read, or it is not as it was written.
    """
    return read_bound(path)[0]


def read_bound(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """As `read_json`, with the seals of the files that belong to this one, by name.

    Args:
        path: of the file.

    Raises:
        ResultError: it cannot be read, or it is not as it was written.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(f"cannot read {path}", got=str(error), expected="a JSON file") from error
    if not isinstance(value, dict):
        raise ResultError(f"cannot use {path}", got=type(value).__name__, expected="a JSON object")
    integrity = value.pop(INTEGRITY, None)
    if not isinstance(integrity, dict) or not isinstance(integrity.get("files"), dict):
        raise ResultError(
            f"{path} carries no checksum", expected=f"an entry {INTEGRITY!r}, as neuropil writes it",
            fix="restore the file: it is damaged, was changed, or is of an older version of neuropil",
        )  # fmt: skip
    files = {str(name): str(seal) for name, seal in integrity["files"].items()}
    if integrity.get("checksum") != _checksum(value, files):
        raise ResultError(
            f"{path} is not as neuropil wrote it", got="a content that does not match its checksum",
            fix="restore the file from a copy: it is damaged, or was changed by hand",
        )  # fmt: skip
    return value, files


def _checksum(content: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """Of what a JSON file says, whatever its layout."""
    text = json.dumps([content, files], sort_keys=True, allow_nan=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def plain(value: Any) -> Any:
    """The value in the types that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return str(value)
