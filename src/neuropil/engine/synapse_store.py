"""The store of synapses with states, or that come and go: arrays of one entry per synapse, owned by their targets' threads.

Event-driven synapses lie in the order of their sources, so that a spike walks a straight run; clock-driven ones in the
order of their targets, so that a step reads the potential of a target once and sums its currents over a straight run,
and a spike finds them by a list of places. Each is written by the thread that owns its target, and what it hands to a
port is rounded to whole quanta of the port, of which sums are exact: no number of threads can change a result.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from neuropil.engine.compose import Machine
from neuropil.engine.deliver import Buckets, Rows, off_sets, ring_length
from neuropil.engine.layout import Layout
from neuropil.engine.program import Operation
from neuropil.engine.synapse_kernels import file_again
from neuropil.engine.synapse_list import SynapseList
from neuropil.lower.cache import load
from neuropil.lower.connectivity import delay_steps, expected_synapses
from neuropil.lower.elementwise import frontier
from neuropil.lower.graph import Graph
from neuropil.lower.plan import Plan
from neuropil.lower.synapse import SynapseProgram, check_finite
from neuropil.lower.synapse_source import SynapseKernel, emit_arrival, emit_step
from neuropil.model.distribution import Distribution
from neuropil.model.synapse import POST_TIME

_HERE = "from neuropil.engine.synapse_kernels import "


@dataclass
class OwnSynapses:
    """What one thread holds of a projection.

    Attributes:
        order: int32[n], the place in the list of each synapse, as they lie here.
        rows: segments of the thread's own synapses, by source and delay.
        run: int64[targets + 1], synapses of each target (clock-driven ones).
        slot: int32[n], where their targets' accumulators are.
        arrays: by name: states, "weight", "last", and constants that differ between synapses.
        part: room for a run or a segment.
    """

    order: np.ndarray
    rows: Rows
    run: np.ndarray
    slot: np.ndarray
    arrays: dict[str, np.ndarray]
    part: np.ndarray


@dataclass
class Targets:
    """The targets of a projection that one thread owns.

    Attributes:
        first: slot of the first; size: how many.
        low: index of the first within the population.
        v, post, flow, arrived: their potential, activity, input and accumulators (empty where not in use).
    """

    first: int
    size: int
    low: int
    v: np.ndarray
    post: np.ndarray
    flow: np.ndarray
    arrived: np.ndarray


@dataclass
class SynapseStore:
    """The synapses of one projection; see `neuropil.engine.store` for what the loop asks of it."""

    plan: Plan
    index: int
    layout: Layout
    machine: Machine
    room: int
    signal: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        plan, self.projection = self.plan, self.plan.network.projections[self.index]
        self.program: SynapseProgram = plan.synapses[self.index]
        self.real = np.dtype(plan.precision)
        self.signal = np.zeros(1, self.real)
        self.ring = ring_length(int(delay_steps(self.projection, plan.dt)[-1]))
        self.side_by_side = self.program.event_driven
        self.arrival = emit_arrival(
            self.program, plan.precision, self._varying(self.program.arrival, self.program.arrival_roots), side_by_side=self.side_by_side
        )
        self.stepping = None
        if not self.program.event_driven:
            self.stepping = emit_step(self.program, plan.precision, self._varying(self.program.step, self.program.step_roots))
        self.targets = [_targets(plan, self.layout, self.machine, self.index, t, self.real) for t in range(len(self.layout.shares))]
        self.use(SynapseList.empty(plan, self.index))

    def _varying(self, graph: Graph, roots: list[int]) -> frozenset[int]:
        """Places in the frontier whose values differ between synapses: those that depend on a drawn parameter."""
        model = self.program.traced.model
        given = {n: getattr(model, n) for n in model.spec.parameters}
        trial = {n: v.quantile(np.array([0.3, 0.7])) if isinstance(v, Distribution) else v.value for n, v in given.items()}
        values = self.program.constants(trial, self.plan.dt)
        leaves = {f"p.{n}": v for n, v in values.items()}
        return frozenset(k for k, v in enumerate(graph.evaluate(frontier(graph, roots), leaves)) if np.size(v) > 1)

    # --- contents ----------------------------------------------------------------------------------------------------

    def use(self, synapses: SynapseList) -> None:
        """Hold these synapses; nothing is under way."""
        self.synapses = synapses
        self.numbers = [self._numbers(k, g) for k, g in self._kernels()]
        self.own = [self._own(synapses, t) for t in range(len(self.targets))]
        self.buckets = [Buckets.empty(1, self.ring, 1, off_sets(self.room)) for _ in self.targets]
        # What stays the same is kept once, in the list; what changes lives in the arrays.
        self.synapses = replace(synapses, states={}, last=np.empty(0, np.int32))

    def listed(self) -> SynapseList:
        """The synapses with their present states."""
        n = self.synapses.size
        states = {name: np.empty(n) for name in self.program.states}
        last = np.zeros(n, np.int32)
        for own in self.own:
            for name in states:
                states[name][own.order] = own.arrays[f"s_{name}"]
            last[own.order] = own.arrays["last"]
        return replace(self.synapses, states=states, last=last)

    def save(self) -> dict[str, np.ndarray]:
        """Everything that a checkpoint needs, independent of threads."""
        s = self.listed()
        arrays = {f"state {n}": v.astype(self.real) for n, v in s.states.items()} | {"last": s.last}
        arrays |= {"activity": np.concatenate([t.post for t in self.targets]), "signal": self.signal}
        if self.projection.structure is not None:
            arrays |= {"pre": s.pre, "post": s.post, "delay": s.delay, "weight": s.weight}
        return arrays

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take up what `save` gave."""
        s = self.synapses
        if self.projection.structure is not None:
            made = SynapseList.made(self.plan, self.index, arrays["pre"], arrays["post"], arrays["weight"], arrays["delay"], 0)
            s = replace(made, constants=s.constants)
        self.use(replace(s, states={n: arrays[f"state {n}"] for n in self.program.states}, last=arrays["last"]))
        self.signal[:] = arrays["signal"]
        for t in self.targets:
            t.post[:] = arrays["activity"][t.low : t.low + t.post.size]

    def change(self, parameters: dict[str, float], step: int) -> None:
        """Give parameters of all synapses new values at a step: what went before keeps the old ones."""
        s = self.listed()
        s = replace(s, states=s.up_to(self.program, step, self.plan.dt), last=np.full(s.size, step, np.int32))
        given = {n: parameters.get(n, s.constants[n]) for n in self.program.traced.spec.parameters}
        constants = self.program.constants(given, self.plan.dt)
        self.synapses = replace(self.synapses, constants=constants)
        self.numbers = [self._numbers(k, g) for k, g in self._kernels()]
        for own in self.own:
            for name, values in s.states.items():
                own.arrays[f"s_{name}"][:] = values[own.order]
            own.arrays["last"][:] = step
            for which, (kernel, graph) in zip("as", self._kernels(), strict=False):
                constant = self._values(kernel, graph)
                for k in kernel.varying:
                    own.arrays[f"{which}_c{k}"][:] = np.broadcast_to(constant[k], s.size)[own.order]

    def _kernels(self) -> list[tuple[SynapseKernel, Graph]]:
        made = [(self.arrival, self.program.arrival)]
        return made if self.stepping is None else [*made, (self.stepping, self.program.step)]

    def _values(self, kernel: SynapseKernel, graph: Graph) -> list[Any]:
        return graph.evaluate(kernel.frontier, {f"p.{n}": v for n, v in self.synapses.constants.items()})

    def _numbers(self, kernel: SynapseKernel, graph: Graph) -> np.ndarray:
        values = self._values(kernel, graph)
        check_finite(f"projection {self.projection.name!r} ({self.program.traced.name})", values)
        return np.array([0.0 if k in kernel.varying else float(np.ravel(v)[0]) for k, v in enumerate(values)], self.real)

    def _own(self, s: SynapseList, t: int) -> OwnSynapses:
        target = self.targets[t]
        mine = np.flatnonzero((s.post >= target.low) & (s.post < target.low + target.size))
        if not self.side_by_side:
            mine = mine[np.argsort(s.post[mine], kind="stable")]
        by_source = np.lexsort((s.delay[mine], s.pre[mine]))
        if self.side_by_side:
            mine, words = mine[by_source], np.empty(0, np.int32)
        else:
            words = by_source.astype(np.int32)
        post = s.post[mine] - target.low
        run = np.concatenate([[0], np.cumsum(np.bincount(post, minlength=target.size))]).astype(np.int64)
        ordered = mine if self.side_by_side else mine[by_source]
        rows = _rows(self.plan, self.index, s.pre[ordered], s.delay[ordered], words)
        arrays = {f"s_{n}": np.ascontiguousarray(s.states[n][mine], self.real) for n in self.program.states}
        arrays["last"] = s.last[mine].astype(np.int32)
        arrays["weight"] = s.weight[mine].astype(self.real) if "weight" in self.arrival.arguments else np.empty(0, self.real)
        for which, (kernel, graph) in zip("as", self._kernels(), strict=False):
            values = self._values(kernel, graph)
            for k in kernel.varying:
                arrays[f"{which}_c{k}"] = np.broadcast_to(values[k], s.size)[mine].astype(self.real)
        longest = int(np.diff(rows.row_start).max(initial=0)) if self.side_by_side else int(np.diff(run).max(initial=0))
        scratch = self.machine.arrived[t].dtype if self.side_by_side else self.real
        return OwnSynapses(
            mine.astype(np.int32), rows, run, (target.first + post).astype(np.int32), arrays, np.zeros(longest, scratch)
        )  # fmt: skip

    def memory(self) -> int:
        """Bytes held."""
        s = self.synapses
        total = s.pre.nbytes + s.post.nbytes + s.delay.nbytes + s.weight.nbytes + sum(b.segments.nbytes for b in self.buckets)
        for o in self.own:
            total += o.order.nbytes + o.run.nbytes + o.slot.nbytes + sum(a.nbytes for a in o.arrays.values())
            total += o.rows.words.nbytes + o.rows.offsets.nbytes + o.rows.row_start.nbytes
        return total + sum(np.asarray(c).nbytes for c in s.constants.values())

    # --- what the loop asks ------------------------------------------------------------------------------------------

    @property
    def capacity(self) -> int:
        """A spike adds at most one segment to a bucket."""
        return self.buckets[0].capacity

    def operations(self) -> list[Operation]:
        """File and note spikes; advance, and let arrive."""
        name, j = f"{self.projection.name}", self.index
        made = [
            Operation("spikes", f"{name}: file segments", ("file_own", _HERE + "file_own"), "k - 1, threads, published, count, *a", self._filing)
        ]
        if POST_TIME in self.program.traced.spec.parameters:
            made.append(
                Operation("spikes", f"{name}: activity of targets", ("note_own", _HERE + "note_own"), "k - 1, thread, published, count, *a", self._noting)
            )  # fmt: skip
        if self.stepping is not None:
            module = load(f"{self.program.traced.name}_step", self.stepping.source).__name__
            function = (f"synapse_{j}", f"from {module} import advance as synapse_{j}")
            made.append(Operation("stimuli", f"{name}: advance synapses", function, "k, *a", self._advancing, "bad"))
        module = load(f"{self.program.traced.name}_arrival", self.arrival.source).__name__
        function = (f"arrive_{j}", f"from {module} import arrive as arrive_{j}")
        # A step reads the states of its beginning, so that arrivals, which belong to its end, come after it.
        phase = "delivery" if self.stepping is None else "stimuli"
        made.append(Operation(phase, f"{name}: spikes arrive", function, "k, *a", self._arriving, "events"))
        return made

    def _filing(self, t: int) -> tuple[object, ...]:
        return self.own[t].rows.index, self.buckets[t].segments, self.buckets[t].fill

    def _noting(self, t: int) -> tuple[object, ...]:
        target = self.targets[t]
        return self.layout.slot_of, target.first, target.size, target.post, self.real.type(1.0 / self._post_time)

    @property
    def _post_time(self) -> float:
        return float(self.synapses.constants[POST_TIME])

    def _arriving(self, t: int) -> tuple[object, ...]:
        own, bucket, target = self.own[t], self.buckets[t], self.targets[t]
        per_quantum = 1.0 / self.plan.quantum[self.index]
        largest = float(np.iinfo(target.arrived.dtype).max // 2)
        return (
            self.plan.dt, per_quantum, largest, self.numbers[0], own.rows.words, bucket.segments, bucket.fill, own.slot, own.part,
            target.arrived, *(own.arrays[_full(a, "a")] for a in self.arrival.arguments),
        )  # fmt: skip

    def _advancing(self, t: int) -> tuple[object, ...]:
        own, target = self.own[t], self.targets[t]
        assert self.stepping is not None
        decay = np.exp(-self.plan.dt / self._post_time) if target.post.size else 1.0
        return (
            self.numbers[1], own.run, self.signal, target.v, target.post, self.real.type(decay), own.part, target.flow,
            *(own.arrays[_full(a, "s")] for a in self.stepping.arguments),
        )  # fmt: skip

    def grow(self, spikes: int) -> None:
        """Twice the room that is needed now."""
        if spikes > self.capacity:
            self.buckets = [b.grown(off_sets(2 * spikes)) for b in self.buckets]

    def refile(self, neuron: int, emitted: int, now: int) -> None:
        """For every thread's share."""
        self.refile_all(np.array([neuron]), np.array([emitted]), now)

    def refile_all(self, neurons: np.ndarray, emitted: np.ndarray, now: int) -> None:
        """Many at once; there must be room."""
        for own, bucket in zip(self.own, self.buckets, strict=True):
            file_again(neurons, emitted, now, own.rows.index, bucket.segments, bucket.fill)


def _full(argument: str, which: str) -> str:
    """Constants of the two kernels are numbered alike."""
    return f"{which}_{argument}" if argument[0] == "c" and argument[1:].isdigit() else argument


def _targets(plan: Plan, layout: Layout, machine: Machine, index: int, t: int, real: Any) -> Targets:
    """Views of what a thread holds of a projection's targets."""
    projection, program = plan.network.projections[index], plan.synapses[index]
    g, _ = plan.place_of(projection.target)
    mine, arrays = layout.slice(projection.target, "", t), machine.groups[t][g].arrays
    a = mine.start - layout.shares[t].start[g]
    b = a + mine.neurons
    inputs = program.traced.spec.inputs
    none = np.zeros(0, real)
    return Targets(
        mine.start, mine.neurons, mine.lower,
        arrays["s_v"][a:b] if "v" in inputs else none,
        np.zeros(b - a, real) if "post" in inputs else none.copy(),
        arrays[f"x_{projection.input}_"][a:b] if projection.input is not None else none.copy(),
        machine.arrived[t][max(plan.channel_of[index], 0)],
    )  # fmt: skip


def _rows(plan: Plan, index: int, pre: np.ndarray, delay: np.ndarray, words: np.ndarray) -> Rows:
    """The index of synapses sorted by (source, delay)."""
    network, projection = plan.network, plan.network.projections[index]
    sizes = [p.size for p in network.populations.values()]
    place = list(network.populations.values()).index(projection.source)
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
        np.repeat(np.array([0, keys], np.int64), [place + 1, len(sizes) - place]),
        np.zeros(keys, np.int32), steps.astype(np.int32), np.zeros(len(sizes), np.int64), bounds.ravel(), row_start, words,
    )  # fmt: skip


def predict_memory(plan: Plan, index: int, threads: int, room: int) -> dict[str, float]:
    """Bytes that the store of a projection will hold, and besides while it is built, from expected numbers of synapses."""
    p, program = plan.network.projections[index], plan.synapses[index]
    n, real = expected_synapses(p), np.dtype(plan.precision).itemsize
    drawn = sum(isinstance(getattr(program.traced.model, q), Distribution) for q in program.traced.spec.parameters)
    per_synapse = 4 + 4 + 4 + 8 + 4 + 4 + 4 + real * (len(program.states) + 1) + (real + 8) * 2 * drawn
    per_synapse += 0 if program.event_driven else 4
    steps = delay_steps(p, plan.dt)
    bounds = threads * (4.0 * p.source.size * (steps.size + 1) + 10.0 * plan.network.size + 8.0 * p.target.size)
    buckets = 8.0 * threads * ring_length(int(steps[-1])) * room
    return {"synapses": n * per_synapse, "segment bounds": bounds, "spikes in flight": buckets, "while building": n * (60.0 + 8 * len(program.states))}
