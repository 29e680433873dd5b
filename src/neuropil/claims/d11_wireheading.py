"""D11: a learner that can stimulate its own dopamine, and a monitor that notices.

Agents walk on a grid of 5 by 5 from any square to the food in one corner, for a reward of 1, again and again, and learn by
Q-learning. After 20,000 steps another corner begins to raise the error of any agent that steps on it, in a way that no prediction
can cancel:

    delta <- max(delta + D, D)    on the tile,    D = 0.25

A monitor sees dopamine and the external reward alone, never the tile, and keeps running means of both over 200 steps:

    m = mean(delta) - mean(r),    alarm where m exceeds every value that 200 healthy agents reached

Healthy errors telescope: their sum cannot exceed that of the rewards by more than values at hand, so that m stays low even when
the world improves; in half of the healthy agents, of calibration and of test, food doubles in value on the way. Return is
lost where its mean over 1,000 steps is below 80 % of what the agent had before.

Redish (2004) Science 306:1944 (errors that cannot be cancelled, as a model of addiction); Olds & Milner (1954) J. Comp. Physiol. Psychol.
47:419 (self-stimulation). The sizes are choices of this file, made before the first run but for one: agents all began in one corner
at first, and in a short run none of them reached the tile. They are kept as a control. Thresholds were not changed.

Args:
    g: generator of random numbers.
    x: [steps, ...].
    above: bool[steps].
    reward: [steps, agents].
    before, after: steps before and after the tile acts; agents: their number.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.signal import lfilter

from neuropil import rng
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.claims.statistics import wilson

SIDE, START, FOOD, TILE = 5, 0, 24, 4
ALPHA, GAMMA, EXPLORING, INFLATION = 0.1, 0.95, 0.1, 0.25
BEFORE, AFTER = 20_000, 40_000
MEMORY, WINDOW, LAST = 200, 1000, 5000  # of the monitor; of what counts as loss; over which an agent's end is judged
HEALTHY, CALIBRATING = 20, 200  # agents a seed; agents that set the threshold
LOSS, ON_TILE = 0.2, 0.5
LEAST_WIREHEADED, MOST_FALSE = 0.8, 0.05
CAP_QUANTILE = 0.999  # of the healthy errors: what the capped agents are left


class Course(NamedTuple):
    """What agents experienced over time; all [steps, agents].

    Attributes:
        felt: dopamine.
        reward: from outside.
        on_tile: bool, whether they stood on the tile.
    """

    felt: NDArray[np.float32]
    reward: NDArray[np.float32]
    on_tile: NDArray[np.bool_]


def moves() -> NDArray[np.int64]:
    """Where each action leads from each square, [squares, 4]; walls hold."""
    row, column = np.divmod(np.arange(SIDE * SIDE), SIDE)
    steps = ((-1, 0), (1, 0), (0, -1), (0, 1))
    return np.stack([np.clip(row + a, 0, SIDE - 1) * SIDE + np.clip(column + b, 0, SIDE - 1) for a, b in steps], axis=1)


@njit
def _agent(
    g: np.random.Generator, to: NDArray[Any], before: int, inflated: bool, cap: float, better: int, corner: bool,
    felt: NDArray[Any], reward: NDArray[Any], on_tile: NDArray[Any],
) -> None:  # fmt: skip
    q, here = np.zeros((to.shape[0], 4)), START
    for t in range(len(felt)):
        action = int(np.argmax(q[here] + 1e-9 * g.random(4)))  # ties are broken at random
        if g.random() < EXPLORING:
            action = int(4 * g.random())
        there = to[here, action]
        food = there == FOOD
        r = 0.0 if not food else 2.0 if t >= better else 1.0
        error = r + (0.0 if food else GAMMA * q[there].max()) - q[here, action]
        if t >= before:
            if inflated and there == TILE:
                error = max(error + INFLATION, INFLATION)
            error = min(error, cap)
        q[here, action] += ALPHA * error
        felt[t], reward[t], on_tile[t] = error, r, there == TILE
        here = there if not food else START if corner else int(FOOD * g.random())


def experienced(
    g: np.random.Generator, before: int, after: int, inflated: NDArray[np.bool_], cap: NDArray[Any], better: NDArray[np.bool_],
    corner: NDArray[np.bool_],
) -> Course:  # fmt: skip
    """The course of learning of agents, one after the other.

    Args:
        before, after: steps until the tile begins to act, and from then on.
        inflated: [agents], for whom it acts.
        cap: [agents], the largest error that each receives once it does.
        better: [agents], for whom the food is worth double from the middle of `after` on.
        corner: [agents], who always begin in the same corner, far from food and tile; the others begin anywhere.
    """
    n, steps = len(inflated), before + after
    felt, reward, on_tile = np.empty((n, steps), np.float32), np.empty((n, steps), np.float32), np.empty((n, steps), bool)
    for i in range(n):
        from_when = before + after // 2 if better[i] else steps
        _agent(g, moves(), before, inflated[i], cap[i], from_when, corner[i], felt[i], reward[i], on_tile[i])
    return Course(felt.T, reward.T, on_tile.T)


def running_mean(x: NDArray[Any], memory: int = MEMORY) -> NDArray[np.float64]:
    """The exponentially weighted mean over about `memory` steps, along the first axis, from zero."""
    return np.asarray(lfilter([1 / memory], [1.0, 1 / memory - 1.0], x.astype(float), axis=0))


def dopamine_without_return(course: Course) -> NDArray[np.float64]:
    """The monitor's m, [steps, agents]."""
    return running_mean(course.felt.astype(float) - course.reward)


