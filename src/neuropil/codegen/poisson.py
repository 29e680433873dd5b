"""Poisson counts with vectors written out: 32 elements and four steps at a time, by 16 bits each.

The words of Poisson events (`neuropil.rng.event_words`) are made of two halves. A count is how many thresholds a word reaches; where the
upper half of the word differs from those of all thresholds, it decides alone. Else, in some 2 of 10,000 draws, `block` says so, and the
count is found from the whole word. So counts have the distribution of the 32-bit thresholds, for the price of 16 bits.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neuropil.codegen.real_ir import INT32, INT64
from neuropil.codegen.vectors import INT8, element
from neuropil.rng import PARITY, ROTATIONS_4, ROUNDS

__all__ = ["AT_ONCE", "STEPS", "event_bits", "poisson_block"]

AT_ONCE = 32
"""Elements whose counts are found together."""
STEPS = 4
"""Steps whose counts are found together."""

_WORDS = ir.VectorType(INT32, AT_ONCE // 2)
_HALVES = ir.VectorType(ir.IntType(16), AT_ONCE)
_COUNTS = ir.VectorType(INT8, AT_ONCE)


@intrinsic
def event_bits(typingctx, key0, key1, counter0, counter1, counter2, counter3, which):  # type: ignore[no-untyped-def]
    """Word `which` of the four that Threefry-4x32 makes of the key (key0, key1, 0, 0) and a counter: uint32."""
    if not all(isinstance(t, types.Integer) for t in (key0, key1, counter0, counter1, counter2, counter3, which)):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        low = [builder.bitcast(context.cast(builder, a, t, types.uint32), ir.VectorType(INT32, 1)) for a, t in zip(args[:6], signature.args, strict=False)]
        words = [builder.bitcast(w, INT32) for w in _threefry(builder, low[:2], low[2:])]
        index = context.cast(builder, args[6], signature.args[6], types.uint32)
        found = words[0]
        for k in range(1, STEPS):
            found = builder.select(builder.icmp_unsigned("==", index, ir.Constant(INT32, k)), words[k], found)
        return found

    return types.uint32(key0, key1, counter0, counter1, counter2, counter3, which), codegen


@intrinsic
def poisson_block(typingctx, counts, at, stride, key0, key1, pair, low, high, halves):  # type: ignore[no-untyped-def]
    """Counts of `AT_ONCE` elements in `STEPS` steps; returns, of each step, which of them the upper halves of the words do not decide.

    Args:
        counts: uint8[…], where those of the first step begin at `at` and those of the others `stride` further each.
        key0, key1: of the stream.
        pair: half the index of the first element, which is even.
        low, high: the halves of a quarter of the first step, which is a multiple of four.
        halves: uint16[thresholds], the upper halves of the thresholds, ascending, below 0xFFFF.

    Returns:
        four uint32, bit j for element j.
    """
    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        b = builder
        key = [_spread(b, context.cast(b, args[k], signature.args[k], types.uint32), _WORDS) for k in (3, 4)]
        first, *rest = (_spread(b, context.cast(b, args[k], signature.args[k], types.uint32), _WORDS) for k in (5, 6, 7))
        counter = [b.add(first, ir.Constant(_WORDS, list(range(AT_ONCE // 2)))), *rest, ir.Constant(_WORDS, None)]
        draws = [b.bitcast(w, _HALVES) for w in _threefry(b, key, counter)]
        reached = [cgutils.alloca_once_value(b, ir.Constant(_HALVES, None)) for _ in draws]
        nearest = [cgutils.alloca_once_value(b, ir.Constant(_HALVES, [0xFFFF] * AT_ONCE)) for _ in draws]
        table = context.make_array(signature.args[8])(context, b, args[8])
        with cgutils.for_range(b, cgutils.unpack_tuple(b, table.shape)[0]) as loop:
            threshold = _spread(b, b.load(b.gep(table.data, [loop.index])), _HALVES)
            for u, n, last in zip(draws, reached, nearest, strict=True):
                passed = b.icmp_unsigned(">=", u, threshold)
                b.store(b.sub(b.load(n), b.sext(passed, _HALVES)), n)
                b.store(b.select(passed, threshold, b.load(last)), last)
        offset, stride = (context.cast(b, args[k], signature.args[k], types.int64) for k in (1, 2))
        undecided = []
        for k, (u, n, last) in enumerate(zip(draws, reached, nearest, strict=True)):
            where = b.add(offset, b.mul(stride, ir.Constant(INT64, k)))
            pointer = element(context, b, types.void(signature.args[0], types.int64), [args[0], where])
            b.store(b.trunc(b.load(n), _COUNTS), b.bitcast(pointer, _COUNTS.as_pointer()), align=1)
            top = b.icmp_unsigned("==", u, ir.Constant(_HALVES, [0xFFFF] * AT_ONCE))
            undecided.append(b.bitcast(b.or_(b.icmp_unsigned("==", u, b.load(last)), top), INT32))
        return context.make_tuple(b, signature.return_type, undecided)

    return types.UniTuple(types.uint32, STEPS)(counts, at, stride, key0, key1, pair, low, high, halves), codegen


def _spread(builder: Any, value: Any, vector: Any) -> Any:
    """A vector whose elements all are `value`."""
    none = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(none, value, ir.Constant(INT32, 0))
    return builder.shuffle_vector(one, none, ir.Constant(ir.VectorType(INT32, vector.count), [0] * vector.count))


def _threefry(builder: Any, key: list[Any], counter: list[Any]) -> list[Any]:
    """Threefry-4x32 (`neuropil.rng.threefry4x32`) on vectors of 32-bit words, with a key whose last two words are 0."""
    vector = counter[0].type

    def const(value: int) -> Any:
        return ir.Constant(vector, [value] * vector.count)

    def rotated(x: Any, distance: int) -> Any:
        return builder.or_(builder.shl(x, const(distance)), builder.lshr(x, const(32 - distance)))

    keys = [*key, const(0), const(0), builder.xor(builder.xor(const(PARITY), key[0]), key[1])]
    x = [builder.add(c, k) for c, k in zip(counter, keys, strict=False)]
    for r in range(ROUNDS):
        for a, b, distance in zip((0, 2), (1, 3) if r % 2 == 0 else (3, 1), ROTATIONS_4[r % 8], strict=True):
            x[a] = builder.add(x[a], x[b])
            x[b] = builder.xor(rotated(x[b], distance), x[a])
        if r % 4 == 3:
            group = r // 4 + 1
            x = [builder.add(x[k], keys[(group + k) % 5]) for k in range(4)]
            x[3] = builder.add(x[3], const(group))
    return x
