"""The connection rule by distance: each pair of neurons with a probability that depends on how far apart they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import NetworkError
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.base.ends import Ends
from neuropil.model.connection.rule import Indices, Rule
from neuropil.units import Quantity, um


@dataclass(frozen=True)
class DistanceDependent(Rule):
    """Each pair with a probability that depends on the distance between the two neurons' positions.

    Args:
        probability: maps an array of distances (µm) to probabilities in [0, 1].
        periodic: side lengths (a quantity, one per axis) of a box that wraps around, or None.
        allow_self: whether a neuron may project to itself.

    Raises:
        NetworkError: not a function; sides that are not positive lengths.
    """

    compiled: ClassVar[bool] = True
    rewires: ClassVar[bool] = True
    needs_positions: ClassVar[bool] = True

    probability: Callable[[np.ndarray], np.ndarray]
    allow_self: bool = True
    periodic: Any = None

    def __post_init__(self) -> None:
        if not callable(self.probability):
            raise NetworkError("DistanceDependent needs a function of distance in µm", got=self.probability)
        if self.periodic is not None:
            box = checked_values(self.periodic, um.dimension, "DistanceDependent.periodic", _box_shape(self.periodic))
            if isinstance(box, Distribution) or not np.all(np.asarray(box) > 0):
                raise NetworkError("DistanceDependent.periodic must be lengths", got=self.periodic, expected="for example [1000, 1000] * um")

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return float("nan")

    def expected_between(self, ends: Ends) -> float:
        """From the mean probability of at most 64 evenly spaced sources."""
        some = np.unique(np.linspace(0, ends.n_sources - 1, min(ends.n_sources, 64)).astype(np.int64))
        return float(self.likelihood(some, np.arange(ends.n_targets), ends).sum() * ends.n_sources / some.size)

    def likelihood(self, sources: Indices, targets: Indices, ends: Ends) -> NDArray[np.float64]:
        """The probability of each pair; 0 between a neuron and itself where that is excluded.

        Args:
            sources, targets: indices of neurons; ends: with positions.

        Returns:
            float64[sources, targets].

        Raises:
            NetworkError: the periodic box does not fit the positions, or the function gives no probabilities.
        """
        assert ends.source_positions is not None
        distance = ends.distances(sources, targets, self._box(ends.source_positions.shape[1]))
        probability = np.asarray(self.probability(distance), float)
        if probability.shape not in (distance.shape, ()):
            raise NetworkError("the probability must have the shape of the distances", got=probability.shape, expected=distance.shape)
        probability = np.broadcast_to(probability, distance.shape)
        if not np.all((probability >= 0.0) & (probability <= 1.0)):
            wrong = probability[~((probability >= 0.0) & (probability <= 1.0))][0]
            raise NetworkError("not a probability", got=wrong, expected="0 <= p <= 1 at every distance")
        if ends.own is not None and not self.allow_self:
            probability = np.where(ends.own[sources, None] == targets, 0.0, probability)
        return probability

    def position_faults(self, ends: Ends, where: str) -> list[NetworkError]:
        assert ends.source_positions is not None and ends.target_positions is not None
        axes = ends.source_positions.shape[1]
        if self.periodic is not None and np.size(self.periodic.value) not in (1, axes):
            got, expected = f"{np.size(self.periodic.value)} lengths", f"{axes}, one per axis"
            return [NetworkError(f"{where}: the periodic box does not fit the positions", got=got, expected=expected)]
        return self._tried(np.linalg.norm(ends.target_positions[:64] - ends.source_positions[0], axis=1), where)

    def _tried(self, distances: NDArray[np.float64], where: str) -> list[NetworkError]:
        """Try the function on a few distances that occur: it must map an array to as many probabilities."""
        try:
            p = np.asarray(self.probability(distances), float)
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
            return [NetworkError(f"{where}: the probability function fails on an array of distances", got=got)]
        if p.shape != distances.shape:
            got, expected = f"shape {p.shape}", f"shape {distances.shape}"
            return [NetworkError(f"{where}: the probability function must map an array to an array", got=got, expected=expected)]
        if not np.all((p >= 0) & (p <= 1)):
            worst = float(p[~((p >= 0) & (p <= 1))][0])
            return [NetworkError(f"{where}: the probability function returns values outside of [0, 1]", got=worst)]
        return []

    def _box(self, axes: int) -> NDArray[np.float64] | None:
        """float64[axes]: side lengths in µm; None where space does not wrap around."""
        if self.periodic is None:
            return None
        sides = np.asarray(self.periodic.value, float)
        if sides.shape not in ((), (1,), (axes,)) or not np.all(sides > 0):
            raise NetworkError("periodic needs one positive length per axis", got=sides, expected=f"{axes} lengths")
        return np.broadcast_to(sides, (axes,))


def _box_shape(periodic: Any) -> tuple[int, ...]:
    """One length for all axes, or one for each of at most three."""
    raw = periodic.value if isinstance(periodic, Quantity) else periodic
    try:
        shape = np.shape(raw)
    except ValueError:
        return ()
    return shape if len(shape) == 1 and 1 <= shape[0] <= 3 else ()
