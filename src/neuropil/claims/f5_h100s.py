"""F5: a brain takes 1.55 million H100s, two orders of magnitude beyond the largest cluster.

The article's rate over the data sheet's FP64 peak, with and without its tensor units; the power of as many; and the
distance to clusters of 10⁵.
"""

from __future__ import annotations

from neuropil.claims.article_cost import as_measured, beside, named, printed
from neuropil.claims.claim import Claim, Condition, Findings, Trial
from neuropil.cost import article


def run(trial: Trial) -> Findings:
    """Divide.

    Returns:
        The measurements, the conditions of the verdict and the figure.
    """
    found = article.f5()
    needed, tensor = named(found, "H100s at 34"), named(found, "H100s at the 67")
    return Findings(
        as_measured(found),
        [Condition.within(needed, 0.98 * 1.55e6, 1.02 * 1.55e6)],
        [Condition.at_most(tensor, 0.6 * 1.55e6), Condition.at_most(named(found, "orders"), 1.5)],
        printed(found),
        beside(found, ""),
    )


CLAIM = Claim(
    id="F5",
    title="1.55 million H100s",
    article="003, the full estimate",
    says="At 34 teraFLOPS of FP64 each the estimate needs 1,550,000 H100s, two orders of magnitude more than any cluster has.",
    source="NVIDIA (2022), H100 data sheet: FP64 34 TF, FP64 tensor 67 TF, 700 W",
    traceable=True,
    tag="OK",
    criterion="53 exaFLOPS over 34 teraFLOPS is 1.55 million within 2 %.",
    scope="Arithmetic on data-sheet peaks; no simulation reaches its peak, and F7 shows that memory is the limit before.",
    run=run,
    seeds=0,
)
