"""What kernels on target records are made of: decays as powers of two, and records of many targets side by side.

A decay exp(-t/τ) of a time since the start of a run is kept as m·2⁻ˣ, with m in [1/2, 1] and a whole number x, from t/(τ·ln 2) in fixed
point, so that it is a function of the step alone however long the run is, and that a common power of two can be taken out of all
decays without rounding.
"""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from neuropil.codegen.elementary import exp2
from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import inner_njit
from neuropil.codegen.record_layout import LANES

__all__ = ["any_due", "chosen", "decay_at", "fixed_point", "gather_records", "lowest_bit", "power_of_two"]

_LOG2_E = 1.4426950408889634
_INT32, _INT64, _INT128 = ir.IntType(32), ir.IntType(64), ir.IntType(128)


@intrinsic
def _product_high(typingctx, a, b):  # type: ignore[no-untyped-def]
    """The upper 64 of the 128 bits of a product of two uint64."""
    if a != types.uint64 or b != types.uint64:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        product = builder.mul(*(builder.zext(x, _INT128) for x in args))
        return builder.trunc(builder.lshr(product, _INT128(64)), _INT64)

    return types.uint64(a, b), codegen


@intrinsic
def _exponent_bits(typingctx, x):  # type: ignore[no-untyped-def]
    """The float64 with this exponent field (int64) and no fraction."""
    if x != types.int64:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.bitcast(builder.shl(args[0], _INT64(52)), ir.DoubleType())

    return types.float64(x), codegen


@intrinsic
def lowest_bit(typingctx, bits):  # type: ignore[no-untyped-def]
    """Position of the lowest bit that is set; there must be one."""
    if bits != types.uint32:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.zext(builder.cttz(args[0], ir.IntType(1)(1)), _INT64)

    return types.uint64(bits), codegen


@intrinsic
def chosen(typingctx, condition, one, other):  # type: ignore[no-untyped-def]
    """`one` where a condition holds, else `other`, both computed: a branch would keep a loop from being vectorised."""
    if condition != types.boolean or one != other:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.select(*args)

    return one(condition, one, one), codegen


@inner_njit(**KERNEL_FLAGS)
def any_due(rows, spike, n, limit):
    """Whether any of n records that were copied into columns of `rows` has a spike (counted from the last one) that is yet to be responded to."""
    due = np.uint32(0)
    for j in range(n):
        due |= np.uint32(rows[spike, j] <= limit)
    return due != 0


@inner_njit(**KERNEL_FLAGS)
def power_of_two(x):
    """2**x in float64, 0 below its normal range and infinite above it."""
    return _exponent_bits(np.int64(min(max(x + 1023, 0), 2047)))


@inner_njit(**KERNEL_FLAGS)
def fixed_point(rate, dt):
    """Halvings in a step of length dt of what decays with exp(rate·t): their whole number (int64), and the rest in 2⁻⁶⁴ (uint64)."""
    halvings = -np.float64(rate) * dt * _LOG2_E
    whole = np.floor(halvings)
    return np.int64(whole), np.uint64((halvings - whole) * 2.0**64)


@inner_njit(**KERNEL_FLAGS)
def decay_at(step, whole, part):
    """m (float64) and x (int64) of the decay from the start to a step, m·2⁻ˣ.

    Args:
        whole, part: as `fixed_point` returns them.
    """
    passed = np.uint64(step)
    x = np.int64(step) * whole + np.int64(_product_high(passed, part))
    return exp2(np.float64(passed * part) * -(2.0**-64)), x


def _mask(which):
    return ir.Constant(ir.VectorType(_INT32, len(which)), which)


def _joined(builder, parts):
    """Vectors side by side."""
    while len(parts) > 1:
        n = parts[0].type.count
        parts = [builder.shuffle_vector(x, y, _mask(list(range(2 * n)))) for x, y in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _transposed(builder, vectors):
    """Of each group of as many lanes as there are vectors, lane k of vector v and lane v of vector k exchanged."""
    bit, lanes = 1, vectors[0].type.count
    while bit < len(vectors):
        low = [lane if not lane & bit else lanes + lane - bit for lane in range(lanes)]
        high = [lane + bit if not lane & bit else lanes + lane for lane in range(lanes)]
        made = list(vectors)
        for v in (v for v in range(len(vectors)) if not v & bit):
            x, y = vectors[v], vectors[v | bit]
            made[v], made[v | bit] = builder.shuffle_vector(x, y, _mask(low)), builder.shuffle_vector(x, y, _mask(high))
        vectors, bit = made, 2 * bit
    return vectors


@intrinsic(prefer_literal=True)
def gather_records(typingctx, records, target, first, rows, column, limit, size, oldest):  # type: ignore[no-untyped-def]
    """Copy the records of targets target[first], target[first + 1], … into columns of `rows`, as many as a vector has lanes.

    Args:
        records: [targets * size], aligned to 64 bytes; size: a literal multiple of four.
        rows: [size, ...]; column: the first.
        oldest: a literal row.

    Returns:
        uint32: bits of those whose number in row `oldest` is at most `limit`.
    """
    if not isinstance(size, types.IntegerLiteral) or not isinstance(oldest, types.IntegerLiteral):
        return None
    width, lowest = size.literal_value, oldest.literal_value
    real = records.dtype
    lanes = LANES[real.name]

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        b, kinds = builder, signature.args
        scalar = ir.FloatType() if real.bitwidth == 32 else ir.DoubleType()
        piece = 8 if width % 8 == 0 else 4  # numbers of a record that are loaded together
        loads, whole, bytes_of = ir.VectorType(scalar, piece), ir.VectorType(scalar, lanes), real.bitwidth // 8

        def array(k):  # type: ignore[no-untyped-def]
            return context.make_array(kinds[k])(context, b, args[k])

        def whole_number(k):  # type: ignore[no-untyped-def]
            return context.cast(b, args[k], kinds[k], types.int64)

        table, post, room, at, j = array(0).data, array(1).data, array(3), whole_number(2), whole_number(4)
        stride = b.extract_value(room.shape, 1)
        index = [b.load(b.gep(post, [b.add(at, _INT64(lane))])) for lane in range(lanes)]
        start = [b.mul(b.zext(n, _INT64), _INT64(width)) for n in index]

        mask = None
        for begun in range(0, width, piece):
            pointers = [b.bitcast(b.gep(table, [b.add(s, _INT64(begun))]), loads.as_pointer()) for s in start]
            loaded = [b.load(p, align=min(piece * bytes_of, 16 if width % 8 else 32)) for p in pointers]
            for k, vector in enumerate(_transposed(b, [_joined(b, loaded[v::piece]) for v in range(piece)])):
                pointer = b.gep(room.data, [b.add(b.mul(stride, _INT64(begun + k)), j)])
                b.store(vector, b.bitcast(pointer, whole.as_pointer()), align=bytes_of)
                if begun + k == lowest:
                    undefined, everywhere = ir.Constant(whole, ir.Undefined), _mask([0] * lanes)
                    bound = context.cast(b, args[5], kinds[5], real)
                    bound = b.shuffle_vector(b.insert_element(undefined, bound, _INT32(0)), undefined, everywhere)
                    mask = b.fcmp_ordered("<=", vector, bound)
        bits = b.bitcast(mask, ir.IntType(lanes))
        return b.zext(bits, _INT32)

    return types.uint32(records, target, first, rows, column, limit, size, oldest), codegen
