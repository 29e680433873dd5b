"""Spikes in the SONATA layout (HDF5), readable by libsonata, BMTK and anything that reads HDF5.

    /                                attrs: magic 0x0A7A, version [0, 1]; ours: dt_ms, t_start_ms, duration_ms, run
    /spikes/<population>             attrs: sorting = by_time (an enum, as libsonata demands); ours: name, first, size
    /spikes/<population>/timestamps  float64, ms; attrs: units = "ms"
    /spikes/<population>/node_ids    uint64, index within the population; attrs: sorting (text, where BMTK looks)

SONATA has no time step and no silent neurons, so our own attributes carry what it would lose. The file begins with a block that
HDF5 skips (`neuropil.result.sealed`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ResultError
from neuropil.result.sealed import reading, seal_of, writing
from neuropil.result.spikes import Spikes

MAGIC = 0x0A7A
VERSION = (0, 1)
_SORTING = {"none": 0, "by_id": 1, "by_time": 2}


@dataclass(frozen=True)
class SpikeHeader:
    """What describes the spikes of a run as a whole.

    Attributes:
        populations: name -> (first global index, size).
        dt: time step, ms.
        t_start_ms: biological time at which it began, ms.
        duration_ms: ms.
        run: number of the run, text.
    """

    populations: Mapping[str, tuple[int, int]]
    dt: float
    t_start_ms: float
    duration_ms: float
    run: str = ""


def write_spikes(
    path: Path, header: SpikeHeader, chunks: Iterable[tuple[NDArray[Any], NDArray[Any]]], expected: int
) -> str:
    """Write spikes, holding one chunk in memory at a time.

    Args:
        path: of the file.
        header: of the run.
        chunks: (int64[n] steps, [n] global neuron indices), ascending throughout.
        expected: about how many spikes will come; sets the granularity of the file and nothing else.

    Returns:
        The file's seal.
    """
    with writing(path) as file:
        file.attrs.create("magic", np.uint32(MAGIC))
        file.attrs.create("version", np.array(VERSION, dtype=np.uint32))
        file.attrs["dt_ms"] = header.dt
        file.attrs["t_start_ms"] = header.t_start_ms
        file.attrs["duration_ms"] = header.duration_ms
        file.attrs["run"] = header.run
        rows = 1 << min(max((expected // max(len(header.populations), 1)).bit_length(), 8), 17)
        groups = [
            (_population_group(file, name, order, first, size, rows), first, size)
            for order, (name, (first, size)) in enumerate(header.populations.items())
        ]
        for step, neuron in chunks:
            for group, first, size in groups:
                chosen = (neuron >= first) & (neuron < first + size)
                extend(group["timestamps"], step[chosen].astype(np.int64) * header.dt)
                extend(group["node_ids"], neuron[chosen].astype(np.uint64) - np.uint64(first))
    return seal_of(path)


def read_spikes(path: Path, verified: bool = False) -> tuple[Spikes, SpikeHeader]:
    """The spikes that `write_spikes` wrote, and their header.

    Args:
        path: of the file.
        verified: the caller has compared the seal already.
    """
    with reading(path, verified) as file:
        return _read(file)


def _read(file: Any) -> tuple[Spikes, SpikeHeader]:
    if int(file.attrs.get("magic", 0)) != MAGIC or "dt_ms" not in file.attrs:
        raise ValueError("no SONATA magic number, or no attribute dt_ms")
    dt = float(file.attrs["dt_ms"])
    groups = sorted(file["spikes"].values(), key=lambda group: int(group.attrs["order"]))
    populations, steps, neurons = {}, [], []
    for group in groups:
        first, size = int(group.attrs["first"]), int(group.attrs["size"])
        populations[str(group.attrs["name"])] = (first, size)
        steps.append(np.rint(group["timestamps"][:] / dt).astype(np.int64))
        neurons.append(group["node_ids"][:].astype(np.int64) + first)
    step = np.concatenate(steps) if steps else np.zeros(0, np.int64)
    neuron = np.concatenate(neurons) if neurons else np.zeros(0, np.int64)
    if neuron.size == 0 or int(neuron.max()) <= np.iinfo(np.uint32).max:
        neuron = neuron.astype(np.uint32)
    header = SpikeHeader(populations, dt, float(file.attrs["t_start_ms"]), float(file.attrs["duration_ms"]), str(file.attrs["run"]))
    return Spikes.from_unsorted(step, neuron, populations, dt), header


def _population_group(file: Any, name: str, order: int, first: int, size: int, rows: int) -> Any:
    import h5py

    group = file.create_group(f"spikes/{link(name)}")
    group.attrs.create("sorting", _SORTING["by_time"], dtype=h5py.enum_dtype(_SORTING, basetype="u1"))
    group.attrs["name"] = name
    group.attrs["order"] = order
    group.attrs["first"] = first
    group.attrs["size"] = size
    times = growing(group, "timestamps", np.dtype(np.float64), rows)
    times.attrs["units"] = "ms"
    nodes = growing(group, "node_ids", np.dtype(np.uint64), rows)
    nodes.attrs["sorting"] = "by_time"
    return group


def growing(group: Any, name: str, dtype: np.dtype[Any], rows: int, columns: tuple[int, ...] = ()) -> Any:
    """An empty dataset of shape (0, *columns) that grows along its first axis, `rows` at a time on disk.

    Not compressed: the HDF5 inside the wheels of libsonata has no deflate filter and could not read it.

    Args:
        group: of an h5py file.
        name: of the dataset.
        dtype: of an entry.
        rows: in a chunk on disk.
        columns: the other axes; 0: one that is empty.
    """
    return group.create_dataset(
        name,
        shape=(0, *columns),
        maxshape=(None, *(count or None for count in columns)),
        chunks=(rows, *(max(1, min(count, 1 << 12)) for count in columns)),
        dtype=dtype.newbyteorder("<"),
    )


def extend(dataset: Any, rows: NDArray[Any]) -> None:
    """Append rows to a growing dataset."""
    if len(rows):
        end = dataset.shape[0]
        dataset.resize(end + len(rows), axis=0)
        dataset[end:] = rows


def link(name: str) -> str:
    """A name as one HDF5 link: a slash would start a subgroup, and dots alone would mean the parent.

    Raises:
        ResultError: empty text, or text with NUL.
    """
    if not name or "\0" in name:
        raise ResultError("this name cannot be stored", got=name, expected="non-empty text without NUL")
    escaped = name.replace("%", "%25").replace("/", "%2F")
    return escaped.replace(".", "%2E") if set(escaped) == {"."} else escaped


def unlink(name: str) -> str:
    """The name that `link` made a link of."""
    return unquote(name)
