"""Which of many elements have a bit set: sixty-four bytes at a time."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import inner_njit
from neuropil.codegen.vectors import INT8, INT32, INT64, LINE, element, lowest_bit

__all__ = ["LINE", "bytes_with", "list_marked"]

np_one = np.uint64(1)


@intrinsic
def bytes_with(typingctx, array, first, bits):  # type: ignore[no-untyped-def]
    """Which of the 64 bytes from ``array[first]`` on (uint8, one-dimensional) have any of these bits (uint8): bit j of a uint64 stands for ``array[first + j]``."""
    if not isinstance(array, types.Array) or array.ndim != 1 or array.dtype != types.uint8 or bits != types.uint8:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        line = ir.VectorType(INT8, LINE)
        loaded = builder.load(builder.bitcast(element(context, builder, signature, args), line.as_pointer()), align=1)
        one = builder.insert_element(ir.Constant(line, ir.Undefined), args[2], ir.Constant(INT32, 0))
        every = builder.shuffle_vector(one, ir.Constant(line, ir.Undefined), ir.Constant(ir.VectorType(INT32, LINE), None))
        return builder.bitcast(builder.icmp_unsigned("!=", builder.and_(loaded, every), ir.Constant(line, None)), INT64)

    return types.uint64(array, first, bits), codegen


@inner_njit(**KERNEL_FLAGS)
def list_marked(codes, first, width, bits, who):  # type: ignore[no-untyped-def]
    """List in `who` (int32) which of the `width` codes from `first` on have any of these bits; their number is returned. `width` is whole lines."""
    found = 0
    for line in range(0, width, LINE):
        mask = bytes_with(codes, first + line, bits)
        while mask:
            who[found] = line + lowest_bit(mask)
            found += 1
            mask &= mask - np_one
    return found
