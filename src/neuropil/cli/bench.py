"""`neuropil bench`: how fast this machine runs the circuits, with the work each second of wall time did."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from neuropil.cli.loading import load
from neuropil.cli.running import Job, simulate

_COLUMNS = ("neurons", "synapses", "build (s)", "run (s)", "real-time factor", "ns/neuron-step", "ns/event", "memory (GB)")


def execute(names: list[str], time_ms: float, scale: float, threads: int | None, as_json: bool) -> None:
    """Time each circuit once, nothing written to disk, and print a table (or one JSON object, name -> figures).

    Args:
        names: of circuits.
        time_ms: biological time of each, ms.
        scale: size relative to the published one.
        threads: None: the cores that the network has work for.
        as_json: print one JSON object.
    """
    measured = {}
    for name in names:
        job = Job(name=name, time_ms=time_ms, scale=scale, threads=threads)
        job.check()
        result = simulate(load(name, scale), job, folder=None)
        measured[name] = figures(result.to_json())
    console = Console(stderr=as_json)
    if as_json:
        json.dump(measured, sys.stdout)
        sys.stdout.write("\n")
    console.print(_table(measured))


def figures(summary: dict[str, Any]) -> dict[str, float]:
    """The costs of a run per unit of work.

    The wall time is divided once by all neuron-steps and once by all events: each is an upper bound of its own share.

    Args:
        summary: of a result.
    """
    wall = float(summary.get("wall_seconds", 0.0))
    steps = summary.get("neurons", 0) * summary.get("biological_seconds", 0.0) * 1000.0 / summary.get("dt_ms", 1.0)
    events = summary.get("synaptic_events", 0)
    return {
        "neurons": summary.get("neurons", 0),
        "synapses": summary.get("synapses", 0),
        "build_seconds": summary.get("build_seconds", 0.0),
        "wall_seconds": wall,
        "real_time_factor": summary.get("real_time_factor", 0.0),
        "ns_per_neuron_step": 1e9 * wall / steps if steps else 0.0,
        "ns_per_synaptic_event": 1e9 * wall / events if events else 0.0,
        "peak_memory_bytes": summary.get("peak_memory_bytes", 0),
    }


def _table(measured: dict[str, dict[str, float]]) -> Table:
    table = Table("circuit", *_COLUMNS, box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, f in measured.items():
        table.add_row(
            name,
            f"{f['neurons']:,}",
            f"{f['synapses']:,}",
            f"{f['build_seconds']:.2f}",
            f"{f['wall_seconds']:.2f}",
            f"{f['real_time_factor']:.2f}",
            f"{f['ns_per_neuron_step']:.2f}",
            f"{f['ns_per_synaptic_event']:.2f}",
            f"{f['peak_memory_bytes'] / 1e9:.2f}",
        )
    return table
