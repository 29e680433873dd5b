"""What a synapse costs: the full synapse per step against the limits of this machine, events of synapses with states.

    python benchmarks/synapses.py            # writes docs/benchmarks/synapses.md and .json; about five minutes

The full synapse runs on ten million synapses, and on so few that they stay in the cache. FLOPs are those of the traced
kernel after simplification; limits are measured in the same minute on the same threads.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from common import footing, machine, table, write
from numba import njit

from neuropil.cost.kernels import best, job, multiply_add, multiply_add_rate
from neuropil.engine import Simulation
from neuropil.model import FixedInDegree, Network, Rewiring, Synapse
from neuropil.units import Hz, ms, nS, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.synapses.full_synapse import FullSynapse
from neuropil.zoo.synapses.short_term import TsodyksMarkram, Varela

IN_DEGREE = 1000
SPANS = 12


separate = njit(nogil=True, boundscheck=False)(multiply_add.py_func)
"""Multiplications and additions that are not fused: what a kernel may use whose bits are the same on all machines."""


@njit(nogil=True, boundscheck=False, cache=True)
def six_in_place(a, b, c, d, e, f, rounds):
    """The traffic of the full synapse without its arithmetic: six arrays read and written."""
    one = np.float32(1.0)
    for _ in range(rounds):
        for i in range(a.size):
            a[i] += one
            b[i] += one
            c[i] += one
            d[i] += one
            e[i] += one
            f[i] += one
    return a[0]


def ceilings(threads: int) -> dict[str, float]:
    """GFLOP/s fused and not, GB/s in place over six arrays from memory, of all threads together."""
    size = 10_000_000 // threads
    moved = best(lambda: job(six_in_place, *(np.ones(size, np.float32) for _ in range(6)), 1), threads)
    return {
        "fused": 1e-9 * multiply_add_rate(threads),
        "separate": 1e-9 * multiply_add_rate(threads, kernel=separate),
        "in_place": 48e-9 * size * threads / moved,
    }


def network(targets: int, sources: int, rate: float, **how: Any) -> Network:
    """Sources onto targets, `IN_DEGREE` synapses each."""
    made = Network("synapses")
    source = made.population("source", PoissonSource(rate=rate * Hz), sources)
    target = made.population("target", LIFExp(), targets)
    made.project(source, target, FixedInDegree(IN_DEGREE), delay=1.5 * ms, **how)
    return made


def spans(simulation: Simulation, steps: int) -> dict[str, Any]:
    """Wall seconds per step of the quickest and the middle span, and the share of each phase in a thread's work."""
    simulation.step(steps)
    before, walls = simulation.core.events, []
    for clock in simulation.core.clock:
        clock[:] = 0
    for _ in range(SPANS):
        start = time.perf_counter()
        simulation.step(steps)
        walls.append((time.perf_counter() - start) / steps)
    phases = simulation.core.phases()
    events = (simulation.core.events - before) / (SPANS * steps)
    busy = 1.0 - phases["waiting"]
    return {"quickest": min(walls), "median": float(np.median(walls)), "events": events, "phases": {n: v / busy for n, v in phases.items()}}


def full(targets: int, threads: int, steps: int) -> dict[str, Any]:
    """The full synapse, clock-driven."""
    model = FullSynapse(g_ampa=0.02 * nS, g_nmda=0.01 * nS)
    simulation = Simulation(network(targets, max(targets, 1000), 5.0, weight=1.0, synapse=model, input="current"), threads=threads)
    program = simulation.plan.synapses[0]
    found = spans(simulation, steps)
    found |= {"synapses": targets * IN_DEGREE, "threads": threads, "flops": program.flops, "bytes": 8 * len(program.moving), **ceilings(threads)}
    simulation.close()
    return found


class Still(Synapse):
    """A weight: what an event costs in a list before any state."""


