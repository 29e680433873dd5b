"""The cortical microcircuit at full scale: neuropil and NEST in one session, and how far neuropil is from the machine.

    python benchmarks/microcircuit.py --nest-python PATH     # or NEUROPIL_NEST_PYTHON

Writes docs/benchmarks/microcircuit.md and .json. neuropil runs before and after NEST, so that both meet the same
machine; NEST runs once, for a short while.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any

from common import PEERS, ROOT, footing, interpreter, machine, measure, neuropil, table, write

THREADS = 2


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nest-python", default=None, help="interpreter of an environment with NEST")
    parser.add_argument("--time", type=float, default=10_000.0, help="of neuropil, ms")
    parser.add_argument("--nest-time", type=float, default=300.0, help="of NEST, after 100 ms that are not timed, ms")
    arguments = parser.parse_args()
    about = machine()
    _neuropil(100.0)  # fills the cache of compiled code
    ours = [_neuropil(arguments.time)]
    limits = [_limits()]
    nest, why = _nest(arguments)
    ours.append(_neuropil(arguments.time))
    limits.append(_limits())
    raw = {"machine": about, "neuropil": ours, "nest": nest, "nest_missing": why, "limits": limits}
    write("microcircuit", page(raw), raw)


def _neuropil(time_ms: float) -> dict[str, Any]:
    return neuropil("microcircuit", "--time", time_ms / 10, "--repeat", 10, "--threads", THREADS)


def _limits() -> dict[str, float]:
    return measure(sys.executable, ROOT / "benchmarks" / "limits.py")


def _nest(arguments: argparse.Namespace) -> tuple[dict[str, Any] | None, str]:
    python, why = interpreter(arguments.nest_python, "NEUROPIL_NEST_PYTHON", "NEST")
    if python is None:
        return None, why
    return measure(python, PEERS / "nest_microcircuit.py", "--time", arguments.nest_time, "--threads", THREADS), ""


# --- the page -----------------------------------------------------------------------------------------------------------


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    run = min(raw["neuropil"], key=lambda r: r["wall_seconds"])
    best = {key: (min if key.endswith("_ns") else max)(x[key] for x in raw["limits"]) for key in raw["limits"][0]}
    return (
        "# The cortical microcircuit at full scale\n\nPotjans & Diesmann (2014): 77,169 neurons, 299 million synapses, "
        "Poisson drive, dt 0.1 ms, two threads.\n\n    python benchmarks/microcircuit.py --nest-python PATH\n\n"
        + _simulators(raw)
        + "\n## Where the time goes\n\n"
        + _phases(run)
        + "\n## How far from the machine\n\n"
        + _distance(run, best)
        + footing(raw["machine"])
    )


def factors(runs: list[dict[str, Any]]) -> list[float]:
    """Real-time factor of every span of every run."""
    return [wall / (r["biological_seconds"] / len(r["walls"])) for r in runs for wall in r["walls"]]


def _simulators(raw: dict[str, Any]) -> str:
    runs, nest = raw["neuropil"], raw["nest"]
    spans = factors(runs)
    middle = statistics.median(spans)
    header = ["", "real-time factor", "build (s)", "peak memory (GB)", "timed (s of biological time)"]
    rows = [
        [
            "neuropil",
            f"**{middle:.2f}** (spans {min(spans):.2f}–{max(spans):.2f})",
            f"{min(r['build_seconds'] for r in runs):.1f}",
            f"{max(r['peak_memory_bytes'] for r in runs) / 1e9:.2f}",
            f"{len(runs)} × {runs[0]['biological_seconds']:g}",
        ]
    ]
    if nest:
        cells = [nest["real_time_factor"], nest["build_seconds"], nest["peak_memory_bytes"] / 1e9]
        rows.append([nest["simulator"], *(f"{c:.1f}" for c in cells), f"{nest['biological_seconds']:g}"])
        rows.append(
            [
                "NEST / neuropil",
                f"**{nest['real_time_factor'] / middle:.0f}**",
                f"{nest['build_seconds'] / runs[0]['build_seconds']:.0f}",
                f"{nest['peak_memory_bytes'] / runs[0]['peak_memory_bytes']:.0f}",
                "",
            ]
        )
    note = f"\n{raw['nest_missing']}\n" if raw["nest_missing"] else ""
    compiled = min(r["compile_seconds"] + r["trace_seconds"] for r in runs)
    return table(header, rows) + (
        f"{note}\nThe real-time factor (wall time / biological time) is the median over spans of 1 s. neuropil's build "
        f"excludes tracing the models and loading compiled code from the cache, {compiled:.1f} s.\n"
    )


def _phases(run: dict[str, Any]) -> str:
    phases, wall = run["phases"], run["wall_seconds"]
    steps, events, spikes = run["neuron_steps"], run["synaptic_events"], run["spikes"]
    per = {
        "delivery": (events, "event"),
        "stimuli": (steps, "neuron-step"),
        "neurons": (steps, "neuron-step"),
        "spikes": (spikes, "spike"),
    }
    rows = []
    for name, seconds in sorted(phases.items(), key=lambda p: -p[1]):
        cost = ""
        if name in per:
            count, unit = per[name]
            cost = f"{1e9 * seconds * THREADS / count:.3g} ns per {unit} and thread"
        rows.append([name, f"{100 * seconds / wall:.1f} %", f"{1000 * seconds / run['biological_seconds']:.0f}", cost])
    text = table(["phase", "share", "ms per s of biological time", "cost"], rows)
    return text + (
        f"\n{events / run['biological_seconds'] / 1e6:,.0f} million synaptic events and "
        f"{steps / run['biological_seconds'] / 1e6:,.0f} million neuron-steps per second of biological time. `spikes` logs "
        "spikes and files their segments into the steps they arrive in; `stimuli` draws Poisson counts; `waiting` is for "
        "the other thread. By cycle counters, one step in 16.\n"
    )


def _distance(run: dict[str, Any], best: dict[str, float]) -> str:
    events, steps, phases = run["synaptic_events"], run["neuron_steps"], run["phases"]
    event_ns = 1e9 * phases["delivery"] * THREADS / events
    bandwidth = 4e-9 * events / phases["delivery"]
    work = 1e-9 * steps * run["flops_per_neuron_step"] / phases["neurons"]
    traffic = 1e-9 * steps * run["bytes_per_neuron_step"] / phases["neurons"]
    rows = [
        ["delivery, ns per event and thread", f"{event_ns:.2f}", f"{best['add_ns']:.2f}", "the same addition, all in the cache", f"{100 * best['add_ns'] / event_ns:.0f} %"],
        ["", "", f"{best['add_stream_ns']:.2f}", "words streamed from main memory", f"{100 * best['add_stream_ns'] / event_ns:.0f} %"],
        ["delivery, GB/s of words", f"{bandwidth:.1f}", f"{best['read_gb_s']:.1f}", "reading main memory in order", f"{100 * bandwidth / best['read_gb_s']:.0f} %"],
        ["neurons, GB/s of state", f"{traffic:.0f}", f"{best['resident_gb_s']:.0f}", "a = b + 3c on arrays of that size", f"{100 * traffic / best['resident_gb_s']:.0f} %"],
        ["neurons, GFLOP/s", f"{work:.0f}", f"{best['gflops']:.0f}", "multiply-adds in registers", f"{100 * work / best['gflops']:.0f} %"],
    ]  # fmt: skip
    return table(["", "neuropil", "limit", "what the limit is", "reached"], rows) + (
        f"\nLimits are measured by [limits.py](../../benchmarks/limits.py) on {THREADS} threads. Delivery is bound by the "
        "additions at random positions, one dependent load and store each, not by bandwidth; what it lacks to the limit is "
        "the start of each segment of some dozens of words, which no prefetcher foresees. The neuron update does "
        f"{run['flops_per_neuron_step']:.0f} operations on {run['bytes_per_neuron_step']:.0f} bytes per neuron and step: far too few per byte "
        "for the arithmetic units to matter, it is bound by the second-level cache.\n"
    )


if __name__ == "__main__":
    main()
