"""Neurons of one model, and some of them: `exc[:50]`, `exc[mask]`, `exc[[3, 1, 4]]`, `exc[7]`.

A view is a description, like the population it is of. It can be the source or target of a projection, be stimulated, probed, coupled,
read and set. Arrays given with it have one value for each of its neurons, in its order; results speak of indices within the population.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.model.base.described import DeclarativeModel
from neuropil.model.contents.chosen import Indices, chosen
from neuropil.model.neuron.composite import Composite, Part, parts_of
from neuropil.model.neuron.neuron import Neuron


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one model.

    Attributes:
        name: unique within the network.
        neuron: the model with its parameters.
        size: number of neurons.
        first: global index of its first neuron.
        initial: initial values by state name that replace the model's own; arrays [size * sites], neuron by neuron.
        positions: [size, axes] in µm, or None.
    """

    name: str
    neuron: Neuron | Composite
    size: int
    first: int
    initial: dict[str, Any] = field(default_factory=dict)
    positions: np.ndarray | None = None

    def __len__(self) -> int:
        return self.size

    __iter__ = None

    def __getitem__(self, which: Any) -> View:
        """Some of the neurons (`View`): `exc[:50]`, `exc[mask]`, `exc[[3, 1, 4]]`, `exc[7]`."""
        return view(self, which)

    @property
    def parts(self) -> dict[str, Part]:
        """The parts of its neurons by name; a plain neuron is the part ""."""
        return parts_of(self.neuron)

    @property
    def models(self) -> dict[str, DeclarativeModel]:
        """Whatever of its neurons has parameters, by name; a plain neuron is ""."""
        return self.neuron.models if isinstance(self.neuron, Composite) else {"": self.neuron}

    def sites(self, name: str) -> int:
        """How many sites of a port, input or state (by its full name) each neuron has."""
        return self.neuron.spec.sites.get(name, 1)

    def __add__(self, other: Any) -> tuple[Any, ...]:
        """Several populations or views, as source or target."""
        return (self, *other) if isinstance(other, tuple) else (self, other)

    def __radd__(self, other: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*other, self)

    def __repr__(self) -> str:
        return f"Population({self.name!r}, {self.size} × {type(self.neuron).__name__})"


@dataclass(frozen=True, eq=False)
class View:
    """Neurons of a population.

    Attributes:
        population: whose.
        indices: int64[neurons], within the population, each once, in the view's order.
        label: how it was written, for messages.
    """

    population: Population
    indices: Indices
    label: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """The population's."""
        return self.population.name

    @property
    def size(self) -> int:
        """Number of neurons."""
        return int(self.indices.size)

    def __len__(self) -> int:
        return self.size

    __iter__ = None

    def __getitem__(self, which: Any) -> View:
        """Some of these neurons: `which` counts within the view."""
        selected, label = chosen(which, self.size, self.label)
        return View(self.population, self.indices[selected], label)

    def __add__(self, other: Any) -> Any:
        return (self, *other) if isinstance(other, tuple) else (self, other)

    def __radd__(self, other: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*other, self)

    def __repr__(self) -> str:
        return f"View({self.label}, {self.size} of {self.population.size} neurons)"


def view(population: Population, which: Any) -> View:
    """What `population[which]` is.

    Args:
        which: a whole number, a slice, an array of different whole numbers (negative ones count from the end), or of one bool per neuron.

    Raises:
        NetworkError: no neuron, one that does not exist, one twice, a mask of another length, numbers that are not whole.
    """
    indices, label = chosen(which, population.size, population.name)
    return View(population, indices, label)


def whole(end: Population | View) -> Population:
    """The population at an end: itself, or the one that a view is of."""
    return end.population if isinstance(end, View) else end


def indices_of(end: Population | View) -> Indices | None:
    """int64[n]: the neurons of a view at an end; None for a population, and for a view of all of it in order."""
    if not isinstance(end, View) or np.array_equal(end.indices, np.arange(end.population.size)):
        return None
    return end.indices
