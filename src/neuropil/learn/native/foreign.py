"""Python functions of arrays as foreign functions of XLA: they read and write XLA's own buffers, without a copy, in every precision.

The structures are those of XLA's C interface for foreign functions (`xla/ffi/api/c_api.h`, major version 0), as far as they are used. What
`jax.pure_callback` does besides (copies, and in a thread of XLA's a rounding of float64 to float32 unless x64 is the global setting) is not wanted here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import numpy as np

_TARGET = "neuropil_native"
_TYPES = {1: np.bool_, 4: np.int32, 5: np.int64, 6: np.uint8, 8: np.uint32, 9: np.uint64, 11: np.float32, 12: np.float64}
_METADATA, _EXECUTE, _INTERNAL = 1, 3, 13

_P, _I64, _INT, _SIZE = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.c_size_t


def _structure(**fields: Any) -> type[ctypes.Structure]:
    return type("_Structure", (ctypes.Structure,), {"_fields_": list(fields.items())})


_Version: Any = _structure(size=_SIZE, extension=_P, major=_INT, minor=_INT)
_List: Any = _structure(size=_SIZE, extension=_P, count=_I64, types=_P, items=ctypes.POINTER(_P))
_Attributes: Any = _structure(size=_SIZE, extension=_P, count=_I64, types=_P, names=_P, items=ctypes.POINTER(_P))
_Api: Any = _structure(size=_SIZE, extension=_P, version=_Version, internal=_P, create_error=_P)
_Frame: Any = _structure(
    size=_SIZE, extension=_P, api=ctypes.POINTER(_Api), context=_P, stage=_INT, arguments=_List, results=_List, attributes=_Attributes, future=_P
)
_Buffer: Any = _structure(size=_SIZE, extension=_P, dtype=_INT, data=_P, rank=_I64, dims=ctypes.POINTER(_I64))
_Scalar: Any = _structure(dtype=_INT, value=ctypes.POINTER(_I64))
_Metadata: Any = _structure(size=_SIZE, version=_Version)
_Extension: Any = _structure(size=_SIZE, kind=_INT, next=_P, metadata=ctypes.POINTER(_Metadata))
_Error: Any = _structure(size=_SIZE, extension=_P, message=ctypes.c_char_p, code=_INT)

Function = Callable[[list[np.ndarray], list[np.ndarray]], None]
"""(arguments, results): it fills the results."""

_FUNCTIONS: list[Function] = []
_KNOWN: dict[Any, int] = {}


def foreign(key: Any, function: Function, results: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    """Call a function on the host, from within `jit` or not; under `vmap` one call after the other.

    Args:
        key: what is equal for equal functions; functions are kept as long as the process lives, since compiled programs may call them.
        function: called with NumPy arrays: arguments, which must not be written, and results, which it fills.
        results: shapes and types.
        arguments: arrays.

    Returns:
        The results.
    """
    _register()
    if key not in _KNOWN:
        _FUNCTIONS.append(function)
        _KNOWN[key] = len(_FUNCTIONS) - 1
    call = jax.ffi.ffi_call(_TARGET, list(results), vmap_method="sequential")
    return list(call(*arguments, number=np.int64(_KNOWN[key])))


@cache
def _register() -> None:
    pointer = ctypes.pythonapi.PyCapsule_New
    pointer.restype, pointer.argtypes = ctypes.py_object, (_P, ctypes.c_char_p, _P)
    jax.ffi.register_ffi_target(_TARGET, pointer(ctypes.cast(_HANDLER, _P), None, None), platform="cpu")


def _arrays(of: Any) -> list[np.ndarray]:
    """The buffers of a list as arrays."""
    found = []
    for j in range(of.count):
        buffer = _Buffer.from_address(of.items[j])
        dtype, shape = np.dtype(_TYPES[buffer.dtype]), tuple(buffer.dims[: buffer.rank])
        size = int(np.prod(shape)) * dtype.itemsize
        memory: Any = (ctypes.c_char * size).from_address(buffer.data) if size else None
        flat = np.frombuffer(memory, dtype) if size else np.empty(0, dtype)
        found.append(flat.reshape(shape))
    return found


@ctypes.CFUNCTYPE(_P, ctypes.POINTER(_Frame))
def _HANDLER(frame: Any) -> int | None:
    """What XLA calls: once to ask for the version, then for every execution."""
    f = frame.contents
    if f.extension and (extension := _Extension.from_address(f.extension)).kind == _METADATA:
        version, known = extension.metadata.contents.version, f.api.contents.version
        version.major, version.minor = known.major, known.minor
        return None
    if f.stage != _EXECUTE:
        return None
    try:
        number = _Scalar.from_address(f.attributes.items[0]).value[0]
        _FUNCTIONS[number](_arrays(f.arguments), _arrays(f.results))
    except BaseException as problem:
        given = _Error(ctypes.sizeof(_Error), None, f"{type(problem).__name__}: {problem}".encode(), _INTERNAL)
        error: int = ctypes.CFUNCTYPE(_P, _P)(f.api.contents.create_error)(ctypes.addressof(given))
        return error
    return None
