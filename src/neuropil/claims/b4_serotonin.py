"""B4: serotonin sets patience, the discount of the future.

An agent chooses again and again between a small reward soon, r_s after d steps, and a large one late, r_l after d + D steps, and waits for
it through states of its own. Q-learning, Q(s, a) += alpha (r + gamma max Q(s') - Q(s, a)), with discount gamma, here the level of
serotonin, values them at
gamma^(d-1) r_s and gamma^(d+D-1) r_l, and so changes its choice at

    gamma* = (r_s / r_l)^(1 / D)

Agents with gammas around gamma* learn side by side, choosing at random in a tenth of the trials, from rewards with noise. Of
each the share of large choices among the last trials counts; the empirical switch is where that share, in order of gamma,
is split best into small and large choosers.

Doya (2002) Neural Networks 15:495; Schweighofer et al. (2008) J. Neurosci. 28:4528; Miyazaki, Miyazaki & Doya (2014) Curr. Biol.
24:2033. Rewards, delays and rates are choices of this file.

Args:
    small, large: the rewards.
    delay: steps by which the large one is later.
    trials: their number.
    g: generator of random numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neuropil import rng
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels

CASES = ((1.0, 2.0, 5), (1.0, 4.0, 5), (1.0, 2.0, 10))  # small reward, large reward, extra delay D in steps
SOON = 2  # steps to the small reward
ALPHA, EXPLORING, NOISE = 0.1, 0.1, 0.2
TRIALS, THIRD, COUNTED = 8000, 4000, 500  # a choice explored in one trial of twenty must still carry its value down a chain of waits
AROUND, EACH = 0.10, 0.0025  # gammas tried, about gamma*
TOLERANCE = 0.02
SMALL, LARGE = 0, 1


def switch_point(small: float, large: float, delay: int) -> float:
    """gamma*, at which the two rewards are worth the same."""
    return float((small / large) ** (1 / delay))


@njit
def _choose(
    g: np.random.Generator, gamma: NDArray[Any], rewards: NDArray[Any], steps: NDArray[Any], chosen: NDArray[Any]
) -> None:
    q = np.zeros((2, steps.max()))  # of each way, from the choice on: one can only wait
    for t in range(len(gamma)):
        better = q[LARGE, 0] - q[SMALL, 0]
        which = int(better > 0) if better != 0 else int(g.random() < 0.5)
        if g.random() < EXPLORING:
            which = int(g.random() < 0.5)
        chosen[t] = which == LARGE
        last = steps[which] - 1
        for k in range(last):
            q[which, k] += ALPHA * (gamma[t] * q[which, k + 1] - q[which, k])
        q[which, last] += ALPHA * (rewards[which] + NOISE * g.standard_normal() - q[which, last])


def choices(
    gamma: NDArray[Any], small: float, large: float, delay: int, trials: int, g: np.random.Generator
) -> NDArray[np.bool_]:
    """Which agents chose the large reward, [trials, agents].

    Args:
        gamma: [agents], or [trials, agents] where it changes as they learn.
        delay: steps that the large reward comes later.
    """
    gammas = np.broadcast_to(gamma, (trials, np.shape(gamma)[-1]))
    chosen = np.empty(gammas.shape, bool)
    rewards, steps = np.array([small, large]), np.array([SOON, SOON + delay])
    for i in range(gammas.shape[1]):
        _choose(g, np.ascontiguousarray(gammas[:, i]), rewards, steps, chosen[:, i])
    return chosen


def split(gamma: NDArray[Any], large: NDArray[Any]) -> float:
    """The gamma that best separates small choosers, below, from large ones, above; halfway between the two neighbours.

    Args:
        gamma: [agents], rising.
        large: [agents], the share of large choices.
    """
    prefers = large > 0.5
    wrong = np.array([prefers[:k].sum() + (~prefers[k:]).sum() for k in range(len(gamma) + 1)])
    best = np.flatnonzero(wrong == wrong.min())
    edges = np.concatenate([[gamma[0]], 0.5 * (gamma[1:] + gamma[:-1]), [gamma[-1]]])
    return float(edges[best].mean())


def run(trial: Trial) -> Findings:
    """Find the switch of each case; then no delay, equal rewards, and a discount that changes during learning.

    Returns:
        The measurements, the conditions of the verdict and the figure.
    """
    cases = CASES[: trial.size(len(CASES), 2)]
    trials, third, counted = trial.size(TRIALS, 2000), trial.size(THIRD, 1000), trial.size(COUNTED, 100)
    each = trial.size(1, 4) * EACH
    grids = [np.arange(switch_point(*c) - AROUND, min(switch_point(*c) + AROUND, 0.999), each) for c in cases]

    def measure(seed: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for i, (case, grid) in enumerate(zip(cases, grids, strict=True)):
            share = choices(grid, *case, trials, rng.generator(seed, "B4", i))[-counted:].mean(axis=0)
            row |= {f"switch {i}": split(grid, share), f"share {i}": share}
        g = rng.generator(seed, "B4", "controls")
        row["no delay"] = choices(grids[0], cases[0][0], cases[0][1], 0, trials, g)[-counted:].mean()
        row["equal"] = choices(grids[0], 1.0, 1.0, cases[0][2], trials, g)[-counted:].mean()
        star = switch_point(*cases[1])
        level = np.where(np.arange(3 * third) // third == 1, star + AROUND, star - AROUND)
        row["changing"] = choices(np.tile(level[:, None], (1, 20)), *cases[1], 3 * third, g).mean(axis=1)
        return row

    found = trial.each_seed(measure)
    switches = [
        Measured.over_seeds(f"switch from {s:g} soon to {b:g} after {d} steps more, less γ* = {switch_point(s, b, d):.3f}",
                            found[f"switch {i}"] - switch_point(s, b, d))
        for i, (s, b, d) in enumerate(cases)
    ]  # fmt: skip
    thirds = found["changing"].reshape(len(trial.seeds), 3, third)[:, :, -counted:].mean(axis=2)
    share = [
        Measured.over_seeds(f"share of large choices, {name} third of the run", thirds[:, k])
        for k, name in enumerate(("impatient first", "patient second", "impatient last"))
    ]
    lag = Measured.over_seeds("trials until most choose the large reward, after the discount rose", [_first_most(row[third:]) for row in found["changing"]])
    return Findings(
        [
            *switches, *share, lag,
            Measured.over_seeds("share of large choices, no further delay", found["no delay"], control=True),
            Measured.over_seeds("share of large choices, equal rewards", found["equal"], control=True),
        ],
        [Condition.within(m, -TOLERANCE, TOLERANCE) for m in switches],
        [],
        [
            "That choice turns at γ* follows from the discount; what is measured is that learning by trial, exploration and noisy rewards "
            "finds it. That serotonin is the discount is the hypothesis of its sources.",
            f"The discount acts through what is learnt: after it rises, {lag.value:.0f} trials pass before most choices are patient. A level that "
            "acts at once, as on choice itself, is another mechanism.",
        ],
        _figure(cases, grids, found, third),
    )  # fmt: skip


def _first_most(share: NDArray[Any]) -> float:
    """The first trial from which a running mean of 20 trials exceeds one half; the number of trials if it never does."""
    smooth = np.convolve(share, np.ones(20) / 20, "valid")
    above = np.flatnonzero(smooth > 0.5)
    return float(above[0]) if above.size else float(len(share))


def _figure(cases: Any, grids: list[NDArray[Any]], found: dict[str, Any], third: int) -> Any:
    figure, (left, right) = panels(2, width=3.8)
    for i, (colour, (small, large, delay), grid) in enumerate(zip(SERIES, cases, grids, strict=False)):
        left.plot(grid, found[f"share {i}"].mean(axis=0), color=colour, linewidth=1, label=f"{small:g} or {large:g}, {delay} steps later")
        left.axvline(switch_point(small, large, delay), color=colour, linewidth=0.8, linestyle=":")
    left.set_ylim(0, 1.35)
    label(left, "discount γ (dotted: γ*)", "share of large choices", "Switch of choice")
    legend(left, loc="upper left")
    smooth = np.convolve(found["changing"].mean(axis=0), np.ones(25) / 25, "valid")
    right.plot(smooth, color=SERIES[1], linewidth=1)
    right.axvspan(third, 2 * third, color="black", alpha=0.08)
    right.set_ylim(0, 1)
    label(right, "trial (grey: high serotonin)", "share of large choices", "A discount that changes during learning")
    return figure


CLAIM = Claim(
    id="B4",
    title="Serotonin sets patience: the discount of the future",
    article="000 §5",
    says="Leading theories tie serotonin to temporal discounting: how far into the future the system considers consequences. High serotonin correlates "
    "with more patient, longer-horizon decision-making.",
    source="Doya (2002) Neural Networks 15:495; Schweighofer et al. (2008) J. Neurosci. 28:4528; Miyazaki, Miyazaki & Doya (2014) Curr. Biol. 24:2033",
    traceable=True,
    tag="OK",
    criterion="The discount at which Q-learning turns from the small reward soon to the large one late is within 0.02 of (r_s / r_l)^(1 / D), in each of "
    "three cases.",
    scope="A choice between two delayed rewards, by tabular Q-learning; serotonin is the discount by definition.",
    run=run,
    seeds=10,
)
