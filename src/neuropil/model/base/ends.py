"""The two ends of a projection as a connection rule sees them: how many neurons, which are on both sides, and where they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import NetworkError


@dataclass(frozen=True, eq=False)
class Ends:
    """Source and target neurons of a projection; both are counted from 0. Between views they are the neurons of the views.

    Attributes:
        n_sources, n_targets: numbers of neurons.
        recurrent: both are neurons of one population.
        own: int64[n_sources], of a recurrent projection where each source stands among the targets, -1 if it does not; else None.
        source_positions, target_positions: float64[neurons, axes] in µm; None if the population has none.
    """

    n_sources: int
    n_targets: int
    recurrent: bool = False
    own: NDArray[np.int64] | None = None
    source_positions: NDArray[np.float64] | None = None
    target_positions: NDArray[np.float64] | None = None

    @property
    def shared(self) -> int:
        """How many neurons are on both sides."""
        return 0 if self.own is None else int(np.count_nonzero(self.own >= 0))

    def pairs(self, with_self: bool = True) -> int:
        """Number of ordered pairs of neurons.

        Args:
            with_self: count those of a neuron with itself.
        """
        return self.n_sources * self.n_targets - (0 if with_self else self.shared)

    def distances(self, sources: NDArray[np.int64], targets: NDArray[np.int64], box: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Distances in µm between some sources and some targets.

        Args:
            sources, targets: indices of neurons.
            box: float64[axes], side lengths in µm of a space that wraps around, infinite along an axis that does not; None: none does.

        Returns:
            float64[sources, targets].

        Raises:
            NetworkError: a population has no positions.
        """
        if self.source_positions is None or self.target_positions is None:
            raise NetworkError("distances between neurons without positions", fix="network.population(..., positions=xy * um), one row per neuron")
        square = np.zeros((sources.size, targets.size))
        for axis in range(self.source_positions.shape[1]):
            difference = self.source_positions[sources, axis, None] - self.target_positions[None, targets, axis]
            if box is not None and np.isfinite(box[axis]):
                difference -= box[axis] * np.rint(difference / box[axis])
            square += difference**2
        return np.sqrt(square)
