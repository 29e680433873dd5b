"""The mode of a thread's floating-point arithmetic: XLA runs its own code, and what that calls, with subnormal numbers taken as zero."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_ROOM = 256
"""Bytes that hold a mode, more than any C library needs."""


@cache
def _library() -> Any:
    """The C library, where the number of its standard mode is known (glibc on processors of 64 bits), else None."""
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc" or sys.maxsize < 2**32:
        return None
    library = ctypes.CDLL("libm.so.6")
    library.fegetenv.argtypes = library.fesetenv.argtypes = (ctypes.c_void_p,)
    return library


def can_be_standard() -> bool:
    """Whether `standard` works here."""
    return _library() is not None


@contextmanager
def standard() -> Iterator[None]:
    """The standard mode for this thread: subnormal numbers are numbers. What was set before is set again at the end."""
    library, before = _library(), ctypes.create_string_buffer(_ROOM)
    library.fegetenv(before)
    library.fesetenv(ctypes.c_void_p(-1))
    try:
        yield
    finally:
        library.fesetenv(before)