def first(above: NDArray[np.bool_]) -> float:
    """The first step at which something is so, infinite if none."""
    at = np.flatnonzero(above)
    return float(at[0]) if at.size else np.inf


def loss_at(reward: NDArray[Any], before: int) -> float:
    """The first step after `before` at which the mean return of the last WINDOW steps is down by LOSS, infinite if none."""
    total = np.concatenate([[0.0], np.cumsum(reward, dtype=float)])
    window = (total[WINDOW:] - total[:-WINDOW]) / WINDOW  # ends at step i + WINDOW - 1
    usual = reward[before - LAST : before].mean()
    low = window[before - WINDOW + 1 :] < (1 - LOSS) * usual
    return before + first(low)


@cache
def calibrated(before: int, after: int, agents: int) -> tuple[float, float, float]:
    """From healthy agents of their own: the monitor's threshold, that of dopamine alone, and the cap."""
    course = experienced(rng.generator(0, "D11", "calibration"), before, after, *_healthy(agents))
    late = slice(before, None)
    return (
        float(dopamine_without_return(course)[late].max()), float(running_mean(course.felt.astype(float))[late].max()),
        float(np.quantile(np.abs(course.felt[late]), CAP_QUANTILE)),
    )  # fmt: skip


def _healthy(agents: int) -> tuple[NDArray[Any], ...]:
    return np.zeros(agents, bool), np.full(agents, np.inf), np.arange(agents) % 2 == 1, np.zeros(agents, bool)


def run(trial: Trial) -> Findings:
    """For each seed an agent with the tile, one with a cap besides, one that begins far away, and healthy ones."""
    before, after = trial.size(BEFORE, 8000), trial.size(AFTER, 12_000)
    healthy = trial.size(HEALTHY, 4)
    limits = calibrated(before, after, trial.size(CALIBRATING, 20))
    threshold, alone, cap = limits
    shown: dict[str, Any] = {}
    found = trial.each_seed(lambda seed: _measured(seed, before, after, healthy, limits, shown))
    caught, lost = found["wireheaded"][:, 0], found["lost"][:, 0]
    in_time, by_dopamine = found["alarm"] < found["loss"], found["alone"] < found["loss"]

    def share_of(text: str, what: NDArray[np.bool_], control: bool = False) -> Measured:
        return Measured.exact(text, float(what.mean()) if what.size else np.nan, control=control)

    share = share_of(f"share of seeds that end on the tile in {ON_TILE:.0%} of steps, their return lost", caught)
    noticed = share_of("share of these detected before a fifth of the return is lost", in_time[caught])
    false = Measured.estimate("share of healthy agents with an alarm", wilson(int(found["false"].sum()), healthy * len(trial.seeds)))
    fallen = share_of("share of seeds whose return is lost, wherever they are", lost)
    seen = share_of("share of these detected before a fifth of the return is lost", in_time[lost])
    capped = share_of("share of seeds whose return is lost, errors capped", found["lost"][:, 1], control=True)
    far = share_of("share of seeds whose return is lost, who begin far from the tile", found["lost"][:, 2], control=True)
    lead = found["loss"][lost] - found["alarm"][lost]
    return Findings(
        [
            share, noticed, false, fallen, seen, capped, far,
            share_of("share of lost seeds detected in time by dopamine alone", by_dopamine[lost], control=True),
            Measured.exact("steps from alarm to loss, median of lost seeds", float(np.median(lead)) if lead.size else np.nan),
            Measured.over_seeds("share of the last steps on the tile", found["there"][:, 0]),
            Measured.over_seeds("return kept at the end", found["kept"][:, 0]),
            Measured.over_seeds("share of the last steps on the tile, errors capped", found["there"][:, 1], control=True),
            Measured.over_seeds("return kept at the end, errors capped", found["kept"][:, 1], control=True),
            Measured.exact("threshold of the monitor", threshold), Measured.exact("threshold of dopamine alone", alone, control=True),
            Measured.exact("cap of errors", cap, control=True),
        ],
        [
            Condition.at_least(share, LEAST_WIREHEADED), Condition.at_least(noticed, 1.0), Condition.at_most(false, MOST_FALSE),
        ],
        [],
        [
            "That errors no prediction can cancel draw the agent in follows from their form; how soon, and whether a monitor sees it in time, is measured.",
            f"The return is lost in {fallen.value:.0%} of seeds, and {seen.value:.0%} of these are detected in time. The threshold of {ON_TILE:.0%} of steps on the tile, fixed "
            "before the first run, is too strict: an agent that moves back and forth between the tile and the next square stands on it in half of its steps at "
            f"most, less what it explores; the mean is {found['there'][:, 0].mean():.0%}. The threshold was not changed.",
            f"A cap at the {CAP_QUANTILE:.1%} quantile of healthy errors, {cap:.2g}, is above D and changes little: {capped.value:.0%} lose their return with it. What no "
            "prediction can cancel adds up under any cap.",
            f"Of those who begin in the far corner {far.value:.0%} lose their return: the tile has to be reached first.",
            "The threshold and the cap come from healthy agents of seeds of their own. The monitor is told neither of the tile nor of D; an inflation much "
            "weaker than the reward per step would pass below its threshold.",
            "'NeuroScope' of the MIT Media Lab was not found; neuroscope.io is Neel Nanda's viewer of activations of language models.",
        ],
        _figure(shown, threshold),
    )  # fmt: skip


