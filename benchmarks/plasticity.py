"""What plasticity costs: 10⁷ STDP synapses in a network of 10⁴ neurons, against NEST and Brian2, on one thread and on two.

    python benchmarks/plasticity.py --brian-python PATH --nest-python PATH   # or NEUROPIL_BRIAN_PYTHON, NEUROPIL_NEST_PYTHON

Writes docs/benchmarks/plasticity.md and .json. The simulators take turns, so that all meet the same machine. `--part
speed` or `--part weights` measures one part anew and keeps the other from the file; `--part page` only writes the page anew.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import PAGES, PEERS, footing, interpreter, machine, measure, table, write

sys.path.insert(0, str(PEERS))
import stdp_network as net

OURS = Path(__file__).resolve().parent / "run_plasticity.py"
SUMMARIES = {
    "rate_hz": "rate (Hz)", "mean": "mean (pA)", "sd": "sd (pA)", "at_zero": "at the lower bound", "at_top": "at the upper bound",
    "sd_of_targets": "sd of targets' means (pA)",
}  # fmt: skip
FALSE_ALARM = 0.05
"""Of one comparison of two simulators, over all its summaries."""
EXPECTED = {"brian": "Brian2", "nest": "NEST", "nest, axonal delay": "NEST, its delay left out of account"}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brian-python", default=None, help="interpreter of an environment with Brian2 and a compiler")
    parser.add_argument("--nest-python", default=None, help="interpreter of an environment with NEST")
    parser.add_argument("--time", type=float, default=1000.0, help="of neuropil, ms; in five spans")
    parser.add_argument("--peer-time", type=float, default=200.0, help="of the peers, ms")
    parser.add_argument("--repeat", type=int, default=3, help="turns of all simulators")
    parser.add_argument("--seeds", type=int, default=6, help="networks per simulator whose weights are compared")
    parser.add_argument("--part", choices=("speed", "weights", "page"), default=None)
    arguments = parser.parse_args()
    pythons, missing = {}, []
    for peer, given, variable in (
        ("Brian2", arguments.brian_python, "NEUROPIL_BRIAN_PYTHON"), ("NEST", arguments.nest_python, "NEUROPIL_NEST_PYTHON"),
    ):  # fmt: skip
        pythons[peer], why = interpreter(given, variable, peer)
        missing += [why] if why else []
    kept = PAGES / "plasticity.json"
    raw = json.loads(kept.read_text()) if arguments.part and kept.exists() else {}
    if arguments.part in (None, "speed"):
        raw |= {"machine": machine(), "missing": missing, "speed": speed(pythons, arguments)}
    if arguments.part in (None, "weights"):
        raw["weights"] = weights(pythons, arguments.seeds)
    write("plasticity", page(raw), raw)


def speed(pythons: dict[str, str | None], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Every simulator in turn, some times over, on one thread and on two."""
    span = ["--time", arguments.time / 5, "--repeat", 5]
    measure(sys.executable, OURS, "--time", 10)  # fills the cache of compiled code
    measure(sys.executable, OURS, "--time", 10, "--static")
    found = []
    for turn, threads in itertools.product(range(arguments.repeat), (1, 2)):
        common = ["--threads", threads, "--seed", turn + 1]
        runs: list[tuple[str, Path, list[Any]]] = [(sys.executable, OURS, [*span, *common]), (sys.executable, OURS, [*span, *common, "--static"])]
        for peer, script in (("Brian2", "brian_plasticity.py"), ("NEST", "nest_plasticity.py")):
            if python := pythons[peer]:
                runs.append((python, PEERS / script, ["--time", arguments.peer_time, *common]))
        for python, path, options in runs:
            found.append({**measure(python, path, *options), "load": os.getloadavg()[0]})
            print({k: v for k, v in found[-1].items() if k != "spans"}, file=sys.stderr, flush=True)
    return found


