"""Agents whose modulators are in the loop: patience by serotonin, and learning as fast as acetylcholine says."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuropil.agents import Loop, Turn, make_world
from neuropil.claims.b4_serotonin import split, switch_point
from neuropil.errors import ModelError, WorldError
from neuropil.model import Horizon, Signalling
from neuropil.units import nM
from neuropil.zoo.agents.patience import patience
from neuropil.zoo.agents.regressor import REST, regressor
from neuropil.zoo.modulators.acetylcholine import ExpectedUncertainty
from neuropil.zoo.modulators.serotonin import discount, level_for

STAR = switch_point(1.0, 2.0, 4)


# --- the delayed choice ------------------------------------------------------------------------------------------------


def lived(world: Any, action: int) -> list[tuple[int, float]]:
    seen = [(world.reset(seed=1)[0], 0.0)]
    over = False
    while not over:
        moment, reward, over, _, _ = world.step(action)
        seen.append((moment, reward))
    return seen


def test_the_small_reward_comes_soon_and_the_large_one_late() -> None:
    world = make_world("neuropil/DelayedChoice", small=1.0, large=3.0, soon=2, delay=3)
    assert lived(world, 0) == [(0, 0.0), (1, 0.0), (0, 1.0)]
    assert lived(world, 1) == [(0, 0.0), (2, 0.0), (3, 0.0), (4, 0.0), (5, 0.0), (0, 3.0)]
    assert world.moments == 6
    gamma = world.switch  # there both are worth the same
    assert gamma ** (2 - 1) * 1.0 == pytest.approx(gamma ** (5 - 1) * 3.0, rel=1e-12)
    with pytest.raises(WorldError, match="larger and later"):
        make_world("neuropil/DelayedChoice", small=2.0, large=1.0)


def test_serotonin_is_the_discount_of_the_teacher() -> None:
    """γ is `discount` of the receptor's occupancy, at rest what was asked for and after a burst that of the new concentration;
    δ = 0.4 r + γV' - V with it."""
    turns: list[tuple[Turn, float]] = []
    loop = Loop(patience(0.3), seed=5)
    loop.watch = lambda turn: turns.append((turn, float(loop.gamma[0])))
    loop.run(2)
    raphe = loop.simulation.modulators["serotonin of 0"]
    assert raphe.occupancy("5-HT2A") == pytest.approx(0.3, rel=1e-9)
    raphe.set_signal(2.0)
    loop.run(4)
    assert raphe.occupancy("5-HT2A") > 0.4
    assert turns[0][1] == pytest.approx(discount(0.3), rel=1e-9) and turns[-1][1] == pytest.approx(discount(raphe.occupancy("5-HT2A")), abs=0.02)
    for (before, _), (after, gamma) in pairwise(turns):
        if np.isfinite(before.reward[0]) and np.isfinite(after.value[0]):
            expected = 0.4 * before.reward[0] + gamma * after.value[0] - before.value[0]
            assert after.error[0] == pytest.approx(np.clip(expected, -1, 1), rel=1e-12)


def test_a_level_is_found_for_every_discount_and_no_other() -> None:
    for gamma in (0.0, 0.5, STAR, 0.99):
        assert discount(level_for(gamma)) == pytest.approx(gamma, abs=1e-12)
    for gamma in (-0.1, 0.995, 1.0, math.nan):
        with pytest.raises(ModelError, match="no level"):
            level_for(gamma)


def test_choice_turns_from_soon_to_late_with_the_horizon() -> None:
    """Eight agents with γ from γ* - 0.125 to γ* + 0.125, none nearer to it than 0.05, 80 choices each, the last 30 counted.

    Those below γ* choose late in less than half, those above in more: preferences that fell at random whatever γ, and then
    stayed, would all do so once in 256 runs. Half the choices at random would give at most 30 of 120 below and at least 90 of 120
    above with chance 4e-16 (binomial, squared). The agents' constants were chosen without this seed.
    """
    away = np.array([-0.125, -0.1, -0.075, -0.05, 0.05, 0.075, 0.1, 0.125])
    late = np.array([Loop(patience(level_for(STAR + a)), seed=11).run(80).returns[0][-30:] for a in away]) > 1.5
    assert ((late.mean(axis=1) > 0.5) == (away > 0)).all()
    assert late[:4].sum() <= 30 and late[4:].sum() >= 90
    assert split(STAR + away, late.mean(axis=1)) == pytest.approx(STAR, abs=1e-12)  # halfway between the two nearest


# --- regression --------------------------------------------------------------------------------------------------------


def test_regression_is_a_line_that_changes_with_its_hazard() -> None:
    """Without noise the error tells a·x; changes are geometric: 300 of 3000 expected, six standard deviations are 99."""
    world = make_world("neuropil/Regression", hazard=0.1, noise=0.0, seed=3)
    slopes = []
    for n in range(3000):
        (x,), _ = world.reset(seed=n)
        _, reward, over, _, info = world.step(np.array([0.25]))
        assert over and info["error"] == pytest.approx(info["slope"] * x - 0.25, abs=1e-12) and reward == pytest.approx(-(info["error"] ** 2), rel=1e-12)
        slopes.append(info["slope"])
    assert abs(np.count_nonzero(np.diff(slopes)) - 300) < 99
    with pytest.raises(WorldError, match="probability"):
        make_world("neuropil/Regression", hazard=2.0)


