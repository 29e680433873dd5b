"""From the journals of a run to its HDF5 files, in bounded memory."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ResultError
from neuropil.result.atomic import read_bound, read_json, sync_folder, write_json
from neuropil.result.blocks import BlockFile, extended
from neuropil.result.folder import BESIDE, SPIKES_FILE, SUMMARY_FILE, TRACES_FILE
from neuropil.result.journal import (
    HEADER_FILE,
    SPIKE,
    SPIKE_FILE,
    TraceJournal,
    head_of,
    run_of,
    spike_records,
    spike_seed,
    trace_headers,
    trace_records,
    trace_seed,
)
from neuropil.result.journal_reading import (
    is_journalled,
    journal_chains,
    journal_end,
    journal_length,
    spike_chunks,
    trace_chunks,
)
from neuropil.result.sealed import seal_of
from neuropil.result.sonata import SpikeHeader, read_spikes, write_spikes
from neuropil.result.spikes import Spikes
from neuropil.result.trace import Trace
from neuropil.result.tracefile import Rows, TraceHeader, read_traces, write_traces


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

    Raises:
        ResultError: a journal is missing or damaged. StorageError: the system refused; the journals are as they were.
    """
    folder = Path(folder)
    header, known = journal_header(folder, duration_ms)
    write_result(
        folder, header, spike_chunks(folder), journal_length(folder), map(_probe, trace_headers(folder)), known if summary is None else summary
    )
    discard_journals(folder)


def write_result(
    folder: Path, header: SpikeHeader, spikes: Iterable[tuple[NDArray[Any], NDArray[Any]]], expected: int,
    probes: Iterable[tuple[TraceHeader, Rows]], summary: Mapping[str, Any],
) -> None:  # fmt: skip
    """Write the files of a finished run; the summary, which has the seals of the others, comes last.

    Args:
        folder: exists.
        header: of the spikes.
        spikes: (int64[n] steps, neurons [n]), ascending by (step, neuron) throughout.
        expected: about how many spikes there are.
        probes: header and rows of each.
        summary: in plain types.
    """
    files = {SPIKES_FILE: write_spikes(folder / SPIKES_FILE, header, spikes, expected)}
    probes = list(probes)
    if probes:
        files[TRACES_FILE] = write_traces(folder / TRACES_FILE, probes)
    else:
        (folder / TRACES_FILE).unlink(missing_ok=True)
    write_json(folder / SUMMARY_FILE, summary, files)


def read_result(folder: Path) -> tuple[Spikes, dict[str, Trace], SpikeHeader, dict[str, Any]]:
    """The spikes, traces, header and summary of a finished run: each file must be there, be as it was written, and belong to the others.

    Args:
        folder: of the run.

    Raises:
        ResultError: a file is missing, damaged, or of another run.
    """
    seals = {name: seal_of(folder / name) for name in (SPIKES_FILE, TRACES_FILE) if (folder / name).exists()}
    if not (folder / SUMMARY_FILE).exists():
        raise ResultError(f"{folder / SUMMARY_FILE} is missing", expected=f"it beside {SPIKES_FILE}", fix="restore the folder from a copy")
    summary, files = read_bound(folder / SUMMARY_FILE)
    for name in (SPIKES_FILE, TRACES_FILE):
        here = name in seals
        if here != (name in files):
            raise ResultError(
                f"{folder} is not as neuropil wrote it", got=f"{name} is {'there' if here else 'missing'}",
                expected=f"{' and '.join(files)}, which {SUMMARY_FILE} names", fix="restore the folder from a copy",
            )  # fmt: skip
        if here and seals[name] != files[name]:
            raise ResultError(f"{folder / name} belongs to another run than {SUMMARY_FILE}", fix="restore the folder from a copy")
    spikes, header = read_spikes(folder / SPIKES_FILE, verified=True)
    return spikes, read_traces(folder / TRACES_FILE, verified=True) if TRACES_FILE in files else {}, header, summary


def reopen(folder: Path) -> None:
    """Turn the files of a finished run back into journals, to go on from them. Killed at any moment, the folder still loads."""
    spikes, traces, header, summary = read_result(folder)
    end = round((header.t_start_ms + header.duration_ms) / header.dt)
    head = {**head_of(header), "run": header.run, "traces": len(traces), "summary": summary}
    for path in trace_headers(folder):  # of an attempt that was killed
        path.unlink()
    write_json(folder / HEADER_FILE, {**head, "copying": True})
    journal = BlockFile(folder / SPIKE_FILE, SPIKE, spike_seed(header.run))
    journal.append(spike_records(spikes.step, spikes.neuron), end)
    journal.close()
    for index, (name, trace) in enumerate(traces.items()):
        with TraceJournal(
            folder, name, trace.neurons, header.dt, unit=trace.unit, variable=trace.variable, population=trace.population,
            sites=trace.sites, dtype=trace.values.dtype, index=index,
        ) as rows:  # fmt: skip
            rows.append(trace_steps(trace, header.dt), trace.values, end)
    write_json(folder / HEADER_FILE, head)
    for name in (SUMMARY_FILE, SPIKES_FILE, TRACES_FILE, *BESIDE):
        (folder / name).unlink(missing_ok=True)


