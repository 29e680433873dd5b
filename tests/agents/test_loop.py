"""The loop on a world of known rewards: sums, errors, what is kept when the world breaks, and waking to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.stub_world import StubWorld
from neuropil.agents import History, Loop, Turn
from neuropil.agents.worlds.bandit import Bandit
from neuropil.agents.worlds.foraging import Foraging
from neuropil.agents.worlds.regression import Regression
from neuropil.errors import CheckpointError, Interrupted, ModelError, SimulationError, WorldError
from neuropil.model import Agent, Critic, OneHot, PlaceCode, Softmax, TemporalDifference
from neuropil.units import ms
from neuropil.zoo.agents.actor_critic import Body, actor_critic
from neuropil.zoo.agents.bandit import bandit
from neuropil.zoo.agents.forager import forager
from neuropil.zoo.agents.regressor import regressor


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
    np.testing.assert_allclose(history.errors[0][0], np.abs(error[1:6]).mean(), rtol=1e-12)  # that of the last step, too


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


@pytest.mark.parametrize("breaks, said", [("nan", "reward is nan"), ("text", "not a number"), ("raise", "RuntimeError"), ("observation", "not finite")])
def test_a_world_that_breaks_ends_in_an_error_that_says_where_and_keeps_what_was_done(tmp_path: Path, breaks: str, said: str) -> None:
    loop = Loop(small(), StubWorld(breaks=breaks), out=tmp_path)
    with pytest.raises(WorldError, match=r"StubWorld, episode 1, step 3") as caught:
        loop.run(5)
    assert said in str(caught.value)
    assert loop.history.returns == [[15.0]]
    assert History.load(tmp_path).returns == [[15.0]]


def test_after_a_world_that_raised_the_loop_can_be_saved_and_goes_on(tmp_path: Path) -> None:
    """With two copies: the other's episode is dropped with the broken one, so that both begin anew."""
    loop = Loop(small(2), [StubWorld(breaks="raise"), StubWorld()])
    with pytest.raises(WorldError, match="RuntimeError"):
        loop.run(3)
    assert loop.history.returns == [[15.0], [15.0]]
    loop.save(tmp_path)
    assert loop.run(1).returns == [[15.0, 15.0], [15.0, 15.0]]


def test_an_episode_that_ended_is_kept_whatever_ends_the_run() -> None:
    """The network fails in the turn in which the last error of the first episode would have been known."""
    loop = Loop(small(), StubWorld())
    run, after = loop._run, loop._step_world

    def step_world(i: int, action: object) -> None:
        after(i, action)
        if loop._ended[i]:
            loop._run = failing  # type: ignore[method-assign, assignment]

    def failing(steps: int) -> object:
        raise SimulationError("a state diverged", got=steps)

    loop._step_world = step_world  # type: ignore[method-assign]
    with pytest.raises(SimulationError, match="a state diverged"):
        loop.run(3)
    assert loop.history.returns == [[15.0]] and run is not loop._run


def test_an_observation_that_is_not_in_its_space_ends_in_one_error_and_the_loop_goes_on() -> None:
    world = Foraging()
    tile = world._tile
    world._tile = lambda: 99 if world.count == 3 else tile()  # type: ignore[method-assign]
    loop = Loop(forager(), world)
    with pytest.raises(WorldError, match="does not fit its space"):
        loop.run(1)
    world._tile = tile  # type: ignore[method-assign]
    assert len(loop.run(1).returns[0]) == 1


@pytest.mark.parametrize("told", [None, {"extra": "much"}, {"extra": float("nan")}])
def test_what_a_world_tells_beside_the_reward_is_checked(told: object) -> None:
    world = StubWorld()
    step = world.step
    world.step = lambda action: (*step(action)[:4], told)  # type: ignore[method-assign, assignment]
    with pytest.raises(WorldError, match="StubWorld, episode 0, step 1"):
        Loop(small(stimulation="extra"), world).run(1)


