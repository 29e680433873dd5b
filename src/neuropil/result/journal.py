"""Journals: append-only files that a long run writes as it goes, so that a kill loses at most the last sync.

A journal is raw little-endian records beside a small JSON header. A record that a kill tore in half, or that a power
cut left as zeros, is dropped on reading. `neuropil.result.finalise` turns journals into HDF5.

    journal.json       populations, dt_ms, t_start_ms, version, summary so far
    spikes.journal     12 bytes a spike: uint64 step, uint32 global neuron
    trace-<n>.json     name, neurons, sites (null for one), unit, variable, population, dt_ms, dtype, version
    trace-<n>.journal  uint64 step, then one value per neuron
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuropil.errors import ResultError
from neuropil.result.atomic import read_json, write_json
from neuropil.result.spikes import is_sorted, sorted_prefix
from neuropil.result.tracefile import TraceHeader

VERSION = 1
SPIKE = np.dtype([("step", "<u8"), ("neuron", "<u4")])
SPIKE_FILE, HEADER_FILE = "spikes.journal", "journal.json"
_FINISHED = ("spikes.h5", "traces.h5", "summary.json")


class _Records:
    """An append-only file of fixed-size records."""

    def __init__(self, path: Path, dtype: np.dtype[Any], resume: bool):
        self.path, self.dtype = path, dtype
        self._file = path.open("r+b" if resume else "w+b")
        size = self._file.seek(0, os.SEEK_END)
        self._length = size // dtype.itemsize
        if size % dtype.itemsize:
            self.truncate(self._length)

    def __len__(self) -> int:
        return self._length

    def write(self, records: NDArray[Any]) -> None:
        self._file.write(records.tobytes())
        self._length += len(records)

    def last(self) -> NDArray[Any] | None:
        """The last record, or None."""
        if not self._length:
            return None
        self._file.seek((self._length - 1) * self.dtype.itemsize)
        data = self._file.read(self.dtype.itemsize)
        self._file.seek(0, os.SEEK_END)
        record: NDArray[Any] = np.frombuffer(data, self.dtype)
        return record

    def sync(self) -> int:
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._length

    def truncate(self, records: int) -> None:
        if not 0 <= records <= self._length:
            raise ResultError(
                f"cannot cut {self.path.name} to that length", got=records, expected=f"0 to {self._length} records"
            )
        self._file.flush()
        self._file.truncate(records * self.dtype.itemsize)
        self._file.seek(0, os.SEEK_END)
        self._length = records

    def close(self) -> None:
        if not self._file.closed:
            self.sync()
            self._file.close()


class SpikeJournal:
    """The spikes of a run in progress.

    Args:
        folder: where the run's files go; made if absent.
        populations: name -> (first global index, number of neurons).
        dt: the time step, ms.
        t_start_ms: biological time at which the run began, ms.
        summary: what is already known of the run (model, seed, command), for a result that is never finished.
        resume: continue an existing journal, whose header must agree; then `truncate` to the checkpoint's length.
        overwrite: replace the files of an earlier run; otherwise they are refused.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        populations: Mapping[str, tuple[int, int]],
        dt: float,
        *,
        t_start_ms: float = 0.0,
        summary: Mapping[str, Any] | None = None,
        resume: bool = False,
        overwrite: bool = False,
    ):
        self.folder = Path(folder)
        header = {
            "version": VERSION,
            "dt_ms": float(dt),
            "t_start_ms": float(t_start_ms),
            "populations": [[name, int(first), int(size)] for name, (first, size) in populations.items()],
        }
        if resume:
            _require_same(read_json(self.folder / HEADER_FILE), header, ("version", "dt_ms", "populations"))
        else:
            _clear(self.folder, overwrite)
            write_json(self.folder / HEADER_FILE, {**header, "summary": dict(summary or {})})
        self._records = _Records(self.folder / SPIKE_FILE, SPIKE, resume)
        self._last = self._read_last()

    def __len__(self) -> int:
        return len(self._records)

    def append(self, steps: ArrayLike, neurons: ArrayLike) -> None:
        """Append (n,) steps and (n,) global neuron indices, ascending by (step, neuron) and after all before."""
        step, neuron = np.asarray(steps), np.asarray(neurons)
        if not step.size:
            return
        records = np.empty(step.shape, SPIKE)
        records["step"], records["neuron"] = step, neuron
        first = (int(records["step"][0]), int(records["neuron"][0]))
        if first < self._last or not is_sorted(records["step"], records["neuron"]):
            raise ResultError(
                "spikes must enter the journal in order of (step, neuron)",
                got=f"{first} after {self._last}",
                fix="append whole steps, each with its neurons ascending",
            )
        self._records.write(records)
        self._last = (int(records["step"][-1]), int(records["neuron"][-1]))

    def sync(self) -> int:
        """Make all that was appended durable; returns the length in records, for the checkpoint."""
        return self._records.sync()

    def truncate(self, records: int) -> None:
        """Forget all but the first `records` spikes."""
        self._records.truncate(records)
        self._last = self._read_last()

    def close(self) -> None:
        """Sync and close."""
        self._records.close()

    def __enter__(self) -> SpikeJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_last(self) -> tuple[int, int]:
        last = self._records.last()
        return (-1, -1) if last is None else (int(last["step"][0]), int(last["neuron"][0]))


