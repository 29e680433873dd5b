"""F7: 600 terabytes of memory, and its effect on the speed.

Capacity by arithmetic; and the article's synapse, lowered and compiled like any other model, run on this machine with
its state in the cache and in main memory, against what multiply-adds and a triad reach here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.claims.article_cost import as_measured, named, printed
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.cost import article
from neuropil.cost.machines import H100


def run(trial: Trial) -> Findings:
    """Recompute, run the kernel, and compare its FLOPs per byte with the machines'.

    Returns:
        The measurements, the conditions of the verdict and the figure.
    """
    found = article.f7()
    here = article.measured_synapse(synapses=trial.size(1_000_000, 50_000))
    measured = [*as_measured(found), *(Measured.exact(f"here: {name}", value) for name, value in here.items())]
    intensity, balance = here["FLOPs per byte"], here["FLOPs per byte where this machine is balanced"]
    return Findings(
        measured,
        [
            Condition.within(named(found, "memory at one byte"), 5.9e14, 6.1e14),
            Condition.fact("the article's synapse has fewer FLOPs per byte than an H100 wants", intensity < H100.ridge("float32")),
            Condition.fact("and than this machine wants", intensity < balance),
        ],
        [Condition.at_least(named(found, "H100s to read and write"), 5 * 1.55e6)],
        [*printed(found), "One byte holds a weight, not the eight states of the article's own synapse."],
        _figure(here),
    )


def _figure(here: dict[str, float]) -> Any:
    figure, (ax,) = panels(width=4.5)
    x = np.logspace(-1, 2, 50)
    peak, bandwidth = here["GFLOP/s of multiply-adds (peak)"], here["GB/s of a triad from memory"]
    ax.loglog(x, np.minimum(peak, bandwidth * x), color="black", linewidth=0.8, label="this machine's roof")
    for colour, where in zip(SERIES, ("cache", "memory"), strict=False):
        ax.plot(here["FLOPs per byte"], here[f"GFLOP/s, state in {where}"], "o", color=colour, label=f"its synapse, state in {where}")
    label(ax, "FLOPs per byte", "GFLOP/s")
    legend(ax)
    return figure


CLAIM = Claim(
    id="F7",
    title="600 terabytes of memory",
    article="003, discussion below the article",
    says="Even at one byte per synapse there are 600 TB to hold, and memory may limit the speed rather than FLOPS.",
    source="Williams, Waterman & Patterson (2009) Commun. ACM 52(4):65 (roofline); NVIDIA (2022), H100 data sheet",
    traceable=True,
    tag="OK",
    criterion="600e12 synapses of a byte are 600 TB, and the synapse's FLOPs per byte are below the balance of an H100 and of this machine.",
    scope="Arithmetic; the article's synapse as a float32 kernel of eight states on this machine's cores.",
    run=run,
    seeds=0,
)
