"""Gymnasium's spaces: what fits is passed on exactly, what does not is a WorldError with the shapes."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

from agents.stub_world import StubWorld
from agents.test_loop import small
from neuropil.agents import Loop
from neuropil.agents.spaces import action_for, observation_from
from neuropil.agents.world import World
from neuropil.errors import ModelError, WorldError
from neuropil.model import PopulationVector, RateCode, Softmax, WinnerTakesAll
from neuropil.model.agent.decode import Decoder

BOX = Box(-1.0, 1.0, (2,), np.float32)


class Answering(gymnasium.Env[Any, Any]):
    """A world of given spaces that answers with a given observation and never ends."""

    def __init__(self, actions: Any = None, observations: Any = BOX, seen: Any = None):
        self.action_space, self.observation_space = actions or Discrete(2), observations
        self.seen = np.zeros(2, np.float32) if seen is None else seen
        self.taken: list[Any] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.seen, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.taken.append(action)
        return self.seen, 1.0, False, False, {}


@pytest.mark.parametrize(
    ("space", "action", "right"),
    [
        (Discrete(3), 2, 2),
        (Discrete(3, start=5), 2, 7),
        (MultiDiscrete([3, 2]), 5, [2, 1]),
        (MultiDiscrete([3, 2], start=[10, 20]), 1, [10, 21]),
        (MultiDiscrete([[2, 2], [2, 2]]), 6, [[0, 1], [1, 0]]),
        (MultiBinary(3), 6, [1, 1, 0]),
        (Box(-2.0, 2.0, (1,)), 5.0, [2.0]),
        (Box(-2.0, 2.0, (2, 1)), [0.5, -3.0], [[0.5], [-2.0]]),
        (Box(0, 9, (2,), np.int64), [2.7, -4.0], [3, 0]),
    ],
)
def test_actions_are_elements_of_their_space(space: Any, action: Any, right: Any) -> None:
    made = action_for(space, action, "here")
    np.testing.assert_array_equal(made, right)
    assert space.contains(made)


@pytest.mark.parametrize(("action", "said"), [([1.0, 2.0, 3.0], r"\(3,\).*\(2,\)"), (1.0, r"\(\).*\(2,\)"), ([np.nan, 0.0], "finite")])
def test_numbers_that_do_not_fit_a_box_are_refused(action: Any, said: str) -> None:
    with pytest.raises(WorldError, match=f"(?s){said}"):
        action_for(BOX, action, "here")


@pytest.mark.parametrize(
    ("space", "seen", "said"),
    [
        (BOX, np.zeros((8, 8, 3), np.uint8), r"shape \(8, 8, 3\).*shape \(2,\)"),
        (BOX, np.zeros(3), r"shape \(3,\)"),
        (BOX, {"a": 1}, "not an array"),
        (BOX, [0.0, np.inf], "not finite"),
        (Discrete(3), 3, "does not fit"),
        (Discrete(3, start=5), 4, "does not fit"),
        (Discrete(3), [1], "shape"),
        (MultiDiscrete([2, 2]), [0, 2], "does not fit"),
        (MultiBinary(2), [0.5, 0.0], "does not fit"),
    ],
)
def test_observations_that_do_not_fit_their_space_are_refused(space: Any, seen: Any, said: str) -> None:
    with pytest.raises(WorldError, match=f"(?s)here.*{said}"):
        observation_from(space, seen, "here")


def test_observations_that_fit_are_passed_on() -> None:
    np.testing.assert_array_equal(observation_from(Box(0.0, 1.0, (2, 2)), [[0, 1], [0.5, 0.25]], "here"), [0, 1, 0.5, 0.25])
    np.testing.assert_array_equal(observation_from(Discrete(3, start=5), np.int64(7), "here"), [7])


@pytest.mark.parametrize(
    ("space", "decoder"),
    [
        (Box(-1.0, 1.0, (3,)), RateCode(1.0)),
        (Box(-1.0, 1.0, (3,)), PopulationVector(np.ones((4, 2)))),
        (Box(-1.0, 1.0, (3,)), WinnerTakesAll(3)),
        (Discrete(3), WinnerTakesAll(2)),
        (Discrete(3), RateCode(1.0)),
        (Discrete(1), RateCode(1.0)),
        (MultiDiscrete([3, 2]), RateCode(1.0)),
        (MultiBinary(4), WinnerTakesAll(4)),
        (Dict(a=Discrete(2)), WinnerTakesAll(2)),
        (Tuple((Discrete(2), Discrete(2))), WinnerTakesAll(4)),
    ],
)
def test_decoders_that_do_not_fit_are_refused_before_anything_runs(space: Any, decoder: Decoder) -> None:
    with pytest.raises(WorldError, match=r"Answering: (the agent's actions do not fit|actions in)"):
        World(Answering(space), decoder, 10)


@pytest.mark.parametrize(
    ("space", "decoder"),
    [
        (Box(-1.0, 1.0, (1,)), RateCode(1.0)),
        (Box(-1.0, 1.0, (1, 2)), PopulationVector(np.ones((4, 2)))),
        (MultiDiscrete([3, 2]), Softmax(6)),
        (MultiBinary(2), WinnerTakesAll(4)),
    ],
)
def test_decoders_that_fit_are_taken(space: Any, decoder: Decoder) -> None:
    assert World(Answering(space), decoder, 10).dimensions == 2


def test_a_decoder_that_says_nothing_of_its_numbers_is_checked_at_its_first_action() -> None:
    class Own(Decoder):
        def decode(self, rates: Any, deviate: Any) -> Any:
            return np.zeros((len(rates), 3))

    world = World(Answering(Box(-1.0, 1.0, (2,))), Own(), 10)
    world.reset(1, 0)
    with pytest.raises(WorldError, match=r"(?s)episode 0, step 1.*shape \(3,\)"):
        world.step(np.zeros(3))


def test_named_observations_and_vector_environments_are_refused_with_what_to_use() -> None:
    with pytest.raises(WorldError, match="FlattenObservation"):
        Loop(small(), Answering(observations=Dict(a=BOX)))
    named = Answering(observations=Dict(a=BOX), seen={"a": np.zeros(2, np.float32)})
    assert Loop(small(), gymnasium.wrappers.FlattenObservation(named), limit=2).worlds[0].dimensions == 2
    for copies in (1, 2):
        with pytest.raises(WorldError, match="list of single environments"):
            Loop(small(copies), gymnasium.make_vec("CartPole-v1", 2))


def test_one_environment_for_two_copies_is_refused() -> None:
    world = StubWorld()
    with pytest.raises(WorldError, match="one environment for each"):
        Loop(small(2), [world, world])


def test_a_task_without_an_end_is_cut_short_and_told() -> None:
    """Its last step counts as any other: reward still follows, so it is truncated, not terminated."""
    world = Answering()
    loop = Loop(small(), world, limit=7)
    with pytest.warns(UserWarning, match="within 7 steps"):
        history = loop.run(2)
    assert history.lengths == [[7, 7]] and history.returns == [[7.0, 7.0]] and len(world.taken) == 14
    assert history.summary["episodes_cut"] == 2
    assert Loop(small(), StubWorld(), limit=7).run(1).summary["episodes_cut"] == 0
    with pytest.raises(ModelError, match="limit"):
        Loop(small(), StubWorld(), limit=0)
