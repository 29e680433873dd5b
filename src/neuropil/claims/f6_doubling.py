"""F6: FP64 doubles every 7.6 years, so that a brain has to wait until 2075 (or, in FP32, until 2040).

The article argues that an FP64 unit takes five times the area of an FP32 unit, so that its performance would grow at
a slower rate. A constant ratio of areas shifts the level of a trend and leaves its rate: 7.6 = 2.3 log₂ 10 is no doubling
time of anything. Recomputed with the same rate, and with the data sheets of four generations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.claims.article_cost import as_measured, named, printed
from neuropil.claims.claim import Claim, Condition, Findings, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.cost import article, machines


def run(trial: Trial) -> Findings:
    """The year of a hundredfold, by each doubling time."""
    found = article.f6()
    faulty, same = named(found, "a hundredfold with the faulty"), named(found, "a hundredfold at the article")
    slow, sheets = named(found, "a hundredfold in FP64 at 2.8"), named(found, "doubling of FP64 by data sheets")
    return Findings(
        as_measured(found),
        [Condition.within(sheets, 0.8 * 7.6, 1.2 * 7.6), Condition.at_least(slow, 2070)],
        [
            Condition.within(faulty, 2075, 2076),
            Condition.within(same, 2040, 2041),
            Condition.at_most(slow, 2045),
        ],
        [*printed(found), "After 2022 data sheets of FP64 (vector) are flat or fall: a trend of four points is no law."],
        _figure(),
    )


def _figure() -> Any:
    figure, (left, right) = panels(2)
    sheets = machines.GENERATIONS
    left.semilogy([m.year for m in sheets], [m.fp64 for m in sheets], "o", color=SERIES[0], label="FP64, data sheets")
    left.semilogy([m.year for m in sheets], [m.fp32 for m in sheets], "s", color=SERIES[1], label="FP32, data sheets")
    label(left, "year", "FLOP/s", "P100, V100, A100, H100")
    legend(left)
    years = np.arange(machines.ARTICLE_YEAR, 2081)
    for colour, doubling in zip(SERIES, (2.3, 2.8, machines.FP64_DOUBLING_ARTICLE), strict=False):
        right.semilogy(years, 2.0 ** ((years - years[0]) / doubling), color=colour, label=f"doubling in {doubling:.1f} years")
    right.axhline(article.ORDERS_TO_GROW, color="black", linewidth=0.8, linestyle="--")
    right.set_ylim(1, 1e4)
    label(right, "year", "times the H100", "A hundredfold")
    legend(right)
    return figure


CLAIM = Claim(
    id="F6",
    title="Doubling every 7.6 years: the year 2075",
    article="003, the full estimate",
    says="FP64 takes five times the area of FP32 and so doubles in 7.6 years, not 2.3: a hundredfold by 2075, or by 2040 in FP32.",
    source="Hobbhahn, Heim & Aydos (2023), Epoch: FP32 doubles in 2.3 years (reported); NVIDIA data sheets, P100 (2016) to H100 (2022)",
    traceable=True,
    tag="GARB",
    criterion="FP64 by data sheets doubles in 7.6 years within a fifth, and a hundredfold takes until 2070 at the slower of 2.3 and 2.8 years.",
    scope="Arithmetic and a fit to four data sheets.",
    run=run,
    wrong="A constant ratio of areas shifts the level of a trend, not its rate; the step to 7.6 multiplies by log₂ 10.",
    seeds=0,
)
