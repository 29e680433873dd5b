"""All that a piece of Python reads, as a digest: its code and, transitively, the functions, closures, globals, classes and modules behind it.

Equal digests mean equal equations, so what was traced of them at an earlier start still holds. Code of this package counts by its text, that
of libraries by their versions, any other by its bytecode and by the values of all names that it may look up. Where it cannot be shown what
code reads (a file, a clock, an attribute whose name is computed, an object written in C), `Unreadable` is raised: the equations are then
traced again.
"""

from __future__ import annotations

import abc
import builtins
import dis
import enum
import functools
import hashlib
import inspect
import sys
import typing
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import numpy as np

from neuropil.units import Quantity

_PACKAGE = Path(__file__).parent.parent
_ROOMS = ("lower", "model", "zoo")
"""What equations of the package are made of and traced by, besides the modules beside these rooms."""
_LIBRARIES = frozenset({
    "numpy", "jax", "jaxlib", "math", "cmath", "operator", "_operator", "builtins", "typing", "fractions", "functools", "itertools", "abc", "enum",
    "collections", "types",
})  # fmt: skip
"""Libraries whose functions and classes count by name and version."""
_FORBIDDEN = frozenset({
    "open", "input", "exec", "eval", "compile", "__import__", "globals", "locals", "vars", "dir", "getattr", "setattr", "delattr", "id", "hash",
    "memoryview", "import_module", "attrgetter", "methodcaller", "environ", "__dict__", "__globals__", "__builtins__", "__getattribute__",
    "random", "load", "loadtxt", "genfromtxt", "fromfile", "fromregex", "memmap", "open_memmap", "geterr", "get_printoptions", "getbufsize",
    "ctypeslib", "lib", "pure_callback", "io_callback",
})  # fmt: skip
"""Names through which code may read what no digest shows."""
_OPERATIONS = frozenset(dis.opmap[n] for n in ("IMPORT_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"))
"""Instructions that do."""
_DERIVED = frozenset({
    "__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__",
    "__firstlineno__", "__static_attributes__", "__parameters__", "__orig_bases__", "__abstractmethods__", "_abc_impl", "__dataclass_fields__",
    "__dataclass_params__", "__match_args__", "__slotnames__",
})  # fmt: skip
"""Members of a class that follow from the others, or decide nothing."""
_HOLLOW = (object, abc.ABC, enum.Enum, typing.Generic, typing.Protocol)
"""Classes of libraries whose objects hold nothing but what is in their `__dict__`."""
LARGEST_ARRAY = 1 << 20
"""Bytes of an array that is read: of a larger one a digest would take longer than a trace."""
_GENERATED = "<string>"
"""The file of the methods that a dataclass writes itself."""
_CACHED = type(cache(lambda: None))
_PLAIN = (bool, int, float, complex, str, bytes, Fraction, range, slice, type(None), type(Ellipsis), type(NotImplemented))


class Unreadable(Exception):
    """Something of which it cannot be shown what it reads."""


def digest_of(*values: Any) -> str:
    """Digest of values, and of all that the functions and classes among them read.

    Args:
        values: such as classes, functions, names and numbers.

    Raises:
        Unreadable: it cannot be shown what they read.
    """
    reader = _Reader()
    try:
        reader.value(values)
        reader.look_up()
    except RecursionError as error:
        raise Unreadable(values) from error
    return reader.hash.hexdigest()


@cache
def package() -> str:
    """Digest of the versions of what traces, and of the package's text that equations are made of and traced by."""
    digest = hashlib.sha256(" ".join([sys.version, np.__version__, _version("jax"), _version("jaxlib"), _version("scipy")]).encode())
    files = [*sorted(_PACKAGE.glob("*.py")), *(p for room in _ROOMS for p in sorted((_PACKAGE / room).rglob("*.py")))]
    if not files:
        raise Unreadable(_PACKAGE)  # a package without its text
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _version(library: str) -> str:
    """The version of a library, without importing it: the name of the folder of its metadata."""
    for folder in sys.path:
        for found in sorted(Path(folder or ".").glob(f"{library}-*.dist-info")):
            return found.name
    raise Unreadable(library)


