"""Traces in HDF5: one group per probe, rows appended in time.

/                        attrs: format = "neuropil traces", version
/traces/0000             attrs: name, variable, population, unit
/traces/0000/times_ms    (times,) float64, ms
/traces/0000/values      (times, neurons) as recorded, in `unit`
/traces/0000/neurons     (neurons,) int64, index within the population
/traces/0000/sites       (neurons,) int64, for variables with several sites per neuron
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.result.sealed import reading, seal_of, writing
from neuropil.result.sonata import extend, growing
from neuropil.result.trace import Trace

FORMAT = "neuropil traces"
VERSION = 1
_TIMES_CHUNK, _VALUES_CHUNK = 1 << 10, 1 << 14  # numbers per chunk on disk


@dataclass(frozen=True)
class TraceHeader:
    """What describes the rows of a probe as a whole.

    Attributes:
        name: of the probe.
        neurons: int64[columns], index within the population.
        unit: of the values; variable: their name; population: whose they are.
        dtype: type of the values.
        sites: int64[columns], or None.
    """

    name: str
    neurons: NDArray[np.int64]
    unit: str
    variable: str
    population: str
    dtype: np.dtype[Any]
    sites: NDArray[np.int64] | None = None


Rows = Iterable[tuple[NDArray[np.float64], NDArray[Any]]]


def write_traces(path: Path, probes: Iterable[tuple[TraceHeader, Rows]]) -> str:
    """Write probes, each as chunks of (times in ms, values), holding one chunk in memory at a time. Returns the file's seal.

    Args:
        path: of the file.
    """
    with writing(path) as file:
        file.attrs["format"] = FORMAT
        file.attrs["version"] = VERSION
        traces = file.create_group("traces")
        for index, (header, chunks) in enumerate(probes):
            group = traces.create_group(f"{index:04d}")
            for key in ("name", "unit", "variable", "population"):
                group.attrs[key] = getattr(header, key)
            group.create_dataset("neurons", data=np.asarray(header.neurons, dtype="<i8"))
            if header.sites is not None:
                group.create_dataset("sites", data=np.asarray(header.sites, dtype="<i8"))
            columns = len(header.neurons)
            times = growing(group, "times_ms", np.dtype(np.float64), _TIMES_CHUNK)
            values = growing(group, "values", header.dtype, max(1, _VALUES_CHUNK // max(columns, 1)), (columns,))
            for some_times, some_values in chunks:
                extend(times, some_times)
                extend(values, some_values)
    return seal_of(path)


def read_traces(path: Path, verified: bool = False) -> dict[str, Trace]:
    """The traces that `write_traces` wrote: probe name -> Trace, in the order written.

    Args:
        path: of the file.
        verified: the caller has compared the seal already.

    Raises:
        ResultError: it cannot be read, or is not as it was written.
    """
    with reading(path, verified) as file:
        if file.attrs.get("format") != FORMAT:
            raise ValueError("no attribute format")
        return dict(_read(file["traces"][key]) for key in sorted(file["traces"]))


def header_of(name: str, trace: Trace) -> TraceHeader:
    """The header of a trace in memory.

    Args:
        name: of the probe.
    """
    return TraceHeader(name, trace.neurons, trace.unit, trace.variable, trace.population, trace.values.dtype, trace.sites)


def _read(group: Any) -> tuple[str, Trace]:
    attrs = group.attrs
    trace = Trace(
        group["times_ms"][:],
        group["values"][:],
        group["neurons"][:],
        unit=str(attrs["unit"]),
        variable=str(attrs["variable"]),
        population=str(attrs["population"]),
        sites=group["sites"][:] if "sites" in group else None,
    )
    return str(attrs["name"]), trace
