"""The packed synapse store: one machine word per synapse, sorted so that delivery reads straight runs.

A synapse is its target (16 bits, local to a block of neurons that one thread owns) and its weight (16 or 48 bits, in
a whole multiple of the weight scale; none where all of a segment weigh the same). What is not stored is where it stands: a source's row is sorted by block, then by key,
that is by (class, delay). A *segment* is the run of words of one source, block and key::

    words[row_start[s] + offsets[s, b, k] : row_start[s] + offsets[s, b, k + 1]]

Building takes one pass: a source's row is drawn into buffers that fit the cache, counting-sorted, and written where it
stays, since row starts follow from the degrees alone. Rows depend on nothing but their counters, so any number of
threads builds the same words.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuropil.codegen.ahead import Task, take
from neuropil.connectivity.builders import lists_targets
from neuropil.connectivity.draw import KernelTables, Rows, expected_synapses, kernel_tables, realise
from neuropil.connectivity.samplers import delay_steps
from neuropil.engine.stores.packed_kernels import pack_rows
from neuropil.errors import NetworkError, PlanError
from neuropil.model.connection.rules import AllToAll
from neuropil.model.contents.contents import Population
from neuropil.model.network.network import Network
from neuropil.plan.weight_scale import Scale, scales
from neuropil.units import ms, pA
from neuropil.zoo.neurons.lif import LIFExp

Word: TypeAlias = type[np.uint16] | type[np.uint32] | type[np.uint64]
Progress: TypeAlias = Callable[[float], None]

TASK = 1 << 18
"""Synapses that a thread builds between two looks at the shared counter: a few ms, so stopping is prompt."""

@dataclass(frozen=True)
class PackedSynapses:
    """All synapses of a network that are not listed each by itself, by global index of their source.

    Attributes:
        words: [n_synapses] uint32 (16-bit target below, signed 16-bit multiple of the weight scale above), uint64 (48-bit weight) or uint16 (the target).
        row_start: int64[n_neurons + 1].
        keys: for each source population int32[K, 2], its (class, delay in steps), sorted; K = 0 without projections. The class is the
            channel, or that and the weight (`neuropil.plan.weight_classes`).
        offsets: for each source population uint32[size, n_blocks, K + 1], relative to the row's start.
        scale: for each projection of the network how its weights are stored, here those whose word this is.
        rounding: for each projection the largest |stored - described| / |described| of its weights, leaving out those that the next
            two count.
        saturated: for each projection how many weights were too large, and are now the largest that fits.
        vanished: for each projection how many weights other than 0 are stored as 0.
    """

    words: np.ndarray
    row_start: NDArray[np.int64]
    keys: list[NDArray[np.int32]]
    offsets: list[NDArray[np.uint32]]
    scale: list[Scale | None]
    rounding: list[float] = field(default_factory=list)
    saturated: list[int] = field(default_factory=list)
    vanished: list[int] = field(default_factory=list)

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return self.words.size

    def memory(self) -> dict[str, int]:
        """Bytes by purpose."""
        return {
            "synapses": self.words.nbytes,
            "row starts": self.row_start.nbytes,
            "segment bounds": sum(o.nbytes for o in self.offsets),
            "keys": sum(k.nbytes for k in self.keys),
        }

    def unpack(self, population: int, source: int, first: int) -> dict[str, NDArray[np.int64]]:
        """One row as columns block, channel (class), delay (steps), local (target), multiples (of the weight scale; 0 if words have none); in the order of the words.

        Args:
            population: its index in the network; source: index within it; first: global index of its first neuron.
        """
        bounds, keys = self.offsets[population][source].astype(np.int64), self.keys[population]
        start, end = self.row_start[first + source], self.row_start[first + source + 1]
        words = self.words[start:end]
        lengths = np.diff(bounds, axis=1)
        block, key = (np.repeat(index.ravel(), lengths.ravel()) for index in np.indices(lengths.shape))
        signed = signed_words(words).astype(np.int64)
        return {
            "block": block,
            "channel": keys[key, 0].astype(np.int64),
            "delay": keys[key, 1].astype(np.int64),
            "local": (words & words.dtype.type(0xFFFF)).astype(np.int64),
            "multiples": signed >> 16,
        }


def signed_words(words: np.ndarray) -> np.ndarray:
    """The same memory as signed words, whose upper part is a weight; words without weights are as they are."""
    return words.view({np.dtype(np.uint32): np.int32, np.dtype(np.uint64): np.int64}.get(words.dtype, words.dtype))


def widened(store: PackedSynapses, multiples: NDArray[np.int64]) -> PackedSynapses:
    """Words without weights as words that have them, at the same positions.

    Args:
        store: with words of 2 bytes.
        multiples: the weight of each class, in units of the weight scale.

    Returns:
        The same synapses; the scale of each projection among them has the wider word.
    """
    own = with_weights(store.scale, np.uint16)
    weights = [np.tile(multiples[keys[:, 0]], offsets.shape[0] * offsets.shape[1]) for keys, offsets in zip(store.keys, store.offsets, strict=True)]
    lengths = [np.diff(offsets.astype(np.int64), axis=2).ravel() for offsets in store.offsets]
    each = np.repeat(np.concatenate(weights).astype(own), np.concatenate(lengths))
    words: np.ndarray = store.words.astype(own)
    words |= each << own(16)
    scale = [s if s is None or s.word != np.uint16 else replace(s, word=np.uint64 if s.wide else np.uint32) for s in store.scale]
    return replace(store, words=words, scale=scale, rounding=list(store.rounding), saturated=list(store.saturated), vanished=list(store.vanished))


def build(
    network: Network,
    dt_ms: float,
    seed: int,
    *,
    block_of: NDArray[np.uint16],
    local_of: NDArray[np.uint16],
    n_blocks: int,
    channel_of: Sequence[int],
    scale: Sequence[Scale | None],
    first_target: Sequence[int] | None = None,
    word: Word = np.uint32,
    threads: int = 1,
    within: Sequence[slice | None] | None = None,
    progress: Progress | None = None,
) -> PackedSynapses:
    """Draw, pack and sort every synapse of the projections whose weights such words hold.

    Args:
        dt_ms: time step in ms.
        block_of, local_of: uint16[n_elements], the block that owns an element and its index within it; neurons first.
        channel_of: for each projection the class of its segments (`neuropil.plan.weight_classes`).
        scale: for each projection how its weights are stored (`neuropil.plan.weight_scale.scales`).
        first_target: for each projection the first element of its target; None: the first neuron of the population.
        word: type of a stored synapse.
        threads: how many build; the result does not depend on it.
        within: for each projection, keep the synapses on these neurons of its target alone (None: on all).
        progress: called from this thread with the fraction done.
        seed: of the network's random numbers.
        n_blocks: blocks of targets.

    Returns:
        The store.

    Raises:
        PlanError: blocks that do not cover the network.
    """
    slot = block_of.astype(np.uint32) << np.uint32(16) | local_of.astype(np.uint32)
    first = [p.target.first for p in network.projections] if first_target is None else list(first_target)
    if slot.size < network.size or (slot.size and int(block_of.max()) >= n_blocks):
        raise PlanError("blocks do not cover the network", got=f"{slot.size} slots", expected=f"{network.size} in {n_blocks} blocks")
    held = held_by(scale, word)
    realised = {j: realise(network.projections[j], seed, dt_ms, None if within is None else within[j]) for j in held}
    row_start = _row_starts(network, realised)
    words = np.empty(int(row_start[-1]), word)
    store = PackedSynapses(words, row_start, [], [], list(scale), [0.0] * len(scale), [0] * len(scale), [0] * len(scale))
    jobs = []
    for population in network.populations.values():
        outgoing = packed_from(network, population, held)
        keys = source_keys([(channel_of[j], realised[j].delay.steps) for j in outgoing])
        offsets = np.empty((population.size, n_blocks, len(keys) + 1), np.uint32)
        store.keys.append(keys)
        store.offsets.append(offsets)
        if outgoing:
            jobs.append(_job(network, population, outgoing, realised, channel_of, scale, slot, first, keys, offsets, store))
        else:
            offsets[:] = 0
    zeros = {j: rows.n_synapses - rows.weight.nonzero(rows.n_synapses) for j, rows in realised.items()}
    del realised  # explicit targets are held by the jobs only from now on
    _run(jobs, store, threads, progress)
    for j, described in zeros.items():
        store.vanished[j] -= described
    return store


def held_by(scale: Sequence[Scale | None], word: Word) -> list[int]:
    """Indices of the projections whose weights such words hold.

    Args:
        scale: of each projection.
        word: type of a stored synapse.
    """
    return [j for j, s in enumerate(scale) if s is not None and s.word == word]


def with_weights(scale: Sequence[Scale | None], word: Word) -> type[np.uint32] | type[np.uint64]:
    """The type of words that hold weights, of the projections that lie in such words.

    Args:
        scale: of each projection.
        word: type of a stored synapse, which may have no weight.
    """
    return np.uint64 if any(s is not None and s.word == word and s.wide for s in scale) else np.uint32


def source_keys(outgoing: Sequence[tuple[int, NDArray[np.int64]]]) -> NDArray[np.int32]:
    """int32[K, 2]: the sorted (channel, delay steps) of a source population, given those of its projections.

    Args:
        outgoing: channel and delays (steps) of each projection.
    """
    pairs = {(channel, int(d)) for channel, steps in outgoing for d in steps}
    return np.array(sorted(pairs), np.int32).reshape(-1, 2)


def predict_memory(
    network: Network, dt_ms: float, n_blocks: int, channel_of: Sequence[int], scale: Sequence[Scale | None], word: Word = np.uint32
) -> dict[str, float]:
    """Bytes by purpose as :meth:`PackedSynapses.memory` will give them, before anything is allocated.

    Exact for rules that fix the number of synapses, else the expectation. ``"while building"`` is what building holds
    besides: explicit targets and the values of weights and delays given as arrays.

    Args:
        dt_ms: time step, ms.
        n_blocks: blocks of targets.
        channel_of: channel of each projection.
        scale: of each projection.
        word: type of a stored synapse.
    """
    held = held_by(scale, word)
    expected = [expected_synapses(p) if j in held else 0.0 for j, p in enumerate(network.projections)]
    bounds = keys = building = 0.0
    for population in network.populations.values():
        outgoing = packed_from(network, population, held)
        n_keys = len(source_keys([(channel_of[j], delay_steps(network.projections[j], dt_ms)) for j in outgoing]))
        bounds += 4.0 * population.size * n_blocks * (n_keys + 1)
        keys += 8.0 * n_keys
    for projection, n in ((network.projections[j], expected[j]) for j in held):
        per_synapse = 8.0 if projection.targets is not None else 4.0 * lists_targets(projection)
        building += per_synapse * n + 8.0 * _array_size(projection.weight) + 2.0 * _array_size(projection.delay)
        building += 4.0 * _array_size(projection.site)
        building += 16.0 * projection.source.size
    return {
        "synapses": sum(expected) * np.dtype(word).itemsize,
        "row starts": 8.0 * (network.size + 1),
        "segment bounds": bounds,
        "keys": keys,
        "while building": building,
    }


def packing(word: type[np.uint32] | type[np.uint64]) -> Task:
    """The kernel that draws and packs synapses, to be compiled ahead.

    Args:
        word: type of words that hold weights; those without are cut from them as they are written.
    """
    return Task(pack_rows, (__name__, "pack_two", (np.dtype(word).name,)))


def pack_two(word: str) -> None:
    """Compile that kernel, by packing the synapses of two neurons.

    Args:
        word: name of the type of a stored synapse, "uint32" or "uint64".
    """
    network, kind = Network("two neurons"), np.uint32 if word == "uint32" else np.uint64
    neurons = network.population("neurons", LIFExp(), 2)
    network.project(neurons, neurons, AllToAll(), weight=1 * pA, delay=1 * ms, port="exc")
    slot = np.arange(2, dtype=np.uint16)
    build(network, 0.1, 1, block_of=0 * slot, local_of=slot, n_blocks=1, channel_of=[0], scale=scales(network, [True], kind), word=kind)


# --- preparation -----------------------------------------------------------------------------------------------------


def packed_from(network: Network, population: Population, held: Sequence[int]) -> list[int]:
    """Indices of the projections from a population among those held, in the order in which they share its rows."""
    return [j for j in held if network.projections[j].source is population]


def _array_size(value: Any) -> int:
    return value.size if isinstance(value, np.ndarray) else 0


def _row_starts(network: Network, realised: dict[int, Rows]) -> NDArray[np.int64]:
    """int64[n_neurons + 1]: prefix sums of the sources' total degrees."""
    length = np.zeros(network.size, np.int64)
    for j, rows in realised.items():
        projection = network.projections[j]
        length[projection.source.first : projection.source.first + projection.source.size] += rows.counts
    if length.size and length.max() >= 2**32:
        raise NetworkError("a neuron makes more synapses than a row can hold", got=int(length.max()), expected="below 2**32")
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(length)])