@pytest.mark.parametrize("make", [lambda: Bandit(reversal=3), lambda: Regression(hazard=0.5)])
def test_worlds_that_remember_over_episodes_wake_with_what_they_know(tmp_path: Path, make: Callable[[], Any]) -> None:
    agent = bandit(copies=2) if isinstance(make(), Bandit) else regressor(copies=2)
    whole = Loop(agent, [make(), make()], seed=5).run(8)
    first = Loop(agent, [make(), make()], seed=5)
    first.run(4)
    first.save(tmp_path)
    assert Loop(agent, [make(), make()], seed=5, resume=tmp_path).run(4).returns == whole.returns
    assert min(min(e) for e in whole.errors) > 0.0  # of episodes of one step, too


def test_ctrl_c_keeps_what_there_is_and_the_loop_goes_on_afterwards(tmp_path: Path) -> None:
    loop = Loop(small(), StubWorld(breaks="interrupt"), out=tmp_path)
    with pytest.raises(Interrupted) as caught:
        loop.run(5)
    history = caught.value.result
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


@pytest.mark.parametrize(
    ("make", "culprit"),
    [
        (lambda: small(decide=float("nan") * ms), "decide"),
        (lambda: small(dt=0 * ms), "dt"),
        (lambda: small(sense=None), "sense"),
        (lambda: small(decoder=None), "decoder"),
        (lambda: small(network=None), "network"),
        (lambda: small(sense=replace(small().sense, code=PlaceCode((-1.0,), (1.0,), (7,)))), "the code does not fit"),
        (lambda: Softmax("a"), "actions"),
        (lambda: PlaceCode(-1.0, 1.0, 3), "sequences"),
        (lambda: PlaceCode((-1.0,), (1.0,), (2.5,)), "whole number"),
        (lambda: OneHot(0), "whole numbers"),
        (lambda: OneHot(3).activity([[7]]), "out of range"),
        (lambda: Critic("critic", 1.0, 1.0), "Critic"),
        (lambda: TemporalDifference(bound=float("nan")), "bound"),
    ],
)
def test_agents_that_cannot_live_are_refused(make: Callable[[], Any], culprit: str) -> None:
    with pytest.raises(ModelError, match=culprit):
        make()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="2 copies"):
        Loop(small(2), [StubWorld()])
    with pytest.raises(ModelError, match="needs an Agent"):
        Loop("cartpole")  # type: ignore[arg-type]
    with pytest.raises(WorldError, match="cannot be made"):
        Loop(small(), "CartPoll-v1")
    with pytest.raises(WorldError, match="do not fit"):
        Loop(small(), "Acrobot-v1")
    with pytest.raises(ModelError, match="do not fit its code"):
        Loop(small(), "CartPole-v1").run(1)
    with pytest.raises(WorldError, match="not a Gymnasium environment"):
        Loop(small(), object())
    saved = Loop(small(), StubWorld(), seed=5)
    saved.run(1)
    saved.save(tmp_path)
    with pytest.raises(CheckpointError):
        Loop(small(), StubWorld(), seed=6, resume=tmp_path)


def test_a_loop_goes_back_to_a_snapshot_and_its_network_alone_does_not():
    """Network, worlds, decoder and history go back together: the same episodes, twice."""
    worlds = [StubWorld(), StubWorld()]
    loop = Loop(small(2), worlds, seed=5)
    loop.run(2)
    kept = loop.snapshot()
    before = [len(w.actions) for w in worlds]
    once = [list(r) for r in loop.run(2).returns]
    actions = [w.actions[n:] for w, n in zip(worlds, before, strict=True)]
    learnt = weights(loop)
    middle = [len(w.actions) for w in worlds]
    for _ in range(2):
        loop.restore(kept)
        assert loop.history.episodes == 4
        assert loop.run(2).returns == once
        assert [w.actions[n:][: len(a)] for w, n, a in zip(worlds, middle, actions, strict=True)] == actions
        assert (weights(loop) == learnt).all()
    loop.simulation.restore(kept.network)
    with pytest.raises(SimulationError, match=r"loop\.restore"):
        loop.run(1)
    loop.restore(kept)
    assert loop.run(2).returns == once
    with pytest.raises(CheckpointError, match="another seed"):
        Loop(small(2), [StubWorld(), StubWorld()], seed=6).restore(kept)
    with pytest.raises(CheckpointError, match="snapshot of a loop"):
        loop.restore(kept.network)
