"""What a network holds: populations, projections between them, drives that feed them, probes that watch them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from neuropil.model.base import grid
from neuropil.model.base.distribution import Distribution
from neuropil.model.connection.matrix import WeightMatrix
from neuropil.model.connection.rule import Rule
from neuropil.model.connection.structure import Rewiring
from neuropil.model.contents.chosen import Indices, inverse_index, shared
from neuropil.model.contents.population import Population
from neuropil.model.neuron.composite import split
from neuropil.model.stimulus.stimulus import Stimulus
from neuropil.model.synapse.synapse import Synapse
from neuropil.units import Dimension

Stream: TypeAlias = tuple[str | int, ...]
"""What keys the random draws of a projection or a drive besides the seed: names, never indices in a list, so that whatever else
is in the network leaves them alone."""


@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from one population to another.

    Attributes:
        name: unique in the network.
        source, target: the two populations.
        rule: which neurons are connected.
        weight: in the port's base unit: one number, an array (`neuropil.model.contents.per_synapse`) or a distribution; or weights with a
            structure.
        delay: ms, likewise.
        port: where their events go (None: nowhere); input: where their currents go.
        site: where on a port that exists several times in a neuron: the site of all synapses, an array with one per edge,
            or None: each synapse's is drawn.
        synapse: the model of each, None for a bare weight.
        clock_driven: advance all states in every step, also those that have a closed form.
        response_delay: time that a target's spike takes to reach the synapse, ms.
        structure: how synapses vanish and form.
        initial: initial values of states that replace the model's own, in base units: numbers, distributions, or arrays as of
            parameters (`neuropil.model.contents.per_synapse`).
        sources, targets: int64[n], of views, the neurons that it joins, in the order of its arrays; None: all. (The indices of
            `Edges` are those within the populations also then.)
        stream: key of its random draws.
    """

    name: str
    source: Population
    target: Population
    rule: Rule
    weight: float | np.ndarray | Distribution | WeightMatrix
    delay: float | np.ndarray | Distribution
    port: str | None
    site: int | np.ndarray | None = None
    synapse: Synapse | None = None
    input: str | None = None
    clock_driven: bool = False
    response_delay: float = 0.0
    structure: Rewiring | None = None
    initial: dict[str, Any] = field(default_factory=dict)
    sources: Indices | None = None
    targets: Indices | None = None
    stream: Stream = field(kw_only=True)

    @property
    def ends(self) -> tuple[int, int]:
        """How many source and target neurons it joins."""
        return (
            self.source.size if self.sources is None else self.sources.size,
            self.target.size if self.targets is None else self.targets.size,
        )

    def within(self, pre: Indices, post: Indices) -> tuple[Indices, Indices]:
        """Rows and columns of the projection's matrices: where sources and targets stand in the views.

        Args:
            pre, post: int64[synapses], indices within the populations.

        Returns:
            int64[synapses] twice.
        """
        rows = pre if self.sources is None else inverse_index(self.sources, self.source.size)[pre]
        return rows, post if self.targets is None else inverse_index(self.targets, self.target.size)[post]

    @property
    def matrix(self) -> WeightMatrix | None:
        """The weights, if they have a structure."""
        return self.weight if isinstance(self.weight, WeightMatrix) else None

    @property
    def own_weight(self) -> float | np.ndarray | Distribution:
        """The weight of each synapse, where weights have no structure."""
        assert not isinstance(self.weight, WeightMatrix)
        return self.weight

    @property
    def excludes_self(self) -> bool:
        """No neuron projects to itself, though it could."""
        return self.recurrent and not self.rule.joins_self

    @property
    def pairs(self) -> int:
        """Pairs of neurons that its rule may join."""
        n_source, n_target = self.ends
        if not self.excludes_self:
            return n_source * n_target
        return n_source * n_target - shared(self.sources, self.targets, self.source.size)

    @property
    def sites(self) -> int:
        """How many sites the port (or the input) has in each target neuron."""
        return self.target.sites(self.port or self.input or "")

    @property
    def part(self) -> str:
        """The part of the target that it reaches."""
        return split(self.port or self.input or "")[0]

    @property
    def per_synapse(self) -> bool:
        """Each synapse is kept by itself: it has states, or may vanish."""
        return self.synapse is not None or self.structure is not None

    @property
    def recurrent(self) -> bool:
        """The two populations are one."""
        return self.source is self.target

    def __repr__(self) -> str:
        return f"Projection({self.name!r}, {type(self.rule).__name__}, port {self.port!r})"


