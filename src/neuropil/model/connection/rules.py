"""Connection rules: which neuron of one population projects to which of another.

A rule is a plain value; sampling happens when a network is built, from counters keyed by the seed and the names of projection and populations,
so that the same description gives the same synapses whatever else is in the network and however many threads build it.
Self-connections (`allow_self`) matter only where a population projects to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import NetworkError
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.units import Quantity, um


@dataclass(frozen=True)
class Rule:
    """Base of all connection rules."""

    def check(self, n_source: int, n_target: int, shared: int) -> None:
        """Raise NetworkError if the rule cannot be met between populations of these sizes, of which `shared` neurons are in both.

        Args:
            n_source, n_target: neurons of the source and of the target.
        """

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        """How many synapses to expect (exact for rules that fix the number).

        Args:
            n_source, n_target: neurons of the source and of the target.
            recurrent: whether the two are one population.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class OneToOne(Rule):
    """Neuron i to neuron i; the populations have equal sizes."""

    def check(self, n_source: int, n_target: int, shared: int) -> None:
        if n_source != n_target:
            raise NetworkError(
                "OneToOne needs populations of equal size", got=f"{n_source} and {n_target}", fix="use AllToAll or Edges"
            )

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return n_source

    def between(self, n: int, sources: Any, targets: Any) -> Edges:
        """The edges between the populations of two views of n neurons (None: a whole population).

        Args:
            n: neurons of each view.
            sources, targets: int[n], their indices within the populations; None: a whole population.
        """
        return Edges(np.arange(n), np.arange(n)).between(n, sources, targets)


@dataclass(frozen=True)
class AllToAll(Rule):
    """Every neuron to every neuron.

    Args:
        allow_self: whether a neuron projects to itself.
    """

    allow_self: bool = True

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return n_source * (n_target - (recurrent and not self.allow_self))


@dataclass(frozen=True)
class FixedProbability(Rule):
    """Each ordered pair independently with probability `p` (pairwise Bernoulli).

    Args:
        p: probability, 0 to 1.
        allow_self: whether a neuron may project to itself.

    Raises:
        NetworkError: not a probability.
    """

    p: float
    allow_self: bool = True

    def __post_init__(self) -> None:
        _require_number(self.p, "FixedProbability.p")
        if not 0.0 <= self.p <= 1.0:
            raise NetworkError("FixedProbability: not a probability", got=self.p, expected="0 <= p <= 1")

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return self.p * n_source * (n_target - (recurrent and not self.allow_self))


@dataclass(frozen=True)
class FixedTotal(Rule):
    """Exactly `n` synapses between uniformly drawn pairs; a pair may be drawn again (multapses) unless forbidden.

    Args:
        n: number of synapses, 0 or more.
        allow_self: whether a neuron may project to itself.
        allow_multiple: whether a pair may have several synapses.
    """

    n: int
    allow_self: bool = True
    allow_multiple: bool = True

    def __post_init__(self) -> None:
        _require_count(self.n, "FixedTotal.n")

    def check(self, n_source: int, n_target: int, shared: int) -> None:
        pairs = n_source * n_target - (0 if self.allow_self else shared)
        if (self.n > pairs and not self.allow_multiple) or (self.n > 0 and pairs == 0):
            raise NetworkError(
                "FixedTotal: more synapses than pairs of neurons",
                got=self.n,
                expected=f"at most {pairs}",
                fix="allow_multiple=True",
            )

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return self.n


@dataclass(frozen=True)
class FixedInDegree(Rule):
    """Every target receives exactly `k` synapses from uniformly drawn sources.

    Args:
        k: synapses of each target, 0 or more.
        allow_self: whether a neuron may project to itself.
        allow_multiple: whether a pair may have several synapses.
    """

    k: int
    allow_self: bool = True
    allow_multiple: bool = True

    def __post_init__(self) -> None:
        _require_count(self.k, "FixedInDegree.k")

    def check(self, n_source: int, n_target: int, shared: int) -> None:
        _check_degree("FixedInDegree", self.k, n_source - (shared > 0 and not self.allow_self), self.allow_multiple)

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return self.k * n_target


@dataclass(frozen=True)
class FixedOutDegree(Rule):
    """Every source makes exactly `k` synapses onto uniformly drawn targets.

    Args:
        k: synapses of each source, 0 or more.
        allow_self: whether a neuron may project to itself.
        allow_multiple: whether a pair may have several synapses.
    """

    k: int
    allow_self: bool = True
    allow_multiple: bool = True

    def __post_init__(self) -> None:
        _require_count(self.k, "FixedOutDegree.k")

    def check(self, n_source: int, n_target: int, shared: int) -> None:
        _check_degree("FixedOutDegree", self.k, n_target - (shared > 0 and not self.allow_self), self.allow_multiple)

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return self.k * n_source


