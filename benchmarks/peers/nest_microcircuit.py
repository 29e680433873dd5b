"""The full-scale cortical microcircuit in NEST, timed for a short while: it needs 15 GB and minutes to build.

python benchmarks/peers/nest_microcircuit.py --presim 100 --time 300 --threads 2
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "verification"))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presim", type=float, default=100.0, help="not timed, ms")
    parser.add_argument("--time", type=float, default=300.0, help="timed, ms")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        figures = run(arguments)
    print(json.dumps(figures))


def run(arguments: argparse.Namespace) -> dict:
    """Build and run."""
    import nest
    from microcircuit_nest import build

    start = time.perf_counter()
    _, recorder = build(arguments.seed, arguments.threads)
    nest.Prepare()
    built = time.perf_counter()
    nest.Run(arguments.presim)
    before, begun = recorder.n_events, time.perf_counter()
    nest.Run(arguments.time)
    wall = time.perf_counter() - begun
    return {
        "simulator": f"NEST {nest.__version__}",
        "threads": arguments.threads,
        "biological_seconds": arguments.time / 1000,
        "build_seconds": built - start,
        "wall_seconds": wall,
        "real_time_factor": wall / (arguments.time / 1000),
        "synapses": int(nest.num_connections),
        "spikes": int(recorder.n_events - before),
        "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


if __name__ == "__main__":
    main()
