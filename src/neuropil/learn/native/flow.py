"""What flows into an input in every step: weights times what elements of another part sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.learn.exchange import Exchange
from neuropil.learn.graded import GradedFlow
from neuropil.learn.native import flow_kernels as kernels
from neuropil.learn.native.loop import Call
from neuropil.model.neuron.composite import full_name, split
from neuropil.plan.gradient_signature import Role

At = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Flow:
    """The weights from an emission to an input.

    Attributes:
        name: of the weights, and of the emission.
        source, target: populations; parts: of both.
        into: full name of the input.
        pre, post: of a list of weights the source and target of each; of a matrix the sources and targets of its rows and columns.
        delay: steps of each weight of a list; of a matrix one.
        matrix: whether it is one.
        precision: of the kernels.
        fixed: weights that are not given.
    """

    name: tuple[str, ...]
    source: str
    target: str
    parts: tuple[str, str]
    into: str
    pre: NDArray[np.int32]
    post: NDArray[np.int32]
    delay: NDArray[np.int64]
    matrix: bool
    precision: str
    fixed: NDArray[Any] | None = None

    @classmethod
    def of_exchange(cls, population: str, number: int, exchange: Exchange, precision: str) -> Flow:
        """What the parts of a neuron give each other.

        Args:
            population: their population.
            number: of the exchange among those of the population.
            exchange: between which parts.
            precision: of the kernels.
        """
        pre, post = exchange.pre.astype(np.int32), exchange.post.astype(np.int32)
        zero, one = np.zeros(pre.size, np.int64), np.ones(pre.size, precision)
        name = ("exchange", population, str(number))
        return cls(name, population, population, (exchange.source, exchange.target), full_name(exchange.target, exchange.into), pre, post, zero, False, precision, one)

    @classmethod
    def of_graded(cls, graded: GradedFlow, precision: str) -> Flow:
        """Of a graded projection.

        Args:
            graded: as the rollout holds it.
            precision: of the kernels.
        """
        p = graded.projection
        sources = np.arange(p.source.size) if p.sources is None else p.sources
        targets = (np.arange(p.target.size) if p.targets is None else p.targets) * p.sites + int(p.site or 0 if p.fixed_site else 0)
        pre, post, matrix = graded.pre, graded.post, p.dense
        if p.matrix is not None:
            pairs = graded.expanded.pairs
            matrix = pairs is None
            pre, post = (sources, targets) if pairs is None else (sources[pairs[0]], targets[pairs[1]])
        elif matrix:
            pre, post = sources, targets
        delay = np.atleast_1d(graded.delay) if matrix else np.broadcast_to(graded.delay, pre.shape)
        parts = p.value.part, split(str(p.input))[0]
        return cls(("graded", p.name), p.source.name, p.target.name, parts, str(p.input), _whole(pre), _whole(post), np.array(delay, np.int64), matrix, precision)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weights."""
        return (self.pre.size, self.post.size) if self.matrix else (self.pre.size,)

    @property
    def longest(self) -> int:
        """The longest delay, steps."""
        return int(self.delay.max(initial=0))

    def forward(self, at: At) -> Call:
        """The call that adds to the input.

        Args:
            at: to the array of a key.
        """
        return self._call(kernels.flow_matrix, kernels.flow_listed, self._value(at, Role.VALUE), self._weight(at), at, (self._flow(at, Role.FLOW),))

    def gather(self, at: At) -> Call:
        """The call that adds to the cotangents of what was sent.

        Args:
            at: to the array of a key.
        """
        return self._call(kernels.gather_matrix, kernels.gather_listed, self._flow(at, Role.FLOW_BAR), self._weight(at), at, (self._value(at, Role.VALUE_BAR),))

    def weigh(self, at: At) -> Call:
        """The call that adds to the cotangents of the weights.

        Args:
            at: to the array of a key.
        """
        return self._call(kernels.weigh_matrix, kernels.weigh_listed, self._flow(at, Role.FLOW_BAR), self._value(at, Role.VALUE), at, (at(self.name, "weight_bar"),))

    def _call(self, matrix: Any, listed: Any, first: Any, second: Any, at: At, last: tuple[Any, ...]) -> Call:
        room = (at(self.name, "room", ""),) if self.matrix else ()
        return Call(matrix if self.matrix else listed, (first, self.pre, self.post, self.delay, second, *room, *last))

    def _weight(self, at: At) -> Any:
        return at(self.name, "weight") if self.fixed is None else self.fixed

    def _value(self, at: At, role: Role) -> Any:
        return at(self.name, role, "")

    def _flow(self, at: At, role: Role) -> Any:
        return at(self.target, role, self.into)


def _whole(a: NDArray[Any]) -> NDArray[np.int32]:
    return np.ascontiguousarray(a, np.int32)
