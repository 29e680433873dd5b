"""Where a run's spikes and samples go: to memory, or to journals in a folder in bounded memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neuropil.engine.access.upkeep import columns
from neuropil.errors import CheckpointError, StorageError
from neuropil.model.base import grid
from neuropil.model.modulation.modulator import trace_name
from neuropil.model.probe.upkeep import unit_of
from neuropil.plan.cost import kernel_costs
from neuropil.plan.plan import Plan
from neuropil.plan.rounding import moved
from neuropil.result import Result, SpikeJournal, Spikes, Trace, TraceJournal, finalise
from neuropil.result.assemble import chains, reopen
from neuropil.result.folder import FolderLock
from neuropil.result.journal_reading import is_journalled, spike_chunks
from neuropil.result.trace import concentration_of
from neuropil.units import unit_name

LARGE = 20_000_000
"""Spikes that a result of a run in a folder holds in memory at most."""


@dataclass(frozen=True)
class Track:
    """One trace that a run records.

    Attributes:
        name, neurons, unit, variable, population, sites: as of a `Trace`; of synapses their indices and their projection.
        dtype: of its values; every: steps between samples; first: the step of the first.
        ticks: whether samples are taken at the beginning of steps, as those of modulators are.
    """

    name: str
    neurons: np.ndarray
    unit: str
    variable: str
    population: str
    sites: np.ndarray | None
    dtype: str
    every: int
    first: int
    ticks: bool = False

    def before(self, step: int) -> int:
        """How many samples have been taken when this step is reached: those of ticks at the beginning of earlier steps, or at the end of all."""
        if self.ticks:
            return -(-(step - self.first) // self.every)
        return 0 if step < max(self.first, 1) else (step - self.first) // self.every + 1


def tracks(plan: Plan) -> list[Track]:
    """All traces: of the probes of neurons, of those of synapses, then of the modulators, whose first tick is at t = 0."""
    made = []
    for p in plan.network.probes:
        unit = unit_name(p.dimension)
        first, every = p.steps(plan.dt)
        made.append(Track(p.name, p.columns, unit, p.variable, p.target.name, p.sites, plan.precision, every, first))
    for s in plan.network.synapse_probes:
        first, every = s.steps(plan.dt)
        made.append(Track(s.name, columns(plan, s), unit_name(unit_of(s)), s.variable, s.projection.name, None, "float64", every, first))
    for m in plan.network.modulators.values():
        unit, every = unit_name(m.kinetics.dimension), grid.steps(m.tick, plan.dt, "tick")
        for population in m.watched:
            made.append(Track(trace_name(m, population), np.zeros(1, np.int64), unit, concentration_of(m.name), population, None, "float64", every, 0, True))
    return made


class Marks(NamedTuple):
    """How far a run has recorded.

    Attributes:
        spikes: spikes recorded; rows: samples of each track, those before `start` included.
        start: step at which recording began; first_rows: samples of each track before it.
        record_spikes: whether spikes are recorded.
        run: number of the run, "" in memory.
        chains: checksums of what the folder holds of the spikes and of each track; none in memory.
        earlier: spikes of each population before `start`.
    """

    spikes: int
    rows: tuple[int, ...]
    start: int
    first_rows: tuple[int, ...]
    record_spikes: bool
    run: str
    chains: tuple[int, ...]
    earlier: tuple[int, ...]


class Recorder:
    """Collects what a run records.

    Args:
        folder: for journals, or None for memory. It is locked until `finish` or `close`.
        resume: continue what the folder holds, cut to these marks.
        start: step at which recording begins when nothing is continued; `rows` were then sampled before, and there were
            `earlier` spikes of each population.
        overwrite: replace a run that the folder holds.
        record_spikes: whether spikes are recorded.

    Raises:
        ResultError: the folder holds a run, or another run writes to it. CheckpointError: it does not hold what the marks say.
        StorageError: the system refused.
    """

    def __init__(
        self, plan: Plan, folder: Path | None, *, record_spikes: bool = True, resume: Marks | None = None,
        rows: tuple[int, ...] = (), earlier: tuple[int, ...] = (), start: int = 0, overwrite: bool = False,
    ):  # fmt: skip
        self.plan, self.folder, self.record_spikes = plan, folder, record_spikes
        self.populations = {p.name: (p.first, p.size) for p in plan.network.populations.values()}
        self.tracks = tracks(plan)
        self.samples: list[list[np.ndarray]] = [[] for _ in self.tracks]
        self.steps: list[np.ndarray] = []
        self.neurons: list[np.ndarray] = []
        self.start = resume.start if resume else start
        self.earlier = resume.earlier if resume else earlier or (0,) * len(self.populations)
        self.first_rows = resume.first_rows if resume else tuple(rows) if start else (0,) * len(self.tracks)
        self.rows_written = list(resume.rows if resume else self.first_rows)
        self.spike_journal: SpikeJournal | None = None
        self.trace_journals: list[TraceJournal] = []
        self._lock: FolderLock | None = None
        self._refused: StorageError | None = None
        if folder is not None:
            self._lock = FolderLock(folder)
            try:
                self._open(folder, resume, overwrite)
            except BaseException:
                self._lock.release()
                raise

    def _open(self, folder: Path, resume: Marks | None, overwrite: bool) -> None:
        if resume is not None:
            self._require(folder, resume)
            if not is_journalled(folder):
                reopen(folder)
        summary = {"model": self.plan.network.name, "seed": self.plan.seed, "precision": self.plan.precision}
        self.spike_journal = SpikeJournal(
            folder, self.populations, self.plan.dt, t_start_ms=self.start * self.plan.dt, summary=summary, resume=resume is not None,
            overwrite=overwrite, traces=len(self.tracks),
        )  # fmt: skip
        for index, track in enumerate(self.tracks):
            self.trace_journals.append(
                TraceJournal(
                    folder, track.name, track.neurons, self.plan.dt, unit=track.unit, variable=track.variable,
                    population=track.population, sites=track.sites, dtype=track.dtype, resume=resume is not None, index=index,
                )
            )  # fmt: skip
        if resume is not None:
            self.spike_journal.truncate(resume.spikes)
            for journal, first, n in zip(self.trace_journals, self.first_rows, resume.rows, strict=True):
                journal.truncate(n - first)

    def _require(self, folder: Path, marks: Marks) -> None:
        """Refuse to go on from other records than those of the run that set the marks."""
        if marks.record_spikes != self.record_spikes:
            raise CheckpointError(
                f"the run in {folder} was recorded with other options", got=f"record_spikes={self.record_spikes}",
                expected=f"record_spikes={marks.record_spikes}", fix="resume with the options of the first run, or into another folder (out)",
            )  # fmt: skip
        rows = {t.name: n - first for t, first, n in zip(self.tracks, marks.first_rows, marks.rows, strict=True)}
        if chains(folder, marks.run, marks.spikes, rows) != list(marks.chains):
            raise CheckpointError(
                f"the results in {folder} are not those that its checkpoint goes on from", got="other spikes or traces",
                expected="the files of the run that wrote the checkpoint", fix="restore the folder from a copy, or resume into another folder (out)",
            )  # fmt: skip

    def add(self, steps: np.ndarray, neurons: np.ndarray, samples: list[np.ndarray], until: int) -> None:
        """Take spikes (stamps and global neurons, sorted) and samples of every track: all there were up to a step.

        What the system refuses to write is kept in memory, and written with what comes next; see `require_room`.

        Args:
            steps: int64[n], stamps.
            neurons: int64[n], global indices.
            samples: rows of each track.
            until: step up to which all is given.
        """
        if self.spike_journal is None:
            if self.record_spikes and steps.size:
                self.steps.append(steps)
                self.neurons.append(neurons.astype(np.uint32))
        else:
            own = steps.size if self.record_spikes else 0
            try:
                self.spike_journal.append(steps[:own], neurons[:own], until)
            except StorageError as error:
                self._refused = error
        for j, values in enumerate(samples):
            stamps = self._stamps(j, len(values))
            self.rows_written[j] += len(values)
            if not self.trace_journals:
                if len(values):
                    self.samples[j].append(values)
                continue
            try:
                self.trace_journals[j].append(stamps, values, until)
            except StorageError as error:
                self._refused = error

    def require_room(self) -> None:
        """Raise the StorageError of a system that refused to write what was added."""
        refused, self._refused = self._refused, None
        if refused is not None:
            raise refused

    def _stamps(self, j: int, rows: int) -> np.ndarray:
        return self.tracks[j].first + (self.rows_written[j] + np.arange(rows)) * self.tracks[j].every

    def sync(self) -> Marks:
        """What the folder holds now, after everything is made durable."""
        for journal in self.trace_journals:
            journal.sync()
        start = (self.start, self.first_rows, self.record_spikes)
        if self.spike_journal is None:
            return Marks(sum(s.size for s in self.steps), tuple(self.rows_written), *start, "", (), self.earlier)
        spikes = self.spike_journal.sync()
        files = [self.spike_journal.file, *(journal.file for journal in self.trace_journals)]
        return Marks(spikes, tuple(self.rows_written), *start, self.spike_journal.run, tuple(file.chain for file in files), self.earlier)

    def close(self) -> None:
        """Make what is in the journals durable, close them, and let others write to the folder.

        Raises:
            StorageError: the system refused; all journals are closed nevertheless.
        """
        for journal in (*self.trace_journals, self.spike_journal):
            try:
                if journal is not None:
                    journal.close()
            except StorageError as error:
                self._refused = error
        if self._lock is not None:
            self._lock.release()
        self.require_room()

    def result(self, duration_ms: float) -> Result:
        """Everything recorded so far, what a full disk refused included.

        Args:
            duration_ms: biological time, ms.
        """
        if self.folder is not None:
            if not is_journalled(self.folder):  # complete
                return Result.load(self.folder)
            self._gather()
        step = np.concatenate(self.steps) if self.steps else np.empty(0, np.int64)
        neuron = np.concatenate(self.neurons) if self.neurons else np.empty(0, np.uint32)
        traces = {}
        for j, t in enumerate(self.tracks):
            values = np.concatenate(self.samples[j]) if self.samples[j] else np.empty((0, t.neurons.size))
            times = (t.first + (self.first_rows[j] + np.arange(len(values))) * t.every) * self.plan.dt
            traces[t.name] = Trace(times.astype(np.float64), values, t.neurons, t.unit, t.variable, t.population, t.sites)
        start_ms = self.start * self.plan.dt
        return Result(Spikes(step, neuron, self.populations, self.plan.dt), traces, {}, duration_ms - start_ms, start_ms)

    def _gather(self) -> None:
        """Take what the journals hold, and could not write, into memory."""
        assert self.spike_journal is not None
        records = self.spike_journal.file.records()
        self.steps, self.neurons = [records["step"].astype(np.int64)], [records["neuron"].copy()]
        for j, journal in enumerate(self.trace_journals):
            values = journal.file.records()["values"]
            self.samples[j] = [values.astype(values.dtype.newbyteorder("="), copy=False)]

    def finish(self, duration_ms: float, summary: dict[str, Any]) -> Result:
        """The result, whose summary gets the digest of all spikes; in a folder, its files are then complete.

        Of a run with more than `LARGE` spikes the result holds the last ones only (its `t_start_ms` says from when),
        so that memory stays bounded; the files hold all.

        Args:
            duration_ms: biological time, ms.

        Raises:
            StorageError: the system refused; the journals are as they were.
        """
        if self.folder is None or self.spike_journal is None:
            result = self.result(duration_ms)
            result.summary.update({**summary, "digest": result.spikes.digest()})
            return result
        try:
            for rows in self.trace_journals:
                rows.close()
            self.spike_journal.close()
            n = len(self.spike_journal)
            digest, tail = _stream(self.folder)
            finalise(self.folder, {**summary, "digest": digest}, duration_ms=duration_ms - self.start * self.plan.dt)
            if n <= LARGE:
                return Result.load(self.folder)
        finally:
            self.close()
        step, neuron = np.concatenate([t[0] for t in tail]), np.concatenate([t[1] for t in tail])
        first = int(step[0])  # this step may be cut: leave it out
        keep = step > first
        spikes = Spikes(step[keep], neuron[keep], self.populations, self.plan.dt)
        start = first * self.plan.dt
        return Result(spikes, {}, {**summary, "digest": digest}, duration_ms - start, start)


def _stream(folder: Path) -> tuple[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Digest of a journal, as `Spikes.digest` gives it, and its last `LARGE` spikes in chunks."""
    digest = hashlib.sha256()
    tail: list[tuple[np.ndarray, np.ndarray]] = []
    for steps, neurons in spike_chunks(folder):
        digest.update(np.stack([steps, neurons], axis=1).astype("<i8").tobytes())
        tail.append((np.array(steps, np.int64), np.array(neurons, np.uint32)))
        while sum(t[0].size for t in tail[1:]) >= LARGE:
            tail.pop(0)
    return digest.hexdigest(), tail


def describe(plan: Plan) -> dict[str, Any]:
    """The part of a run's summary that is known before it starts."""
    return {
        "model": plan.network.name,
        "neurons": plan.network.size,
        "dt_ms": plan.dt,
        "precision": plan.precision,
        "seed": plan.seed,
        "gate_error_max": max((c.cable.gate_error for c in plan.cells.values()), default=0.0),
        **moved(plan.network, plan.dt),
        "work": [work.to_json() for work in kernel_costs(plan)],
    }