def chains(folder: Path, run: str, spikes: int, rows: Mapping[str, int]) -> list[int | None]:
    """Checksums of the first spikes, and of the first rows of each named trace, that a folder holds; None where there are fewer.

    Args:
        folder: of a finished or a journalled run.
        run: its number; of another run there is nothing.
        spikes, rows: how many.
    """
    if is_journalled(folder):
        return journal_chains(folder, spikes, rows) if run_of(folder) == run else [None] * (1 + len(rows))
    found, traces, header, _ = read_result(folder)
    if header.run != run or len(found) < spikes:
        return [None] * (1 + len(rows))
    made: list[int | None] = [extended(spike_seed(run), spike_records(found.step[:spikes], found.neuron[:spikes]))]
    for name, length in rows.items():
        trace = traces.get(name)
        if trace is None or len(trace) < length:
            made.append(None)
            continue
        records = trace_records(trace_steps(trace, header.dt)[:length], trace.values[:length], trace.values.dtype)
        made.append(extended(trace_seed(run, name), records))
    return made


def trace_steps(trace: Trace, dt: float) -> NDArray[np.int64]:
    """int64[times]: the steps of a trace's rows, with steps of `dt` (ms)."""
    return np.rint(trace.times_ms / dt).astype(np.int64)


def discard_journals(folder: Path) -> None:
    """Remove the journals of a folder whose HDF5 files are complete."""
    # The header goes first: while it stands, the journals are what `Result.load` believes.
    for path in [folder / HEADER_FILE, folder / SPIKE_FILE, *folder.glob("trace-*.journal"), *trace_headers(folder)]:
        path.unlink(missing_ok=True)
    sync_folder(folder)


def journal_header(folder: Path, duration_ms: float | None = None) -> tuple[SpikeHeader, dict[str, Any]]:
    """The header of a journalled run and the summary it knew; the duration reaches to its last record, if not given.

    Args:
        folder: of the run.
        duration_ms: ms, or None.

    Raises:
        ResultError: there is no run, or a file is missing or damaged.
    """
    if not (folder / HEADER_FILE).exists():
        raise ResultError(
            f"no run in {folder}",
            expected=f"{SPIKES_FILE} and {SUMMARY_FILE}, or the journal.json of a run that was stopped",
            fix="check the path",
        )
    head = read_json(folder / HEADER_FILE)
    try:
        dt, t_start, run = float(head["dt_ms"]), float(head["t_start_ms"]), str(head["run"])
        populations = {str(name): (int(first), int(size)) for name, first, size in head["populations"]}
        traces = head.get("traces")
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"cannot use {folder / HEADER_FILE}", got=str(error)) from error
    if traces is not None and len(trace_headers(folder)) < traces and journal_length(folder):
        raise ResultError(
            f"traces are missing in {folder}", got=f"{len(trace_headers(folder))} of {traces}", fix="restore the folder from a copy"
        )
    if duration_ms is None:
        duration_ms = max(0.0, _last_step(folder) * dt - t_start)
    return SpikeHeader(populations, dt, t_start, duration_ms, run), dict(head.get("summary") or {})


def load_journals(folder: Path) -> tuple[Spikes, dict[str, Trace], SpikeHeader, dict[str, Any]]:
    """A run that was stopped before it could be finalised, up to the last step that every journal holds in full.

    Args:
        folder: of the run.
    """
    header, summary = journal_header(folder, 0.0)
    end = journal_end(folder)
    last = _last_step(folder) if end is None else end
    parts = list(spike_chunks(folder))
    step = np.concatenate([step for step, _ in parts]) if parts else np.zeros(0, np.int64)
    neuron = np.concatenate([neuron for _, neuron in parts]) if parts else np.zeros(0, np.uint32)
    kept = int(np.searchsorted(step, last, side="right"))
    traces = dict(_load_trace(path, last) for path in trace_headers(folder))
    header = dataclasses.replace(header, duration_ms=max(0.0, last * header.dt - header.t_start_ms))
    return Spikes(step[:kept], neuron[:kept], header.populations, header.dt), traces, header, {**summary, "partial": True}


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


def _load_trace(path: Path, last: int) -> tuple[str, Trace]:
    header, dt, chunks = trace_chunks(path)
    parts = list(chunks)
    step = np.concatenate([part["step"] for part in parts]).astype(np.int64) if parts else np.zeros(0, np.int64)
    values = np.concatenate([part["values"] for part in parts]) if parts else np.zeros((0, len(header.neurons)), header.dtype)
    kept = int(np.searchsorted(step, last, side="right"))
    native = values[:kept].astype(header.dtype.newbyteorder("="), copy=False)
    times = np.asarray(step[:kept] * dt, np.float64)
    return header.name, Trace(times, native, header.neurons, header.unit, header.variable, header.population, header.sites)
