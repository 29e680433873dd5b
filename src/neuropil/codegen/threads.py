"""What several Python threads, each inside a ``nogil`` kernel, need to work in step: prefetch, atomics and a barrier.

Atomics act on elements of one-dimensional int64 arrays and are sequentially consistent. Nothing here takes the GIL.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.vectors import element

__all__ = [
    "BARRIER_SIZE", "abort_barrier", "atomic_add", "atomic_load", "atomic_store", "cpu_relax", "new_barrier",
    "prefetch", "spin_barrier", "yield_thread",
]  # fmt: skip

BARRIER_SIZE = 24
"""Length of a barrier's int64 array: three words, each alone on its cache line."""

_ARRIVED, _GENERATION, _ABORTED = 0, 8, 16
_SPINS_BEFORE_YIELD = 2000  # some 50 microseconds: longer than a step's imbalance, shorter than a scheduler's slice


@intrinsic
def prefetch(typingctx, array, index):  # type: ignore[no-untyped-def]
    """Ask for the cache line of ``array[index]``, to be read soon; any index is safe, even outside the array."""
    if not isinstance(array, types.Array) or array.ndim != 1 or not isinstance(index, types.Integer):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = element(context, builder, signature, args)
        byte_pointer = builder.bitcast(pointer, cgutils.voidptr_t)
        flag = ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, flag, flag, flag]), "llvm.prefetch.p0"
        )
        read, keep_in_all_caches, data = flag(0), flag(3), flag(1)
        builder.call(function, [byte_pointer, read, keep_in_all_caches, data])
        return context.get_dummy_value()

    return types.void(array, index), codegen


@intrinsic
def atomic_add(typingctx, array, index, value):  # type: ignore[no-untyped-def]
    """Add to ``array[index]`` (int64) in one indivisible act; returns what was there before."""
    if not _is_counter(array, index) or not isinstance(value, types.Integer):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = element(context, builder, signature, args)
        return builder.atomic_rmw("add", pointer, context.cast(builder, args[2], value, types.int64), "seq_cst")

    return types.int64(array, index, value), codegen


@intrinsic
def atomic_load(typingctx, array, index):  # type: ignore[no-untyped-def]
    """``array[index]`` (int64), read afresh and in order with the other atomics."""
    if not _is_counter(array, index):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.load_atomic(element(context, builder, signature, args), "seq_cst", 8)

    return types.int64(array, index), codegen


@intrinsic
def atomic_store(typingctx, array, index, value):  # type: ignore[no-untyped-def]
    """``array[index] = value`` (int64), seen by other threads after everything this thread stored before."""
    if not _is_counter(array, index) or not isinstance(value, types.Integer):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = element(context, builder, signature, args)
        builder.store_atomic(context.cast(builder, args[2], value, types.int64), pointer, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(array, index, value), codegen


@intrinsic
def cpu_relax(typingctx):  # type: ignore[no-untyped-def]
    """Tell the processor that this is a waiting loop (x86 ``pause``, ARM ``yield``); elsewhere nothing."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        machine = str(builder.module.triple).split("-")[0]
        if machine in ("x86_64", "i686"):
            signature_x86 = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, signature_x86, "llvm.x86.sse2.pause"), [])
        elif machine in ("aarch64", "arm64"):
            signature_arm = ir.FunctionType(ir.VoidType(), [ir.IntType(32)])
            hint = cgutils.get_or_insert_function(builder.module, signature_arm, "llvm.aarch64.hint")
            builder.call(hint, [ir.IntType(32)(1)])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def yield_thread(typingctx):  # type: ignore[no-untyped-def]
    """Give the core to another thread that is ready to run (POSIX ``sched_yield``); on Windows nothing."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        if sys.platform != "win32":  # the symbol is found in the process itself, in the C library
            signature_c = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, signature_c, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), codegen


def new_barrier() -> NDArray[np.int64]:
    """The state of a barrier, for :func:`spin_barrier`: an int64 array that starts on a cache line."""
    room = np.zeros(BARRIER_SIZE + 7, np.int64)
    start = -(room.ctypes.data // 8) % 8
    return room[start : start + BARRIER_SIZE]


@inner_njit(nogil=True)
def spin_barrier(state, thread, n_threads):  # type: ignore[no-untyped-def]
    """Wait until all `n_threads` threads have come here; true, or false once :func:`abort_barrier` was called.

    `state` comes from :func:`new_barrier` and serves any number of meetings. The last to arrive opens the next
    generation; the others watch for it, first spinning, then giving the core away, so that more threads than cores
    make progress too. Stores made before the barrier are visible to every thread after it. `thread` is unused: every
    thread is alike.
    """
    generation = atomic_load(state, _GENERATION)  # before arriving: afterwards it may already be the next
    if atomic_add(state, _ARRIVED, 1) == n_threads - 1:
        atomic_store(state, _ARRIVED, 0)  # before the gate opens: those it lets go may come round at once
        atomic_add(state, _GENERATION, 1)
    else:
        spins = 0
        while atomic_load(state, _GENERATION) == generation:
            if atomic_load(state, _ABORTED) != 0:
                break
            if spins < _SPINS_BEFORE_YIELD:
                spins += 1
                cpu_relax()
            else:
                yield_thread()
    return atomic_load(state, _ABORTED) == 0


@cached_njit(nogil=True)
def abort_barrier(state):  # type: ignore[no-untyped-def]
    """Free every thread that waits or will wait at this barrier: a thread that fails must not leave others waiting."""
    atomic_store(state, _ABORTED, 1)


def _is_counter(array: Any, index: Any) -> bool:
    return (
        isinstance(array, types.Array)
        and array.ndim == 1
        and array.dtype == types.int64
        and isinstance(index, types.Integer)
    )
