"""Where a stimulus acts: what its builder is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from neuropil import rng
from neuropil.engine.layout import Layout
from neuropil.engine.streams import Key, Streams
from neuropil.errors import SimulationError
from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.contents import StimulusConnection
from neuropil.model.neuron.composite import split
from neuropil.model.stimulus.checks import base
from neuropil.plan.buffers import Buffer
from neuropil.plan.builder import drawn
from neuropil.plan.operations import Given, Kernel, Operation, Phase, TimeTable
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument


@dataclass(frozen=True)
class Reach:
    """What a stimulus drives of one thread.

    Attributes:
        start: int64[sites], where the neurons of each site begin in `target`.
        counters: int64[sites], the counters of random numbers of their first elements.
        low, neurons: the first of the population's neurons that the thread owns, and how many.
        target: the events or currents to which it adds.
    """

    start: np.ndarray
    counters: np.ndarray
    low: int
    neurons: int
    target: np.ndarray


@dataclass(frozen=True)
class Driven:
    """A stimulus and all that it drives.

    Attributes:
        plan: the network's.
        connection: the stimulus as it was attached; index: its index in the network.
        threads: what it drives of each.
        amplitudes: by the index of a stimulus, values that can be set between steps, [sites, own neurons] of each thread.
        buffer: to which it adds.
        streams: of random numbers.
    """

    plan: Plan
    connection: StimulusConnection
    index: int
    threads: tuple[Reach, ...]
    amplitudes: dict[int, list[np.ndarray]]
    buffer: Buffer
    streams: Streams
    _handed: list[list[tuple[Any, ...]]] = field(default_factory=list)

    @classmethod
    def of(
        cls, plan: Plan, layout: Layout, index: int, connection: StimulusConnection, target: Argument, arrays: Sequence[np.ndarray],
        amplitudes: dict[int, list[np.ndarray]], streams: Streams,
    ) -> Driven:  # fmt: skip
        """What a stimulus drives.

        Args:
            plan, layout: the network's.
            index: index of the stimulus in the network.
            connection: the stimulus.
            target: to what of the batch it adds; arrays: that array of each thread.
            amplitudes: where values that can be set are kept; streams: of random numbers.
        """
        part, sites = split(connection.entry)[0], connection.sites
        g, _ = plan.indices_of(connection.target, part)
        made = []
        for share, array in zip(layout.shares, arrays, strict=True):
            own = share.slices[connection.target.name, part]
            counters = sites * connection.target.size + own.lower
            made.append(Reach(own.start - share.start[g] + sites * own.neurons, counters, own.lower, own.neurons, array))
        return cls(plan, connection, index, tuple(made), amplitudes, plan.buffers[g, target], streams)

    @property
    def stimulus(self) -> Any:
        """As described."""
        return self.connection.stimulus

    @property
    def real(self) -> np.dtype:
        """The type of what it adds to."""
        return self.threads[0].target.dtype

    @cached_property
    def key(self) -> Key:
        """Of its random numbers. A builder hands both words on as they are, among the arguments of `operation`: they change with the seed."""
        self.streams.follow(self._renew)
        return self.streams.key("drive", *self.connection.stream)

    def _renew(self) -> None:
        """Put the words of the present key in the place of the old ones."""
        key = self.streams.key("drive", *self.connection.stream)
        anew, found = {id(old): new for old, new in zip(self.key, key, strict=True)}, False
        for arguments in self._handed:
            for t, own in enumerate(arguments):
                found |= any(id(one) in anew for one in own)
                arguments[t] = tuple(anew.get(id(one), one) for one in own)
        if not found:
            kind = type(self.stimulus).__name__
            raise SimulationError(
                f"stimulus {self.connection.name!r}: its builder for the engine does not expose the key of its random numbers", got=kind,
                expected="*driven.key among the arguments of driven.operation", fix="leave seed out, or correct the builder",
            )  # fmt: skip
        self.__dict__["key"] = key

    def drawn(self, attribute: str) -> Any:
        """A number of the stimulus by the name of its `attribute`: one, or [neurons], or drawn, [sites, neurons]."""
        return drawn(self.connection, self.plan.seed, attribute, getattr(self.stimulus, attribute))

    def filled(self, attribute: str) -> Any:
        """A number of the stimulus for an equation: one, [neurons] or, drawn, [sites, neurons].

        Outside of a view it is that of some neuron within, for which the equation has a value; it is not used.

        Args:
            attribute: its name.
        """
        value, size, view = getattr(self.stimulus, attribute), self.connection.target.size, self.connection.neurons
        if isinstance(value, Distribution):
            key = rng.stream_key(self.plan.seed, "drive", *self.connection.stream, attribute)
            return value.quantile(rng.uniform(key, self.connection.sites[:, None] * size + np.arange(size), 0))
        bare = base(value)
        if np.ndim(bare) == 0 or view is None:
            return bare
        whole = np.full(size, bare[0], float)
        whole[view] = bare
        return whole

    @property
    def weight(self) -> Any:
        """Of its events, likewise."""
        return drawn(self.connection, self.plan.seed, "weight", self.connection.weight)

    def own(self, value: Any, real: Any = None) -> list[np.ndarray]:
        """A value of every site and neuron of the population, cut to what each thread owns: [sites, own neurons], copies.

        Args:
            value: one, [neurons] or [sites, neurons].
            real: type of the elements; None: `self.real`.
        """
        full = np.broadcast_to(base(value), (self.connection.sites.size, self.connection.target.size))
        return [np.array(full[:, r.low : r.low + r.neurons], self.real if real is None else real, order="C") for r in self.threads]

    def settable(self, value: Any) -> list[np.ndarray]:
        """A `value` as `own` cuts it, which `Simulation.set_drive` can change between steps."""
        self.amplitudes[self.index] = self.own(value)
        return self.amplitudes[self.index]

    def operation(self, kernel: Kernel, given: tuple[Given | TimeTable, ...], arguments: list[tuple[Any, ...]]) -> Operation:
        """What adds the stimulus in every step.

        Args:
            kernel: what is called.
            given: what the loop hands to it.
            arguments: its further arguments in each thread.
        """
        name = f"{self.connection.name} ({type(self.stimulus).__name__})"
        self._handed.append(arguments)
        return Operation(name, Phase.STIMULI, kernel, arguments.__getitem__, given, adds=(self.buffer,))
