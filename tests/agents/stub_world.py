"""A world of known rewards: five steps an episode, reward 1, 2, …; it breaks when told to."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np


class StubWorld(gymnasium.Env[Any, Any]):
    """The observation wanders with the action and the seed; step `at` of episode `episode` goes wrong in the manner `breaks`."""

    def __init__(self, *, breaks: str = "", episode: int = 1, at: int = 3, length: int = 5):
        self.observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.breaks, self.episode, self.at, self.length = breaks, episode, at, length
        self.number = -1
        self.actions: list[int] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.number, self.count = self.number + 1, 0
        self.seen = self.np_random.uniform(-1, 1, 2)
        return self.seen.astype(np.float32), {}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self.count += 1
        self.actions.append(int(action))
        self.seen = np.clip(self.seen + (0.2 if action else -0.2), -1, 1)
        seen, reward = self.seen.astype(np.float32), float(self.count)
        if self.breaks and self.number == self.episode and self.count == self.at:
            if self.breaks == "raise":
                raise RuntimeError("the wheel came off")
            if self.breaks == "interrupt":
                import os
                import signal

                os.kill(os.getpid(), signal.SIGINT)
            reward = {"nan": float("nan"), "text": "much"}.get(self.breaks, reward)  # type: ignore[assignment]
            if self.breaks == "observation":
                seen = np.full(2, np.nan, np.float32)
        return seen, reward, self.count >= self.length, False, {}
