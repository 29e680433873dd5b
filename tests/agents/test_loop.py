"""The loop on a world of known rewards: sums, errors, what is kept when the world breaks, and waking to the same bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.stub_world import StubWorld
from neuropil.agents import History, Loop, Turn
from neuropil.errors import CheckpointError, ModelError, WorldError
from neuropil.model import Agent, PlaceCode, TemporalDifference
from neuropil.units import ms
from neuropil.zoo.agents.actor_critic import Body, actor_critic


def small(copies: int = 1, **changes: object) -> Agent:
    code = PlaceCode((-1.0, -1.0), (1.0, 1.0), (3, 3))
    body = Body(critics=4, actors=3, critic_rate=0.2, actor_rate=0.2)
    return replace(actor_critic("small", "stub", code, 2, copies=copies, body=body), **{"settle": 0 * ms, **changes})  # type: ignore[arg-type]


def weights(loop: Loop) -> np.ndarray:
    return np.concatenate([loop.simulation.synapses(p)["weight"] for p in loop.agent.network.projections])


def test_returns_lengths_and_errors_follow_from_the_rewards() -> None:
    """Rewards 1 … 5: the return is 15; δ is (1 - γ)·r + γ·V' - V of the values that the loop shows, V' = 0 at the end."""
    turns: list[Turn] = []
    agent = small(teacher=TemporalDifference(scale=3.0))
    loop = Loop(agent, StubWorld(), watch=turns.append)
    history = loop.run(2)
    assert history.returns == [[15.0, 15.0]] and history.lengths == [[5, 5]]
    gamma = np.exp(-20.0 / 1000.0)
    reward = np.array([t.reward[0] for t in turns])
    value = np.array([t.value[0] for t in turns])
    error = np.array([t.error[0] for t in turns])
    assert error[0] == 0.0  # nothing was done yet
    expected = (1 - gamma) * 3.0 * reward[:4] + gamma * value[1:5] - value[:4]
    np.testing.assert_allclose(error[1:5], expected, rtol=1e-12)
    np.testing.assert_allclose(error[5], (1 - gamma) * 3.0 * 5.0 - value[4], rtol=1e-12)
    assert (error[6:35] == 0).all() and np.isnan(reward[5:35]).all()  # it rests for 600 ms


def test_an_action_may_last_several_steps() -> None:
    """Rewards 1 … 5 in actions of two steps: 3, 7 and, cut short by the end, 5."""
    rewards: list[float] = []
    world = StubWorld()
    history = Loop(small(repeat=2), world, watch=lambda t: rewards.append(t.reward[0])).run(1)
    assert rewards[:3] == [3.0, 7.0, 5.0] and history.returns == [[15.0]] and history.lengths == [[5]]
    assert world.actions[0] == world.actions[1] and world.actions[2] == world.actions[3]
    with pytest.raises(ModelError, match="repeat"):
        small(repeat=0)


def test_dopamine_moves_weights_and_its_bound_holds() -> None:
    loop = Loop(small(teacher=TemporalDifference(scale=100.0, bound=0.5)), StubWorld(), watch=lambda t: errors.append(t.error[0]))
    errors: list[float] = []
    before = weights(loop)
    loop.run(2)
    assert max(errors) == 0.5
    assert np.abs(weights(loop) - before).max() > 0.1
    still = Loop(small(teacher=TemporalDifference(bound=0.0)), StubWorld())
    before = weights(still)
    still.run(2)
    assert (weights(still) == before).all()


@pytest.mark.parametrize("breaks, said", [("nan", "reward is nan"), ("text", "no number"), ("raise", "RuntimeError"), ("observation", "not finite")])
def test_a_world_that_breaks_ends_in_an_error_that_says_where_and_keeps_what_was_done(tmp_path: Path, breaks: str, said: str) -> None:
    loop = Loop(small(), StubWorld(breaks=breaks), out=tmp_path)
    with pytest.raises(WorldError, match=r"StubWorld, episode 1, step 3") as caught:
        loop.run(5)
    assert said in str(caught.value)
    assert loop.history.returns == [[15.0]]
    assert History.load(tmp_path).returns == [[15.0]]


def test_ctrl_c_keeps_what_there_is_and_the_loop_goes_on_afterwards(tmp_path: Path) -> None:
    loop = Loop(small(), StubWorld(breaks="interrupt"), out=tmp_path)
    history = loop.run(5)
    assert history.summary["interrupted"] == "interrupted" and history.returns == [[15.0]]
    assert History.load(tmp_path).returns == [[15.0]]
    assert loop.run(1).returns == [[15.0, 15.0]]


@pytest.mark.parametrize("copies", [1, 2])
def test_a_saved_loop_wakes_to_the_same_bits(tmp_path: Path, copies: int) -> None:
    """Four episodes, against two, a save, and two in another process's stead; weights, traces and actions are equal."""
    whole_worlds, worlds = ([StubWorld() for _ in range(copies)] for _ in range(2))
    whole = Loop(small(copies), whole_worlds, seed=5)
    whole.run(2)
    whole.run(2)
    first = Loop(small(copies), worlds, seed=5)
    first.run(2)
    first.save(tmp_path / "saved")
    woken_worlds = [StubWorld() for _ in range(copies)]
    woken = Loop(small(copies), woken_worlds, seed=5, resume=tmp_path / "saved")
    assert woken.run(2).returns == whole.history.returns
    assert [a.actions + b.actions for a, b in zip(worlds, woken_worlds, strict=True)] == [w.actions for w in whole_worlds]
    assert (weights(woken) == weights(whole)).all()
    assert (woken.simulation.state("critic", "v").value == whole.simulation.state("critic", "v").value).all()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="2 copies"):
        Loop(small(2), [StubWorld()])
    with pytest.raises(ModelError, match="only an Agent"):
        Loop("cartpole")  # type: ignore[arg-type]
    with pytest.raises(WorldError, match="cannot be made"):
        Loop(small(), "CartPoll-v1")
    with pytest.raises(WorldError, match="do not fit"):
        Loop(small(), "Acrobot-v1")
    with pytest.raises(ModelError, match="cannot hear"):
        Loop(small(), "CartPole-v1").run(1)
    with pytest.raises(WorldError, match="not a Gymnasium environment"):
        Loop(small(), object())
    saved = Loop(small(), StubWorld(), seed=5)
    saved.run(1)
    saved.save(tmp_path)
    with pytest.raises(CheckpointError):
        Loop(small(), StubWorld(), seed=6, resume=tmp_path)
