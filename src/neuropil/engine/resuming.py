"""Checkpoints and snapshots of a simulation: written, gone back to, and started from."""

from __future__ import annotations

import os
from pathlib import Path

from neuropil.engine.access.arguments import path_of
from neuropil.engine.access.reset import States
from neuropil.engine.record import checkpoint as checkpoints
from neuropil.engine.record.recorder import Recorder, tracks
from neuropil.engine.record.snapshot import Snapshot, take_up, taken
from neuropil.engine.record.start import fitted
from neuropil.engine.recording import Recording
from neuropil.engine.saved import Arrays, Saved
from neuropil.errors import SimulationError
from neuropil.plan.plan import check_seed
from neuropil.result.folder import CHECKPOINT_FILE


class Resuming(Recording):
    """The part of a `Simulation` that keeps its state, and takes one up."""

    _saved: dict[str, Saved]
    _start: States | None
    _overwrite: bool
    _here: bool
    """Whether it goes on in the folder of its checkpoint."""
    _restored: int
    _session_start: int
    _session_seconds: float

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
                self._guard.recover()
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
