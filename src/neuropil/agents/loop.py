"""An agent and its environment in one loop: observe, decide, act, learn; the network runs at native speed in between.

One `Simulation` holds all copies of the agent, each with an environment of its own. A turn is one action in
every environment; it is described in `neuropil.model.agent.agent`. Between episodes a copy rests for as many turns as its
agent asks for; in the first of them the error of the last step is released, and the episode enters the history.

Nothing but counters is kept besides the network: environments are reset with seeds that follow from the loop's seed and
the episode's number, decoders draw by the number of the turn. So a loop that was saved between episodes resumes with the
same bits, if its environments keep nothing over episodes or declare what they keep (`neuropil.agents.world`). With several copies
`run` ends when the last of them has finished; the others rest until then.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.agents.guard import AgentGuard
from neuropil.agents.history import History
from neuropil.agents.resuming import Resuming
from neuropil.agents.saved import read_saved
from neuropil.agents.world import World, check_single, make_world
from neuropil.engine.interrupt import stoppable
from neuropil.engine.simulation import Simulation
from neuropil.errors import Interrupted, ModelError, SimulationError, WorldError
from neuropil.model.agent.agent import Agent
from neuropil.result.folder import FolderLock, clear, require_room
from neuropil.units import Quantity

DRAWN = 1024
"""Deviates of so many turns are drawn at once."""
SAVED_EVERY = 10.0
"""Seconds between writings of the episodes to disk."""


class Turn(NamedTuple):
    """The outcome of a turn, for those who watch; arrays have one entry per copy, NaN where it rested.

    Attributes:
        number: of the turn, from 0.
        error: float64[copies], δ.
        reward: float64[copies].
        value: float64[copies], V.
        action: one for each copy.
    """

    number: int
    error: NDArray[np.float64]
    reward: NDArray[np.float64]
    value: NDArray[np.float64]
    action: Any


class Loop(Resuming):
    """An agent at work in its world.

    Args:
        agent: that acts there.
        worlds: one environment per copy, ids or Gymnasium environments; the agent's own world for all, if None.
        seed: of the network, the decoder and the episodes.
        out: folder for episodes and summary, written at intervals and at the end of a run, whatever ends it; None keeps them in memory. One loop
            writes to a folder at a time.
        overwrite: replace the run that the folder `out` holds, and the loop saved in it; otherwise it is refused.
        resume: folder that `save` wrote, to go on from, bit by bit.
        limit: steps of the environment after which an episode is truncated if the environment has not ended it;
            None: 2,000, or none where the environment is registered with a limit of its own. `history.summary["episodes_cut"]`
            counts them, and the first is warned of.
        watch: called with a `Turn` after each turn.
        progress: called as progress(fraction, history) after each episode.
        threads, precision: of the simulation; small networks are fastest on one thread.

    Raises:
        WorldError: an environment that does not exist or does not fit; on running, one that raises or gives NaN.
        NeuropilError: whatever is wrong with the network.
        ModelError: not an agent, or a limit that is not a whole number above 0.
    """

    def __init__(
        self, agent: Agent, worlds: Any = None, *, seed: int = 1, out: str | os.PathLike[str] | None = None,
        resume: str | os.PathLike[str] | None = None, limit: int | None = None, watch: Callable[[Turn], None] | None = None,
        progress: Callable[[float, History], None] | None = None, threads: int = 1, precision: str | None = None, overwrite: bool = False,
    ):  # fmt: skip
        if not isinstance(agent, Agent):
            raise ModelError("Loop needs an Agent", got=agent)
        self.agent, self.seed, self.out = agent, seed, None if out is None else Path(out)
        self.watch, self.progress = watch, progress
        k = agent.copies
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, np.integer)) or limit < 1):
            raise ModelError("limit must be a whole number of steps, at least 1", got=limit)
        self.worlds = [World(w, agent.decoder, limit) for w in _environments(worlds, agent)]
        for world in self.worlds:
            self._check_hearing(world)
        saved = None if resume is None else Path(resume)
        here = self.out is not None and saved is not None and self.out.resolve() in (saved.resolve(), saved.resolve().parent)
        if self.out is not None and not here:
            require_room(self.out, overwrite)
        counters, network, episodes = (None, None, None) if saved is None else read_saved(saved)
        self.simulation = Simulation(
            agent.network, dt=agent.dt, seed=seed, threads=threads, precision=precision, record_spikes=False,
            resume=network,
        )  # fmt: skip
        self._decide, self._act = agent.steps("decide"), agent.steps("act")
        self._settle, self._rest = (-(-agent.steps(what) // (self._decide + self._act)) for what in ("settle", "rest"))
        self._rest = max(1, self._rest)
        self.gamma = np.full(k, agent.teacher.discount(agent.interval_ms))
        self._actor, self._critic = self._cells(agent.actor), self._cells(agent.critic.population) if agent.critic else None
        self._drives = {d.name: j for j, d in enumerate(agent.network.drives)}
        self.guard = AgentGuard(agent.guard, k) if agent.guard else None
        self.history = History.empty(k)
        self.turns, self.steps = 0, 0
        self._warned = False  # whether a warning of truncated episodes was given
        self._begun = np.zeros(k, np.int64)  # episodes
        self._seen = np.zeros((k, agent.sense.code.dimensions))
        self._value, self._reward, self._extra = np.zeros(k), np.zeros(k), np.zeros(k)
        self._judged, self._over = np.zeros(k, bool), np.zeros(k, bool)  # a step awaits its error; and nothing follows it
        self._in_episode, self._resting = np.zeros(k, bool), np.zeros(k, np.int64)
        self._ended = np.zeros(k, bool)  # an episode that is not in the history yet
        self._settling = np.zeros(k, np.int64)  # turns until the first action
        self._sums, self._lengths, self._errors = np.zeros(k), np.zeros(k, np.int64), np.zeros(k)
        self._seeds = np.zeros(k, np.int64)
        self._key, self._block, self._deviates = rng.stream_key(seed, "decode"), -1, np.zeros((k, DRAWN))
        self.wall_seconds, self._restored = 0.0, self.simulation.restored
        if counters is not None and episodes is not None:
            self._take_up(counters, episodes)
        self._lock = None if self.out is None else FolderLock(self.out)
        if self.out is not None and not here:
            for folder in (self.out, self.out / "saved"):
                clear(folder)

    def __repr__(self) -> str:
        return f"Loop({self.agent.name!r} in {self.worlds[0].name}, {self.history.episodes} episodes)"

    # --- running -------------------------------------------------------------------------------------------------------

    def run(self, episodes: int) -> History:
        """Run every copy for so many more episodes; returns the history of all.

        Ctrl-C ends it after the turn, as does an environment that raises; unfinished episodes are dropped, the rest is kept
        (`history.summary["interrupted"]`), and the loop may be saved or run on. Whatever else ends it, finished episodes are in
        the history and, with `out`, on disk.

        Raises:
            Interrupted: Ctrl-C; its `result` is the history.
            WorldError: see the class. SimulationError: a state of the network diverged, or the network was restored without the loop.
        """
        if isinstance(episodes, bool) or not isinstance(episodes, (int, np.integer)) or episodes < 0:
            raise SimulationError("the number of episodes must be a whole number", got=episodes)
        if self.simulation.restored != self._restored:
            raise SimulationError(
                "the network of the loop was restored without the loop", got="loop.simulation.restore(...)", expected="episodes, turns and worlds that belong to the network's state",
                fix="loop.restore(loop.snapshot())",
            )  # fmt: skip
        goal = self._begun + int(episodes)
        ended = "interrupted by an error"
        saved = begun = time.perf_counter()
        try:
            with stoppable() as stop:
                while not stop.is_set():
                    for i in np.flatnonzero(~self._in_episode & (self._resting == 0) & (self._begun < goal)):
                        self._begin(int(i))
                    if not (self._in_episode.any() or self._resting.any()):
                        break
                    if self._turn() and self.progress is not None:
                        self.progress(self.history.episodes / max(int(goal.sum()), 1), self.history)
                    if self.out is not None and time.perf_counter() - saved > SAVED_EVERY:
                        self._write("running", begun)
                        saved = time.perf_counter()
                if stop.is_set():
                    self._drop()
                ended = "interrupted" if stop.is_set() else ""
        except (WorldError, ModelError):
            self._drop()
            raise
        finally:
            self._conclude()
            self._write(ended, begun)
            self.wall_seconds += time.perf_counter() - begun
        if ended:
            raise Interrupted(f"Ctrl-C after {self.history.episodes} episodes", self.history)
        return self.history

    def _write(self, ended: str, begun: float) -> None:
        seconds = self.wall_seconds + time.perf_counter() - begun
        self.history.summary.update(
            agent=self.agent.name, world=self.worlds[0].name, seed=self.seed, copies=self.agent.copies, interrupted=ended, wall_seconds=seconds,
            environment_steps=self.steps, microseconds_per_step=1e6 * seconds / max(self.steps, 1), network_seconds=self.simulation.wall_seconds,
            biological_seconds=float(self.simulation.time.value) / 1000.0, episodes_cut=sum(w.limited for w in self.worlds),
        )  # fmt: skip
        if self.guard is not None:
            self.history.summary["self_stimulation"] = self.guard.flagged
        if self.out is not None:
            self.history.save(self.out)

    def _begin(self, i: int) -> None:
        """Reset the environment of copy i."""
        self._seeds[i] = rng.stream_key(self.seed, "episode", i, int(self._begun[i]))[0]
        self._seen[i] = self.worlds[i].reset(int(self._seeds[i]), int(self._begun[i]))
        self._begun[i] += 1
        self._in_episode[i], self._judged[i], self._over[i] = True, False, False
        self._settling[i] = self._settle
        self._sums[i], self._lengths[i], self._errors[i] = 0.0, 0, 0.0

    def _turn(self) -> bool:
        """One action in every environment; whether an episode ended."""
        agent, acting = self.agent, self._in_episode & (self._settling == 0)
        self._sense(self._in_episode)
        counts = self._run(self._decide)
        rates: NDArray[Any] = counts[self._actor].reshape(agent.copies, agent.decoder.groups, -1) * (1000.0 / (self._decide * self.simulation.plan.dt))
        value = self._values(counts)
        judged = self._judged.copy()
        error = self._judge(value)
        ended = self._conclude()
        action = agent.decoder.decode(rates, self._deviate())
        self._release(error)
        self._signal(error, judged)
        self._feed_back(action, acting)
        if self._act:
            self._run(self._act)
        self._release(np.zeros_like(error))
        self._feed_back(None, acting)
        self.turns += 1
        self._resting, self._settling = np.maximum(self._resting - 1, 0), np.maximum(self._settling - 1, 0)
        self._value = value
        for i in np.flatnonzero(acting):
            self._step_world(int(i), action[i])
        if self.watch is not None:
            self.watch(Turn(self.turns, error, np.where(acting, self._reward, np.nan), np.where(acting, value, np.nan), action))
        return ended

    def _step_world(self, i: int, action: Any) -> None:
        """Step the environment of copy i, as long as the action lasts."""
        self._reward[i], self._extra[i] = 0.0, 0.0
        for _ in range(self.agent.repeat):
            happened = self.worlds[i].step(action)
            self.steps += 1
            self._reward[i] += happened.reward
            self._extra[i] += self.worlds[i].info_value(happened, self.agent.stimulation) if self.agent.stimulation else 0.0
            self._lengths[i] += 1
            if happened.terminated or happened.truncated:
                break
        if self.worlds[i].limited and not self._warned:
            self._warned = True
            warnings.warn(f"an episode of {self.worlds[i].name} did not end within {self.worlds[i].limit} steps and was truncated; Loop(..., limit=...) sets the limit", stacklevel=4)
        self._seen[i] = happened.seen
        self._sums[i] += self._reward[i]
        self._judged[i] = not happened.truncated or happened.terminated
        self._over[i] = happened.terminated
        if happened.terminated or happened.truncated:
            self._in_episode[i], self._resting[i], self._ended[i] = False, self._rest, True

    def _conclude(self) -> bool:
        """Put episodes whose last error is known into the history; whether there were any."""
        ended = np.flatnonzero(self._ended)
        for i in ended:
            self.history.add(int(i), float(self._sums[i]), int(self._lengths[i]), float(self._errors[i] / self._lengths[i]), int(self._seeds[i]))
        self._ended[:] = False
        return ended.size > 0

    def _judge(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Dopamine of every copy for its last step, given what the critic says now."""
        teacher = self.agent.teacher
        for i, horizon in enumerate(self.agent.horizons):
            self.gamma[i] = horizon.discount(self.simulation.modulators[horizon.modulator].occupancy(horizon.receptor))
        error = teacher.error(self.gamma, self._reward, self._value, np.where(self._over, 0.0, value)) + self._extra
        error = np.where(self._judged, np.clip(error, -teacher.bound, teacher.bound), 0.0)
        if self.guard is not None:
            error = np.minimum(error, self.guard.bound)
            self.guard.observe(self._judged, error, self._reward, self._begun)
        self._judged &= self._in_episode
        self._errors += np.abs(error)
        return error

    # --- the network ---------------------------------------------------------------------------------------------------

    def _run(self, steps: int) -> NDArray[np.int64]:
        """Spikes of every neuron in so many steps."""
        _, neurons = self.simulation.step(steps)
        return np.bincount(neurons, minlength=self.agent.network.size)

    def _cells(self, population: str) -> slice:
        p = self.agent.network[population]
        return slice(p.first, p.first + p.size)

    def _values(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        if self.agent.critic is None or self._critic is None:
            return np.zeros(self.agent.copies)
        rate = counts[self._critic].reshape(self.agent.copies, -1).mean(axis=1) * (1000.0 / (self._decide * self.simulation.plan.dt))
        return self.agent.critic.value(rate)

    def _sense(self, active: NDArray[np.bool_]) -> None:
        sense = self.agent.sense
        drive = sense.by.drive(sense.code.activity(self._seen) * active[:, None])
        if sense.drive is not None:
            self._set(sense.drive, drive.value)
        else:
            self.simulation.set_state(str(sense.population), sense.state, Quantity(drive.value.ravel(), drive.dimension))

    def _set(self, drive: str, amplitude: NDArray[np.float64]) -> None:
        """As `Simulation.set_drive`, for what needs no check in every turn: the values come from the loop itself."""
        self.simulation.core.set_amplitude(self._drives[drive], amplitude.ravel())

    def _release(self, error: NDArray[np.float64]) -> None:
        for names, dopamine in zip(self.agent.learning, error.tolist(), strict=False):
            for name in names:
                self.simulation.set_modulator(name, dopamine)

    def _signal(self, error: NDArray[np.float64], judged: NDArray[np.bool_]) -> None:
        """Set the signals of modulators from the errors; a signal holds until the next."""
        for signals, delta, new in zip(self.agent.signals, error.tolist(), judged, strict=False):
            for one in signals if new else ():
                self.simulation.modulators[one.modulator].set_signal(one.transform(delta))

    def _feed_back(self, action: Any, acting: NDArray[np.bool_]) -> None:
        efference = self.agent.efference
        if efference is None:
            return
        k, groups = self.agent.copies, self.agent.decoder.groups
        current = np.zeros((k, groups, (self._actor.stop - self._actor.start) // (k * groups)))
        if action is not None:
            current[acting] = efference.others.value
            current[acting, action[acting]] = efference.chosen.value
        self._set(efference.drive, current)

    def _deviate(self) -> NDArray[np.float64]:
        """The uniform deviates of this turn, one per copy."""
        block, column = divmod(self.turns, DRAWN)
        if block != self._block:
            elements = np.arange(self.agent.copies, dtype=np.uint32)[:, None]
            self._deviates = rng.uniform(self._key, elements, np.arange(block * DRAWN, (block + 1) * DRAWN))
            self._block = block
        return self._deviates[:, column]

    def _check_hearing(self, world: World) -> None:
        """Refuse a world whose observations the agent's code is not for."""
        dimensions = self.agent.sense.code.dimensions
        if world.dimensions != dimensions:
            raise ModelError(
                f"agent {self.agent.name!r}: the observations of {world.name} do not fit its code", got=f"observations of {world.dimensions} numbers", expected=f"{dimensions}",
                fix="an agent whose code has the environment's dimensions",
            )  # fmt: skip

    def _drop(self) -> None:
        """Forget unfinished episodes and bring the network to rest."""
        self._begun -= self._in_episode
        self._in_episode[:], self._judged[:] = False, False
        self._seen[:] = 0.0  # the last observation may be the cause
        self._resting[:] = self._rest
        while self._resting.any():
            self._turn()

    def close(self) -> None:
        """End the network's threads, close the environments, and let others write to the folder."""
        self.simulation.close()
        if self._lock is not None:
            self._lock.release()
        for world in self.worlds:
            world.environment.close()


def _environments(worlds: Any, agent: Agent) -> list[Any]:
    given = [agent.world if worlds is None else worlds] * agent.copies if worlds is None or isinstance(worlds, str) else worlds
    listed: Sequence[Any] = list(given) if isinstance(given, (list, tuple)) else [given]
    for environment in listed:
        check_single(environment)
    if len(listed) != agent.copies:
        raise ModelError(f"agent {agent.name!r} has {agent.copies} copies", got=f"{len(listed)} environments", fix="one environment for each copy")
    objects = [id(w) for w in listed if not isinstance(w, str)]
    if len(set(objects)) < len(objects):
        raise WorldError(
            f"agent {agent.name!r}: one environment object is given to several copies", got=f"{len(objects)} copies, {len(set(objects))} environments",
            expected="one environment for each", fix="[make() for _ in range(copies)]",
        )  # fmt: skip
    return [make_world(w) if isinstance(w, str) else w for w in listed]
