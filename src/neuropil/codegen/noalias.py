"""A declaration to the compiler that a kernel's arrays do not overlap, so that it vectorises loops over many of them.

LLVM cannot infer that two arrays are distinct. For a loop over a few it emits tests at run time and a vector version
behind them; past 128 pairs (16 arrays that are stored to, say) it gives up, and the loop becomes scalar code, six to
eight times slower. The declaration removes these checks. It needs no option of LLVM, changes nothing outside the kernel
that makes it, and survives both Numba's on-disk cache and inlining into a caller.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core.errors import LoweringError
from numba.extending import intrinsic

__all__ = ["noalias_arguments"]

_DATA_FIELD = "4"  # index of the data pointer among the fields of Numba's array structure, which names the argument


@intrinsic
def noalias_arguments(typingctx):  # type: ignore[no-untyped-def]
    """Declare that no array argument of the enclosing function overlaps another that is written; call it first.

    A false declaration gives wrong results without an error: never pass one array twice, nor two overlapping views of one.
    Views of disjoint parts of one array are fine. In a function with ``inline='always'`` the declaration is made by the
    function that it is inlined into.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        # Numba passes an array as its fields, named arg.<name>.0 (meminfo) ... arg.<name>.4 (data) ...
        pointers = [
            a
            for a in builder.function.args
            if isinstance(a.type, ir.PointerType)
            and a.name.startswith("arg.")
            and a.name.rsplit(".", 1)[1] == _DATA_FIELD
        ]
        if not pointers:
            raise LoweringError("noalias_arguments() found no array among the arguments of the enclosing function")
        for pointer in pointers:
            pointer.add_attribute("noalias")
        return context.get_dummy_value()

    return types.void(), codegen
