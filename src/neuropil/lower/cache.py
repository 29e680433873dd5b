"""Generated sources on disk, named by their content, so that Numba's cache serves the next start.

A directory of readable Python modules: `NEUROPIL_CACHE`, or `neuropil` in the user's cache directory. The name of a
module covers its text, the version of Numba, and the library code that kernels are built from; what
changes gets a new name, and nothing stale is ever loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numba


def directory() -> Path:
    """Where generated sources lie; made if need be, a temporary one where the user's cannot be written."""
    chosen = os.environ.get("NEUROPIL_CACHE")
    base = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "neuropil"
    try:
        base.mkdir(parents=True, exist_ok=True)
        if os.access(base, os.W_OK):
            return base
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="neuropil-"))


@lru_cache(maxsize=1)
def _library() -> str:
    """Digest of the code that kernels are compiled from besides their own text."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    package = Path(__file__).parent.parent
    for path in [package / "rng.py", *sorted((package / "lower").glob("*.py")), *sorted((package / "engine").glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def path_of(name: str, source: str) -> Path:
    """The file a source will be loaded from."""
    key = hashlib.sha256((_library() + source).encode()).hexdigest()[:16]
    return directory() / f"{name}_{key}.py"


def load(name: str, source: str) -> ModuleType:
    """The module with this source, written to the cache and imported; its kernels carry Numba's on-disk cache."""
    path = path_of(name, source)
    module_name = f"neuropil_generated.{path.stem}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    if not path.exists():
        # Atomic, so that two processes that start together never see half a file.
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(source)
        temporary.replace(path)
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module
