"""Which store keeps the synapses of a projection, and which accumulators of the targets it adds to.

A store outside the package is a kind, registered with `neuropil.register`, and a builder of it for the engine:

    class Constant(StoreKind):
        name = "constant"

        def carries(self, projection, program):
            return program is None and ...

    npl.register(Constant())

    @npl.register(Constant, "engine")
    def build(plan, index, layout, machine, room): ...      # a `neuropil.engine.stores.packed_store.Store`

The kind that was registered last and carries a projection keeps it; the kinds of the package carry all. Oracle and rollout hold every synapse
by itself, so they need no store.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from neuropil.lower.synapse import SynapseProgram
from neuropil.model.connection.shared import SharedWeights
from neuropil.model.contents.contents import Projection
from neuropil.plan.buffers import Buffer, Owner
from neuropil.registry import Named, named, names, register


class StoreKind(Named):
    """A way to keep the synapses of a projection.

    Class attributes:
        exact: it adds whole multiples of the port's weight scale to the exact accumulators, for weights that do not change while the network
            runs; else float64 numbers to the real ones, in the order of the step contract.
    """

    family: ClassVar[str] = "synapse store"
    exact: ClassVar[bool] = False

    def carries(self, projection: Projection, program: SynapseProgram | None) -> bool:
        """Whether it can keep a projection.

        Args:
            projection: as described.
            program: of synapses that have states, or come and go; else None.
        """
        raise NotImplementedError

    def buffers(self, projection: Projection, owners: int, room: int) -> list[Buffer]:
        """What it will hold for a projection, for the memory forecast; kinds of the package declare theirs elsewhere.

        Args:
            projection: as described.
            owners: number of threads.
            room: spikes within the longest delay to have room for at first.
        """
        return []

    def event_cost(self, projection: Projection) -> tuple[float, float]:
        """Floating-point operations, and bytes read and written, of one event at one synapse; kinds of the package state theirs elsewhere.

        Args:
            projection: as described.
        """
        return 1.0, 16.0  # one addition to a real accumulator


class Packed(StoreKind):
    """One word for each synapse: target and weight."""

    name = "packed"
    exact: ClassVar[bool] = True

    def carries(self, projection: Projection, program: SynapseProgram | None) -> bool:
        """Static projections.

        Args:
            projection, program: as of `StoreKind.carries`.
        """
        return program is None


class EventDriven(StoreKind):
    """Synapses with states of which nothing happens between spikes."""

    name = "event-driven"

    def carries(self, projection: Projection, program: SynapseProgram | None) -> bool:
        """Programs without a step.

        Args:
            projection, program: as of `StoreKind.carries`.
        """
        return program is not None and program.event_driven


class ClockDriven(StoreKind):
    """Synapses of which some state advances in every step."""

    name = "clock-driven"

    def carries(self, projection: Projection, program: SynapseProgram | None) -> bool:
        """Programs with a step.

        Args:
            projection, program: as of `StoreKind.carries`.
        """
        return program is not None and not program.event_driven


class SharedKernel(StoreKind):
    """The weights once, and where each of them leads; which targets are reached is computed when a spike arrives."""

    name = "shared weights"

    def carries(self, projection: Projection, program: SynapseProgram | None) -> bool:
        """Static projections with shared weights.

        Args:
            projection, program: as of `StoreKind.carries`.
        """
        return program is None and isinstance(projection.matrix, SharedWeights)

    def buffers(self, projection: Projection, owners: int, room: int) -> list[Buffer]:
        """The weights, the table of positions, where each target lies, and spikes under way.

        Args:
            projection, owners, room: as of `StoreKind.buffers`.
        """
        matrix = projection.matrix
        assert isinstance(matrix, SharedWeights)
        table = 8 * matrix.reach().size + 8 * (sum(matrix.positions) + 1)
        held = 8 * matrix.values.size + table + 4 * sum(matrix.shape)
        return [
            Buffer(f"shared weights of {projection.name}", np.uint8, held, Owner.EACH, purpose="synapses"),
            Buffer(f"spikes through {projection.name}", np.int64, 3 * room, Owner.EACH, purpose="spikes in flight"),
        ]

    def event_cost(self, projection: Projection) -> tuple[float, float]:
        """An addition to a real accumulator; a weight, and where it leads.

        Args:
            projection: as described.
        """
        return 1.0, 16.0 + 8.0 + 12.0


for _kind in (Packed(), EventDriven(), ClockDriven(), SharedKernel()):
    register(_kind)


def choose_store(projection: Projection, program: SynapseProgram | None) -> StoreKind:
    """The store of a projection.

    Args:
        projection: as described.
        program: of synapses that have states, or come and go; else None.

    Returns:
        The kind registered last among those that carry it.
    """
    kinds = (named(StoreKind, name) for name in reversed(names(StoreKind)))
    return next(kind for kind in kinds if kind.carries(projection, program))
