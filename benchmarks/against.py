"""Two versions of neuropil, side by side: spans of the same network, turn by turn, and the ratio of their times.

python benchmarks/against.py OTHER_CHECKOUT --job microcircuit --scale 1 --span 1000 --pairs 9 --threads 2
python benchmarks/against.py OTHER_CHECKOUT --job plastic --span 200 --pairs 9 --threads 1

Each version runs in a process of its own; both build first and settle for `--settle` ms, then take turns, the one that begins
changing from pair to pair, so that what else the machine does falls on both. Where arrays come to lie in memory differs from
process to process and moves times by several per cent, so both are started anew `--starts` times. Of the ratios (this checkout's time over the
other's, per synaptic event; of cables, which have none, per step) the median is given with the interval that order statistics allow.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from turns import answer, start, turn

HERE = Path(__file__).resolve().parents[1]
JOBS = ("microcircuit", "cuba", "cables", "plastic", "static")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="the checkout to compare with")
    parser.add_argument("--job", choices=JOBS, default="microcircuit")
    parser.add_argument("--scale", type=float, default=1.0, help="of the microcircuit, of 4,000 neurons of CUBA, of 50 cables, or of the 10,000 neurons of the others")
    parser.add_argument("--settle", type=float, default=200.0, help="biological time before the first pair, ms")
    parser.add_argument("--span", type=float, default=1000.0, help="biological time of a turn, ms")
    parser.add_argument("--starts", type=int, default=3, help="how often both processes are started anew")
    parser.add_argument("--pairs", type=int, default=9, help="of turns of each start")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments)
    else:
        compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    """Start both, let them take turns, print the ratios; as often as asked."""
    found: list[dict[str, float]] = []
    for _ in range(arguments.starts):
        found += pairs(arguments)
    for what in ("wall", "processor"):
        ratios = sorted(f[what] for f in found)
        # From the k-th smallest to the k-th largest holds the median with a chance of at least 95 %.
        k = max(int(len(ratios) / 2 - 0.98 * len(ratios) ** 0.5), 1)
        print(f"{what} time, this over the other, {len(ratios)} pairs: median {statistics.median(ratios):.3f}, interval {ratios[k - 1]:.3f} to {ratios[-k]:.3f}")


def pairs(arguments: argparse.Namespace) -> list[dict[str, float]]:
    """The ratios of wall and processor time of some pairs of turns of two processes."""
    here, other = (start(tree, __file__, "--worker") for tree in (HERE, arguments.other.resolve()))
    for process in (here, other):
        print(answer(process), flush=True)
    found = []
    for pair in range(arguments.pairs):
        turns: dict[int, dict[str, float]] = {}
        for who in (0, 1) if pair % 2 else (1, 0):
            turns[who] = turn((here, other)[who])
        each = {k: turns[0][k] / max(turns[0]["events"], 1) / (turns[1][k] / max(turns[1]["events"], 1)) for k in ("wall", "processor")}
        found.append(each)
        print(pair, turns, {k: round(v, 3) for k, v in each.items()}, flush=True)
    for process in (here, other):
        process.communicate("")
    return found


def worker(arguments: argparse.Namespace) -> None:
    """Build, settle, and run a span for every line that comes in."""
    sys.path.remove(str(Path(__file__).resolve().parent))  # the checkout's own benchmarks, not these
    import neuropil
    from neuropil.engine import Simulation
    from neuropil.units import ms

    dt = (0.025 if arguments.job == "cables" else 0.1) * ms
    simulation = Simulation(network(arguments.job, arguments.scale), dt=dt, threads=arguments.threads)
    steps = round(arguments.span / simulation.plan.dt)
    simulation.step(round(arguments.settle / simulation.plan.dt))
    print(json.dumps({"neuropil": str(Path(neuropil.__file__).parent), "synapses": simulation.summary()["synapses"]}), flush=True)
    for _ in sys.stdin:
        events, wall, worked = simulation.core.events, time.perf_counter(), time.process_time()
        simulation.step(steps)
        spent = {"wall": time.perf_counter() - wall, "processor": time.process_time() - worked}
        print(json.dumps({**spent, "events": simulation.core.events - events}), flush=True)


def network(job: str, scale: float) -> Any:
    """What both run."""
    if job == "microcircuit":
        from neuropil.zoo.circuits.microcircuit import microcircuit

        return microcircuit(scale=scale)
    if job == "cuba":
        from neuropil.zoo.circuits.vogels_abbott import vogels_abbott

        return vogels_abbott(size=round(4000 * scale))
    if job == "cables":
        return cables(round(50 * scale))
    import run_plasticity
    import stdp_network

    stdp_network.EXCITATORY, stdp_network.INHIBITORY = round(stdp_network.EXCITATORY * scale), round(stdp_network.INHIBITORY * scale)
    return run_plasticity.network(run_plasticity.PairSTDP() if job == "plastic" else None)


def cables(count: int) -> Any:
    """Unconnected Hodgkin-Huxley cables of 100 compartments, driven at one end (as `run_cables.py`)."""
    import run_cables

    import neuropil as npl
    from neuropil.units import nA

    net = npl.Network("cables")
    cell, current = run_cables.cable(argparse.Namespace(compartments=100))
    net.stimulate(net.population("cells", cell, count), npl.Step(current * nA), input="clamp.amplitude")
    return net


if __name__ == "__main__":
    main()
