"""The parts of a planned network: what lies together in arrays, how it is numbered, and what is constant about it.

An *element* is one site of one part of one neuron; of a plain neuron it is the neuron. Elements are numbered with all
neurons first, as spikes name them, then the other parts population by population, neuron by neuron:

    element = first + neuron * sites + site.

In arrays, and in the streams of random numbers, sites come one after the other instead (`site * size + neuron`), so that
loops run over neurons, and a part with more sites has the same numbers on those it had before.

Args:
    plan: to which a part or batch belongs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.lower.equation import stimulus_program
from neuropil.lower.neuron_program import NeuronProgram, Variant
from neuropil.model.base.described import DeclarativeModel
from neuropil.model.contents.contents import Population, StimulusConnection
from neuropil.model.network.network import Network
from neuropil.model.neuron.composite import Composite, Part
from neuropil.plan.buffers import Buffer
from neuropil.plan.kernel_cost import KernelCost
from neuropil.plan.signature import SAVED, Argument, Kind, Signature, state
from neuropil.plan.whole import Whole


@dataclass(frozen=True)
class PlannedPart:
    """A part of a population and the numbers of its elements.

    Attributes:
        population: whose part; name: of the part, "" for the neurons themselves.
        part: as described.
        first: number of its first element.
    """

    population: Population
    name: str
    part: Part
    first: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.population.size * self.part.sites


@dataclass(frozen=True)
class PlannedStimulus:
    """How a stimulus is executed.

    Attributes:
        drive: as described; index: its index in the network, which keys its random stream.
        kind: "counted" (fast Poisson), "irregular" (events added one by one) or "current".
    """

    drive: StimulusConnection
    index: int
    kind: str

    def costs(self, plan: Whole) -> list[KernelCost]:
        """What the stimulus does for a neuron in a step, besides what the neuron's own kernel reads."""
        real = np.dtype(plan.precision).itemsize
        # counted: a byte; events: real accumulator += count * weight; currents: current += amplitude * wave
        flops, moved = {"counted": (0, 1), "irregular": (2, real + 16)}.get(self.kind, (2, 3 * real))
        flops += stimulus_program(self.drive.stimulus).flops if self.drive.stimulus.defined_by_equation else 0
        elements = self.drive.target.size * self.drive.sites.size
        return [KernelCost(f"{self.kind} {self.drive.name}", "stimulus", elements, "step", flops, moved, "engine/stimuli/kernels.py")]


def plan_parts(network: Network) -> dict[tuple[str, str], PlannedPart]:
    """(population, part) -> its elements. Every population has a part "", if need be one without a model's content."""
    planned: dict[tuple[str, str], PlannedPart] = {}
    for pop in network.populations.values():
        planned[pop.name, ""] = PlannedPart(pop, "", pop.parts.get("", Part(DeclarativeModel())), pop.first)
    first = network.size
    for pop in network.populations.values():
        for name, part in pop.parts.items():
            if name:
                planned[pop.name, name] = PlannedPart(pop, name, part, first)
                first += pop.size * part.sites
    return planned


def own_kernel(population: Population) -> bool:
    """Whether the parts of this population have kernels of their own (a cable solver advances those that have none)."""
    return not isinstance(population.neuron, Composite) or population.neuron.coupling == "branched"


@dataclass(frozen=True)
class PopulationSlice:
    """A part of one population within an batch.

    Attributes:
        population, part, sites: which, and how many sites each neuron has of it.
        numbers: float64[sites, columns], constants in the order of the kernel's columns.
        arrays: constants that differ between neurons, by argument, float64[sites, neurons].
        period: refractory period in steps.
        initial: initial values by state: a float or float64[sites, neurons].
        weight_scales: weight scale by the names of the ports that synapses reach.
        parameters: by name: a float or float64[sites * neurons], one site after the other.
        modulated: names of those that a modulator changes.
        slow: states that float32 would not resolve -> why (see `neuropil.lower.resolution`).
    """

    population: Population
    part: str = ""
    sites: int = 1
    numbers: np.ndarray = field(default_factory=lambda: np.zeros((1, 0)))
    arrays: dict[Argument, np.ndarray] = field(default_factory=dict)
    period: int = 0
    initial: dict[str, Any] = field(default_factory=dict)
    weight_scales: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    modulated: frozenset[str] = frozenset()
    slow: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.population.size * self.sites


