"""F4: a week of simulating a brain takes more operations than training GPT-4.

The article's operations per second, times a week, against Epoch's estimate of the training (2.1e25).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.claims.article_cost import as_measured, named, printed
from neuropil.claims.claim import Claim, Condition, Findings, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.cost import article


def run(trial: Trial) -> Findings:
    """Multiply, and find the day of the crossing."""
    found = article.f4()
    return Findings(
        as_measured(found),
        [Condition.at_least(named(found, "FLOPs of one week"), article.GPT4_TRAINING), Condition.at_most(named(found, "as many"), 7)],
        notes=[*printed(found), "At a tenth of the article's rate, which F3 allows, the crossing is in the seventh week."],
        figure=_figure(),
    )


def _figure() -> Any:
    figure, (ax,) = panels(width=4.5)
    days = np.linspace(0, 10, 11)
    ax.plot(days, sum(article.article_flops()) * 86400 * days, color=SERIES[0], label="a brain, article 003")
    ax.axhline(article.GPT4_TRAINING, color=SERIES[1], label="training of GPT-4 (Epoch)")
    label(ax, "days", "FLOPs")
    legend(ax)
    return figure


CLAIM = Claim(
    id="F4",
    title="A week of it exceeds the training of GPT-4",
    article="003, the full estimate",
    says="Simulating the human connectome for one week takes more operations than the whole training of GPT-4.",
    source="Epoch AI (2023), training compute of GPT-4: 2.1e25 FLOP (an estimate; it is undisclosed)",
    traceable=True,
    tag="OK",
    criterion="A week at the article's rate exceeds 2.1e25 operations.",
    scope="Arithmetic, on the article's own rate (see F3 for what that is worth).",
    run=run,
    seeds=0,
)
