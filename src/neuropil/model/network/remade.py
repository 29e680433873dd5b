"""Whether code of the user, made again from its text, does what it did: compared before a network is written.

A text may be another than what was executed: the file has been edited since, an attribute of a class was set later, a class attribute was
computed from what has changed since, or two functions of one line were taken for each other.
"""

from __future__ import annotations

import dis
import functools
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from neuropil.model.network.source_text import closed_over
from neuropil.units import Quantity

_LOADS = {"LOAD_GLOBAL": "LOAD", "LOAD_NAME": "LOAD", "LOAD_DEREF": "LOAD", "LOAD_CLASSDEREF": "LOAD", "LOAD_METHOD": "LOAD_ATTR"}
_SILENT = frozenset({"RESUME", "COPY_FREE_VARS", "MAKE_CELL", "LOAD_CLOSURE", "NOP", "PUSH_NULL", "PRECALL", "CACHE", "EXTENDED_ARG"})
_PLAIN = (str, bytes, int, float, complex, bool, type(None), Quantity, np.generic)


def difference(one: Any, other: Any) -> str | None:
    """Where a class or function, and what was made from its text, differ; None: nowhere.

    Args:
        one: the class or function.
        other: what was made.
    """
    return next(_differences(one, other, getattr(one, "__name__", repr(one)), set()), None)


def _differences(one: Any, other: Any, path: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    if (id(one), id(other)) in seen:
        return
    seen.add((id(one), id(other)))
    if isinstance(one, FunctionType) and isinstance(other, FunctionType):
        if list(_instructions(one.__code__)) != list(_instructions(other.__code__)):
            yield path
        for each in ("__defaults__", "__kwdefaults__"):
            yield from _differences(getattr(one, each), getattr(other, each), path, seen)
        enclosed = closed_over(other)
        for name, value in closed_over(one).items():
            if name in enclosed:
                yield from _differences(value, enclosed[name], f"{path}: {name}", seen)
    elif isinstance(one, type) and isinstance(other, type) and one.__name__ == other.__name__:
        if one is not other:
            yield from _attributes(one, other, path, seen)
    elif type(one).__qualname__ != type(other).__qualname__:
        yield path
    elif inner := _inner(one):
        yield from _differences(inner(one), inner(other), path, seen)
    elif isinstance(one, np.ndarray):
        if one.dtype != other.dtype or not np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"):
            yield path
    elif isinstance(one, (list, tuple)):
        if len(one) != len(other):
            yield path
        for a, b in zip(one, other, strict=False):
            yield from _differences(a, b, path, seen)
    elif isinstance(one, dict):
        if list(map(repr, one)) != list(map(repr, other)):
            yield path
        for a, b in zip(one.values(), other.values(), strict=False):
            yield from _differences(a, b, path, seen)
    elif isinstance(one, _PLAIN) and repr(one) != repr(other):  # NaN is itself
        yield path


def _attributes(one: type, other: type, path: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    """What two classes define, but for what Python adds of itself."""
    mine, yours = ({n: v for n, v in vars(kind).items() if isinstance(v, FunctionType) or not n.startswith("__")} for kind in (one, other))
    for name in sorted(mine.keys() | yours.keys()):
        if name not in mine or name not in yours:
            yield f"{path}.{name}"
        else:
            yield from _differences(mine[name], yours[name], f"{path}.{name}", seen)


def _inner(value: Any) -> Callable[[Any], Any] | None:
    """What reads the functions of a method that is bound to a class, of a property, or of what wraps a function."""
    if isinstance(value, (staticmethod, classmethod)):
        return lambda method: method.__func__
    if isinstance(value, functools.partial):
        return lambda given: (given.func, given.args, given.keywords)
    if isinstance(value, functools._lru_cache_wrapper):
        return lambda kept: (kept.__wrapped__, kept.cache_parameters())
    if isinstance(value, property):
        return lambda each: (each.fget, each.fset, each.fdel)
    return None


def _instructions(code: CodeType) -> Iterator[Any]:
    """What code does, whether a name is of the module or of the function around it."""
    jumps, before = {*dis.hasjrel, *dis.hasjabs}, ""
    for each in dis.get_instructions(code):
        encloses, before = before == "LOAD_CLOSURE" and each.opname == "BUILD_TUPLE", each.opname
        if each.opname in _SILENT or encloses:
            continue
        kind = _LOADS.get(each.opname, each.opname)
        if isinstance(each.argval, CodeType):
            yield kind, each.argval.co_name, list(_instructions(each.argval))
        elif each.opcode in jumps or each.opname == "MAKE_FUNCTION":
            yield (kind,)
        else:
            yield kind, repr(sorted(each.argval, key=repr) if isinstance(each.argval, frozenset) else each.argval)
