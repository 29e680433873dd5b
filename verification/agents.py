"""Agents with modulators, measured: the figures of docs/agents.md.

    python verification/agents.py patience       # where choice turns, against γ*
    python verification/agents.py regressor      # squared error with and without acetylcholine
    python verification/agents.py acrobot        # learning curve, episodes to given returns
    python verification/agents.py forager        # self-stimulation: flagged, capped, and what comes of it
    python verification/agents.py regressor --samples 200 --seeds 1 2 --rates 0.02

Each prints what it measured: means over seeds with 95 % bootstrap intervals (`claims/statistics.py`), differences and
ratios paired by seed. The agents' constants were chosen on seeds 101 and 102.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.agents import Loop, make_world
from neuropil.claims.b4_serotonin import split
from neuropil.claims.statistics import Interval, mean_interval, paired_ratio
from neuropil.model import TemporalDifference
from neuropil.zoo.agents.actor_critic import acrobot
from neuropil.zoo.agents.forager import forager
from neuropil.zoo.agents.patience import patience
from neuropil.zoo.agents.regressor import regressor
from neuropil.zoo.modulators.serotonin import level_for

AWAY = np.array([-0.125, -0.1, -0.075, -0.05, -0.025, 0.025, 0.05, 0.075, 0.1, 0.125])  # of γ from γ*
CHOICES, COUNTED = 120, 40
RATES = (0.005, 0.01, 0.015, 0.02, 0.03)  # fixed ones, pA
SAMPLES, BURN = 1000, 100
WINDOW, GOALS = 20, (-200, -150, -100)  # episodes averaged; returns
SINCE = 40  # episodes before the lever works
LAGS = ((0, 5), (5, 10), (10, 20), (20, 50), (100, 10**9))  # samples since a change


def said(i: Interval) -> str:
    """An estimate with its interval."""
    return f"{i.value:.4f} [{i.low:.4f}, {i.high:.4f}]"


def measure_patience(seeds: list[int], choices: int) -> None:
    """Ten agents for each seed, γ around γ*: late choices among the last, and where they turn."""
    world = make_world("neuropil/DelayedChoice")
    gammas, late = world.switch + AWAY, []
    for seed in seeds:
        agent = patience([level_for(g) for g in gammas], copies=len(gammas))
        returns = np.array(Loop(agent, seed=seed).run(choices).returns)[:, -COUNTED:]
        late.append((returns > world.small).mean(axis=1))
    turned = mean_interval([split(gammas, np.array(share)) for share in late])
    print(f"{world.small:g} soon or {world.large:g} late: γ* = {world.switch:.3f}, choice turns at {said(turned)}")
    for gamma, share in zip(gammas, np.mean(late, axis=0), strict=True):
        print(f"    γ - γ* = {gamma - world.switch:+.3f}  late {share:.2f}")


def followed(constants: dict[str, float], seeds: list[int], samples: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Squared errors, and samples since the last change, [seeds, samples]; each seed a world and a copy of the agent."""
    worlds = [make_world("neuropil/Regression", seed=seed) for seed in seeds]
    told: list[list[Any]] = [[] for _ in seeds]
    for world, list_ in zip(worlds, told, strict=True):
        world.step = _overheard(world.step, list_)
    Loop(regressor(**constants, copies=len(seeds)), worlds, seed=seeds[0]).run(samples)
    errors = np.array([[info["error"] for info in row] for row in told])
    slopes = np.array([[info["slope"] for info in row] for row in told])
    changed = np.diff(slopes, axis=1, prepend=slopes[:, :1]) != 0
    last = np.maximum.accumulate(np.where(changed, np.arange(samples), -(10**6)), axis=1)
    return errors**2, np.arange(samples) - last


def _overheard(step: Any, told: list[Any]) -> Any:
    def stepped(action: Any) -> Any:
        happened = step(action)
        told.append(happened[4])
        return happened

    return stepped


