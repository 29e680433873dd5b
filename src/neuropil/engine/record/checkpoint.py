"""Checkpoints: a snapshot of a simulation, with how far it has recorded, in a file.

Synapses without states follow from the description and the seed and are not stored; spikes in flight are stored
as the spikes that sent them. Nothing in the file depends on the number of threads, so a run may resume on another machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuropil.engine.record import state_file
from neuropil.engine.record.recorder import Marks
from neuropil.engine.record.snapshot import Snapshot
from neuropil.plan.plan import Plan


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        snapshot: the state.
        marks: how far the run has recorded; None of a snapshot that was saved as such.
    """

    snapshot: Snapshot
    marks: Marks | None


def save(path: Path, snapshot: Snapshot, marks: Marks) -> None:
    """Write a checkpoint in place of the old one.

    Args:
        path: of the file.
        snapshot: the state; marks: how far the run has recorded.

    Raises:
        CheckpointError: there is no folder for it, or another file has its name. StorageError: the system refused; the
            old checkpoint is as it was.
    """
    state_file.write(path, {**snapshot.described(), "marks": marks._asdict()}, snapshot.saved)


def load(path: Path, plan: Plan) -> Checkpoint:
    """The checkpoint in the file at `path`, or in the folder, if it is of this very network.

    Raises:
        CheckpointError: absent, damaged, or of another network, seed, step or precision.
    """
    described, saved = state_file.read(path)
    held = described.pop("marks", None)
    snapshot = Snapshot.of(described, saved)
    snapshot.require_same(plan, f"the checkpoint {path}")
    marks: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in (held or {}).items()}
    return Checkpoint(snapshot, Marks(**marks) if marks else None)
