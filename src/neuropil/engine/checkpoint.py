"""Checkpoints: the whole state of a simulation in one small HDF5 file, written so that a kill never spoils it.

Synapses without states follow from the description and the seed and are not stored; spikes in flight are stored
as the spikes that sent them. Nothing in the file depends on the number of threads, so a run may wake on another machine.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neuropil.errors import CheckpointError
from neuropil.lower.plan import Plan
from neuropil.model.composite import full_name, split
from neuropil.model.distribution import Distribution
from neuropil.units import Quantity

VERSION = 2


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        step: steps done.
        states: (population, part, array) -> one value per site of every neuron; the refractory count is the array "left".
        counts: spikes of each neuron so far.
        amplitudes: of the drives that can be set between steps, by their place in the network, [sites, neurons].
        flight_step, flight_neuron: spikes whose effects may still be under way (stamps and global neurons).
        events: synaptic events so far.
        spikes: records in the spike journal; rows: records in each trace journal.
        wall_seconds: time spent so far.
        synapses: what the stores of synapses with states save, by the projection's place in the network.
        modulators: what modulators go on from, by name.
    """

    step: int
    states: dict[tuple[str, str, str], np.ndarray]
    counts: np.ndarray
    amplitudes: dict[int, np.ndarray]
    flight_step: np.ndarray
    flight_neuron: np.ndarray
    events: int
    spikes: int
    rows: tuple[int, ...]
    wall_seconds: float
    synapses: dict[int, dict[str, np.ndarray]]
    modulators: dict[str, dict[str, np.ndarray]]


def fingerprint(plan: Plan) -> str:
    """A digest of everything that decides how a run continues: a checkpoint fits only the network it came from."""
    digest = hashlib.sha256(f"{plan.dt} {plan.seed} {plan.precision} {np.dtype(plan.word)}".encode())
    for group in plan.groups:
        digest.update(group.kernel.source.encode())
        for member in group.members:
            _absorb(digest, (member.population.name, member.part, member.population.size, member.period, member.numbers, member.arrays))
    for cells in plan.cells.values():
        digest.update(cells.source.source.encode())
        tree = (cells.cable.parent, cells.cable.axial, cells.cable.area, cells.cable.capacitance, cells.cable.cell.trigger, cells.cable.cell.initial)
        where = [(p.name, p.compartments) for p in (*cells.cable.patches, *cells.cable.points)]
        _absorb(digest, (cells.population.name, cells.population.size, tree, where, cells.source.numbers, cells.source.expanded))
    network = plan.network
    for p, quantum in zip(network.projections, plan.quantum, strict=True):
        positions = (p.source.positions, p.target.positions) if type(p.rule).__name__ == "DistanceDependent" else None
        _absorb(digest, (p.source.name, p.target.name, p.port, p.site, p.rule, p.weight, p.delay, quantum, positions))
    for c in network.couplings:
        _absorb(digest, [(e.population.name, e.input, e.places, e.conductance) for e in (c.first, c.second)])
    for j, program in plan.synapses.items():
        p = network.projections[j]
        model = program.traced.model
        values = {n: getattr(model, n) for n in model.spec.parameters}
        _absorb(digest, (j, program.traced.name, program.arrival.nodes, program.step.nodes, values, p.input, p.clock_driven, p.response_delay))
        _absorb(digest, None if p.structure is None else vars(p.structure))
    for planned in plan.drives:
        d = planned.drive
        _absorb(digest, (planned.kind, d.target.name, d.port, d.input, d.site, d.weight, d.stimulus))
    if network.modulators:
        _absorb(digest, [m.described() for m in network.modulators.values()])
    _absorb(digest, [(p.name, p.target.name, p.variable, p.neurons, p.sites, p.interval) for p in network.probes])
    if network.synapse_probes:
        _absorb(digest, [(p.name, p.projection.name, p.variable, p.chosen, p.interval) for p in network.synapse_probes])
    if network.normalisations:
        _absorb(digest, [(n.projection.name, n.variable, n.total, n.interval) for n in network.normalisations])
    return digest.hexdigest()


def _absorb(digest: Any, value: Any) -> None:
    """Add a description's value to a digest: by content, never by address."""
    digest.update(type(value).__name__.encode())
    if isinstance(value, np.ndarray):
        digest.update(str((value.dtype, value.shape)).encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        _absorb(digest, sorted(value.items()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            _absorb(digest, part)
    elif isinstance(value, Quantity):
        _absorb(digest, (value.value, value.dimension))
    elif isinstance(value, functools.partial):
        _absorb(digest, (value.func, value.args, value.keywords))
    elif callable(value) and hasattr(value, "__code__"):
        digest.update(value.__code__.co_code)
        closure = [c.cell_contents for c in value.__closure__ or ()]
        _absorb(digest, (value.__code__.co_names, value.__defaults__, value.__kwdefaults__))
        _absorb(digest, ([c for c in value.__code__.co_consts if not hasattr(c, "co_code")], closure))
    elif dataclasses.is_dataclass(value) or isinstance(value, Distribution):
        _absorb(digest, vars(value))
    elif callable(value) and hasattr(type(value).__call__, "__code__"):  # an object that is called like a function
        _absorb(digest, (type(value).__call__, vars(value)))
    else:
        digest.update(repr(value).encode())


def save(path: Path, plan: Plan, checkpoint: Checkpoint) -> None:
    """Write a checkpoint: to a temporary name, made durable, then renamed over the old one."""
    temporary = path.with_name(path.name + ".tmp")
    if not path.parent.is_dir():
        raise CheckpointError("there is no folder for the checkpoint", got=str(path.parent), fix="make it first")
    with h5py.File(temporary, "w") as file:
        file.attrs["neuropil_checkpoint"] = VERSION
        file.attrs["fingerprint"] = fingerprint(plan)
        for name in ("step", "events", "spikes", "wall_seconds"):
            file.attrs[name] = getattr(checkpoint, name)
        file["rows"] = np.array(checkpoint.rows, np.int64)
        file["counts"] = checkpoint.counts
        for index, values in checkpoint.amplitudes.items():
            file[f"amplitudes/{index}"] = values
        file["flight/step"] = checkpoint.flight_step
        file["flight/neuron"] = checkpoint.flight_neuron
        for index, arrays in checkpoint.synapses.items():
            for name, values in arrays.items():
                file[f"synapses/{index}/{name}"] = values
        for name, arrays in checkpoint.modulators.items():
            for array, values in arrays.items():
                file[f"modulators/{name}/{array}"] = values
        for (population, part, array), values in checkpoint.states.items():
            file[f"states/{population}/{full_name(part, array)}"] = values
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
                (population, *split(variable)): values[()]
                for population, group in file.get("states", {}).items()
                for variable, values in group.items()
            }
            return Checkpoint(
                int(file.attrs["step"]), states, file["counts"][()],
                {int(index): values[()] for index, values in file.get("amplitudes", {}).items()}, file["flight/step"][()], file["flight/neuron"][()],
                int(file.attrs["events"]), int(file.attrs["spikes"]), tuple(file["rows"][()].tolist()),
                float(file.attrs["wall_seconds"]),
                {int(index): {name: v[()] for name, v in group.items()} for index, group in file.get("synapses", {}).items()},
                {name: {array: v[()] for array, v in group.items()} for name, group in file.get("modulators", {}).items()},
            )  # fmt: skip
    except (OSError, KeyError) as error:
        raise CheckpointError("the checkpoint cannot be read", got=f"{path}: {error}") from error
