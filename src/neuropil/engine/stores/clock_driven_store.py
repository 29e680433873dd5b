"""The store of synapses of which some state advances in every step.

They lie in the order of their targets, so that a step reads the potential of a target once and sums its currents over a
straight run, a spike of the target walks that run, and an arriving spike finds its synapses by a list of indices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.clock_driven_source import (
    NAME,
    SynapseKernel,
    bring_up_roots,
    emit_arrival,
    emit_bring_up,
    emit_response,
    emit_step,
)
from neuropil.engine.saved import Arrays, array
from neuropil.engine.stores.built import twin
from neuropil.engine.stores.constant_table import ConstantTable, varying_of
from neuropil.engine.stores.deliver import Rows, file_again
from neuropil.engine.stores.stateful_store import SynapseStore
from neuropil.engine.stores.synapse_kernels import ALL_SPIKES, add_activity, file_own
from neuropil.engine.stores.synapse_list import SynapseList, low_bits
from neuropil.lower.constants import hoisted
from neuropil.lower.graph import Graph
from neuropil.lower.synapse_form import SIDES
from neuropil.model.synapse.context import POST_TIME, Activity, reads
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result
from neuropil.plan.plan import Plan
from neuropil.plan.stores import ClockDriven
from neuropil.plan.synapse_signature import DATE, LIST_INDEX, WEIGHT, SynapseArgument, SynapseKind, own_state
from neuropil.registry import register


@dataclass
class OwnSynapses:
    """What one thread holds of a projection.

    Attributes:
        order: int32[n], the index in the list of each synapse, as they lie here.
        rows: segments of the thread's own synapses, by source and delay.
        run: int64[targets + 1], synapses of each target.
        slot: int32[n], which of the thread's targets each is on.
        arrays: with an entry per synapse; constants: those that differ, by kernel and index.
        part: room for a run.
    """

    order: np.ndarray
    rows: Rows
    run: np.ndarray
    slot: np.ndarray
    arrays: dict[SynapseArgument, np.ndarray]
    part: np.ndarray
    constants: dict[tuple[str, SynapseArgument], np.ndarray] = field(default_factory=dict)


@register(ClockDriven, "engine")
class ClockDrivenStore(SynapseStore):
    """Synapses that advance in every step."""

    def prepare(self) -> None:
        """Write the kernels of a step, of arrivals and, where they do something, of the targets' spikes."""
        program, precision = self.program, self.real.name

        def written(emit: Callable[..., SynapseKernel], graph: Graph, roots: list[int]) -> tuple[SynapseKernel, ConstantTable]:
            nodes = hoisted(graph, roots)
            varying = varying_of(self.program, self.plan.dt, graph, nodes)
            return emit(program, precision, varying, self.by_target), self.table(graph, nodes, varying)

        self.kernels: dict[str, tuple[SynapseKernel, ConstantTable]] = {
            "arrive": written(emit_arrival, program.arrival, program.arrival_roots),
            "advance": written(emit_step, program.step, program.step_roots),
        }
        if program.responds:
            self.kernels["respond"] = written(emit_response, program.arrival, program.response_roots)
        if self.before is not None and self.before.own:
            self.kernels["bring_up"] = written(emit_bring_up, program.arrival, bring_up_roots(program))
        known = self.program.traced.spec.inputs
        self.noise = self._noise()
        self.streams.follow(self._renew_noise)
        self.post = [np.zeros(t.size if reads(known, Activity) else 0, self.real) for t in self.targets]

    def _noise(self) -> tuple[np.uint32, np.uint32, Any]:
        """The key of the noise, and its scale."""
        return *self.streams.key("synapse noise", *self.projection.stream), self.real.type(1.0 / np.sqrt(self.plan.dt))

    def _renew_noise(self) -> None:
        self.noise = self._noise()

    # --- contents ----------------------------------------------------------------------------------------------------

    def take(self, synapses: SynapseList) -> None:
        """Share them out."""
        self.own = [self._own(synapses, t) for t in range(len(self.targets))]
        self.renew()

    def renew(self) -> None:
        """Evaluate the constants of the kernels anew."""
        for name, (_, table) in self.kernels.items():
            differ = self.evaluate(table)
            for t, own in enumerate(self.own):
                made = table.by_target(t) if self.by_target else {SynapseArgument(SynapseKind.CONSTANT, k): v[own.order].astype(self.real) for k, v in differ.items()}
                own.constants |= {(name, argument): values for argument, values in made.items()}

    def tables(self) -> list[ConstantTable]:
        """The constants of each kernel."""
        return [table for _, table in self.kernels.values()]

    def before_change(self) -> tuple[Callable[..., int], Callable[[int], tuple[Any, ...]]] | None:
        """Of states that wait for a spike while others advance."""
        return (self._function("bring_up"), self._bringing_up) if "bring_up" in self.kernels else None

    def _bringing_up(self, t: int) -> tuple[object, ...]:
        return self.plan.dt, self.kernels["bring_up"][1].numbers[t], self.own[t].slot, *self._arrays(t, "bring_up")

    def bring_up(self, step: int) -> None:
        """States that wait for a spike while others advance."""
        if self.program.dated:
            s = self.listed()
            states = s.up_to(self.program, step, self.plan.dt)
            for own in self.own:
                for name in self.program.form.waiting:
                    own.arrays[own_state(name)][:] = states[name][own.order]
                own.arrays[DATE][:] = low_bits(step)

    def flush_pending(self) -> None:
        """Nothing is pending but the states that wait."""

    def kept(self, t: int) -> dict[str, dict[str, np.ndarray]]:
        """All states, each synapse's own; and the step to which those are up to date that wait."""
        arrays = self.own[t].arrays
        return {"": {**{n: arrays[own_state(n)] for n in self.program.states}, "last": arrays[DATE]}}

    def list_index(self, t: int) -> np.ndarray | slice:
        """In the order of targets."""
        return self.own[t].order

    def made(self) -> Any:
        """What each thread holds."""
        return self.own

    def adopt(self, made: Any) -> None:
        """Copies of all but the indices of synapses."""
        self.own = [twin(own, ("order", "rows", "run", "slot")) for own in made]

    def drop_pending(self) -> None:
        """Nothing is pending."""

    def gather(self, name: str) -> np.ndarray:
        """A state of every synapse as it is kept."""
        values = np.empty(self.synapses.size)
        for own in self.own:
            values[own.order] = own.arrays[own_state(name)]
        return values

    def write(self, name: str, values: np.ndarray) -> None:
        """Set a state, or the weight, of every synapse."""
        for own in self.own:
            array = own.arrays[own_state(name) if name in self.program.states else WEIGHT]
            if array.size:
                array[:] = values[own.order]

    def listed(self) -> SynapseList:
        """The synapses with their present states."""
        n = self.synapses.size
        states = {name: np.empty(n) for name in self.program.states}
        last = np.zeros(n, np.uint32)
        for own in self.own:
            for name in states:
                states[name][own.order] = own.arrays[own_state(name)]
            last[own.order] = own.arrays[DATE]
        return replace(self.present(), states=states, last=dict.fromkeys(SIDES, last))

    def reset(self, weights: bool, end: int, step: int) -> None:
        """Begin again, the targets' activity too."""
        super().reset(weights, end, step)
        for post in self.post:
            post[:] = 0.0

    def save(self) -> Arrays:
        """With the targets' activity."""
        return super().save() | {"activity": np.concatenate([post[: t.neurons] for t, post in zip(self.targets, self.post, strict=True)])}

    def restore(self, arrays: Arrays) -> None:
        """Take up what `save` gave."""
        super().restore(arrays)
        activity = array(arrays, "activity")
        for t, post in zip(self.targets, self.post, strict=True):
            post[:] = np.tile(activity[t.low : t.low + t.neurons], t.sites)[: post.size]

    def _own(self, s: SynapseList, t: int) -> OwnSynapses:
        target = self.targets[t]
        mine = target.owned(s)
        mine = mine[np.argsort(target.reached(s, mine), kind="stable")]
        by_source = np.lexsort((s.delay[mine], s.pre[mine]))
        post = target.reached(s, mine)
        run = np.concatenate([[0], np.cumsum(np.bincount(post, minlength=target.size))]).astype(np.int64)
        ordered = mine[by_source]
        rows = _rows(self.plan, self.index, s.pre[ordered], s.delay[ordered], by_source.astype(np.int32))
        arrays = {own_state(n): np.ascontiguousarray(s.states[n][mine], self.real) for n in self.program.states}
        arrays[DATE], arrays[LIST_INDEX] = s.last[""][mine], s.number[mine].astype(np.int32)
        weighed = any(WEIGHT in kernel.arguments for kernel, _ in self.kernels.values())
        arrays[WEIGHT] = s.weight[mine].astype(self.real) if weighed else np.empty(0, self.real)
        part = np.zeros(int(np.diff(run).max(initial=0)), self.real)
        return OwnSynapses(mine.astype(np.int32), rows, run, post.astype(np.int32), arrays, part)

    def held_bytes(self) -> int:
        """Bytes of what threads hold."""
        total = sum(table.nbytes for table in self.tables())
        for o in self.own:
            total += o.order.nbytes + o.run.nbytes + o.slot.nbytes + sum(a.nbytes for a in (*o.arrays.values(), *o.constants.values()))
            total += o.rows.words.nbytes + o.rows.offsets.nbytes + o.rows.row_start.nbytes
        return total

    # --- what the loop asks ------------------------------------------------------------------------------------------

    def operations(self) -> list[Operation]:
        """Respond to, file and record spikes; advance, and let arrive."""
        name = self.projection.name
        made = [Operation(f"{name}: file segments", Phase.SPIKES, Kernel.of(file_own), self._filing, ALL_SPIKES, adds=(self.under_way,))]
        if "respond" in self.kernels:
            respond = Operation(f"{name}: respond to them", Phase.RESPONSES, self._kernel("respond"), self._responding, (Given.STEP,))
            made += [self.spiked.operation(name), respond]
        if self.post[0].size:
            made.append(Operation(f"{name}: activity of targets", Phase.RESPONSES, Kernel.of(add_activity), self._recording, (Given.OWN_SPIKES,)))
        # Arrivals belong to the end of a step: they come after the step of the synapses.
        step = (Given.STEP,)
        made.append(Operation(
            f"{name}: advance synapses", Phase.STIMULI, self._kernel("advance"), self._advancing, step, Result.DIVERGED,
            reads=self.seen, adds=self.flow, updates=(self.states,),
        ))  # fmt: skip
        made.append(Operation(
            f"{name}: spikes arrive", Phase.DELIVERY, self._kernel("arrive"), self._arriving, step, Result.EVENTS,
            reads=self.seen, adds=self.port, updates=(self.under_way,), completes=(self.states,),
        ))  # fmt: skip
        return made

    def _kernel(self, name: str) -> Kernel:
        return Kernel.of(self._function(name))

    def _function(self, name: str) -> Callable[..., int]:
        found: Callable[..., int] = getattr(load(NAME, self.kernels[name][0].source), name)
        return found

    def _arrays(self, t: int, name: str) -> list[np.ndarray]:
        """A kernel's own arguments; constants are numbered in each kernel by itself."""
        own, known = self.own[t], self.own[t].arrays | {SynapseArgument(SynapseKind.SEEN, n): states for n, states in self.targets[t].seen.items()}
        return [own.constants[name, a] if a.kind is SynapseKind.CONSTANT else known[a] for a in self.kernels[name][0].arguments]

    def _filing(self, t: int) -> tuple[object, ...]:
        return self.own[t].rows.index, self.buckets[t].memory

    def _recording(self, t: int) -> tuple[object, ...]:
        target = self.targets[t]
        return self.layout.slot_of, target.first, target.neurons, self.post[t], self.real.type(1.0 / self._post_time)

    @property
    def _post_time(self) -> float:
        return float(self.synapses.constants[POST_TIME])

    def _responding(self, t: int) -> tuple[object, ...]:
        return self.late, *self.spiked.waiting(t), self.plan.dt, self.kernels["respond"][1].numbers[t], self.own[t].run, *self._arrays(t, "respond")

    def _arriving(self, t: int) -> tuple[object, ...]:
        own = self.own[t]
        return (
            self.plan.dt, self.kernels["arrive"][1].numbers[t], own.rows.words, self.buckets[t].memory, self.due[t], own.slot,
            self.targets[t].accumulator, *self._arrays(t, "arrive"),
        )  # fmt: skip

    def _advancing(self, t: int) -> tuple[object, ...]:
        own, target = self.own[t], self.targets[t]
        decay = np.exp(-self.plan.dt / self._post_time) if self.post[t].size else 1.0
        return self.kernels["advance"][1].numbers[t], own.run, self.signal, self.noise, self.post[t], self.real.type(decay), own.part, target.flow, *self._arrays(t, "advance")

    def refile_segments(self, neurons: np.ndarray, emitted: np.ndarray, now: int) -> None:
        """For every thread's share."""
        for own, bucket in zip(self.own, self.buckets, strict=True):
            file_again(neurons, emitted, now, 0, 1, own.rows.index, bucket.memory)


