"""How functions are compiled: kernels, each once and kept on disk, and the inner functions that they are made of.

A kernel has, beside its entry from Python, one by which a network's program calls it (`neuropil.codegen.entries`).

Numba compiles every function that another calls to machine code of its own as well, with an entry from Python; of a kernel with its ten
inner functions that is most of the time. Inner functions here end in the kernels that call them.

Numba's own cache believes its files. Here each is sealed and ours alone
(`neuropil.kept_files`), and holds the key it was compiled for: what does not fit is compiled anew. Its name is the digest of all code
that a kernel depends on (`neuropil.codegen.digest`), and nothing else.
"""

from __future__ import annotations

import ctypes
import gc
import re
import secrets
import sys
import weakref
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import Cache, CompileResultCacheImpl
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, Flags, compile_extra
from numba.core.cpu import CPUContext
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.runtime import rtsys
from numba.core.serialize import dumps

from neuropil.codegen.digest import digest_of
from neuropil.codegen.entries import add_entry
from neuropil.kept_files import directory, read_sealed, write_sealed


def cached_njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A kernel: `numba.njit` with these options, and with this cache in place of Numba's (what its `cache=True` would use)."""

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(**options)(function)
        dispatcher._compiler = _KernelCompiler(function, dispatcher.targetdescr, dispatcher.targetoptions, {}, Compiler)
        dispatcher._cache = KernelCache(dispatcher)  # as `Dispatcher.enable_caching` does
        return dispatcher

    return decorate


def inner_njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A function that kernels are made of, to be called from them alone: it becomes part of each. From Python it is a TypeError.

    Args:
        options: of `numba.njit`.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(**options)(function)
        dispatcher._compiler = _InnerCompiler(function, dispatcher.targetdescr, dispatcher.targetoptions, {}, Compiler)
        return dispatcher

    return decorate


class Compilations:
    """Counts the kernels that are compiled for this process while it is entered; those that come from the cache do not count.

    Attributes:
        count: how many, all times together.
    """

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self._before = _KernelCompiler.compiled

    def __exit__(self, *error: object) -> None:
        self.count += _KernelCompiler.compiled - self._before

    @staticmethod
    def add(kernels: int) -> None:
        """Count kernels that another process compiled for this one.

        Args:
            kernels: their number.
        """
        _KernelCompiler.compiled += kernels


_compile_whole = _FunctionCompiler._compile_core
"""How Numba compiles a function: to machine code, with an entry from Python."""


def _compile_inner(self: Any, args: Any, return_type: Any) -> Any:
    """The same for what kernels call: it stops before the machine code."""
    flags = Flags()
    self.targetdescr.options.parse_as_flags(flags, self.targetoptions)
    flags = self._customize_flags(flags)
    flags.no_cfunc_wrapper = flags.no_cpython_wrapper = True
    context = self.targetdescr.target_context
    return compile_extra(
        self.targetdescr.typing_context, context, self._get_implementation(args, {}), args=args, return_type=return_type, flags=flags, locals=self.locals,
        library=_InnerLibrary(context.codegen(), self.py_func.__qualname__), pipeline_class=self.pipeline_class,
    )  # fmt: skip


class _KernelCompiler(_FunctionCompiler):
    """Compiles with an entry for programs in the place of the one for C, and with the garbage collector off: a compiler makes much garbage.

    What Numba itself has compiled for a kernel (its own functions, such as `np.empty`, for these types) is compiled as inner functions are.
    The caller holds Numba's lock, so no other thread compiles meanwhile.
    """

    compiled = 0

    def _compile_core(self, args: Any, return_type: Any) -> Any:
        return _compile_whole(self, args, return_type)

    def compile(self, args: Any, return_type: Any) -> Any:
        running, usual = gc.isenabled(), (_FunctionCompiler._compile_core, CPUContext.create_cfunc_wrapper)
        gc.disable()
        _FunctionCompiler._compile_core, CPUContext.create_cfunc_wrapper = _compile_inner, add_entry
        try:
            made = super().compile(args, return_type)
        finally:
            _FunctionCompiler._compile_core, CPUContext.create_cfunc_wrapper = usual
            if running:
                gc.enable()
        _KernelCompiler.compiled += 1
        return made