def events(targets: int, threads: int, synapse: Synapse | None, structure: Rewiring | None = None) -> dict[str, Any]:
    """Events of synapses with closed forms."""
    made = network(targets, targets, 20.0, weight=0.01 * pA, port="exc", synapse=synapse, structure=structure)
    start = time.perf_counter()
    simulation = Simulation(made, threads=threads)
    built = time.perf_counter() - start
    found = spans(simulation, 100)
    if structure is not None:
        core = simulation.core
        start = time.perf_counter()
        core.step = core.step // 1000 * 1000 + 1000
        core.rewire(*simulation._in_flight())
        found |= {"rewire_seconds": time.perf_counter() - start, "turnover": core.turnover.tolist()}
    simulation.close()
    name = type(synapse).__name__ if synapse is not None else "packed" if structure is None else "listed, rewiring"
    return {"name": name, "threads": threads, "build_seconds": built, "synapses": targets * IN_DEGREE, **found}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--synapses", type=float, default=1e7)
    targets = int(parser.parse_args().synapses / IN_DEGREE)
    raw: dict[str, Any] = {"machine": machine(), "full": [], "events": []}
    for count, threads, steps in ((20, 1, 2000), (20, 2, 2000), (targets, 1, 5), (targets, 2, 5)):
        raw["full"].append(full(count, threads, steps))
        print(raw["full"][-1], flush=True)
    for synapse in (None, Still(), TsodyksMarkram(), Varela()):
        for threads in (1, 2):
            raw["events"].append(events(targets, threads, synapse))
            print(raw["events"][-1], flush=True)
    raw["rewiring"] = events(targets, 2, None, Rewiring(100 * ms, eliminate=0.1 * Hz))
    write("synapses", page(raw), raw)


def page(raw: dict[str, Any]) -> str:
    """The tables in words."""
    rows = []
    for r in raw["full"]:
        ns = 1e9 * r["quickest"] / r["synapses"]
        flops, moved = r["flops"]["synapse"] / ns, r["bytes"] / ns
        rows.append([
            f"{r['synapses']:,}", r["threads"], f"{ns:.2f}", f"{1e9 * r['median'] / r['synapses']:.2f}", f"{flops:.0f}",
            f"{r['fused']:.0f} / {r['separate']:.0f}", f"{100 * flops / r['fused']:.0f} / {100 * flops / r['separate']:.0f} %",
            f"{moved:.0f}", f"{r['in_place']:.0f}",
        ])  # fmt: skip
    header = ["synapses", "threads", "ns per synapse-step", "median", "GFLOP/s", "limit: fused / separate", "of it", "GB/s", "in place from memory"]
    first, alone, last = raw["full"][0], raw["full"][2], raw["full"][-1]
    bound = alone["bytes"] / alone["in_place"]
    text = f"""# What a synapse costs

    python benchmarks/synapses.py

## The full synapse, every step

`FullSynapse`, float32, dt 0.1 ms, {IN_DEGREE} synapses per target, sources at 5 Hz. A synapse-step takes {first["flops"]["synapse"]} FLOPs after
simplification (and {first["flops"]["target"]} more once per target and step, {first["flops"]["event"]} per spike that arrives) and moves {first["bytes"]} bytes: six of
its eight states are read and written; resources and utilisation wait for spikes. Wall time of everything, the neurons
and the spikes included; the quickest of {SPANS} spans. Limits are of the same threads: multiply-adds fused, and apart
(kernels do not fuse, so that every machine computes the same bits), and six arrays updated in place from memory.

{table(header, rows)}
Limits are measured just after each row, with as many threads: where other work holds a core, two threads together reach
what one does, and a row is to be read beside its own limits. On one thread the cache-resident synapses take
{1e9 * first["quickest"] / first["synapses"]:.2f} ns and ten million, {24 * last["synapses"] / 1e6:.0f} MB of moving state, {1e9 * alone["quickest"] / alone["synapses"]:.2f} ns, of which moving the bytes alone
would take {bound:.2f} ns: both limits are near, neither is reached alone.

## Events of synapses with states

{IN_DEGREE} synapses per target, sources at 20 Hz, one delay; time of delivery and filing per event and thread.

"""
    rows = []
    for r in [*raw["events"], raw["rewiring"]]:
        share = r["phases"]["delivery"] + r["phases"]["spikes"]
        per = 1e9 * r["quickest"] * share * r["threads"] / r["events"]
        rows.append([r["name"], f"{r['synapses']:,}", r["threads"], f"{per:.2f}", f"{r['build_seconds']:.1f}"])
    text += table(["synapse", "synapses", "threads", "ns per event and thread", "seconds to build"], rows)
    r = raw["rewiring"]
    text += f"""
`packed` is a projection without a synapse model, 4 bytes per synapse; `Still` a synapse without states in the list that
those with states are kept in. One rewiring of {r["synapses"]:,} synapses, {r["turnover"][0]:,} of which vanish and as many form, takes {r["rewire_seconds"]:.1f} s
(drawn, compacted and filed anew on one thread).
"""
    return text + footing(raw["machine"])


if __name__ == "__main__":
    main()
