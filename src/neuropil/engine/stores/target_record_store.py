"""The store of event-driven synapses that respond to their targets by records of these.

`neuropil.codegen.target_record_source` says what its kernels do, `neuropil.lower.target_records` which rules it carries out. What a
record holds follows from the states of the target, and is made anew from them whenever synapses have been read; no
checkpoint holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.codegen.event_driven_source import EventDrivenKernels
from neuropil.codegen.record_layout import BASES, BEGUN, CLOCK, HISTORY, LANES, NEW_SPIKES
from neuropil.codegen.target_record_source import BLOCK, emit_target_records
from neuropil.engine.compose import Machine
from neuropil.engine.layout import Layout
from neuropil.engine.stores.event_driven_store import EventDrivenStore, OwnSynapses
from neuropil.engine.stores.synapse_list import SynapseList
from neuropil.errors import SimulationError
from neuropil.lower.target_records import TargetRecords, decays_in_time, records_of
from neuropil.plan.operations import Given, Kernel, Operation, Phase
from neuropil.plan.plan import Plan
from neuropil.plan.stores import EventDriven
from neuropil.plan.synapse_signature import RESPONDED
from neuropil.registry import register

_LINE = 64  # bytes


@dataclass
class RecordArrays:
    """What one thread holds beside the synapses and their states; a decay from the start of the run is m·2⁻ˣ.

    Attributes:
        base: int64: whether these arrays follow from the states, whether spikes were recorded since, whether the history is full; then of each rate
            the halvings that are taken out of all decays.
        whole, part_of: int64 and uint64, of each rate the halvings in a step, in fixed point.
        limits: of the decay of a meeting: all segments were met later; those met earlier must respond before recorded spikes are lost.
        since_m, since_x: [rates of the source, segments], decays to the last spike of the source.
        met_m, met_x: [segments], decay (of the first rate) to the step up to which the synapses have responded.
        records: [targets * size], see `neuropil.lower.target_records.TargetRecords`; history: [targets * numbers of a spike * HISTORY], the last spike first.
        rows, deep: room for a block of synapses: their targets' records, number by number; those with more to respond to than a record remembers.
        part, wide: room for what a block hands over, in its precision and in float64.
    """

    base: np.ndarray
    whole: np.ndarray
    part_of: np.ndarray
    limits: np.ndarray
    since_m: np.ndarray
    since_x: np.ndarray
    met_m: np.ndarray
    met_x: np.ndarray
    records: np.ndarray
    history: np.ndarray
    rows: np.ndarray
    deep: np.ndarray
    part: np.ndarray
    wide: np.ndarray
    clock: tuple[np.ndarray, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.clock = tuple(getattr(self, name) for name in CLOCK)

    @classmethod
    def of(cls, records: TargetRecords, segments: int, targets: int, real: np.dtype) -> RecordArrays:
        """Room for so many segments and targets; nothing has begun.

        Args:
            records: of the program.
            segments, targets: how many.
            real: type of the numbers.
        """
        rates, sources = len(records.source_rates) + len(records.target_rates), len(records.source_rates)
        return cls(
            np.zeros(BASES + rates, np.int64), np.zeros(rates, np.int64), np.zeros(rates, np.uint64), np.full(2, np.inf, real),
            np.ones((sources, segments), real), np.zeros((sources, segments), np.int64), np.ones(segments, real), np.zeros(segments, np.int64),
            _aligned(targets * records.size, real), _aligned(targets * HISTORY * records.per_spike, real),
            _aligned(records.size * (BLOCK + LANES[real.name]), real).reshape(records.size, -1), np.zeros(BLOCK, np.uint64), _aligned(BLOCK, real), np.zeros(BLOCK),
        )  # fmt: skip

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(a.nbytes for a in self.clock)


class TargetRecordStore(EventDrivenStore):
    """Event-driven synapses on target records."""

    def prepare(self) -> None:
        """Write the kernels."""
        found = records_of(self.plan.network, self.projection, self.program)
        assert not isinstance(found, str), found
        self.records = found
        super().prepare()
        self.arrays: list[RecordArrays] = []

    def written(self, varying: frozenset[int]) -> EventDrivenKernels:
        """The text of the kernels.

        Args:
            varying: indices of hoisted constants that differ.
        """
        return emit_target_records(self.program, self.records, self.real.name, varying, self.by_target, self.before)

    def take(self, synapses: SynapseList) -> None:
        """Share them out."""
        super().take(synapses)
        self._make_arrays()

    def adopt(self, made: Any) -> None:
        """With records that are still to be made."""
        super().adopt(made)
        self._make_arrays()

    def _make_arrays(self) -> None:
        self.arrays = [RecordArrays.of(self.records, own.bounds.size - 1, target.size, self.real) for own, target in zip(self.own, self.targets, strict=True)]

    def drop_pending(self) -> None:
        """Drop recorded spikes; records are made anew from the states in the next step."""
        super().drop_pending()
        for arrays in self.arrays:
            arrays.base[BEGUN] = arrays.base[NEW_SPIKES] = 0

    def _own(self, s: SynapseList, t: int) -> OwnSynapses:
        made = super()._own(s, t)
        lanes = LANES[self.real.name]
        target = np.zeros(made.target.size + lanes, made.target.dtype)  # vectors reach beyond the last
        target[: made.target.size] = made.target
        made.target, made.part, made.room, made.history = target[: made.target.size], np.empty(0, self.real), (), {}
        made.own[RESPONDED] = np.empty(0, np.uint8)  # what a synapse has responded to follows from when its segment was met
        return made

    def renew(self) -> None:
        """Evaluate the constants of the kernels anew.

        Raises:
            SimulationError: a trace that does not decay, or too slowly.
        """
        super().renew()
        constants = {n: np.ravel(v)[0] if np.size(v) else 1.0 for n, v in self.synapses.constants.items()}
        if not decays_in_time(self.program, self.records, constants):
            raise SimulationError(
                f"projection {self.projection.name!r}: a trace no longer decays, or takes more than 20 s", got=", ".join(f"{n}={v}" for n, v in self.changed.items()),
                fix="clock_driven=True in the description",
            )  # fmt: skip

    def flush_pending(self, anew: int | None = None) -> None:
        """Respond to the targets' spikes; what follows from the states is made anew in the next step.

        Args:
            anew: no state of a synapse's own changes between spikes, so that a step makes no difference.
        """
        for t, arrays in enumerate(self.arrays):
            if arrays.base[NEW_SPIKES]:
                self.module.flush(0, self.real.type(0.0), arrays.base[BASES:][: len(self.records.source_rates)].copy(), *self._full(t))
            arrays.base[BEGUN] = arrays.base[NEW_SPIKES] = 0

    def held_bytes(self) -> int:
        """Bytes of what threads hold."""
        return super().held_bytes() + sum(a.nbytes for a in self.arrays)

    # --- what the loop asks ------------------------------------------------------------------------------------------

    def _responses(self) -> list[Operation]:
        name, module = self.projection.name, self.module
        record = Operation(f"{name}: record target spikes", Phase.RESPONSES, Kernel.of(module.record_spikes), self._recording, (Given.STEP,))
        flush = Operation(f"{name}: flush pending responses", Phase.RESPONSES, Kernel.of(module.flush_full), self._full, (Given.NEXT_STEP,))
        return [self.spiked.operation(name), record, flush]

    def before_change(self) -> tuple[Callable[..., int], Callable[[int], tuple[Any, ...]]] | None:
        """Responses to what is recorded; and the records, which are made by constants."""
        return None if self.before is None else (self.module.bring_up, self._full)

    def _recording(self, t: int) -> tuple[object, ...]:
        return self.late, *self.spiked.waiting(t), *self._full(t)

    def _full(self, t: int) -> tuple[object, ...]:
        """What every kernel is given after its own arguments."""
        own, arrays = self.own[t], self.arrays[t]
        given = (self.plan.dt, self.constants.numbers[t], own.bounds, own.target, arrays.rows, arrays.deep)
        return *given, *arrays.clock, *(own.array(n) for n in self.kernels.arguments)

    def _arriving(self, t: int) -> tuple[object, ...]:
        own, arrays = self.own[t], self.arrays[t]
        return self.buckets[t].memory, self.due[t], arrays.part, arrays.wide, own.of_target, self.targets[t].accumulator, *self._full(t)


@register(EventDriven, "engine")
def event_driven_store(plan: Plan, index: int, layout: Layout, machine: Machine, room: int) -> EventDrivenStore:
    """The store of event-driven synapses: on target records where the rule allows it.

    Args:
        plan, index, layout, machine, room: as of `neuropil.engine.stores.stateful_store.SynapseStore`.
    """
    reason = records_of(plan.network, plan.network.projections[index], plan.synapses[index])
    return (EventDrivenStore if isinstance(reason, str) else TargetRecordStore)(plan, index, layout, machine, room)


def _aligned(size: int, real: np.dtype) -> np.ndarray:
    """Infinities, beginning with a line of the cache."""
    room = np.full(size + _LINE // real.itemsize, np.inf, real)
    return room[-room.ctypes.data % _LINE // real.itemsize :][:size]