class Batch:
    """Parts that lie together in arrays.

    Attributes:
        name: for people; members: the parts; variant: what of their model is in use.
        precision: of their numbers, "float32" or "float64".
        states, ports: the model's, in order; arguments: its arrays.
    """

    name: str
    members: tuple[PopulationSlice, ...]
    precision: str

    @property
    def variant(self) -> Variant:
        """What of the model is in use."""
        raise NotImplementedError

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states."""
        raise NotImplementedError

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports."""
        raise NotImplementedError

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arrays of the batch."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Number of elements."""
        return sum(m.size for m in self.members)

    @property
    def refractory_type(self) -> Any:
        """The type of the refractory counts, if there are any."""
        return np.uint8

    def traffic(self, plan: Whole, argument: Argument, changing: tuple[str, ...] = ()) -> int:
        """Bytes of an array that a step reads and writes for an element, `changing` being the states that are written."""
        size: int = plan.element_type(self, argument).itemsize
        return size * argument.passes(changing)

    def costs(self, plan: Whole) -> list[KernelCost]:
        """What a step does."""
        return []

    def buffer(self, plan: Whole, argument: Argument) -> Buffer:
        """What is declared of an array."""
        copies = 2 if argument.kind is Kind.COUNT else 1  # a Poisson count is drawn beside the one that is read
        return Buffer(f"{argument.label} of {self.name}", plan.element_type(self, argument), copies * self.size, saved=argument.kind in SAVED)


@dataclass(frozen=True)
class KernelBatch(Batch):
    """Parts that share a kernel. The soma's group of parts that act on a soma is the same for all of them.

    Attributes:
        program: of the kernel.
        signature: arrays and columns of the kernel.
    """

    name: str
    program: NeuronProgram
    signature: Signature
    members: tuple[PopulationSlice, ...]
    precision: str

    @property
    def variant(self) -> Variant:
        """What of the model is in use."""
        return self.program.variant

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states."""
        return self.program.states

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports."""
        return tuple(self.program.step.traced.spec.ports)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arrays of the batch."""
        return self.signature.own

    @property
    def refractory_type(self) -> Any:
        """The smallest type that holds the refractory counts: the update is bound by bytes. A modulated one may grow."""
        if any(getattr(type(m.population.parts[m.part].model), "refractory", None) in m.modulated for m in self.members):
            return np.int32
        longest = max((max(m.period, m.arrays.get(Argument(Kind.PERIOD), np.zeros(1)).max()) for m in self.members), default=0)
        return np.uint8 if longest < 256 else np.int32

    def bytes_per_step(self, plan: Whole) -> int:
        """Bytes that an element's step reads and writes, by its kernel's arguments."""
        return sum(self.traffic(plan, a, self.program.changing) for a in self.signature.arguments)

    def costs(self, plan: Whole) -> list[KernelCost]:
        """One step of an element."""
        names = ", ".join(m.population.name for m in self.members)
        kind = "branch" if self.variant.gives else "neuron"
        return [KernelCost(f"{self.name} ({names})", kind, self.size, "step", self.program.flops, self.bytes_per_step(plan), "lower/neuron_program.py")]


@dataclass(frozen=True)
class SolverBatch(Batch):
    """A part without a kernel of its own: a cable solver reads and writes its arrays.

    They are its states, accumulators (exact ones in multiples of the weight scale, see `PopulationSlice.weight_scales`) and inputs; in each, sites come
    one after the other.

    Attributes:
        model: of the part.
        used: what of it is in use.
    """

    name: str
    model: DeclarativeModel
    used: Variant
    members: tuple[PopulationSlice, ...]
    precision: str

    @property
    def variant(self) -> Variant:
        """What of the model is in use."""
        return self.used

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states."""
        return tuple(self.model.spec.states)

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports."""
        return tuple(self.model.spec.ports)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arrays of the batch."""
        return (
            *map(state, self.states),
            *(Argument(Kind.EXACT, n) for n in self.used.wired),
            *(Argument(Kind.REAL, n) for n in self.used.real),
            *(Argument(Kind.INPUT, n) for n in self.used.driven),
        )


def in_order(names: Iterable[str], chosen: set[Any]) -> tuple[str, ...]:
    """Those of the names that are chosen."""
    return tuple(n for n in names if n in chosen)
