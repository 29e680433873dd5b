"""10,000 dendritic-branch neurons of 20 branches with NMDA spikes, recurrent and driven by Poisson sources, on two threads.

    python benchmarks/branches.py

Writes docs/benchmarks/branches.md and .json. The control is the same network without NMDA receptors.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from common import footing, machine, measure, table, write

NEURONS, BRANCHES, INPUTS = 10_000, 20, 1_000


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", type=float, default=1000.0, help="biological time of a span, ms")
    parser.add_argument("--repeat", type=int, default=5, help="spans, each timed")
    parser.add_argument("--one", nargs=2, default=None, metavar=("VARIANT", "THREADS"), help="one measurement, as JSON")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(figures(arguments.one[0], int(arguments.one[1]), arguments.time, arguments.repeat)))
        return
    about = machine()
    raw: dict[str, Any] = {"machine": about, "runs": []}
    options = ("--time", arguments.time, "--repeat", arguments.repeat)
    for variant, threads in (("nmda", 2), ("nmda", 1), ("ampa only", 2), ("stiff", 2)):
        run = measure(sys.executable, Path(__file__), "--one", variant, threads, *options)
        raw["runs"].append({"variant": variant, "threads": threads, **run})
    write("branches", page(raw), raw)


# --- one measurement ----------------------------------------------------------------------------------------------------


def figures(variant: str, threads: int, time: float, repeat: int) -> dict[str, Any]:
    """Build, settle for 200 ms, run spans one after the other."""
    import numpy as np

    from neuropil.engine import Simulation
    from neuropil.units import ms

    simulation = Simulation(network(variant), threads=threads)
    simulation.run_until(200 * ms)
    walls, processor = [], []
    for n in range(repeat):
        before, used = simulation.wall_seconds, process_time()
        result = simulation.run_until((200 + (n + 1) * time) * ms)
        walls.append(simulation.wall_seconds - before)
        processor.append(process_time() - used)
    v = result.traces["exc.branch.v"].values
    # An NMDA spike: a branch that stays beyond -40 mV for 10 ms (samples) after having been below.
    up = v > -40
    long = np.lib.stride_tricks.sliding_window_view(up[1:], 10, axis=0).all(axis=-1)
    spikes = float(np.count_nonzero(long & ~up[: len(long)]))
    seconds = simulation.core.step * simulation.plan.dt / 1000.0
    return {
        **result.summary,
        "walls": walls,
        "processor": processor,
        "span_ms": time,
        "nmda_spikes_per_branch_second": spikes / v.shape[1] / seconds,
        "share_of_time_depolarised": float(np.mean(v > -40)),
        "flops_per_branch_step": simulation.plan.groups[0].program.flops,
        "kernel_ns": kernel_time(simulation),
    }


def kernel_time(simulation: Any) -> float:
    """Nanoseconds per branch and step of the branches' kernel alone in one thread: the best of many calls."""
    from neuropil.codegen.cache import load

    group = simulation.plan.groups[0]
    advance = load(group.name, group.kernel.source).advance
    name = f"{group.name}: {group.size} branches"
    arguments = next(op for op in simulation.core.machine.operations if op.name == name).arguments(0)
    best = float("inf")
    for _ in range(200):
        start = perf_counter()
        advance(*arguments)
        best = min(best, perf_counter() - start)
    own = sum(simulation.core.layout.slice(m.population, m.part, 0).neurons * m.sites for m in group.members)
    return 1e9 * best / own


