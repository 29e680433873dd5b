"""Results of episodes: returns and lengths by copy of the agent, kept on disk as they grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.result.atomic import make_folder, write_json
from neuropil.result.sealed import reading, writing

COLUMNS = {"returns": np.float64, "lengths": np.int64, "errors": np.float64, "seeds": np.int64}


@dataclass
class History:
    """Episodes that were finished.

    Attributes:
        returns, lengths: sum of rewards and number of steps, of each episode of each copy.
        errors: mean |δ| over the episode's steps.
        seeds: that the environment was reset with.
        summary: world, agent, seed, wall seconds, steps, whether it was interrupted and by what.
    """

    returns: list[list[float]]
    lengths: list[list[int]]
    errors: list[list[float]]
    seeds: list[list[int]]
    summary: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def empty(cls, copies: int) -> History:
        """For so many copies."""
        columns: list[Any] = [[[] for _ in range(copies)] for _ in COLUMNS]
        return cls(*columns)

    def add(self, copy: int, total: float, length: int, error: float, seed: int) -> None:
        """Add an episode that is over.

        Args:
            copy: of the agent.
            total: sum of its rewards.
            length: its steps.
            error: mean of |δ|.
            seed: with which it began.
        """
        for name, value in zip(COLUMNS, (total, length, error, seed), strict=True):
            getattr(self, name)[copy].append(value)

    @property
    def episodes(self) -> int:
        """Finished by all copies together."""
        return sum(map(len, self.returns))

    def curve(self, window: int = 20) -> NDArray[np.float64]:
        """Mean return over the last `window` episodes (fewer at the start) at each episode, [copies, episodes of the shortest]."""
        shortest = min(map(len, self.returns))
        sums = np.cumsum(np.pad(np.array([r[:shortest] for r in self.returns]).reshape(-1, shortest), ((0, 0), (1, 0))), axis=1)
        index = np.arange(1, shortest + 1)
        start = np.maximum(index - window, 0)
        curve: NDArray[np.float64] = (sums[:, index] - sums[:, start]) / (index - start)
        return curve

    def solved(self, least: float, of: int = 100, need: int = 95) -> list[int | None]:
        """By copy, the number of episodes after which `need` of the last `of` had a return of at least `least`."""
        return [solved_after(r, least, of, need) for r in self.returns]

    def save(self, folder: Path) -> None:
        """Write episodes.h5 and summary.json; either the old or the new file is there at any moment.

        Args:
            folder: made if absent.
        """
        make_folder(folder)
        self.write(folder / "episodes.h5")
        last = [float(np.mean(r[-100:])) if r else None for r in self.returns]
        write_json(folder / "summary.json", {**self.summary, "episodes": [len(r) for r in self.returns], "mean_return_of_last_100": last})

    def write(self, path: Path) -> None:
        """Write the episodes to a file, with a checksum.

        Args:
            path: of the file, which is replaced.
        """
        with writing(path) as file:
            for copy in range(len(self.returns)):
                for name, kind in COLUMNS.items():
                    file[f"{copy}/{name}"] = np.array(getattr(self, name)[copy], kind)

    @classmethod
    def load(cls, folder: Path) -> History:
        """The episodes that `save` wrote into a folder."""
        return cls.read(folder / "episodes.h5")

    @classmethod
    def read(cls, path: Path) -> History:
        """The episodes that `write` wrote to the file at `path`.

        Raises:
            ResultError: the file cannot be read, or is not as it was written.
        """
        with reading(path) as file:
            copies = sorted(file, key=int)
            columns: list[Any] = [[file[f"{c}/{name}"][()].tolist() for c in copies] for name in COLUMNS]
            return cls(*columns)


def solved_after(returns: Any, least: float, of: int = 100, need: int = 95) -> int | None:
    """The first number of episodes after which `need` of the last `of` reach `least`; None if never.

    Args:
        returns: [episodes].
        least: return of a good episode.
    """
    good = np.concatenate([[0], np.cumsum(np.asarray(returns, float) >= least)])
    enough = np.flatnonzero(good[of:] - good[: max(good.size - of, 0)] >= need)
    return int(enough[0]) + of if enough.size else None