@dataclass(frozen=True)
class _Job:
    """Everything the kernel needs to pack rows of one source population, in the order of its arguments."""

    tables: KernelTables
    projections: list[int]
    row_start: NDArray[np.int64]
    arguments: tuple[Any, ...]

    def tasks(self) -> Iterator[tuple[_Job, int, int]]:
        """Ranges of sources that make about TASK synapses each."""
        last = self.row_start.size - 1
        cuts = np.searchsorted(self.row_start, np.arange(self.row_start[0], self.row_start[-1], TASK))
        edges = np.unique(np.concatenate([[0], cuts, [last]]))
        for a, b in itertools.pairwise(edges.tolist()):
            yield self, a, b


def _job(
    network: Network, population: Population, outgoing: list[int], realised: dict[int, Rows], channel_of: Sequence[int],
    scale: Sequence[Scale | None], slot: NDArray[np.uint32], first: Sequence[int], keys: NDArray[np.int32], offsets: NDArray[np.uint32], store: PackedSynapses,
) -> _Job:  # fmt: skip
    tables = kernel_tables([realised[j] for j in outgoing])
    number = {(int(c), int(d)): k for k, (c, d) in enumerate(keys)}
    key_of = [[number[channel_of[j], int(d)] for d in realised[j].delay.steps] for j in outgoing]
    key_start = np.concatenate([[0], np.cumsum([len(k) for k in key_of])]).astype(np.int64)
    row_start = store.row_start[population.first : population.first + population.size + 1]
    used = {j: s for j, s in enumerate(scale) if s is not None}
    own = with_weights(scale, store.words.dtype.type)
    real = np.empty(0, np.float64 if own == np.uint64 else np.float32)
    # Words without weights are cut from those with weights as they are written, so that both have one version of the kernel.
    words, alike = (np.empty(0, own), store.words) if store.words.dtype == np.uint16 else (store.words, np.empty(0, np.uint16))
    t = tables
    return _Job(tables, outgoing, row_start, (
        t.samplers, t.starts, t.counts, t.positions, t.targets, t.weights, t.delays, t.sites, t.threshold, t.pair,
        np.array([first[j] for j in outgoing], np.int64),
        max(network.projections[j].target.size for j in outgoing), slot,
        np.array([k for ks in key_of for k in ks], np.uint32), key_start,
        np.array([used[j].unit for j in outgoing], np.float64), np.array([used[j].top for j in outgoing], np.float64), row_start, real, offsets, words, alike,
    ))  # fmt: skip


