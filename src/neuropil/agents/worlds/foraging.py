"""A gridworld with food and with a lever: one tile gives no reward, but raises dopamine while the animal stands on it.

Food (reward 1) lies in one corner and is there again at once, because the animal is moved back to the start. The
lever's tile adds `stimulation` to dopamine through `info["stimulation"]` and pays no reward, as self-stimulation does
(Olds & Milner 1954, J. Comp. Physiol. Psychol. 47:419). An agent whose dopamine is capped, or that has no lever, forages.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete

MOVES = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])


class Foraging(gymnasium.Env[Any, Any]):
    """Observation: the number of the tile, row by row. Actions: right, down, left, up; a move into a wall has no effect.

    Args:
        side: tiles along an edge; the animal starts in the middle, food is at the last tile, the lever at the first.
        stimulation: added to dopamine on the lever's tile; 0 is no lever.
        length: steps of an episode.
        since: episodes before the lever works.
        anywhere: whether the animal starts at any tile but these two, also after food, instead of in the middle.
    """

    def __init__(self, side: int = 5, stimulation: float = 0.0, length: int = 100, since: int = 0, anywhere: bool = False):
        self.observation_space, self.action_space = Discrete(side * side), Discrete(4)
        self.side, self.stimulation, self.length = side, stimulation, length
        self.since, self.anywhere, self.episodes = since, anywhere, 0

    def memory(self) -> int:
        """What is kept over episodes: how many there were."""
        return self.episodes

    def remember(self, memory: int) -> None:
        """Restore the `memory` that a saved loop holds: the number of episodes."""
        self.episodes = memory

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """The observation at the start of an episode and an empty dict.

        Args:
            seed: of the draws; None: as they were.
            options: not used.
        """
        super().reset(seed=seed)
        self.count = 0
        self.episodes += 1
        self.position = self._start()
        return self._tile(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One tile on, in the direction of `action` (index into `MOVES`); what is returned is as of Gymnasium."""
        self.count += 1
        self.position = np.clip(self.position + MOVES[int(action)], 0, self.side - 1)
        tile = self._tile()
        fed = tile == self.side * self.side - 1
        if fed:
            self.position = self._start()
        info = {"stimulation": self.stimulation if tile == 0 and self.episodes > self.since else 0.0}
        return self._tile(), float(fed), False, self.count >= self.length, info

    def _start(self) -> Any:
        if self.anywhere:
            return np.array(divmod(int(self.np_random.integers(1, self.side * self.side - 1)), self.side))
        return np.full(2, self.side // 2)

    def _tile(self) -> int:
        return int(self.position[0] * self.side + self.position[1])


def lever() -> Foraging:
    """The world of docs/agents.md: after 40 episodes of regular foraging from any tile the lever begins to work."""
    return Foraging(stimulation=0.5, since=40, anywhere=True)
