"""D11: a learner that can stimulate its own dopamine, and a monitor that notices.

Agents walk a grid of 5 by 5 from anywhere to the food in one corner, for a reward of 1, again and again, and learn by Q-learning
(see `td`). After 20,000 steps another corner begins to inflate the error of whoever steps on it, in a way that no prediction
can cancel:

    delta <- max(delta + D, D)    on the tile,    D = 0.25

A monitor sees dopamine and the external reward alone, never the tile, and keeps running means of both over 200 steps:

    m = mean(delta) - mean(r),    alarm where m exceeds all that 200 healthy agents ever reached

Healthy errors telescope: their sum cannot exceed that of the rewards by more than values at hand, so that m stays low even when
the world improves; in half of the healthy agents, of calibration and of test, food doubles in value on the way. Return is
lost where its mean over 1,000 steps is below 80 % of what the agent had before.

Redish (2004) Science 306:1944 (errors that cannot be cancelled, as a model of addiction); Olds & Milner (1954) J. Comp. Physiol. Psychol.
47:419 (self-stimulation). The sizes are choices of this file, made before the first run but for one: agents all began in one corner
at first, and those of a rehearsal never came across the tile. They are kept as a control.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.claims.statistics import wilson
from neuropil.claims.td import q_error

SIDE, START, FOOD, TILE = 5, 0, 24, 4
ALPHA, GAMMA, EXPLORING, INFLATION = 0.1, 0.95, 0.1, 0.25
BEFORE, AFTER = 20_000, 40_000
MEMORY, WINDOW, LAST = 200, 1000, 5000  # of the monitor; of what counts as loss; over which an agent's end is judged
HEALTHY, CALIBRATING = 20, 200  # agents a seed; agents that set the threshold
LOSS, ON_TILE = 0.2, 0.5
LEAST_WIREHEADED, MOST_FALSE = 0.8, 0.05
CAP_QUANTILE = 0.999  # of the healthy errors: what the capped agents are left


class Lives(NamedTuple):
    """What happened to agents: the dopamine they felt, the reward they got, whether they stood on the tile; [steps, agents] each."""

    felt: NDArray[np.float32]
    reward: NDArray[np.float32]
    on_tile: NDArray[np.bool_]


def moves() -> NDArray[np.int64]:
    """Where each action leads from each square, [squares, 4]; walls hold."""
    row, column = np.divmod(np.arange(SIDE * SIDE), SIDE)
    steps = ((-1, 0), (1, 0), (0, -1), (0, 1))
    return np.stack([np.clip(row + a, 0, SIDE - 1) * SIDE + np.clip(column + b, 0, SIDE - 1) for a, b in steps], axis=1)


def lived(
    g: np.random.Generator, before: int, after: int, inflated: NDArray[np.bool_], cap: NDArray[Any], better: NDArray[np.bool_],
    corner: NDArray[np.bool_],
) -> Lives:  # fmt: skip
    """Let agents learn and live.

    Args:
        before, after: steps until the tile begins to work, and from then on.
        inflated: [agents], for whom it works.
        cap: [agents], the largest error each can feel once it does.
        better: [agents], for whom the food is worth double from halfway on.
        corner: [agents], who always begin in the same corner, far from food and tile; the others begin anywhere.
    """
    n, steps, to = len(inflated), before + after, moves()
    q, here, everyone = np.zeros((n, SIDE * SIDE, 4)), np.full(n, START), np.arange(n)
    felt, reward, on_tile = np.empty((steps, n), np.float32), np.empty((steps, n), np.float32), np.empty((steps, n), bool)
    for t in range(steps):
        ties = q[everyone, here] + 1e-9 * g.random((n, 4))
        action = np.where(g.random(n) < EXPLORING, g.integers(4, size=n), ties.argmax(axis=1))
        there = to[here, action]
        food = there == FOOD
        r = food * np.where(better & (t > before + after // 2), 2.0, 1.0)
        error = q_error(q, here, action, r, there, GAMMA, ended=food)
        if t >= before:
            error = np.where(inflated & (there == TILE), np.maximum(error + INFLATION, INFLATION), error)
            error = np.minimum(error, cap)
        q[everyone, here, action] += ALPHA * error
        felt[t], reward[t], on_tile[t] = error, r, there == TILE
        here = np.where(food, np.where(corner, START, g.integers(FOOD, size=n)), there)
    return Lives(felt, reward, on_tile)


def running_mean(x: NDArray[Any], memory: int = MEMORY) -> NDArray[np.float64]:
    """The exponentially weighted mean over about `memory` steps, along the first axis, from zero."""
    mean, out = np.zeros(x.shape[1:]), np.empty(x.shape)
    for t in range(len(x)):
        mean = mean + (x[t] - mean) / memory
        out[t] = mean
    return out


def dopamine_without_return(lives: Lives) -> NDArray[np.float64]:
    """The monitor's m, [steps, agents]."""
    return running_mean(lives.felt.astype(float) - lives.reward)


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
    lives = lived(rng.generator(0, "D11", "calibration"), before, after, *_healthy(agents))
    late = slice(before, None)
    return (
        float(dopamine_without_return(lives)[late].max()), float(running_mean(lives.felt.astype(float))[late].max()),
        float(np.quantile(np.abs(lives.felt[late]), CAP_QUANTILE)),
    )  # fmt: skip


