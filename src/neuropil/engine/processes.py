"""Owners in several processes of one machine: each process builds the part of its owners, and they run a network together.

This is what a launcher has to do: start processes, give each its owners and an allocator of memory that all see, gather what they found.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.engine.core import DONE, SHORT, Core
from neuropil.engine.exchange.exchange import Allocator, Exchange
from neuropil.errors import PlanError, SimulationError
from neuropil.model.network.network import Network
from neuropil.plan.plan import make_plan


@dataclass(frozen=True)
class Part:
    """What the owners of one process found.

    Attributes:
        stamps, neurons: int64[n], their spikes, by stamp (steps) and global index of the neuron.
        packed: how many packed synapses they hold.
        synapses: by projection, of those kept one by one, its source and target (int64[n]) and weight (float64[n]) at the end.
        interval: steps between two meetings.
    """

    stamps: np.ndarray
    neurons: np.ndarray
    packed: int
    synapses: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    interval: int


def in_files(folder: Path) -> Allocator:
    """Memory for owners in processes of one machine: files in a folder, which all of them map; the first process makes a file of zeros."""

    def allocate(name: str, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(handle, size)  # by each of them, to the same size: what is there stays
            memory = mmap.mmap(handle, size)
        finally:
            os.close(handle)
        return np.frombuffer(memory, dtype).reshape(shape)

    return allocate


def run_part(network: Network, steps: Sequence[int], owners: int, mine: range, folder: Path, **options: Any) -> Part:
    """Run some of the owners of a network, together with the others.

    Args:
        network: the description, the same in all processes.
        steps: of the runs, one after the other.
        owners: how many there are in all; mine: which of them are threads of this process.
        folder: for the memory that all processes share; empty when they begin.
        options: of `make_plan`.

    Returns:
        What they found.

    Raises:
        SimulationError: a state diverged, or another owner failed. PlanError: a network that cannot be divided among processes.
    """
    _refuse_what_is_between_steps(network)
    plan = make_plan(network.frozen(), **options)
    exchange = Exchange(plan, owners, in_files(folder))
    found = []
    try:
        core = Core(plan, owners, mine, exchange)
        core.compile()
        core.connect(None)
        for n in steps:
            end = core.step + n
            while core.step < end or core.pending:
                _, status = core.advance(end - core.step)
                found.append(core.flush())
                if status == SHORT:
                    core.make_room()
                elif status != DONE:
                    raise SimulationError("a state diverged, or another process failed", got=f"at step {core.step}, owners {mine.start} to {mine.stop - 1}")
        core.close()
    except BaseException:
        exchange.abort()
        raise
    synapses = {s.projection.name: (s.synapses.pre, s.synapses.post, s.read("weight", core.step)) for s in core.per_synapse.values()}
    stamps, neurons = (np.concatenate([f[k] for f in found]) for k in (0, 1))
    return Part(stamps, neurons, sum(p.n_synapses for p in core.packed), synapses, exchange.interval)


def _refuse_what_is_between_steps(network: Network) -> None:
    """Parts run steps and nothing between them.

    Raises:
        PlanError: the network has something that acts between steps.
    """
    acting = {
        "modulators": network.modulators, "probes": [*network.probes, *network.synapse_probes], "normalisation": network.normalisations,
        "structure=": [p for p in network.projections if p.structure is not None],
    }  # fmt: skip
    if found := [name for name, things in acting.items() if things]:
        raise PlanError("owners in processes run steps only, and nothing between them", got=", ".join(found), fix="npl.Simulation, whose owners are threads")


def run_in_processes(networks: Sequence[Network], steps: Sequence[int], parts: Sequence[range], folder: Path, **options: Any) -> list[list[Part]]:
    """Run networks, one after the other, the owners of each divided among as many processes as there are parts.

    Args:
        networks: descriptions; steps: of the runs of each.
        parts: the owners of each process, consecutive.
        folder: an empty one, for the memory that the processes share.
        options: of `make_plan`.

    Returns:
        For each network what each process found.

    Raises:
        SimulationError: a process failed; what it wrote to the error stream says why.
    """
    context = multiprocessing.get_context("spawn")
    started = []
    for mine in parts:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(networks, steps, parts[-1].stop, mine, folder, options, there), daemon=True)
        process.start()
        there.close()
        started.append((process, here))
    try:
        return [[here.recv() for _, here in started] for _ in networks]
    except EOFError:
        raise SimulationError("a process that ran a part of the network failed", fix="see what it wrote to the error stream") from None
    finally:
        for process, here in started:
            here.close()
            process.terminate()
            process.join()


def _work(networks: Sequence[Network], steps: Sequence[int], owners: int, mine: range, folder: Path, options: dict[str, Any], answer: Connection) -> None:
    """What a process does."""
    for j, network in enumerate(networks):
        shared = folder / str(j)
        shared.mkdir(exist_ok=True)
        answer.send(run_part(network, steps, owners, mine, shared, **options))
