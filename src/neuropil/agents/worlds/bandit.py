"""A bandit with reversals: a few arms, one of them good; which one changes at unannounced times.

An episode is one pull, so that nothing follows it but its reward: 1 with the arm's chance, else 0. The chances stay over
episodes; after every `reversal` pulls the good arm becomes another, drawn anew. Chances of 0.8 and 0.2 are usual in
reversal learning (Cools et al. 2002, J. Neurosci. 22:4563, from memory).
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete


class Bandit(gymnasium.Env[Any, Any]):
    """Observation: one number, always 0. `info["best"]` says which arm is good.

    Args:
        arms: how many.
        good, bad: chances of reward.
        reversal: pulls between reversals.
        seed: of the order of good arms; rewards follow the seed of each episode.
    """

    def __init__(self, arms: int = 3, good: float = 0.8, bad: float = 0.2, reversal: int = 100, seed: int = 0):
        self.observation_space = Box(0.0, 0.0, (1,), np.float64)
        self.action_space = Discrete(arms)
        self.arms, self.good, self.bad, self.reversal, self.order = arms, good, bad, reversal, seed
        self.pulls = 0

    def best(self, pulls: int) -> int:
        """The good arm after so many pulls."""
        steps = np.random.default_rng(self.order).integers(1, self.arms, pulls // self.reversal + 1)
        return int(np.sum(steps[: pulls // self.reversal]) % self.arms)

    def memory(self) -> dict[str, int]:
        """What is kept over episodes."""
        return {"pulls": self.pulls}

    def remember(self, memory: dict[str, int]) -> None:
        """Restore the `memory` that a saved loop holds."""
        self.pulls = memory["pulls"]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """The observation and an empty dict; the next pull may follow.

        Args:
            seed: of the draws; None: as they were.
            options: not used.
        """
        super().reset(seed=seed)
        return np.zeros(1), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pull an arm.

        Args:
            action: number of the arm.

        Returns:
            As of Gymnasium; `info["best"]` is the better arm.
        """
        best = self.best(self.pulls)
        self.pulls += 1
        won = self.np_random.random() < (self.good if int(action) == best else self.bad)
        return np.zeros(1), float(won), True, False, {"best": best}