@dataclass(frozen=True, eq=False)
class Edges(Rule):
    """An explicit list: synapse j goes from `pre[j]` to `post[j]` (indices within their populations).

    Weight and delay may then be arrays with one value per edge.

    Args:
        pre, post: int[edges], indices of source and target.

    Raises:
        NetworkError: not one-dimensional arrays of whole numbers, or of different length.
    """

    pre: Any
    post: Any

    def __post_init__(self) -> None:
        for name in ("pre", "post"):
            try:
                array = np.asarray(getattr(self, name))
            except ValueError:
                raise NetworkError(f"Edges.{name} is not an array of indices", got=getattr(self, name)) from None
            if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
                raise NetworkError(
                    f"Edges.{name} must be a one-dimensional array of whole numbers", got=f"{array.dtype}, shape {array.shape}"
                )
            indices = array.astype(np.int64)
            indices.setflags(write=False)
            object.__setattr__(self, name, indices)
        if self.pre.shape != self.post.shape:
            raise NetworkError("Edges: pre and post differ in length", got=f"{self.pre.size} and {self.post.size}")

    @classmethod
    def from_sparse(cls, matrix: Any) -> tuple[Edges, np.ndarray]:
        """Edges and weights of a SciPy sparse matrix [source, target]; multiply the weights by their unit.

        Args:
            matrix: sparse, shape [sources, targets].

        Returns:
            The edges, and float64[edges], their entries.

        Raises:
            NetworkError: not a SciPy sparse matrix.
        """
        try:
            coo = matrix.tocoo()
        except AttributeError:
            raise NetworkError("Edges.from_sparse needs a SciPy sparse matrix", got=type(matrix).__name__) from None
        return cls(coo.row.astype(np.int64), coo.col.astype(np.int64)), np.asarray(coo.data, float)

    @classmethod
    def blocks(cls, groups: Iterable[int], sources: int, targets: int) -> Edges:
        """All synapses within some groups, of populations that are groups of `sources` and of `targets` neurons side by side.

        Args:
            groups: numbers of the groups to connect.
            sources, targets: neurons of a group on either side.
        """
        group, pre, post = np.meshgrid(np.array(list(groups), np.int64), np.arange(sources), np.arange(targets), indexing="ij")
        return cls((group * sources + pre).ravel(), (group * targets + post).ravel())

    def check(self, n_source: int, n_target: int, shared: int) -> None:
        for name, array, size in (("pre", self.pre, n_source), ("post", self.post, n_target)):
            if array.size and (array.min() < 0 or array.max() >= size):
                worst = int(array.max() if array.max() >= size else array.min())
                raise NetworkError(f"Edges.{name} points outside its population", got=worst, expected=f"0 … {size - 1}")

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return self.pre.size

    def between(self, n: int, sources: Any, targets: Any) -> Edges:
        """The same edges between the populations of two views (None: a whole population).

        Args:
            n: neurons of a view (not used).
            sources, targets: int[], indices of the views' neurons within the populations; None: a whole population.
        """
        return Edges(self.pre if sources is None else sources[self.pre], self.post if targets is None else targets[self.post])


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


def _box_shape(periodic: Any) -> tuple[int, ...]:
    """One length for all axes, or one for each of at most three."""
    raw = periodic.value if isinstance(periodic, Quantity) else periodic
    try:
        shape = np.shape(raw)
    except ValueError:
        return ()
    return shape if len(shape) == 1 and 1 <= shape[0] <= 3 else ()


def _require_number(value: Any, where: str) -> None:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole and not (isinstance(value, (float, np.floating)) and np.isfinite(value)):
        raise NetworkError(f"{where} must be a finite number", got=value)


def _require_count(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise NetworkError(f"{where} must be a whole number", got=value)
    if value < 0:
        raise NetworkError(f"{where} must not be negative", got=value)


def _check_degree(rule: str, k: int, available: int, multiple: bool) -> None:
    if k > 0 and (available <= 0 or (k > available and not multiple)):
        raise NetworkError(
            f"{rule}: more partners than there are neurons", got=k, expected=f"at most {available}", fix="allow_multiple=True"
        )
