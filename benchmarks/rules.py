"""What a plastic event costs over a static one of the same network, for several learning rules, in one or two versions of neuropil.

    python benchmarks/rules.py [OTHER_CHECKOUT] --span 50 --turns 12 --starts 3

The network is that of `peers/stdp_network.py`: 10⁷ of its 1.5·10⁷ synapses obey the rule, a third of the events are static ones. Each rule, and the
network without one, runs in a process of its own; the processes take turns, so that what else the machine does falls on all. Times are the processor's.
"An event of the network" divides the time of the whole simulation, neurons and drive included, by its events; "a plastic event" takes from it
the static third at the price that events have in the network without a rule. The limit is that of memory: bytes that an event must move,
at the rate at which this processor adds two arrays of 64 MB on one thread.
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
RULES = ("static", "pairs", "van rossum", "multiplicative", "triplet", "inhibitory", "oja", "power law")
SLOW = 2e-4
"""What a spike changes: so little that the network's activity stays, and so much that float32 resolves it (from 1/8192 on; the rule would be float64)."""
NUMBERS = {"static": 0, "pairs": 2} | dict.fromkeys(RULES[2:], 3)
"""Of a synapse, what an event moves besides its target of 2 bytes: the weight, read and written; or the efficacy, and the largest weight."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, nargs="?", help="another checkout, to compare with")
    parser.add_argument("--rules", nargs="+", choices=RULES, default=list(RULES))
    parser.add_argument("--precision", choices=("float32", "float64"), default="float32")
    parser.add_argument("--scale", type=float, default=1.0, help="of the 10,000 neurons")
    parser.add_argument("--settle", type=float, default=100.0, help="biological time before the first turn, ms")
    parser.add_argument("--span", type=float, default=50.0, help="biological time of a turn, ms")
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--starts", type=int, default=1, help="how often all processes are started anew")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments)
    else:
        compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    """Let all take turns; print nanoseconds and ratios."""
    trees = [tree for tree in (arguments.other and arguments.other.resolve(), HERE) if tree]
    rules = list(dict.fromkeys(["static", *arguments.rules]))
    spent: dict[tuple[Path, str], list[float]] = {(tree, rule): [] for tree in trees for rule in rules}
    rate = 0.0
    for _ in range(arguments.starts):
        processes = {(tree, rule): start(tree, __file__, "--worker", str(tree), rule) for tree, rule in spent}
        for process in processes.values():
            answer(process)
        for _ in range(arguments.turns):
            for key, process in processes.items():
                spent[key].append(turn(process)["nanoseconds"])
            rate = max(rate, bytes_per_nanosecond())
        for process in processes.values():
            process.communicate("")
    print(f"memory: {rate:.1f} bytes a nanosecond; {arguments.precision}; medians of {arguments.starts * arguments.turns} turns, ns of the processor\n")
    print("| version | rule | an event of the network | over static | a plastic event | over static | limit by memory |\n|---|---|---|---|---|---|---|")
    number = 8.0 if arguments.precision == "float64" else 4.0
    for tree in trees:
        still = statistics.median(spent[tree, "static"])
        for rule in rules:
            turns = spent[tree, rule]
            ratio = statistics.median(a / b for a, b in zip(turns, spent[tree, "static"], strict=True))
            mean, own = statistics.median(turns), 1.5 * statistics.median(turns) - 0.5 * still
            limit = (4.0 if rule == "static" else 2.0 + number * NUMBERS[rule]) / rate
            print(f"| {'this' if tree == HERE else tree.name} | {rule} | {mean:.2f} | {ratio:.2f} | {own:.2f} | {own / still:.2f} | {limit:.2f} |", flush=True)


def bytes_per_nanosecond() -> float:
    """Read and written bytes of a sum of two arrays that no cache holds."""
    import numpy as np

    a, b, c = (np.ones(1 << 23) for _ in range(3))
    begun = time.process_time()
    np.add(a, b, out=c)
    return 3 * a.nbytes / (time.process_time() - begun) / 1e9


def worker(arguments: argparse.Namespace) -> None:
    """Build, settle, and run a span for every line that comes in."""
    sys.path.remove(str(Path(__file__).resolve().parent))  # the checkout's own benchmarks, not these
    import run_plasticity
    import stdp_network

    from neuropil.engine import Simulation

    scale, rule = arguments.scale, arguments.worker[1]
    stdp_network.EXCITATORY, stdp_network.INHIBITORY = round(stdp_network.EXCITATORY * scale), round(stdp_network.INHIBITORY * scale)
    simulation = Simulation(run_plasticity.network(model(rule, run_plasticity)), threads=1, precision=arguments.precision)
    simulation.step(round(10 * arguments.settle))
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        events, worked = simulation.core.events, time.process_time()
        simulation.step(round(10 * arguments.span))
        print(json.dumps({"nanoseconds": (time.process_time() - worked) / max(simulation.core.events - events, 1) * 1e9}), flush=True)


def model(rule: str, own: Any) -> Any:
    """The synapse of a rule, so slow a learner that the network's activity stays."""
    from neuropil.zoo.plasticity import inhibitory, pair_stdp, rate_rules, triplet_stdp

    if rule in ("static", "pairs"):
        return own.PairSTDP() if rule == "pairs" else None
    start = {"start": 1.0}
    slow = {"a_plus": SLOW, "a_minus": SLOW, **start}
    made = {
        "van rossum": lambda: pair_stdp.VanRossumSTDP(**slow),
        "multiplicative": lambda: pair_stdp.MultiplicativeSTDP(**slow),
        "power law": lambda: pair_stdp.PowerLawSTDP(**slow),
        "triplet": lambda: triplet_stdp.TripletSTDP(a3_plus=SLOW, a2_minus=SLOW, **start),
        "inhibitory": lambda: inhibitory.InhibitorySTDP(eta=10 * SLOW, **start),
        "oja": lambda: rate_rules.Oja(eta=SLOW, **start),
    }
    return made[rule]()


if __name__ == "__main__":
    main()