class _InnerCompiler(_FunctionCompiler):
    """Stops before the machine code."""

    _compile_core = _compile_inner


class _InnerLibrary(JITCodeLibrary):
    """Code that is linked into that of its callers, and optimised there."""

    @property
    def codegen(self) -> _InnerLibrary:
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """What Python objects a function refers to: none."""

    def get_pointer_to_function(self, name: str) -> int:
        """What a call from Python meets: a TypeError."""
        self._ensure_finalized()
        address = ctypes.cast(ctypes.pythonapi.PyErr_BadArgument, ctypes.c_void_p).value
        assert address is not None
        return address

    def _optimize_final_module(self) -> None:
        """Done by the callers."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


class KernelCache(Cache):
    """The compiled versions of one function, by the types of its arguments and the processor.

    Args:
        dispatcher: of Numba, of the function.
    """

    def __init__(self, dispatcher: Any):
        self._name, self._py_func = repr(dispatcher.py_func), dispatcher.py_func
        self._impl = _Kernel(dispatcher)
        self.enable()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """A version, if it is kept: without all that Numba would first load in order to compile.

        Args:
            sig: types of the arguments.
            target_context: of Numba.
        """
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def holds(self, sig: Any, target_context: Any) -> bool:
        """Whether a version is kept.

        Args:
            sig: types of the arguments.
            target_context: of Numba.
        """
        return self._cache_file.holds(self._index_key(sig, target_context.codegen()))

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        """Types and processor: the code, with closures, is in the name of the file. (Numba adds a pickled closure, which differs between processes.)"""
        return sig, codegen.magic_tuple()

    @property
    def known(self) -> bool:
        """Whether any version is kept."""
        return self._cache_file.index.exists()

    @property
    def cache_path(self) -> str:
        """The folder of the compiled versions."""
        return str(self._cache_file.index.parent)

    @cached_property
    def _cache_file(self) -> KernelFiles:
        """Found when it is wanted: nothing is read at import."""
        return KernelFiles(directory() / "__pycache__", self._impl.file_name())


class KernelFiles:
    """Files of the versions of a function, and an index of them.

    Args:
        folder: where they lie.
        name: with which their names begin.
    """

    def __init__(self, folder: Path, name: str):
        self._folder, self._name = folder, name
        self.index = folder / f"{name}.nbi"

    def load(self, key: Any) -> Any:
        """The data of the version with this key; None if there is none, or none that can be trusted."""
        name = self._index().get(key)
        found = None if name is None else read_sealed(self._folder / name)
        return found[1] if found is not None and found[0] == key else None

    def holds(self, key: Any) -> bool:
        """Whether there is a version with this key."""
        return key in self._index()

    def save(self, key: Any, data: Any) -> None:
        """Keep the data of the version with this key. Processes may do so at once: what one of them loses, the next start compiles."""
        name = f"{self._name}.{secrets.token_hex(8)}.nbc"
        write_sealed(self._folder / name, dumps((key, data)))
        write_sealed(self.index, dumps({**self._index(), key: name}))

    def flush(self) -> None:
        """Forget all versions."""
        write_sealed(self.index, dumps({}))

    def _index(self) -> dict[Any, str]:
        return read_sealed(self.index) or {}


class _Kernel(CompileResultCacheImpl):
    """How Numba packs what it compiled; where it goes is not its business here."""

    def __init__(self, dispatcher: Any):
        self._dispatcher = weakref.ref(dispatcher)
        self._lineno = dispatcher.py_func.__code__.co_firstlineno
        self._py_file = dispatcher.py_func.__code__.co_filename

    @property
    def locator(self) -> _Kernel:
        return self

    _locator = locator

    def ensure_cache_path(self) -> None:
        """Folders are made when something is written."""

    def file_name(self) -> str:
        """What it is, for people, and the digest of all that it depends on."""
        dispatcher = self._dispatcher()
        assert dispatcher is not None  # it holds this
        name = re.sub(r"[^A-Za-z0-9_.]", "", dispatcher.py_func.__qualname__)[:100]
        return f"{name}-{digest_of(dispatcher)[:32]}.{sys.implementation.cache_tag}"
