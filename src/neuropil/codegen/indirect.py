"""Calls of kernels by their addresses: the caller holds no code of what it calls, so each is compiled once and by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

from neuropil.codegen.ahead import Task, take
from neuropil.codegen.kernel_cache import KernelCache

_LINKED: set[tuple[Any, tuple[Any, ...]]] = set()
"""Kernels and types of arguments for which there is an address."""


@cache
def by_address(kernel: Any) -> Any:
    """A function for compiled callers: ``f(address, *arguments)`` is ``kernel(*arguments)``, at its address for arguments of these types."""

    @intrinsic
    def call(typingctx, address, *arguments):  # type: ignore[no-untyped-def]
        if not isinstance(address, types.Integer):
            return None
        if (kernel, arguments) not in _LINKED:  # or an address would be that of other code
            raise TypingError(f"{kernel} is called with arguments of other types than it was linked for: {arguments}")
        result = types.Dispatcher(kernel).get_call_type(typingctx, arguments, {}).return_type

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            convention = context.call_conv
            function = builder.inttoptr(args[0], convention.get_function_type(result, arguments).as_pointer())
            status, value = convention.call_function(builder, function, result, arguments, cgutils.unpack_tuple(builder, args[1]))
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return value

        return result(address, types.BaseTuple.from_types(arguments)), codegen

    return call


@contextmanager
def compiling(caller: Any) -> Iterator[None]:
    """A context in which a compiled caller takes arguments of new types: at no other time, since its addresses hold for the types they were made for."""
    caller.disable_compile(False)
    try:
        yield
    finally:
        caller.disable_compile(bool(caller.signatures))


def address_of(kernel: Any, arguments: tuple[Any, ...]) -> int:
    """Where the machine code of a kernel for arguments of these Numba types begins; compiled, or loaded, if it was not yet."""
    if not isinstance(kernel._cache, KernelCache):
        raise TypeError(f"{kernel} is not a kernel; decorate it with neuropil.codegen.kernel_cache.cached_njit")
    _LINKED.add((kernel, arguments))
    take(Task.of(kernel, arguments))
    kernel.compile(arguments)
    made = kernel.overloads[arguments]
    address: int = made.library.get_pointer_to_function(made.fndesc.llvm_func_name)
    return address
