"""How a simulation runs: up to a time or by steps, with checkpoints on the way, until Ctrl-C ends it between two steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from neuropil.engine import memory
from neuropil.engine.access.arguments import numbers
from neuropil.engine.chunks import Collected, joined
from neuropil.engine.core import FAULT, RUNAWAY
from neuropil.engine.interrupt import Stop, stoppable
from neuropil.engine.recording import Keeping
from neuropil.engine.resuming import Resuming
from neuropil.engine.runaway import runaway
from neuropil.errors import Interrupted, SimulationError
from neuropil.model.base import grid
from neuropil.result import Result
from neuropil.units import Quantity, ms

Progress = Callable[[str, float, dict[str, Any]], None]
"""Called as progress(phase, fraction done, details); phases are "trace", "compile", "build" and "run"."""


class Running(Resuming):
    """The part of a `Simulation` that runs."""

    _memory_limit: float | None
    _progress: Progress

    def run(self, duration: Quantity, *, checkpoint_every: Quantity | None = None) -> Result:
        """Run for a biological time, from where the simulation stands.

        Ctrl-C ends the run between two steps: what was recorded is saved, with a checkpoint if there are any, and `Interrupted` carries it
        (`error.result`, whose summary says "interrupted"). The run may then go on. The third Ctrl-C ends it in the middle.

        Args:
            duration: biological time to run for, a multiple of the time step from dt on.
            checkpoint_every: biological time between checkpoints, written to the `out` folder.

        Returns:
            The result of everything since the simulation began, or since what it resumed from if that was recorded elsewhere.

        Raises:
            SimulationError: a duration that is not a time or not on the grid; a state that became NaN or diverged, or an effect that left its bounds
                (`result` gives what was recorded, and it is kept in the folder; `restore` goes back).
            StorageError: the system refused to write; `error.result` holds what was recorded, and the run may go on.
            Interrupted: Ctrl-C.
        """
        return self._run_up_to(self.core.step + self._steps(duration, "the duration"), checkpoint_every)

    def run_until(self, time: Quantity, *, checkpoint_every: Quantity | None = None) -> Result:
        """Run up to a biological time, counted from the start of the simulation: what was run before, also before a checkpoint, counts.

        Args:
            time: the time to reach, later than `Simulation.time`; else as `run`.
            checkpoint_every: as of `run`.

        Returns:
            As of `run`.

        Raises:
            SimulationError: as `run`, and for a time that the simulation has reached already.
        """
        target = self._steps(time, "the time to run until")
        if target <= self.core.step:
            got, now = f"{target * self.plan.dt:.12g} ms", f"{self.core.step * self.plan.dt:.12g} ms"
            raise SimulationError("the simulation has reached this time already", got=got, expected=f"later than {now}", fix="run(duration) runs on from there; result() gives what was recorded so far")
        return self._run_up_to(target, checkpoint_every)

    def _steps(self, time: Any, what: str) -> int:
        return grid.steps(float(numbers(time, ms.dimension, what, ())), self.plan.dt, what, error=SimulationError)

    def _run_up_to(self, total: int, checkpoint_every: Quantity | None) -> Result:
        """Run to a step, with checkpoints on the way."""
        every = None
        if checkpoint_every is not None:
            every = self._steps(checkpoint_every, "checkpoint_every")
            if self._folder is None:
                raise SimulationError("checkpoint_every needs a folder", fix="pass out=...")
        with self._guard.running("run"), Keeping(self), stoppable() as stop:
            if every is not None:
                self.checkpoint()
            while self.core.step < total and not stop.is_set():
                target = total if every is None else min(total, (self.core.step // every + 1) * every)
                self._run_to(target, stop, total)
                if every is not None and self.core.step == target:
                    self.checkpoint()
            self.interrupted = stop.is_set() and self.core.step < total
            self._flush_pending()
            if self.interrupted and every is not None:
                self.checkpoint()
            result = self._result()  # still within: a Ctrl-C now must not cost the result
            self._check_stop(stop, result)
            return result

    def step(self, n: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Run n steps and return their spikes: stamps (steps) and global neuron indices.

        Between calls, states, weights of currents and inputs may be read and set; inside, nothing leaves native code.

        Raises:
            Interrupted: Ctrl-C, between two steps; with the spikes of the steps that were done.
            StorageError: as in `run`.
            SimulationError: not a whole number from 0; a state that became NaN or diverged.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise SimulationError("the number of steps must be a whole number", got=n)
        collected: Collected = []
        with self._guard.running("step"), Keeping(self), stoppable() as stop:
            target = self.core.step + int(n)
            self._run_to(target, stop, target, collected, silent=True)
            self._flush_pending(collected)
            spikes = collected[0] if len(collected) == 1 else joined(collected)
            self.interrupted = stop.is_set()
            if self.interrupted:
                self._check_stop(stop, self._result(), spikes)
            return spikes

    def _check_stop(self, stop: Stop, result: Result, spikes: Any = None) -> None:
        """Let Ctrl-C end what called."""
        if stop.is_set():
            where = "" if self._folder is None else f"; the result is in {self._folder}"
            raise Interrupted(f"Ctrl-C at t = {self.time}{where}", result, spikes)

    def _run_to(
        self, target: int, stop: Stop, total: int,
        collected: Collected | None = None, silent: bool = False,
    ) -> None:  # fmt: skip
        core = self.core
        self.memory["traces"] = memory.require_traces(self.recorder, core.step, total, self._memory_limit)
        self._reopen()
        while (core.step < target or core.pending) and not stop.is_set():
            begun = time.perf_counter()
            with self._guard.whole(), self._compilations:
                steps, status = self._chunks.run(target, collected)
            self.recorder.require_room()
            spent = time.perf_counter() - begun
            self.wall_seconds += spent
            self._session_seconds += spent
            if status == RUNAWAY:
                self.recorder.close()
                raise runaway(core)
            if status == FAULT and self._chunks.fault is not None:
                self.recorder.close()
                self._guard.fail()
                raise self._chunks.fault
            self._chunks.adapt(steps, status, spent)
            if not silent:
                self._report(total)

    def _report(self, total: int) -> None:
        biological = (self.core.step - self._session_start) * self.plan.dt / 1000.0
        factor = self._session_seconds / biological if biological else 0.0
        left = (total - self.core.step) * self.plan.dt / 1000.0 * factor
        info = {"real_time_factor": factor, "remaining_seconds": left, "biological_ms": self.core.step * self.plan.dt}
        self._progress("run", self.core.step / max(total, 1), info)
