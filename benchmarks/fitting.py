"""Cells fitted to recordings: neuropil against Jaxley on one job, and the layer-5 cell with its morphology.

    python benchmarks/fitting.py --jaxley-python PATH [--swc FILE]   # or NEUROPIL_JAXLEY_PYTHON

The job is described in peers/fitting_job.py; each program has a process to itself, and they take turns. Writes docs/benchmarks/fitting.md and .json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from common import PAGES, PEERS, ROOT, footing, interpreter, machine, measure, table, write

SWC = ROOT.parent / "shared" / "data" / "morphology" / "l5pc_with_axon.swc"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jaxley-python", default=None, help="interpreter of an environment with Jaxley and optax")
    parser.add_argument("--turns", type=int, default=2, help="processes of each, in turn")
    parser.add_argument("--swc", type=Path, default=SWC, help="morphology of the layer-5 cell")
    parser.add_argument("--only", choices=["peers", "layer 5"], default=None, help="measure this part alone; the other stays as it was written")
    parser.add_argument("--longest", type=float, default=300.0, help="of its compartments, µm")
    arguments = parser.parse_args()
    about = machine()
    jaxley, why = interpreter(arguments.jaxley_python, "NEUROPIL_JAXLEY_PYTHON", "Jaxley")
    raw: dict[str, Any] = {"machine": about, "missing": [why] if why else [], "runs": [], "layer 5": None}
    if arguments.only:
        kept = json.loads((PAGES / "fitting.json").read_text())
        raw |= {"runs": kept["runs"]} if arguments.only == "layer 5" else {"layer 5": kept["layer 5"]}
    for _ in range(arguments.turns if arguments.only != "layer 5" else 0):
        raw["runs"].append(measure(sys.executable, ROOT / "benchmarks" / "run_fitting.py"))
        if jaxley:
            raw["runs"].append(measure(jaxley, PEERS / "jaxley_fitting.py"))
    if arguments.only == "peers":
        pass
    elif arguments.swc.is_file():
        raw["layer 5"] = measure(sys.executable, ROOT / "benchmarks" / "run_layer5_fit.py", arguments.swc, "--longest", arguments.longest)
    else:
        raw["missing"].append(f"the layer-5 cell was not fitted: there is no {arguments.swc}")
    raw["ratios"] = ratios(raw["runs"])
    write("fitting", page(raw), raw)


def runs_of(runs: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """By simulator."""
    return {name: [r for r in runs if r["simulator"] == name] for name in dict.fromkeys(r["simulator"] for r in runs)}


def best(runs: list[dict[str, Any]], kind: str, clock: str) -> dict[str, float]:
    """The least time of each way to compute it, s: by way."""
    if kind == "fit":
        return {way: min(r["fits"][way][clock] for r in runs) for way in runs[0]["fits"]}
    key = "calls" if clock == "wall" else clock
    return {way: min(min(r["gradients"][way][key]) for r in runs) for way, of in runs[0]["gradients"].items() if isinstance(of, dict)}


def ratios(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Each peer's fastest way over neuropil's fastest, in processor time: above 1, neuropil is faster."""
    of = runs_of(runs)
    found: dict[str, dict[str, float]] = {}
    for peer in (n for n in of if n != "neuropil"):
        mine, theirs = (best(of[n], "gradient", "processor") for n in ("neuropil", peer))
        found[peer] = {
            "forward": theirs["forward"] / mine["forward"],
            "gradient in reverse": min(v for w, v in theirs.items() if w.startswith("reverse")) / mine["reverse"],
            "gradient": min(v for w, v in theirs.items() if w != "forward") / min(v for w, v in mine.items() if w != "forward"),
            "fit": min(best(of[peer], "fit", "processor").values()) / min(best(of["neuropil"], "fit", "processor").values()),
        }
    return found


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    calls, fits = [], []
    for name, runs in runs_of(raw["runs"]).items():
        spent, wall = best(runs, "gradient", "processor"), best(runs, "gradient", "wall")
        for way in spent:
            first = min(r["gradients"][way]["compile"] for r in runs)
            calls.append([name, way, f"{1e3 * spent[way]:.1f}", f"{1e3 * wall[way]:.1f}", f"{first:.1f}", f"{runs[0]['gradients']['loss']:.6f}", f"{runs[0]['gradients']['norm']:.6f}"])
        for way, of in runs[0]["fits"].items():
            fits.append([name, way, f"{best(runs, 'fit', 'processor')[way]:.1f}", f"{best(runs, 'fit', 'wall')[way]:.1f}", f"{of['first loss']:.4f}", f"{of['last loss']:.1e}", f"{of['error']:.1e}"])
    text = "# Cells fitted to recordings\n\n"
    text += "A branched cell of 61 compartments with Hodgkin-Huxley channels, 2,000 steps of 0.025 ms, float64: the squared error of the soma's potential, and its\n"
    text += "gradient by six conductances ([fitting_job.py](../../benchmarks/peers/fitting_job.py)). Least times; the programs take turns in processes of their own. Written by `benchmarks/fitting.py`.\n\n"
    text += table(["", "what", "processor (ms)", "wall (ms)", "first call, with compilation (s)", "loss (mV²)", "norm of the gradient"], calls)
    text += "\nThe whole fit, from the description to the trained one, compilation included: 60 quasi-Newton steps from conductances of 0.5 to 1.5 times those that made the recording.\n\n"
    text += table(["", "gradient", "processor (s)", "wall (s)", "first loss (mV²)", "last loss (mV²)", "largest relative error of a conductance"], fits)
    for peer, of in raw["ratios"].items():
        text += f"\n{peer} over neuropil, processor time, each by its fastest way: " + ", ".join(f"{what} {value:.2f}" for what, value in of.items()) + ".\n"
    if (cell := raw["layer 5"]) is not None:
        text += "\n## The layer-5 cell\n\n"
        text += f"The cell of Hay et al. (2011) with its morphology, {cell['compartments']} compartments and all of its channels, {cell['steps']} steps of 0.025 ms with {cell['spikes']} spikes. Of six channels the density\n"
        text += "all over the cell is multiplied by a factor, which is to be found from the potential of the soma (`benchmarks/run_layer5_fit.py`); the recording has factors of 1.\n\n"
        text += table(["channel", "factor at the start", "found"], [[n, f"{cell['start'][n]:.2f}", f"{cell['found'][n]:.5f}"] for n in cell["start"]])
        text += f"\n{sum(cell['epochs'])} steps in three stages take {cell['processor']:.0f} s of a processor ({cell['wall']:.0f} s), with compilation; the loss ends at {cell['losses'][-1][-1]:.2g} mV².\n"
    return text + "".join(f"\n{m}\n" for m in raw["missing"]) + footing(raw["machine"])


if __name__ == "__main__":
    main()
