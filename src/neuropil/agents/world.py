"""Gymnasium environments as a loop sees them: made by name, reset by seed, with everything that they return checked.

Gymnasium is an optional extra and is imported when an environment is asked for. What an environment raises, and a reward
or observation that is not a number, becomes a `WorldError` that says which environment, in which episode, at which step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.agents.spaces import action_for, check_actions, check_observations, observation_from
from neuropil.errors import WorldError, did_you_mean
from neuropil.model.agent.decode import Decoder

WORLDS: dict[str, str] = {
    "neuropil/Bandit": "neuropil.agents.worlds.bandit:Bandit",
    "neuropil/DelayedChoice": "neuropil.agents.worlds.delayed_choice:DelayedChoice",
    "neuropil/Foraging": "neuropil.agents.worlds.foraging:Foraging",
    "neuropil/Lever": "neuropil.agents.worlds.foraging:lever",
    "neuropil/Regression": "neuropil.agents.worlds.regression:Regression",
}
"""Our own environments: id -> where it is."""

LONGEST_EPISODE = 2_000
"""Steps after which an episode is truncated: some tasks never end one."""


@dataclass(frozen=True)
class StepResult:
    """The outcome of a step of an environment.

    Attributes:
        seen: float64[dimensions], the observation.
        reward: of the step.
        terminated: the episode has ended.
        truncated: the episode was ended by the limit.
        info: as the environment returned it.
    """

    seen: NDArray[np.float64]
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


def make_world(name: str, **options: Any) -> Any:
    """The environment of this name: one of the package (`neuropil/…`), or one that Gymnasium has registered.

    Args:
        name: id of the environment.
        options: arguments of its constructor.

    Raises:
        WorldError: Gymnasium is not installed, or has no such environment.
    """
    gymnasium = _gymnasium()
    if name.startswith("neuropil/"):
        if name not in WORLDS:
            raise WorldError(f"there is no environment {name!r}", fix=did_you_mean(name, WORLDS))
        module, _, attribute = WORLDS[name].partition(":")
        return getattr(import_module(module), attribute)(**options)
    try:
        return gymnasium.make(name, disable_env_checker=True, **options)
    except (gymnasium.error.Error, ModuleNotFoundError) as error:
        known = [*gymnasium.registry, *WORLDS]
        raise WorldError(f"the environment {name!r} cannot be made", got=f"{type(error).__name__}: {error}", fix=_suggest(name, known)) from error


def _suggest(name: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "give the id of an installed Gymnasium environment, such as CartPole-v1"


def _gymnasium() -> Any:
    try:
        return import_module("gymnasium")
    except ModuleNotFoundError:
        raise WorldError("Gymnasium is not installed", expected="gymnasium 1.0 or newer", fix="pip install 'neuropil[agents]'") from None


def check_single(environment: Any) -> None:
    """Refuse an environment that is a vector of several.

    Raises:
        WorldError: it steps several at once.
    """
    if hasattr(environment, "num_envs"):
        raise WorldError(
            "vector environments are not supported", got=f"{environment.num_envs} environments in one",
            fix="a list of single environments, one for each copy of the agent: Loop(agent, [gymnasium.make(id) for _ in range(copies)])",
        )  # fmt: skip


class World:
    """One environment, with the number of its episode and step for messages.

    Args:
        environment: a Gymnasium environment (one, not a vector of them).
        decoder: what makes the agent's actions.
        limit: steps after which an episode is truncated; None: `LONGEST_EPISODE`, or none where the environment
            is registered with a limit of its own.

    Attributes:
        dimensions: how many numbers an observation has.
        limited: episodes that were truncated.

    Raises:
        WorldError: not a single Gymnasium environment, or spaces that the agent cannot use.
    """

    def __init__(self, environment: Any, decoder: Decoder, limit: int | None = None):
        for needed in ("reset", "step", "action_space", "observation_space"):
            if not hasattr(environment, needed):
                raise WorldError("not a Gymnasium environment", got=environment, expected=f"an object with {needed!r}")
        self.environment, self.limited = environment, 0
        spec = getattr(environment, "spec", None)
        limits_itself = getattr(spec, "max_episode_steps", None) is not None
        self.limit = limit if limit is not None or limits_itself else LONGEST_EPISODE
        self.name = getattr(spec, "id", None) or type(environment).__name__
        self.episode = -1
        self.step_number = 0
        check_single(environment)
        check_actions(environment.action_space, decoder, self.name)
        self.dimensions = check_observations(environment.observation_space, self.name)

    def reset(self, seed: int, episode: int) -> NDArray[np.float64]:
        """Begin an episode; returns the first observation.

        Args:
            seed: of the environment.
            episode: its number, from 0.

        Raises:
            WorldError: the environment raises, or returns something else.
        """
        self.episode, self.step_number = episode, 0
        answer = self._call(lambda: self.environment.reset(seed=seed))
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise WorldError(f"{self._where}: reset() must return an observation and a dict", got=answer)
        return self._observation(answer[0])

    def step(self, action: Any) -> StepResult:
        """Carry out an action.

        Args:
            action: as the decoder returned it.

        Returns:
            The outcome.

        Raises:
            WorldError: the environment raises, or returns what is not finite or does not fit its space.
        """
        self.step_number += 1
        action = action_for(self.environment.action_space, action, self._where)
        answer = self._call(lambda: self.environment.step(action))
        if not isinstance(answer, tuple) or len(answer) != 5:
            raise WorldError(f"{self._where}: step() must return five values", got=answer, expected="observation, reward, terminated, truncated, info")
        seen, reward, terminated, truncated, info = answer
        if not isinstance(info, dict):
            raise WorldError(f"{self._where}: the last value that step() returns must be a dict", got=info)
        try:
            reward = float(reward)
        except (TypeError, ValueError):
            raise WorldError(f"{self._where}: the reward is not a number", got=reward) from None
        if not np.isfinite(reward):
            raise WorldError(f"{self._where}: the reward is {reward}", expected="a finite number", fix="correct the environment's reward: dopamine cannot be computed from it")
        cut = self.limit is not None and self.step_number >= self.limit and not (terminated or truncated)
        self.limited += cut
        return StepResult(self._observation(seen), reward, bool(terminated), bool(truncated) or cut, info)

    def info_value(self, happened: StepResult, entry: str) -> float:
        """A number that `info` has under this name; 0 where it has none.

        Args:
            happened: outcome of a step.
            entry: name in `info`.

        Raises:
            WorldError: the entry is not a finite number.
        """
        value = happened.info.get(entry, 0.0)
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = np.nan
        if not np.isfinite(number):
            raise WorldError(f"{self._where}: info[{entry!r}] is not a finite number", got=value)
        return number

    def memory(self) -> Any:
        """What the environment itself says it keeps over episodes, by a method `memory()`, in types of JSON; None without one."""
        memory = getattr(self._own, "memory", None)
        return self._call(memory) if callable(memory) else None

    def remember(self, memory: Any) -> None:
        """Give it back what `memory` gave, by its method `remember(memory)`."""
        if memory is not None:
            self._call(lambda: self._own.remember(memory))

    @property
    def _own(self) -> Any:
        """The environment without wrappers."""
        return getattr(self.environment, "unwrapped", self.environment)

    @property
    def _where(self) -> str:
        return f"{self.name}, episode {self.episode}, step {self.step_number}"

    def _call(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Exception as error:
            raise WorldError(
                f"{self._where}: the environment raised {type(error).__name__}", got=str(error) or "no message", fix="correct the environment; the traceback above shows where it failed"
            ) from error

    def _observation(self, seen: Any) -> NDArray[np.float64]:
        return observation_from(self.environment.observation_space, seen, self._where)
