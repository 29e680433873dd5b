"""Random numbers inside Numba kernels: the compiled twin of :mod:`neuropil.rng`, made to vectorise.

Everything is a pure function of 32-bit words, written as LLVM IR so that no integer grows to 64 bits on the way.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neuropil.codegen.elementary import ir_log
from neuropil.codegen.real_ir import INT32, Real
from neuropil.rng import PARITY, ROTATIONS

__all__ = ["draw_word", "normal_quantile32", "normal_quantile64", "threefry2x32",
           "to_uniform32", "to_uniform64"]  # fmt: skip

# z / x, with x = 2u - 1 and w = -log(1 - x**2): in w - 3 where w < 6, in sqrt(w) - 3.5 up to w = 21.6 (u = 2**-33).
# Own Chebyshev fits, relative error 1e-7, in the variables of Giles (2011), "Approximating the erfinv function".
_CENTRE_32 = (
    -7.7462741699339888e-9, -5.8773116940436096e-9, 6.3428794217342445e-7, -2.6708098553792167e-6,
    -0.000017973908190961739, 0.00027647079629288327, -0.0011825526351774389, -0.0081156244216712458,
    0.34171699750219618683, 2.2960352458455636118,
)  # fmt: skip
_TAIL_32 = (
    0.000016151941495329126, 0.000043223962479549349, -0.00032642091147404922, 0.00067985552358030548,
    -0.00096775505697085427, 0.0015171003305059848, -0.0029140578688324989, 0.0046384078599647892,
    1.4246342559208814, 4.7170890411588842,
)  # fmt: skip

# Wichura (1988), algorithm AS 241, PPND16: rational approximations, highest power first; the third, for tails beyond
# exp(-25), is never reached by a 32-bit word.
_CENTRE_TOP = (
    2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
    13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608,
)  # fmt: skip
_CENTRE_BOTTOM = (
    5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
    5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0,
)  # fmt: skip
_TAIL_TOP = (
    7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
    3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734,
)  # fmt: skip
_TAIL_BOTTOM = (
    1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
    0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0,
)  # fmt: skip


@intrinsic
def threefry2x32(typingctx, key0, key1, counter0, counter1):  # type: ignore[no-untyped-def]
    """Threefry-2x32, 20 rounds: four integers, of which the low 32 bits count, to two uint32."""
    if not all(isinstance(t, types.Integer) for t in (key0, key1, counter0, counter1)):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        low = [_low_word(builder, a) for a in args]
        return cgutils.pack_array(builder, _threefry(builder, *low))

    return types.UniTuple(types.uint32, 2)(key0, key1, counter0, counter1), codegen


@intrinsic
def draw_word(typingctx, key0, key1, element, step):  # type: ignore[no-untyped-def]
    """The uint32 word of (element, step): :func:`neuropil.rng.words` for one element; step is a 64-bit integer.

    Uses one of the two words that an evaluation makes. A kernel that visits every step should call
    :func:`threefry2x32` on even steps and keep the second word for the odd ones.
    """
    if not all(isinstance(t, types.Integer) for t in (key0, key1, element, step)):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        k0, k1, e = (_low_word(builder, a) for a in args[:3])
        whole = context.cast(builder, args[3], step, types.uint64)
        pair = builder.lshr(whole, ir.Constant(whole.type, 1))
        high = builder.trunc(builder.lshr(pair, ir.Constant(whole.type, 32)), INT32)
        first, second = _threefry(builder, k0, builder.xor(k1, high), e, builder.trunc(pair, INT32))
        odd = builder.trunc(whole, ir.IntType(1))
        return builder.select(odd, second, first)

    return types.uint32(key0, key1, element, step), codegen


@intrinsic
def to_uniform32(typingctx, word):  # type: ignore[no-untyped-def]
    """A float32 strictly inside (0, 1), from the upper 23 bits: the middle of one of 2**23 equal cells.

    To decide an event of probability p, compare the word with p * 2**32 instead: that keeps all 32 bits.
    """
    if word != types.uint32:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        r = Real(builder, 32)
        cell = builder.sitofp(builder.lshr(args[0], ir.Constant(INT32, 9)), r.type)
        return r.fma(cell, r.const(2.0**-23), r.const(2.0**-24))

    return types.float32(word), codegen


@intrinsic
def to_uniform64(typingctx, word):  # type: ignore[no-untyped-def]
    """``(word + 0.5) / 2**32`` as a float64, exact and strictly inside (0, 1)."""
    if word != types.uint32:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        r = Real(builder, 64)
        return r.fma(builder.uitofp(args[0], r.type), r.const(2.0**-32), r.const(2.0**-33))

    return types.float64(word), codegen


@intrinsic
def normal_quantile32(typingctx, word):  # type: ignore[no-untyped-def]
    """The standard normal deviate (float32) of a uint32 word: the quantile of ``(word + 0.5) / 2**32``."""
    if word != types.uint32:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return _normal_32(Real(builder, 32), args[0])

    return types.float32(word), codegen


@intrinsic
def normal_quantile64(typingctx, word):  # type: ignore[no-untyped-def]
    """The standard normal deviate (float64) of a uint32 word: the quantile of ``(word + 0.5) / 2**32``."""
    if word != types.uint32:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return _normal_64(Real(builder, 64), args[0])

    return types.float64(word), codegen


def _threefry(builder: Any, key0: Any, key1: Any, counter0: Any, counter1: Any) -> tuple[Any, Any]:
    """The 20 rounds on four LLVM 32-bit integers."""
    keys = (key0, key1, builder.xor(builder.xor(key0, key1), ir.Constant(INT32, PARITY)))
    x0, x1 = builder.add(counter0, key0), builder.add(counter1, key1)
    for group in range(5):
        for distance in ROTATIONS[group % 2]:
            x0 = builder.add(x0, x1)
            left = builder.shl(x1, ir.Constant(INT32, distance))
            right = builder.lshr(x1, ir.Constant(INT32, 32 - distance))
            x1 = builder.xor(builder.or_(left, right), x0)
        x0 = builder.add(x0, keys[(group + 1) % 3])
        x1 = builder.add(x1, builder.add(keys[(group + 2) % 3], ir.Constant(INT32, group + 1)))
    return x0, x1


def _low_word(builder: Any, value: Any) -> Any:
    """The low 32 bits of an LLVM integer (zero-extended where it is narrower)."""
    if value.type.width > 32:
        return builder.trunc(value, INT32)
    return builder.zext(value, INT32) if value.type.width < 32 else value


def _fold(r: Real, word: Any) -> tuple[Any, Any, Any]:
    """(sign, m, q) of a word as 32-bit integers: with u = (word + 0.5) / 2**32, |2u - 1| = (m + 0.5) / 2**31 and
    min(u, 1 - u) = (q + 0.5) / 2**32. Both are exact, so neither the centre nor the tails lose digits."""
    centred = r.b.xor(word, ir.Constant(INT32, 0x80000000))
    sign = r.b.ashr(centred, ir.Constant(INT32, 31))  # all ones in the lower half
    m = r.b.xor(centred, sign)
    return sign, m, r.b.xor(m, ir.Constant(INT32, 0x7FFFFFFF))


def _with_sign(r: Real, z: Any, sign: Any) -> Any:
    return r.b.select(r.b.icmp_signed("<", sign, ir.Constant(INT32, 0)), r.neg(z), z)


def _normal_32(r: Real, word: Any) -> Any:
    sign, m, q = _fold(r, word)
    x = r.fma(r.b.sitofp(m, r.type), r.const(2.0**-31), r.const(2.0**-32))
    tail = r.fma(r.b.sitofp(q, r.type), r.const(2.0**-32), r.const(2.0**-33))
    product = r.mul(r.mul(tail, r.const(4.0)), r.sub(r.const(1.0), tail))  # 4 u (1 - u) = 1 - x**2
    w = r.neg(ir_log(r, product))
    w = r.select(r.compare("<", w, r.const(0.0)), r.const(0.0), w)
    central = r.compare("<", w, r.const(6.0))
    t = r.select(central, r.sub(w, r.const(3.0)), r.sub(r.sqrt(w), r.const(3.5)))
    return _with_sign(r, r.mul(r.blended_polynomial(central, t, _CENTRE_32, _TAIL_32), x), sign)


def _normal_64(r: Real, word: Any) -> Any:
    sign, m, q = _fold(r, word)
    half = r.fma(r.b.sitofp(m, r.type), r.const(2.0**-32), r.const(2.0**-33))  # |u - 1/2|
    tail = r.fma(r.b.sitofp(q, r.type), r.const(2.0**-32), r.const(2.0**-33))
    central = r.compare("<=", half, r.const(0.425))
    root = r.sqrt(r.neg(ir_log(r, tail)))
    t = r.select(central, r.fma(r.neg(half), half, r.const(0.180625)), r.sub(root, r.const(1.6)))
    top = r.blended_polynomial(central, t, _CENTRE_TOP, _TAIL_TOP)
    bottom = r.blended_polynomial(central, t, _CENTRE_BOTTOM, _TAIL_BOTTOM)
    ratio = r.div(top, bottom)
    return _with_sign(r, r.select(central, r.mul(ratio, half), ratio), sign)
