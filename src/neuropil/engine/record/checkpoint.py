"""Checkpoints: the whole state of a simulation in one small HDF5 file, written so that a kill never spoils it.

Synapses without states follow from the description and the seed and are not stored; spikes in flight are stored
as the spikes that sent them. Nothing in the file depends on the number of threads, so a run may wake on another machine.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neuropil.codegen.cable_source import emit_cable
from neuropil.codegen.kernel import source_of
from neuropil.engine.record.recorder import Marks
from neuropil.errors import CheckpointError, ResultError
from neuropil.model.base.distribution import Distribution
from neuropil.model.neuron.composite import full_name, split
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument
from neuropil.result.folder import CHECKPOINT_FILE
from neuropil.result.sealed import reading, writing
from neuropil.result.sonata import link, unlink
from neuropil.units import Quantity

VERSION = 4


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        step: steps done.
        states: (population, part, array) -> one value per site of every neuron.
        counts: spikes of each neuron so far.
        amplitudes: of the drives that can be set between steps, by their place in the network, [sites, neurons].
        flight_step, flight_neuron: spikes whose effects may still be under way (stamps and global neurons).
        events: synaptic events so far.
        marks: how far the run has recorded.
        wall_seconds: time spent so far.
        synapses: what the stores of synapses with states save, by the projection's place in the network.
        modulators: what modulators go on from, by name.
    """

    step: int
    states: dict[tuple[str, str, Argument], np.ndarray]
    counts: np.ndarray
    amplitudes: dict[int, np.ndarray]
    flight_step: np.ndarray
    flight_neuron: np.ndarray
    events: int
    marks: Marks
    wall_seconds: float
    synapses: dict[int, dict[str, np.ndarray]]
    modulators: dict[str, dict[str, np.ndarray]]


def parts(plan: Plan) -> dict[str, str]:
    """Everything that decides how a run continues, by what a person calls it: plain values, and digests of descriptions."""
    network = plan.network
    drives, projections = network.drives, network.projections
    found = {
        "dt": f"{plan.dt} ms", "seed": str(plan.seed), "precision": plan.precision, "weights": f"{8 * np.dtype(plan.word).itemsize}-bit words",
        "the order of projections and stimuli": ", ".join([*(p.name for p in projections), *(d.name for d in drives)]),
    }  # fmt: skip
    for group in plan.groups:
        for m in group.members:
            name = f"{m.population.name}.{m.part}" if m.part else m.population.name
            found[f"population {name!r}"] = _digest(source_of(group), m.population.size, m.period, m.numbers, m.arrays)
    for cells in plan.cells.values():
        tree = (cells.cable.parent, cells.cable.axial, cells.cable.area, cells.cable.capacitance, cells.cable.cell.trigger, cells.cable.cell.initial)
        constants = [(c.numbers, c.arrays) for p in cells.cable.groups for c in p.loops.values()]
        where = [(p.name, p.compartments) for p in cells.cable.groups]
        found[f"cells of population {cells.population.name!r}"] = _digest(
            emit_cable(cells), cells.population.size, tree, where, constants, cells.quanta
        )
    for j, (p, scale) in enumerate(zip(projections, plan.scale, strict=True)):
        stored = scale and (scale.quantum, scale.top, str(np.dtype(scale.word)))
        positions = (p.source.positions, p.target.positions) if p.rule.needs_positions else None
        found[f"projection {p.name!r}"] = _digest(
            p.source.name, p.target.name, p.port, p.site, p.rule, p.weight, p.delay, stored, positions, _synapses(plan, j), p.sources, p.targets, p.stream
        )
    for j, c in enumerate(network.couplings):
        found[f"coupling {j + 1}"] = _digest([(e.population.name, e.input, e.places, e.conductance) for e in (c.first, c.second)])
    for planned in plan.drives:
        d = planned.drive
        found[f"stimulus {d.name!r}"] = _digest(planned.kind, d.target.name, d.port, d.input, d.site, d.weight, d.stimulus, d.neurons, d.stream)
    for modulator in network.modulators.values():
        found[f"modulator {modulator.name!r}"] = _digest(modulator.described())
    for probe in network.probes:
        found[f"probe {probe.name!r}"] = _digest(probe.target.name, probe.variable, probe.neurons, probe.sites, probe.interval)
    for recorded in network.synapse_probes:
        found[f"probe {recorded.name!r}"] = _digest(recorded.projection.name, recorded.variable, recorded.chosen, recorded.interval)
    for n in network.normalisations:
        found[f"normalisation of {n.variable!r} of projection {n.projection.name!r}"] = _digest(n.total, n.interval)
    return found


def fingerprint(plan: Plan) -> str:
    """A digest of all parts: a checkpoint fits only the network it came from."""
    return _digest(parts(plan))


