"""Compartmental cells: neuropil against Arbor, NEURON and CoreNEURON, in one run.

    python benchmarks/cables.py --neuron-python PATH --arbor-python PATH     # or NEUROPIL_NEURON_PYTHON, NEUROPIL_ARBOR_PYTHON

Two pieces of work, each on one thread and on two:

- cables: 50 unconnected cables of 100 compartments, Hodgkin-Huxley membrane, 0.1 nA into one end of each;
- cells: 10 unconnected layer-5 pyramidal cells (an SWC file, compartments of at most 20 µm), 2 nA into each soma;
  Hodgkin-Huxley membrane everywhere, or in soma and axon with passive dendrites.

A third is 10 such cells with the channels of Hay et al. (2011) (10 in the soma, 14 of its 16 states gates of the potential), against
Arbor alone, whose BBP catalogue has them.

dt 0.025 ms; spans of 100 ms (cells: 50), after 10 ms that are not timed. The simulators take turns, so that all meet the same machine.
Writes docs/benchmarks/cables.md and .json.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import PEERS, ROOT, footing, interpreter, machine, measure, table, write

SWC = ROOT.parent / "shared" / "data" / "morphology" / "l5pc_with_axon.swc"
Options = list[Any]
Side = Callable[[Options], list[dict[str, Any]]]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neuron-python", default=None, help="interpreter of an environment with NEURON")
    parser.add_argument("--arbor-python", default=None, help="interpreter of an environment with Arbor")
    parser.add_argument("--swc", type=Path, default=SWC, help="the morphology of the cells")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each simulator; each times three spans")
    parser.add_argument("--old", type=Path, default=None, help="an earlier checkout of neuropil, to be measured too")
    arguments = parser.parse_args()
    raw: dict[str, Any] = {"machine": machine(), "missing": [], "work": {}}
    sides: list[Side] = [neuropil_side()]
    if arguments.old:
        sides.append(neuropil_side(arguments.old.resolve()))
    for given, variable, peer, side in (
        (arguments.arbor_python, "NEUROPIL_ARBOR_PYTHON", "Arbor", arbor_side),
        (arguments.neuron_python, "NEUROPIL_NEURON_PYTHON", "NEURON", neuron_side),
    ):
        python, why = interpreter(given, variable, peer)
        if python:
            sides.append(side(python))
        else:
            raw["missing"].append(why)
    for name, options in work(arguments.swc).items():
        runs = [run for _ in range(arguments.rounds) for side in sides for run in side(options)]
        raw["work"][name] = {"options": [o.name if isinstance(o, Path) else str(o) for o in options], "runs": runs}
    write("cables", page(raw), raw)


def work(swc: Path) -> dict[str, Options]:
    """Options of every program by the name of the work; the layer-5 cells only where there is a file."""
    listed: dict[str, Options] = {"cables": ["--cells", 50, "--compartments", 100, "--time", 100]}
    if swc.exists():
        cells = ["--swc", swc, "--cells", 10, "--longest", 20, "--time", 50]
        listed["cells"] = [*cells, "--dendrites", "hh"]
        listed["cells, passive dendrites"] = [*cells, "--dendrites", "pas"]
        listed["cells with the channels of layer 5"] = [*cells, "--dendrites", "layer5"]
    return listed


# --- simulators -----------------------------------------------------------------------------------------------------------


def neuropil_side(tree: Path = ROOT) -> Side:
    """neuropil in double precision, which is its default for cells, and in single; an earlier one in double only."""
    script = ROOT / "benchmarks" / "run_cables.py"

    def run(options: Options) -> list[dict[str, Any]]:
        found = [
            measure(sys.executable, script, *options, "--repeat", 3, "--threads", threads, "--precision", precision, tree=tree)
            for threads in (1, 2)
            for precision in (("float64", "float32") if tree == ROOT else ("float64",))
        ]
        return found if tree == ROOT else [{**each, "simulator": f"{each['simulator']}, before"} for each in found]

    return run


def arbor_side(python: str) -> Side:
    """Arbor as it comes, and with half of the cells in each cell group, which is its fastest here."""

    def run(options: Options) -> list[dict[str, Any]]:
        half = options[options.index("--cells") + 1] // 2
        return [
            measure(python, PEERS / "arbor_cables.py", *options, "--repeat", 3, "--threads", threads, "--group", group)
            for threads in (1, 2)
            for group in (1, half)
        ]

    return run


def neuron_side(python: str) -> Side:
    """NEURON and CoreNEURON, hh from its table (as users have it) and computed."""

    def run(options: Options) -> list[dict[str, Any]]:
        if "layer5" in options:
            return []
        return [
            measure(python, PEERS / "neuron_cables.py", *options, "--repeat", 3, "--threads", threads, "--table", looked_up, "--core", core)
            for threads in (1, 2)
            for core in (0, 1)
            for looked_up in (1, 0)
        ]

    return run


# --- the page -----------------------------------------------------------------------------------------------------------


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    text = (
        "# Compartmental cells\n\nNanoseconds per compartment and step of 0.025 ms: medians, and in brackets the range, "
        "of all spans timed; processor time is that of all threads together, the least of all spans.\n\n    python benchmarks/cables.py --neuron-python PATH --arbor-python PATH\n"
    )
    for name, done in raw["work"].items():
        grouped: dict[str, dict[int, list[dict[str, Any]]]] = {}
        for run in done["runs"]:
            grouped.setdefault(run["simulator"], {}).setdefault(run["threads"], []).append(run)
        ours, spent = _median(grouped["neuropil, float64"][2]), _processor(grouped["neuropil, float64"][1])
        rows = []
        for simulator, by_threads in grouped.items():
            first = by_threads[1][0]
            figures = [_figure(by_threads[n]) for n in (1, 2)]
            ratio = f"{_median(by_threads[2]) / ours:.1f}"
            least = _processor(by_threads[1])
            processor = ["", ""] if least is None or spent is None else [f"{least:.1f}", f"{least / spent:.1f}"]
            rows.append([simulator, *figures, ratio, *processor, first["compartments"], f"{first['spikes'] / first['cells']:g}"])
        header = ["simulator", "1 thread", "2 threads", "2 threads / neuropil's float64", "processor time, 1 thread", "the same / neuropil's float64", "compartments with membrane", "spikes per cell"]
        text += f"\n## {name[0].upper()}{name[1:]}\n\n" + table(header, rows)
    return text + "".join(f"\n{m}.\n" for m in raw["missing"]) + NOTES + footing(raw["machine"])


NOTES = """
Peers in double precision. Cables: 1 mm by 1 µm, 100 Ω cm, 1 µF/cm², 6.3 °C, 0.1 nA; cells: 2 nA, dendrites 0.1 mS/cm² and -65 mV
where they are passive. Each program records spikes and nothing else. NEURON runs its steps by `ParallelContext.psolve`, with
the cells spread over its threads; "from its table" is hh as users get it, "computed" with `usetable_hh = 0`. Arbor runs in
its default context with so many threads, and with its BBP catalogue where channels are those of layer 5, whose conductances are then
uniform along the apical dendrite. Wall times are those of a machine that others use at the same time where the load below is above 1;
processor time is not. Peers read the SWC file with readers of their own, which differ by a few
compartments at branch points.
"""


def _spans(runs: list[dict[str, Any]]) -> list[float]:
    return [ns for run in runs for ns in run["ns_per_compartment_step"]]


def _processor(runs: list[dict[str, Any]]) -> float | None:
    """The least processor time of a span, ns; None where a program does not tell it."""
    spans = [ns for run in runs for ns in run.get("processor_ns_per_compartment_step", ())]
    return min(spans, default=None)


def _median(runs: list[dict[str, Any]]) -> float:
    return statistics.median(_spans(runs))


def _figure(runs: list[dict[str, Any]]) -> str:
    return f"{_median(runs):.1f} ({min(_spans(runs)):.1f}–{max(_spans(runs)):.1f})"


if __name__ == "__main__":
    main()
