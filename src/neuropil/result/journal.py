"""Journals: append-only files that a long run writes as it goes, so that a kill loses at most the last second.

A journal is a small JSON header beside records in blocks with checksums (`neuropil.result.blocks`). `neuropil.result.finalise`
turns journals into HDF5.

    journal.json       run (a number of this run alone), populations, dt_ms, t_start_ms, traces (how many), version, summary so far
    spikes.journal     records of 12 bytes, one a spike: uint64 step, uint32 global neuron
    trace-<n>.json     name, neurons, sites (null for one), unit, variable, population, dt_ms, dtype, version
    trace-<n>.journal  records: uint64 step, then one value per neuron
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuropil.errors import ResultError
from neuropil.result.atomic import make_folder, read_json, write_json
from neuropil.result.blocks import UNTOLD, BlockFile, seed_of
from neuropil.result.folder import clear, require_room
from neuropil.result.sonata import SpikeHeader
from neuropil.result.spikes import is_sorted

VERSION = 2
SPIKE = np.dtype([("step", "<u8"), ("neuron", "<u4")])
SPIKE_FILE, HEADER_FILE = "spikes.journal", "journal.json"


class Journal:
    """Records in progress, in a file of blocks."""

    _records: BlockFile

    def __len__(self) -> int:
        return len(self._records)

    @property
    def file(self) -> BlockFile:
        """The file of its records."""
        return self._records

    def sync(self) -> int:
        """Make all that was appended durable; returns the length in records, for the checkpoint."""
        return self._records.sync()

    def truncate(self, records: int) -> None:
        """Forget all but the first `records`, a number."""
        self._records.truncate(records)

    def close(self) -> None:
        """Sync and close."""
        self._records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SpikeJournal(Journal):
    """The spikes of a run in progress.

    Args:
        folder: where the run's files go; made if absent.
        populations: name -> (first global index, number of neurons).
        dt: the time step, ms.
        t_start_ms: biological time at which the run began, ms.
        summary: what is already known of the run (model, seed, command), for a result that is never finished.
        resume: continue an existing journal, whose header must agree; then `truncate` to the checkpoint's length.
        overwrite: replace the files of an earlier run; otherwise they are refused.
        traces: how many probes will be journalled beside it, if that is known: fewer are then missing on reading.
        run: the number of the run; a new one, if None.
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
        traces: int | None = None,
        run: str | None = None,
    ):
        self.folder = Path(folder)
        header = head_of(SpikeHeader(populations, dt, t_start_ms, 0.0))
        if resume:
            found = read_json(self.folder / HEADER_FILE)
            _require_same(found, header, ("version", "dt_ms", "populations"))
            self.run = str(found["run"])
        else:
            make_folder(self.folder)
            require_room(self.folder, overwrite)
            clear(self.folder)
            self.run = run or secrets.token_hex(8)
            write_json(self.folder / HEADER_FILE, {**header, "run": self.run, "traces": traces, "summary": dict(summary or {})})
        self._records = BlockFile(self.folder / SPIKE_FILE, SPIKE, spike_seed(self.run), resume)
        self._last = self._read_last()

    def append(self, steps: ArrayLike, neurons: ArrayLike, until: int | None = None) -> None:
        """Append (n,) steps and (n,) global neuron indices, ascending by (step, neuron) and after all before.

        `until`: the step up to which the journal now holds all spikes there were. A run that is stopped is read up to the
        least such step of its journals; of those that name none, everything is read.

        Args:
            steps: int[n].
            neurons: int[n], global indices.

        Raises:
            ResultError: spikes that are not in order.
        """
        records = spike_records(steps, neurons)
        if not records.size:
            if until is not None:
                self._records.append(records, until)
            return
        first = (int(records["step"][0]), int(records["neuron"][0]))
        if first < self._last or not is_sorted(records["step"], records["neuron"]):
            raise ResultError(
                "spikes must enter the journal in order of (step, neuron)",
                got=f"{first} after {self._last}",
                fix="append whole steps, each with its neurons ascending",
            )
        self._last = (int(records["step"][-1]), int(records["neuron"][-1]))
        self._records.append(records, UNTOLD if until is None else until)

    def truncate(self, records: int) -> None:
        super().truncate(records)
        self._last = self._read_last()

    def _read_last(self) -> tuple[int, int]:
        last = self._records.last
        return (-1, -1) if last is None else (int(last["step"][0]), int(last["neuron"][0]))


