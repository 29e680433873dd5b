"""A small reward soon or a large one late: the choice that a time horizon decides.

An episode is one choice, and then waiting, through time steps that can be distinguished: action 0 brings `small` with the step
`soon`, counted from the choice as the first, action 1 `large` with the step `soon + delay`. Discounted by γ a step they are worth
γ^(soon-1)·small and γ^(soon+delay-1)·large, so that preference turns at

    γ* = (small / large)^(1 / delay)

What is done while waiting has no effect. Such choices: Mazur 1987, in Quantitative analyses of behavior 5:55; with serotonin,
Schweighofer et al. 2008, J. Neurosci. 28:4528 (from memory). Rewards and delays are choices of this file.
"""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium.spaces import Discrete

from neuropil.errors import WorldError


class DelayedChoice(gymnasium.Env[Any, Any]):
    """Observation: 0 at the choice, then the number of the time step: those of the way to `small` first. `info["late"]`: what was chosen.

    Args:
        small, large: rewards.
        soon, delay: steps to the small one, and how many more to the large one.

    Raises:
        WorldError: the large reward is not larger, or a time is below 1.
    """

    def __init__(self, small: float = 1.0, large: float = 2.0, soon: int = 2, delay: int = 4):
        if soon < 1 or delay < 1 or not 0 < small < large:
            raise WorldError("DelayedChoice: the large reward must be larger and later", got=(small, large, soon, delay), expected="0 < small < large, soon and delay at least 1")
        self.small, self.large, self.soon, self.delay = small, large, soon, delay
        self.observation_space, self.action_space = Discrete(self.moments), Discrete(2)

    @property
    def moments(self) -> int:
        """How many observations there are: the choice, and the steps of either way but its last."""
        return 2 * self.soon + self.delay - 1

    @property
    def switch(self) -> float:
        """γ*, at which the two are worth the same."""
        return float((self.small / self.large) ** (1 / self.delay))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """The observation at the choice and an empty dict.

        Args:
            seed: not used: nothing is random.
            options: not used.
        """
        super().reset(seed=seed)
        self.waited, self.late = 0, False
        return 0, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Choose, or wait.

        Args:
            action: at the choice, 0 for the small reward and 1 for the large one; not used while waiting.

        Returns:
            As of Gymnasium.
        """
        if self.waited == 0:
            self.late = bool(action)
        self.waited += 1
        over = self.waited == self.soon + self.delay * self.late
        reward = (self.large if self.late else self.small) if over else 0.0
        moment = 0 if over else self.waited + (self.soon - 1) * self.late
        return moment, reward, over, False, {"late": self.late}
