"""Checkpoints: the whole state of a simulation in one small HDF5 file, written so that a kill never spoils it.

Synapses without plastic state follow from the description and the seed and are not stored; spikes in flight are stored
as the spikes that sent them. Nothing in the file depends on the number of threads, so a run may wake on another machine.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from neuropil.errors import CheckpointError
from neuropil.lower.plan import Plan

VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        step: steps done.
        states: (population, variable) -> one value per neuron; the refractory count is the variable "left".
        counts: spikes of each neuron so far.
        flight_step, flight_neuron: spikes whose effects may still be under way (stamps and global neurons).
        events: synaptic events so far.
        spikes: records in the spike journal; rows: records in each trace journal.
        wall_seconds: time spent so far.
    """

    step: int
    states: dict[tuple[str, str], np.ndarray]
    counts: np.ndarray
    flight_step: np.ndarray
    flight_neuron: np.ndarray
    events: int
    spikes: int
    rows: tuple[int, ...]
    wall_seconds: float


def fingerprint(plan: Plan) -> str:
    """A digest of everything that decides how a run continues: a checkpoint fits only the network it came from."""
    digest = hashlib.sha256(f"{plan.dt} {plan.seed} {plan.precision} {np.dtype(plan.word)}".encode())
    for group in plan.groups:
        digest.update(group.kernel.source.encode())
        for member in group.members:
            digest.update(f"{member.population.name} {member.population.size} {member.period}".encode())
            digest.update(member.numbers.tobytes())
            for name in sorted(member.arrays):
                digest.update(member.arrays[name].tobytes())
    for projection, quantum in zip(plan.network.projections, plan.quantum, strict=True):
        digest.update(f"{projection.name} {projection.rule!r} {projection.weight!r} {projection.delay!r} {quantum!r}".encode())
        for array in (projection.weight, projection.delay, getattr(projection.rule, "pre", None), getattr(projection.rule, "post", None)):
            if isinstance(array, np.ndarray):
                digest.update(array.tobytes())
    for planned in plan.drives:
        digest.update(f"{planned.kind} {planned.drive.name} {type(planned.drive.stimulus).__name__}".encode())
    return digest.hexdigest()


def save(path: Path, plan: Plan, checkpoint: Checkpoint) -> None:
    """Write a checkpoint: to a temporary name, made durable, then renamed over the old one."""
    temporary = path.with_name(path.name + ".tmp")
    with h5py.File(temporary, "w") as file:
        file.attrs["neuropil_checkpoint"] = VERSION
        file.attrs["fingerprint"] = fingerprint(plan)
        for name in ("step", "events", "spikes", "wall_seconds"):
            file.attrs[name] = getattr(checkpoint, name)
        file["rows"] = np.array(checkpoint.rows, np.int64)
        file["counts"] = checkpoint.counts
        file["flight/step"] = checkpoint.flight_step
        file["flight/neuron"] = checkpoint.flight_neuron
        for (population, variable), values in checkpoint.states.items():
            file[f"states/{population}/{variable}"] = values
    with open(temporary, "rb+") as raw:
        os.fsync(raw.fileno())
    os.replace(temporary, path)


def load(path: Path, plan: Plan) -> Checkpoint:
    """Read a checkpoint of this very network.

    Raises:
        CheckpointError: absent, damaged, or of another network, seed, step or precision.
    """
    if not path.is_file():
        raise CheckpointError("there is no checkpoint", got=str(path), fix="run with --checkpoint-every, or leave --resume out")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("neuropil_checkpoint") != VERSION:
                raise CheckpointError("not a checkpoint of this version of neuropil", got=str(path))
            if file.attrs["fingerprint"] != fingerprint(plan):
                raise CheckpointError(
                    "the checkpoint belongs to another network",
                    got=str(path),
                    expected="the same description, seed, dt and precision as when it was written",
                    fix="run with the options of the first run, or start anew",
                )
            states = {
                (population, variable): values[()]
                for population, group in file.get("states", {}).items()
                for variable, values in group.items()
            }
            return Checkpoint(
                int(file.attrs["step"]), states, file["counts"][()], file["flight/step"][()], file["flight/neuron"][()],
                int(file.attrs["events"]), int(file.attrs["spikes"]), tuple(file["rows"][()].tolist()),
                float(file.attrs["wall_seconds"]),
            )  # fmt: skip
    except (OSError, KeyError) as error:
        raise CheckpointError("the checkpoint cannot be read", got=f"{path}: {error}") from error
