"""The gradient of a Hodgkin-Huxley cable: neuropil's rollout against Jaxley.

    python benchmarks/gradients.py --jaxley-python PATH   # or NEUROPIL_JAXLEY_PYTHON

100 compartments, 10 ms in steps of 0.025 ms, float64, one cell: the mean of all potentials squared, differentiated by the
three conductances of every compartment. Both run under JAX; each has a process to itself. Writes docs/benchmarks/gradients.md
and .json.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any

from common import PEERS, ROOT, footing, interpreter, machine, measure, table, write


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jaxley-python", default=None, help="interpreter of an environment with Jaxley")
    parser.add_argument("--turns", type=int, default=3, help="processes of each, in turn")
    arguments = parser.parse_args()
    about = machine()
    jaxley, why = interpreter(arguments.jaxley_python, "NEUROPIL_JAXLEY_PYTHON", "Jaxley")
    raw: dict[str, Any] = {"machine": about, "missing": [why] if why else [], "runs": []}
    for _ in range(arguments.turns):
        raw["runs"].append(measure(sys.executable, ROOT / "benchmarks" / "run_gradient.py"))
        if jaxley:
            raw["runs"].append(measure(jaxley, PEERS / "jaxley_gradient.py"))
    write("gradients", page(raw), raw)


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    rows, ours = [], None
    for name in dict.fromkeys(r["simulator"] for r in raw["runs"]):
        runs = [r for r in raw["runs"] if r["simulator"] == name]
        forward, gradient = (statistics.median(w for r in runs for w in r[k]) for k in ("forward", "gradient"))
        ours = gradient if ours is None else ours
        built = statistics.median(r["compile_seconds"] for r in runs)
        loss = runs[0]["loss"]
        rows.append([name, f"{1e3 * forward:.2f}", f"{1e3 * gradient:.2f}", f"{gradient / ours:.2f}", f"{built:.1f}", f"{loss:.4f}", f"{runs[0]['norm']:.5g}"])
    header = ["", "forward (ms)", "value and gradient (ms)", "gradient / neuropil's", "compile both (s)", "loss (mV²)", "norm of d loss / d log g (mV²)"]
    text = "# Gradients through a cable\n\n"
    text += "A cable of 1 mm by 1 µm, 100 compartments with the Hodgkin-Huxley channels, 0.1 nA into one end, 400 steps of\n"
    text += "0.025 ms, float64; the mean square of all potentials, and its gradient by g_Na, g_K and g_L of every compartment.\n"
    text += "Medians; the programs take turns in processes of their own. Written by `benchmarks/gradients.py`.\n\n"
    text += table(header, rows)
    return text + "".join(f"\n{m}\n" for m in raw["missing"]) + footing(raw["machine"])


if __name__ == "__main__":
    main()
