"""Connection rules: which neuron of one population projects to which of another.

A rule is a plain value; sampling happens when a network is built, from counters keyed by the seed and the names of projection and populations,
so that the same description gives the same synapses whatever else is in the network and however many threads build it.
Self-connections (`allow_self`) matter only where a population projects to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuropil.errors import NetworkError
from neuropil.model.base.ends import Ends
from neuropil.model.connection.distance import DistanceDependent
from neuropil.model.connection.rule import Indices, Rule

__all__ = ["AllToAll", "DistanceDependent", "Edges", "FixedInDegree", "FixedOutDegree", "FixedProbability", "FixedTotal", "OneToOne", "Rule"]


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

    def largest_in_degree(self, ends: Ends) -> float:
        return 1.0

    def array_shape(self, n_source: int, n_target: int) -> tuple[int, ...]:
        return (n_source,)

    def pairs(self, ends: Ends, random: Any) -> tuple[Indices, Indices]:
        return np.arange(ends.n_sources), np.arange(ends.n_sources)

    def between(self, n: int, sources: Indices | None, targets: Indices | None) -> Rule:
        return self if sources is None and targets is None else Edges(np.arange(n), np.arange(n)).between(n, sources, targets)


@dataclass(frozen=True)
class AllToAll(Rule):
    """Every neuron to every neuron.

    Args:
        allow_self: whether a neuron projects to itself.
    """

    compiled: ClassVar[bool] = True
    rewires: ClassVar[bool] = True

    allow_self: bool = True

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return n_source * (n_target - (recurrent and not self.allow_self))

    def expected_between(self, ends: Ends) -> float:
        return ends.pairs(self.allow_self)

    def array_shape(self, n_source: int, n_target: int) -> tuple[int, ...]:
        return (n_source, n_target)

    def targets(self, source: int, ends: Ends, random: Any) -> Indices:
        every = np.arange(ends.n_targets)
        return every if self.allow_self or ends.own is None else every[every != ends.own[source]]

    def numbers(self, pre: Indices, post: Indices, ends: Ends) -> Indices:
        excluded = ends.recurrent and not self.allow_self  # indices among the synapses of the whole populations
        return pre * (ends.n_targets - excluded) + post - (excluded & (post > pre))


@dataclass(frozen=True)
class FixedProbability(Rule):
    """Each ordered pair independently with probability `p` (pairwise Bernoulli).

    Args:
        p: probability, 0 to 1.
        allow_self: whether a neuron may project to itself.

    Raises:
        NetworkError: not a probability.
    """

    compiled: ClassVar[bool] = True
    rewires: ClassVar[bool] = True

    p: float
    allow_self: bool = True

    def __post_init__(self) -> None:
        _require_number(self.p, "FixedProbability.p")
        if not 0.0 <= self.p <= 1.0:
            percent = isinstance(self.p, (int, float)) and 1 < self.p <= 100
            raise NetworkError("FixedProbability: not a probability", got=self.p, expected="0 <= p <= 1", fix=f"FixedProbability({self.p / 100:g}) for {self.p:g} %" if percent else None)

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return self.p * n_source * (n_target - (recurrent and not self.allow_self))

    def expected_between(self, ends: Ends) -> float:
        return ends.pairs(self.allow_self) * self.p

    def largest_in_degree(self, ends: Ends) -> float:
        return _in_degree_of_chance(self, ends)


@dataclass(frozen=True)
class FixedTotal(Rule):
    """Exactly `n` synapses between uniformly drawn pairs; a pair may be drawn again (multapses) unless forbidden.

    Args:
        n: number of synapses, 0 or more.
        allow_self: whether a neuron may project to itself.
        allow_multiple: whether a pair may have several synapses.
    """

    compiled: ClassVar[bool] = True
    rewires: ClassVar[bool] = True

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

    def largest_in_degree(self, ends: Ends) -> float:
        return _in_degree_of_chance(self, ends)


@dataclass(frozen=True)
class FixedInDegree(Rule):
    """Every target receives exactly `k` synapses from uniformly drawn sources.

    Args:
        k: synapses of each target, 0 or more.
        allow_self: whether a neuron may project to itself.
        allow_multiple: whether a pair may have several synapses.
    """

    compiled: ClassVar[bool] = True
    rewires: ClassVar[bool] = True

    k: int
    allow_self: bool = True
    allow_multiple: bool = True

    def __post_init__(self) -> None:
        _require_count(self.k, "FixedInDegree.k")

    def check(self, n_source: int, n_target: int, shared: int) -> None:
        _check_degree("FixedInDegree", self.k, n_source - (shared > 0 and not self.allow_self), self.allow_multiple)

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return self.k * n_target

    def largest_in_degree(self, ends: Ends) -> float:
        return float(self.k)


@dataclass(frozen=True)
class FixedOutDegree(Rule):
    """Every source makes exactly `k` synapses onto uniformly drawn targets.

    Args:
        k: synapses of each source, 0 or more.
        allow_self: whether a neuron may project to itself.
        allow_multiple: whether a pair may have several synapses.
    """

    compiled: ClassVar[bool] = True
    rewires: ClassVar[bool] = True

    k: int
    allow_self: bool = True
    allow_multiple: bool = True

    def __post_init__(self) -> None:
        _require_count(self.k, "FixedOutDegree.k")

    def check(self, n_source: int, n_target: int, shared: int) -> None:
        _check_degree("FixedOutDegree", self.k, n_target - (shared > 0 and not self.allow_self), self.allow_multiple)

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return self.k * n_source

    def largest_in_degree(self, ends: Ends) -> float:
        return _in_degree_of_chance(self, ends)


@dataclass(frozen=True, eq=False)
class Edges(Rule):
    """An explicit list: synapse j goes from `pre[j]` to `post[j]` (indices within their populations).

    Weight and delay may then be arrays with one value per edge.

    Args:
        pre, post: int[edges], indices of source and target.

    Raises:
        NetworkError: not one-dimensional arrays of whole numbers, or of different length.
    """

    rewires: ClassVar[bool] = True
    in_populations: ClassVar[bool] = True

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
                raise NetworkError(f"Edges.{name} has an index outside of its population", got=worst, expected=f"0 … {size - 1}")

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return self.pre.size

    def largest_in_degree(self, ends: Ends) -> float:
        return float(np.bincount(self.post, minlength=1).max(initial=0))

    @property
    def multapses(self) -> bool:
        """A pair stands in the list twice."""
        return np.unique(np.stack([self.pre, self.post]), axis=1).shape[1] < self.pre.size

    def array_shape(self, n_source: int, n_target: int) -> tuple[int, ...]:
        return (self.pre.size,)

    def pairs(self, ends: Ends, random: Any) -> tuple[Indices, Indices]:
        return self.pre, self.post

    def between(self, n: int, sources: Indices | None, targets: Indices | None) -> Edges:
        """The same edges, counted within the populations of two views (None: a whole population)."""
        return Edges(self.pre if sources is None else sources[self.pre], self.post if targets is None else targets[self.post])

    def within(self, rows: Callable[[Indices, Indices], tuple[Indices, Indices]]) -> Edges:
        return Edges(*rows(self.pre, self.post))


def _in_degree_of_chance(rule: Rule, ends: Ends) -> float:
    """What fewer than 1 in 10⁹ targets exceed, of a rule that draws targets alike."""
    mean = rule.expected_synapses(ends.n_sources, ends.n_targets, ends.recurrent) / ends.n_targets
    return mean + 6.5 * float(np.sqrt(mean)) + 10.0


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