def _rows(plan: Plan, index: int, pre: np.ndarray, delay: np.ndarray, words: np.ndarray) -> Rows:
    """The index of synapses sorted by (source, delay)."""
    network, projection = plan.network, plan.network.projections[index]
    sizes = [p.size for p in network.populations.values()]
    population = list(network.populations.values()).index(projection.source)
    steps = np.unique(delay)
    keys, first, size = steps.size, projection.source.first, projection.source.size
    counts = np.bincount(pre.astype(np.int64) * max(keys, 1) + np.searchsorted(steps, delay), minlength=size * keys)
    bounds = np.zeros((size, keys + 1), np.uint32)
    bounds[:, 1:] = np.cumsum(counts.reshape(size, keys), axis=1)
    row_start = np.zeros(network.size + 1, np.int64)
    row_start[first + 1 : first + size + 1] = np.cumsum(bounds[:, -1], dtype=np.int64)
    row_start[first + size + 1 :] = row_start[first + size]
    return Rows(
        np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes),
        np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
        np.repeat(np.array([0, keys], np.int64), [population + 1, len(sizes) - population]),
        np.zeros(keys, np.int32), steps.astype(np.int32), np.zeros(len(sizes), np.int64), bounds.ravel(), row_start, words,
    )  # fmt: skip
