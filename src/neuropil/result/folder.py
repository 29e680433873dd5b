"""A folder of results has one owner at a time, and no run replaces another unasked."""

from __future__ import annotations

import errno
import fnmatch
import json
import os
import platform
import re
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

from neuropil.errors import ResultError, storage_error
from neuropil.result.atomic import make_folder, remove_temporaries

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = ".lock"
SPIKES_FILE, TRACES_FILE, SUMMARY_FILE, CHECKPOINT_FILE = "spikes.h5", "traces.h5", "summary.json", "checkpoint.h5"
NETWORK_FILE = "network.h5"
BESIDE = ("raster.png", "curve.png", "report.html", NETWORK_FILE)
"""What the command line puts beside a run: pictures, and the network."""
_DATA = (
    SPIKES_FILE, TRACES_FILE, SUMMARY_FILE, "journal.json", "spikes.journal", "trace-*.json", "trace-*.journal", CHECKPOINT_FILE,
    "episodes.h5", "loop.json", "network-????????.h5", "episodes-????????.h5",
)  # fmt: skip


class FolderLock:
    """The right to write to a folder, which one run has at a time. The system ends it with the process, however it ends.

    Args:
        folder: made if absent; what killed writers left half-written in it is removed.

    Raises:
        ResultError: another run writes there, in this process or another. StorageError: the folder cannot be written.
    """

    def __init__(self, folder: Path):
        make_folder(folder)
        self.folder = folder
        path = folder / LOCK_FILE
        try:
            handle = _locked(path)
        except OSError as error:
            raise storage_error(error, f"cannot write to the folder {folder}") from error
        self._end = weakref.finalize(self, _release, handle, path, os.getpid())
        owner = {"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        with suppress(OSError):  # the lock holds without its text
            os.ftruncate(handle, 0)
            os.write(handle, json.dumps(owner).encode())
        remove_temporaries(folder)

    def release(self) -> None:
        """Let others write; a second call does nothing."""
        self._end()


def folder_path(folder: Any) -> Path:
    """The path of a folder in which a run is kept or read.

    Raises:
        ResultError: not a path.
    """
    if not isinstance(folder, (str, os.PathLike)) or isinstance(os.fspath(folder), bytes):
        raise ResultError("a run is kept in a folder, which its path names", got=repr(folder))
    return Path(folder)


def require_room(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that holds a run.

    Raises:
        ResultError: it does, and `overwrite` is false.
    """
    if not isinstance(overwrite, bool):
        raise ResultError("overwrite must be True or False", got=repr(overwrite))
    found = _found(folder, _DATA)
    if found and not overwrite:
        raise ResultError(
            f"{folder} already holds a run", got=", ".join(sorted(path.name for path in found)),
            fix="choose another folder, go on from its checkpoint (resume), or replace it (overwrite=True; --overwrite)",
        )  # fmt: skip


def clear(folder: Path) -> None:
    """Remove a run, its checkpoint, pictures and network from a folder; other files stay.

    Raises:
        StorageError: one of them cannot be removed.
    """
    try:
        # The summary and the header go first: what remains after a kill is then no result that anybody would read.
        for path in sorted(_found(folder, (*_DATA, *BESIDE)), key=lambda path: path.suffix != ".json"):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, f"cannot replace the run in {folder}") from error


def folder_name(name: str) -> str:
    """A name as that of one folder: letters, digits, spaces and -_.() stay, others become "_", and no dot comes first."""
    return re.sub(r"[^\w\-. ()]|^\.+", "_", name.strip())[:60].rstrip(" .") or "unnamed"


def _found(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise storage_error(error, f"cannot read the folder {folder}") from error
    return [folder / name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def _locked(path: Path) -> int:
    """A handle of the lock file, which no other process holds."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if _is_taken(handle, path):
                raise _taken(path)
            if path.exists() and os.fstat(handle).st_ino == path.stat().st_ino:
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its owner removed the file between our opening and locking it


def _is_taken(handle: int, path: Path) -> bool:
    """Lock the file, unless another does; where the system has no locks, its text decides."""
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return True
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
                raise
    owner = _owner(path)
    return bool(owner) and (owner.get("host") != platform.node() or _lives(owner.get("pid")))


def _lives(pid: Any) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, TypeError, ValueError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _owner(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _taken(path: Path) -> ResultError:
    owner = _owner(path)
    who = f"process {owner.get('pid', '?')} on {owner.get('host', '?')}, since {owner.get('since', '?')}"
    mine = owner.get("pid") == os.getpid() and owner.get("host") == platform.node()
    return ResultError(
        f"another run is writing to {path.parent}", got=f"{who} (this process)" if mine else who, expected="one writer to a folder",
        fix="close() the simulation that writes there, or choose another folder" if mine else "wait until it ends, or choose another folder",
    )  # fmt: skip


def _release(handle: int, path: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child shares the lock, which is not its to end
        with suppress(OSError):
            path.unlink()
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_UN)
    with suppress(OSError):
        os.close(handle)
