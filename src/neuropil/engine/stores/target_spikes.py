"""Spikes of the targets of a projection on their way to synapses that respond to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuropil.engine.layout import Layout
from neuropil.engine.ring import ring_length
from neuropil.engine.stores.buckets import Buckets
from neuropil.engine.stores.synapse_kernels import own_spikes, own_spikes_again
from neuropil.engine.stores.synapse_targets import Targets
from neuropil.plan.operations import Given, Kernel, Operation, Phase


@dataclass(frozen=True, eq=False)
class TargetSpikes:
    """What each thread keeps of its own targets' spikes until their synapses respond.

    Attributes:
        layout: of the neurons; targets: of each thread.
        responds: whether the synapses respond at all.
        late: steps from a spike to the response; window: most steps between two meetings of the owners.
        buckets: of each thread, by the step in which a spike fell.
        who: int64[targets] of each thread, room for those of a step.
    """

    layout: Layout
    targets: list[Targets]
    responds: bool
    late: int
    window: int
    buckets: list[Buckets]
    who: list[np.ndarray]

    @classmethod
    def of(cls, layout: Layout, targets: list[Targets], responds: bool, late: int, window: int, spikes: int) -> TargetSpikes:
        """Nothing is under way.

        Args:
            layout, targets, responds, late, window: see the class.
            spikes: that may wait to be filed.
        """
        buckets = [Buckets.empty(1, ring_length(late), 1, _room(t, responds, window, spikes)) for t in targets]
        return cls(layout, targets, responds, late, window, buckets, [np.zeros(t.size, np.int64) for t in targets])

    def waiting(self, t: int) -> tuple[object, ...]:
        """Spikes of the targets of thread t on their way to the synapses, and room for those of a step."""
        return self.buckets[t].memory, self.who[t]

    def operation(self, projection: str) -> Operation:
        """Keep the spikes of each thread's targets until their synapses respond; `projection`: its name."""
        return Operation(f"{projection}: targets that spiked", Phase.RESPONSES, Kernel.of(own_spikes), self._arguments, (Given.STEP, Given.OWN_SPIKES))

    def _arguments(self, t: int) -> tuple[object, ...]:
        target = self.targets[t]
        return self.layout.slot_of, target.first, target.neurons, target.size, self.buckets[t].memory

    def grow(self, spikes: int) -> None:
        """Room for so many `spikes` that wait to be filed."""
        if self.responds:
            for bucket, target in zip(self.buckets, self.targets, strict=True):
                bucket.grow(_room(target, True, self.window, spikes))

    def refile(self, neurons: np.ndarray, emitted: np.ndarray, now: int) -> None:
        """Keep earlier spikes once more; there must be room.

        Args:
            neurons, emitted, now: as of `Store.refile`.
        """
        if self.responds:
            for t in range(len(self.targets)):
                mine = self.layout.thread_of[neurons] == t
                own_spikes_again(neurons[mine], emitted[mine], now, self.late, *self._arguments(t))


def _room(target: Targets, responds: bool, window: int, spikes: int) -> int:
    """Only what all owners have filed is known to fit: between two meetings every target may fire in every step."""
    return spikes * target.sites + window * target.size if responds else 0
