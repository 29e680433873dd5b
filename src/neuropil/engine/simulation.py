"""Run a network: from a description to a result, in one call or step by step."""

from __future__ import annotations

import inspect
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.codegen.ahead import begin
from neuropil.codegen.kernel_cache import Compilations
from neuropil.engine import memory
from neuropil.engine.access.access import Access
from neuropil.engine.access.arguments import byte_limit, flag, numbers, path_of, thread_count
from neuropil.engine.access.reset import States, begin_anew, kept_states, starting_states
from neuropil.engine.access.synaptic_state import SynapticState
from neuropil.engine.access.upkeep import Upkeep
from neuropil.engine.caller import CallerGuard
from neuropil.engine.chunks import Chunks, Collected, joined
from neuropil.engine.core import RUNAWAY, Core
from neuropil.engine.interrupt import Stop, stoppable
from neuropil.engine.modulation.modulate import Modulation
from neuropil.engine.parameters.interventions import Interventions, Parameters, Settings
from neuropil.engine.record import checkpoint as checkpoints
from neuropil.engine.record.graded_values import GradedValues
from neuropil.engine.record.neuron_states import Amplitudes, NeuronStates
from neuropil.engine.record.recorder import Marks, Recorder, describe, tracks
from neuropil.engine.record.snapshot import Snapshot, take_up, taken
from neuropil.engine.record.start import fitted, shared
from neuropil.engine.runaway import runaway
from neuropil.engine.saved import Arrays, Saved
from neuropil.engine.stores.packed import packing, with_weights
from neuropil.engine.stores.packed_weights import PackedWeights
from neuropil.engine.tally import SpikeTally
from neuropil.engine.worthwhile import worthwhile
from neuropil.errors import (
    Interrupted,
    ResultError,
    SimulationError,
    StorageError,
    did_you_mean,
)
from neuropil.lower.coarse import too_coarse
from neuropil.model.base import grid
from neuropil.model.contents.contents import Population, StimulusConnection
from neuropil.model.contents.population import View
from neuropil.model.network.network import Network
from neuropil.plan.plan import Plan, check_seed, make_plan
from neuropil.result import Result
from neuropil.result.folder import CHECKPOINT_FILE, require_room
from neuropil.units import Quantity, ms

Progress = Callable[[str, float, dict[str, Any]], None]
"""Called as progress(phase, fraction done, details); phases are "trace", "compile", "build" and "run"."""


