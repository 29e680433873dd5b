"""From the journals of a run to its HDF5 files, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ResultError
from neuropil.result.atomic import read_json, sync_folder, write_json
from neuropil.result.journal import HEADER_FILE, SPIKE_FILE, journal_length, spike_chunks, trace_chunks, trace_headers
from neuropil.result.sonata import SpikeHeader, write_spikes
from neuropil.result.spikes import Spikes
from neuropil.result.trace import Trace
from neuropil.result.tracefile import Rows, TraceHeader, write_traces


def finalise(
    folder: str | os.PathLike[str],
    summary: Mapping[str, Any] | None = None,
    *,
    duration_ms: float | None = None,
) -> None:
    """Turn the journals in a folder into spikes.h5, traces.h5 and summary.json, then remove them.

    Memory is bounded by one chunk (about a million spikes), whatever the length of the run. Killed at any moment, the
    folder still loads: the journals go only after the files that replace them are durable.

    Args:
        folder: a run's folder, whose journals are closed or synced.
        summary: the JSON of the run; without it, what the journal knew when it was opened.
        duration_ms: biological length of the run, ms; without it, up to the last record.
    """
    folder = Path(folder)
    header, known = journal_header(folder, duration_ms)
    write_spikes(folder / "spikes.h5", header, spike_chunks(folder), journal_length(folder))
    paths = trace_headers(folder)
    if paths:
        write_traces(folder / "traces.h5", (_probe(path) for path in paths))
    write_json(folder / "summary.json", known if summary is None else summary)
    discard_journals(folder)


def discard_journals(folder: Path) -> None:
    """Remove the journals of a folder whose HDF5 files are complete."""
    # The header goes first: while it stands, the journals are what `Result.load` believes.
    for path in [folder / HEADER_FILE, folder / SPIKE_FILE, *folder.glob("trace-*.journal"), *trace_headers(folder)]:
        path.unlink(missing_ok=True)
    sync_folder(folder)


def journal_header(folder: Path, duration_ms: float | None = None) -> tuple[SpikeHeader, dict[str, Any]]:
    """The header of a journalled run and the summary it knew; the duration reaches to its last record, if not given."""
    if not (folder / HEADER_FILE).exists():
        raise ResultError(
            f"no run in {folder}",
            expected="spikes.h5, or the journal.json of a run that was stopped",
            fix="check the path",
        )
    head = read_json(folder / HEADER_FILE)
    try:
        dt, t_start = float(head["dt_ms"]), float(head["t_start_ms"])
        populations = {str(name): (int(first), int(size)) for name, first, size in head["populations"]}
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"cannot use {folder / HEADER_FILE}", got=str(error)) from error
    if duration_ms is None:
        duration_ms = max(0.0, _last_step(folder) * dt - t_start)
    return SpikeHeader(populations, dt, t_start, duration_ms), dict(head.get("summary") or {})


def load_journals(folder: Path) -> tuple[Spikes, dict[str, Trace], SpikeHeader, dict[str, Any]]:
    """A run that was stopped before it could be finalised, as far as it came."""
    header, summary = journal_header(folder)
    chunks = list(spike_chunks(folder))
    step = np.concatenate([step for step, _ in chunks]) if chunks else np.zeros(0, np.int64)
    neuron = np.concatenate([neuron for _, neuron in chunks]) if chunks else np.zeros(0, np.uint32)
    traces = dict(_load_trace(path) for path in trace_headers(folder))
    return Spikes(step, neuron, header.populations, header.dt), traces, header, {**summary, "partial": True}


def _last_step(folder: Path) -> int:
    last = 0
    for step, _ in spike_chunks(folder):
        last = max(last, int(step[-1])) if step.size else last
    for path in trace_headers(folder):
        for records in trace_chunks(path)[2]:
            last = max(last, int(records["step"][-1])) if len(records) else last
    return last


def _probe(path: Path) -> tuple[TraceHeader, Rows]:
    header, dt, chunks = trace_chunks(path)
    return header, _timed(chunks, dt)


def _timed(chunks: Iterator[NDArray[Any]], dt: float) -> Iterator[tuple[NDArray[np.float64], NDArray[Any]]]:
    for records in chunks:
        yield records["step"] * dt, records["values"]


def _load_trace(path: Path) -> tuple[str, Trace]:
    header, rows = _probe(path)
    parts = list(rows)
    times = np.concatenate([times for times, _ in parts]) if parts else np.zeros(0)
    empty = np.zeros((0, len(header.neurons)), header.dtype)
    values = np.concatenate([values for _, values in parts]) if parts else empty
    native = values.astype(header.dtype.newbyteorder("="), copy=False)
    return header.name, Trace(times, native, header.neurons, header.unit, header.variable, header.population, header.sites)