@dataclass(frozen=True, eq=False)
class StimulusConnection:
    """A stimulus attached to a port (events, with a weight) or to an input (a current) of a population.

    It acts on every site of the port or input, on each with random numbers of its own (from `stream`), or on the one that `site`
    names; on the `neurons` of a view, or on all. One that `follows` another indicates to the target when that is within its window
    (`Input.window`).

    Attributes:
        name: unique in the network.
        target: the population.
        stimulus: what drives it.
        port: for events; input: for currents; the other is None.
        weight: in the port's base unit: one number, float64[neurons] or a distribution; None for currents.
    """

    name: str
    target: Population
    stimulus: Stimulus
    port: str | None = None
    weight: float | np.ndarray | Distribution | None = None
    input: str | None = None
    site: int | None = None
    neurons: Indices | None = None
    stream: Stream = field(kw_only=True)
    follows: StimulusConnection | None = None

    @property
    def size(self) -> int:
        """How many neurons it drives: its arrays have a value for each."""
        return self.target.size if self.neurons is None else self.neurons.size

    def everywhere(self, values: Any) -> Any:
        """Values of the driven neurons (one, or [..., neurons]) as values of all of the population's: zero for the others."""
        if self.neurons is None:
            return values
        whole = np.zeros((*np.shape(values)[:-1], self.target.size))
        whole[..., self.neurons] = values
        return whole

    @property
    def entry(self) -> str:
        """The full name of the port or input."""
        return self.port if self.port is not None else str(self.input)

    @property
    def sites(self) -> np.ndarray:
        """The sites it acts on."""
        return np.arange(self.target.sites(self.entry)) if self.site is None else np.array([self.site])


def sampling(name: str, interval: float | None, start: float | None, dt: float) -> tuple[int, int]:
    """The step at whose beginning the first sample of a probe is taken, and the steps between samples.

    Args:
        name: of the probe.
        interval: ms; None: every step.
        start: ms, time of the first sample; None: one interval after the start of the run.
        dt: time step, ms.
    """
    every = 1 if interval is None else grid.steps(interval, dt, f"probe {name}: interval")
    return every if start is None else grid.steps(start, dt, f"probe {name}: start", least=0), every


@dataclass(frozen=True, eq=False)
class Probe:
    """A state of neurons, recorded at an interval.

    Attributes:
        name: unique in the network.
        target: the population.
        variable: name of the state.
        neurons: int64[columns], index within the population.
        interval: ms; None: every step.
        sites: int64[columns]; None if the state exists once in each neuron.
        start: ms, time of the first sample; None: one interval after the start of the run.
    """

    name: str
    target: Population
    variable: str
    neurons: np.ndarray
    interval: float | None = None
    sites: np.ndarray | None = None
    start: float | None = None

    def steps(self, dt: float) -> tuple[int, int]:
        """The step at whose beginning the first sample is taken, and the steps between samples.

        Args:
            dt: time step, ms.
        """
        return sampling(self.name, self.interval, self.start, dt)

    @property
    def columns(self) -> np.ndarray:
        """int64[columns]: what each column is of; its length is the number of columns."""
        return self.neurons

    @property
    def flat_index(self) -> np.ndarray:
        """int64[columns]: where each column stands among all sites of the state, neuron by neuron."""
        return self.neurons if self.sites is None else self.neurons * self.site_count + self.sites

    @property
    def site_count(self) -> int:
        """How many sites of what is recorded each neuron has."""
        return self.target.sites(self.variable)

    @property
    def recorded(self) -> Any:
        """What is recorded, for comparison."""
        return self.variable

    @property
    def parameters(self) -> set[str]:
        """The full names of the parameters that it reads."""
        return set()

    @property
    def numbers(self) -> int:
        """How many numbers of 8 bytes a recorder of it holds besides the samples."""
        return 0

    @property
    def dimension(self) -> Dimension:
        """Of its samples."""
        return self.target.neuron.spec.state_dimensions[self.variable]
