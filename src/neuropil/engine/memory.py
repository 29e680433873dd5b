"""What a run will need, before anything is allocated; what the machine has; what the process has used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from neuropil.connectivity.samplers import delay_steps
from neuropil.engine.access.upkeep import columns
from neuropil.engine.layout import BLOCK
from neuropil.engine.stores.buckets import ring_length
from neuropil.engine.stores.deliver import first_capacity
from neuropil.engine.stores.packed import predict_memory
from neuropil.engine.stores.packed_store import predict_in_flight
from neuropil.engine.stores.stateful_store import predict_memory as predict_listed
from neuropil.errors import MemoryLimitError
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Kind

if TYPE_CHECKING:
    from neuropil.engine.record.recorder import Recorder

NEGLIGIBLE = 16e6
"""Bytes of traces that are granted without asking the system what it has."""

PROGRAM_BYTES = 350_000_000
"""Python with NumPy, JAX, Numba and matplotlib, measured."""


def predict(plan: Plan, threads: int = 1) -> dict[str, float]:
    """Bytes by purpose of a run of this plan on so many threads."""
    per_thread = max(1, -(-plan.elements // (threads * BLOCK)))
    blocks = threads * per_thread
    longest = max((int(delay_steps(p, plan.dt)[-1]) for p in plan.network.projections), default=1)
    buckets, room = 8.0 * threads * ring_length(longest), first_capacity(plan)  # first: how many spikes there were in each step
    recorded = [p.neurons.size for p in plan.network.probes] + [columns(plan, p).size for p in plan.network.synapse_probes]
    probes = sum(8.0 * min(n * 10_000, 4_000_000) for n in recorded)
    parts = dict.fromkeys(("synapses", "row starts", "segment bounds", "keys", "while building"), 0.0)
    for word in plan.packed:
        for name, size in predict_memory(plan.network, plan.dt, blocks, plan.channel_of, plan.scale, word).items():
            parts[name] += size
        buckets += threads * predict_in_flight(plan, word, per_thread, room)
    for j in plan.synapses:
        for name, size in predict_listed(plan, j, threads, room).items():
            if name == "spikes in flight":
                buckets += size
            else:
                parts[name] += size
    state = accumulators = 0.0
    for group in plan.batches:
        # A Poisson count is drawn beside the one that is read.
        held = [(plan.element_type(group, a), 2 if a.kind is Kind.COUNT else 1) for a in group.arguments if a.kind is not Kind.EXACT]
        per_neuron = sum(element.itemsize * copies for element, copies in held)
        state += per_neuron * group.size
        accumulators += plan.channels * np.dtype(plan.accumulator).itemsize * group.size
    for cells in plan.cells.values():
        states = sum(p.size * len(p.program.membrane.states) for p in cells.cable.membranes)
        state += np.dtype(cells.precision).itemsize * cells.population.size * (cells.cable.size + states)
    spikes = (8 + 12) * 2.0 * plan.network.size  # exchange and log
    own = {"state": state, "accumulators": accumulators, "spikes": spikes, "spikes in flight": buckets, "probes": probes}
    return {**own, **parts, "program": float(PROGRAM_BYTES)}


def require(plan: Plan, threads: int, limit: float | None = None) -> dict[str, float]:
    """The prediction, refused when it exceeds the limit (what the machine has left, if None).

    Raises:
        MemoryLimitError: with the sum and the remedy.
    """
    needs = predict(plan, threads)
    limit = available() if limit is None else limit
    total = sum(needs.values())
    if total > limit:
        largest = sorted(needs.items(), key=lambda item: -item[1])[:3]
        parts = " + ".join(f"{name} {size / 1e9:.2f}" for name, size in largest)
        raise MemoryLimitError(
            f"{plan.network.name} needs more memory than is available",
            got=f"{total / 1e9:.2f} GB ({parts} + …)",
            expected=f"at most {limit / 1e9:.2f} GB",
            fix="a smaller --scale, fewer synapses, float32 with packed weights, or a larger machine",
        )
    return needs


def require_traces(recorder: Recorder, step: int, target: int, limit: float | None = None) -> float:
    """Bytes that traces will take when a run reaches a step, refused when they exceed the limit (what the machine has left, if None).

    Samples are collected in pieces and joined into the result: in memory each takes its bytes twice for a moment. With a
    folder they wait on disk, and the result takes them once.

    Raises:
        MemoryLimitError: with the sum and the remedy.
    """
    copies = 2.0 if recorder.folder is None else 1.0
    pending = needed = 0.0
    for track, rows in zip(recorder.tracks, recorder.rows_written, strict=True):
        sample = copies * track.neurons.size * np.dtype(track.dtype).itemsize
        needed += sample * (rows + max(0, target - step) / track.every)
        pending += sample * max(0, target - step) / track.every
    if pending > NEGLIGIBLE and (needed if limit is not None else pending) > (limit if limit is not None else available()):
        largest = max(recorder.tracks, key=lambda t: t.neurons.size / t.every)
        raise MemoryLimitError(
            f"the traces of {recorder.plan.network.name} need more memory than is available",
            got=f"{needed / 1e9:.2f} GB, most of them for {largest.neurons.size} columns of {largest.name!r} every {largest.every * recorder.plan.dt:g} ms",
            expected=f"at most {(available() if limit is None else limit) / 1e9:.2f} GB",
            fix="probe fewer neurons or at a longer interval, run in parts, or stream to a folder (out=...), which takes half",
        )
    return needed


def available() -> float:
    """Bytes of memory that a new allocation can use without swapping."""
    import psutil

    return float(psutil.virtual_memory().available)


def peak() -> int:
    """Largest resident memory of this process so far, bytes."""
    try:
        import resource  # psutil gives the largest on Windows only
    except ImportError:
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(used if sys.platform == "darwin" else used * 1024)
