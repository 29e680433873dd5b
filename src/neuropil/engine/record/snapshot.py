"""Snapshots: the state of a simulation at a step, to go back to, to keep in a file, and to start other simulations from.

A snapshot is a fold over the parts that save themselves (`neuropil.engine.saved`). What cannot have changed, such as static synapses, it
does not copy: it follows from the description and the seed, and is shared by reference with what is started from it in this process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neuropil.engine.access.arguments import path_of
from neuropil.engine.core import Core
from neuropil.engine.exchange.spikes import EVENTS
from neuropil.engine.record import state_file
from neuropil.engine.record.fingerprint import parts, wiring
from neuropil.engine.saved import Arrays, Saved, frozen
from neuropil.engine.stores.built import Built
from neuropil.engine.tally import SpikeTally
from neuropil.errors import CheckpointError
from neuropil.plan.plan import Plan
from neuropil.units import Quantity, ms

_HEADER = ("network", "step", "dt", "seed", "precision", "events", "wall_seconds")


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot:
    """The state of a simulation between two steps: `Simulation.snapshot` makes one, `load_snapshot` reads one from a file.

    `Simulation.restore` goes back to it, in the simulation that it was taken of or in another of the same network, seed, time step and
    precision, with any number of threads; `Simulation(network, start=...)` starts another network from it. It holds everything from which
    a run goes on, the spikes under way included, and nothing of what was recorded. It does not change.

    Attributes:
        network: name of the network.
        step: steps done; dt: time step, ms.
        seed: of synapses, parameters and initial states; precision: of states.
        events: synaptic events delivered; wall_seconds: time spent.
        saved: the arrays of each part of the simulation, by its name.
        plan: of the simulation, if it was taken in this process; built: its synapses as they were built, likewise.
    """

    network: str
    step: int
    dt: float
    seed: int
    precision: str
    events: int
    wall_seconds: float
    saved: dict[str, Arrays]
    plan: Plan | None = None
    built: Built | None = None
    _known: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def time(self) -> Quantity:
        """Biological time at which it was taken."""
        return self.step * self.dt * ms

    @property
    def parts(self) -> dict[str, str]:
        """What decides how a run goes on, as `fingerprint.parts` says it of the simulation."""
        return self._of_plan("parts", parts)

    @property
    def wiring(self) -> dict[str, str]:
        """Digests of where synapses are, by projection."""
        return self._of_plan("wiring", wiring)

    def _of_plan(self, name: str, of: Any) -> dict[str, str]:
        if name not in self._known:
            self._known[name] = of(self.plan)
        return self._known[name]

    def __repr__(self) -> str:
        return f"Snapshot({self.network!r}, t = {self.time})"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file, which `load_snapshot` reads, and from which `Simulation(network, resume=path)` resumes.

        Args:
            path: of the file; one that holds a snapshot or a checkpoint is replaced.

        Returns:
            The path.

        Raises:
            CheckpointError: there is no folder for it, or another file has its name. StorageError: the system refused; the old file is as
                it was.
        """
        target = path_of(path, "path")
        state_file.write(target, self.described(), self.saved)
        return target

    def described(self) -> dict[str, Any]:
        """What a file holds beside the arrays, in the types of JSON."""
        return {name: getattr(self, name) for name in (*_HEADER, "parts", "wiring")}

    @classmethod
    def of(cls, described: dict[str, Any], saved: dict[str, Arrays]) -> Snapshot:
        """A snapshot from a file.

        Args:
            described: as `described` gave it; saved: its arrays.
        """
        known = {name: described[name] for name in ("parts", "wiring")}
        for arrays in saved.values():
            frozen(arrays)
        return cls(**{name: described[name] for name in _HEADER}, saved=saved, _known=known)

    def require_same(self, plan: Plan, what: str = "the snapshot") -> None:
        """Refuse the state of another network.

        Args:
            plan: of the simulation that is to go on from it.
            what: opens the message.

        Raises:
            CheckpointError: it is of another network, seed, step or precision.
        """
        if plan is not self.plan:
            _require_same(what, self.parts, parts(plan))


def taken(core: Core, saved: dict[str, Saved], wall_seconds: float) -> Snapshot:
    """The present state; all spikes up to now have been taken in.

    Args:
        core: of the simulation; saved: its parts, by name.
        wall_seconds: time spent.
    """
    plan = core.plan
    arrays = {name: frozen(part.save()) for name, part in saved.items()}
    return Snapshot(plan.network.name, core.step, plan.dt, int(plan.seed), plan.precision, core.events, wall_seconds, arrays, plan, core.built())


def take_up(snapshot: Snapshot, arrays: dict[str, Arrays], core: Core, saved: dict[str, Saved], tally: SpikeTally) -> None:
    """Let a simulation be in the state of a snapshot, whatever it did before.

    Args:
        arrays: of the snapshot, as they fit this simulation.
        core: of the simulation; saved: its parts, in the order in which they are restored; tally: one of them.
    """
    core.drop_spikes()
    core.step, core.pending = snapshot.step, 0
    for store in core.per_synapse.values():
        store.forget(snapshot.step)
    for name, part in saved.items():
        part.restore(arrays[name], snapshot.step)
    core.refile(*tally.under_way(snapshot.step))
    for log in core.logs:
        log.counters[EVENTS] = 0
    core.logs[0].counters[EVENTS] = snapshot.events


def load_snapshot(path: str | os.PathLike[str]) -> Snapshot:
    """A snapshot from a file that `Snapshot.save` or a checkpoint wrote.

    Args:
        path: of the file, or of the folder of a run with a checkpoint.

    Returns:
        The snapshot.

    Raises:
        CheckpointError: absent, damaged, or of another version of neuropil.
    """
    described, saved = state_file.read(path_of(path, "path"))
    return Snapshot.of(described, saved)


def _require_same(what: str, then: dict[str, str], now: dict[str, str]) -> None:
    """Refuse a state of another description.

    Args:
        what: the checkpoint or snapshot, for the message.
        then: what decided how its run goes on; now: what decides it here (`fingerprint.parts`).

    Raises:
        CheckpointError: which says what differs.
    """
    plain = ("dt", "seed", "precision", "weights")
    changed = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    if any(name not in then or name not in now for name in changed):  # then the order differs anyway
        changed = [name for name in changed if not name.startswith("the order")]
    differences = [
        f"{name} is {now[name]}, was {then[name]}" if name in plain else f"{name} is new" if name not in then
        else f"{name} is gone" if name not in now else f"{name} changed"
        for name in changed
    ]  # fmt: skip
    if differences:
        raise CheckpointError(
            f"{what} belongs to another network", got="; ".join(differences),
            expected="the same description, seed, dt and precision as when it was written",
            fix="run with the options of the first run, or start anew. To try other inputs, parameters or probes from one state: "
            "Simulation(network, start=load_snapshot(path))",
        )  # fmt: skip
