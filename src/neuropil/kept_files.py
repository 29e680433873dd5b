"""Files that are kept for the next start, in a directory that is the user's alone.

The directory is `NEUROPIL_CACHE`, or `neuropil` among the user's caches. What is read from there may run, so a file counts only if it belongs to us, others cannot write it, and it begins with the digest of its
name and its content. A directory that others could write to is not used.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import pickle
import secrets
import shutil
import stat
import tempfile
import warnings
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

_MARK = b"neuropil kept 1\n"
_DIGEST = 32


def directory() -> Path:
    """Where generated sources lie; made if need be, a temporary one where the user's cannot be used, with a warning."""
    return _directory(os.environ.get("NEUROPIL_CACHE"), os.environ.get("XDG_CACHE_HOME"), os.environ.get("HOME"))


@lru_cache
def _directory(chosen: str | None, *users: str | None) -> Path:
    """The directory that was chosen, or that of the user, which follows from the environment variables `users`."""
    base = Path(chosen) if chosen else _users()
    problem = _problem(base) if chosen or base.is_absolute() else "the home directory is not known"
    if problem is None:
        return base
    temporary = Path(tempfile.mkdtemp(prefix="neuropil-"))
    atexit.register(_remove, temporary, os.getpid())
    fix = "Set NEUROPIL_CACHE to a directory of your own" + (f", or chmod 700 {base}" if "others" in problem else "")
    warnings.warn(f"the cache {base} is not used: {problem}. Kernels are compiled anew at this start. {fix}.", stacklevel=2)
    return temporary


def _users() -> Path:
    """Our directory among the user's caches; one that begins with ~ where the home directory is not known."""
    from platformdirs import user_cache_path

    try:
        return user_cache_path("neuropil", appauthor=False)
    except RuntimeError:
        return Path("~/.cache/neuropil")


def _problem(base: Path) -> str | None:
    """Why a directory cannot keep code that will run; None if it can."""
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = base.stat()
    except FileExistsError:
        return "it is a file"
    except OSError as error:
        return f"it cannot be made ({error.strerror})"
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        return f"it belongs to another user (number {found.st_uid})"
    if os.name == "posix" and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write to it"
    return None if os.access(base, os.W_OK | os.X_OK) else "it cannot be written"


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # and not in a forked child
        shutil.rmtree(folder, ignore_errors=True)


def read_own(path: Path) -> bytes | None:
    """The content of the file at `path`, if it belongs to us and others cannot write it; None of any other."""
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            found = os.fstat(file.fileno())
            if os.name == "posix" and (found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
                return None
            return file.read()
    except OSError:
        return None


def write_own(path: Path, data: bytes) -> None:
    """Write a file that others cannot write, as a whole or not at all; what cannot be written is done without, with a warning.

    Args:
        path: of the file.
        data: its content.
    """
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        _warn_unwritten(path.parent, error.strerror or str(error))


@lru_cache
def _warn_unwritten(folder: Path, reason: str) -> None:
    warnings.warn(
        f"the cache {folder} cannot be written ({reason}): kernels are compiled anew at the next start. "
        "Free some space, or set NEUROPIL_CACHE to another directory.", stacklevel=3,
    )  # fmt: skip


def read_sealed(path: Path) -> Any:
    """What `write_sealed` wrote to a file; None if it is not as it was, or not ours alone.

    Args:
        path: of the file.
    """
    data = read_own(path)
    start = len(_MARK) + _DIGEST
    if data is None or data[:start] != _MARK + _digest(path, data[start:]):
        return None
    try:
        return pickle.loads(data[start:])
    except Exception:  # of another version of a library, say
        return None


def write_sealed(path: Path, pickled: bytes) -> None:
    """Write a pickled value under a digest of its name and its content.

    Args:
        path: of the file.
        pickled: the value.
    """
    write_own(path, _MARK + _digest(path, pickled) + pickled)


def _digest(path: Path, data: bytes) -> bytes:
    return hashlib.blake2b(path.name.encode() + b"\0" + data, digest_size=_DIGEST).digest()
