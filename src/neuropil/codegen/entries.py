"""An entry into every kernel that takes its arguments from memory, so that one loop can call any kernel with any arguments.

Beside the function itself Numba compiles an entry from Python, and one from C. Kernels have in place of the latter one of the form
``entry(address of the arguments) -> int64``. Arguments lie there one after the other in words of 8 bytes: a number in one, an array as
the address of its data, its shape and its strides, a tuple as what it holds. The caller keeps the arrays alive.
"""

from __future__ import annotations

import struct
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import get_itemsize, make_array, populate_array

_WORD = ir.IntType(64)
_ENTRY = types.int64, (types.int64,)
"""What an entry returns and takes."""


def words(of: types.Type) -> int:
    """How many words a value of a Numba type takes.

    Raises:
        TypeError: values of this type cannot be packed.
    """
    if isinstance(of, types.Array):
        return 1 + 2 * of.ndim
    if isinstance(of, types.BaseTuple):
        return sum(map(words, of.types))
    if isinstance(of, (types.Integer, types.Boolean, types.Float)):
        return 1
    raise TypeError(f"an argument of type {of} cannot be packed; expected numbers, arrays, or tuples of these")


def packed(of: types.Type, value: Any) -> list[int]:
    """The words (as numbers from 0 to 2^64 - 1) of a value of a Numba type, as an entry takes them."""
    if isinstance(of, types.Array):
        return [value.__array_interface__["data"][0], *value.shape, *(s & 0xFFFFFFFFFFFFFFFF for s in value.strides)]
    if isinstance(of, types.BaseTuple):
        return [word for t, v in zip(of.types, value, strict=True) for word in packed(t, v)]
    if isinstance(of, types.Float):
        return [int.from_bytes(struct.pack("<f" if of.bitwidth == 32 else "<d", value), "little")]
    return [int(value) & 0xFFFFFFFFFFFFFFFF]


def add_entry(context: Any, library: Any, fndesc: Any, env: Any, call_helper: Any) -> None:
    """Add the entry of a function to its library, where its arguments can be packed; takes the place of `CPUContext.create_cfunc_wrapper`.

    Args:
        context: of Numba; library: takes the entry.
        fndesc: the function; env, call_helper: not used.
    """
    try:
        sum(map(words, fndesc.argtypes))
    except TypeError:
        return
    if not isinstance(fndesc.restype, (types.NoneType, types.Integer, types.Boolean)):
        return
    module = context.create_module("entry")
    called = ir.Function(module, context.call_conv.get_function_type(fndesc.restype, fndesc.argtypes), fndesc.llvm_func_name)
    entry = ir.Function(module, context.call_conv.get_function_type(*_ENTRY), fndesc.llvm_cfunc_wrapper_name)
    builder = ir.IRBuilder(entry.append_basic_block("entry"))
    reader = _Reader(context, builder, builder.inttoptr(entry.args[2], _WORD.as_pointer()))
    arguments = [reader.read(t) for t in fndesc.argtypes]
    status, value = context.call_conv.call_function(builder, called, fndesc.restype, fndesc.argtypes, arguments, attrs=("noinline",))
    with builder.if_then(status.is_error, likely=False):
        builder.store(status.excinfoptr, entry.args[1])
        builder.ret(status.code)
    number = _WORD(0) if fndesc.restype == types.none else context.cast(builder, value, fndesc.restype, types.int64)
    context.call_conv.return_value(builder, number)
    library.add_ir_module(module)


class _Reader:
    """Reads values from words, one after the other.

    Args:
        context: of Numba; builder: of the function that reads; at: pointer to the words.
    """

    def __init__(self, context: Any, builder: Any, at: Any):
        self._context, self._builder, self._at, self._next = context, builder, at, 0

    def read(self, of: types.Type) -> Any:
        """The next value, of a type."""
        context, builder = self._context, self._builder
        if isinstance(of, types.Array):
            data = builder.inttoptr(self._word(), context.get_data_type(of.dtype).as_pointer())
            array = make_array(of)(context, builder)
            shape, strides = ([self._word() for _ in range(of.ndim)] for _ in range(2))
            populate_array(array, data, shape, strides, get_itemsize(context, of), None)
            return array._getvalue()
        if isinstance(of, types.BaseTuple):
            return context.make_tuple(builder, of, [self.read(t) for t in of.types])
        word = self._word()
        if isinstance(of, types.Boolean):
            return builder.icmp_unsigned("!=", word, _WORD(0))
        if isinstance(of, types.Float):
            kind = context.get_value_type(of)
            return builder.bitcast(word if of.bitwidth == 64 else builder.trunc(word, ir.IntType(32)), kind)
        return word if of.bitwidth == 64 else builder.trunc(word, context.get_value_type(of))

    def _word(self) -> Any:
        word = self._builder.load(self._builder.gep(self._at, [_WORD(self._next)]))
        self._next += 1
        return word


@intrinsic
def call_entry(typingctx, address, arguments):  # type: ignore[no-untyped-def]
    """What the kernel with this entry returns, as int64 (0 if nothing), for arguments at an address."""
    if not isinstance(address, types.Integer) or not isinstance(arguments, types.Integer):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        convention = context.call_conv
        function = builder.inttoptr(args[0], convention.get_function_type(*_ENTRY).as_pointer())
        status, value = convention.call_function(builder, function, *_ENTRY, [args[1]])
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return value

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def store_word(typingctx, address, value):  # type: ignore[no-untyped-def]
    """Put a word (int64) at an address."""
    if not isinstance(address, types.Integer) or not isinstance(value, types.Integer):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        builder.store(args[1], builder.inttoptr(args[0], _WORD.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen
