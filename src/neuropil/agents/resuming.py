"""Saving a loop between episodes, and going on from what was saved, in a folder or in memory."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from neuropil.agents.guard import AgentGuard
from neuropil.agents.history import History
from neuropil.agents.saved import LoopSnapshot, write_saved
from neuropil.agents.world import World
from neuropil.engine.simulation import Simulation
from neuropil.errors import CheckpointError
from neuropil.model.agent.agent import Agent


class Resuming:
    """The part of a `Loop` that saves it, and takes up what was saved."""

    agent: Agent
    seed: int
    out: Path | None
    worlds: list[World]
    simulation: Simulation
    guard: AgentGuard | None
    history: History
    turns: int
    steps: int
    wall_seconds: float
    _restored: int
    _begun: NDArray[Any]
    _in_episode: NDArray[Any]
    _resting: NDArray[Any]
    _settling: NDArray[Any]
    _seen: NDArray[Any]
    _value: NDArray[Any]
    _reward: NDArray[Any]
    _extra: NDArray[Any]
    _judged: NDArray[Any]
    _over: NDArray[Any]
    _ended: NDArray[Any]

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write network, counters and episodes, for `Loop(agent, resume=folder)`. Only between runs: episodes are not cut.

        Args:
            folder: made if absent.

        Returns:
            The folder.

        Raises:
            CheckpointError: an episode is under way.
            ResultError: another loop is writing to the folder.
        """
        path = Path(folder)
        write_saved(path, self.simulation, self.history, self._counters("save"), held=self.out is not None and self.out.resolve() == path.resolve())
        return path

    def snapshot(self) -> LoopSnapshot:
        """Network, counters and episodes as they are, in memory, for `restore`. Only between runs.

        Raises:
            CheckpointError: an episode is under way.
        """
        return LoopSnapshot(self._counters("take a snapshot"), self.simulation.snapshot(), copy.deepcopy(self.history))

    def restore(self, snapshot: LoopSnapshot) -> None:
        """Go back to a snapshot of this loop, or of another of the same agent and seed: episodes that follow have the same bits each time.

        Args:
            snapshot: that `snapshot` returned; it stays as it is.

        Raises:
            CheckpointError: not a snapshot of such a loop, an episode is under way, or the loop writes to a folder.
        """
        if not isinstance(snapshot, LoopSnapshot):
            raise CheckpointError("a loop goes back to a snapshot of a loop", got=snapshot, expected="loop.snapshot()")
        if self.out is not None:
            raise CheckpointError("a loop that writes to a folder does not go back", got=str(self.out), fix="Loop without out, or save() and Loop(..., resume=folder)")
        self._counters("go back")
        self._require_same(snapshot.counters)
        self.simulation.restore(snapshot.network)
        self._take(snapshot.counters)
        self.history = copy.deepcopy(snapshot.history)

    def _counters(self, what: str) -> dict[str, Any]:
        """What belongs to the loop besides network and episodes, in plain types; `what` is done with it, for messages."""
        if self._in_episode.any():
            raise CheckpointError("an episode is under way", fix=f"{what} after run() has returned")
        return {
            "agent": self.agent.name, "seed": self.seed, "copies": self.agent.copies, "turns": self.turns, "steps": self.steps,
            "begun": self._begun.copy(), "network_step": self.simulation.core.step, "wall_seconds": self.wall_seconds,
            "worlds": copy.deepcopy([w.memory() for w in self.worlds]), "watch": None if self.guard is None else copy.deepcopy(self.guard.save()),
        }  # fmt: skip

    def _require_same(self, state: Mapping[str, Any], step: int | None = None) -> None:
        """Refuse the counters of another loop; `step`: where the network must be."""
        mine = {"agent": self.agent.name, "seed": self.seed, "copies": self.agent.copies, **({} if step is None else {"network_step": step})}
        for name, value in mine.items():
            if state.get(name) != value:
                raise CheckpointError(f"the saved loop has another {name}", got=state.get(name), expected=value)

    def _take_up(self, state: dict[str, Any], episodes: Path) -> None:
        self._require_same(state, self.simulation.core.step)
        self._take(state)
        self.history = History.read(episodes)

    def _take(self, state: Mapping[str, Any]) -> None:
        """Take up counters; the network has been restored."""
        self.turns, self.steps, self.wall_seconds = int(state["turns"]), int(state["steps"]), float(state["wall_seconds"])
        self._begun[:] = state["begun"]
        for world, memory in zip(self.worlds, state["worlds"], strict=True):
            world.remember(copy.deepcopy(memory))
        if self.guard is not None and state.get("watch") is not None:  # copies that had no monitor before have one from now on
            self.guard.restore(copy.deepcopy(state["watch"]))
        self._restored = self.simulation.restored
        self._resting[:], self._settling[:] = 0, 0
        for values in (self._seen, self._value, self._reward, self._extra, self._judged, self._over, self._ended):
            values[...] = 0
