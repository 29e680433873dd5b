"""CUBA (Brette et al. 2007) in Brian2: built once as C++ standalone, then its program run several times.

    python benchmarks/peers/brian_cuba.py --time 10000 --repeat 5

The equations and constants are those of Brian2's own example. Brian2 hands spikes on within the step in which they
occur (`--delay 0`, its default and fastest), neuropil in the next.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EQUATIONS = """
dv/dt = (ge + gi - (v + 49*mV)) / (20*ms) : volt (unless refractory)
dge/dt = -ge / (5*ms) : volt
dgi/dt = -gi / (10*ms) : volt
"""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", type=float, default=10_000.0, help="biological time, ms")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--delay", type=float, default=0.0, help="ms")
    parser.add_argument("--float32", action="store_true", help="single precision; Brian2's default is double")
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as folder:
        figures = run(arguments, Path(folder))
    print(json.dumps(figures))


def run(arguments: argparse.Namespace, folder: Path) -> dict:
    """Compile, then run the program `repeat` times in all."""
    import brian2 as b2
    import numpy as np

    start = time.perf_counter()
    if arguments.float32:
        b2.prefs.core.default_float_dtype = np.float32
    b2.set_device("cpp_standalone", directory=str(folder))
    b2.defaultclock.dt = 0.1 * b2.ms
    b2.seed(1)
    cells = b2.NeuronGroup(
        4000, EQUATIONS, threshold="v > -50*mV", reset="v = -60*mV", refractory=5 * b2.ms, method="exact"
    )
    cells.v = "-60*mV + rand() * 10*mV"
    made = []
    for part, step in ((cells[:3200], "ge_post += 1.62*mV"), (cells[3200:], "gi_post -= 9*mV")):
        options = {"delay": arguments.delay * b2.ms} if arguments.delay else {}
        made.append(b2.Synapses(part, cells, on_pre=step, **options))
        made[-1].connect(p=0.02)
    spikes = b2.SpikeMonitor(cells)
    b2.Network(cells, spikes, *made).run(arguments.time * b2.ms)
    total = time.perf_counter() - start
    device = b2.get_device()
    walls = [float(device._last_run_time)]
    whole = []
    for _ in range(arguments.repeat - 1):
        begun = time.perf_counter()
        subprocess.run(["./main"], cwd=folder, check=True, capture_output=True)
        whole.append(time.perf_counter() - begun)
        walls.append(float((folder / "results" / "last_run_info.txt").read_text().split()[0]))
    index, at = np.asarray(spikes.i), np.asarray(spikes.t / b2.ms)
    late = at > 500
    seconds = arguments.time / 1000 - 0.5
    return {
        "simulator": f"Brian2 {b2.__version__} cpp_standalone",
        "precision": "float32" if arguments.float32 else "float64",
        "delay_ms": arguments.delay,
        "walls": walls,
        "run_seconds": statistics.median(walls),
        "program_seconds": statistics.median(whole) if whole else None,
        "compile_and_run_seconds": total,
        "rates_hz": {
            "exc": float(np.sum(late & (index < 3200)) / 3200 / seconds),
            "inh": float(np.sum(late & (index >= 3200)) / 800 / seconds),
        },
        "spikes": int(index.size),
    }


if __name__ == "__main__":
    main()
