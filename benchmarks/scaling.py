"""How cost grows: per synaptic event with the scale of the microcircuit, per neuron-step with the number of neurons.

    python benchmarks/scaling.py

Writes docs/benchmarks/scaling.md and .json, and docs/images/scaling.png.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from common import ROOT, footing, machine, neuropil, table, write

SCALES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
REPEAT = 9
"""Spans timed in a process; of all processes of a point the quickest span counts."""
IMAGE = ROOT / "docs" / "images" / "scaling.png"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2, help="for each point; more on a machine that others use")
    processes = parser.parse_args().processes
    raw: dict[str, Any] = {"machine": machine(), "circuits": [], "neurons": []}
    for scale in SCALES:
        span = min(600.0, 200.0 / scale)
        run = quickest(processes, "microcircuit", "--scale", scale, "--time", span, "--threads", 2)
        raw["circuits"].append({"scale": scale, **run})
        print(f"scale {scale}", flush=True)
    for threads in (1, 2):
        for size in SIZES:
            span = max(2.0, 2e6 / size)
            run = quickest(processes, "uncoupled", "--scale", size, "--time", span, "--threads", threads)
            raw["neurons"].append({"threads": threads, **run})
        print(f"{threads} threads", flush=True)
    figure(raw)
    write("scaling", page(raw), raw)


def quickest(processes: int, *arguments: Any) -> dict[str, Any]:
    """The run with the quickest span."""
    return min((neuropil(*arguments, "--repeat", REPEAT) for _ in range(processes)), key=calm)


def calm(run: dict[str, Any]) -> float:
    """Wall time of the whole run had every span been the quickest of them, s: other work comes and goes."""
    return min(run["walls"]) * len(run["walls"])


def per_event(run: dict[str, Any]) -> dict[str, float]:
    """ns per synaptic event: wall time of everything, and of a thread's delivery; synapses per segment."""
    phases = run["phases"]
    busy = sum(phases.values()) - phases["waiting"]  # a thread waits long where other work holds the other core
    return {
        "all": 1e9 * calm(run) / run["synaptic_events"],
        "delivery": 1e9 * calm(run) * phases["delivery"] / busy * run["threads"] / run["synaptic_events"],
        "events_per_spike": run["synaptic_events"] / run["spikes"],
    }


def split(costs: list[dict[str, float]]) -> tuple[float, float]:
    """Delivery as (ns per event, ns per spike), by least squares over the scales."""
    x = np.array([1.0 / c["events_per_spike"] for c in costs])
    slope, constant = np.polyfit(x, [c["delivery"] for c in costs], 1)
    return float(constant), float(slope)


def per_step(run: dict[str, Any]) -> float:
    """ns of wall time per neuron-step."""
    return 1e9 * calm(run) / run["neuron_steps"]


def page(raw: dict[str, Any]) -> str:
    """The tables, as Markdown."""
    circuits = []
    for run in raw["circuits"]:
        cost = per_event(run)
        circuits.append(
            [
                f"{run['scale']:g}", f"{run['neurons']:,}", f"{run['synapses'] / 1e6:.1f} million",
                f"{cost['events_per_spike']:,.0f}", f"{cost['all']:.2f}", f"{cost['delivery']:.2f}",
                f"{calm(run) / run['biological_seconds']:.2f}",
            ]
        )  # fmt: skip
    names = [
        "scale",
        "neurons",
        "synapses",
        "synapses per spike",
        "ns per event, all",
        "ns per event and thread, delivery",
        "real-time factor",
    ]
    rows = []
    for size in SIZES:
        one, two = (per_step(r) for r in raw["neurons"] if r["neurons"] == size)
        rows.append([f"{size:,}", f"{size * BYTES / 1e6:.2f}", f"{one:.3f}", f"{two:.3f}", f"{one / two:.2f}"])
    return (
        "# How cost grows\n\n    python benchmarks/scaling.py\n\n![cost per event and per neuron-step](../images/scaling.png)\n\n"
        "## Per synaptic event\n\nThe cortical microcircuit at smaller scales, two threads; the quickest span.\n\n"
        + table(names, circuits)
        + _EVENTS.format(*split([per_event(r) for r in raw["circuits"]]))
        + "\n## Per neuron-step\n\nLIF neurons (`LIFExp`) without synapses, kept just below threshold by a constant current; "
        "the quickest span.\n\n"
        + table(["neurons", "state (MB)", "1 thread, ns", "2 threads, ns", "speed-up"], rows)
        + _STEPS
        + footing(raw["machine"])
    )


BYTES = 14  # v and two currents (4 bytes each), the refractory count and the spike flag (1 byte each)
_EVENTS = """
`all` divides the wall time of everything by the events; delivery is the time of one thread. Scaled down, a spike keeps
its number of segments (one per delay, port and owner; some fifty) with fewer synapses in each, so what a segment costs
is shared by fewer events: delivery is {0:.2f} ns per event plus {1:.0f} ns per spike. The update of the neurons and their
Poisson drive, which do not depend on synapses at all, are shared by fewer events still, which is what `all` shows.
Towards full scale both fade and the addition itself is left. From scale 0.2 on the weights (4 bytes per synapse) are
larger than the third-level cache (32 MB), and no step up is seen there: prefetching hides main memory.
"""
_STEPS = """
Below some ten thousand neurons a step is so short that its fixed cost shows: a quarter of a microsecond on one thread,
0.4 on two, which meet at a barrier. The step up between 100,000 and 300,000 neurons is where the state a thread touches
(its share of the column `state`, and the list of slots) leaves the second-level cache (1 MB) for the third (32 MB).
"""


def figure(raw: dict[str, Any]) -> None:
    """Both curves."""
    from matplotlib.figure import Figure

    picture = Figure(figsize=(8, 3), dpi=150, layout="constrained")
    left, right = picture.subplots(1, 2)
    neurons = [r["neurons"] for r in raw["circuits"]]
    costs = [per_event(r) for r in raw["circuits"]]
    left.plot(neurons, [c["all"] for c in costs], "o-", color="#2f7fd0", label="everything, wall time")
    left.plot(neurons, [c["delivery"] for c in costs], "s--", color="#e0602a", label="delivery, per thread")
    left.set(xscale="log", ylim=(0, None), xlabel="neurons of the microcircuit", ylabel="ns per synaptic event")
    for threads, mark in ((1, "o-"), (2, "s--")):
        values = [per_step(r) for r in raw["neurons"] if r["threads"] == threads]
        right.plot(
            SIZES,
            values,
            mark,
            color=("#2f7fd0", "#e0602a")[threads - 1],
            label=f"{threads} thread{'s' * (threads > 1)}",
        )
    right.set(xscale="log", ylim=(0, None), xlabel="LIF neurons", ylabel="ns per neuron-step")
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(IMAGE)


if __name__ == "__main__":
    main()
