"""What kernels of synapses with states are given, as objects; their names in the text are codegen's own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SynapseKind(Enum):
    """What an array holds; numbers of the synapses' precision unless it says otherwise."""

    STATE = "state"  # of each synapse
    WEIGHT = "weight"  # of each synapse
    DATE = "date"  # uint32, the lowest bits of the step to which a synapse's states are up to date
    LIST_INDEX = "list index"  # int32, of each synapse in the list of the projection, which counts its random numbers
    CONSTANT = "hoisted constant"  # of each synapse, by its index among the kernel's
    RESPONDED = "responded"  # uint8, the number (modulo 256) of the target's last spike to which a synapse has responded
    SOURCE_STATE = "state of the source"  # kept once for the synapses of a source with one delay
    SOURCE_DATE = "date of the source"  # likewise
    TARGET_STATE = "state of the target"  # kept once for the synapses of a target
    TARGET_DATE = "date of the target"  # likewise
    LATEST = "latest spikes"  # uint64, of each target: the number of its last spike and the times of the last two
    HISTORY_TIME = "time of a recorded spike"  # uint32[history, targets], of the latest spikes of each target
    HISTORY_STATE = "state at a recorded spike"  # [history, targets], just before them
    SEEN = "seen of the target"  # a state of the target neuron, such as its potential


@dataclass(frozen=True)
class SynapseArgument:
    """An array that a kernel of synapses reads or writes.

    Attributes:
        kind: what it is; name: of which state, or the index of which constant.
    """

    kind: SynapseKind
    name: str | int = ""


def own_state(name: str) -> SynapseArgument:
    """The array of the state of this name of each synapse."""
    return SynapseArgument(SynapseKind.STATE, name)


WEIGHT = SynapseArgument(SynapseKind.WEIGHT)
DATE = SynapseArgument(SynapseKind.DATE)
LIST_INDEX = SynapseArgument(SynapseKind.LIST_INDEX)
RESPONDED = SynapseArgument(SynapseKind.RESPONDED)
