"""Spikes on their way: for each port of a population a ring of the weights that will arrive, one row per step ahead.

A spike of step k through a delay of d steps arrives at the end of step k + d. Projections between small populations
are matrices, one per delay; the others gather the spikes of their sources and scatter-add into the ring. Both are
linear in the weights and in the spikes, so gradients flow through either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient
from numpy.typing import NDArray

from neuropil.learn.structured import multiplied
from neuropil.model.connection.shared import SharedWeights
from neuropil.model.contents.contents import Projection

DENSE_ENTRIES = 1 << 14
"""A projection whose matrices have no more entries than this, or than four per synapse, is delivered densely."""

Key = tuple[str, str]
"""(population, port)."""


def between(delay: Any, longest: int) -> tuple[Any, Any]:
    """A delay that lies between two steps: what is sent arrives at both, in shares that add up to 1, of which the gradient is that
    of linear interpolation.

    Args:
        delay: [synapses], steps; NaN comes of those that are not from 1 to `longest`.
        longest: steps.

    Returns:
        int32[synapses], the earlier step; [synapses], the share of the later one.
    """
    early = jnp.clip(jnp.floor(stop_gradient(delay)), 1, max(longest - 1, 1))
    slack = 1e-3  # delays come from times in single precision
    inside = (delay >= 1.0 - slack) & (delay <= longest + slack)
    return early.astype(jnp.int32), jnp.where(inside, jnp.clip(delay - early, 0.0, 1.0), jnp.nan)


@dataclass(frozen=True)
class Wiring:
    """The synapses of one projection without their weights.

    Attributes:
        name: its key among the parameters.
        source, target, port: names.
        pre, post: int64[synapses], indices within their populations, by source; `post` counts every site of the port,
            neuron by neuron.
        delay: int64[synapses], steps.
        sizes: numbers of neurons of the source, and of sites of all neurons of the target.
        trained: the longest delay, steps, of synapses whose delays are parameters; 0: they are `delay`.
    """

    name: str
    source: str
    target: str
    port: str
    pre: NDArray[np.int64]
    post: NDArray[np.int64]
    delay: NDArray[np.int64]
    sizes: tuple[int, int]
    trained: int = 0

    @property
    def longest(self) -> int:
        """The longest delay, steps."""
        return self.trained or int(self.delay.max(initial=1))

    @property
    def dense(self) -> bool:
        """Delivered by matrices."""
        if self.trained:
            return False
        entries = np.unique(self.delay).size * self.sizes[0] * self.sizes[1]
        return bool(entries <= max(DENSE_ENTRIES, 4 * self.pre.size))

    def prepare(self, weights: Any, delay: Any = None) -> Any:
        """Weights [synapses] as `send` reads them: [delays, sources, targets] if dense; with delays that are trained, what
        arrives at either neighbouring step, and the earlier of the two.

        Args:
            weights: [synapses], base units of the port.
            delay: [synapses], steps, not whole, where delays are trained.
        """
        if self.trained:
            early, share = between(delay, self.trained)
            return weights * (1.0 - share), weights * share, early
        if not self.dense:
            return weights
        steps, index = np.unique(self.delay, return_inverse=True)
        return jnp.zeros((steps.size, *self.sizes), weights.dtype).at[index, self.pre, self.post].add(weights)

    def send(self, prepared: Any, spikes: Any, ring: Any, k: Any) -> Any:
        """The ring [rows, targets] after the spikes [sources] of step k have set out.

        Args:
            prepared: from `prepare`.
            spikes: [sources], 0 or 1.
            ring: [rows, targets], summed weights by step of arrival.
            k: step.
        """
        rows = ring.shape[0]
        if self.dense:
            return ring.at[(k + np.unique(self.delay).astype(np.int32)) % rows].add(jnp.einsum("s,dst->dt", spikes, prepared))
        if self.trained:
            first, second, early = prepared
            sent = spikes[self.pre]
            ring = ring.at[(k + early) % rows, self.post].add(first * sent)
            return ring.at[(k + early + 1) % rows, self.post].add(second * sent)
        return ring.at[(k + self.delay.astype(np.int32)) % rows, self.post].add(prepared * spikes[self.pre])


@dataclass(frozen=True)
class SharedWiring:
    """A projection with shared weights: its spikes are multiplied through them, so that gradients reach each of them once.

    Attributes:
        projection: as described.
        delay: steps.
    """

    projection: Projection
    delay: int

    @property
    def name(self) -> str:
        """Its key among the parameters."""
        return self.projection.name

    @property
    def source(self) -> str:
        """Name of the source."""
        return self.projection.source.name

    @property
    def target(self) -> str:
        """Name of the target."""
        return self.projection.target.name

    @property
    def port(self) -> str:
        """Name of the port."""
        return str(self.projection.port)

    @property
    def matrix(self) -> SharedWeights:
        """The weights."""
        assert isinstance(self.projection.matrix, SharedWeights)
        return self.projection.matrix

    @property
    def sizes(self) -> tuple[int, int]:
        """As of `Wiring`."""
        return self.projection.source.size, self.projection.target.size * self.projection.sites

    @property
    def longest(self) -> int:
        """The delay, steps."""
        return self.delay

    def listed(self, pairs: Any) -> Wiring:
        """The same synapses with a weight each.

        Args:
            pairs: int64[synapses] twice, sources and targets of the matrix.
        """
        pre, post = pairs
        p = self.projection
        sources, targets = (np.arange(n) if view is None else view for n, view in ((p.source.size, p.sources), (p.target.size, p.targets)))
        site = targets[post] * p.sites + int(p.site or 0)  # type: ignore[arg-type]
        return Wiring(self.name, self.source, self.target, self.port, sources[pre], site, np.full(len(pre), self.delay), self.sizes)

    def prepare(self, weights: Any, delay: None = None) -> Any:
        """The `weights`, as `send` reads them; the `delay` is not trained."""
        return weights

    def send(self, prepared: Any, spikes: Any, ring: Any, k: Any) -> Any:
        """The ring [rows, targets] after the spikes of step k have set out.

        Args:
            prepared, spikes, ring, k: as of `Wiring.send`.
        """
        p = self.projection
        x = spikes if p.sources is None else spikes[p.sources]
        made = multiplied(self.matrix.bound({self.matrix.parameter: prepared}), x)
        targets = np.arange(p.target.size) if p.targets is None else p.targets
        return ring.at[(k + self.delay) % ring.shape[0], targets * p.sites + int(p.site or 0)].add(made)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Delivery:
    """All projections of a network that have no synapse model.

    Attributes:
        wirings: one for each.
    """

    wirings: tuple[Wiring | SharedWiring, ...]

    def empty(self, dtype: Any) -> dict[str, dict[str, NDArray[Any]]]:
        """Rings without anything under way: population -> port -> zeros [longest delay, neurons].

        Args:
            dtype: of the arrays.
        """
        longest: dict[Key, int] = {}
        size: dict[Key, int] = {}
        for w in self.wirings:
            key = (w.target, w.port)
            longest[key] = max(longest.get(key, 1), w.longest)
            size[key] = w.sizes[1]
        rings: dict[str, dict[str, NDArray[Any]]] = {}
        for (target, port), rows in longest.items():
            rings.setdefault(target, {})[port] = np.zeros((rows, size[target, port]), dtype)
        return rings

    def prepare(self, weights: dict[str, Any], delays: dict[str, Any]) -> dict[str, Any]:
        """Per projection what `send` needs; done once, outside the loop over time.

        Args:
            weights: [synapses] by projection.
            delays: [synapses], steps, of projections whose delays are trained.
        """
        return {w.name: w.prepare(weights[w.name], delays.get(w.name)) for w in self.wirings}

    def arrive(self, rings: Any, k: Any) -> tuple[Any, Any]:
        """Weights [neurons] by population and port that arrive at the end of step k, and the rings without them."""
        arrived = {pop: {port: ring[k % ring.shape[0]] for port, ring in ports.items()} for pop, ports in rings.items()}
        left = {
            pop: {port: ring.at[k % ring.shape[0]].set(0.0) for port, ring in ports.items()} for pop, ports in rings.items()
        }
        return arrived, left

    def send(self, prepared: dict[str, Any], spikes: dict[str, Any], rings: Any, k: Any) -> Any:
        """The rings after the spikes (population -> [neurons]) of step k have set out.

        Args:
            prepared: from `prepare`.
            rings: as of `empty`.
            k: step.
            spikes: [neurons] by population, 0 or 1.
        """
        new = {pop: dict(ports) for pop, ports in rings.items()}
        for w in self.wirings:
            new[w.target][w.port] = w.send(prepared[w.name], spikes[w.source], new[w.target][w.port], k)
        return new
