"""CUBA, 4000 neurons, 10 s, one thread: neuropil against Brian2's C++ standalone, and NEST.

    python benchmarks/cuba.py --brian-python PATH --nest-python PATH   # or NEUROPIL_BRIAN_PYTHON, NEUROPIL_NEST_PYTHON

Writes docs/benchmarks/cuba.md and .json. The simulators take turns, so that all meet the same machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from common import PEERS, ROOT, footing, interpreter, machine, measure, neuropil, table, write

TIME = 10_000


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brian-python", default=None, help="interpreter of an environment with Brian2 and a compiler")
    parser.add_argument("--nest-python", default=None, help="interpreter of an environment with NEST")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each simulator")
    arguments = parser.parse_args()
    about, missing = machine(), []
    brian, why = interpreter(arguments.brian_python, "NEUROPIL_BRIAN_PYTHON", "Brian2")
    missing.append(why)
    nest, why = interpreter(arguments.nest_python, "NEUROPIL_NEST_PYTHON", "NEST")
    missing.append(why)
    _ours("float32")  # fills the cache: the others start warm
    _ours("float64")
    raw: dict[str, Any] = {
        "machine": about,
        "missing": [m for m in missing if m],
        "neuropil": [],
        "brian": [],
        "nest": [],
    }
    for options in ((), ("--float32",), ("--delay", 0.1)):
        raw["neuropil"] += [_ours(p) for p in ("float32", "float64") for _ in range(max(2, arguments.repeat // 2))]
        if brian:
            raw["brian"].append(measure(brian, PEERS / "brian_cuba.py", "--repeat", arguments.repeat, *options))
    if nest:
        raw["nest"].append(measure(nest, PEERS / "nest_cuba.py", "--time", TIME))
    raw["command_line_seconds"] = sorted(_command_line() for _ in range(3))
    write("cuba", page(raw), raw)


def _ours(precision: str) -> dict[str, Any]:
    run = neuropil("vogels_abbott", "--time", TIME, "--threads", 1, "--precision", precision)
    return {**run, "run_seconds": run["wall_seconds"]}


def _command_line() -> float:
    """Seconds of `neuropil run`, from the start of the process to the report on disk."""
    command = "from neuropil.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        options = ["run", "vogels_abbott", "--time", str(TIME), "--threads", "1", "--out", folder]
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", command, *options], cwd=ROOT / "src", check=True, capture_output=True)
        return time.perf_counter() - start


# --- the page -----------------------------------------------------------------------------------------------------------


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    ours = {p: [r for r in raw["neuropil"] if r["precision"] == p] for p in ("float32", "float64")}
    middle = {p: statistics.median(r["run_seconds"] for r in runs) for p, runs in ours.items()}
    header = ["", "run (s)", "range", "start to result (s)", "rates exc, inh (Hz)", "run / neuropil's"]
    rows = []
    for p, runs in ours.items():
        seconds = [r["run_seconds"] for r in runs]
        whole = statistics.median(r["process_seconds"] for r in runs)
        rows.append(
            [
                f"neuropil, {p}",
                f"**{middle[p]:.3f}**",
                _span(seconds),
                f"{whole:.2f}",
                _rates(runs[0]),
                _ratio(middle[p] / middle["float32"]),
            ]
        )
    for r in raw["brian"]:
        name = f"{r['simulator']}, {r['precision']}" + (f", delay {r['delay_ms']} ms" if r["delay_ms"] else "")
        ratio = _ratio(r["run_seconds"] / middle["float32"])
        rows.append(
            [
                name,
                f"{r['run_seconds']:.3f}",
                _span(r["walls"]),
                f"{r['compile_and_run_seconds']:.1f}",
                _rates(r),
                ratio,
            ]
        )
    for r in raw["nest"]:
        ratio = _ratio(r["run_seconds"] / middle["float32"])
        rows.append([r["simulator"], f"{r['run_seconds']:.2f}", "", f"{r['process_seconds']:.1f}", _rates(r), ratio])
    return (
        "# CUBA: 4000 neurons on one thread\n\nThe current-based network of Vogels & Abbott in the form of Brette et al. "
        "(2007): 4000 neurons, 320,000 synapses, 10 s of biological time, dt 0.1 ms.\n\n"
        "    python benchmarks/cuba.py --brian-python PATH --nest-python PATH\n\n"
        + table(header, rows)
        + _notes(raw, ours["float32"])
        + footing(raw["machine"])
    )


def _notes(raw: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    command = statistics.median(raw["command_line_seconds"])
    r = min(runs, key=lambda x: x["run_seconds"])
    shares = ", ".join(
        f"{n} {100 * s / r['wall_seconds']:.0f} %" for n, s in sorted(r["phases"].items(), key=lambda p: -p[1]) if s
    )
    text = "".join(f"\n{m}.\n" for m in raw["missing"])
    return text + (
        "\nRun: the simulation alone, as each simulator reports it; medians. Start to result: the whole process, with "
        "importing, compiling and connecting: neuropil from a warm cache, Brian2 with the compilation that every new "
        "network needs. Rates are those of "
        "the last 9.5 s (neuropil: of all 10 s), each of another random network. Brian2 delivers within the step, unless "
        "given a delay; neuropil's shortest delay is one step.\n\n"
        f"`neuropil run vogels_abbott --time 10000 --threads 1`, process start to the report on disk, warm: {command:.2f} s. "
        f"neuropil's run: {shares}; {r['synaptic_events'] / 1e6:.1f} million synaptic events, "
        f"{1e9 * r['wall_seconds'] / r['neuron_steps']:.2f} ns per neuron-step in all.\n"
    )


def _ratio(x: float) -> str:
    return f"{x:.1f}"


def _span(seconds: list[float]) -> str:
    return f"{min(seconds):.3f}–{max(seconds):.3f}"


def _rates(run: dict[str, Any]) -> str:
    return f"{run['rates_hz']['exc']:.2f}, {run['rates_hz']['inh']:.2f}"


if __name__ == "__main__":
    main()