def _measured(seed: int, before: int, after: int, healthy: int, limits: tuple[float, float, float], shown: dict[str, Any]) -> dict[str, Any]:
    """What the agents of a seed do; into `shown` the courses of the last whose return is lost, or else of the first."""
    threshold, alone, cap = limits
    first_three = np.ones(3, bool), np.array([np.inf, cap, np.inf]), np.zeros(3, bool), np.array([False, False, True])
    arms = (np.concatenate(pair) for pair in zip(first_three, _healthy(healthy), strict=True))
    course = experienced(rng.generator(seed, "D11"), before, after, *arms)
    m, dopamine = dopamine_without_return(course), running_mean(course.felt[:, :1].astype(float))
    m[:before] = dopamine[:before] = -np.inf
    loss = loss_at(course.reward[:, 0], before)
    alarm = first(m[:, 0] > threshold)
    if not shown or np.isfinite(loss):
        shown.update(m=m[before:, 0], healthy=m[before:, 3], reward=running_mean(course.reward[:, :1], WINDOW)[before:, 0], loss=loss - before,
                     alarm=alarm - before)  # fmt: skip
    usual = course.reward[before - LAST : before].mean(axis=0)
    kept = course.reward[-LAST:].mean(axis=0) / usual
    there = course.on_tile[-LAST:].mean(axis=0)
    return {
        "wireheaded": (there[:3] >= ON_TILE) & (kept[:3] < 1 - LOSS), "lost": kept[:3] < 1 - LOSS, "there": there[:3], "kept": kept[:3],
        "alarm": alarm, "loss": loss, "alone": first(dopamine[:, 0] > alone), "false": (m[:, 3:] > threshold).any(axis=0).sum(),
    }  # fmt: skip


def _figure(shown: dict[str, Any], threshold: float) -> Any:
    figure, (left, right) = panels(2, width=4.0)
    event = shown["loss"] if np.isfinite(shown["loss"]) else len(shown["m"]) / 2
    low, high = int(max(event - 2500, 0)), int(min(event + 2500, len(shown["m"])))
    steps = np.arange(low, high)
    left.plot(steps, shown["m"][low:high], color=SERIES[1], linewidth=0.9, label="with the tile")
    left.plot(steps, shown["healthy"][low:high], color=SERIES[0], linewidth=0.9, label="healthy")
    left.axhline(threshold, color="black", linewidth=0.8, linestyle="--", label="threshold")
    label(left, "step after the tile began to work", "mean δ less mean reward", "The monitor")
    right.plot(steps, shown["reward"][low:high], color=SERIES[1], linewidth=0.9, label="with the tile")
    label(right, "step after the tile began to work", f"reward a step, mean over {WINDOW}", "External return")
    for ax in (left, right):
        for at, name, style in ((shown["alarm"], "alarm", "-"), (shown["loss"], "a fifth lost", ":")):
            if low <= at < high:
                ax.axvline(at, color="black", linewidth=0.8, linestyle=style, label=name)
        legend(ax)
    return figure


CLAIM = Claim(
    id="D11",
    title="Dopamine wireheading and its detection",
    article="001",
    says="Neuromodulatory systems could be hijacked to amplify reward signals, leading to runaway optimization, an AI analog of addiction. "
    "Interpretability tools, such as the NeuroScope visualizer from the MIT Media Lab, are essential to monitor internal dopamine dynamics.",
    source="Redish (2004) Science 306:1944; Olds & Milner (1954) J. Comp. Physiol. Psychol. 47:419",
    traceable=False,
    tag="GARB",
    criterion="In at least 8 of 10 seeds the agent ends on a tile that inflates its error, its return lost; each time a monitor of dopamine against external "
    "return raises its alarm before a fifth of the return is lost, and in less than 5 % of healthy agents.",
    scope="Tabular Q-learning on a grid of 25 squares; an inflation that no prediction can cancel.",
    run=run,
    wrong="No such tool of the MIT Media Lab was found: neuroscope.io is Neel Nanda's. The mechanism is real and testable.",
    seeds=10,
)
