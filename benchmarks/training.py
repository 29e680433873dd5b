"""Gradients of spiking networks through time: neuropil's native backend against snnTorch, SpikingJelly, Norse, Spyx and plain JAX.

    python benchmarks/training.py --torch-python PATH --spyx-python PATH   # or NEUROPIL_TORCH_PYTHON, NEUROPIL_SPYX_PYTHON

The value and gradient by all weights of the jobs in `training_jobs.py`, float32, each program in a process of its own and in turn with the others, on one processor and on two:
the number of threads of every library and the processors of the process are held equal. Then how neuropil's time grows with steps, neurons, batch and rate, beside what the processor
needs at least. Writes docs/benchmarks/training.md and .json. One turn takes about four minutes where nothing else runs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any

from common import PEERS, ROOT, footing, interpreter, machine, measure, table, write
from training_jobs import JOBS

OURS = "neuropil, native"
SCRIPT = ROOT / "benchmarks" / "run_training.py"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", default=None, help="interpreter of an environment with PyTorch, snnTorch, SpikingJelly, Norse")
    parser.add_argument("--spyx-python", default=None, help="interpreter of an environment with Spyx")
    parser.add_argument("--turns", type=int, default=1, help="processes of each, in turn")
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS), help="which jobs")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="on how many processors")
    arguments = parser.parse_args()
    torch, no_torch = interpreter(arguments.torch_python, "NEUROPIL_TORCH_PYTHON", "PyTorch (snnTorch, SpikingJelly, Norse)")
    spyx, no_spyx = interpreter(arguments.spyx_python, "NEUROPIL_SPYX_PYTHON", "Spyx")
    raw: dict[str, Any] = {"machine": machine(), "missing": [m for m in (no_torch, no_spyx) if m], "runs": []}
    for _ in range(arguments.turns):
        for job in arguments.jobs:
            for threads in arguments.threads:
                for backend in ("native", "scan", *(["jax"] if threads == 1 else [])):
                    raw["runs"].append({**measure(sys.executable, SCRIPT, job, backend, threads), "threads": threads})
                for library in ("snntorch", "spikingjelly", "norse") if torch else ():
                    raw["runs"].append({**measure(torch, PEERS / "torch_training.py", job, library, threads), "threads": threads})
                if spyx:
                    raw["runs"].append({**measure(spyx, PEERS / "spyx_training.py", job, threads), "threads": threads})
    raw["growth"] = measure(sys.executable, SCRIPT, "growth", "native", 1)
    raw["figures"], raw["ratios"] = summary(raw["runs"])
    write("training", page(raw), raw)


def summary(runs: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Medians by job and program, and by how much the others' are neuropil's on as many threads; `gain` is a program's own wall time on one thread by that on several."""
    figures: dict[str, Any] = {}
    for run in runs:
        figures.setdefault(run["job"], {}).setdefault(run["simulator"], []).append(run)
    kinds = ("cpu_ms", "wall_ms", "peak_mb", "first_s", "rate", "threads")
    medians = {job: {n: {k: statistics.median(r[k] for r in several) for k in kinds} for n, several in of.items()} for job, of in figures.items()}
    ratios: dict[str, Any] = {}
    for job, of in medians.items():
        ours = {v["threads"]: v for n, v in of.items() if n.startswith(OURS)}
        for name, v in of.items():
            more = {"gain": of[alone]["wall_ms"] / v["wall_ms"]} if v["threads"] > 1 and (alone := name.rsplit(",", 1)[0]) in of else {}
            ratios.setdefault(job, {})[name] = {k: v[k] / max(ours[v["threads"]][k], 1e-9) for k in ("cpu_ms", "wall_ms", "peak_mb")} | more
    return medians, ratios


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    text = "# Gradients of spiking networks\n\nThe value and gradient of one batch, float32, in processes of their own, which take turns; the least of several calls, medians over processes. "
    text += "Every process has as many processors as threads. Ratios are to neuropil's native backend on as many threads; the gain is a program's own, by wall time, from one thread. "
    text += "Memory is what the first call of the job adds at its highest to a process that has run a job of two steps. Written by `benchmarks/training.py`.\n"
    for job, of in raw["figures"].items():
        about = JOBS[job]
        text += f"\n## {job.capitalize()}\n\n{'–'.join(map(str, about.sizes))}{' recurrent' if about.recurrent else ''}, batch {about.batch}, {about.steps} steps, "
        text += f"{100 * about.rate:.2g} % of the inputs spike in a step.\n\n"
        rows = []
        for n, v in of.items():
            r = raw["ratios"][job][n]
            rows.append([n, f"{v['cpu_ms']:.1f}", f"{v['wall_ms']:.1f}", f"{r['cpu_ms']:.1f}", f"{r['wall_ms']:.1f}", f"{r['gain']:.2f}" if "gain" in r else ""])
            rows[-1] += [f"{v['peak_mb']:.0f}", f"{r['peak_mb']:.1f}", f"{100 * v['rate']:.1f}", f"{v['first_s']:.1f}"]
        text += table(["", "CPU (ms)", "wall (ms)", "CPU ratio", "wall ratio", "gain", "memory (MB)", "memory ratio", "neurons that spike in a step (%)", "first call (s)"], rows)
    text += "\n## Growth\n\nneuropil's native backend on one thread: a layer of 256 on 256 inputs, batch 8, 250 steps, 5 % of the inputs spike in a step; one of these is changed. Beside it what the same "
    text += "processor needs for the two dense matrix products of the layer (BLAS), and for reading the rows that belong to input spikes from its cache, forward and backward.\n\n"
    rows = [
        [what, f"{r['value']:g}", f"{r['cpu_ms']:.2f}", f"{r['cpu_ms'] / of[0]['cpu_ms']:.1f}", f"{r['products']:.1f}", f"{r['rows']:.2f}"]
        for what, of in raw["growth"].items() if what != "process_seconds" for r in of
    ]  # fmt: skip
    text += table(["", "value", "CPU (ms)", "by the first", "dense products alone (ms)", "rows alone (ms)"], rows)
    return text + "".join(f"\n{m}\n" for m in raw["missing"]) + footing(raw["machine"])


if __name__ == "__main__":
    main()
