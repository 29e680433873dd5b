"""What a kind of store of synapses with states defines: how it holds them, brings them up to date, and which operations it has in a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from neuropil.engine.stores.constant_table import ConstantTable
from neuropil.engine.stores.synapse_list import SynapseList
from neuropil.plan.operations import Operation


class StatefulKind(ABC):
    """The operations in which event-driven and clock-driven stores differ; `neuropil.engine.stores.stateful_store` has what they share."""

    @abstractmethod
    def prepare(self) -> None:
        """Write the kernels."""

    @abstractmethod
    def take(self, synapses: SynapseList) -> None:
        """Hold these synapses."""

    @abstractmethod
    def listed(self) -> SynapseList:
        """The synapses with their present states."""

    @abstractmethod
    def operations(self) -> list[Operation]:
        """What a step does."""

    @abstractmethod
    def refile_segments(self, neurons: np.ndarray, emitted: np.ndarray, now: int) -> None:
        """File the segments of earlier spikes once more; there must be room.

        Args:
            neurons, emitted, now: as of `Store.refile`.
        """

    @abstractmethod
    def held_bytes(self) -> int:
        """Bytes of what threads hold."""

    @abstractmethod
    def bring_up(self, step: int) -> None:
        """Bring every state that waits to a step, so that constants may change."""

    @abstractmethod
    def flush_pending(self) -> None:
        """Apply all pending responses to spikes up to now."""

    @abstractmethod
    def gather(self, name: str) -> np.ndarray:
        """float64[n]: the state of this name of every synapse as it is stored, after all pending spikes have been processed."""

    @abstractmethod
    def write(self, name: str, values: np.ndarray) -> None:
        """Set a state, or the weight, of every synapse (float64[n], in their order).

        Args:
            name: of the state, or "weight".
            values: float64[n].
        """

    @abstractmethod
    def kept(self, t: int) -> dict[str, dict[str, np.ndarray]]:
        """What thread t holds of the synapses' states, as it lies there: by side ("", "source", "target"), by name; "last" is the step."""

    @abstractmethod
    def list_index(self, t: int) -> np.ndarray | slice:
        """The indices in the list of the synapses of thread t, in the order in which they lie there."""

    def used(self, t: int) -> np.ndarray:
        """bool[sources · delays]: which segments of thread t have synapses."""
        raise NotImplementedError

    @abstractmethod
    def made(self) -> Any:
        """What `take` made of the list; what of it changes is not to be relied on."""

    @abstractmethod
    def adopt(self, made: Any) -> None:
        """In place of `take`: what another store `made` of the same list, states aside, which are still to be restored."""

    @abstractmethod
    def drop_pending(self) -> None:
        """Drop what spikes have yet to do to the synapses."""

    @abstractmethod
    def renew(self) -> None:
        """Evaluate the constants of the kernels anew."""

    @abstractmethod
    def tables(self) -> list[ConstantTable]:
        """The constants of the kernels."""

    @abstractmethod
    def before_change(self) -> tuple[Callable[..., int], Callable[[int], tuple[Any, ...]]] | None:
        """What brings an owner's synapses to a step before modulated parameters change, and its arguments after (step, moved); None: nothing has to."""
