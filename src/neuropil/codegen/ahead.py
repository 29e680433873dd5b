"""Kernels compiled ahead by a second process, for a start with an empty cache: Numba compiles one function at a time in each.

Kernels of the package that are missing from the cache are queued; the helper takes them from the end of the queue, this process from the
beginning, as it comes to need them. What the helper made comes back through the cache. Without a helper (one core, no right to start
processes, or one that failed) this process compiles everything, as it would have. The helper ends when it has been idle for a while.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple

from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

from neuropil.codegen.kernel_cache import Compilations
from neuropil.kept_files import directory

IDLE_SECONDS = 10.0
"""After so long without work the helper ends."""
WORTH_STARTING = 4
"""Missing kernels for which a helper is started: fewer are compiled before it would be ready."""


class Task(NamedTuple):
    """A kernel (a dispatcher of Numba) to be compiled.

    Attributes:
        kernel: it.
        call: module, name and arguments of what another process calls for that; None if it would find nothing there.
        types: of the kernel's arguments, of Numba; None: those that the call gives it.
    """

    kernel: Any
    call: tuple[str, str, tuple[Any, ...]] | None
    types: tuple[Any, ...] | None = None

    @classmethod
    def of(cls, kernel: Any, types: tuple[Any, ...]) -> Task:
        """A kernel for arguments of these types.

        Args:
            kernel: a dispatcher; types: of Numba.
        """
        module, name = kernel.py_func.__module__, kernel.py_func.__name__
        found = module.startswith("neuropil.") and getattr(sys.modules.get(module), name, None) is kernel
        return cls(kernel, (module, name, types) if found else None, types)

    @property
    def missing(self) -> bool:
        """It would have to be compiled."""
        cache = self.kernel._cache
        if self.types is None:
            return not self.kernel.overloads and not cache.known
        return self.types not in self.kernel.overloads and not cache.holds(self.types, self.kernel.targetctx)


class Helper:
    """The second process, and the thread that hands it tasks.

    Attributes:
        process: that it helps; alive: it still does.
        queue: tasks that have not begun.
        flying: the task that it compiles; made: those that it compiled and that were not asked for yet.
    """

    def __init__(self) -> None:
        self.queue: list[Task] = []
        self.flying: Task | None = None
        self.made: set[Task] = set()
        self.process, self.alive = os.getpid(), True
        self._changed = threading.Condition()
        package = str(Path(__file__).parents[2])
        paths = [p for p in sys.path if p]
        environment = {**os.environ, "NEUROPIL_CACHE": str(directory()), "PYTHONPATH": os.pathsep.join(dict.fromkeys([*paths, package]))}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from neuropil.codegen.ahead import serve; serve()"], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        atexit.register(self._process.kill)
        threading.Thread(target=self._feed, daemon=True, name="neuropil-ahead").start()

    def add(self, tasks: Sequence[Task]) -> None:
        """Queue kernels.

        Args:
            tasks: the kernels.
        """
        with self._changed:
            self.queue += [t for t in tasks if t not in self.queue and t != self.flying and t not in self.made]
            self._changed.notify_all()

    def take(self, task: Task) -> None:
        """The caller wants a kernel now: it compiles it itself, unless the helper has begun; then it waits.

        Args:
            task: the kernel.
        """
        with self._changed:
            if task in self.queue:
                self.queue.remove(task)
            self._changed.wait_for(lambda: self.flying != task)
            if task in self.made:
                self.made.discard(task)
                Compilations.add(1)

    def _feed(self) -> None:
        """Hand over one task after the other."""
        try:
            while True:
                with self._changed:
                    if not self._changed.wait_for(lambda: self.queue, IDLE_SECONDS):
                        break
                    task = self.flying = self.queue.pop()
                done = self._compile(task)
                with self._changed:
                    self.made |= {task} if done else set()
                    self.flying = None
                    self._changed.notify_all()
        except (OSError, EOFError, pickle.PickleError):
            pass  # it has ended; this process compiles what is left
        finally:
            with self._changed:
                self.alive, self.flying = False, None
                self.queue.clear()
                self._changed.notify_all()
            self._process.kill()
            with self._process:  # closes its pipes, and waits for its end
                atexit.unregister(self._process.kill)

    def _compile(self, task: Task) -> bool:
        assert self._process.stdin is not None and self._process.stdout is not None
        _send(self._process.stdin, dumps(task.call))
        return bool(pickle.loads(_receive(self._process.stdout)))


_HELPER: list[Helper] = []
_LOCK = threading.Lock()


def _helper() -> Helper | None:
    """The helper of this process; a copy made by a fork has none."""
    return next((h for h in _HELPER if h.alive and h.process == os.getpid()), None)


def begin(tasks: Sequence[Task], worth: int = WORTH_STARTING) -> None:
    """Have kernels that are missing compiled ahead, where that is possible.

    Args:
        tasks: the kernels, in the order in which this process will come to need them.
        worth: so many of them must be missing to start a helper.
    """
    if _cores() < 2:
        return
    missing = [t for t in dict.fromkeys(tasks) if t.call is not None and t.missing]
    with _LOCK:
        if _helper() is None and len(missing) >= worth:
            with suppress(OSError):
                _HELPER[:] = [Helper()]
        if (helper := _helper()) is not None:
            helper.add(missing)


def busy_with(task: Task) -> bool:
    """Whether the helper is compiling a kernel (`task`) now."""
    helper = _helper()
    return helper is not None and helper.flying == task


def take(task: Task) -> None:
    """To be called before a kernel (`task`) is compiled or loaded: returns when no other process is about to compile it."""
    if (helper := _helper()) is not None:
        helper.take(task)


def serve() -> None:
    """What the helper does until its input ends: compile kernels into the cache."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that it helps
    source, answer = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    with suppress(EOFError, OSError):
        while True:
            module, name, arguments = pickle.loads(_receive(source))
            try:
                called = getattr(import_module(module), name)
                called.compile(arguments) if isinstance(called, Dispatcher) else called(*arguments)
                done = True
            except Exception:  # who needs the kernel meets the error again, and shows it
                done = False
            _send(answer, pickle.dumps(done))


def _send(stream: IO[bytes], data: bytes) -> None:
    stream.write(len(data).to_bytes(8, "little") + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    size = stream.read(8)
    data = stream.read(int.from_bytes(size, "little"))
    if len(size) < 8 or len(data) < int.from_bytes(size, "little"):
        raise EOFError
    return data


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
