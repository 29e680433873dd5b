"""When a simulation may run: one caller at a time, in the process that made it, until it is closed or left in the middle.

What a step changes (states, the number of the step, what was recorded) is committed together or not at all: an error between
them leaves a simulation that says so instead of going on from half a step.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from neuropil.errors import SimulationError
from neuropil.model.network.network import Network

T = TypeVar("T")


def contents(network: Network) -> dict[str, int]:
    """How many things of each kind a network holds."""
    modulators = list(network.modulators.values())
    kinds = {kind: len(held) for kind, held in vars(network).items() if isinstance(held, (list, dict)) and kind != "published"}
    kinds["releases"] = sum(len(m.releases) for m in modulators)
    return {**kinds, "effects": sum(len(m.effects) for m in modulators)}


def between_steps(method: Callable[..., T]) -> Callable[..., T]:
    """A method, of what has the guard of a simulation, that changes it between steps: not while another thread runs it, not after it was closed."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **options: Any) -> T:
        with self._guard.using(method.__name__):
            return method(self, *args, **options)

    return guarded


class _Held:
    """A context that keeps other callers out. It is made once for each kind of call: a closed loop enters and leaves it at every step."""

    __slots__ = ("_advances", "_guard", "_what")

    def __init__(self, guard: CallerGuard, what: str, advances: bool):
        self._guard, self._what, self._advances = guard, what, advances

    def __enter__(self) -> None:
        guard = self._guard
        guard._enter(self._what)
        if self._advances:
            try:
                guard._begin(self._what)
            except BaseException:
                guard._lock.release()
                raise

    def __exit__(self, *error: object) -> None:
        guard = self._guard
        if self._advances:
            guard._running = False
        guard._lock.release()


class _Whole:
    """A context whose failure leaves a simulation that is no longer whole."""

    __slots__ = ("_guard",)

    def __init__(self, guard: CallerGuard):
        self._guard = guard

    def __enter__(self) -> None:
        self._guard._torn = True

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._guard._torn = kind is not None


class CallerGuard:
    """Of one simulation.

    Args:
        network: as it was described; changes of it after this moment are not part of the simulation.
    """

    def __init__(self, network: Network):
        self._network, self._contents = network, contents(network)
        self._lists = [vars(network)[kind] for kind in self._contents if kind in vars(network)]
        self._lists += [listed for m in network.modulators.values() for listed in (m.releases, m.effects)]
        self._sizes = list(map(len, self._lists))
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._contexts: dict[tuple[str, bool], _Held] = {}
        self._whole = _Whole(self)
        self._running = False
        self._torn = self._failed = False
        self.closed = False

    def running(self, what: str) -> _Held:
        """A context in which the simulation advances.

        Args:
            what: the call, for messages.

        Raises:
            SimulationError: it is running already, closed, of another process, or no longer whole; its network was changed.
        """
        return self._contexts.get((what, True)) or self._context(what, True)

    def using(self, what: str) -> _Held:
        """A context in which the simulation is read or changed as a whole, between steps.

        Args:
            what: the call, for messages.

        Raises:
            SimulationError: it is running in another thread, closed, of another process, or no longer whole.
        """
        return self._contexts.get((what, False)) or self._context(what, False)

    def _context(self, what: str, advances: bool) -> _Held:
        return self._contexts.setdefault((what, advances), _Held(self, what, advances))

    def whole(self) -> _Whole:
        """A context for what belongs together; if it fails, the simulation cannot go on."""
        return self._whole

    def fail(self) -> None:
        """Let in `result` and `restore` alone: an error ended a step that had begun, after all until then had been recorded."""
        self._failed = True

    def recover(self) -> None:
        """Let all calls in again: the simulation is in another state."""
        self._failed = False

    def _begin(self, what: str) -> None:
        """Begin to advance."""
        if self._running:
            raise SimulationError(f"{what}: this simulation is running", got="a call from its own progress function", fix="call it after run() or step() has returned")
        if list(map(len, self._lists)) != self._sizes:
            raise self._changed(what)
        self._running = True

    def _changed(self, what: str) -> SimulationError:
        now = contents(self._network)
        changed = ", ".join(f"{n - self._contents.get(kind, 0):+d} {kind}" for kind, n in now.items() if n != self._contents.get(kind, 0))
        return SimulationError(
            f"{what}: network {self._network.name!r} was changed after this simulation was made", got=changed,
            expected="a network that stays as it was: the simulation runs a copy, which changes do not reach",
            fix="make a new Simulation of it; to go on with this one as well, change a copy (copy.copy(network))",
        )  # fmt: skip

    def _enter(self, what: str) -> None:
        """Take the lock, or say why not."""
        if self._process != os.getpid():
            raise SimulationError(
                f"{what}: this simulation belongs to another process, whose threads a fork does not copy", got=f"process {os.getpid()}", expected=f"process {self._process}",
                fix='make it in the process that runs it (multiprocessing.get_context("spawn"))',
            )  # fmt: skip
        if not self._lock.acquire(blocking=False):
            raise SimulationError(f"{what}: this simulation is running in another Python thread", fix="one thread at a time, or a Simulation for each")
        if (self.closed or self._torn or self._failed) and (refusal := self._refusal(what)) is not None:
            self._lock.release()
            raise refusal

    def _refusal(self, what: str) -> SimulationError | None:
        """Why a call may not go on, if it may not."""
        if self.closed:
            return SimulationError(f"{what}: this simulation is closed", fix="make a new one; to go on with this one, do not close it before")
        if self._torn:
            return SimulationError(f"{what}: an error ended an earlier call in the middle of a step", fix="make a new Simulation, or resume from a checkpoint")
        if self._failed and what not in ("result", "restore"):
            return SimulationError(f"{what}: an error ended the last call at the beginning of a step", fix="result() gives what was recorded until then, restore(snapshot) goes back; or make a new Simulation")
        return None

    def close(self) -> bool:
        """Whether it was open until now, and is the caller's to close.

        Raises:
            SimulationError: it is running, here or in another thread.
        """
        if self.closed or self._process != os.getpid():
            return False
        if not self._lock.acquire(blocking=False):
            raise SimulationError("close: this simulation is running in another Python thread", fix="wait for it, or interrupt it")
        try:
            if self._running:
                raise SimulationError("close: this simulation is running", fix="close it after run() or step() has returned")
            self.closed = True
        finally:
            self._lock.release()
        return True
