"""From the start of a process to the first step of the README's network, with an empty and with a filled cache of kernels.

    python benchmarks/startup.py --times 5

Each start is a process of its own, with a cache in a temporary folder. The medians of wall and processor time are given; where other
work runs on the machine (see the load), the processor's time is what a free machine would take, but for what waits for the disk. Python's
bytecode of all modules is there, as it is after an installation.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__" and "--worker" in sys.argv:
    START = time.perf_counter(), time.process_time()

ROOT = Path(__file__).resolve().parents[1]
PHASES = {
    "interpreter": "Python itself, up to the first line of the script",
    "numpy": "import of NumPy",
    "numba": "import of Numba",
    "neuropil": "import of neuropil, with what else it needs",
    "describe": "the network, as described",
    "trace": "equations traced by JAX, or what was traced loaded; planned, arrays laid out",
    "compile": "kernels of the step and the program: compiled, or loaded",
    "build": "kernels that draw synapses: compiled, or loaded; synapses drawn",
    "first step": "one step of the network",
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5, help="starts of each kind")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker()
        return
    from common import machine, table, write

    before = machine()
    found: dict[str, list[dict[str, Any]]] = {"cold": [], "warm": []}
    with tempfile.TemporaryDirectory() as cache:
        start(cache)  # Python writes its bytecode
    for _ in range(arguments.times):
        with tempfile.TemporaryDirectory() as cache:
            found["cold"].append(start(cache))
            found["warm"].append(start(cache))
    rows = []
    for phase, what in {**PHASES, "total": "from the start of the process to the end of the first step"}.items():
        cells = [f"{statistics.median(run[phase][clock] for run in runs):.2f}" for runs in found.values() for clock in ("wall", "processor")]
        rows.append([phase, what, *cells])
    counts = {kind: sorted({run["compiled_kernels"] for run in runs}) for kind, runs in found.items()}
    traced = {kind: "with" if any(run["jax"] for run in runs) else "without" for kind, runs in found.items()}
    text = (
        "# Start-up\n\nSeconds from the start of a process to the first step of the README's network (10,000 neurons, 10 million synapses), medians of "
        f"{arguments.times} starts with an empty cache (cold) and of as many with a filled one (warm). Kernels compiled: {counts['cold']} cold, "
        f"{counts['warm']} warm; a cold start runs {traced['cold']} JAX, a warm one {traced['warm']}.\nMeasured by `benchmarks/startup.py` on {before['processor']}, {before['cores']} cores, load {before['load'][0]}: where the load "
        "exceeds the cores, wall times include waiting for other work.\n\n"
        + table(["phase", "what", "cold, wall", "cold, processor", "warm, wall", "warm, processor"], rows)
    )
    write("startup", text, {"machine": before, "runs": found})


def start(cache: str) -> dict[str, Any]:
    """One process; what it measured, with the time before its first line."""
    environment = {**os.environ, "NEUROPIL_CACHE": cache, "PYTHONPATH": str(ROOT / "src")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, __file__, "--worker"], env=environment, text=True, capture_output=True, check=False)
    spent = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    run: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    run["interpreter"] = {"wall": max(0.0, spent - run["total"]["wall"]), "processor": run.pop("before")}
    for clock in ("wall", "processor"):
        run["total"][clock] += run["interpreter"][clock]
    return run


def worker() -> None:
    """Import, describe, build and step, with a look at the clocks after each."""
    marks = [("", *START)]

    def mark(phase: str) -> None:
        marks.append((phase, time.perf_counter(), time.process_time()))

    import numpy  # noqa: F401

    mark("numpy")
    import numba  # noqa: F401

    mark("numba")
    import neuropil as npl
    from neuropil.engine import Simulation
    from neuropil.units import Hz, ms, mV, pA
    from neuropil.zoo.neurons.lif import LIFExp

    mark("neuropil")
    net = npl.Network("balanced")
    initial = {"v": npl.Uniform(-65 * mV, -50 * mV)}
    exc = net.population("exc", LIFExp(tau_m=20 * ms), 8000, initial=initial)
    inh = net.population("inh", LIFExp(tau_m=20 * ms), 2000, initial=initial)
    rule = npl.FixedProbability(0.1)
    net.project(exc, exc + inh, rule, weight=npl.Normal(30 * pA, 3 * pA, low=0 * pA), delay=1.5 * ms, port="exc")
    net.project(inh, exc + inh, rule, weight=-180 * pA, delay=0.8 * ms, port="inh")
    net.stimulate(exc + inh, npl.Poisson(12_000 * Hz), port="exc", weight=30 * pA)
    mark("describe")

    def progress(phase: str, fraction: float, info: dict[str, Any]) -> None:
        if phase == "compile" and fraction == 0.0:
            mark("trace")
        elif phase == "compile" and fraction == 1.0:
            mark("compile")

    simulation = Simulation(net, seed=1, progress=progress)
    mark("build")
    simulation.step(1)
    mark("first step")
    run: dict[str, Any] = {
        phase: {"wall": now[1] - last[1], "processor": now[2] - last[2]} for last, now in zip(marks, marks[1:], strict=False) for phase in [now[0]]
    }
    run["total"] = {"wall": marks[-1][1] - marks[0][1], "processor": marks[-1][2] - marks[0][2]}
    run["before"], run["compiled_kernels"], run["jax"] = START[1], simulation.summary()["compiled_kernels"], "jax" in sys.modules
    print(json.dumps(run), flush=True)
    os._exit(0)  # what closing takes is no part of a start


if __name__ == "__main__":
    main()