def _synapses(plan: Plan, j: int) -> object:
    """What decides how the synapses with states of a projection go on; None without."""
    if j not in plan.synapses:
        return None
    p, program = plan.network.projections[j], plan.synapses[j]
    model = program.traced.model
    values = {n: getattr(model, n) for n in model.spec.parameters}
    described = (program.traced.name, program.arrival.nodes, program.step.nodes, values, p.input, p.clock_driven, p.response_delay, p.initial)
    return described, None if p.structure is None else vars(p.structure)


def _digest(*values: object) -> str:
    digest = hashlib.sha256()
    _absorb(digest, values)
    return digest.hexdigest()[:32]


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
    """Write a checkpoint: to a temporary name, made durable, then renamed over the old one.

    Raises:
        CheckpointError: there is no folder for it, or another file has its name. StorageError: the system refused; the
            old checkpoint is as it was.
    """
    _require_free(path)
    with writing(path) as file:
        file.attrs["neuropil_checkpoint"] = VERSION
        file["parts"] = json.dumps(parts(plan))
        file["marks"] = json.dumps(checkpoint.marks._asdict())
        for name in ("step", "events", "wall_seconds"):
            file.attrs[name] = getattr(checkpoint, name)
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
                file[f"modulators/{link(name)}/{link(array)}"] = values
        for (population, part, argument), values in checkpoint.states.items():
            file[f"states/{link(population)}/{link(full_name(part, argument.label))}"] = values


def _require_free(path: Path) -> None:
    """Refuse to write over what is not a checkpoint."""
    if not path.parent.is_dir():
        raise CheckpointError("there is no folder for the checkpoint", got=str(path.parent), fix="make it first")
    if path.is_dir():
        raise CheckpointError("a checkpoint is a file", got=f"the folder {path}", fix=f"name a file, such as {path / CHECKPOINT_FILE}")
    if path.exists() and path.name != CHECKPOINT_FILE:
        try:
            with h5py.File(path, "r") as file:
                known = "neuropil_checkpoint" in file.attrs
        except (OSError, RuntimeError):
            known = False
        if not known:
            raise CheckpointError("the checkpoint would replace another file", got=str(path), fix="choose another name, or remove the file")


def load(path: Path, plan: Plan) -> Checkpoint:
    """Read a checkpoint of this very network.

    Raises:
        CheckpointError: absent, damaged, or of another network, seed, step or precision.
    """
    if not path.is_file():
        raise CheckpointError("there is no checkpoint", got=str(path), fix="run with --checkpoint-every, or leave --resume out")
    try:
        with reading(path) as file:
            if file.attrs.get("neuropil_checkpoint") != VERSION:
                raise CheckpointError("not a checkpoint of this version of neuropil", got=str(path))
            _require_same(path, json.loads(file["parts"][()]), parts(plan))
            marks: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(file["marks"][()]).items()}
            states = {}
            for population, group in file.get("states", {}).items():
                for variable, values in group.items():
                    part, label = split(unlink(variable))
                    states[unlink(population), part, Argument.labelled(label)] = values[()]
            return Checkpoint(
                int(file.attrs["step"]), states, file["counts"][()],
                {int(index): values[()] for index, values in file.get("amplitudes", {}).items()}, file["flight/step"][()], file["flight/neuron"][()],
                int(file.attrs["events"]), Marks(**marks),
                float(file.attrs["wall_seconds"]),
                {int(index): {name: v[()] for name, v in group.items()} for index, group in file.get("synapses", {}).items()},
                {unlink(name): {unlink(array): v[()] for array, v in group.items()} for name, group in file.get("modulators", {}).items()},
            )  # fmt: skip
    except ResultError as error:
        raise CheckpointError(
            "the checkpoint cannot be read", got=f"{path}: {error.got or error.what}", expected="a checkpoint as neuropil wrote it",
            fix="resume from a copy of it, or start anew",
        ) from error  # fmt: skip


def _require_same(path: Path, then: dict[str, str], now: dict[str, str]) -> None:
    """Say what differs between the description of a checkpoint and the present one."""
    plain = ("dt", "seed", "precision", "weights")
    changed = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    if any(name not in then or name not in now for name in changed):  # then the order differs anyway
        changed = [name for name in changed if not name.startswith("the order")]
    told = [
        f"{name} is {now[name]}, was {then[name]}" if name in plain else f"{name} is new" if name not in then
        else f"{name} is gone" if name not in now else f"{name} changed"
        for name in changed
    ]  # fmt: skip
    if told:
        raise CheckpointError(
            f"the checkpoint belongs to another network: {path}", got="; ".join(told),
            expected="the same description, seed, dt and precision as when it was written",
            fix="run with the options of the first run, or start anew. To try several inputs from one state, describe them all from the start, "
            "at amplitude 0, and set them after resuming (Simulation.set_drive)",
        )  # fmt: skip
