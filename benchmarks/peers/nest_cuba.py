"""CUBA (Brette et al. 2007) in NEST, on one thread.

python benchmarks/peers/nest_cuba.py --time 10000
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time

NEURON = {
    "C_m": 20.0, "tau_m": 20.0, "E_L": -49.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0,
    "tau_syn_ex": 5.0, "tau_syn_in": 10.0,
}  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", type=float, default=10_000.0, help="biological time, ms")
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        figures = run(arguments.time)
    print(json.dumps(figures))


def run(duration: float) -> dict:
    """Build and run."""
    import nest
    import numpy as np

    nest.ResetKernel()
    nest.set(resolution=0.1, local_num_threads=1, rng_seed=1, print_time=False)
    nest.verbosity = nest.VerbosityLevel.ERROR
    start = time.perf_counter()
    cells = nest.Create("iaf_psc_exp", 4000, params=NEURON)
    cells.V_m = nest.random.uniform(-60.0, -50.0)
    recorder = nest.Create("spike_recorder")
    rule = {"rule": "pairwise_bernoulli", "p": 0.02}
    nest.Connect(cells[:3200], cells, rule, {"weight": 1.62, "delay": 0.1})
    nest.Connect(cells[3200:], cells, rule, {"weight": -9.0, "delay": 0.1})
    nest.Connect(cells, recorder)
    nest.Prepare()
    built = time.perf_counter()
    nest.Run(duration)
    wall = time.perf_counter() - built
    events = recorder.get("events")
    sender, late = np.asarray(events["senders"]), np.asarray(events["times"]) > 500
    seconds = duration / 1000 - 0.5
    return {
        "simulator": f"NEST {nest.__version__}",
        "build_seconds": built - start,
        "run_seconds": wall,
        "rates_hz": {
            "exc": float(np.sum(late & (sender <= 3200)) / 3200 / seconds),
            "inh": float(np.sum(late & (sender > 3200)) / 800 / seconds),
        },
        "spikes": int(sender.size),
    }


if __name__ == "__main__":
    main()
