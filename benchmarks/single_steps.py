"""What `Simulation.step(1)` costs beside the native work of the step: closed loops call it once per step.

    python benchmarks/single_steps.py [--write]      # prints a table; with --write also docs/benchmarks/single_steps.md

The native work is the time of a step within a long call of the same simulation. Both are the least of many short turns, taken alternately.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import neuropil as npl
from neuropil.units import ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "single_steps.md"
CASES = ((10_000, 3000.0), (10_000, 0.0), (10, 0.0))
TURNS, STEPS = 60, 15


def network(n: int, current: float) -> npl.Network:
    """n neurons in two populations with ten synapses each, and a current in pA that makes them fire."""
    net, start = npl.Network("single steps"), {"v": npl.Uniform(-65 * mV, -50 * mV)}
    exc, inh = (net.population(name, LIFExp(), size, initial=start) for name, size in (("exc", 4 * n // 5), ("inh", n - 4 * n // 5)))
    for source, weight, port in ((exc, 5 * pA, "exc"), (inh, -5 * pA, "inh")):
        net.project(source, exc + inh, npl.FixedInDegree(10 if n > 10 else 1), weight=weight, delay=1.5 * ms, port=port)
    net.stimulate(exc + inh, npl.Step(current * pA, start=0 * ms), input="current")
    return net


def measured(n: int, current: float) -> tuple[float, float, float]:
    """Spikes of a step, and the µs of a step by itself and within a long call."""
    alone, within, spikes = float("inf"), float("inf"), 0
    with npl.Simulation(network(n, current), threads=1, seed=1) as simulation:
        simulation.step(300)
        for _ in range(TURNS):
            begun = time.perf_counter()
            spikes += sum(simulation.step(1)[0].size for _ in range(STEPS))
            alone = min(alone, (time.perf_counter() - begun) / STEPS)
            begun = time.perf_counter()
            simulation.step(STEPS)
            within = min(within, (time.perf_counter() - begun) / STEPS)
    return spikes / TURNS / STEPS, 1e6 * alone, 1e6 * within


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    lines = ["| neurons | spikes in a step | `step(1)`, µs | a step of a long call, µs | beside it, µs |", "|---|---|---|---|---|"]
    options = parser.parse_args()
    for n, current in CASES:
        spikes, alone, within = measured(n, current)
        lines.append(f"| {n} | {spikes:.0f} | {alone:.1f} | {within:.1f} | {alone - within:.1f} |")
    print("\n".join(lines))
    if options.write:
        PAGE.write_text("# Single steps\n\n" + __doc__.strip().replace("    python", "```sh\npython").replace(".md\n\n", ".md\n```\n\n") + "\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
