"""Gradients of spiking networks through time: neuropil's native backend against snnTorch, SpikingJelly, Norse and plain JAX.

    python benchmarks/training.py --torch-python PATH   # or NEUROPIL_TORCH_PYTHON

The value and gradient by all weights of the jobs in `training_jobs.py`, float32, each program in a process of its own and in turn with the
others, on one thread (and neuropil's on two). Writes docs/benchmarks/training.md and .json.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any

from common import PEERS, ROOT, footing, interpreter, machine, measure, table, write
from training_jobs import JOBS

OURS = "neuropil, native"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", default=None, help="interpreter of an environment with PyTorch, snnTorch, SpikingJelly, Norse")
    parser.add_argument("--turns", type=int, default=3, help="processes of each, in turn")
    arguments = parser.parse_args()
    torch, why = interpreter(arguments.torch_python, "NEUROPIL_TORCH_PYTHON", "PyTorch")
    raw: dict[str, Any] = {"machine": machine(), "missing": [why] if why else [], "runs": []}
    for _ in range(arguments.turns):
        for job in JOBS:
            for backend, threads in (("native", 1), ("native", 2), ("jax", 1), ("scan", 1)):
                raw["runs"].append(measure(sys.executable, ROOT / "benchmarks" / "run_training.py", job, backend, threads))
            for library in ("snntorch", "spikingjelly", "norse") if torch else ():
                raw["runs"].append(measure(torch, PEERS / "torch_training.py", job, library, 1))
    raw["figures"], raw["ratios"] = summary(raw["runs"])
    write("training", page(raw), raw)


def summary(runs: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Medians by job and program, and by how much the others' are neuropil's on one thread."""
    figures: dict[str, Any] = {}
    for run in runs:
        figures.setdefault(run["job"], {}).setdefault(run["simulator"], []).append(run)
    medians = {
        job: {n: {k: statistics.median(r[k] for r in several) for k in ("cpu_ms", "wall_ms", "peak_mb", "first_s", "rate")} for n, several in of.items()} for job, of in figures.items()
    }  # fmt: skip
    ratios = {job: {n: {k: v[k] / max(of[OURS][k], 1e-9) for k in ("cpu_ms", "wall_ms", "peak_mb")} for n, v in of.items() if n != OURS} for job, of in medians.items()}
    return medians, ratios


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    text = "# Gradients of spiking networks\n\nThe value and gradient of one batch, float32, in processes of their own, which take turns; the least of seven calls, medians over processes.\n"
    text += "Memory is what the first call adds to the process. Written by `benchmarks/training.py`.\n"
    for job, of in raw["figures"].items():
        about = JOBS[job]
        text += f"\n## {job.capitalize()}\n\n{'–'.join(map(str, about.sizes))}{' recurrent' if about.recurrent else ''}, batch {about.batch}, {about.steps} steps, "
        text += f"{100 * about.rate:.2g} % of the inputs spike in a step.\n\n"
        rows = [
            [n, f"{v['cpu_ms']:.1f}", f"{v['wall_ms']:.1f}", f"{v['cpu_ms'] / of[OURS]['cpu_ms']:.1f}", f"{v['peak_mb']:.0f}", f"{100 * v['rate']:.1f}", f"{v['first_s']:.1f}"]
            for n, v in of.items()
        ]
        text += table(["", "CPU (ms)", "wall (ms)", "CPU / neuropil's", "memory (MB)", "neurons that spike in a step (%)", "first call (s)"], rows)
    return text + "".join(f"\n{m}\n" for m in raw["missing"]) + footing(raw["machine"])


if __name__ == "__main__":
    main()
