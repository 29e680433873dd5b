"""Vectors of numbers as values in Numba kernels: what a loop that carries a vector from one iteration to the next is written with.

A compiler turns inner loops into vector code by itself. Where the loop over neighbouring elements must be the outer one (a recurrence
for many cells at once, whose running sums should stay in registers) or where one vector holds different functions of one element (a row
of a table), it does not. Here a vector is a value: it is loaded and stored, and `+ - * /` and `fma` act on its elements. Wider
vectors than the processor's become several of its own, independent of each other, which hides the latency of each.

Each operation is the IEEE one and carries its own flags (`neuropil.codegen.real_ir`), so that the width never changes a bit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numba.np.arrayobj as arrayobj
from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

INT32 = ir.IntType(32)
_GUARD = ("afn",)
"""See `neuropil.codegen.real_ir`."""


class Vector(types.Type):
    """The type of some numbers side by side.

    Args:
        dtype: of each, float32 or float64; count: how many.
    """

    def __init__(self, dtype: Any, count: int):
        self.dtype, self.count = dtype, count
        super().__init__(f"Vector({dtype}, {count})")


def _of(dtype: Any, count: int) -> Any:
    return ir.VectorType(ir.FloatType() if dtype == types.float32 else ir.DoubleType(), count)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vector):
        super().__init__(manager, kind, _of(kind.dtype, kind.count))


def _arithmetic(symbol: Any, name: str) -> None:
    """Let a Python operator act on two vectors of one type."""

    class Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            return signature(args[0], *args) if len(args) == 2 and isinstance(args[0], Vector) and args[0] == args[1] else None

    infer_global(symbol)(Typing)

    @lower_builtin(symbol, Vector, Vector)
    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return getattr(builder, name)(*args, flags=_GUARD)


for _symbol, _name in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"), (operator.truediv, "fdiv")):
    _arithmetic(_symbol, _name)


def _called(builder: ir.IRBuilder, name: str, kind: Any, *args: Any) -> Any:
    """A call of an LLVM function of values of one vector type."""
    full = f"{name}.v{kind.count}f{32 if isinstance(kind.element, ir.FloatType) else 64}"
    function = builder.module.globals.get(full) or ir.Function(builder.module, ir.FunctionType(kind, [kind] * len(args)), full)
    return builder.call(function, args)


@intrinsic
def fma(typingctx, x, y, z):  # type: ignore[no-untyped-def]
    """x * y + z of vectors, rounded once."""
    if not isinstance(x, Vector) or not x == y == z:
        return None

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return _called(builder, "llvm.fma", _of(x.dtype, x.count), *args)

    return x(x, x, x), codegen


def _address(context: Any, builder: ir.IRBuilder, array: Any, value: Any, index: Any, kind: Any) -> Any:
    """Where the vector that begins at an element of an array lies."""
    data = arrayobj.make_array(array)(context, builder, value).data
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


def _is_vector(array: Any, index: Any) -> bool:
    return isinstance(array, types.Array) and array.layout == "C" and array.dtype in (types.float32, types.float64) and isinstance(index, types.Integer)


def _all_of(builder: ir.IRBuilder, value: Any, kind: Any) -> Any:
    """A vector with one value in all elements."""
    alone = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(INT32, 0))
    return builder.shuffle_vector(alone, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(INT32, kind.count), [0] * kind.count))


def spread(count: int) -> Callable[..., Any]:
    """A function value -> vector of `count` times that number."""

    @intrinsic
    def everywhere(typingctx, value):  # type: ignore[no-untyped-def]
        if not isinstance(value, types.Float):
            return None

        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            return _all_of(builder, args[0], _of(value, count))

        return Vector(value, count)(value), codegen

    return everywhere


def access(count: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Functions load(array, index) -> vector and store(array, index, vector), of `count` elements of a flat array."""

    @intrinsic
    def load(typingctx, array, index):  # type: ignore[no-untyped-def]
        if not _is_vector(array, index):
            return None

        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            address = _address(context, builder, array, args[0], args[1], _of(array.dtype, count))
            return builder.load(address, align=array.dtype.bitwidth // 8)

        return Vector(array.dtype, count)(array, types.int64), codegen

    @intrinsic
    def store(typingctx, array, index, value):  # type: ignore[no-untyped-def]
        if not _is_vector(array, index) or value != Vector(array.dtype, count):
            return None

        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            address = _address(context, builder, array, args[0], args[1], _of(array.dtype, count))
            builder.store(args[2], address, align=array.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(array, types.int64, value), codegen

    return load, store


def gather(count: int) -> Callable[..., Any]:
    """A function gathered(array, index, first) -> vector of the `count` elements of a flat array whose numbers index[first], index[first + 1], ... are.

    Numbers are not negative. They are loads of one element each: an instruction that gathers takes more time on most processors.
    """

    @intrinsic
    def gathered(typingctx, array, index, first):  # type: ignore[no-untyped-def]
        if not _is_vector(array, first) or not isinstance(index, types.Array) or index.layout != "C" or not isinstance(index.dtype, types.Integer):
            return None

        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            source, numbers = (arrayobj.make_array(t)(context, builder, value).data for t, value in ((array, args[0]), (index, args[1])))
            made = ir.Constant(_of(array.dtype, count), ir.Undefined)
            for k in range(count):
                at = context.cast(builder, builder.load(builder.gep(numbers, [builder.add(args[2], ir.Constant(ir.IntType(64), k))])), index.dtype, types.int64)
                made = builder.insert_element(made, builder.load(builder.gep(source, [at])), ir.Constant(INT32, k))
            return made

        return Vector(array.dtype, count)(array, index, types.int64), codegen

    return gathered


@intrinsic
def widened(typingctx, vector):  # type: ignore[no-untyped-def]
    """The numbers of a vector as float64."""
    if not isinstance(vector, Vector):
        return None

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return args[0] if vector.dtype == types.float64 else builder.fpext(args[0], _of(types.float64, vector.count))

    return Vector(types.float64, vector.count)(vector), codegen


@intrinsic(prefer_literal=True)
def element(typingctx, vector, index):  # type: ignore[no-untyped-def]
    """One element of a vector, at a literal index, as a vector of one."""
    if not isinstance(vector, Vector) or not isinstance(index, types.IntegerLiteral):
        return None

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        chosen = ir.Constant(ir.VectorType(INT32, 1), [index.literal_value])
        return builder.shuffle_vector(args[0], ir.Constant(_of(vector.dtype, vector.count), ir.Undefined), chosen)

    return Vector(vector.dtype, 1)(vector, index), codegen


@intrinsic
def transposed(typingctx, rows):  # type: ignore[no-untyped-def]
    """The columns of a square matrix whose rows are a tuple of vectors, as such a tuple; their number is a power of two."""
    if not isinstance(rows, types.UniTuple) or not isinstance(rows.dtype, Vector) or rows.count != rows.dtype.count:
        return None
    n = rows.count

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        now = [builder.extract_value(args[0], k) for k in range(n)]
        half = n // 2
        while half:  # exchange the corners of ever smaller blocks
            for i in range(n):
                if not i & half:
                    low, high = now[i], now[i | half]
                    first = [j if not j & half else n + (j ^ half) for j in range(n)]
                    second = [j | half if not j & half else n + j for j in range(n)]
                    now[i], now[i | half] = (builder.shuffle_vector(low, high, ir.Constant(ir.VectorType(INT32, n), order)) for order in (first, second))
            half //= 2
        return context.make_tuple(builder, rows, now)

    return rows(rows), codegen


@intrinsic
def prefer_widest(typingctx):  # type: ignore[no-untyped-def]
    """Ask for vectors of 512 bits in the enclosing function, where the processor has them; LLVM prefers 256 on some that do."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), codegen
