"""Generated sources on disk, named by their content, and beside them what was compiled from them, for the next start.

A directory of readable Python modules (`neuropil.kept_files` says where). The name of a module covers its text, the version of Numba, and
the library code that kernels are built from; what changes gets a new name, and nothing outdated is loaded.

What runs is the text that was generated, never what a file says: a file that differs is written anew.
"""

from __future__ import annotations

import hashlib
import re
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numba

from neuropil.kept_files import directory, read_own, write_own


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
