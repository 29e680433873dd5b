"""Buffers: everything that operations read and write, declared by name, type, size and owner."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np


class Owner(Enum):
    """How a buffer is divided among the owners of neurons."""

    NEURON = "each owner holds the entries of its neurons"
    TARGET = "each owner holds the entries of the synapses on its neurons"
    EACH = "each owner has a whole one of its own"
    ALL = "there is one, which all owners read"


@dataclass(frozen=True, eq=False)
class Buffer:
    """A declared array, or several that are always used together.

    Attributes:
        name: for people.
        dtype: element type.
        size: number of entries, over all owners; of `Owner.EACH` those of one. Of synapses the expected number.
        owner: how it is divided.
        saved: whether a run goes on from it, so that a checkpoint has it.
        purpose: under what the memory forecast counts it.
    """

    name: str
    dtype: Any
    size: float
    owner: Owner = Owner.NEURON
    saved: bool = False
    purpose: str = "state"

    def bytes(self, owners: int) -> float:
        """Bytes over so many owners."""
        return self.size * np.dtype(self.dtype).itemsize * (owners if self.owner is Owner.EACH else 1)
