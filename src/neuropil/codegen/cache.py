"""Generated sources on disk, named by their content, and beside them what was compiled from them, for the next start.

A directory of readable Python modules: `NEUROPIL_CACHE`, or `neuropil` in the user's cache directory. The name of a
module covers its text, the version of Numba, and the library code that kernels are built from; what
changes gets a new name, and nothing stale is ever loaded.

What runs is the text that was generated, never what a file says: a file that differs is written anew. Compiled code
(`neuropil.codegen.kernel_cache`) is read only from files that are ours alone. A directory that others could write to is not used.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
import warnings
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numba


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


@lru_cache(maxsize=1)
def library() -> str:
    """Digest of the code that kernels are compiled from besides their own text."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    package = Path(__file__).parent.parent
    for path in [package / "rng.py", *(p for room in ("codegen", "connectivity", "engine") for p in sorted((package / room).rglob("*.py")))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def path_of(name: str, source: str) -> Path:
    """The file that shows a source.

    Args:
        name: of the module.
    """
    key = hashlib.sha256((library() + source).encode()).hexdigest()[:16]
    return directory() / f"{re.sub(r'[^A-Za-z0-9_]', '_', name)[:80]}_{key}.py"


def load(name: str, source: str) -> ModuleType:
    """The module with this source, which is also written to the cache, for people; its kernels are kept compiled.

    Args:
        name: of the module.
    """
    path = path_of(name, source)
    module_name = f"neuropil_generated.{path.stem}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    text = source.encode()
    if read_own(path) != text:
        write_own(path, text)
    module = ModuleType(module_name)
    module.__file__ = str(path)
    sys.modules[module_name] = module
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module
