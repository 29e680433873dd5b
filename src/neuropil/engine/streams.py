"""Keys of the random numbers that are drawn while a network runs: another seed changes them, and nothing that was drawn before."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from neuropil import rng
from neuropil.engine.saved import Arrays, AsDescribed, array

Key = tuple[np.uint32, np.uint32]


class Streams(AsDescribed):
    """The random streams of a simulation: noise, Poisson events, stochastic spikes, rewiring.

    What draws while a network runs follows them (`follow`); synapses, parameters and initial states are drawn by the seed of the plan.

    Args:
        seed: of all streams, at the start.

    Attributes:
        seed: the present one.
    """

    named_by = ""

    def __init__(self, seed: int):
        self.seed = seed
        self._followers: dict[Hashable, list[Callable[[], None]]] = {}
        self._owner: Hashable = None

    def key(self, *names: str | int) -> Key:
        """The key of the stream with these names."""
        first, second = rng.stream_key(self.seed, *names)
        return np.uint32(first), np.uint32(second)

    def follow(self, renew: Callable[[], None]) -> None:
        """Let `renew` be called when the seed is another: it takes its keys anew, and forgets numbers that it has drawn ahead."""
        self._followers.setdefault(self._owner, []).append(renew)

    @contextmanager
    def followed_for(self, owner: Hashable) -> Iterator[None]:
        """A context in which those that follow do so for an `owner`, in the place of those that did before."""
        before, self._owner = self._owner, owner
        self._followers.pop(owner, None)
        try:
            yield
        finally:
            self._owner = before

    def table(self, names: Sequence[tuple[str | int, ...]], drawn: Sequence[np.ndarray]) -> np.ndarray:
        """uint32[streams, 2]: the keys of several streams, which stay the present ones.

        Args:
            names: of each stream.
            drawn: int64[1] of each thread, which numbers it has drawn ahead; -1: none.
        """
        table = np.array([self.key(*each) for each in names], np.uint32)

        def renew() -> None:
            table[:] = [self.key(*each) for each in names]
            for ahead in drawn:
                ahead[:] = -1

        self.follow(renew)
        return table

    def use(self, seed: int) -> None:
        """Draw by another seed from now on; the same one changes nothing."""
        if seed != self.seed:
            self.seed = int(seed)
            for renew in [one for several in self._followers.values() for one in several]:
                renew()

    def save(self) -> Arrays:
        """The seed."""
        return {"seed": np.array(self.seed, np.int64)}

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned; the `step` does not matter."""
        self.use(int(array(arrays, "seed")))
