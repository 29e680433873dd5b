"""F3: a human brain in 53 exaFLOPS.

The article's product is computed again from its own inputs, and compared with random assumptions over stated ranges
(`neuropil.cost`): step, compartments, operations, rates, sizes; half of the draws touch every synapse at each step, half by
spikes only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.claims.article_cost import as_measured, named, printed
from neuropil.claims.claim import Claim, Condition, Findings, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.cost import article

ARTICLE = 5.3e19


def run(trial: Trial) -> Findings:
    """Recompute, draw, and find the estimate's percentile among the draws.

    Returns:
        The measurements, the conditions of the verdict and the figure.
    """
    found = article.f3()
    percentile, event = named(found, "percentile of 53"), named(found, "percentile among the event")
    total, by_events = named(found, "together"), named(found, "synapses at 85 FLOPs per event")
    return Findings(
        as_measured(found),
        [Condition.within(total, 0.99 * ARTICLE, 1.01 * ARTICLE), Condition.within(percentile, 5, 95)],
        [
            Condition.fact("its 20,000 FLOPs for a neuron stand within a seventh of the top of its own range, 2,360 to 23,100", 20_000 > 23_100 * 6 / 7),
            Condition.at_most(by_events, ARTICLE / 1000),
            Condition.at_least(event, 99),
            Condition.fact("it exceeds Carlsmith's likely range, 10¹³ to 10¹⁷", article.CARLSMITH[1] < ARTICLE),
        ],
        [*printed(found), "That half of the draws are clock-driven is a choice: the percentile is given for each half too."],
        _figure(),
    )


def _figure() -> Any:
    figure, (ax,) = panels(width=5.5)
    bins = np.linspace(14, 21, 71)
    for driven, colour, name in ((True, SERIES[0], "event-driven"), (False, SERIES[1], "clock-driven")):
        ax.hist(np.log10(article.f3_half(driven)), bins, color=colour, alpha=0.6, label=name)
    ax.axvline(np.log10(ARTICLE), color="black", linewidth=0.8, linestyle="--", label="article 003")
    label(ax, "log₁₀ FLOP/s", "draws", "A human brain in real time")
    legend(ax)
    return figure


CLAIM = Claim(
    id="F3",
    title="A brain takes 53 exaFLOPS",
    article="003, the full estimate",
    says="100 billion neurons of 20,000 and 600 trillion synapses of 85 operations, 1,000 times a second: 53 exaFLOPS.",
    source="Azevedo et al. (2009) J. Comp. Neurol. 513:532; Carlsmith (2020), as listed in CLAIMS",
    traceable=True,
    tag="PART",
    criterion="Its product is right within 1 %, and lies in the middle 90 % of what the stated ranges allow.",
    scope="Arithmetic and a Monte Carlo of 20,000 draws, triangular in the logarithm; operations counted from kernels that run.",
    run=run,
    wrong="Synapses are counted twice (in the neuron and by themselves), and every millisecond instead of at their events.",
    seeds=0,
)
