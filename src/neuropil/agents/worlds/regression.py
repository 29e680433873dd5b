"""Regression that is stationary piece by piece: y = a·x + noise, and a changes at unannounced times.

An episode is one sample: x is shown, the action is the guess at y, and the reward minus the squared error. `info["error"]` is the error
with its sign, `info["slope"]` is a. After each sample a is drawn anew with chance `hazard`, as in claim B2. It stays over episodes;
its order follows `seed`, x and noise the seed of each episode.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box

from neuropil.errors import WorldError


class Regression(gymnasium.Env[Any, Any]):
    """Observation: x, from -1 to 1. Action: a guess, from -2 to 2.

    Args:
        hazard: chance of a change after a sample.
        noise: standard deviation of y about a·x; a is uniform from -1 to 1.
        seed: of the changes.

    Raises:
        WorldError: not a chance, or a negative deviation.
    """

    def __init__(self, hazard: float = 1 / 200, noise: float = 0.1, seed: int = 0):
        if not 0 <= hazard <= 1 or not noise >= 0:
            raise WorldError("Regression: hazard must be a probability and noise a standard deviation", got=(hazard, noise))
        self.observation_space, self.action_space = Box(-1.0, 1.0, (1,), np.float64), Box(-2.0, 2.0, (1,), np.float64)
        self.hazard, self.noise = hazard, noise
        self.changes = np.random.default_rng(seed)
        self.slope = float(self.changes.uniform(-1, 1))

    def memory(self) -> dict[str, Any]:
        """What is kept over episodes."""
        return {"slope": self.slope, "changes": self.changes.bit_generator.state}

    def remember(self, memory: dict[str, Any]) -> None:
        """Restore the `memory` that a saved loop holds."""
        self.slope, self.changes.bit_generator.state = memory["slope"], memory["changes"]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """The first x and an empty dict.

        Args:
            seed: of the draws; None: as they were.
            options: not used.
        """
        super().reset(seed=seed)
        self.x = float(self.np_random.uniform(-1, 1))
        return np.array([self.x]), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """The next x, and the reward for a guess: minus the squared error.

        Args:
            action: the guess, one number.

        Returns:
            As of Gymnasium; `info` has the error and the slope.
        """
        error = self.slope * self.x + self.noise * float(self.np_random.standard_normal()) - float(np.ravel(action)[0])
        info = {"error": error, "slope": self.slope}
        if self.changes.random() < self.hazard:
            self.slope = float(self.changes.uniform(-1, 1))
        return np.array([self.x]), -error * error, True, False, info
