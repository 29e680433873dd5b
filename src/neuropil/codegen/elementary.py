"""Elementary functions for Numba kernels that vectorise: branch-free, in float32 and float64.

One name serves both types; constants have the argument's type, so nothing is promoted. Written as LLVM IR through
:mod:`neuropil.codegen.real_ir`; the accuracy below holds whatever fast-math flags the calling kernel has, short of
``nnan`` and ``ninf`` (hence not under ``fastmath=True``), and a vectorised loop gives the same bits as a scalar one.

Largest error found, in units in the last place (float32: every seventh of its 2**32 values; float64: 10**7 values):

=============  =======  =======  ======================================================================
function       float32  float64  notes
=============  =======  =======  ======================================================================
``exp``           0.99     0.98  inf above 88.72 (709.78); 0 where the result would be subnormal
``exp2``          0.81     0.89  the same, at 128 (1024) and -126 (-1022)
``expm1``         1.35     1.55
``log``           0.81     0.84  -inf at 0, NaN below; right for subnormals
``log1p``         1.38     1.35  -inf at -1, NaN below
``tanh``          2.42     2.40
``logistic``      2.37     2.30  0 where the result would be subnormal
``pow``           0.50           float64: 2 (1 + |y log x|), the exponent magnifies the logarithm's error
=============  =======  =======  ======================================================================

NaN gives NaN. The polynomials are our Chebyshev fits (nearly minimax, made in 40 digits); the float64 logarithm is
fdlibm's (Sun Microsystems 1993).

Args:
    r: operations on values of one floating-point type.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from numba import njit, types
from numba.extending import intrinsic

from neuropil.codegen.real_ir import Real

__all__ = [
    "cos", "exp", "exp2", "expm1", "flush_subnormal", "log", "log1p", "logistic", "pow", "sin", "tanh",
]  # fmt: skip

# ln 2 in two parts: products of the first with any exponent are exact, fused or not.
_LN2 = {32: (0.693359375, -2.12194440e-4), 64: (6.93147180369123816490e-01, 1.90821492927058770002e-10)}
_LOG2_E = 1.4426950408889634

# (exp(r) - 1 - r) / r**2 on |r| <= ln(2) / 2, highest power first.
_EXP_TAIL = {
    32: (0.00019891981313977690, 0.0013934541928270244, 0.0083333100242252924,
         0.041666456809677876, 0.16666666682534356, 0.50000000142862234),
    64: (2.0915442297780115e-9, 2.5106274733573295e-8, 2.7557271810219800e-7, 2.7557252833516910e-6,
         0.000024801587327007187, 0.00019841269876864355, 0.0013888888888883327, 0.0083333333333255447,
         0.04166666666666667, 0.16666666666666671, 0.5),
}  # fmt: skip

# (2**r - 1) / r on |r| <= 1/2.
_EXP2_TAIL = {
    32: (0.000015298221267173667, 0.00015462610757797552, 0.0013333500120002694, 0.0096180537343269282,
         0.055504108849824690, 0.24022650936226890, 0.69314718055994531),
    64: (2.5730348009234352e-11, 4.4560247551334641e-10, 7.0548967224703518e-9, 1.0178055912546169e-7,
         1.3215486809848002e-6, 0.000015252733843864855, 0.00015403530393369832, 0.0013333558146404649,
         0.0096181291076284797, 0.055504108664821632, 0.24022650695910071, 0.69314718055994531),
}  # fmt: skip

# (log(1 + f) - f + f**2 / 2) / f**3 for 1 + f in [sqrt(1/2), sqrt(2)]; fdlibm's Lg7 ... Lg1 for float64.
_LOG_TAIL_32 = (
    0.069807019586649742, -0.11494546612890219, 0.11689071137457870, -0.12424037717650197, 0.14248551264361469,
    -0.16667850972851767, 0.20000730503852239, -0.24999996626939481, 0.33333331121880151,
)  # fmt: skip
_LOG_TAIL_64 = (
    1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
    2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01,
)  # fmt: skip

# Above the first, exp overflows; below the second, its result is subnormal.
_EXP_RANGE = {32: (88.72283172607422, -87.33654022216797), 64: (709.782712893384, -708.3964185322641)}
_EXP2_RANGE = {32: (127.99999237060547, -126.0), 64: (1023.9999999999999, -1022.0)}


# ---------------------------------------------------------------------------------------------------------------------
# The mathematics, on LLVM values
# ---------------------------------------------------------------------------------------------------------------------


def ir_exp(r: Real, x: Any) -> Any:
    """exp(x) = 2**k * (1 + f + f**2 * q(f)), with f = x - k ln 2."""
    k_bits, tail = _reduce(r, x, careful=False)
    y = r.ldexp(r.add(tail, r.const(1.0)), k_bits)
    return _bounded(r, x, y, *_EXP_RANGE[r.bits])


def ir_exp2(r: Real, x: Any) -> Any:
    """2**x = 2**k * (1 + f * p(f)), with f = x - k exact."""
    k, k_bits = r.nearest(x, 1.0)
    f = r.sub(x, k)
    y = r.ldexp(r.fma(f, r.polynomial(f, _EXP2_TAIL[r.bits]), r.const(1.0)), k_bits)
    return _bounded(r, x, y, *_EXP2_RANGE[r.bits])


def ir_expm1(r: Real, x: Any) -> Any:
    """exp(x) - 1 = 2**k * expm1(f) + (2**k - 1), which loses nothing near zero, where k = 0."""
    # Far below zero the result is -1; the bound keeps 2**(k-1) a normal number. NaN passes it.
    floor = r.const(-40.0)
    clamped = r.select(r.compare("<", x, floor), floor, x)
    k_bits, tail = _reduce(r, clamped, careful=True)
    half_scale = r.ldexp(r.const(0.5), k_bits)  # half, since 2**128 is not a float32 though the result may be
    y = r.fma(half_scale, tail, r.sub(half_scale, r.const(0.5)))
    y = r.add(y, y)
    y = r.select(r.compare(">", x, r.const(_EXP_RANGE[r.bits][0])), r.const(math.inf), y)
    return r.keep_nan(x, y)


def ir_log(r: Real, x: Any) -> Any:
    """log(x) = e ln 2 + log(m), with m in [sqrt(1/2), sqrt(2)); -inf at 0, NaN below, right for subnormals."""
    small = r.compare("<", x, r.const(2.0 ** (1 - r.bias)))
    scaled = r.select(small, r.mul(x, r.const(2.0**r.mantissa)), x)
    e, m = _split(r, scaled)
    e = r.select(small, r.sub(e, r.const(float(r.mantissa))), e)
    y = _log_of_split(r, e, r.sub(m, r.const(1.0)))
    return _log_edges(r, x, y)


def ir_log1p(r: Real, x: Any) -> Any:
    """log(1 + x), accurate near zero: what rounding took from u = 1 + x is given back to the mantissa's fraction."""
    one = r.const(1.0)
    u = r.add(x, one)
    # Knuth's two-sum: exact for every order of magnitude of x.
    back = r.sub(u, one)
    lost = r.add(r.sub(x, back), r.sub(one, r.sub(u, back)))
    e, m, scale = _split_with_scale(r, u)
    f = r.sub(m, one)
    # Nothing that matters is lost where u is large, and there the scale 2**-e may not be a normal number.
    f = r.select(r.compare("<", u, r.const(2.0**100)), r.fma(lost, scale, f), f)
    return _log_edges(r, u, _log_of_split(r, e, f))


