"""How the time of a step grows with the number of cells and of compartments: cables of Hodgkin-Huxley membrane, two threads.

    python benchmarks/cables_growth.py

Writes docs/benchmarks/cables_growth.md and .json.
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

import numpy as np
from common import ROOT, footing, machine, measure, table, write

CELLS = (8, 25, 50, 100, 200, 400, 800)
COMPARTMENTS = (25, 50, 100, 200, 400, 800)
STEPS = 20_000_000  # compartment-steps of a span, about


def main() -> None:
    """Both series, and the exponents of their upper halves."""
    raw: dict[str, Any] = {"machine": machine()}
    raw["cells"] = [figures(n, 100) for n in CELLS]
    raw["compartments"] = [figures(50, n) for n in COMPARTMENTS]
    write("cables_growth", page(raw), raw)


def figures(cells: int, compartments: int) -> dict[str, Any]:
    """Quickest and middle span, ns per compartment and step of 0.025 ms."""
    time = max(5, round(STEPS / (40 * cells * compartments)))
    run = measure(
        sys.executable, ROOT / "benchmarks" / "run_cables.py", "--cells", cells, "--compartments", compartments, "--time", time,
        "--repeat", 5, "--threads", 2, "--precision", "float64",
    )  # fmt: skip
    spans = run["ns_per_compartment_step"]
    return {"cells": cells, "compartments": compartments, "quickest": min(spans), "median": statistics.median(spans)}


def exponent(rows: list[dict[str, Any]]) -> float:
    """Slope of log time of a step over log size, of the larger half of the sizes."""
    upper = rows[len(rows) // 2 :]
    size = np.log([r["cells"] * r["compartments"] for r in upper])
    return float(np.polyfit(size, size + np.log([r["quickest"] for r in upper]), 1)[0])


def page(raw: dict[str, Any]) -> str:
    """The page."""
    text = (
        "# Growth of cells\n\nCables of Hodgkin-Huxley membrane, float64, 0.025 ms, two threads: nanoseconds per compartment and "
        "step, quickest span and median.\n\n    python benchmarks/cables_growth.py\n"
    )
    for kind, fixed in (("cells", "100 compartments each"), ("compartments", "50 cells")):
        rows = [[r[kind], f"{r['quickest']:.1f}", f"{r['median']:.1f}"] for r in raw[kind]]
        text += f"\n## By {kind} ({fixed})\n\n" + table([kind, "quickest", "median"], rows)
        text += f"\nThe time of a step grows as size to the power {exponent(raw[kind]):.2f} over the larger half of the sizes.\n"
    return text + footing(raw["machine"])


if __name__ == "__main__":
    main()
