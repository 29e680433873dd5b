"""Buffers: everything that operations read and write, declared by name, type, size, owner and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from neuropil.units import Dimension


class Owner(Enum):
    """How a buffer is divided among the owners of neurons."""

    NEURON = "each owner holds the entries of its neurons"
    TARGET = "each owner holds the entries of the synapses on its neurons"
    EACH = "each owner has a whole one of its own"
    ALL = "there is one, which all owners read"


@dataclass(frozen=True, eq=False)
class Buffer:
    """A declared array, or what an array is cut into.

    Attributes:
        name: unique within a program; for people.
        dtype: element type.
        size: number of entries over all owners; of synapses as expected.
        owner: how it is divided.
        saved: whether a run goes on from it, so that a checkpoint has it.
        meaning: in a few words.
        dimension: of its values; None for counters and the like.
        purpose: under what the memory forecast counts it.
    """

    name: str
    dtype: Any
    size: float
    owner: Owner = Owner.NEURON
    saved: bool = False
    meaning: str = ""
    dimension: Dimension | None = None
    purpose: str = "state"

    @property
    def bytes(self) -> float:
        """Bytes over all owners, for buffers with `Owner.EACH` those of one."""
        return self.size * np.dtype(self.dtype).itemsize