class TraceJournal(Journal):
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
        index: its index among the run's traces; looked for by its name, or the next free one, if None.
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
        index: int | None = None,
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
        path = self._find(folder, name, resume) if index is None else folder / f"trace-{index:04d}.json"
        if resume:
            _require_same(read_json(path), header, tuple(header))
        else:
            write_json(path, header)
        run = str(read_json(folder / HEADER_FILE)["run"])
        self._records = BlockFile(path.with_suffix(".journal"), trace_row(value, len(header["neurons"])), trace_seed(run, name), resume)

    @staticmethod
    def _find(folder: Path, name: str, resume: bool) -> Path:
        existing = {read_json(path)["name"]: path for path in trace_headers(folder)}
        if resume and name not in existing:
            raise ResultError("no journal of this probe to resume", got=name, expected=f"one of {sorted(existing)}")
        return existing.get(name, folder / f"trace-{len(existing):04d}.json")

    def append(self, steps: ArrayLike, values: ArrayLike, until: int | None = None) -> None:
        """Append rows: (rows,) steps and (rows, neurons) values; `until` as in `SpikeJournal.append`.

        Args:
            steps: int[rows].
            values: [rows, neurons].

        Raises:
            ResultError: another number of columns than the probe has.
        """
        step, rows = np.atleast_1d(np.asarray(steps)), np.atleast_2d(np.asarray(values))
        shape = (step.size, self._records.dtype["values"].shape[0])
        if rows.shape != shape:
            raise ResultError("these rows do not fit the probe", got=rows.shape, expected=f"(rows, neurons) = {shape}")
        records = trace_records(step, rows, self._records.dtype["values"].base)
        self._records.append(records, UNTOLD if until is None else until)


def head_of(header: SpikeHeader) -> dict[str, Any]:
    """The part of journal.json that a header gives: all but the run's number, its traces and its summary."""
    return {
        "version": VERSION,
        "dt_ms": float(header.dt),
        "t_start_ms": float(header.t_start_ms),
        "populations": [[name, int(first), int(size)] for name, (first, size) in header.populations.items()],
    }


def spike_records(steps: ArrayLike, neurons: ArrayLike) -> NDArray[Any]:
    """(n,) steps and (n,) global neurons as records."""
    step, neuron = np.asarray(steps), np.asarray(neurons)
    records = np.empty(step.shape, SPIKE)
    records["step"], records["neuron"] = step, neuron
    return records


def spike_seed(run: str) -> int:
    """The start of the chain of a run's spikes."""
    return seed_of(run, "spikes")


def trace_seed(run: str, name: str) -> int:
    """The start of the chain of a probe's rows.

    Args:
        run: number of the run.
        name: of the probe.
    """
    return seed_of(run, "trace", name)


def run_of(folder: Path) -> str:
    """The number of the run that is journalled in a folder."""
    return str(read_json(folder / HEADER_FILE)["run"])


def trace_headers(folder: Path) -> list[Path]:
    """The headers of the probes journalled in a folder, in the order they were opened."""
    return sorted(folder.glob("trace-*.json"))


def trace_row(value: np.dtype[Any], neurons: int) -> np.dtype[Any]:
    """The record of a probe: its step and one value for each of its neurons.

    Args:
        value: type of a value.
        neurons: columns of the probe.
    """
    return np.dtype([("step", "<u8"), ("values", value, (neurons,))])


def trace_records(steps: ArrayLike, values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Rows as records.

    Args:
        steps: int[rows].
        values: [rows, neurons].
        dtype: type of a value in the records.
    """
    records = np.empty(np.shape(steps), trace_row(dtype.newbyteorder("<"), values.shape[1]))
    records["step"], records["values"] = steps, values
    return records


def _require_same(found: Mapping[str, Any], wanted: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if found.get(key) != wanted[key]:
            raise ResultError(
                f"the journal to resume belongs to another run: {key} differs",
                got=found.get(key),
                expected=wanted[key],
                fix="resume with the network that wrote it, or start in another folder",
            )