class TraceJournal:
    """The rows of one probe in progress; open it after the run's `SpikeJournal`, which clears the folder.

    Args:
        folder: where the run's files go.
        name: the probe's name.
        neurons: (neurons,) index within the population.
        dt: the time step, ms.
        unit, variable, population: as in `Trace`.
        sites: (neurons,) as in `Trace`, or None.
        dtype: float32 or float64, the type of the values stored.
        resume: continue an existing journal of this name; then `truncate` to the checkpoint's length.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        name: str,
        neurons: ArrayLike,
        dt: float,
        *,
        unit: str,
        variable: str,
        population: str,
        sites: ArrayLike | None = None,
        dtype: Any = np.float32,
        resume: bool = False,
    ):
        folder = Path(folder)
        value = np.dtype(dtype).newbyteorder("<")
        header = {
            "version": VERSION,
            "name": name,
            "neurons": np.asarray(neurons, dtype=np.int64).tolist(),
            "sites": None if sites is None else np.asarray(sites, dtype=np.int64).tolist(),
            "unit": unit,
            "variable": variable,
            "population": population,
            "dt_ms": float(dt),
            "dtype": value.str,
        }
        existing = {read_json(path)["name"]: path for path in trace_headers(folder)}
        if resume and name not in existing:
            raise ResultError("no journal of this probe to resume", got=name, expected=f"one of {sorted(existing)}")
        if name in existing:
            path = existing[name]
            if resume:
                _require_same(read_json(path), header, tuple(header))
        else:
            path = folder / f"trace-{len(existing):04d}.json"
        if not resume:
            write_json(path, header)
        self._records = _Records(path.with_suffix(".journal"), _row(value, len(header["neurons"])), resume)

    def __len__(self) -> int:
        return len(self._records)

    def append(self, steps: ArrayLike, values: ArrayLike) -> None:
        """Append rows: (rows,) steps and (rows, neurons) values."""
        step, rows = np.atleast_1d(np.asarray(steps)), np.atleast_2d(np.asarray(values))
        shape = (step.size, self._records.dtype["values"].shape[0])
        if rows.shape != shape:
            raise ResultError("these rows do not fit the probe", got=rows.shape, expected=f"(rows, neurons) = {shape}")
        records = np.empty(step.size, self._records.dtype)
        records["step"], records["values"] = step, rows
        self._records.write(records)

    def sync(self) -> int:
        """Make all that was appended durable; returns the length in records, for the checkpoint."""
        return self._records.sync()

    def truncate(self, records: int) -> None:
        """Forget all but the first `records` rows."""
        self._records.truncate(records)

    def close(self) -> None:
        """Sync and close."""
        self._records.close()

    def __enter__(self) -> TraceJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def journal_length(folder: Path) -> int:
    """Whole spike records in the journal of a folder."""
    path = folder / SPIKE_FILE
    return path.stat().st_size // SPIKE.itemsize if path.exists() else 0


def spike_chunks(folder: Path, chunk: int = 1 << 20) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """The (step, neuron) records of a journal, a chunk at a time, up to the first that is torn or out of order."""
    end = np.zeros(0, SPIKE)
    for records in _chunks(folder / SPIKE_FILE, SPIKE, chunk):
        joined = np.concatenate((end, records))
        good = sorted_prefix(joined["step"], joined["neuron"])
        kept = joined[len(end) : good]
        yield kept["step"].astype(np.int64), kept["neuron"].copy()
        if good < len(joined):
            return
        end = joined[-1:]


def trace_chunks(path: Path, chunk_bytes: int = 1 << 24) -> tuple[TraceHeader, float, Iterator[NDArray[Any]]]:
    """The header of a probe's journal, its dt in ms, and its records, a chunk at a time, with torn ones left out."""
    head = read_json(path)
    value, neurons = np.dtype(head["dtype"]), np.asarray(head["neurons"], dtype=np.int64)
    sites = None if head.get("sites") is None else np.asarray(head["sites"], dtype=np.int64)
    header = TraceHeader(head["name"], neurons, head["unit"], head["variable"], head["population"], value, sites)
    row = _row(value, len(neurons))
    chunks = _ascending(_chunks(path.with_suffix(".journal"), row, max(1, chunk_bytes // row.itemsize)))
    return header, float(head["dt_ms"]), chunks


def trace_headers(folder: Path) -> list[Path]:
    """The headers of the probes journalled in a folder, in the order they were opened."""
    return sorted(folder.glob("trace-*.json"))


def _ascending(chunks: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Rows up to the first whose step does not follow: what a power cut promised but never wrote."""
    last = -1
    for records in chunks:
        step = records["step"].astype(np.int64)
        broken = np.flatnonzero(np.diff(step, prepend=last) <= 0)
        yield records[: broken[0]] if broken.size else records
        if broken.size:
            return
        last = int(step[-1])


def _chunks(path: Path, dtype: np.dtype[Any], chunk: int) -> Iterator[NDArray[Any]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        while data := file.read(chunk * dtype.itemsize):
            whole = len(data) // dtype.itemsize
            if whole:
                yield np.frombuffer(data, dtype, count=whole)


def _row(value: np.dtype[Any], neurons: int) -> np.dtype[Any]:
    return np.dtype([("step", "<u8"), ("values", value, (neurons,))])


def _clear(folder: Path, overwrite: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    old = [folder / name for name in (*_FINISHED, HEADER_FILE, SPIKE_FILE) if (folder / name).exists()]
    old += folder.glob("trace-*.journal")
    old += trace_headers(folder)
    if old and not overwrite:
        raise ResultError(
            f"{folder} already holds a run",
            got=", ".join(sorted(path.name for path in old)),
            fix="choose another folder, resume the run, or pass overwrite=True",
        )
    for path in old:
        path.unlink()


def _require_same(found: Mapping[str, Any], wanted: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if found.get(key) != wanted[key]:
            raise ResultError(
                f"the journal to resume belongs to another run: {key} differs",
                got=found.get(key),
                expected=wanted[key],
                fix="resume with the network that wrote it, or start in another folder",
            )
