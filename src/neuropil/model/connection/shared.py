"""Weights that many synapses share, such as those of a convolution: each is kept once.

Neurons of source and target lie channel by channel, in each channel position by position. What defines such weights is which source position
a target position sees through each *tap* of the shared weights:

    @dataclass(frozen=True, eq=False)
    class Ring(npl.SharedWeights):
        \"\"\"Each position sees itself and the next one on a ring, in all channels.\"\"\"

        kernel: Any                                # [target channels, source channels, 2], with or without a unit
        n: int

        def channels(self):
            onto, inner, _ = np.shape(self.parameters["kernel"])
            return inner, onto

        def reach(self):                           # [taps, positions]
            return np.stack([np.arange(self.n), (np.arange(self.n) + 1) % self.n])

The engine reads the table at a spike, the oracle lists the pairs, a rollout multiplies through it, so nothing else has to be written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError, NetworkError
from neuropil.model.base.ends import Ends
from neuropil.model.connection.matrix import WeightMatrix, values_of
from neuropil.model.connection.rule import Indices, Rule
from neuropil.units import Dimension, Quantity, magnitude


@dataclass(frozen=True, eq=False)
class SharedWeights(WeightMatrix):
    """Base of shared weights; a subclass has one parameter and gives `channels` and `reach`, and may give `groups` and `by_tap`."""

    # --- the definition ------------------------------------------------------------------------------------------------

    def channels(self) -> tuple[int, int]:
        """Channels of source and target."""
        raise NotImplementedError

    def reach(self) -> Indices:
        """int64[taps, positions of a target channel]: the source position that a target position sees through each tap, -1: none. A target
        position sees a source position through one tap at most."""
        raise NotImplementedError

    def source_positions(self) -> int:
        """Positions of a source channel; by default as many as `reach` needs."""
        return int(self.reach().max()) + 1

    @property
    def groups(self) -> int:
        """Groups of channels: those of a group of the source reach those of the same group of the target alone."""
        return 1

    def by_tap(self, values: Any) -> Any:
        """The weights as [target channels, source channels of a group, taps].

        Args:
            values: of the parameter, of NumPy or JAX.
        """
        return values.reshape(self.channels()[1], self.channels()[0] // self.groups, -1)

    # --- what follows --------------------------------------------------------------------------------------------------

    @property
    def parameter(self) -> str:
        """The name of its one parameter.

        Raises:
            ModelError: it has none, or several.
        """
        names = list(self.parameters)
        if len(names) != 1:
            raise ModelError(f"{type(self).__name__}: shared weights have one parameter", got=", ".join(names) or "none", fix="one field of floats; whole numbers are no parameters")
        return names[0]

    @property
    def values(self) -> Any:
        """[target channels, source channels of a group, taps], base units."""
        return self.by_tap(np.asarray(self.parameters[self.parameter], float))

    @property
    def positions(self) -> tuple[int, int]:
        """Positions of a channel of source and target."""
        return self.source_positions(), self.reach().shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        (a, b), (m, n) = self.channels(), self.positions
        return a * m, b * n

    @property
    def synapses(self) -> int:
        """Pairs of neurons that it joins."""
        a, b = self.channels()
        return int(np.count_nonzero(self.reach() >= 0)) * a * b // self.groups

    @property
    def multiply_adds(self) -> float:
        return float(self.synapses)

    def pairs(self) -> tuple[Indices, Indices]:
        """int64[synapses] twice: source and target of each, by source and then by target."""
        (a, b), (m, n) = self.channels(), self.positions
        table = self.reach()
        tap, seen = np.nonzero(table >= 0)
        inner, outer = np.indices((a // self.groups, b // self.groups)).reshape(2, -1)
        group = np.arange(self.groups)[:, None, None]
        pre = (group * (a // self.groups) + inner[:, None]) * m + table[tap, seen]
        post = (group * (b // self.groups) + outer[:, None]) * n + seen
        order = np.lexsort((post.ravel(), pre.ravel()))
        return pre.ravel()[order], post.ravel()[order]

    def place(self, source: Any, target: Any) -> tuple[Any, tuple[Any, Any, Any]]:
        """Whether pairs are joined, and where their weights stand in `values`.

        Args:
            source, target: whole numbers, or arrays of them that broadcast.
        """
        (a, b), (m, n) = self.channels(), self.positions
        channel, index = np.divmod(np.asarray(source), m)
        onto, seen = np.divmod(np.asarray(target), n)
        through = self.reach()[:, seen] == index  # [taps, ...]
        joined = through.any(axis=0) & (channel // (a // self.groups) == onto // (b // self.groups))
        return joined, (onto, channel % (a // self.groups), through.argmax(axis=0))

    def entry(self, source: Any, target: Any) -> Any:
        joined, place = self.place(source, target)
        found = np.where(joined, self.values[place], 0.0)
        given = getattr(self, self.parameter)
        return Quantity(found, given.dimension) if isinstance(given, Quantity) else found

    def dense(self) -> Any:
        pre, post = self.pairs()
        made = np.zeros(self.shape)
        made[pre, post] = values_of(self.entry(pre, post))
        return made

    def product(self, x: Any) -> Any:
        library = x.__array_namespace__()
        (a, b), (m, n), g = self.channels(), self.positions, self.groups
        table = self.reach()
        channel = np.arange(a).reshape(g, -1, 1, 1)
        index = np.where(table < 0, a * m, channel * m + table).reshape(g, -1, n)  # [groups, channels and taps, positions]; a · m is nothing
        seen = library.concatenate([x, library.zeros(1, dtype=x.dtype)])[index]
        weights = self.by_tap(library.asarray(self.parameters[self.parameter], dtype=x.dtype))
        return (weights.reshape(g, b // g, -1) @ seen).ravel()

    def check(self, shape: tuple[int, int], dimension: Dimension, where: str) -> None:
        name = type(self).__name__
        if self.shape != shape:
            got = f"{self.shape[0]} sources in {self.channels()[0]} channels, {self.shape[1]} targets in {self.channels()[1]}"
            raise ModelError(f"{where}: {name} does not fit the populations", got=got, expected=f"{shape[0]} sources, {shape[1]} targets", fix=f"populations of {self.shape[0]} and {self.shape[1]} neurons")
        magnitude(getattr(self, self.parameter), dimension, f"{where}: {name}.{self.parameter}")
        if not np.all(np.isfinite(self.values)):
            raise ModelError(f"{where}: {name}.{self.parameter} is not finite", expected="finite numbers")
        pre, post = self.reach(), np.arange(shape[1] // self.channels()[1])
        seen = (pre * post.size + post)[pre >= 0]
        if np.unique(seen).size < seen.size:
            raise ModelError(f"{where}: {name}.reach gives a source position to a target position through two taps", fix="add the weights of such taps in one")


@dataclass(frozen=True, eq=False)
class SharedPairs(Rule):
    """The pairs of neurons that shared weights join; `Network.project` makes it of `AllToAll` and the weights.

    Args:
        matrix: the weights.
    """

    matrix: SharedWeights

    def targets(self, source: int, ends: Ends, random: Any) -> Indices:
        pre, post = self.matrix.pairs()
        return post[pre == source]

    def pairs(self, ends: Ends, random: Callable[[int], np.random.Generator]) -> tuple[Indices, Indices]:
        return self.matrix.pairs()

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        return float(self.matrix.synapses)


def spiking(matrix: Any, more: dict[str, Any], delay: Any, where: str) -> SharedWeights:
    """The weights that spikes go through, checked.

    Args:
        matrix: the weights.
        more: further arguments of `Network.project` by name.
        delay: ms.
        where: opens the error messages.

    Raises:
        NetworkError: weights or arguments that spikes through shared weights cannot have, with the remedy.
    """
    kind = type(matrix).__name__
    if not isinstance(matrix, SharedWeights):
        raise NetworkError(f"{where}: weights with this structure are for graded transmission", got=matrix, fix="synapse=npl.Graded(...), or weight.dense() for spikes")
    if more.get("synapse") is not None or more.get("structure") is not None or more.get("input") is not None:
        raise NetworkError(
            f"{where}: weights of {kind} are shared and cannot change or have states of each synapse", got=f"synapse={more.get('synapse')!r}, structure={more.get('structure')!r}",
            expected="neither: a rule would give each synapse its own weight, which is then no convolution", fix="leave them out; or weight=matrix.dense() with Edges, for synapses that each learn by themselves",
        )  # fmt: skip
    if not isinstance(delay, float):
        raise NetworkError(f"{where}: shared weights have one delay", got=delay, expected="one number")
    return matrix