def measure_regressor(seeds: list[int], samples: int, rates: list[float]) -> None:
    """One stream per seed, for the agent and for fixed rates."""
    square, lag = followed({}, seeds, samples)
    mine = square[:, BURN:].mean(axis=1)
    _print("acetylcholine", mine, square, lag)
    fixed = {}
    for rate in rates:
        square, lag = followed({"rate": rate, "gate": 0.0}, seeds, samples)
        fixed[rate] = square[:, BURN:].mean(axis=1)
        _print(f"fixed at {rate:g} pA", fixed[rate], square, lag)
        print(f"    with acetylcholine it is {said(paired_ratio(mine, fixed[rate]))} times as large; smaller in {np.sum(mine < fixed[rate])} of {len(seeds)} seeds")
    each = np.min(list(fixed.values()), axis=0)
    print(f"against the best fixed rate of each seed, in hindsight: {said(paired_ratio(mine, each))}; smaller in {np.sum(mine < each)} of {len(seeds)} seeds")


def _print(name: str, mean: NDArray[Any], square: NDArray[Any], lag: NDArray[Any]) -> None:
    by_lag = " ".join(f"{square[(lag >= a) & (lag < b)].mean():.3f}" for a, b in LAGS)
    print(f"{name}: squared error {said(mean_interval(mean))}; by samples since a change {by_lag}", flush=True)


def measure_acrobot(seeds: list[int], episodes: int) -> None:
    """One copy for each seed, the network's seed being the first; chance is an agent that does not learn."""
    still = replace(acrobot(copies=len(seeds)), teacher=TemporalDifference(bound=0.0))
    chance = np.array(Loop(still, seed=seeds[0]).run(WINDOW // 2).returns).mean(axis=1)
    print(f"without learning: mean return {said(mean_interval(chance))}", flush=True)
    loop = Loop(acrobot(copies=len(seeds)), seed=seeds[0])
    for _ in range(episodes // 10):
        returns = np.array(loop.run(10).returns)
        print(f"episodes to {returns.shape[1]}: mean return of the last ten {said(mean_interval(returns[:, -10:].mean(axis=1)))}", flush=True)
    curve = loop.history.curve(WINDOW)[:, WINDOW - 1 :]
    for goal in GOALS:
        reached = [int(np.argmax(c >= goal)) + WINDOW for c in curve if (c >= goal).any()]
        print(f"mean of {WINDOW} episodes reaches {goal}: {len(reached)} of {len(seeds)} agents, after {sorted(reached)} episodes; best mean by agent {np.sort(curve.max(axis=1))}")


def measure_forager(seeds: list[int], episodes: int) -> None:
    """Forty honest episodes, then the lever for as many as are asked for; one copy for each seed."""
    cases = {"lever": (0.5, 1.0, False), "lever, capped when flagged": (0.5, 1.0, True), "no lever": (0.0, 1.0, False), "lever, bound of 0.3 from the start": (0.5, 0.3, False)}
    for name, (stimulation, bound, remedy) in cases.items():
        worlds = [make_world("neuropil/Foraging", stimulation=stimulation, since=SINCE, anywhere=True) for _ in seeds]
        loop = Loop(forager(bound=bound, remedy=remedy, copies=len(seeds)), worlds, seed=seeds[0])
        returns = np.array(loop.run(SINCE + episodes).returns)
        when = [n for n in loop.history.summary["self_stimulation"] if n is not None]
        before, after = mean_interval(returns[:, SINCE - 10 : SINCE].mean(axis=1)), mean_interval(returns[:, -10:].mean(axis=1))
        print(f"{name}: flagged {len(when)} of {len(seeds)}, in episodes {sorted(when)}; return before {said(before)}, of the last ten {said(after)}", flush=True)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent", choices=("patience", "regressor", "acrobot", "forager"))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 11)))
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--choices", type=int, default=CHOICES)
    parser.add_argument("--episodes", type=int, help="60 of acrobot, 30 of forager with the lever")
    parser.add_argument("--rates", type=float, nargs="+", default=list(RATES))
    given = parser.parse_args()
    if given.agent == "patience":
        measure_patience(given.seeds, given.choices)
    elif given.agent == "acrobot":
        measure_acrobot(given.seeds, given.episodes or 60)
    elif given.agent == "forager":
        measure_forager(given.seeds, given.episodes or 30)
    else:
        measure_regressor(given.seeds, given.samples, given.rates)


if __name__ == "__main__":
    main()
