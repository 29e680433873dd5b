"""Where a run's spikes and samples go: to memory, or to journals in a folder in bounded memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.engine.compose import steps_between
from neuropil.engine.upkeep import columns
from neuropil.lower.plan import Plan
from neuropil.lower.rounding import moved
from neuropil.lower.work import works_of
from neuropil.model import grid
from neuropil.model.modulator import trace_name
from neuropil.model.upkeep import unit_of
from neuropil.result import Result, SpikeJournal, Spikes, Trace, TraceJournal, finalise
from neuropil.result.journal import spike_chunks
from neuropil.result.trace import concentration_of
from neuropil.units import unit_name

LARGE = 20_000_000
"""Spikes that a result of a run in a folder holds in memory at most."""


@dataclass(frozen=True)
class Track:
    """One trace that a run records.

    Attributes:
        name, neurons, unit, variable, population, sites: as of a `Trace`; of synapses their places and their projection.
        dtype: of its values; every: steps between samples; first: the step of the first, in units of `every`.
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


def tracks(plan: Plan) -> list[Track]:
    """All traces: of the probes of neurons, of those of synapses, then of the modulators, whose first tick is at t = 0."""
    made = []
    for p in plan.network.probes:
        unit = unit_name(p.target.neuron.spec.state_dimensions[p.variable])
        made.append(Track(p.name, p.neurons, unit, p.variable, p.target.name, p.sites, plan.precision, steps_between(p, plan.dt), 1))
    for s in plan.network.synapse_probes:
        every = grid.steps(s.interval, plan.dt, f"probe {s.name}: interval")
        made.append(Track(s.name, columns(plan, s), unit_name(unit_of(s)), s.variable, s.projection.name, None, "float64", every, 1))
    for m in plan.network.modulators.values():
        unit, every = unit_name(m.kinetics.dimension), grid.steps(m.tick, plan.dt, "tick")
        for population in m.watched:
            made.append(Track(trace_name(m, population), np.zeros(1, np.int64), unit, concentration_of(m.name), population, None, "float64", every, 0))
    return made