def ir_tanh(r: Real, x: Any) -> Any:
    """tanh(x) = t / (t + 2), with t = expm1(2|x|), and the sign of x."""
    # The positive exponent is the well-conditioned one. Beyond the bound tanh rounds to 1, and t + 2 cannot overflow.
    bound = r.const(10.0 if r.single else 20.0)
    size = r.abs(x)
    size = r.select(r.compare(">", size, bound), bound, size)
    t = ir_expm1(r, r.add(size, size))
    return r.copysign(r.div(t, r.add(t, r.const(2.0))), x)


def ir_logistic(r: Real, x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return r.div(r.const(1.0), r.add(r.const(1.0), ir_exp(r, r.neg(x))))


def _reduce(r: Real, x: Any, careful: bool) -> tuple[Any, Any]:
    """(bits of k, exp(f) - 1) with x = k ln 2 + f and |f| <= ln(2) / 2; `careful` carries f's rounding error along."""
    high, low = _LN2[r.bits]
    k, k_bits = r.nearest(x, _LOG2_E)
    coarse = r.fma(k, r.const(-high), x)
    f = r.fma(k, r.const(-low), coarse)
    q = r.polynomial(f, _EXP_TAIL[r.bits])
    square = r.mul(f, f)
    if not careful:
        return k_bits, r.fma(square, q, f)
    lost = r.fma(k, r.const(-low), r.sub(coarse, f))
    return k_bits, r.add(f, r.fma(square, q, lost))


def _bounded(r: Real, x: Any, y: Any, above: float, below: float) -> Any:
    """`y` within the range of x where it is meaningful; infinity above, zero below, NaN for NaN."""
    y = r.select(r.compare(">", x, r.const(above)), r.const(math.inf), y)
    y = r.select(r.compare("<", x, r.const(below)), r.const(0.0), y)
    return r.keep_nan(x, y)


def _split(r: Real, x: Any) -> tuple[Any, Any]:
    """x = m * 2**e with m in [sqrt(1/2), sqrt(2)), for positive normal x; both as floats."""
    e, m, _ = _split_with_scale(r, x)
    return e, m


def _split_with_scale(r: Real, x: Any) -> tuple[Any, Any, Any]:
    """As :func:`_split`, and 2**-e besides."""
    root_half = 0x3F3504F3 if r.single else 0x3FE6A09E667F3BCD
    bits = r.to_bits(x)
    e = r.b.ashr(r.b.sub(bits, r.int_const(root_half)), r.int_const(r.mantissa))
    shift = r.b.shl(e, r.int_const(r.mantissa))
    m = r.from_bits(r.b.sub(bits, shift))
    scale = r.from_bits(r.b.sub(r.int_const(r.bias << r.mantissa), shift))
    return r.b.sitofp(e, r.type), m, scale


def _log_of_split(r: Real, e: Any, f: Any) -> Any:
    """e ln 2 + log(1 + f)."""
    high, low = (r.const(c) for c in _LN2[r.bits])
    square = r.mul(f, f)
    if r.single:
        y = r.mul(r.mul(f, square), r.polynomial(f, _LOG_TAIL_32))
        y = r.fma(r.const(-0.5), square, r.fma(e, low, y))
        return r.fma(e, high, r.add(f, y))
    s = r.div(f, r.add(f, r.const(2.0)))
    z = r.mul(s, s)
    half_square = r.mul(square, r.const(0.5))
    rest = r.fma(s, r.fma(z, r.polynomial(z, _LOG_TAIL_64), half_square), r.mul(e, low))
    return r.fma(e, high, r.sub(f, r.sub(half_square, rest)))


def _log_edges(r: Real, u: Any, y: Any) -> Any:
    """The logarithm's special values: log(0) = -inf, log(negative) = NaN, log(inf) = inf, log(NaN) = NaN."""
    y = r.select(r.compare("==", u, r.const(0.0)), r.const(-math.inf), y)
    y = r.select(r.compare("==", u, r.const(math.inf)), u, y)
    y = r.select(r.compare("<", u, r.const(0.0)), r.const(math.nan), y)
    return r.keep_nan(u, y)


# ---------------------------------------------------------------------------------------------------------------------
# The names that kernels call
# ---------------------------------------------------------------------------------------------------------------------


def _elementwise(build: Callable[[Real, Any], Any], name: str, doc: str) -> Any:
    """A Numba function of one float32 or float64, inlined as the IR that `build` writes."""

    def typing(typingctx, x):  # type: ignore[no-untyped-def]
        if not isinstance(x, types.Float):
            return None  # Numba then reports the call and the type it was made with

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return build(Real(builder, signature.args[0].bitwidth), args[0])

        return x(x), codegen

    typing.__name__ = typing.__qualname__ = name
    typing.__doc__ = doc
    return intrinsic(typing)


exp = _elementwise(ir_exp, "exp", "e to the power x.")
exp2 = _elementwise(ir_exp2, "exp2", "2 to the power x.")
expm1 = _elementwise(ir_expm1, "expm1", "exp(x) - 1, accurate near zero.")
log = _elementwise(ir_log, "log", "Natural logarithm.")
log1p = _elementwise(ir_log1p, "log1p", "log(1 + x), accurate near zero.")
tanh = _elementwise(ir_tanh, "tanh", "Hyperbolic tangent.")
logistic = _elementwise(ir_logistic, "logistic", "1 / (1 + exp(-x)).")


@intrinsic
def pow(typingctx, x, y):  # type: ignore[no-untyped-def]
    """x to the power y, both of one type, for x > 0 (and 0 ** y for y >= 0); NaN for negative x.

    float32 is computed in float64, at half the width of the vector, and is correctly rounded but for rare ties.
    """
    if not isinstance(x, types.Float) or x != y:
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        r = Real(builder, 64)
        base, power = args
        if x.bitwidth == 32:
            base, power = builder.fpext(base, r.type), builder.fpext(power, r.type)
        result = ir_exp(r, r.mul(power, ir_log(r, base)))
        result = r.select(r.compare("==", power, r.const(0.0)), r.const(1.0), result)
        return builder.fptrunc(result, Real(builder, 32).type) if x.bitwidth == 32 else result

    return x(x, x), codegen


@intrinsic
def flush_subnormal(typingctx, x):  # type: ignore[no-untyped-def]
    """Zero where x is subnormal, else x: decaying states reach subnormals, which processors handle ten times slower."""
    if not isinstance(x, types.Float):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        r = Real(builder, x.bitwidth)
        tiny = r.compare("<", r.abs(args[0]), r.const(2.0 ** (1 - r.bias)))
        return r.select(tiny, r.const(0.0), args[0])

    return x(x), codegen


@njit(inline="always")
def sin(x):  # type: ignore[no-untyped-def]
    """Sine, from the C library: it does not vectorise."""
    return math.sin(x)


@njit(inline="always")
def cos(x):  # type: ignore[no-untyped-def]
    """Cosine, from the C library: it does not vectorise."""
    return math.cos(x)
