"""What the parts of a plan ask of the whole when they count their work and declare their arrays."""

from __future__ import annotations

from typing import Any, Protocol

from neuropil.model.network.network import Network


class Whole(Protocol):
    """The plan that a part belongs to; attributes as of `neuropil.plan.plan.Plan`."""

    @property
    def network(self) -> Network:
        """The description."""

    @property
    def precision(self) -> str:
        """Of state."""

    @property
    def bare(self) -> tuple[Any, ...]:
        """Parts without a kernel of their own."""

    @property
    def accumulator(self) -> Any:
        """The type of exact accumulators."""

    def synapse_precision(self, projection: int) -> str:
        """Of the states of the synapses of the `projection` at this index in the network."""

    def element_type(self, batch: Any, argument: Any) -> Any:
        """The type of the elements of the array `argument` of a `batch`."""
