"""What a probe may record of a population beside its states: the base class, and what a caller of `Network.probe` asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from neuropil.errors import NetworkError
from neuropil.model.base.distribution import checked_values
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population, Probe
from neuropil.model.contents.sites import located, probed_sites
from neuropil.units import Quantity, ms


class Common(TypedDict):
    """What every probe of neurons has."""

    name: str
    target: Population
    variable: str
    neurons: np.ndarray
    interval: float | None
    start: float | None
    sites: np.ndarray | None


@dataclass(frozen=True)
class Asked:
    """What a caller asked for, checked as far as it does not depend on what is recorded.

    Attributes:
        population: whose neurons; neurons: int64[n], which of them.
        sites, at: as given to `Network.probe`.
        interval, start: ms, or None.
        named: from a variable to the name of the probe.
    """

    population: Population
    neurons: np.ndarray
    sites: Any
    at: Any
    interval: float | None
    start: float | None
    named: Callable[[str], str]

    def common(self, variable: str, site_count: int, compartments: np.ndarray | None = None) -> Common:
        """The fields of a probe with a column for each neuron and each chosen site.

        Args:
            variable: what is recorded, by name.
            site_count: how many sites of it each neuron has.
            compartments: of a cell, the compartment of each site; None: the sites are the compartments.

        Raises:
            NetworkError: a site that does not exist, or a location without a site.
        """
        chosen = probed_sites(self.sites if self.at is None else self._at(variable, compartments), self.population, variable, site_count)
        neurons = self.neurons if chosen is None else np.repeat(self.neurons, chosen.size)
        columns = None if chosen is None else np.tile(chosen, self.neurons.size)
        return {
            "name": self.named(variable), "target": self.population, "variable": variable, "neurons": neurons,
            "interval": self.interval, "start": self.start, "sites": columns,
        }  # fmt: skip

    def _at(self, variable: str, compartments: np.ndarray | None) -> np.ndarray:
        """The sites at the locations."""
        there = located(self.population, self.at, self.sites)
        if compartments is None:
            return there
        sites = np.concatenate([np.flatnonzero(compartments == one) for one in there])
        if not sites.size:
            raise NetworkError(f"probe: there is no {variable} at this location of {self.population.name}", got=self.at, fix="sites=[...] names sites by number")
        return sites


class Recordable:
    """Something that `Network.probe` records besides states: an `Expression`, an extracellular potential, or a class of one's own.

    A subclass makes its own kind of `Probe`, for which each executor needs a builder (`npl.register(kind, "engine")`, likewise
    "oracle" and "rollout").

    Attributes:
        name: shown in messages and in the name of the probe.
    """

    name: str

    def probe(self, asked: Asked) -> Probe:
        """The description of a probe that records it.

        Args:
            asked: whose neurons, and when.

        Raises:
            NetworkError: what cannot be recorded of these neurons.
        """
        raise NotImplementedError


class RecordedState(Recordable):
    """A state by its full name."""

    def __init__(self, name: str):
        self.name = name

    def probe(self, asked: Asked) -> Probe:
        pop, part = asked.population, self.name.rpartition(".")[0]
        placed = pop.neuron.placed.get(part) if isinstance(pop.neuron, Cell) else None
        return Probe(**asked.common(self.name, pop.sites(self.name), None if placed is None else placed.compartments))


def checked_time(value: Any, what: str, least: float) -> float | None:
    """A time of a probe in ms, None as it is.

    Args:
        value: as given.
        what: the argument, for messages.
        least: above which it must be; 0 itself is a time where this is below 0.

    Raises:
        NetworkError: not one number, or too small.
    """
    if value is None:
        return None
    checked = checked_values(value, ms.dimension, f"probe {what}", ())
    if not isinstance(checked, float) or not checked > least:
        word = "positive" if least >= 0 else "0 or later"
        raise NetworkError(f"a probe's {what} must be {word}", got=value.value if isinstance(value, Quantity) else value)
    return checked
