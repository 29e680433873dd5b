"""Fifty protocols from one equilibrated state against fifty full runs, and a snapshot of 10⁷ synapses restored.

    python benchmarks/snapshots.py

Writes docs/benchmarks/snapshots.md. The network is the balanced one of Vogels & Abbott (2005), 4,000 neurons; it settles for a second, and a protocol
is 50 ms with a pulse of its own and noise of its own. Full runs take the same time to settle, each by itself.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import neuropil as npl
from neuropil.units import Hz, ms, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "snapshots.md"
SETTLE, LAST = 1000.0, 50.0


def network(pulse: float = 0.0) -> npl.Network:
    """Excitation, inhibition, noise, and a pulse after the network has settled."""
    net = npl.Network("protocols")
    exc, inh = net.population("exc", LIFExp(), 3200), net.population("inh", LIFExp(), 800)
    net.stimulate(exc + inh, npl.Poisson(9000 * Hz), port="exc", weight=30 * pA)
    net.stimulate(exc[:400], npl.Step(pulse * pA, start=(SETTLE + 10) * ms, stop=(SETTLE + 30) * ms), input="current", name="pulse")
    rule = npl.FixedProbability(0.05)
    net.project(exc, exc + inh, rule, weight=15 * pA, delay=1.5 * ms, port="exc")
    net.project(inh, exc + inh, rule, weight=-90 * pA, delay=1 * ms, port="inh")
    return net


def protocols(many: int) -> dict[str, float]:
    """Seconds that they take, each way."""
    npl.run(network(), 1 * ms)  # compiled once
    start = time.perf_counter()
    with npl.Simulation(network(), seed=1) as simulation:
        simulation.run(SETTLE * ms)
        settled = simulation.snapshot()
        begun = time.perf_counter()
        branched = [_branch(settled, k) for k in range(many)]
        started = time.perf_counter() - begun
        begun = time.perf_counter()
        for k in range(many):
            simulation.restore(settled, seed=k + 1)
            simulation.run(LAST * ms)
        restored = time.perf_counter() - begun
    once = begun - start - started
    begun = time.perf_counter()
    few = max(2, many // 10)
    full = [npl.run(network(100.0 * k), (SETTLE + LAST) * ms, seed=k + 1) for k in range(few)]
    each = (time.perf_counter() - begun) / few
    assert full[0].spikes.between(SETTLE, SETTLE + LAST) == branched[0].spikes
    return {"settling": once, "started": started / many, "restored": restored / many, "full": each, "ratio": many * each / (once + started), "again": many * each / (once + restored)}


def _branch(settled: npl.Snapshot, k: int) -> npl.Result:
    with npl.Simulation(network(100.0 * k), start=settled, seed=k + 1) as simulation:
        return simulation.run(LAST * ms)


def large(plastic: bool, threads: int) -> dict[str, float]:
    """Seconds to take and restore a snapshot of 10⁵ neurons and 10⁷ synapses."""
    net = npl.Network("large")
    exc = net.population("exc", LIFExp(), 100_000)
    net.stimulate(exc, npl.Poisson(9000 * Hz), port="exc", weight=60 * pA)
    synapse = AdditiveSTDP() if plastic else None
    net.project(exc, exc, npl.FixedInDegree(100), weight=1000 * pA if plastic else 5 * pA, delay=1.5 * ms, port="exc", synapse=synapse)
    with npl.Simulation(net, threads=threads) as simulation:
        simulation.run(10 * ms)
        taken, restored = [], []
        for _ in range(5):
            begun = time.perf_counter()
            snapshot = simulation.snapshot()
            taken.append(time.perf_counter() - begun)
            simulation.run(2 * ms)
            begun = time.perf_counter()
            simulation.restore(snapshot)
            restored.append(time.perf_counter() - begun)
    return {"taken": sorted(taken)[2], "restored": sorted(restored)[2]}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocols", type=int, default=50)
    many = parser.parse_args().protocols
    found = protocols(many)
    lines = [
        "# Snapshots", "", f"`python benchmarks/snapshots.py`, on {os.cpu_count()} cores.", "", f"{many} protocols of {LAST:g} ms from a network (4,000 neurons) that settles for {SETTLE:g} ms:", "",
        "| | seconds |", "|---|---|", f"| settling, once | {found['settling']:.2f} |", f"| a protocol, `Simulation(network, start=snapshot)` | {found['started']:.3f} |",
        f"| a protocol, `restore(snapshot, seed=)` | {found['restored']:.3f} |", f"| a full run | {found['full']:.2f} |",
        f"| {many} full runs, over settling and {many} started protocols | {found['ratio']:.1f} times |",
        f"| {many} full runs, over settling and {many} restored protocols | {found['again']:.1f} times |", "",
        "10⁵ neurons and 10⁷ synapses, median of five:", "", "| synapses | threads | taken (s) | restored (s) |", "|---|---|---|---|",
    ]  # fmt: skip
    for plastic, threads in ((False, 1), (True, 1), (True, 2)):
        measured = large(plastic, threads)
        lines.append(f"| {'STDP' if plastic else 'static'} | {threads} | {measured['taken']:.3f} | {measured['restored']:.3f} |")
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
