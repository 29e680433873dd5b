"""Vectors written out, where a loop that LLVM vectorises by itself cannot say what is meant."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["lowest_bit", "set_bytes", "wide_vectors"]

LINE = 64
"""Bytes of a cache line."""

INT8, INT32, INT64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)


@intrinsic
def set_bytes(typingctx, array, first):  # type: ignore[no-untyped-def]
    """Which of the 64 bytes from ``array[first]`` on (uint8, one-dimensional) are not 0: bit j of a uint64 stands for ``array[first + j]``."""
    if not isinstance(array, types.Array) or array.ndim != 1 or array.dtype != types.uint8 or not isinstance(first, types.Integer):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        line = ir.VectorType(INT8, LINE)
        loaded = builder.load(builder.bitcast(element(context, builder, signature, args), line.as_pointer()), align=1)
        return builder.bitcast(builder.icmp_unsigned("!=", loaded, ir.Constant(line, None)), INT64)

    return types.uint64(array, first), codegen


@intrinsic
def lowest_bit(typingctx, mask):  # type: ignore[no-untyped-def]
    """The position of the lowest bit that is set in a uint64 other than 0."""
    if mask != types.uint64:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(mask), codegen


@intrinsic
def wide_vectors(typingctx):  # type: ignore[no-untyped-def]
    """Vectorise the enclosing function with the widest registers that the processor has; call it first.

    LLVM takes registers of 256 bits on some processors that have 512, where a loop that is bound by its memory accesses gains from the wider ones.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        # llvmlite refuses attributes that it does not know: those of targets, which are strings, among them.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), codegen


def element(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Pointer to ``args[0][args[1]]``, without bounds check or wrap-around.

    Args:
        context, builder, signature, args: what Numba gives to the generator of an intrinsic; the first two arguments of the
            signature are an array of one dimension and an integer.
    """
    array_type, index_type = signature.args[:2]
    array = context.make_array(array_type)(context, builder, args[0])
    index = context.cast(builder, args[1], index_type, types.intp)
    return cgutils.get_item_pointer(context, builder, array_type, array, [index], wraparound=False)
