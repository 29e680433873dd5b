"""A small vocabulary for writing branch-free floating-point LLVM IR, for float32 and float64 alike.

Why IR and not Python under ``@njit``: the type of every constant and operation is exact (Numba promotes integers to 64
bits and literals to float64, and either halts vectorisation), and each operation carries its own fast-math flags, so
the accuracy of a function does not depend on the flags of the kernel that calls it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

INT32 = ir.IntType(32)
INT64 = ir.IntType(64)

_GUARD = ("afn",)
"""Numba adds the caller's fast-math flags to every operation that has none. ``afn`` speaks of library calls only, so
on arithmetic it changes nothing; but an operation that carries it is left alone. Without it, ``reassoc`` would cancel
``(x + magic) - magic``, and ``arcp`` lets some processors divide by estimate in vector code only, so that an element's
result depends on where in the array it stands."""


class Real:
    """Operations on LLVM values of one floating-point type; `bits` is 32 or 64.

    Args:
        builder: of LLVM instructions.
    """

    def __init__(self, builder: ir.IRBuilder, bits: int):
        self.b = builder
        self.bits = bits
        self.single = bits == 32
        self.type: Any = ir.FloatType() if self.single else ir.DoubleType()
        self.int: Any = INT32 if self.single else INT64
        self.mantissa = 23 if self.single else 52
        self.bias = 127 if self.single else 1023

    def const(self, value: float) -> Any:
        """The value as a constant."""
        return ir.Constant(self.type, value)

    def int_const(self, value: int) -> Any:
        """The value as an integer constant of the same width."""
        return ir.Constant(self.int, value)

    def add(self, x: Any, y: Any) -> Any:
        """x + y."""
        return self.b.fadd(x, y, flags=_GUARD)

    def sub(self, x: Any, y: Any) -> Any:
        """x - y."""
        return self.b.fsub(x, y, flags=_GUARD)

    def mul(self, x: Any, y: Any) -> Any:
        """x * y."""
        return self.b.fmul(x, y, flags=_GUARD)

    def div(self, x: Any, y: Any) -> Any:
        """x / y."""
        return self.b.fdiv(x, y, flags=_GUARD)

    def neg(self, x: Any) -> Any:
        """-x."""
        return self.mul(x, self.const(-1.0))

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        """``x * y + z``, rounded once on every processor: one without the instruction calls the C library, slowly."""
        return self._call("llvm.fma", x, y, z)

    def abs(self, x: Any) -> Any:
        """|x|."""
        return self._call("llvm.fabs", x)

    def copysign(self, magnitude: Any, sign: Any) -> Any:
        """The magnitude with the sign of another value (`sign`)."""
        return self._call("llvm.copysign", magnitude, sign)

    def sqrt(self, x: Any) -> Any:
        """Square root of x, correctly rounded (LLVM estimates it only where ``ninf`` is declared too)."""
        return self._call("llvm.sqrt", x)

    def polynomial(self, x: Any, coefficients: Sequence[float]) -> Any:
        """The polynomial of x with these coefficients, the highest power first, by Horner's scheme."""
        result = self.const(coefficients[0])
        for c in coefficients[1:]:
            result = self.fma(result, x, self.const(c))
        return result

    def blended_polynomial(self, low: Any, x: Any, if_low: Sequence[float], if_high: Sequence[float]) -> Any:
        """One of two polynomials of equal degree, chosen by `low`; the coefficients are blended, not the results.

        Args:
            x: the argument.
            if_low, if_high: coefficients, the highest power first.
        """
        chosen = [self.select(low, self.const(a), self.const(b)) for a, b in zip(if_low, if_high, strict=True)]
        result = chosen[0]
        for c in chosen[1:]:
            result = self.fma(result, x, c)
        return result

    def compare(self, op: str, x: Any, y: Any) -> Any:
        """An ordered comparison: false where either side is NaN.

        Args:
            op: "<", "<=", ">", ">=", "==" or "!=".
            x, y: the sides.
        """
        return self.b.fcmp_ordered(op, x, y, flags=_GUARD)

    def select(self, condition: Any, x: Any, y: Any) -> Any:
        """`x` where the `condition` holds, else `y`."""
        return self.b.select(condition, x, y)

    def keep_nan(self, x: Any, result: Any) -> Any:
        """`x` where it is NaN, else `result`."""
        return self.select(self.b.fcmp_unordered("uno", x, x, flags=_GUARD), x, result)

    def to_bits(self, x: Any) -> Any:
        """The bits of x as an integer."""
        return self.b.bitcast(x, self.int)

    def from_bits(self, i: Any) -> Any:
        """The value whose bits are the integer i."""
        return self.b.bitcast(i, self.type)

    def nearest(self, x: Any, scale: float) -> tuple[Any, Any]:
        """``k = round(x * scale)``, as a float and as bits whose low part is k; for |k| below 2**21.

        Adding 1.5 * 2**mantissa pushes the fraction out of the mantissa; the integer is then in the low bits. The upper
        bits belong to the magic number: shift them out (as :meth:`ldexp` does).
        """
        magic = self.const(1.5 * 2.0**self.mantissa)
        shifted = self.fma(x, self.const(scale), magic)
        return self.sub(shifted, magic), self.to_bits(shifted)

    def ldexp(self, x: Any, k_bits: Any) -> Any:
        """``x * 2**k`` by adding to the exponent field, k given by its integer `k_bits`; x and the result must be normal numbers."""
        exponent = self.b.shl(k_bits, self.int_const(self.mantissa))
        return self.from_bits(self.b.add(self.to_bits(x), exponent))

    def _call(self, name: str, *args: Any) -> Any:
        full = f"{name}.f{self.bits}"
        function = self.b.module.globals.get(full) or ir.Function(
            self.b.module, ir.FunctionType(self.type, [self.type] * len(args)), full
        )
        return self.b.call(function, args)
