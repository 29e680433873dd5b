"""Compiled kernels on disk: Numba's cache, in the directory of generated sources, of which no bit runs that was changed.

Numba's own cache believes its files. Here each begins with a digest of its name and its content, is ours alone
(`neuropil.codegen.cache`), and holds the key it was compiled for: what does not fit is compiled anew. The names cover the library, so
that a change of any code a kernel calls is seen.
"""

from __future__ import annotations

import hashlib
import inspect
import pickle
import re
import secrets
import sys
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import Cache, CompileResultCacheImpl
from numba.core.serialize import dumps

from neuropil.codegen.cache import directory, library, read_own, write_own

_MARK = b"neuropil kernel 1\n"
_DIGEST = 32


def cached_njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with these options, and with this cache in place of Numba's (what its `cache=True` would use)."""

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(**options)(function)
        dispatcher._cache = KernelCache(function)  # as `Dispatcher.enable_caching` does
        return dispatcher

    return decorate


class KernelCache(Cache):
    """The compiled versions of one function, by the types of its arguments and the processor."""

    def __init__(self, function: Callable[..., Any]):
        self._name, self._py_func = repr(function), function
        self._impl = _Kernel(function)
        self.enable()

    @property
    def cache_path(self) -> str:
        return str(self._cache_file.index.parent)

    @cached_property
    def _cache_file(self) -> KernelFiles:
        """Found when it is wanted: nothing is read at import."""
        return KernelFiles(directory() / "__pycache__", self._impl.file_name())


class KernelFiles:
    """Files of the versions of a function, and an index of them.

    Args:
        folder: where they lie.
        name: with which their names begin.
    """

    def __init__(self, folder: Path, name: str):
        self._folder, self._name = folder, name
        self.index = folder / f"{name}.nbi"

    def load(self, key: Any) -> Any:
        """The data of a version; None if there is none, or none that can be trusted."""
        name = self._index().get(key)
        found = None if name is None else _read(self._folder / name)
        return found[1] if found is not None and found[0] == key else None

    def save(self, key: Any, data: Any) -> None:
        """Keep the data of a version. Processes may do so at once: what one of them loses, the next start compiles."""
        name = f"{self._name}.{secrets.token_hex(8)}.nbc"
        _write(self._folder / name, (key, data))
        _write(self.index, {**self._index(), key: name})

    def flush(self) -> None:
        """Forget all versions."""
        _write(self.index, {})

    def _index(self) -> dict[Any, str]:
        return _read(self.index) or {}


class _Kernel(CompileResultCacheImpl):
    """How Numba packs what it compiled; where it goes is not its business here."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function
        self._lineno = function.__code__.co_firstlineno
        self._py_file = inspect.getfile(function)

    @property
    def locator(self) -> _Kernel:
        return self

    _locator = locator

    def ensure_cache_path(self) -> None:
        """Folders are made when something is written."""

    def file_name(self) -> str:
        """Covers the function's place, the text of its module, and the library."""
        stamp = hashlib.sha256((library() + _text(self._py_file)).encode()).hexdigest()[:16]
        name = re.sub(r"[^A-Za-z0-9_.]", "", f"{Path(self._py_file).stem}.{self._function.__qualname__}")[:140]
        return f"{name}-{self._lineno}.{sys.implementation.cache_tag}.{stamp}"


@lru_cache
def _text(path: str) -> str:
    """Digest of a module of the package; a generated one has its text in its name."""
    return "" if Path(path).parent == directory() else hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _read(path: Path) -> Any:
    """What `_write` wrote; None if it is not as it was, or not ours alone."""
    data = read_own(path)
    start = len(_MARK) + _DIGEST
    if data is None or data[:start] != _MARK + _digest(path, data[start:]):
        return None
    try:
        return pickle.loads(data[start:])
    except Exception:  # of another Numba, say
        return None


def _write(path: Path, value: Any) -> None:
    data = dumps(value)
    write_own(path, _MARK + _digest(path, data) + data)


def _digest(path: Path, data: bytes) -> bytes:
    return hashlib.blake2b(path.name.encode() + b"\0" + data, digest_size=_DIGEST).digest()