# --- threads ---------------------------------------------------------------------------------------------------------


def _run(jobs: list[_Job], store: PackedSynapses, threads: int, progress: Progress | None) -> None:
    """Let `threads` threads take tasks from one iterator until none is left; the first error stops all."""
    tasks = (task for job in jobs for task in job.tasks())
    take(packing(with_weights(store.scale, store.words.dtype.type)))
    lock, stop = threading.Lock(), threading.Event()
    done, errors = [0], []  # type: tuple[list[int], list[BaseException]]

    def work() -> None:
        try:
            while not stop.is_set():
                with lock:
                    task = next(tasks, None)
                if task is None:
                    return
                job, first, last = task
                account = pack_rows(first, last, *job.arguments)
                with lock:
                    done[0] += int(job.row_start[last] - job.row_start[first])
                    for j, (saturated, zeros, worst) in zip(job.projections, account.tolist(), strict=True):
                        store.saturated[j] += int(saturated)
                        store.vanished[j] += int(zeros)
                        store.rounding[j] = max(store.rounding[j], worst)
        except BaseException as error:
            errors.append(error)
            stop.set()

    workers = [threading.Thread(target=work, daemon=True, name=f"neuropil-build-{i}") for i in range(max(1, threads))]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            while worker.is_alive():
                worker.join(0.05)
                if progress is not None and store.n_synapses:
                    progress(done[0] / store.n_synapses)
    finally:
        stop.set()  # Ctrl-C arrives here: a thread ends after its task, and memory must outlive it
        for worker in workers:
            if worker.ident is not None:
                worker.join()
    if errors:
        raise errors[0]
