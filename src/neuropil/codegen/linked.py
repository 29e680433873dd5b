"""From a description of a kernel to its machine code."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from numba import types

from neuropil.codegen.ahead import Task, take
from neuropil.codegen.kernel_cache import KernelCache
from neuropil.plan.operations import Kernel


@cache
def found(kernel: Kernel) -> Any:
    """The compiled function that a description of a kernel names."""
    function = getattr(import_module(kernel.module), kernel.name)
    return function if kernel.made_with is None else function(*kernel.made_with)


def entry_of(kernel: Any, arguments: tuple[types.Type, ...]) -> int:
    """Where the entry of a kernel for arguments of these Numba types is; compiled, or loaded, if it was not yet."""
    if not isinstance(kernel._cache, KernelCache):
        raise TypeError(f"{kernel} is not a kernel; decorate it with neuropil.codegen.kernel_cache.cached_njit")
    take(Task.of(kernel, arguments))
    kernel.compile(arguments)
    made = kernel.overloads[arguments]
    address: int = made.library.get_pointer_to_function(made.fndesc.llvm_cfunc_wrapper_name)
    return address