class Recorder:
    """Collects what a run records.

    Args:
        folder: for journals, or None for memory.
        resume: continue what the folder holds, cut to `spikes` records and `rows` samples.
        start: step at which recording begins when nothing is continued; `rows` were then sampled before.
    """

    def __init__(
        self, plan: Plan, folder: Path | None, *, record_spikes: bool = True, resume: bool = False,
        spikes: int = 0, rows: tuple[int, ...] = (), start: int = 0,
    ):  # fmt: skip
        self.plan, self.folder, self.record_spikes = plan, folder, record_spikes
        self.populations = {p.name: (p.first, p.size) for p in plan.network.populations.values()}
        self.tracks = tracks(plan)
        self.samples: list[list[np.ndarray]] = [[] for _ in self.tracks]
        self.steps: list[np.ndarray] = []
        self.neurons: list[np.ndarray] = []
        self.start = 0 if resume else start
        self.first_rows = tuple(rows) if start and not resume else (0,) * len(self.tracks)
        self.rows_written = list(self.first_rows)
        self.spike_journal: SpikeJournal | None = None
        self.trace_journals: list[TraceJournal] = []
        if folder is not None:
            self._open(folder, resume, spikes, rows)

    def _open(self, folder: Path, resume: bool, spikes: int, rows: tuple[int, ...]) -> None:
        if resume:
            self.rows_written = list(rows)
            if not (folder / "journal.json").exists():
                # A finished run goes on in memory and replaces its files at the end, so a kill leaves them as they are.
                self._take_up(Result.load(folder), spikes, rows)
                return
        summary = {"model": self.plan.network.name, "seed": self.plan.seed, "precision": self.plan.precision}
        self.spike_journal = SpikeJournal(
            folder, self.populations, self.plan.dt, t_start_ms=self.start * self.plan.dt, summary=summary, resume=resume,
            overwrite=True,
        )  # fmt: skip
        for track in self.tracks:
            self.trace_journals.append(
                TraceJournal(
                    folder, track.name, track.neurons, self.plan.dt, unit=track.unit, variable=track.variable,
                    population=track.population, sites=track.sites, dtype=track.dtype, resume=resume,
                )
            )  # fmt: skip
        if resume:
            self.spike_journal.truncate(spikes)
            for journal, n in zip(self.trace_journals, rows, strict=True):
                journal.truncate(n)

    def _take_up(self, earlier: Result, spikes: int, rows: tuple[int, ...]) -> None:
        self.steps, self.neurons = [earlier.spikes.step[:spikes]], [earlier.spikes.neuron[:spikes]]
        for j, (track, n) in enumerate(zip(self.tracks, rows, strict=True)):
            self.samples[j].append(earlier.traces[track.name].values[:n])

    def add(self, steps: np.ndarray, neurons: np.ndarray, samples: list[np.ndarray]) -> None:
        """Take spikes (stamps and global neurons, sorted) and samples of every track."""
        if self.record_spikes:
            if self.spike_journal is not None:
                self.spike_journal.append(steps, neurons)
            else:
                self.steps.append(steps)
                self.neurons.append(neurons.astype(np.uint32))
        for j, values in enumerate(samples):
            if not len(values):
                continue
            if self.trace_journals:
                self.trace_journals[j].append(self._stamps(j, len(values)), values)
            else:
                self.samples[j].append(values)
            self.rows_written[j] += len(values)

    def _stamps(self, j: int, rows: int) -> np.ndarray:
        return (self.rows_written[j] + self.tracks[j].first + np.arange(rows)) * self.tracks[j].every

    def sync(self) -> tuple[int, tuple[int, ...]]:
        """Make everything durable; returns the number of spikes and of samples of each track so far."""
        for journal in self.trace_journals:
            journal.sync()
        spikes = self.spike_journal.sync() if self.spike_journal is not None else sum(s.size for s in self.steps)
        return spikes, tuple(self.rows_written)

    def close(self) -> None:
        """Make what is in the journals durable and close them."""
        if self.spike_journal is not None:
            self.spike_journal.close()
        for journal in self.trace_journals:
            journal.close()

    def result(self, duration_ms: float) -> Result:
        """Everything recorded so far, from memory."""
        step = np.concatenate(self.steps) if self.steps else np.empty(0, np.int64)
        neuron = np.concatenate(self.neurons) if self.neurons else np.empty(0, np.uint32)
        traces = {}
        for j, t in enumerate(self.tracks):
            values = np.concatenate(self.samples[j]) if self.samples[j] else np.empty((0, t.neurons.size))
            times = (self.first_rows[j] + t.first + np.arange(len(values))) * t.every * self.plan.dt
            traces[t.name] = Trace(times.astype(np.float64), values, t.neurons, t.unit, t.variable, t.population, t.sites)
        start_ms = self.start * self.plan.dt
        return Result(Spikes(step, neuron, self.populations, self.plan.dt), traces, {}, duration_ms - start_ms, start_ms)

    def finish(self, duration_ms: float) -> tuple[Result, str]:
        """The result and the digest of all spikes; in a folder, its files are complete but for the summary.

        Of a run with more than `LARGE` spikes the result holds the last ones only (its `t_start_ms` says from when),
        so that memory stays bounded; the files hold all.
        """
        if self.folder is None or self.spike_journal is None:
            result = self.result(duration_ms)
            if self.folder is not None:
                result.save(self.folder)
            return result, result.spikes.digest()
        self.close()
        n = len(self.spike_journal)
        self.spike_journal, self.trace_journals = None, []
        digest, tail = _stream(self.folder) if n > LARGE else ("", [])
        finalise(self.folder, {}, duration_ms=duration_ms - self.start * self.plan.dt)
        if n <= LARGE:
            result = Result.load(self.folder)
            return result, result.spikes.digest()
        step, neuron = np.concatenate([t[0] for t in tail]), np.concatenate([t[1] for t in tail])
        first = int(step[0])  # this step may be cut: leave it out
        keep = step > first
        spikes = Spikes(step[keep], neuron[keep], self.populations, self.plan.dt)
        start = first * self.plan.dt
        return Result(spikes, {}, {}, duration_ms - start, start), digest


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
        **moved(plan.network, plan.dt),
        "work": [work.to_json() for work in works_of(plan)],
    }
