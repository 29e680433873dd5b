"""The result of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.errors import ResultError, did_you_mean
from neuropil.result.assemble import discard_journals, load_journals, read_result, write_result
from neuropil.result.atomic import plain
from neuropil.result.drawn import Drawn
from neuropil.result.exported import Exported
from neuropil.result.folder import (
    BESIDE,
    CHECKPOINT_FILE,
    SPIKES_FILE,
    SUMMARY_FILE,
    FolderLock,
    folder_path,
    require_room,
)
from neuropil.result.journal_reading import is_journalled
from neuropil.result.quantities import in_ms
from neuropil.result.sonata import SpikeHeader
from neuropil.result.spikes import Spikes
from neuropil.result.trace import Trace
from neuropil.result.tracefile import header_of
from neuropil.units import Quantity, ms

_COUNTERS = (
    "wall_seconds",
    "build_seconds",
    "compile_seconds",
    "compiled_kernels",
    "real_time_factor",
    "peak_memory_bytes",
    "neuron_steps",
    "synaptic_events",
    "spikes",
    "phases",
    "memory",
)


@dataclass(frozen=True, eq=False)
class Result(Drawn, Exported):
    """What a run produced.

    Attributes:
        spikes: every spike of every population.
        traces: probe name -> Trace; those of modulators stand among them (see `modulators`).
        summary: the run in plain JSON types: model, sizes, seed, times, counters, digest.
        duration_ms: biological length of the run, ms.
        t_start_ms: biological time at which it began, ms; spikes and traces carry absolute times.
    """

    spikes: Spikes
    traces: Mapping[str, Trace] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    duration_ms: float = 0.0
    t_start_ms: float = 0.0

    def __repr__(self) -> str:
        model = self.summary.get("model", "run")
        ended = ", interrupted" if self.summary.get("interrupted") else ""
        return f"Result({model}: {self.duration_ms:g} ms{ended}, {self.spikes!r}, {len(self.traces)} traces)"

    def __getitem__(self, name: str) -> Spikes | Trace:
        """The spikes of a population, or the trace of a probe.

        Args:
            name: of the population or the probe.

        Raises:
            ResultError: there is neither.
        """
        if name in self.spikes.populations:
            return self.spikes.of(name)
        if name in self.traces:
            return self.traces[name]
        raise ResultError("the result has neither a population nor a probe of this name", got=name, fix=did_you_mean(name, [*self.spikes.populations, *self.traces]))

    @property
    def t_stop_ms(self) -> float:
        """Biological time at which the run ended, ms."""
        return self.t_start_ms + self.duration_ms

    @property
    def t_start(self) -> Quantity:
        """Biological time at which the run began, with its unit."""
        return self.t_start_ms * ms

    @property
    def t_stop(self) -> Quantity:
        """Biological time at which it ended, with its unit."""
        return self.t_stop_ms * ms

    @property
    def duration(self) -> Quantity:
        """Its biological length, with its unit."""
        return self.duration_ms * ms

    @property
    def modulators(self) -> dict[str, Trace]:
        """The concentration of each modulator at its ticks: name -> Trace; over positions "name in population"."""
        return {name: trace for name, trace in self.traces.items() if trace.is_concentration}

    @property
    def cost(self) -> dict[str, Any]:
        """What the run cost: seconds, bytes and counts, with the nanoseconds of wall time per unit of work."""
        cost = {key: self.summary[key] for key in _COUNTERS if key in self.summary}
        wall = cost.get("wall_seconds")
        for work, name in (("neuron_steps", "ns_per_neuron_step"), ("synaptic_events", "ns_per_synaptic_event")):
            if wall and cost.get(work):
                cost[name] = 1e9 * wall / cost[work]
        return cost

    def rates(self, t_from_ms: Any = 0.0) -> dict[str, float]:
        """Mean rate of each population in (t_from_ms, end of the run]: population -> spikes per neuron per second.

        Args:
            t_from_ms: a time in ms, or a quantity.

        Over the whole run these are `summary["rates_hz"]`, which counts every spike whether spikes were recorded or not.

        Raises:
            ResultError: no time is left; or a part of the run is asked for whose spikes were not recorded.
        """
        if isinstance(t_from_ms, str):
            raise ResultError("rates() takes the time from which on spikes count, in ms", got=repr(t_from_ms), fix=f"rates()[{t_from_ms!r}] is the rate of one population")
        start = max(in_ms(t_from_ms, "rates(): the time from which on spikes count"), self.t_start_ms)
        seconds = (self.t_stop_ms - start) / 1000.0
        if seconds <= 0:
            raise ResultError("no time left to count spikes in", got=f"t_from_ms = {t_from_ms}", expected=self._span())
        if self.summary.get("counted_ms") == [start, self.t_stop_ms]:
            return dict(self.summary["rates_hz"])
        if self.summary.get("record_spikes") is False:
            raise ResultError(
                "rates of a part of the run need its spikes, which were not recorded", got=f"t_from_ms = {t_from_ms}",
                fix="record_spikes=True, or rates() for the whole run",
            )  # fmt: skip
        counted = self.spikes.between(start, self.t_stop_ms).neuron
        return {
            name: float(np.count_nonzero((counted >= first) & (counted < first + size))) / (size * seconds)
            if size
            else 0.0
            for name, (first, size) in self.spikes.populations.items()
        }

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write spikes.h5 (SONATA), traces.h5 and summary.json into a folder, each replaced as a whole or not at all.

        Args:
            folder: made if absent.
            overwrite: replace the run that the folder holds, its checkpoint and pictures; otherwise it is refused.

        Returns:
            The folder.

        Raises:
            ResultError: the folder holds a run, or another run is writing to it. StorageError: the system refused.
        """
        folder = folder_path(folder)
        require_room(folder, overwrite)
        header = SpikeHeader(self.spikes.populations, self.spikes.dt, self.t_start_ms, self.duration_ms)
        probes = [(header_of(name, trace), [(trace.times_ms, trace.values)]) for name, trace in self.traces.items()]
        lock = FolderLock(folder)
        try:
            write_result(folder, header, [(self.spikes.step, self.spikes.neuron)], len(self.spikes), probes, self.summary)
            discard_journals(folder)
            for name in (CHECKPOINT_FILE, *BESIDE):
                (folder / name).unlink(missing_ok=True)
        finally:
            lock.release()
        return folder

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Result:
        """The result in a folder; of a run that was killed, as much as reached the disk (`summary["partial"]` is then true).

        Every file is compared with its checksum, and with those of the others.

        Raises:
            ResultError: there is no run, or a file of it is missing, damaged, cut, changed, or of another run.
        """
        folder = folder_path(folder)
        journalled = is_journalled(folder) or not any((folder / name).exists() for name in (SPIKES_FILE, SUMMARY_FILE))
        spikes, traces, header, summary = (load_journals if journalled else read_result)(folder)
        return cls(spikes, traces, summary, header.duration_ms, header.t_start_ms)

    def to_json(self) -> dict[str, Any]:
        """The summary in plain JSON types."""
        value: dict[str, Any] = plain(self.summary)
        return value

    def _span(self) -> str:
        return f"a time before the end of the run, which spans {self.t_start_ms:g} to {self.t_stop_ms:g} ms"
