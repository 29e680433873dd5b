"""What the machine code of a kernel depends on, as a digest: its own code and, transitively, all that it calls or reads.

A compiled function is known by its bytecode, its options, its closure and the globals it reads; locals have no names, so that kernels
which do the same share what was compiled. What runs while a kernel is compiled (an intrinsic, an overload) may depend on anything in its
module and is known by the text of that module and of those it imports. Where something else turns up, all code that
kernels are built from counts (`neuropil.codegen.cache.library`): compiled once too often, never once too seldom.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import llvmlite
import numba
import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.extending import _Intrinsic

from neuropil.codegen import entries
from neuropil.codegen.cache import library

_VERSIONS = f"{numba.__version__} {llvmlite.__version__} {np.__version__} {sys.version}"
_IMPORTED = re.compile(r"^\s*(?:from|import) (neuropil[\w.]*)", re.MULTILINE)
_KNOWN: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


class _Unknown(Exception):
    """A value of which it is not certain what a kernel takes from it."""


def digest_of(kernel: Any) -> str:
    """Digest of a kernel, a function compiled by Numba (a dispatcher), and of all that it depends on."""
    try:
        return _compiled(kernel, ())
    except _Unknown:
        return _hash([_VERSIONS, library(), *map(repr, _code(kernel.py_func.__code__))])


def _hash(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _compiled(kernel: Any, callers: tuple[Any, ...]) -> str:
    """Of a dispatcher; `callers` are those that its digest is part of."""
    if kernel in _KNOWN:
        return _KNOWN[kernel]
    if kernel in callers:
        raise _Unknown  # recursive functions
    function, inside = kernel.py_func, (*callers, kernel)
    parts = [_VERSIONS, _text(entries.__name__)[0], repr(sorted((n, _option(v)) for n, v in kernel.targetoptions.items())), *map(repr, _code(function.__code__))]
    parts += [_value(v, inside) for v in function.__defaults__ or ()]
    parts.append(_closure_of(function, inside))
    parts += [_value(function.__globals__[name], inside) for name in _names(function.__code__) if name in function.__globals__]
    _KNOWN[kernel] = _hash(parts)
    return _KNOWN[kernel]


def _option(value: Any) -> Any:
    return sorted(value) if isinstance(value, (set, frozenset)) else value


def _code(code: CodeType) -> Iterator[Any]:
    """What a code object does, without names of locals and numbers of lines."""
    yield code.co_code, code.co_names, code.co_argcount, code.co_kwonlyargcount, code.co_nlocals, code.co_flags, code.co_exceptiontable
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        elif not isinstance(constant, str) or constant != code.co_consts[0]:  # the docstring
            yield constant


def _names(code: CodeType) -> list[str]:
    """The global names that a code object and those within it may read."""
    inner = [name for c in code.co_consts if isinstance(c, CodeType) for name in _names(c)]
    return sorted({*code.co_names, *inner})


def _closure_of(function: Any, callers: tuple[Any, ...]) -> str:
    return _hash([_value(cell.cell_contents, callers) for cell in function.__closure__ or ()])


def _value(value: Any, callers: tuple[Any, ...]) -> str:
    """Of something that a compiled function reads."""
    if isinstance(value, Dispatcher):
        return _compiled(value, callers)
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.generic, np.dtype)):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, tuple):
        return _hash([_value(v, callers) for v in value])
    if isinstance(value, np.ndarray) and value.dtype.hasobject is False:
        return _hash([repr((value.dtype, value.shape)), hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()])
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    inside = ""
    if isinstance(value, _Intrinsic):
        home, inside = value._defn.__module__, _closure_of(value._defn, callers)
    elif not isinstance(value, (ModuleType, FunctionType, type)) and not callable(value):
        raise _Unknown
    if not isinstance(home, str):
        raise _Unknown
    name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    if home.split(".")[0] == "neuropil":
        return _hash([name, inside, *(f"{m} {_text(m)[0]}" for m in sorted(_imports(home)))])
    if home.split(".")[0] in ("numpy", "numba", "math", "builtins", "llvmlite"):
        return f"{home}.{name}"
    raise _Unknown


def _imports(module: str) -> set[str]:
    """A module and those of this package that it imports, directly or not."""
    found, open_ = set(), [module]
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += _text(name)[1]
    return found


@cache
def _text(module: str) -> tuple[str, tuple[str, ...]]:
    """Digest of a module's text, and the modules of this package that it imports."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        raise _Unknown
    data = Path(file).read_bytes()
    return hashlib.sha256(data).hexdigest(), tuple(_IMPORTED.findall(data.decode()))