def network(variant: str) -> Any:
    """4 of 5 excitatory; "nmda", "ampa only" (their NMDA conductance zero) or "stiff" (exponential Euler)."""
    from neuropil.model import FixedInDegree, Network, Poisson, Uniform
    from neuropil.units import Hz, ms, mV, nS, pA
    from neuropil.zoo.neurons.branch_neuron import BranchNeuron, NMDADendrite, StiffNMDADendrite
    from neuropil.zoo.neurons.poisson_source import PoissonSource

    dendrite = StiffNMDADendrite() if variant == "stiff" else NMDADendrite()
    parameters = {"nmda_ratio": 0.0} if variant == "ampa only" else {}
    net = Network("branches")
    model = BranchNeuron(BRANCHES, dendrite=dendrite, **parameters)
    n_exc = 4 * NEURONS // 5
    start = {"v": Uniform(-70 * mV, -55 * mV)}
    exc = net.population("exc", model, n_exc, initial=start)
    inh = net.population("inh", model, NEURONS - n_exc, initial=start)
    inputs = net.population("inputs", PoissonSource(rate=20 * Hz), INPUTS)
    delay = 1.5 * ms
    net.project(inputs, (exc, inh), FixedInDegree(50), weight=0.5 * nS, delay=delay, port="branch.exc")
    net.project(exc, (exc, inh), FixedInDegree(100), weight=0.2 * nS, delay=delay, port="branch.exc")
    net.project(inh, (exc, inh), FixedInDegree(50), weight=-60 * pA, delay=delay, port="inh")
    net.stimulate((exc, inh), Poisson(1000 * Hz), port="exc", weight=40 * pA)
    net.probe(exc, "branch.v", neurons=range(20), interval=1 * ms)
    return net


# --- the page -----------------------------------------------------------------------------------------------------------


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    header = ["branches", "threads", "real-time factor", "range", "processor time of all threads (s per s)", "ns of it per branch-step", "rates exc, inh (Hz)", "NMDA spikes per branch and s", "time beyond -40 mV"]
    rows = []
    for run in raw["runs"]:
        factors = [1000.0 * w / run["span_ms"] for w in run["walls"]]
        middle = statistics.median(factors)
        used = statistics.median(1000.0 * c / run["span_ms"] for c in run["processor"])
        steps = NEURONS * BRANCHES * 1000.0 / run["dt_ms"]
        rows.append([
            run["variant"], run["threads"], f"**{middle:.2f}**", f"{min(factors):.2f}–{max(factors):.2f}",
            f"{used:.2f}", f"{1e9 * used / steps:.2f}", f"{run['rates_hz']['exc']:.1f}, {run['rates_hz']['inh']:.1f}",
            f"{run['nmda_spikes_per_branch_second']:.2f}", f"{100 * run['share_of_time_depolarised']:.0f} %",
        ])  # fmt: skip
    return (
        "# Dendritic-branch neurons\n\n"
        f"{NEURONS:,} neurons of {BRANCHES} branches each, AMPA and NMDA synapses on the branches, dt 0.1 ms, float32; "
        f"{INPUTS:,} Poisson sources, recurrent excitation onto branches drawn at random, inhibition and more Poisson events "
        f"onto the soma: {raw['runs'][0]['synapses']:,} synapses.\n\n    python benchmarks/branches.py\n\n"
        + table(header, rows)
        + _notes(raw)
        + footing(raw["machine"])
    )


def _notes(raw: dict[str, Any]) -> str:
    run = raw["runs"][0]
    shares = ", ".join(
        f"{name} {100 * s / run['wall_seconds']:.0f} %" for name, s in sorted(run["phases"].items(), key=lambda p: -p[1])
    )
    return (
        "\nReal-time factor: wall over biological time of a span of "
        f"{run['span_ms'] / 1000:g} s, the median of {len(run['walls'])} after 200 ms. Processor time "
        "is what the threads were given, spinning at the barrier included: with one thread it holds work alone, and does not grow "
        "when other processes take the machine. It holds everything: branches, somas, sources, synaptic events. Rates are over the whole run. \"nmda\" is "
        "the model as it is; \"ampa only\" the same network with `nmda_ratio` = 0; \"stiff\" the branches by exponential Euler.\n\n"
        f"Of the time of the threads (nmda, 2 threads): {shares}. {run['synaptic_events'] / run['biological_seconds'] / 1e6:.1f} "
        f"million synaptic events per second of biology. The branches' kernel alone takes {run['kernel_ns']:.2f} ns per branch and step "
        f"of a thread (the best of 200 calls), for {run['flops_per_branch_step']} FLOPs. An NMDA spike "
        "is counted where a recorded branch (20 neurons, every ms) rises beyond -40 mV and stays there for 10 ms.\n"
    )


if __name__ == "__main__":
    main()