def test_acetylcholine_is_expected_uncertainty_and_sets_the_rate() -> None:
    """Between ticks of 60 ms, one for each turn, C/C_rest - 1 is `ExpectedUncertainty` of gate·|δ| with κ = 1 - exp(-60/2000), to the
    accuracy of Runge-Kutta; what is seen after a turn is from the tick at its beginning."""
    found: list[float] = []
    errors: list[float] = []

    def watch(turn: Turn) -> None:
        found.append(float(loop.simulation.modulators["acetylcholine of 0"].c[0] / REST.value))
        errors.append(float(turn.error[0]))

    loop = Loop(regressor(gate=10.0), seed=7, watch=watch)
    loop.run(12)
    expected, held, levels = ExpectedUncertainty(kappa=1.0 - math.exp(-0.03)), 0.0, []
    for error in errors:
        levels.append(expected.level)
        held = error or held  # a turn without an error leaves the signal
        expected.update(10.0 * held)
    assert np.count_nonzero(errors) == 12
    np.testing.assert_allclose(np.array(found) - 1.0, levels, rtol=1e-6, atol=1e-12)


def reversed_slope(**constants: float) -> np.ndarray:
    """Squared errors of eight agents, [agents, samples]: 60 samples with a slope of 0.8, then 25 with -0.8."""
    worlds = [make_world("neuropil/Regression", hazard=0.0) for _ in range(8)]
    loop = Loop(regressor(copies=8, **constants), worlds, seed=12)  # type: ignore[arg-type]
    for slope, samples in ((0.8, 60), (-0.8, 25)):
        for world in worlds:
            world.slope = slope
        loop.run(samples)
    return -np.array(loop.history.returns)


@pytest.mark.slow  # half a minute
def test_a_line_is_learnt_and_after_a_change_learnt_anew_faster_with_acetylcholine() -> None:
    """Against a rate fixed at rest, where plasticity is closed, and one of 0.01 pA, which settles to about the same error (0.02: noise
    of 0.1 and the guess's own). From the fourth sample after the change each of eight agents errs less than its pair, which has
    chance 1/256 where acetylcholine changes nothing. That the best rate of all is beaten takes longer streams:
    verification/agents.py."""
    gated, resting, fixed = reversed_slope(), reversed_slope(gate=0.0), reversed_slope(rate=0.01, gate=0.0)
    learnt = slice(40, 60)
    assert gated[:, learnt].mean() < 0.2 * gated[:, :5].mean() and gated[:, learnt].mean() < 0.04
    assert resting[:, learnt].mean() > 0.1
    assert gated[:, learnt].mean() < 1.3 * fixed[:, learnt].mean()
    for other in (resting, fixed):
        assert (gated[:, 63:].mean(axis=1) < other[:, 63:].mean(axis=1)).all()
    assert gated[:, 63:].mean() < 0.8 * fixed[:, 63:].mean()


# --- what goes wrong ---------------------------------------------------------------------------------------------------


def test_a_modulated_agent_wakes_to_the_same_bits(tmp_path: Path) -> None:
    whole = Loop(regressor(), make_world("neuropil/Regression", hazard=0.0), seed=5)
    whole.run(4)
    first = Loop(regressor(), make_world("neuropil/Regression", hazard=0.0), seed=5)
    first.run(2)
    first.save(tmp_path)
    woken = Loop(regressor(), make_world("neuropil/Regression", hazard=0.0), seed=5, resume=tmp_path)
    assert woken.run(2).returns == whole.history.returns
    mine, other = (loop.simulation.modulators["acetylcholine of 0"].c for loop in (woken, whole))
    assert (mine == other).all()


def test_modulators_that_are_not_there_are_named() -> None:
    agent = patience(0.3)
    with pytest.raises(ModelError, match="did you mean 'serotonin of 0'"):
        replace(agent, horizons=(Horizon("serotonin of 1", "5-HT2A", discount),))
    with pytest.raises(ModelError, match="no receptor"):
        replace(agent, horizons=(Horizon("serotonin of 0", "5-HT2B", discount),))
    with pytest.raises(ModelError, match="did you mean 'serotonin of 0'"):
        replace(agent, signals=((Signalling("serotonin", abs),),))
    with pytest.raises(ModelError, match="one entry for each copy"):
        replace(agent, horizons=agent.horizons * 2)
    for wrong in (1.0, -0.1, (0.2, 0.3)):
        with pytest.raises(ModelError, match="level"):
            patience(wrong)
    assert patience((0.1, 0.6), copies=2).network.modulators["serotonin of 1"].kinetics.rest == pytest.approx((75 * nM).value)  # type: ignore[attr-defined]
