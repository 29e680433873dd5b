"""What a simulation goes on from, part by part: each part saves itself as arrays by name and takes them up again.

Arrays do not depend on the number of threads, so a run may go on with another. Checkpoints, snapshots and starts of other networks are
folds over the parts; one that declares what follows is in all of them.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np

Arrays: TypeAlias = "dict[str, np.ndarray | Arrays]"
"""Arrays by name, in groups."""


class Saved(Protocol):
    """A part of a simulation that checkpoints and snapshots hold.

    Attributes:
        named_by: what the groups at the top are named by: "population", "projection", "modulator", "stimulus"; "" without groups.
        overrides: it holds what was set in the place of what is described, so that another description of the same name comes first.
    """

    named_by: str
    overrides: bool

    def save(self) -> Arrays:
        """The arrays from which it goes on. Nothing changes them afterwards: they are copies, or what is replaced as a whole."""
        ...

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore what `save` returned, here or in a simulation that has more; whatever the present state is.

        Args:
            arrays: by name. What they do not name stays as it is.
            step: to which they belong.
        """
        ...

    def free(self, name: str) -> frozenset[str]:
        """Arrays of the group `name` that may be absent, or of other sizes, in another simulation."""
        ...

    def faults(self, name: str, then: Arrays, now: Arrays) -> list[str]:
        """Why the group `name` of a snapshot does not fit another simulation, besides what `free` says; in words, with the remedy.

        Args:
            then: its arrays.
            now: those of the other simulation when it has been made.
        """
        ...


class AsDescribed:
    """A part all of whose arrays have the sizes that the description gives them."""

    overrides = False

    def free(self, name: str) -> frozenset[str]:
        """None, whatever the group `name`."""
        return frozenset()

    def faults(self, name: str, then: Arrays, now: Arrays) -> list[str]:
        """None, whatever the group `name` was `then` and is `now`."""
        return []


def frozen(arrays: Arrays) -> Arrays:
    """The arrays, which from now on are read-only, so that code which saves an array and goes on writing it fails."""
    for value in arrays.values():
        if isinstance(value, dict):
            frozen(value)
        else:
            value.setflags(write=False)
    return arrays


def group(arrays: Arrays, name: str) -> Arrays:
    """The group of this `name` among `arrays`."""
    found = arrays[name]
    assert isinstance(found, dict)
    return found


def array(arrays: Arrays, name: str) -> np.ndarray:
    """The array of this `name` among `arrays`."""
    found = arrays[name]
    assert not isinstance(found, dict)
    return found