def _healthy(agents: int) -> tuple[NDArray[Any], ...]:
    return np.zeros(agents, bool), np.full(agents, np.inf), np.arange(agents) % 2 == 1, np.zeros(agents, bool)


def run(trial: Trial) -> Findings:
    """For each seed an agent with the tile, one with a cap besides, one that begins far away, and healthy ones."""
    before, after = trial.size(BEFORE, 8000), trial.size(AFTER, 12_000)
    healthy = trial.size(HEALTHY, 4)
    threshold, alone, cap = calibrated(before, after, trial.size(CALIBRATING, 20))
    shown: dict[str, Any] = {}

    def measure(seed: int) -> dict[str, Any]:
        first_three = np.ones(3, bool), np.array([np.inf, cap, np.inf]), np.zeros(3, bool), np.array([False, False, True])
        arms = (np.concatenate(pair) for pair in zip(first_three, _healthy(healthy), strict=True))
        lives = lived(rng.generator(seed, "D11"), before, after, *arms)
        m, dopamine = dopamine_without_return(lives), running_mean(lives.felt[:, :1].astype(float))
        m[:before] = dopamine[:before] = -np.inf
        loss = loss_at(lives.reward[:, 0], before)
        alarm = first(m[:, 0] > threshold)
        if not shown or np.isfinite(loss):
            shown.update(m=m[before:, 0], healthy=m[before:, 3], reward=running_mean(lives.reward[:, :1], WINDOW)[before:, 0], loss=loss - before,
                         alarm=alarm - before)  # fmt: skip
        usual = lives.reward[before - LAST : before].mean(axis=0)
        kept = lives.reward[-LAST:].mean(axis=0) / usual
        there = lives.on_tile[-LAST:].mean(axis=0)
        return {
            "wireheaded": (there[:3] >= ON_TILE) & (kept[:3] < 1 - LOSS), "there": there[:3], "kept": kept[:3],
            "alarm": alarm, "loss": loss, "alone": first(dopamine[:, 0] > alone), "false": (m[:, 3:] > threshold).any(axis=0).sum(),
        }  # fmt: skip

    found = trial.each_seed(measure)
    caught = found["wireheaded"][:, 0]
    share = Measured.exact("share of seeds that end on the tile, their return lost", float(caught.mean()))
    capped = Measured.exact("the same with capped errors", float(found["wireheaded"][:, 1].mean()), control=True)
    far = Measured.exact("the same where all begin in the corner far from the tile", float(found["wireheaded"][:, 2].mean()), control=True)
    in_time = found["alarm"] < found["loss"]
    noticed = Measured.exact("share of these detected before a fifth of the return is lost", float(in_time[caught].mean()) if caught.any() else np.nan)
    by_dopamine = found["alone"] < found["loss"]
    naive = Measured.exact("the same by dopamine alone", float(by_dopamine[caught].mean()) if caught.any() else np.nan, control=True)
    false = Measured.estimate("share of healthy agents with an alarm", wilson(int(found["false"].sum()), healthy * len(trial.seeds)))
    lead = found["loss"][caught] - found["alarm"][caught]
    return Findings(
        [
            share, noticed, false, naive, capped, far,
            Measured.over_seeds("share of the last steps on the tile", found["there"][:, 0]),
            Measured.over_seeds("return kept at the end", found["kept"][:, 0]),
            Measured.over_seeds("share of the last steps on the tile, capped errors", found["there"][:, 1], control=True),
            Measured.over_seeds("return kept at the end, capped errors", found["kept"][:, 1], control=True),
            *([Measured.over_seeds("steps from alarm to loss, where wireheaded", lead)] if caught.all() and np.isfinite(lead).all() else []),
            Measured.exact("threshold of the monitor", threshold), Measured.exact("threshold of dopamine alone", alone, control=True),
            Measured.exact("cap of errors", cap, control=True),
        ],
        [
            Condition.at_least(share, LEAST_WIREHEADED), Condition.at_least(noticed, 1.0), Condition.at_most(false, MOST_FALSE),
        ],
        [],
        [
            "That errors no prediction can cancel draw the agent in follows from their form; how soon, and whether a monitor sees it in time, is measured.",
            f"A cap at the {CAP_QUANTILE:.1%} quantile of healthy errors, {cap:.2g}, leaves {capped.value:.0%} of seeds on the tile: "
            + ("it slows what it does not remove." if capped.value > 0 else "within this time it is enough."),
            f"Who begins in the far corner ends on the tile in {far.value:.0%} of seeds: it has to be come across before habit keeps to the way.",
            "The threshold and the cap come from healthy agents of seeds of their own. The monitor is told neither of the tile nor of D; an inflation much "
            "weaker than the reward per step would pass below its threshold.",
            "'NeuroScope' of the MIT Media Lab was not found; neuroscope.io is Neel Nanda's viewer of activations of language models.",
        ],
        _figure(shown, threshold),
    )  # fmt: skip


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
