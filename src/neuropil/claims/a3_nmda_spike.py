"""A3: NMDA spikes as an AND gate: synapses active together on one branch have more effect than the same synapses spread over branches.

A neuron of ten branches (`claims/dendrite.py`) receives n synapses within 5 ms, for n = 1, 2, …, all on one branch or distributed
evenly over the ten. The same synapses, with the same strengths and times, are placed both ways and under all controls:

    Hill coefficient   h of R(n) = R_max n^h / (K^h + n^h), fitted to the peak depolarisation of the clustered branch
    advantage          the largest ratio over n of the somatic peak, clustered / spread

The coefficient of the somatic response, and both under other NMDA conductances, are measured too and are not part of the criterion.

Jahr & Stevens (1990) J. Neurosci. 10:3178; Schiller, Major, Koester & Schiller (2000) Nature 404:285.

Args:
    seed: of the random numbers.
    n: numbers of synapses; response: the peak for each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from neuropil import rng
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.dendrite import NMDA_NS, Synapses, responses
from neuropil.claims.drawing import SERIES, label, legend, panels

BRANCHES, MOST = 10, 40
LEAST_HILL, LEAST_ADVANTAGE = 2.0, 1.2
SOFT_HILL = 4.0  # below it the response is not a step: from 10 to 90 % the input grows threefold or more
WHOLE = "NMDA with block"
ARMS: dict[str, dict[str, float]] = {
    WHOLE: {"mg": 1.0, "nmda": NMDA_NS},
    "no magnesium": {"mg": 0.0, "nmda": NMDA_NS},
    "AMPA only": {"mg": 1.0, "nmda": 0.0},
}
OTHERS = {f"{factor:g} times the NMDA conductance": {"mg": 1.0, "nmda": factor * NMDA_NS} for factor in (0.5, 2.0, 4.0)}


def placed(most: int, seed: int) -> Synapses:
    """Cells n = 1 … most with the first n synapses on branch 0, then as many with them distributed over the branches."""
    drawn = Synapses.drawn(np.array([[most]]), rng.generator(seed, "A3"))
    numbers = np.repeat(np.arange(most), np.arange(1, most + 1))
    which = np.concatenate([np.arange(n) for n in range(1, most + 1)])
    return Synapses(
        np.concatenate([numbers, most + numbers]),
        np.concatenate([np.zeros_like(which), which % BRANCHES]),
        np.tile(drawn.strength[which], 2),
        np.tile(drawn.arrival[which], 2),
    )


def hill_coefficient(n: NDArray[Any], response: NDArray[Any]) -> float:
    """h of the Hill curve that fits best, between 0.1 and 20."""

    def curve(n: Any, top: float, half: float, h: float) -> Any:
        return top / (1 + (half / n) ** h)

    start = (response.max(), np.interp(response.max() / 2, response, n), 1.5)
    bounds = ([0, 0.1, 0.1], [10 * response.max(), 10 * n.max(), 20])
    return float(curve_fit(curve, n, response, p0=start, bounds=bounds)[0][2])


def run(trial: Trial) -> Findings:
    """Both placements under all arms."""
    most = trial.size(MOST, 20)
    n = np.arange(1, most + 1)

    def measure(seed: int) -> dict[str, Any]:
        synapses = placed(most, seed)
        found: dict[str, Any] = {}
        for arm, conductances in (ARMS | OTHERS).items():
            soma, branch = responses(synapses, 2 * most, BRANCHES, **conductances)
            clustered, spread = soma[:most], soma[most:]
            found |= {
                f"{arm}: hill": hill_coefficient(n, branch[:most, 0]),
                f"{arm}: soma": hill_coefficient(n, clustered),
                f"{arm}: advantage": (clustered / spread).max(),
                f"{arm}: clustered": clustered, f"{arm}: spread": spread, f"{arm}: branch": branch[:most, 0],
            }  # fmt: skip
        return found

    found = trial.each_seed(measure)

    def over(kind: str, name: str) -> dict[str, Measured]:
        return {a: Measured.over_seeds(f"{name}, {a}", found[f"{a}: {kind}"], control=a != WHOLE) for a in ARMS | OTHERS}

    hill, gain = over("hill", "Hill coefficient"), over("advantage", "clustered / spread at the soma")
    soma = over("soma", "Hill coefficient of the soma")
    return Findings(
        [*hill.values(), *gain.values(), *soma.values()],
        [
            Condition.at_least(hill[WHOLE], LEAST_HILL),
            Condition.at_least(gain[WHOLE], LEAST_ADVANTAGE),
            Condition.at_most(hill["no magnesium"], LEAST_HILL),
            Condition.at_most(gain["no magnesium"], LEAST_ADVANTAGE),
        ],
        [Condition.fact(f"not an AND gate but a soft threshold: Hill coefficient below {SOFT_HILL:g}", hill[WHOLE].high < SOFT_HILL)],
        [
            "The criterion uses the branch's peak depolarisation, in which the AMPA current adds a graded part. At the "
            f"soma, where that part is filtered out, the same input has a Hill coefficient of {soma[WHOLE]}.",
            "Steepness depends on the NMDA conductance; in the branch it rises with it, at the soma only until a few synapses fill the branch: "
            + "; ".join(f"{arm}, {hill[arm]} in the branch and {soma[arm]} at the soma" for arm in OTHERS) + ".",
            "The advantage ends where the branch is full: for many synapses the spread placement has the larger response (figure).",
        ],
        _figure(n, found),
    )  # fmt: skip


def _figure(n: NDArray[Any], found: dict[str, NDArray[Any]]) -> Any:
    figure, (left, right) = panels(2)
    for colour, arm in zip(SERIES, ARMS, strict=False):
        left.plot(n, found[f"{arm}: branch"].mean(axis=0), color=colour, label=arm)
        left.plot(n, found[f"{arm}: branch"].T, color=colour, alpha=0.25, linewidth=0.5)
        right.plot(n, found[f"{arm}: clustered"].mean(axis=0), color=colour, label=f"clustered, {arm}")
        right.plot(n, found[f"{arm}: spread"].mean(axis=0), color=colour, linestyle="--")
    label(left, "synapses on the branch", "peak in the branch (mV)", "One branch")
    label(right, "synapses", "peak at the soma (mV)", "Clustered (line), spread (dashes)")
    legend(left)
    right.set_yscale("log")
    return figure


CLAIM = Claim(
    id="A3",
    title="NMDA spikes as an AND gate over clustered synapses",
    article="000 §3",
    says="When synapses on the same branch activate together, NMDA receptors trigger a local spike that is amplified nonlinearly: "
    "effectively an AND gate; only if co-active inputs cluster on the same branch does the branch fire.",
    source="Jahr & Stevens (1990) J. Neurosci. 10:3178; Schiller et al. (2000) Nature 404:285",
    traceable=True,
    tag="OK",
    criterion="The clustered branch's Hill coefficient exceeds 2 and clustered input drives the soma at least 1.2 times as far as the "
    "same input spread; without magnesium neither is reached.",
    scope="Ten single-compartment branches around a passive soma; AMPA and NMDA synapses with random strengths and times.",
    run=run,
    wrong="It is a soft threshold rather than an AND.",
)