def weights(pythons: dict[str, str | None], seeds: int) -> list[dict[str, Any]]:
    """The weights that the faster rule makes, for each convention of neuropil and its peer."""
    found = []
    for seed in range(1, seeds + 1):
        for convention in EXPECTED:
            found.append({"simulator": "neuropil", "convention": convention, **measure(sys.executable, OURS, "--weights", convention, "--seed", seed)})
        for peer, convention in (("Brian2", "brian"), ("NEST", "nest")):
            if python := pythons[peer]:
                script = PEERS / f"{convention}_plasticity.py"
                found.append({"simulator": peer, "convention": convention, **measure(python, script, "--weights", "--seed", seed)})
        print(f"weights: {seed} of {seeds} seeds", file=sys.stderr, flush=True)
    return found


def permutation(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p of a difference of means: the share of all ways to deal the values into two groups that differ as much."""
    values, n = np.array([*a, *b]), len(a)
    dealt = [values[list(chosen)].sum() for chosen in itertools.combinations(range(values.size), n)]
    differences = np.abs(np.array(dealt) - n * values.mean())
    return float(np.mean(differences >= abs(np.sum(a) - n * values.mean()) * (1 - 1e-12)))


# --- the page -----------------------------------------------------------------------------------------------------------


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    text = (
        "# What plasticity costs\n\nA Brunel network of 10⁴ neurons with 10⁷ additive STDP synapses between excitatory ones (and 5·10⁶ static "
        "ones), dt 0.1 ms, delays 1.5 ms: [stdp_network.py](../../benchmarks/peers/stdp_network.py). The same neurons, drive and rule in "
        f"all simulators; {net.SETTLE:g} ms pass before anything is timed.\n\n    python benchmarks/plasticity.py --brian-python PATH --nest-python PATH\n\n"
    )
    if "speed" in raw:
        text += _speed(raw["speed"]) + "".join(f"\n{m}.\n" for m in raw["missing"])
    if "weights" in raw:
        text += _weights(raw["weights"])
    return text + footing(raw["machine"])


def _factors(run: dict[str, Any], clock: str) -> list[float]:
    """Time over biological time of each span; the processor's time is that of a thread."""
    spans = run.get("spans") or [{"seconds": run["run_seconds"], "processor_seconds": run["processor_seconds"]}]
    share = run["threads"] if clock == "processor_seconds" else 1
    return [s[clock] / share / (run["biological_seconds"] / len(spans)) for s in spans if s[clock] is not None]


def _speed(runs: list[dict[str, Any]]) -> str:
    rows, per_event = [], {}
    for threads in (1, 2):
        mine = [r for r in runs if r["threads"] == threads]
        names = list(dict.fromkeys(r["simulator"] for r in mine))
        worked = {n: [f for r in mine if r["simulator"] == n for f in _factors(r, "processor_seconds")] for n in names}
        passed = {n: [f for r in mine if r["simulator"] == n for f in _factors(r, "seconds")] for n in names}
        reference = [statistics.median(of["neuropil, plastic"]) for of in (worked, passed)]
        for n in names:
            of = [r for r in mine if r["simulator"] == n]
            spikes = {k: statistics.median(r["spikes"][k] / r["biological_seconds"] for r in of) for k in "ei"}
            events = statistics.median(_events(r) / r["biological_seconds"] for r in of)
            middle = statistics.median(worked[n])
            per_event[n, threads] = 1e9 * middle * threads / events
            wall = statistics.median(passed[n]) if passed[n] else None
            rows.append([
                threads, n, f"**{middle:.2f}** ({min(worked[n]):.2f}–{max(worked[n]):.2f})", f"{middle / reference[0]:.1f}",
                f"{wall:.2f} ({min(passed[n]):.2f}–{max(passed[n]):.2f})" if wall else "", f"{wall / reference[1]:.1f}" if wall else "",
                f"{per_event[n, threads]:.1f}", f"{spikes['e'] / net.EXCITATORY:.1f}, {spikes['i'] / net.INHIBITORY:.1f}",
                f"{max(r['peak_memory_bytes'] for r in of) / 1e9:.1f}", f"{min(r['load'] for r in of):.0f}–{max(r['load'] for r in of):.0f}",
            ])  # fmt: skip
    header = [
        "threads", "", "processor time / biological time", "over neuropil's plastic", "wall / biological time", "over neuropil's plastic",
        "ns per event", "rates exc, inh (Hz)", "memory (GB)", "load",
    ]  # fmt: skip
    cost = " and ".join(f"{per_event['neuropil, plastic', t] / per_event['neuropil, static', t]:.1f} times on {t}" for t in (1, 2))
    return table(header, rows) + (
        "\nMedians over turns (neuropil: over spans of them). Where other work holds the cores (load), the wall's time says little: the processor's time "
        "of a thread, waiting in a loop included, is what the wall would show on a free machine if threads have equal work. (On one "
        "thread Brian2 itself reports the processor's time.) An event is a spike's arrival at any synapse, counted as spikes times mean out-degree; "
        "its time is the processor's, of the whole simulation, neurons and drive included. An event of the plastic network takes "
        f"{cost} thread(s) what one of the static network takes; two thirds of its events are plastic. Brian2 runs in double precision, its default; "
        "single precision was no faster.\n"
    )


def _events(run: dict[str, Any]) -> float:
    """Arrivals of spikes."""
    e = run["spikes"]["e"] * net.FROM_EXCITATORY * (net.EXCITATORY + net.INHIBITORY) / net.EXCITATORY
    return e + run["spikes"]["i"] * net.FROM_INHIBITORY * (net.EXCITATORY + net.INHIBITORY) / net.INHIBITORY


def _weights(runs: list[dict[str, Any]]) -> str:
    rows, verdicts = [], []
    for convention, peer in EXPECTED.items():
        ours = [r for r in runs if r["simulator"] == "neuropil" and r["convention"] == convention]
        theirs = [r for r in runs if r["simulator"] == peer.split(",")[0] and r["convention"] == convention.split(",")[0]]
        if not theirs:
            continue
        level, least = FALSE_ALARM / len(SUMMARIES), 1.0
        for key, name in SUMMARIES.items():
            a, b = [r[key] for r in ours], [r[key] for r in theirs]
            p = permutation(a, b)
            least = min(least, p)
            rows.append([peer, name, _around(a), _around(b), f"{np.mean(a) - np.mean(b):+.2g}", f"{p:.3f}"])
        verdicts.append(f"{peer}: {'**different**' if least < level else 'no difference'} (least p {least:.3f})")
    seeds = max(sum(r["simulator"] == "neuropil" and r["convention"] == c for r in runs) for c in EXPECTED)
    return (
        f"\n## The weights\n\nAll plastic weights start at {net.WEIGHT:g} pA, the rule is {net.FASTER:g} times as strong, and {net.LEARNT:g} ms pass. Weights onto "
        f"{net.SAMPLED} targets. Synapses of one run, and neurons, share the network's course and are not independent: the unit of replication is a network, "
        f"{seeds} seeds each (mean ± sd over seeds). Exact permutation test of the means of each summary; a comparison finds a difference where any p is below "
        f"{FALSE_ALARM:g}/{len(SUMMARIES)}, so that equal simulators are told apart in at most {100 * FALSE_ALARM:g} % of comparisons.\n\n"
        + table(["against", "", "neuropil", "peer", "difference", "p"], rows)
        + "\n" + "; ".join(verdicts) + ".\n\nWith Brian2, a delay is the axon's. NEST counts it as dendritic (neuropil: `response_delay` of twice the delay), hands "
        "over the weight after its own depression, and holds each weight as of its last spike: a volley of all sources makes it the present one in both. The last "
        "comparison leaves the dendritic delay out, so that the volley, too, meets the targets' own spikes: the test must see it.\n"
    )  # fmt: skip


def _around(values: list[float]) -> str:
    return f"{np.mean(values):.4g} ± {np.std(values, ddof=1):.2g}"


if __name__ == "__main__":
    main()
