"""Sums of listed rows of a matrix, and their products with a row, in vectors written out: what is summed stays in registers.

LLVM, left to itself, stores a sum to memory after every few rows. Widths are in bytes; on processors with shorter registers LLVM takes several for one vector, and
no sum of rows has another bit.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neuropil.codegen.vectors import INT64, LINE

WIDE = 8 * LINE
"""Bytes of a row that are summed at a time: eight registers of the longest kind, as many as hide the latency of an addition."""


def _is_matrix(of: Any) -> bool:
    return isinstance(of, types.Array) and of.ndim == 2 and of.layout == "C" and isinstance(of.dtype, types.Float)


class _Matrix:
    """A C-ordered matrix in generated code."""

    def __init__(self, context: Any, builder: Any, of: Any, value: Any):
        self.builder, self.array = builder, context.make_array(of)(context, builder, value)
        self.item, self.size = context.get_data_type(of.dtype), of.dtype.bitwidth // 8
        self.columns = cgutils.unpack_tuple(builder, self.array.shape, 2)[1]

    def at(self, row: Any, column: Any, lanes: int) -> Any:
        """Pointer to a vector."""
        place = self.builder.add(self.builder.mul(row, self.columns), column)
        return self.builder.bitcast(self.builder.gep(self.array.data, [place]), ir.VectorType(self.item, lanes).as_pointer())


def _listed(context: Any, builder: Any, of: Any, value: Any, q: Any) -> Any:
    """Entry q of a list of rows."""
    array = context.make_array(of)(context, builder, value)
    return builder.zext(builder.load(builder.gep(array.data, [q])), INT64)


@intrinsic
def add_listed(typingctx, to, at, column, rows, listed, q, end):  # type: ignore[no-untyped-def]
    """Add to `WIDE` bytes of row `at` of a matrix, from `column` on, those of the rows listed[q] up to listed[end - 1] of another one, in order."""
    if not (_is_matrix(to) and _is_matrix(rows) and to.dtype == rows.dtype and isinstance(listed, types.Array) and listed.dtype == types.int32):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        of, lanes = signature.args, 8 * WIDE // to.dtype.bitwidth
        target, source = _Matrix(context, builder, of[0], args[0]), _Matrix(context, builder, of[3], args[3])
        place = target.at(args[1], args[2], lanes)
        before, loop, after = builder.block, builder.append_basic_block("rows"), builder.append_basic_block("summed")
        begun = builder.load(place, align=target.size)
        builder.cbranch(builder.icmp_signed("<", args[5], args[6]), loop, after)
        builder.position_at_end(loop)
        k, total = builder.phi(INT64), builder.phi(begun.type)
        row = _listed(context, builder, of[4], args[4], k)
        summed = builder.fadd(total, builder.load(source.at(row, args[2], lanes), align=source.size))
        more = builder.add(k, INT64(1))
        builder.cbranch(builder.icmp_signed("<", more, args[6]), loop, after)
        for phi, first, then in ((k, args[5], more), (total, begun, summed)):
            phi.add_incoming(first, before)
            phi.add_incoming(then, loop)
        builder.position_at_end(after)
        found = builder.phi(begun.type)
        found.add_incoming(begun, before)
        found.add_incoming(summed, loop)
        builder.store(found, place, align=target.size)
        return context.get_dummy_value()

    return types.void(to, types.uint64, types.uint64, rows, listed, types.int64, types.int64), codegen


def _products(count: int) -> Any:
    """An intrinsic: the products of so many listed rows with a row."""

    @intrinsic
    def products(typingctx, rows, listed, q, end, other, at):  # type: ignore[no-untyped-def]
        """The products of the rows listed[q], listed[q + 1], ... with row `at` of another matrix, as a tuple; from `end` on they are those of the last one."""
        if not (_is_matrix(rows) and _is_matrix(other) and rows.dtype == other.dtype and isinstance(listed, types.Array) and listed.dtype == types.int32):
            return None

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            of, lanes = signature.args, 8 * LINE // rows.dtype.bitwidth
            source, right = _Matrix(context, builder, of[0], args[0]), _Matrix(context, builder, of[4], args[4])
            vector, last = ir.VectorType(source.item, lanes), builder.sub(args[3], INT64(1))
            mine = []
            for j in range(count):
                place = builder.add(args[2], INT64(j))
                mine.append(_listed(context, builder, of[1], args[1], builder.select(builder.icmp_signed("<", place, last), place, last)))
            whole = builder.and_(source.columns, INT64(-lanes))
            before, loop, after = builder.block, builder.append_basic_block("columns"), builder.append_basic_block("rest")
            zero = ir.Constant(vector, [0.0] * lanes)
            builder.cbranch(builder.icmp_signed(">", whole, INT64(0)), loop, after)
            builder.position_at_end(loop)
            k, totals = builder.phi(INT64), [builder.phi(vector) for _ in mine]
            x = builder.load(right.at(args[5], k, lanes), align=right.size)
            sums = [_fused(builder, t, builder.load(source.at(m, k, lanes), align=source.size), x) for t, m in zip(totals, mine, strict=True)]
            more = builder.add(k, INT64(lanes))
            builder.cbranch(builder.icmp_signed("<", more, whole), loop, after)
            for phi, first, then in ((k, INT64(0), more), *zip(totals, [zero] * count, sums, strict=True)):
                phi.add_incoming(first, before)
                phi.add_incoming(then, loop)
            builder.position_at_end(after)
            found = []
            for s in sums:
                phi = builder.phi(vector)
                phi.add_incoming(zero, before)
                phi.add_incoming(s, loop)
                found.append(phi)
            ended, rest, done = builder.block, builder.append_basic_block("masked"), builder.append_basic_block("products")
            builder.cbranch(builder.icmp_signed("<", whole, source.columns), rest, done)
            builder.position_at_end(rest)
            mask = _before(builder, builder.sub(source.columns, whole), lanes)
            y = _masked(builder, right.at(args[5], whole, lanes), mask, zero, right.size)
            partial = [_fused(builder, f, _masked(builder, source.at(m, whole, lanes), mask, zero, source.size), y) for f, m in zip(found, mine, strict=True)]
            builder.branch(done)
            builder.position_at_end(done)
            results = []
            for f, p in zip(found, partial, strict=True):
                phi = builder.phi(vector)
                phi.add_incoming(f, ended)
                phi.add_incoming(p, rest)
                results.append(phi)
            return context.make_tuple(builder, signature.return_type, [_total(builder, r, lanes) for r in results])

        return types.UniTuple(rows.dtype, count)(rows, listed, types.int64, types.int64, other, types.uint64), codegen

    return products


eight_products, four_products = _products(8), _products(4)


def _fused(builder: Any, total: Any, a: Any, b: Any) -> Any:
    """total + a · b, rounded once where the processor can."""
    return builder.fadd(total, builder.fmul(a, b, flags=("contract",)), flags=("contract",))


def _before(builder: Any, count: Any, lanes: int) -> Any:
    """Which lanes come before a number."""
    many = builder.insert_element(ir.Constant(ir.VectorType(INT64, lanes), ir.Undefined), count, ir.IntType(32)(0))
    every = builder.shuffle_vector(many, ir.Constant(many.type, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), lanes), None))
    return builder.icmp_signed("<", ir.Constant(many.type, list(range(lanes))), every)


def _masked(builder: Any, place: Any, mask: Any, zero: Any, align: int) -> Any:
    """A vector of which only some lanes are read; the others are zero."""
    of = zero.type
    name = f"llvm.masked.load.v{of.count}{'f32' if isinstance(of.element, ir.FloatType) else 'f64'}.p0"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(of, [place.type, ir.IntType(32), mask.type, of]), name)
    return builder.call(function, [place, ir.IntType(32)(align), mask, zero])


def _total(builder: Any, vector: Any, lanes: int) -> Any:
    """The sum of the lanes, halves added to halves."""
    while lanes > 1:
        lanes //= 2
        halves = [builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(a, a + lanes)))) for a in (0, lanes)]
        vector = builder.fadd(*halves)
    return builder.extract_element(vector, ir.IntType(32)(0))
