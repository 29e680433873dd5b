"""Symbols: what equations are called on to be written down, as they are called on tracers to be compiled.

An equation of a model is a Python function. Called on quantities that hold a `Symbol` instead of a number, it returns the expression that it
computes, whatever loops, helper functions and base classes it uses on the way; units are checked as always. Two things that symbols alone
would lose are read from the frames of the functions that are called: the names of local variables ("alpha_m"), and which functions of
`neuropil.maths` were called ("sigmoid", and not how it is computed).

Numbers are in base units (ms, mV, pA, µm, mM), so a division by 1 mV leaves no trace, as in the literature.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from neuropil import maths, units
from neuropil.errors import NeuropilError
from neuropil.model.base import described
from neuropil.units import Quantity

_CORE = {maths.__name__, units.__name__, described.__name__, __name__}
"""Modules whose local variables say nothing about an equation; those of NumPy neither."""

COMPARISONS = {"less": "<", "less_equal": "≤", "greater": ">", "greater_equal": "≥", "equal": "=", "not_equal": "≠"}


class NoSymbol(NeuropilError):
    """The equation asks for the value of a symbol, so it cannot be written down."""


class Symbol:
    """An expression: an operation on expressions and numbers, or a name.

    Args:
        op: "name", "add", "sub", "mul", "div", "pow", "neg", a comparison of `COMPARISONS`, or the name of a function.
        args: of the operation: symbols and numbers; of a name the text.

    Attributes:
        local: name of the local variable that holds it, "" if none does.
    """

    def __init__(self, op: str, *args: Any):
        self.op, self.args, self.local = op, args, ""

    def __bool__(self) -> bool:
        raise NoSymbol("an equation branches on a value", fix="write the condition with neuropil.maths.where")

    def __float__(self) -> float:
        raise NoSymbol("an equation converts a value to a number")

    def __hash__(self) -> int:
        return id(self)

    def __add__(self, other: Any) -> Any:
        return _sum(self, other)

    def __radd__(self, other: Any) -> Any:
        return _sum(other, self)

    def __sub__(self, other: Any) -> Any:
        return self if _is(other, 0) else Symbol("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return -self if _is(other, 0) else Symbol("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return _product(self, other)

    def __rmul__(self, other: Any) -> Any:
        return _product(other, self)

    def __truediv__(self, other: Any) -> Any:
        if _is(other, 1):
            return self
        if self.op == "neg" and not self.local:
            return -Symbol("div", self.args[0], other)
        return Symbol("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return 0.0 if _is(other, 0) else Symbol("div", other, self)

    def __pow__(self, other: Any) -> Any:
        return self if _is(other, 1) else Symbol("pow", self, other)

    def __rpow__(self, other: Any) -> Any:
        return Symbol("pow", other, self)

    def __neg__(self) -> Any:
        return self.args[0] if self.op == "neg" else Symbol("neg", self)

    def __abs__(self) -> Any:
        return Symbol("absolute", self)

    def __lt__(self, other: Any) -> Any:
        return Symbol("less", self, other)

    def __le__(self, other: Any) -> Any:
        return Symbol("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return Symbol("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return Symbol("greater_equal", self, other)

    def __eq__(self, other: object) -> Any:
        return Symbol("equal", self, other)

    def __ne__(self, other: object) -> Any:
        return Symbol("not_equal", self, other)

    def __and__(self, other: Any) -> Any:
        return Symbol("logical_and", self, other)

    def __or__(self, other: Any) -> Any:
        return Symbol("logical_or", self, other)

    def __invert__(self) -> Any:
        return Symbol("logical_not", self)

    def __array_ufunc__(self, function: Any, method: str, *args: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        args = tuple(a.item() if isinstance(a, np.generic) or (isinstance(a, np.ndarray) and a.ndim == 0) else a for a in args)
        operator = {np.add: "__add__", np.subtract: "__sub__", np.multiply: "__mul__", np.divide: "__truediv__", np.power: "__pow__"}.get(function)
        if operator is not None:
            first = args[0] if isinstance(args[0], Symbol) else None
            return getattr(first, operator)(args[1]) if first is not None else getattr(args[1], f"__r{operator[2:]}")(args[0])
        return Symbol(function.__name__, *args)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return Symbol(function.__name__, *args)


def _is(value: Any, number: float) -> bool:
    return isinstance(value, (int, float)) and value == number


def _sum(a: Any, b: Any) -> Any:
    if _is(a, 0):
        return b
    if _is(b, 0):
        return a
    if isinstance(b, (int, float)) and b < 0:
        return Symbol("sub", a, -b)
    if isinstance(b, Symbol) and b.op == "neg" and not b.local:
        return Symbol("sub", a, b.args[0])
    return Symbol("add", a, b)


def _product(a: Any, b: Any) -> Any:
    if _is(a, 0) or _is(b, 0):
        return 0.0
    if _is(a, 1) or _is(b, 1):
        return b if _is(a, 1) else a
    if isinstance(a, (int, float)) and a < 0:
        return -_product(-a, b)
    if isinstance(a, Symbol) and a.op == "neg" and not a.local:
        return -_product(a.args[0], b)
    if isinstance(b, Symbol) and b.op == "neg" and not b.local:
        return -_product(a, b.args[0])
    if isinstance(b, Symbol) and b.op == "div" and not b.local and _is(b.args[0], 1):
        return Symbol("div", a, b.args[1])
    return Symbol("mul", a, b)


def named(name: str) -> Symbol:
    """The symbol of this name."""
    return Symbol("name", name)


def symbol_of(value: Any) -> Any:
    """The symbol or number in a quantity, or the value itself."""
    return value.value if isinstance(value, Quantity) else value


def parts(value: Any) -> Iterator[Symbol]:
    """All symbols of an expression, the `value`, what is used before what uses it, each once."""
    seen: set[int] = set()

    def walk(each: Any) -> Iterator[Symbol]:
        if isinstance(each, Symbol) and id(each) not in seen:
            seen.add(id(each))
            for part in each.args:
                yield from walk(part)
            yield each

    yield from walk(value)


@contextmanager
def naming(taken: set[str]) -> Iterator[None]:
    """While equations are called, give symbols the names of the local variables that hold them, and calls of `neuropil.maths` their own.

    Args:
        taken: names that mean something else: states, parameters, inputs.
    """
    functions = {getattr(maths, name).__code__: name for name in maths.__all__}
    held: dict[str, Symbol] = {}

    def watch(frame: FrameType, event: str, result: Any) -> None:
        if event != "return" or result is None:
            return
        if frame.f_code in functions:
            _as_call(symbol_of(result), functions[frame.f_code], frame)
        elif (module := frame.f_globals.get("__name__", "")) not in _CORE and module.partition(".")[0] != "numpy":
            for name, value in frame.f_locals.items():
                symbol = symbol_of(value)
                nameless = isinstance(symbol, Symbol) and symbol.op != "name" and not symbol.local and name not in taken and name != "self"
                if nameless and held.setdefault(name, symbol) is symbol:
                    symbol.local = name

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(before)


def _as_call(symbol: Any, name: str, frame: FrameType) -> None:
    """Let a symbol be the call of a function with the arguments that its frame had."""
    if isinstance(symbol, Symbol) and symbol.op != "name":
        names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        symbol.op, symbol.args = name, tuple(symbol_of(v) for v in _arguments(frame, names))


def _arguments(frame: FrameType, names: tuple[str, ...]) -> list[Any]:
    return [frame.f_locals[name] for name in names]


def called(method: Callable[..., Any], *args: Any, taken: set[str]) -> Any:
    """What an equation returns for symbols; its symbols have names.

    Args:
        method: the equation, bound to its model.
        args: its arguments, quantities of symbols.
        taken: as of `naming`.

    Raises:
        NoSymbol: the equation cannot be called on symbols.
    """
    try:
        with naming(taken):
            return method(*args)
    except NoSymbol:
        raise
    except Exception as error:
        raise NoSymbol("an equation cannot be called on symbols", got=f"{type(error).__name__}: {error}") from error
