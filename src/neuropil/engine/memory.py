"""What a run will need, before anything is allocated; what the machine has; what the process has used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from neuropil.engine.access.upkeep import columns
from neuropil.engine.cells.compose import compartments_of
from neuropil.engine.effects.compose import modulated_values
from neuropil.engine.effects.level import level_buffers
from neuropil.engine.effects.modulated_membrane import modulated_places, modulated_values_of
from neuropil.engine.exchange.spikes import exchanged
from neuropil.engine.layout import BLOCK
from neuropil.engine.stores.deliver import first_capacity
from neuropil.engine.stores.packed_store import packed_buffers
from neuropil.engine.stores.stateful_forecast import stateful_buffers
from neuropil.errors import MemoryLimitError
from neuropil.plan.buffers import Buffer
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Kind

if TYPE_CHECKING:
    from neuropil.engine.record.recorder import Recorder

NEGLIGIBLE = 16e6
"""Bytes of traces that are granted without asking the system what it has."""

PROGRAM_BYTES = 350_000_000
"""Python with NumPy, JAX, Numba and matplotlib, measured."""


def declared(plan: Plan, owners: int) -> list[Buffer]:
    """Everything that a run holds, as declared by those who hold it, for so many owners."""
    blocks, room = max(1, -(-plan.elements // (owners * BLOCK))), first_capacity(plan)
    buffers = [buffer for (_, argument), buffer in plan.buffers.items() if argument.kind is not Kind.EXACT]
    buffers.append(Buffer("accumulators of packed synapses", plan.accumulator, plan.channels * plan.elements, purpose="accumulators"))
    buffers += [compartments_of(cells) for cells in plan.cells.values()]
    buffers += exchanged(plan)
    buffers += [buffer for modulator in plan.network.modulators.values() for buffer in level_buffers(modulator)]
    buffers += [modulated_values(plan, member) for batch in plan.groups for member in batch.members if member.modulated]
    buffers += [modulated_values_of(plan, *key, effects) for key, effects in modulated_places(plan).items()]
    recorded = [p.columns.size for p in plan.network.probes] + [columns(plan, p).size for p in plan.network.synapse_probes]
    buffers += [Buffer("samples", np.float64, min(n * 10_000, 4_000_000), purpose="probes") for n in recorded]
    buffers += [Buffer(f"what {p.name} multiplies", np.float64, p.numbers, purpose="probes") for p in plan.network.probes]
    for word in plan.packed:
        buffers += packed_buffers(plan, word, owners, blocks, room)
    for j in plan.synapses:
        buffers += stateful_buffers(plan, j, owners, room)
    for graded in plan.graded:
        buffers += graded.buffers(plan, owners)
    for kind, projection in zip(plan.stores, plan.network.projections, strict=True):
        buffers += kind.buffers(projection, owners, room)
    return buffers


PURPOSES = ("state", "accumulators", "spikes", "spikes in flight", "probes", "synapses", "row starts", "segment bounds", "keys", "while building")
"""Under what the forecast counts what is declared."""


def predict(plan: Plan, threads: int = 1) -> dict[str, float]:
    """Bytes by purpose of a run of this `plan` on so many `threads`: the sum of what is declared, and the program itself."""
    needs = dict.fromkeys(PURPOSES, 0.0)
    for buffer in declared(plan, threads):
        needs[buffer.purpose] += buffer.bytes(threads)
    return {**needs, "program": float(PROGRAM_BYTES)}


def require(plan: Plan, threads: int, limit: float | None = None) -> dict[str, float]:
    """The prediction, refused when it exceeds the limit (what the machine has left, if None).

    Args:
        threads: owners of the neurons.

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

    Args:
        step: that is reached; target: that will be.
        limit: bytes, or None.

    Raises:
        MemoryLimitError: with the sum and the remedy.
    """
    if not recorder.tracks:
        return 0.0
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
