"""D6: backpropagation through time and local Hebbian learning together.

The task (`hybrid_recall`) binds values to cues within trials of 100 ms. Arms, of one network:

    BPTT        slow weights by gradient descent; no plasticity within a trial
    Hebb        fast weights by their rule, as described; slow weights as drawn
    Hebb, rule  the same with the rule's rate and windows by gradient descent, slow weights as drawn
    both        slow weights, rate and windows by gradients that pass through the fast weights
    off         the network of `both` with the rule's rate at zero

Then the network of `both` runs in the engine with plasticity on, in one stream in which the values of the cues change every few trials.

Miconi, Stanley & Clune (2018) ICML, differentiable plasticity; Bellec et al. (2020) Nat. Commun. 11:3625; Wu et al. (2022) Nat. Commun. 13:65.
Sizes were found on seed 1; the claim's own seeds begin at 11.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, panels
from neuropil.claims.hybrid_recall import VALUES, Arm, cues, stream, trials
from neuropil.claims.statistics import paired_ratio

ITERATIONS, TESTED, BLOCKS, LENGTH = 300, 500, 20, 4
MOST_RATIO = 0.9
ARMS = ("BPTT", "Hebb", "Hebb, rule", "both", "off")
RULE = frozenset({"fast.eta_fast", "fast.tau_fast", "fast.tau"})


@cache
def _arm(learns: bool) -> Arm:
    return Arm(learns)


def measure(seed: int, iterations: int, tested: int, blocks: int) -> dict[str, Any]:
    """Errors of every arm on new trials, and in the stream by the trial within a block.

    Args:
        seed: of cues, weights and trials.
        iterations: of training.
        tested: samples of two trials.
        blocks: of the stream.
    """
    patterns = cues(np.random.default_rng([seed, 5]))
    test = trials(np.random.default_rng([seed, 8]), patterns, tested)
    hybrid, static = _arm(True), _arm(False)
    free = hybrid.train(seed, patterns, iterations)
    errors = {
        "BPTT": static.mistakes(static.train(seed, patterns, iterations), *test), "Hebb": hybrid.mistakes(hybrid.start(seed), *test),
        "Hebb, rule": hybrid.mistakes(hybrid.train(seed, patterns, iterations, RULE), *test), "both": hybrid.mistakes(free, *test),
        "off": hybrid.mistakes(free, *test, fixed={"eta_fast": 0.0}),
    }  # fmt: skip
    for name, frozen in (("adapting", False), ("frozen", True)):
        made = stream(hybrid.free.network(free), np.random.default_rng([seed, 9]), patterns, blocks, LENGTH, frozen)
        errors[name] = made[1:].mean(axis=0)
    return errors


def run(trial: Trial) -> Findings:
    """The findings of every arm, trained and tested, and of the hybrid network as it runs on in the engine."""
    sizes = trial.size(ITERATIONS, 4), trial.size(TESTED, 50), trial.size(BLOCKS, 3)
    found = trial.each_seed(lambda seed: measure(seed, *sizes))
    error = {arm: Measured.over_seeds(f"error, {arm}", found[arm], control=arm in ("off", "Hebb, rule")) for arm in ARMS}
    ratio = {arm: Measured.estimate(f"error of both over that of {arm}", paired_ratio(found["both"], found[arm])) for arm in ("BPTT", "Hebb")}
    adapting = Measured.over_seeds("error in the engine after changes of the task", found["adapting"].mean(axis=1))
    first = Measured.over_seeds("the same in the first trial after a change", found["adapting"][:, 0])
    frozen = Measured.over_seeds("the same with plasticity off after the first block", found["frozen"].mean(axis=1), control=True)
    ruled = Measured.estimate("error of both over that of Hebb with a trained rule", paired_ratio(found["both"], found["Hebb, rule"]), control=True)
    return Findings(
        [*error.values(), *ratio.values(), ruled, adapting, first, frozen],
        [*(Condition.at_most(r, MOST_RATIO) for r in ratio.values()), Condition.at_most(adapting, MOST_RATIO * frozen.value)],
        [],
        [
            f"Chance is {1 - 1 / VALUES:.3g}. A network without plasticity within the trial could hold a binding in its activity alone; this one, trained as long, does not find how.",
            "That fast weights help follows from the task: what is bound is new in every trial. That gradients through them help is measured.",
            "The stream goes on without a reset: fast weights of earlier trials are still there when the values change.",
        ],
        _figure(found),
    )


def _figure(found: dict[str, Any]) -> Any:
    figure, (left, right) = panels(2, width=4.0)
    for k, arm in enumerate(ARMS):
        left.bar(k, found[arm].mean(), color=SERIES[k % len(SERIES)])
        left.plot(np.full(len(found[arm]), k), found[arm], ".", color="black", markersize=4)
    left.set_xticks(range(len(ARMS)), ARMS, fontsize=7)
    left.axhline(1 - 1 / VALUES, color="black", linewidth=0.6, linestyle="--")
    label(left, "", "error", "New bindings")
    for name, colour in (("adapting", SERIES[0]), ("frozen", SERIES[1])):
        right.plot(np.arange(1, LENGTH + 1), found[name].mean(axis=0), "o-", color=colour, label=name)
    right.set_ylim(0, 1)
    label(right, "trial after a change", "error", "In the engine")
    right.legend(frameon=False, fontsize=7)
    return figure


CLAIM = Claim(
    id="D6",
    title="Backpropagation through time together with Hebbian learning",
    article="001",
    says="Hybrid learning combines backpropagation through time with local Hebbian updates (\"Stanford's Neurogrid\", on Loihi 2, 5 ms, less than 0.5 W).",
    source="Miconi, Stanley & Clune (2018) ICML; Wu et al. (2022) Nat. Commun. 13:65",
    traceable=False,
    tag="UNS",
    criterion="On values bound to cues within a trial, the error of the hybrid is at most 0.9 of that of gradients alone and of that of the rule alone; in the "
    "engine, with plasticity on, its error after changes of the task is at most 0.9 of that with plasticity off.",
    scope="42 neurons, trials of 100 ms; no hardware, latency or power.",
    run=run,
    first=11,
    wrong="Neurogrid is a chip of its own; it does not run on Loihi 2, and no source gives 5 ms and 0.5 W. Hybrid learning was shown on Tianjic (Wu 2022).",
)
