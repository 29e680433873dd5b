"""What a simulation goes on from, part by part: each part saves itself as arrays by name and takes them up again.

Arrays do not depend on the number of threads, so a run may go on with another.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np

Arrays: TypeAlias = "dict[str, np.ndarray | Arrays]"
"""Arrays by name, in groups."""


class Saved(Protocol):
    """A part of a simulation that a checkpoint holds."""

    def save(self) -> Arrays:
        """The arrays from which it goes on."""
        ...

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore what `save` returned.

        Args:
            arrays: by name.
            step: of the checkpoint.
        """
        ...
