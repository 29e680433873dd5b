"""Shared weights, such as those of a convolution, in the engine: kept once; at a spike the targets follow from a table of positions.

Nothing is kept for each synapse. Events are added to real accumulators in the order of the step contract, so the bits do not depend on threads.
"""

# mypy: disable-error-code="no-untyped-def"
# (Numba infers the types of compiled functions from their arguments.)

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.codegen.noalias import noalias_arguments
from neuropil.engine.compose import Machine, own_array
from neuropil.engine.layout import Layout
from neuropil.engine.ring import ring_length
from neuropil.engine.stores.buckets import Buckets, due_now
from neuropil.engine.stores.graded import Multiplied
from neuropil.engine.stores.synapse_kernels import ALL_SPIKES, file_segments, file_segments_again
from neuropil.model.base import grid
from neuropil.model.connection.shared import SharedWeights
from neuropil.model.contents.chosen import inverse_index
from neuropil.model.neuron.composite import split
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, Kind
from neuropil.plan.stores import SharedKernel
from neuropil.registry import register


@cached_njit(**KERNEL_FLAGS)
def deliver_shared(k, buckets, due, arrived, row, slot, whole, channels, weights, bounds, tap, seen):
    """Add to the real accumulators what is due in step k; returns the number of events.

    row: int32[sources of the population], index in the matrix; slot: int32[target channels, positions], index in `arrived`, -1: another owner's;
    whole: int32[target channels], where a channel begins in `arrived` whose positions all lie there in order, else -1.
    channels: (first, after the last) among which own targets are, and groups. weights: [target channels, source channels of a group, taps]. bounds,
    tap, seen: of each source position the taps through which target positions see it, and these.
    """
    n, events = due_now(buckets, k, due), 0
    positions, inner = np.int32(bounds.size - 1), np.int32(weights.shape[1])
    outer = np.int32(weights.shape[0] // channels[2])
    for q in range(n):
        at = row[due[q]]
        channel, place = at // positions, at % positions
        group, c = channel // inner, channel % inner
        begin, end = bounds[place], bounds[place + 1]
        for o in range(max(group * outer, channels[0]), min((group + 1) * outer, channels[1])):
            w = weights[o, c]
            if whole[o] >= 0:
                onto = arrived[whole[o] : whole[o] + slot.shape[1]]
                for e in range(begin, end):
                    onto[seen[e]] += w[tap[e]]
                events += end - begin
                continue
            into = slot[o]
            for e in range(begin, end):
                j = into[seen[e]]
                if j >= 0:
                    arrived[j] += w[tap[e]]
                    events += 1
    return events


@cached_njit(**KERNEL_FLAGS)
def multiply_shared(k, out, into, published, lag, total, spans, groups, weights, reach, seen):
    """Graded transmission: each own target's sum in float64, by source channel and tap.

    spans: int32[n, 3], own targets that lie together: their channel, the first position, how many. reach: uint32[taps, positions of a target
    channel], the source position, or one beyond, where `seen`, float64[source channels, positions + 1], stays 0.
    """
    x = published[(k - lag) & (published.shape[0] - 1)]
    positions, inner, outer = seen.shape[1] - 1, weights.shape[1], weights.shape[0] // groups
    noalias_arguments()
    for c in range(seen.shape[0]):
        z = seen[c]
        for s in range(positions):
            z[s] = x[c * positions + s]
    at = 0
    for q in range(spans.shape[0]):
        o, first, n = spans[q, 0], spans[q, 1], spans[q, 2]
        sums = total[at : at + n]
        sums[:] = 0.0
        for c in range(inner):
            z = seen[(o // outer) * inner + c]
            for t in range(reach.shape[0]):
                w, where = weights[o, c, t], reach[t, first : first + n]
                for p in range(n):
                    sums[p] += w * z[where[p]]
        at += n
    for i in range(into.size):
        out[into[i]] += total[i]


def by_source(matrix: SharedWeights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The table of positions by source position.

    Args:
        matrix: whose.

    Returns:
        bounds: int32[source positions + 1]; tap, seen: uint32[n], in the order of the target positions.
    """
    table = matrix.reach()
    tap, seen = np.nonzero(table >= 0)
    at = table[tap, seen]
    order = np.lexsort((seen, at))
    bounds = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=matrix.positions[0]))])
    return bounds.astype(np.int32), tap[order].astype(np.uint32), seen[order].astype(np.uint32)


@register(SharedWeights, "engine")
def shared(matrix: SharedWeights, rows: np.ndarray) -> Multiplied:
    """Shared weights of graded transmission; see `neuropil.engine.stores.graded.equation`."""
    (before, positions), table = matrix.positions, matrix.reach()
    channel, place = np.divmod(rows, positions)
    begins = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
    begins = np.union1d(begins, np.flatnonzero(place == 0)).astype(np.int64)
    spans = np.stack([channel[begins], place[begins], np.diff(begins, append=rows.size)], axis=1).astype(np.int32)
    seen = np.zeros((matrix.channels()[0], before + 1))
    return Kernel.of(multiply_shared), (spans, matrix.groups, np.array(matrix.values), np.where(table < 0, before, table).astype(np.uint32), seen)


@register(SharedKernel, "engine")
class SharedStore:
    """The shared weights of one projection; see `neuropil.engine.stores.packed_store.Store`.

    Args:
        plan, layout, machine: the network's.
        index: index of the projection in the network.
        room: spikes within the ring to have room for at first.

    Attributes:
        changed: weights that were set, by name; None: those of the description.
    """

    def __init__(self, plan: Plan, index: int, layout: Layout, machine: Machine, room: int):
        p = plan.network.projections[index]
        assert isinstance(p.matrix, SharedWeights) and p.port is not None
        self.plan, self.projection, self.matrix = plan, p, p.matrix
        part, port = split(p.port)
        argument = Argument(Kind.REAL, port)
        self.port, self.under_way = plan.buffer(p.target, part, argument), Buffer("spikes under way", np.int64, room)
        self.delays = np.array([grid.steps(float(p.delay), plan.dt, f"projection {p.name}: the delay")])  # type: ignore[arg-type]
        self.ring, self.size = ring_length(int(self.delays[0])), p.matrix.synapses
        self.row = (np.arange(p.source.size) if p.sources is None else inverse_index(p.sources, p.source.size)).astype(np.int32)
        self.bounds = np.concatenate([[0], np.cumsum(self.row >= 0)])  # a segment for each source that is in the view
        self.arrived = [own_array(plan, layout, machine, p.target, part, argument, t) for t in range(len(layout.shares))]
        self.table = by_source(self.matrix)
        self.slots = [self._slots(layout, t) for t in range(len(layout.shares))]
        self.changed: dict[str, np.ndarray] | None = None
        self.values = np.array(self.matrix.values)
        self.capacity, self.due = room, [np.zeros(room, np.int64) for _ in self.arrived]
        self.buckets = [Buckets.empty(1, self.ring, 1, room) for _ in self.arrived]

    def _slots(self, layout: Layout, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`slot`, `whole` and `channels` of a thread, as `deliver_shared` takes them."""
        p, matrix = self.projection, self.matrix
        mine = layout.slice(p.target, p.part, t)
        within = np.arange(matrix.shape[1]) if p.targets is None else p.targets
        own = (within >= mine.lower) & (within < mine.lower + mine.neurons)
        slot = np.where(own, int(p.site or 0) * mine.neurons + within - mine.lower, -1).astype(np.int32)  # type: ignore[arg-type]
        made = slot.reshape(matrix.channels()[1], -1)
        found = np.flatnonzero(np.any(made >= 0, axis=1))
        together = np.all(made >= 0, axis=1) & np.all(np.diff(made, axis=1) == 1, axis=1)
        return made, np.where(together, made[:, 0], -1).astype(np.int32), np.array([found.min(initial=0), found.max(initial=-1) + 1, matrix.groups] if found.size else [0, 0, matrix.groups])

    # --- weights -------------------------------------------------------------------------------------------------------

    def weights(self) -> dict[str, np.ndarray]:
        """The present weights, by the name of their parameter."""
        return {n: np.array(v, float) for n, v in (self.matrix.parameters if self.changed is None else self.changed).items()}

    def set(self, values: dict[str, np.ndarray] | None) -> None:
        """Take other weights, which act on spikes that are under way as well.

        Args:
            values: as of `weights`; None: those of the description.
        """
        self.changed = values
        self.values[:] = self.matrix.values if values is None else self.matrix.by_tap(values[self.matrix.parameter])

    # --- running -------------------------------------------------------------------------------------------------------

    def operations(self) -> list[Operation]:
        """File and deliver."""
        name = self.projection.name
        return [
            Operation(f"{name}: file spikes", Phase.SPIKES, Kernel.of(file_segments), self._filing, ALL_SPIKES, adds=(self.under_way,)),
            Operation(
                f"{name}: shared weights", Phase.DELIVERY, Kernel.of(deliver_shared), self._delivering, (Given.STEP,), Result.EVENTS,
                updates=(self.under_way,), adds=(self.port,),
            ),
        ]  # fmt: skip

    def _filing(self, t: int) -> tuple[Any, ...]:
        return self.projection.source.first, self.projection.source.size, self.delays, self.bounds, self.buckets[t].memory

    def _delivering(self, t: int) -> tuple[Any, ...]:
        return self.buckets[t].memory, self.due[t], self.arrived[t], self.row, *self.slots[t], self.values, *self.table

    def grow(self, spikes: int) -> None:
        """Twice the room that is needed now.

        Args:
            spikes: that wait now.
        """
        if spikes > self.capacity:
            self.capacity, self.due = 2 * spikes, [np.zeros(2 * spikes, np.int64) for _ in self.arrived]
            for bucket in self.buckets:
                bucket.grow(2 * spikes)

    def refile(self, neurons: np.ndarray, emitted: np.ndarray, now: int) -> None:
        """For every thread's share.

        Args:
            neurons, emitted, now: as of `Store.refile`.
        """
        for t in range(len(self.buckets)):
            file_segments_again(neurons, emitted, now, *self._filing(t))

    def drop(self) -> None:
        """Nothing is under way."""
        for bucket in self.buckets:
            bucket.clear()
