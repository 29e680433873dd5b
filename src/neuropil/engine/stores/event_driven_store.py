"""The store of event-driven synapses: nothing happens to them between spikes, and little when their targets spike.

They lie in the order of their sources and delays; `neuropil.codegen.event_driven_source` says what its kernels do and why it
does not matter when the responses to spikes of the targets are computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.event_driven_source import HISTORY, NAME, UNROLLED, EventDrivenKernels, emit_event_driven
from neuropil.engine.stores.built import twin
from neuropil.engine.stores.constant_table import ConstantTable, varying_of
from neuropil.engine.stores.stateful_store import SynapseStore
from neuropil.engine.stores.synapse_kernels import ALL_SPIKES, file_segments, file_segments_again
from neuropil.engine.stores.synapse_list import SynapseList, low_bits, steps_since
from neuropil.lower.constants import hoisted
from neuropil.lower.synapse import all_roots
from neuropil.lower.synapse_form import SIDES
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result
from neuropil.plan.synapse_signature import DATE, RESPONDED, WEIGHT, SynapseArgument, SynapseKind, own_state


@dataclass
class OwnSynapses:
    """What one thread holds of a projection.

    Attributes:
        order: int32[n], the index in the list of each synapse, as they lie here.
        target: uint16[n] or uint32[n], which of the thread's targets each is on.
        bounds: int64[sources * delays + 1], of the segments.
        own: with an entry per synapse.
        source: with an entry per segment: "last" and states.
        seen: with an entry per target: "last" and states; "latest", the number of its last spike (modulo 256) and the times
            of the last two in one word; "fresh", spikes since the last flush; "full" (three entries): the history has no more room; the step of the last;
            spikes of all since the last flush.
        history: [HISTORY, targets], of the latest spikes, the last one first: "time", and states just before it.
        part: room for a segment: what is handed over; room: for what else a segment needs, see `neuropil.codegen.event_driven_source.ROOM`.
        of_target: [values, targets], what arrivals of a step read of their targets.
    """

    order: np.ndarray
    target: np.ndarray
    bounds: np.ndarray
    own: dict[SynapseArgument, np.ndarray]
    source: dict[str, np.ndarray]
    seen: dict[str, np.ndarray]
    history: dict[str, np.ndarray]
    part: np.ndarray
    room: tuple[np.ndarray, ...]
    of_target: np.ndarray

    @cached_property
    def list_index(self) -> np.ndarray | slice:
        """`order`, or, where they lie as the first of the list do, these: a copy of a run is several times as fast."""
        first = self.order.size  # a thread has few of them, or none
        return slice(first) if np.array_equal(self.order, np.arange(first, dtype=self.order.dtype)) else self.order

    def array(self, argument: SynapseArgument) -> np.ndarray:
        """An argument of a kernel."""
        name = str(argument.name)
        match argument.kind:
            case SynapseKind.SOURCE_DATE | SynapseKind.SOURCE_STATE:
                return self.source[name or "last"]
            case SynapseKind.TARGET_DATE | SynapseKind.TARGET_STATE:
                return self.seen[name or "last"]
            case SynapseKind.HISTORY_TIME | SynapseKind.HISTORY_STATE:
                return self.history[name or "time"]
            case SynapseKind.LATEST:
                return self.seen["latest"]
        return self.own[argument]


class EventDrivenStore(SynapseStore):
    """Synapses that wait for spikes."""

    def prepare(self) -> None:
        """Write the kernels."""
        graph = self.program.arrival
        nodes = hoisted(graph, all_roots(self.program))
        varying = varying_of(self.program, self.plan.dt, graph, nodes)
        self.kernels = self.written(varying)
        self.module = load(NAME, self.kernels.source)
        self.constants = self.table(graph, nodes, varying)
        self.delays = np.empty(0, np.int32)

    def written(self, varying: frozenset[int]) -> EventDrivenKernels:
        """The text of the kernels.

        Args:
            varying: indices of hoisted constants that differ.
        """
        return emit_event_driven(self.program, self.real.name, varying, self.by_target, self.before)

    # --- contents ----------------------------------------------------------------------------------------------------

    def take(self, synapses: SynapseList) -> None:
        """Share them out."""
        self.delays = np.unique(synapses.delay).astype(np.int32)
        self.own = [self._own(synapses, t) for t in range(len(self.targets))]
        self.renew()

    def renew(self) -> None:
        """Evaluate the constants of the kernels anew."""
        differ = self.evaluate(self.constants)
        for t, own in enumerate(self.own):
            own.own |= {SynapseArgument(SynapseKind.CONSTANT, k): v[own.order].astype(self.real) for k, v in differ.items()}
            own.own |= self.constants.by_target(t) if self.by_target else {}

    def tables(self) -> list[ConstantTable]:
        """The constants of the one graph of all kernels."""
        return [self.constants]

    def _segment(self, s: SynapseList, which: np.ndarray) -> np.ndarray:
        """Number of the segment of each synapse."""
        return s.pre[which].astype(np.int64) * max(self.delays.size, 1) + np.searchsorted(self.delays, s.delay[which])

    def _own(self, s: SynapseList, t: int) -> OwnSynapses:
        target, form, real = self.targets[t], self.program.form, self.real
        mine = target.owned(s)
        mine = mine[np.argsort(self._segment(s, mine), kind="stable")]
        segments = self.projection.source.size * self.delays.size
        segment, post = self._segment(s, mine), target.reached(s, mine)
        bounds = np.concatenate([[0], np.cumsum(np.bincount(segment, minlength=segments))]).astype(np.int64)
        own = {own_state(n): np.ascontiguousarray(s.states[n][mine], real) for n in form.of("")}
        own[RESPONDED] = np.zeros(mine.size if self.program.responds else 0, np.uint8)
        own[DATE] = s.last[""][mine] if self.program.dated else np.empty(0, np.uint32)
        own[WEIGHT] = s.weight[mine].astype(real) if WEIGHT in self.kernels.own else np.empty(0, real)

        def shared(side: str, where: np.ndarray, size: int) -> dict[str, np.ndarray]:
            made = {"last": np.zeros(size, np.uint32), **{n: np.zeros(size, real) for n in form.of(side)}}
            made["last"][where] = s.last[side][mine]
            for n in form.of(side):
                made[n][where] = s.states[n][mine]
            return made

        # A target without synapses, too, has its spikes recorded.
        seen = shared("target", post, target.size)
        seen |= {"latest": np.zeros(target.size, np.uint64), "fresh": np.zeros(target.size, np.int64), "full": np.zeros(3, np.int64)}
        room = (HISTORY, target.size) if self.program.responds else (0, 0)
        history = {"time": np.zeros(room, np.uint32), **{n: np.zeros(room, real) for n in form.of("target")}}
        longest = int(np.diff(bounds).max(initial=0))
        counts, times, deep = np.zeros(longest, np.uint8), np.zeros((UNROLLED, longest), np.uint32), np.zeros(longest, np.uint32)
        scratch = (counts, times, deep, np.zeros((len(self.program.responding), longest), real), np.zeros(longest, np.uint32))
        return OwnSynapses(
            mine.astype(np.int32), post.astype(np.uint16 if target.size <= 1 << 16 else np.uint32), bounds, own, shared("source", segment, segments), seen, history,
            np.zeros(longest, real), scratch, np.zeros((len(self.program.per_target), target.size), real),
        )  # fmt: skip

    def kept(self, t: int) -> dict[str, dict[str, np.ndarray]]:
        """States, and the steps to which those are up to date that wait."""
        own, form = self.own[t], self.program.form
        found = {
            "": {n: own.own[own_state(n)] for n in form.of("")}, "source": {n: own.source[n] for n in form.of("source")},
            "target": {n: own.seen[n] for n in form.of("target")},
        }  # fmt: skip
        dates = {"": own.own[DATE], "source": own.source["last"], "target": own.seen["last"]}
        for side, states in found.items():
            if self.program.aged(side):
                states["last"] = dates[side]
        return {side: states for side, states in found.items() if states}

    def list_index(self, t: int) -> np.ndarray | slice:
        """In the order of sources and delays."""
        return self.own[t].list_index

    def used(self, t: int) -> np.ndarray:
        """Segments with synapses."""
        return np.diff(self.own[t].bounds) > 0

    def made(self) -> Any:
        """Delays, and what each thread holds."""
        return self.delays, self.own

    def adopt(self, made: Any) -> None:
        """Copies of all but the indices of synapses."""
        self.delays = made[0]
        self.own = [twin(own, ("order", "target", "bounds")) for own in made[1]]

    def drop_pending(self) -> None:
        """Drop the recorded spikes of targets."""
        for own in self.own:
            for name in ("latest", "fresh", "full"):
                own.seen[name][:] = 0
            if RESPONDED in own.own:
                own.own[RESPONDED][:] = 0
            for recorded in own.history.values():
                recorded[:] = 0

    def gather(self, name: str) -> np.ndarray:
        """A state of every synapse as it is kept."""
        side, values = self.program.form.side[name], np.empty(self.synapses.size)
        for own in self.own:
            if side == "source":
                values[own.list_index] = np.repeat(own.source[name], np.diff(own.bounds))
            else:
                values[own.list_index] = own.seen[name][own.target] if side == "target" else own.own[own_state(name)]
        return values

    def write(self, name: str, values: np.ndarray) -> None:
        """Set a state, or the weight, of every synapse."""
        side = self.program.form.side.get(name, "")
        for own in self.own:
            mine = values[own.list_index]
            if side == "source":
                own.source[name][np.repeat(np.arange(own.bounds.size - 1), np.diff(own.bounds))] = mine
            elif side == "target":
                own.seen[name][own.target] = mine
            elif (array := own.own[own_state(name) if name in self.program.states else WEIGHT]).size:
                array[:] = mine

    def flush_pending(self, anew: int | None = None) -> None:
        """Respond to all spikes of the targets; bring the synapses' own states to the step `anew`, if one is given."""
        for t, own in enumerate(self.own):
            pending = bool(own.seen["full"][2])
            if anew is None and not pending:
                continue
            step = int(own.seen["full"][1]) if anew is None else anew
            self.module.flush(step, self.plan.dt, pending, anew is not None, *self._flushed(t))
            own.seen["fresh"][:] = 0
            own.seen["full"][::2] = 0

    def before_change(self) -> tuple[Callable[..., int], Callable[[int], tuple[Any, ...]]] | None:
        """Of what changes by itself."""
        if self.before is None or not self.before.anything:
            return None
        return self.module.bring_up, self._full

    def _flushed(self, t: int) -> tuple[object, ...]:
        own = self.own[t]
        return self.constants.numbers[t], own.bounds, own.target, *own.room, *(own.array(n) for n in self.kernels.arguments)

    def listed(self) -> SynapseList:
        """The synapses with their present states."""
        self.flush_pending()
        s, form = self.present(), self.program.form
        states = {n: np.empty(s.size) for n in self.program.states}
        last = {side: np.zeros(s.size, np.uint32) for side in SIDES}
        for own in self.own:
            segment = np.repeat(np.arange(own.bounds.size - 1), np.diff(own.bounds))
            found = {n: own.own[own_state(n)] for n in form.of("")}
            found |= {n: own.source[n][segment] for n in form.of("source")} | {n: own.seen[n][own.target] for n in form.of("target")}
            for n, values in found.items():
                states[n][own.order] = values
            last["source"][own.order], last["target"][own.order] = own.source["last"][segment], own.seen["last"][own.target]
            if self.program.dated:
                last[""][own.order] = own.own[DATE]
        return replace(s, states=states, last=last)

    def bring_up(self, step: int) -> None:
        """Every state to a step: the synapses' own by their kernel, the shared ones, few, here."""
        self.flush_pending(anew=step)
        program, dt = self.program, self.plan.dt
        leaves = {f"p.{n}": v for n, v in self.present().constants.items()}
        for own in self.own:
            for side, arrays in (("source", own.source), ("target", own.seen)):
                names = program.form.of(side)
                ages = {f"h_{side}": steps_since(arrays["last"], step) * dt}
                values = program.arrival.evaluate([program.ready[n] for n in names], leaves | ages | {f"s.{n}": arrays[n].astype(float) for n in names})
                for n, value in zip(names, values, strict=True):
                    arrays[n][:] = value
                arrays["last"][:] = low_bits(step)

    def held_bytes(self) -> int:
        """Bytes of what threads hold."""
        total = self.constants.nbytes
        for o in self.own:
            kept = (o.own, o.source, o.seen, o.history)
            total += o.order.nbytes + o.target.nbytes + o.bounds.nbytes + sum(a.nbytes for arrays in kept for a in arrays.values())
        return total

    # --- what the loop asks ------------------------------------------------------------------------------------------

    def operations(self) -> list[Operation]:
        """File and record spikes; let them arrive; flush when the history is full."""
        name, module = self.projection.name, self.module
        made = [Operation(f"{name}: file segments", Phase.SPIKES, Kernel.of(file_segments), self._filing, ALL_SPIKES, adds=(self.under_way,))]
        if self.program.responds:
            made += self._responses()
        made.append(Operation(
            f"{name}: spikes arrive", Phase.DELIVERY, Kernel.of(module.arrive), self._arriving, (Given.STEP,), Result.EVENTS,
            reads=self.seen, adds=self.port, updates=(self.under_way,), completes=(self.states,),
        ))  # fmt: skip
        return made

    def _responses(self) -> list[Operation]:
        """What is done with spikes of the targets."""
        name, module = self.projection.name, self.module
        record = Operation(f"{name}: record target spikes", Phase.RESPONSES, Kernel.of(module.record_spikes), self._recording, (Given.STEP,))
        flush = Operation(f"{name}: flush pending responses", Phase.RESPONSES, Kernel.of(module.flush_full), self._full, (Given.NEXT_STEP,))
        return [self.spiked.operation(name), record, flush]

    def _filing(self, t: int) -> tuple[object, ...]:
        source = self.projection.source
        return source.first, source.size, self.delays, self.own[t].bounds, self.buckets[t].memory

    def _recording(self, t: int) -> tuple[object, ...]:
        own = self.own[t]
        fixed = (self.late, *self.spiked.waiting(t), self.plan.dt, self.constants.numbers[t], HISTORY - 1, own.seen["full"], own.seen["fresh"])
        return *fixed, *(own.array(n) for n in self.kernels.recording)

    def _full(self, t: int) -> tuple[object, ...]:
        own = self.own[t]
        return own.seen["full"], own.seen["fresh"], self.plan.dt, *self._flushed(t)

    def _arriving(self, t: int) -> tuple[object, ...]:
        own = self.own[t]
        return (
            self.plan.dt, self.constants.numbers[t], self.buckets[t].memory, self.due[t], own.bounds, own.target,
            own.part, *own.room, own.of_target, self.targets[t].accumulator, *(own.array(n) for n in self.kernels.arguments),
        )  # fmt: skip

    def refile_segments(self, neurons: np.ndarray, emitted: np.ndarray, now: int) -> None:
        """For every thread's share."""
        for t in range(len(self.own)):
            file_segments_again(neurons, emitted, now, *self._filing(t))