class _Reader:
    """Absorbs values into a hash; an object that can hold itself counts once, and later by its number.

    Attributes:
        hash: of all so far.
        seen: address -> (number, object) of what was met; the objects are held, so that no other takes an address.
        names: every name that code outside of the package may look up; modules: where.
    """

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.seen: dict[int, tuple[int, Any]] = {}
        self.names: set[str] = set()
        self.modules: list[ModuleType] = []

    def put(self, *texts: str) -> None:
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            self.hash.update(len(data).to_bytes(8, "little") + data)

    def look_up(self) -> None:
        """What code may read of the modules that it met: every name that occurs in any of it."""
        done: set[tuple[int, str]] = set()
        while ahead := [(m, n) for m in self.modules for n in sorted(self.names) if (id(m), n) not in done]:
            for module, name in ahead:
                done.add((id(module), name))
                if name in vars(module):
                    self.put("of", module.__name__, name)
                    self.value(vars(module)[name])

    # --- values ----------------------------------------------------------------------------------------------------

    def value(self, value: Any) -> None:
        """Add a value."""
        kind = type(value)
        self.put(kind.__name__)
        if kind in _PLAIN or (isinstance(value, (np.generic, np.dtype)) and _root(kind.__module__) == "numpy"):
            self.put(repr(value))
        elif kind is tuple:
            self.all(value)
        elif kind is Quantity:
            self.all((value.value, value.dimension))
        elif kind in (set, frozenset):
            if not all(isinstance(v, (str, int, bytes)) for v in value):
                raise Unreadable(value)
            self.all(sorted(map(repr, value)))
        elif self.new(value):
            self.thing(value)

    def new(self, value: Any) -> bool:
        """Whether an object is met for the first time."""
        if id(value) in self.seen:
            self.put("again", str(self.seen[id(value)][0]))
            return False
        self.seen[id(value)] = (len(self.seen), value)
        return True

    def all(self, values: Iterable[Any]) -> None:
        several = list(values)
        self.put(str(len(several)))
        for value in several:
            self.value(value)

    def thing(self, value: Any) -> None:
        """Add what holds others, has code, or is of a class that has."""
        kind = type(value)
        if kind is list:
            self.all(value)
        elif kind in (dict, MappingProxyType):
            self.all(part for item in value.items() for part in item)
        elif kind is np.ndarray and not value.dtype.hasobject:
            if value.nbytes > LARGEST_ARRAY:
                raise Unreadable(value.shape)
            self.put(str((value.dtype, value.shape)))
            self.hash.update(np.ascontiguousarray(value).tobytes())
        elif kind is FunctionType:
            self.function(value)
        elif kind is MethodType:
            self.all((value.__func__, value.__self__))
        elif kind in (staticmethod, classmethod):
            self.value(value.__func__)
        elif kind is property:
            self.all((value.fget, value.fset, value.fdel))
        elif kind is functools.partial:
            self.all((value.func, value.args, value.keywords))
        elif kind is functools.cached_property:
            self.value(value.func)
        elif kind is _CACHED:
            self.value(value.__wrapped__)
        elif isinstance(value, ModuleType):
            self.module(value)
        elif isinstance(value, type):
            self.kind(value)
        elif not self.named(value):
            self.instance(value)

    def named(self, value: Any) -> bool:
        """Add a function of a library, which counts by its name; false if it is none."""
        home, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
        home = "numpy" if home is None and isinstance(value, np.ufunc) else home
        if not (isinstance(home, str) and isinstance(name, str)) or _root(home) not in _LIBRARIES or vars(sys.modules.get(home, builtins)).get(name) is not value:
            return False
        if name in _FORBIDDEN:
            raise Unreadable(value)
        self.put(home, name)
        return True

    def module(self, module: ModuleType) -> None:
        """Add a module; what is read of it, see `look_up`."""
        root = _root(module.__name__)
        if root in _LIBRARIES:
            if root == "numpy" and module is not np:  # such as numpy.random
                raise Unreadable(module)
        elif root in sys.stdlib_module_names:
            raise Unreadable(module)
        else:
            self.modules.append(module)
        self.put(module.__name__)

    def instance(self, value: Any) -> None:
        """Add an object of a class written in Python: its class and what it holds."""
        kind = type(value)
        known = all(k in _HOLLOW or not (_root(k.__module__) in _LIBRARIES or _standard(k)) for k in kind.__mro__)
        if not known or any(vars(k).get("__slots__") for k in kind.__mro__) or "__dict__" not in dir(kind):
            raise Unreadable(value)
        self.value(kind)
        self.value(dict(vars(value)))

    # --- code ------------------------------------------------------------------------------------------------------

    def function(self, function: FunctionType) -> None:
        """Add a function: of this package by its code, whose surroundings are the package's text; any other with all that it reads."""
        own = _covered(function.__code__.co_filename)
        self.put(str(function.__module__), function.__qualname__)
        self.code(function.__code__, own)
        self.all((function.__defaults__, function.__kwdefaults__))
        for cell in function.__closure__ or ():
            try:
                self.value(cell.cell_contents)
            except ValueError:  # not filled yet
                self.put("empty")
        if not own:
            self.value(dict(vars(function)))
            for name in sorted({*_names(function.__code__)} & function.__globals__.keys()):
                self.put("global", name)
                self.value(function.__globals__[name])

    def code(self, code: CodeType, own: bool) -> None:
        """Add what a code object does, without numbers of lines."""
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        self.put(code.co_code.hex(), code.co_exceptiontable.hex(), repr((names, counts)))
        if not own:
            if not _FORBIDDEN.isdisjoint(code.co_names) or not _OPERATIONS.isdisjoint(code.co_code[::2]):
                raise Unreadable(code)
            self.names.update(code.co_names)
            self.names.update(c for c in code.co_consts if isinstance(c, str))
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self.code(constant, own)
            else:
                self.value(constant)

    def kind(self, kind: type) -> None:
        """Add a class: its members, and those of its bases."""
        if _root(type(kind).__module__) not in ("neuropil", *_LIBRARIES):  # a metaclass may do anything
            raise Unreadable(kind)
        for base in kind.__mro__:
            root = _root(base.__module__)
            self.put("class", base.__module__, base.__qualname__)
            if root in _LIBRARIES or (_standard(base) and issubclass(base, BaseException)):
                continue
            if _standard(base):
                raise Unreadable(base)
            if base is kind or self.new(base):
                self.members(base)

    def members(self, kind: type) -> None:
        """Add the members of a class; those of the package's machinery, whose text counts, only where they are another's."""
        machinery = _covered(getattr(sys.modules.get(kind.__module__), "__file__", None) or "") and not kind.__module__.startswith("neuropil.zoo")
        for name, member in sorted(vars(kind).items()):
            if name not in _DERIVED and not (machinery and _as_written(member)):
                self.put("member", name)
                self.value(member)


def _as_written(member: Any) -> bool:
    """Whether a member of a class of the package is that of its text; a dataclass writes some itself."""
    function = inspect.unwrap(getattr(member, "__func__", member))
    return not isinstance(function, FunctionType) or function.__code__.co_filename == _GENERATED or _covered(function.__code__.co_filename)


def _names(code: CodeType) -> Iterator[str]:
    """The names that a code object and those within it may look up among globals."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _root(module: str) -> str:
    return module.partition(".")[0]


def _standard(kind: type) -> bool:
    """Whether a class is of the standard library."""
    return kind.__module__ != "__main__" and _root(kind.__module__) in sys.stdlib_module_names


@cache
def _covered(file: str) -> bool:
    """Whether a file is of the text that `package` covers."""
    path = Path(file)
    inside = path.relative_to(_PACKAGE).parts if _PACKAGE in path.parents else ()
    return len(inside) == 1 or inside[:1] in [(room,) for room in _ROOMS]