class Simulation(Access):
    """A network ready to run.

    Args:
        network: the description. The simulation keeps a copy of it (`network`, which refuses changes); running on after a
            change of what was given is refused, so that nothing is ignored.
        dt: time step; None: 0.1 ms, or that of the snapshot.
        seed: of every random stream: synapses, initial states, stimuli; None: 1. With `start`, of the streams from there on alone; None: those
            of the snapshot.
        threads: owners of the neurons; None: the machine's cores, but one where the network is too small to divide (see
            `neuropil.engine.worthwhile`). Results do not depend on it.
        precision: "float32" or "float64" state; float64 also packs weights in 48 bits. None: float32, but float64 for
            cells with morphology.
        full_weights: 48-bit weights with float32 state too.
        gate_tables: whether gates of cells in float64 may be read from tables, to 1e-10 of their range (see `neuropil.lower.gate_tables`).
        out: folder to stream spikes and traces to, in bounded memory; None keeps them in memory. One simulation writes to a
            folder at a time.
        overwrite: replace the run that the folder `out` holds, and its checkpoint; otherwise it is refused.
        record_spikes: whether the result holds spikes (rates and counts are kept in any case).
        resume: folder (or file) of a checkpoint to go on from.
        memory_limit: bytes not to exceed (what the machine has left, if None).
        progress: see `Progress`.
        start: a snapshot to start from, of this network or of one like it. Things find each other by name: what the network has besides starts
            fresh, what it lacks, or has in another size, is an error. Stimuli, probes and parameters are those of the network, and an
            amplitude that was set counts unless the stimulus is described anew; parameters, synapses and whatever else is drawn at the
            start are drawn by the seed of the snapshot's simulation.

    One Python thread at a time may run it, in the process that made it. It is a context manager, which closes it. It cannot be copied
    or pickled: checkpoints and results can.

    Raises:
        NeuropilError: whatever is wrong, before anything large is allocated.
        Interrupted: Ctrl-C while it was made.
    """

    def __init__(
        self, network: Network, *, dt: Quantity | float | None = None, seed: int | None = None, threads: int | None = None,
        precision: str | None = None, full_weights: bool = False, gate_tables: bool = True, out: str | os.PathLike[str] | None = None,
        record_spikes: bool = True, resume: str | os.PathLike[str] | None = None, memory_limit: float | None = None,
        progress: Progress | None = None, overwrite: bool = False, start: Snapshot | None = None,
    ):  # fmt: skip
        if not isinstance(network, Network):
            raise SimulationError("only a Network can be simulated", got=network)
        if progress is not None and not callable(progress):
            raise SimulationError("progress must be a function", got=progress, expected="progress(phase, fraction, info)")
        if start is not None and (resume is not None or not isinstance(start, Snapshot)):
            got, fix = (start, "simulation.snapshot(), or npl.load_snapshot(path)") if resume is None else (f"resume={resume!r} as well", "one of them")
            raise SimulationError("start must be a snapshot, without resume", got=got, fix=fix)
        streams, seed = (None, 1 if seed is None else seed) if start is None else (seed, start.seed)
        if dt is None:
            dt = (0.1 if start is None else start.dt) * ms
        if start is not None and precision is None:
            precision = start.precision
        self._progress = progress or (lambda phase, fraction, info: None)
        self._guard, self._restored = CallerGuard(network), 0
        self.network = network.frozen()
        self._folder = None if out is None else path_of(out, "out")
        if self._folder is not None and self._folder.exists() and not self._folder.is_dir():
            raise SimulationError("out must be a folder", got=f"the file {self._folder}")
        self._overwrite, self._here = flag(overwrite, "overwrite"), _is_of(resume, self._folder)
        if self._folder is not None and not self._here:
            require_room(self._folder, overwrite)  # before the work; the folder is taken when there is something to record
        with _told(f"Ctrl-C while {network.name!r} was traced"):
            self._progress("trace", 0.0, {})
            begun = time.perf_counter()
            if any(not p.per_synapse for p in self.network.projections):
                begin([packing(np.uint64 if full_weights or precision == "float64" else np.uint32)], worth=1)
            self.plan: Plan = make_plan(self.network, dt=dt, seed=seed, precision=precision, full_weights=full_weights, gate_tables=gate_tables)
            begin([packing(with_weights(self.plan.scale, word)) for word in self.plan.packed], worth=1)  # the first guess may have been wrong
            for cells in self.plan.cells.values():
                if note := too_coarse(cells.cable):
                    warnings.warn(f"population {cells.population.name!r}: {note}", stacklevel=2)
            self.threads = worthwhile(self.plan) if threads is None else thread_count(threads)
            self._memory_limit = byte_limit(memory_limit)
            self.memory = memory.require(self.plan, self.threads, self._memory_limit)
            self._progress("trace", 1.0, {})
            self.core = Core(self.plan, self.threads)
        self.trace_seconds = time.perf_counter() - begun
        self.wall_seconds = 0.0
        self._compilations = Compilations()
        self._tally = SpikeTally(self.network.populations.values())
        self.interrupted = False
        self.record_spikes = flag(record_spikes, "record_spikes")
        self._finished: Marks | None = None
        self._start: States | None = None
        try:
            self._build(start)
            self._modulation = Modulation(self.plan, self.core)
            self._interventions = Interventions(self.core, self._modulation)
            self._chunks = Chunks(self.core, self._modulation, self._upkeep, self._tally)
            # In the order in which a checkpoint is taken up: what modulators do to the synapses of the start is lost.
            self._saved: dict[str, Saved] = {
                "parameters": Parameters(self._interventions), "settings": Settings(self._interventions), "neurons": NeuronStates(self.core), "modulators": self._modulation, "synapses": self._synaptic,
                "stimuli": Amplitudes(self.core), "graded": GradedValues(self.core), "spikes": self._tally, "interventions": self._interventions, "streams": self.core.machine.streams,
            }  # fmt: skip
            self._session_start, self._session_seconds = self.core.step, 0.0
            self.recorder = self._open(resume) if start is None else self._start_from(start, streams)
            self._made = True
        except BaseException as error:
            self.core.close()
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(f"Ctrl-C while {network.name!r} was built") from None
            raise

    def _build(self, origin: Snapshot | None) -> None:
        """Compile the program and draw the synapses, or share those of the snapshot from which to start."""
        start = time.perf_counter()
        self._progress("compile", 0.0, {})
        with self._compilations:
            self.core.compile()
        self._progress("compile", 1.0, {})
        compiled = time.perf_counter()
        with stoppable() as stop:
            with self._compilations:
                self.core.connect(lambda fraction: self._building(fraction, stop), None if origin is None else shared(origin, self.plan, self.core.layout))
            self._building(1.0, stop)
        self._synaptic = SynapticState(self.plan, self.core, PackedWeights(self.plan, self.core))
        self._upkeep = Upkeep(self.plan, self._synaptic)
        self.compile_seconds = compiled - start
        self.build_seconds = time.perf_counter() - compiled

    def __repr__(self) -> str:
        return f"Simulation({self.network.name!r}, {self.network.size} neurons, t = {self.time})"

    @property
    def counts(self) -> np.ndarray:
        """int64[neurons]: spikes of each neuron since t = 0."""
        return self._tally.counts

    @property
    def recorder(self) -> Recorder:
        """Where spikes and samples go."""
        return self._chunks.recorder

    @recorder.setter
    def recorder(self, recorder: Recorder) -> None:
        self._chunks.recorder = recorder

    @property
    def time(self) -> Quantity:
        """Biological time reached."""
        return self.core.step * self.plan.dt * ms

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with nullcontext() if error is None else suppress(StorageError):  # the first error has the results
            self.close()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise SimulationError(
            "a Simulation cannot be copied or pickled: its threads and native arrays belong to this process",
            fix="pickle the network or the result; to continue elsewhere, checkpoint(path) and Simulation(network, resume=path)",
        )

    # --- running ---------------------------------------------------------------------------------------------------

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
            SimulationError: a duration that is not a time or not on the grid; a state that became NaN or ran away (what was recorded
                is kept in the folder).
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
        with self._guard.running("run"), _Keeping(self), stoppable() as stop:
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
            SimulationError: not a whole number from 0; a state that became NaN or ran away.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise SimulationError("the number of steps must be a whole number", got=n)
        collected: Collected = []
        with self._guard.running("step"), _Keeping(self), stoppable() as stop:
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
            self._chunks.adapt(steps, status, spent)
            if not silent:
                self._report(total)

    def _keep_results(self, error: StorageError) -> None:
        """Give what was recorded to the error of a disk that refuses."""
        with suppress(ResultError):
            error.result = self.recorder.result(self.core.step * self.plan.dt)
            error.result.summary.update({**self.summary(), "partial": True})

    def _flush_pending(self, collected: Collected | None = None) -> None:
        """Take in the spikes of the last step, if an interrupted run left them waiting for room."""
        while self.core.pending:
            with self._guard.whole():
                self._chunks.flush_pending(collected)

    def _reopen(self) -> None:
        """Go on recording after a run that ended and whose files are complete."""
        if self._finished is not None:
            self.recorder = Recorder(self.plan, self._folder, record_spikes=self.record_spikes, resume=self._finished)
            self._finished = None

    def _report(self, total: int) -> None:
        biological = (self.core.step - self._session_start) * self.plan.dt / 1000.0
        factor = self._session_seconds / biological if biological else 0.0
        left = (total - self.core.step) * self.plan.dt / 1000.0 * factor
        info = {"real_time_factor": factor, "remaining_seconds": left, "biological_ms": self.core.step * self.plan.dt}
        self._progress("run", self.core.step / max(total, 1), info)

    def _building(self, fraction: float, stop: Stop) -> None:
        self._progress("build", fraction, {})
        if stop.is_set():
            raise KeyboardInterrupt  # which `__init__` makes one of ours

    def reset(self, *, keep: Iterable[str] = (), weights: bool = True, restart: bool = False) -> None:
        """Begin anew between trials; what was learnt stays.

        States of neurons (and refractory counts) are as at the start, spikes under way are dropped, traces, eligibilities and
        resources of synapses and concentrations of modulators are as at the start. Weights, what rules have learnt
        (`Synapse.learned`), synapses that have formed, and what was set stay: drives, signals, caps, `plasticity`.

        Args:
            keep: states of neurons that stay as they are, such as ["exc.theta"].
            weights: False: weights and learnt states are as at the start, too.
            restart: False: time goes on, and with it stimuli and random numbers, which are functions of time: each trial has its
                own noise. True: time, counts and recordings begin again at 0 with the same random numbers: after
                ``reset(weights=False, restart=True)`` the simulation does, to the bit, what it did when it was new.

        Raises:
            NetworkError: a state to keep that does not exist.
            SimulationError: `restart` of a simulation that records to a folder.
        """
        with self._guard.using("reset"):
            kept, weights, restart = kept_states(self.network, keep), flag(weights, "reset: weights"), flag(restart, "reset: restart")
            if restart and self._folder is not None:
                raise SimulationError("reset: restart=True is not possible while recording to a folder", got="restart=True", fix="restart=False, or Simulation without out")
            self._flush_pending()
            if self._start is None:
                self._start = starting_states(self.core)
            with self._guard.whole():
                begin_anew(self.core, self._synaptic, self._modulation, self._start, kept, weights=weights, restart=restart)
                self._tally.drop()
                if restart:
                    self.counts[:], self.wall_seconds, self._session_start, self._session_seconds = 0, 0.0, 0, 0.0
                    self.recorder, self._finished = self._open(None), None
                self._chunks.begin()

    def set(self, target: str | Population | View | StimulusConnection, **values: Any) -> None:
        """Change parameters of neurons, or fields of a stimulus, from the present time on.

            sim.set("exc", tau_m=12 * ms)                        # of all neurons of a population
            sim.set(exc[:50], v_threshold=-48 * mV)              # of some
            sim.set(cells, branch__g_l=rates)                    # of a part: "branch.g_l"; with an array
            sim.set(background, rate=9 * kHz)                    # of a stimulus, which `stimulate` returned

        Everything that follows from a parameter is computed as when the simulation was made: set at t = 0, it does to the last bit what a
        network does that is described so (also states that start at the parameter are then those). States otherwise stay. What a
        modulator does to a parameter, it does to the new value.

        The first value that differs between neurons where there was one for all may compile a kernel, and no later one. Changes are
        listed in the summary ("interventions") and part of checkpoints. `reset` leaves them.

        Args:
            target: a population, a view or a stimulus, or the name of a population or stimulus.
            values: new values by name: with unit, one for all, or one for each neuron (and site: neuron by neuron) of the target in
                its order; of a stimulus those of its description, or "weight".

        Raises:
            NetworkError: what does not exist, or decides what the network is made of.
            ModelError, UnitError, SimulationError: a value that does not fit; nothing is changed then.
        """
        with self._guard.using("set"):
            self._flush_pending()
            change = self._interventions.prepared(target, values)
            with self._guard.whole(), self._compilations:
                change()
            self._start = None

    # --- checkpoints ---------------------------------------------------------------------------------------------------

    def checkpoint(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the state to a file; a simulation that resumes from it continues bit for bit.

        Args:
            path: of the file; None: `checkpoint.h5` in the `out` folder.

        Returns:
            The path.

        Raises:
            SimulationError: neither a path nor an `out` folder is given, or the simulation cannot be used.
            StorageError: the system refused to write.
        """
        if path is None and self._folder is None:
            raise SimulationError("checkpoint() needs a path", fix="pass a path, or out=... to Simulation")
        target = path_of(path, "path") if path is not None else self._folder / CHECKPOINT_FILE  # type: ignore[operator]
        with self._guard.using("checkpoint"):
            self._write_checkpoint(target)
        return target

    def _write_checkpoint(self, target: Path) -> None:
        self._flush_pending()
        marks = self._finished or self.recorder.sync()  # files that are complete stay so
        checkpoints.save(target, taken(self.core, self._saved, self.wall_seconds), marks)

    def snapshot(self) -> Snapshot:
        """The present state, to go back to with `restore`, to keep in a file (`Snapshot.save`), and to start other networks from.

        It holds states of neurons, cells and synapses, spikes under way, concentrations of modulators, synapses that have formed, counts, the
        seed of random streams, and whatever was set; not what was recorded, and not what follows from the description.

        Raises:
            SimulationError: the simulation cannot be used.
        """
        with self._guard.using("snapshot"):
            self._flush_pending()
            return taken(self.core, self._saved, self.wall_seconds)

    def restore(self, snapshot: Snapshot, *, seed: int | None = None) -> None:
        """Go back to a snapshot: from here on the simulation does, to the bit, what it did, or would have done, from there.

        Recording begins anew: results of runs that follow begin at the time of the snapshot (`Result.t_start_ms`); results that were returned
        stay what they are.

        Args:
            snapshot: of this simulation, or of another of the same network, seed, time step and precision.
            seed: of the random streams from here on (noise, Poisson events, stochastic spikes, rewiring); None: those of the
                snapshot. Synapses, parameters and what else was drawn at the start stay as they are.

        Raises:
            CheckpointError: a snapshot of another network.
            SimulationError: not a snapshot, a seed that is none, or a simulation that records to a folder.
        """
        with self._guard.using("restore"):
            if not isinstance(snapshot, Snapshot):
                raise SimulationError("restore() needs a snapshot", got=snapshot, fix="simulation.snapshot(), or npl.load_snapshot(path)")
            if self._folder is not None:
                raise SimulationError("restore is not possible while recording to a folder", got=str(self._folder), fix="Simulation without out; or Simulation(network, start=snapshot, out=...)")
            if seed is not None:
                check_seed(seed)
            self._flush_pending()
            snapshot.require_same(self.plan)
            with self._guard.whole():
                self._take_up(snapshot, snapshot.saved, seed)
                self._restored += 1
                self.interrupted, self._finished, self._session_seconds = False, None, 0.0
                self.recorder = self._recorder_from(snapshot.step)

    @property
    def restored(self) -> int:
        """How often it has gone back to a snapshot."""
        return self._restored

    def _take_up(self, snapshot: Snapshot, arrays: dict[str, Arrays], seed: int | None) -> None:
        """Be in the state of a snapshot, with random streams of a seed."""
        with self._compilations:
            take_up(snapshot, arrays, self.core, self._saved, self._tally)
        self._start = None
        if seed is not None:
            self.core.machine.streams.use(seed)
        self.wall_seconds, self._session_start = snapshot.wall_seconds, snapshot.step
        self._chunks.begin()

    def _recorder_from(self, step: int) -> Recorder:
        """What records from a step on, after which nothing has been recorded."""
        earlier = tuple(self._tally.of(p) for p in self.network.populations.values())
        rows = tuple(t.before(step) for t in tracks(self.plan))
        return Recorder(self.plan, self._folder, record_spikes=self.record_spikes, rows=rows, earlier=earlier, start=step, overwrite=self._overwrite)

    def _start_from(self, snapshot: Snapshot, seed: int | None) -> Recorder:
        """Take up what the snapshot of another simulation has of this one, and record from there."""
        if seed is not None:
            check_seed(seed)
        self._take_up(snapshot, fitted(snapshot, self.plan, self._saved), seed)
        return self._recorder_from(snapshot.step)

    def _open(self, resume: str | os.PathLike[str] | None) -> Recorder:
        record_spikes = self.record_spikes
        if resume is None:
            return Recorder(self.plan, self._folder, record_spikes=record_spikes, overwrite=self._overwrite)
        data = checkpoints.load(path_of(resume, "resume"), self.plan)
        self._take_up(data.snapshot, data.snapshot.saved, None)
        if self._here and data.marks:
            return Recorder(self.plan, self._folder, record_spikes=record_spikes, resume=data.marks)
        return self._recorder_from(data.snapshot.step)

    # --- results -------------------------------------------------------------------------------------------------------

    def result(self) -> Result:
        """What was recorded so far, as `run` returns it; also after calls of `step`. The simulation may then go on."""
        with self._guard.running("result"), _Keeping(self):
            return self._result()

    def _result(self) -> Result:
        if self._folder is not None:
            self._finished = self.recorder.sync()
        return self.recorder.finish(self.core.step * self.plan.dt, self.summary())

    def summary(self) -> dict[str, Any]:
        """The run so far, in plain types (a finished result's summary has the digest of its spikes besides)."""
        seconds = self.core.step * self.plan.dt / 1000.0
        counted_ms = [self.recorder.start * self.plan.dt, self.core.step * self.plan.dt]
        counted = (counted_ms[1] - counted_ms[0]) / 1000.0
        rates = {
            p.name: (self._tally.of(p) - earlier) / (p.size * counted) if counted else 0.0
            for p, earlier in zip(self.network.populations.values(), self.recorder.earlier, strict=True)
        }
        shares = self.core.phases()
        return {
            **describe(self.plan),
            "synapses": sum(store.size for store in self.core.stores),
            "biological_seconds": seconds,
            "wall_seconds": self.wall_seconds,
            "real_time_factor": self.wall_seconds / seconds if seconds else 0.0,
            "trace_seconds": self.trace_seconds,
            "compile_seconds": self.compile_seconds,
            "compiled_kernels": self._compilations.count,
            "build_seconds": self.build_seconds,
            "peak_memory_bytes": memory.peak(),
            "threads": self.threads,
            "spikes": int(self.counts.sum()),
            "synaptic_events": self.core.events,
            "neuron_steps": self.network.size * self.core.step,
            "rates_hz": rates,
            "counted_ms": counted_ms,
            "record_spikes": self.record_spikes,
            "phases": {name: share * self.wall_seconds for name, share in shares.items()},
            "weights_saturated": sum(sum(packed.saturated) for packed in self.core.packed),
            "weight_rounding_max": max((max(packed.rounding, default=0.0) for packed in self.core.packed), default=0.0),
            "weights_vanished": sum(sum(packed.vanished) for packed in self.core.packed),
            "memory": {name: int(size) for name, size in self.memory.items()},
            "interrupted": self.interrupted,
            "interventions": list(self._interventions.log),
            "interventions_unlisted": self._interventions.unlisted,
        }

    def close(self) -> None:
        """End the threads of this simulation and close its journals; what it holds can still be read. A second time does nothing."""
        if self._guard.close():
            self.core.close()
            self.recorder.close()


def _is_of(resume: Any, folder: Path | None) -> bool:
    """Whether a run goes on in the folder that holds its checkpoint."""
    if resume is None or folder is None:
        return False
    path = path_of(resume, "resume")
    own = path if path.is_dir() else path.parent if path.name == CHECKPOINT_FILE else None
    return own is not None and own.resolve() == folder.resolve()


class _Keeping:
    """A context that gives what a simulation has recorded to the error of a disk that refuses; a closed loop enters it at every step."""

    __slots__ = ("_simulation",)

    def __init__(self, simulation: Simulation):
        self._simulation = simulation

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, StorageError):
            self._simulation._keep_results(error)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """A context in which Ctrl-C raises `Interrupted`, which says what was interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(what) from None


def run(network: Network, duration: Quantity, *, checkpoint_every: Quantity | None = None, **options: Any) -> Result:
    """Build and run a network; options are those of `Simulation`. Ctrl-C raises `Interrupted`, as in `Simulation.run`.

    Args:
        duration: biological time of the whole run: with `resume`, what was run before the checkpoint counts.
        checkpoint_every: biological time between checkpoints, written to the `out` folder.
        options: arguments of `Simulation`.

    Returns:
        The result, as of `Simulation.run`.

    Raises:
        SimulationError: an option that does not exist; further as of `Simulation` and `Simulation.run`.
    """
    known = set(inspect.signature(Simulation).parameters) - {"network"}
    for name in options:
        if name not in known:
            raise SimulationError(f"run() has no option {name!r}", fix=did_you_mean(name, known))
    with Simulation(network, **options) as simulation:
        onward = simulation.run if options.get("resume") is None else simulation.run_until
        return onward(duration, checkpoint_every=checkpoint_every)
