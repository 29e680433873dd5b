"""The native side of a simulation: its arrays, its threads, and running them in chunks of steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import numpy as np

from neuropil.connectivity.samplers import delay_range
from neuropil.engine.compose import Machine, compose
from neuropil.engine.core_states import CoreStates
from neuropil.engine.exchange.exchange import Exchange, meet
from neuropil.engine.exchange.spikes import EVENTS, IN_RING, LOGGED, SINCE_FLUSH, SpikeLog
from neuropil.engine.layout import Layout
from neuropil.engine.program import Calls, Program
from neuropil.engine.ring import ring_length
from neuropil.engine.steps import PHASES, TIMED_STEPS
from neuropil.engine.stores import clock_driven_store, target_record_store  # noqa: F401  (they register builders)
from neuropil.engine.stores.built import Built
from neuropil.engine.stores.deliver import Rows, first_capacity
from neuropil.engine.stores.graded import GradedWeights
from neuropil.engine.stores.graded_compose import graded_of
from neuropil.engine.stores.modulated_synapses import modulated_synapses
from neuropil.engine.stores.packed import PackedSynapses, build, signed_words, widened
from neuropil.engine.stores.packed_store import PackedStore, Store
from neuropil.engine.stores.rewire import rewired, steps_between
from neuropil.engine.stores.shared_store import SharedStore
from neuropil.engine.stores.stateful_store import SynapseStore
from neuropil.engine.stores.synapse_list import REFRESHED
from neuropil.model.neuron.composite import split
from neuropil.plan.operations import Operation
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Kind
from neuropil.plan.spec import in_order
from neuropil.registry import builder_of

DONE, SHORT, RUNAWAY, FAULT = 0, 1, 2, 4
PROBE_BUFFER_BYTES = 32_000_000


class Core(CoreStates):
    """Arrays and threads of one simulation; steps are counted from 0.

    Args:
        plan: the lowered network.
        owners: among how many its neurons are divided.
        mine: which of them are threads of this process (all, if None).
        exchange: what the owners share (memory of this process, if None).

    Attributes:
        plan: as it was made; now: with what has been changed since (`neuropil.engine.parameters`), its parts at the same indices.
        counts: int64[neurons], spikes of each since t = 0.
        restarting: names of populations of cells whose start, in `now`, is that of other parameters.
    """

    def __init__(self, plan: Plan, owners: int, mine: range | None = None, exchange: Exchange | None = None):
        self.plan, self.layout = plan, Layout.of(plan, owners, mine)
        self.now = plan
        self.restarting: set[str] = set()
        self.threads = threads = len(self.layout.mine)
        columns = sum(p.columns.size for p in plan.network.probes)
        self.probe_rows = int(np.clip(PROBE_BUFFER_BYTES // (8 * max(columns, 1)), 16, 10_000))
        self.exchange = Exchange(plan, owners) if exchange is None else exchange
        self.machine: Machine = compose(plan, self.layout, self.probe_rows + 1, self.exchange)  # one more: a sample at t = 0
        self.published, self.graded = graded_of(plan, self.layout, self.machine)
        self.machine.before += [p.begin for p in self.published]
        self.program: Program
        self.step = 0
        self.pending = 0  # steps up to now whose spikes have been published and wait to be filed
        self.turnover = np.zeros(2, np.int64)  # synapses that vanished and formed
        self.counts = np.zeros(plan.network.size, np.int64)
        self.clock = [np.zeros(TIMED_STEPS + 1, np.int64) for _ in range(threads)]
        self.ticked = [-1] * threads  # the step of the last tick: it is done once, whatever comes between it and the step
        self._pool = ThreadPoolExecutor(threads - 1, "neuropil") if threads > 1 else None
        sizes = [p.size for p in plan.network.populations.values()]
        room = first_capacity(plan)
        self.own: dict[int, Store] = {
            j: builder_of(kind, "engine")(plan, j, self.layout, self.machine, room) for j, kind in enumerate(plan.stores) if not kind.exact
        }
        shared = [store for store in self.own.values() if isinstance(store, SharedStore)]
        self.structured: list[GradedWeights | SharedStore] = [*self.graded, *shared]  # weights that are read and set as a whole
        self.per_synapse: dict[int, SynapseStore] = {j: cast(SynapseStore, store) for j, store in self.own.items() if j in plan.synapses}
        self.synaptic = modulated_synapses(plan, self.per_synapse, self.machine.levels)
        self.machine.synaptic += self.synaptic
        self._use([Rows.empty(sizes, word) for word in plan.packed])
        self.packed: list[PackedSynapses] = []
        self.described: dict[int, PackedSynapses] = {}  # as they were built, by index among the packed ones
        self.lent: set[int] = set()  # those whose words others hold, too

    # --- preparing -------------------------------------------------------------------------------------------------

    def compile(self) -> None:
        """Compile, or load from the cache, the kernels."""
        linked = self.program.link([op.own(0) for op in self.program.calls], self.plan.precision)
        self._calls = [Calls(self.program, linked, owner) for owner in self.layout.mine]

    def change(self, **parts: Any) -> None:
        """Take parts of the plan, such as its groups, for the present ones; what they lie in stays.

        Args:
            parts: fields of `Plan` by name.
        """
        self.now = replace(self.now, **parts)
        vars(self.now)["buffers"] = self.plan.buffers  # operations know each other by them

    def substitute(self, others: Mapping[Operation, Sequence[Operation]]) -> None:
        """Put operations in the place of others, between steps; they do to buffers what the one before them did.

        Args:
            others: by the operation that they replace.
        """
        if others:
            self.machine.operations = [new for op in self.machine.operations for new in others.get(op, (op,))]
            self.program = Program(tuple(new for op in self.program.operations for new in others.get(op, (op,))))
            self.compile()

    def connect(self, progress: Callable[[float], None] | None, built: Built | None = None) -> None:
        """Build the synapses and everything whose size depends on them.

        Args:
            progress: called with the fraction done, or None.
            built: by a simulation whose neurons are numbered alike: what is described alike is taken from it.
        """
        plan, layout = self.plan, self.layout
        taken = {word: None if built is None else built.words(plan, word) for word in plan.packed}
        self.packed = [
            taken[word] or build(
                plan.network, plan.dt, plan.seed, block_of=layout.block_of, local_of=layout.local_of,
                n_blocks=layout.blocks * self.threads, channel_of=plan.classes(word).of, scale=plan.scale, word=word,
                first_target=[plan.parts[p.target.name, split(p.port or "")[0]].first for p in plan.network.projections],
                threads=self.threads, within=[layout.owned(p.target) for p in plan.network.projections], progress=progress,
            )
            for word in plan.packed
        ]  # fmt: skip
        self.lent = {k for k, word in enumerate(plan.packed) if taken[word]}
        self.described = dict(enumerate(self.packed))
        for store in self.per_synapse.values():
            store.begin(None if built is None else built.synapses(store.projection.name))
        for graded in self.graded:
            graded.draw()
        self._use([Rows.of(packed, [p.size for p in plan.network.populations.values()]) for packed in self.packed])
        self.compile()

    def built(self) -> Built:
        """What was built, to be shared: packed words are copied before they are written from now on."""
        words = list(self.plan.packed)
        self.lent |= set(self.described)
        lists = {s.projection.name: shared for s in self.per_synapse.values() if (shared := s.shared()) is not None}
        return Built(self.plan, self.layout, {words[k]: packed for k, packed in self.described.items()}, lists)

    def writable(self, k: int) -> PackedSynapses:
        """The packed synapses of the k-th word, which nothing else holds, to be written."""
        if k in self.lent:
            self.lent.discard(k)
            packed = self.packed[k]
            self.packed[k] = replace(
                packed, words=packed.words.copy(), scale=list(packed.scale), rounding=list(packed.rounding), saturated=list(packed.saturated), vanished=list(packed.vanished)
            )
            store = self.stores[k]
            assert isinstance(store, PackedStore)
            store.rows = replace(store.rows, words=signed_words(self.packed[k].words))
        elif self.described.get(k) is self.packed[k]:
            del self.described[k]
        return self.packed[k]

    def _use(self, rows: list[Rows]) -> None:
        """Take the packed stores into use, with buckets and logs that fit its delays."""
        capacity = first_capacity(self.plan)
        exact = tuple(buffer for (_, argument), buffer in self.plan.buffers.items() if argument.kind is Kind.EXACT)
        packed = [PackedStore(r, self.machine.accumulators, self.layout.blocks, capacity, exact, self.plan.classes(w)) for r, w in zip(rows, self.plan.packed, strict=True)]
        self.stores: list[Store] = [*packed, *self.own.values()]
        # Of the synapses of all owners: owners decide alike by what is within the ring.
        longest = max((delay_range(p, self.plan.dt)[1] for p in self.plan.network.projections), default=1)
        self.ring = max([ring_length(longest), *(store.ring for store in self.stores)])
        room = max(1 << 16, 2 * self.plan.network.size)
        self.logs = [SpikeLog.of(room, self.ring, self.counts) for _ in range(self.threads)]
        self._compose_program()

    def _compose_program(self) -> None:
        stored = [op for store in self.stores for op in store.operations()] + [op for modulated in self.synaptic for op in modulated.operations]
        graded = [*(p.operation for p in self.published), *(op for weights in self.graded for op in weights.operations())]
        self.program = Program(in_order([*self.machine.operations, *stored, *graded]))

    def widen(self, k: int) -> None:
        """Give weights of their own, at first the same, to the words of the k-th packed store, which have none; what is under way stays."""
        store = self.stores[k]
        assert isinstance(store, PackedStore)
        self.packed[k] = widened(self.packed[k], store.multiples)
        self.lent.discard(k)
        store.rows = replace(store.rows, words=signed_words(self.packed[k].words))
        self._compose_program()
        self.compile()

    # --- running ---------------------------------------------------------------------------------------------------

    def begin_at(self, step: int) -> None:
        """Take the present state to be that of another step; nothing may be under way."""
        self.step = step
        for store in self.per_synapse.values():
            store.begin_at(step)

    def advance(self, steps: int) -> tuple[int, int]:
        """Run up to `steps` steps; returns (steps done, DONE | SHORT | RUNAWAY | FAULT). Probe buffers must have room."""
        steps = 0 if self.pending and self.step % REFRESHED == 0 else min(steps, REFRESHED - self.step % REFRESHED)
        for prepare in self.machine.before:
            prepare(self.step)
        columns, row = self.program.columns(self.step, max(steps, 1), self.plan.precision)
        futures = []
        try:
            if self._pool is not None:
                futures = [self._pool.submit(self._together, t, steps, columns, row) for t in range(1, self.threads)]
            done, status, unfiled = self._together(0, steps, columns, row)
            others = [future.result()[1] for future in futures]
            status = status or max(others, default=DONE)  # owners end alike, but each has looked at its own states alone
        except BaseException:
            self.exchange.abort()  # or the others would wait for this thread for ever
            raise
        self.step += done
        self.pending = unfiled
        if self.per_synapse and self.step % REFRESHED == 0 and self.step and not self.pending:
            for store in self.per_synapse.values():
                store.bring_up(self.step)
        return done, status

    @property
    def diverged(self) -> int:
        """After a run ended RUNAWAY: the first step at whose end a state was found beyond bounds."""
        return self.exchange.first_alarm(self.step - self.exchange.interval) or self.step

    def make_room(self) -> None:
        """Enlarge the buckets after a run ended SHORT (logs are emptied by `flush`)."""
        total = self.exchange.published(self.logs[0].side, self.step - self.pending, self.pending)
        needed = int(self.logs[0].counters[IN_RING]) + total
        for store in self.stores:
            store.grow(needed)
        if total > self.logs[0].step.size:
            for log in self.logs:
                log.enlarge(2 * total)

    def flush(self) -> tuple[np.ndarray, np.ndarray]:
        """All spikes since the last flush, by (step, neuron), the step being the stamp; empties the logs."""
        parts = []
        for log in self.logs:
            if n := log.counters.item(LOGGED):
                parts.append((log.step[:n], log.neuron[:n]))
                log.counters[LOGGED] = 0
            log.counters[SINCE_FLUSH] = 0
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        step, neuron = parts[0] if len(parts) == 1 else (np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))
        neuron = neuron.astype(np.int64)  # a copy: the log goes on
        # All of one step? A log is in the order of steps.
        if step.item(0) == step.item(-1) and (len(parts) == 1 or all(p[0][0] == step[0] == p[0][-1] for p in parts)):
            neuron.sort()
            return step.copy(), neuron
        order = np.lexsort((neuron, step))
        return step[order], neuron[order]

    def flush_probes(self) -> list[np.ndarray]:
        """Samples of every probe since the last flush, [rows, columns]; empties the buffers."""
        samples = []
        for j, probe in enumerate(self.plan.network.probes):
            buffers = [self.machine.probes[t][j] for t in range(self.threads)]
            rows = int(buffers[0].filled[0])
            values = np.full((rows, probe.columns.size), np.nan, self.plan.precision)
            buffers[0].gather(buffers, values)
            for buffer in buffers:
                buffer.filled[0] = 0
            samples.append(values)
        return samples

    def refile(self, steps: np.ndarray, neurons: np.ndarray) -> None:
        """Put the synapses of past spikes (stamps, global neurons) back into flight: as a simulation that resumes from a checkpoint needs them.

        Args:
            steps: int64[n], stamps.
            neurons: int64[n], global indices.
        """
        emitted = np.asarray(steps, np.int64) - 1
        for log in self.logs:
            np.add.at(log.recent, emitted & (self.ring - 1), 1)
            log.counters[IN_RING] += emitted.size
        for store in self.stores:
            store.grow(int(self.logs[0].counters[IN_RING]))
            store.refile(np.asarray(neurons, np.int64), emitted, self.step)

    def drop_spikes(self) -> None:
        """No event is under way, and no neuron has just spiked."""
        self.exchange.clear()
        for accumulators in self.machine.accumulators:
            accumulators[:] = 0
        for log in self.logs:
            log.recent[:] = 0
            log.counters[IN_RING] = 0
        for store in self.stores:
            store.drop()
        for published in self.published:
            published.values[:] = 0.0

    def next_rewiring(self) -> int:
        """The step of the next rewiring of any projection, after the present one; far away if there is none."""
        every = [n for n in (steps_between(self.plan, j) for j in self.per_synapse) if n is not None]
        return min(((self.step // n + 1) * n for n in every), default=1 << 62)

    def rewire(self, stamps: np.ndarray, neurons: np.ndarray) -> None:
        """Rewire what is due at this step; the spikes (stamps, global neurons) still under way are filed anew."""
        for j, store in self.per_synapse.items():
            every = steps_between(self.plan, j)
            if every is not None and self.step % every == 0 and store.plastic:
                after, vanished, formed = rewired(store.listed(), self.plan, j, self.step, self.machine.streams.seed)
                store.use(after)
                self.turnover += np.array([vanished, formed])
                store.grow(int(self.logs[0].counters[IN_RING]))
                late = stamps > self.step - store.ring
                store.refile_segments(neurons[late], stamps[late] - 1, self.step)

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    @property
    def events(self) -> int:
        """Synaptic events delivered so far."""
        return sum(int(log.counters[EVENTS]) for log in self.logs)

    def phases(self) -> dict[str, float]:
        """Share of each phase in the time of the threads, by sampled cycles."""
        total = np.sum([c[: len(PHASES)] for c in self.clock], axis=0, dtype=float)
        return dict(zip(PHASES, (total / max(total.sum(), 1.0)).tolist(), strict=True))

    # --- the call --------------------------------------------------------------------------------------------------

    def _together(self, t: int, steps: int, columns: np.ndarray, row: int) -> tuple[int, int, int]:
        """Run when the owners of other processes, too, have published what a run begins with."""
        if self.machine.before and not self.layout.whole:
            meet(self.exchange.barrier, self.layout.mine[t], self.layout.owners)
        calls, room = self._calls[t], min([store.capacity for store in self.stores], default=1 << 62)
        calls.take(t, (self.exchange.arrays, self.logs[t].arrays, self.clock[t], columns))
        done, why, unfiled, self.ticked[t] = calls.run(self.step, steps, self.pending, room, row, self.ticked[t])
        return done, why, unfiled
