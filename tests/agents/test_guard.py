"""Agents that are watched for self-stimulation, and capped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.stub_world import StubWorld
from neuropil.agents import Loop, Turn, make_world
from neuropil.errors import SimulationError
from neuropil.model import Agent, Guard, PlaceCode, TemporalDifference
from neuropil.units import ms
from neuropil.zoo.agents.actor_critic import Body, actor_critic

GUARD = Guard(after=10, calibration=60, weight=0.1, patience=5)


class LeverWorld(StubWorld):
    """From episode `since` on every step stimulates."""

    def __init__(self, since: float = np.inf):
        super().__init__()
        self.since = since

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        *happened, _ = super().step(action)
        return (*happened, {"stimulation": 2.0 if self.number >= self.since else 0.0})  # type: ignore[return-value]


def watched(guard: Guard | None, copies: int = 1) -> Agent:
    code, body = PlaceCode((-1.0, -1.0), (1.0, 1.0), (3, 3)), Body(critics=4, actors=3)
    agent = actor_critic("watched", "stub", code, 2, copies=copies, body=body, teacher=TemporalDifference())
    return replace(agent, settle=0 * ms, rest=20 * ms, stimulation="stimulation", guard=guard)


def test_the_monitor_hears_the_dopamine_and_the_reward_of_each_step() -> None:
    """What it hears is what a `Turn` shows: δ with that of the step before it; the first `after` steps are left out.

    Of the last step δ is (1 - γ)·r - V and what stimulates, 2, for nothing follows it.
    """
    turns: list[Turn] = []
    heard: list[tuple[float, float]] = []
    loop = Loop(watched(Guard(after=3)), LeverWorld(since=1), seed=3, watch=turns.append)
    assert loop.guard is not None
    loop.guard.monitors[0].observe = lambda d, r: bool(heard.append((d, r)))  # type: ignore[method-assign, func-returns-value]
    loop.run(2)
    reward = [t.reward[0] for t in turns[:-1]]
    steps = [(after.error[0], r) for after, r in zip(turns[1:], reward, strict=True) if np.isfinite(r)]
    assert len(steps) == 10 and heard == steps[3:]
    value = [t.value[0] for t in turns if np.isfinite(t.reward[0])][-1]
    assert heard[-1][1] == 5.0
    assert heard[-1][0] == pytest.approx((1 - np.exp(-20.0 / 1000.0)) * 5.0 - value + 2.0, rel=1e-12)


def test_who_stimulates_itself_is_flagged_and_capped_and_who_does_not_is_left_alone() -> None:
    """Two copies, of which the second finds a lever in its 25th episode; both are calibrated on 60 honest steps. Chance of a false
    alarm: below 6e-6 a step after so few steps (Student's t of 59 degrees of freedom), and five in a row are asked for."""
    errors: list[np.ndarray] = []
    loop = Loop(watched(GUARD, copies=2), [LeverWorld(), LeverWorld(since=25)], seed=4, watch=lambda turn: errors.append(turn.error))
    history = loop.run(40)
    assert loop.guard is not None
    honest, other = history.summary["self_stimulation"]
    assert honest is None and 25 <= other <= 30
    cap = loop.guard.monitors[1].cap
    assert loop.guard.bound.tolist() == [np.inf, cap]
    dopamine = np.array(errors)[:, 1]
    assert dopamine.max() > cap and dopamine[-40:].max() == cap
    told = Loop(watched(replace(GUARD, remedy=False)), LeverWorld(since=25), seed=4)
    told.run(40)
    assert told.guard is not None and told.guard.flagged[0] is not None and np.isinf(told.guard.bound[0])


@pytest.mark.parametrize("cut", [10, 32])
def test_a_watched_loop_wakes_to_the_same_bits(tmp_path: Path, cut: int) -> None:
    """Cut before and after it is flagged."""
    world = LeverWorld(since=25)
    whole, first = Loop(watched(GUARD), LeverWorld(since=25), seed=4), Loop(watched(GUARD), world, seed=4)
    whole.run(35)
    first.run(cut)
    first.save(tmp_path)
    woken = Loop(watched(GUARD), world, seed=4, resume=tmp_path)
    assert woken.run(35 - cut).returns == whole.history.returns
    assert woken.guard is not None and whole.guard is not None
    assert woken.guard.save() == whole.guard.save() and woken.guard.bound[0] == whole.guard.bound[0] < np.inf


def test_a_guard_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(SimulationError, match="out of range"):
        Loop(watched(Guard(weight=0.0)), LeverWorld())


def test_the_lever_works_from_its_episode_on_and_animals_may_start_anywhere() -> None:
    world = make_world("neuropil/Foraging", side=3, stimulation=0.5, length=4, since=1)
    for stimulation in (0.0, 0.5):
        world.reset(seed=1)
        world.step(2)
        assert world.step(3)[4]["stimulation"] == stimulation
    anywhere = make_world("neuropil/Lever")
    assert {anywhere.reset(seed=n)[0] for n in range(400)} == set(range(1, 24))  # one of 23 is missed with chance 23·(22/23)^400 = 4e-7
