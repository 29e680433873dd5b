"""Monitoring of an agent's dopamine while it runs: a monitor for each copy, and its cap as the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.model.agent.monitor import Guard


class AgentGuard:
    """Watches the dopamine and the reward of every copy for self-stimulation.

    Args:
        guard: how to watch.
        copies: how many.

    Attributes:
        bound: of each copy's dopamine from now on; infinite before it is flagged.
        flagged: the episode of each copy, counted from 0, in which it first was; None: never.
    """

    def __init__(self, guard: Guard, copies: int):
        self.guard, self.monitors = guard, [guard.monitor() for _ in range(copies)]
        self.steps = [0] * copies
        self.bound = np.full(copies, np.inf)
        self.flagged: list[int | None] = [None] * copies

    def observe(self, judged: NDArray[np.bool_], dopamine: NDArray[np.float64], reward: NDArray[np.float64], episodes: NDArray[np.int64]) -> None:
        """Add the dopamine and the rewards of steps that were judged; a copy that is flagged for the first time is recorded.

        Args:
            judged: bool[copies], whose step counts.
            dopamine: float64[copies].
            reward: float64[copies].
            episodes: int64[copies], begun so far.
        """
        for i in np.flatnonzero(judged):
            self.steps[i] += 1
            if self.steps[i] <= self.guard.after:
                continue
            if self.monitors[i].observe(dopamine[i], reward[i]) and self.flagged[i] is None:
                self.flagged[i] = int(episodes[i]) - 1
                if self.guard.remedy:
                    self.bound[i] = self.monitors[i].cap

    def save(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {"steps": self.steps, "flagged": self.flagged, "monitors": [m.save() for m in self.monitors]}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the `state` that `save` returned."""
        self.steps, self.flagged = list(state["steps"]), list(state["flagged"])
        for i, (monitor, saved) in enumerate(zip(self.monitors, state["monitors"], strict=True)):
            monitor.restore(saved)
            if self.guard.remedy and self.flagged[i] is not None:
                self.bound[i] = monitor.cap
