"""Journals read: how long they are, how far they are complete, and their records a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.result.atomic import read_json
from neuropil.result.blocks import UNTOLD, chain_after, read_blocks
from neuropil.result.journal import (
    HEADER_FILE,
    SPIKE,
    SPIKE_FILE,
    run_of,
    spike_seed,
    trace_headers,
    trace_row,
    trace_seed,
)
from neuropil.result.tracefile import TraceHeader


def is_journalled(folder: Path) -> bool:
    """Whether the journals of a folder are what it holds, and not its HDF5 files."""
    return (folder / HEADER_FILE).exists() and not read_json(folder / HEADER_FILE).get("copying", False)


def journal_length(folder: Path) -> int:
    """About how many spikes the journal of a folder holds."""
    path = folder / SPIKE_FILE
    return path.stat().st_size // SPIKE.itemsize if path.exists() else 0


def journal_chains(folder: Path, spikes: int, rows: Mapping[str, int]) -> list[int | None]:
    """The chains of the spikes and of each named probe after so many records; None where there are fewer.

    Args:
        folder: of the run.
        spikes: number of spikes.
        rows: number of rows by name of probe.
    """
    run = run_of(folder)
    found = [chain_after(read_blocks(folder / SPIKE_FILE, SPIKE, spike_seed(run)), spike_seed(run), spikes)]
    heads = {head["name"]: (path, head) for path, head in ((path, read_json(path)) for path in trace_headers(folder))}
    for name, length in rows.items():
        if name not in heads:
            found.append(None)
            continue
        path, head = heads[name]
        row = trace_row(np.dtype(head["dtype"]), len(head["neurons"]))
        found.append(
            chain_after(
                read_blocks(path.with_suffix(".journal"), row, trace_seed(run, name)), trace_seed(run, name), length
            )
        )
    return found


def journal_end(folder: Path) -> int | None:
    """The step up to which all journals of a folder are complete; None if none of them says.

    An empty one is so up to the start of a run that says how many there are: what it held was cut, or never reached the disk.
    """
    head = read_json(folder / HEADER_FILE)
    start = UNTOLD if head.get("traces") is None else round(head["t_start_ms"] / head["dt_ms"])
    ends = []
    for path, row, seed in _files(folder):
        end = start
        for block in read_blocks(path, row, seed):
            end = block.step
        ends.append(end)
    end = min(ends)
    return None if end == UNTOLD else end


def spike_chunks(folder: Path, chunk: int = 1 << 20) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """The (int64[n] steps, uint32[n] neurons) of the journal in a folder, about `chunk` spikes at a time."""
    for records in _gathered(
        (b.records for b in read_blocks(folder / SPIKE_FILE, SPIKE, spike_seed(run_of(folder)))), chunk
    ):
        yield records["step"].astype(np.int64), records["neuron"].copy()


def trace_chunks(path: Path, chunk_bytes: int = 1 << 24) -> tuple[TraceHeader, float, Iterator[NDArray[Any]]]:
    """The header of a probe's journal, its dt in ms, and its records, a chunk at a time.

    Args:
        path: of the journal's header.
        chunk_bytes: size of a chunk, about.
    """
    head = read_json(path)
    value, neurons = np.dtype(head["dtype"]), np.asarray(head["neurons"], dtype=np.int64)
    sites = None if head.get("sites") is None else np.asarray(head["sites"], dtype=np.int64)
    header = TraceHeader(head["name"], neurons, head["unit"], head["variable"], head["population"], value, sites)
    row = trace_row(value, len(neurons))
    seed = trace_seed(run_of(path.parent), header.name)
    blocks = read_blocks(path.with_suffix(".journal"), row, seed)
    return header, float(head["dt_ms"]), _gathered((b.records for b in blocks), max(1, chunk_bytes // row.itemsize))


def _files(folder: Path) -> Iterator[tuple[Path, np.dtype[Any], int]]:
    """Every journal of a folder: path, record and seed."""
    run = run_of(folder)
    yield folder / SPIKE_FILE, SPIKE, spike_seed(run)
    for path in trace_headers(folder):
        head = read_json(path)
        yield (
            path.with_suffix(".journal"),
            trace_row(np.dtype(head["dtype"]), len(head["neurons"])),
            trace_seed(run, head["name"]),
        )


def _gathered(parts: Iterator[NDArray[Any]], chunk: int) -> Iterator[NDArray[Any]]:
    """The same records, `chunk` at a time."""
    waiting: list[NDArray[Any]] = []
    length = 0
    for part in parts:
        waiting.append(part)
        length += len(part)
        if length < chunk:
            continue
        whole = np.concatenate(waiting)
        end = length - length % chunk
        for start in range(0, end, chunk):
            yield whole[start : start + chunk]
        waiting, length = [whole[end:]], length - end
    if length:
        yield np.concatenate(waiting)
