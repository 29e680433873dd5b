"""Gap junctions: places that see each other's potential.

A coupling joins sites of two places, each a point process with an input `v_partner` (a half of a junction). In a step each
half sees its partner as it is at t_k; its own side is implicit like every conductance of the cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model.cell import Cell
from neuropil.model.contents import Population
from neuropil.units import mV, unit_name

PARTNER = "v_partner"
"""The input by which half a junction sees the other."""


@dataclass(frozen=True, eq=False)
class End:
    """One side of a coupling: for each pair the place (neuron * sites + site) among all sites of a part."""

    population: Population
    part: str
    places: np.ndarray

    @property
    def sites(self) -> int:
        """Sites of the part in each neuron."""
        return self.population.parts[self.part].sites


@dataclass(frozen=True, eq=False)
class Coupling:
    """Pairs of sites, joined both ways.

    Attributes:
        name: for people; first, second: the two sides, pair by pair.
    """

    name: str
    first: End
    second: End

    @property
    def directed(self) -> tuple[tuple[End, End], ...]:
        """(who sees, whom): both ways."""
        return (self.first, self.second), (self.second, self.first)


def end(population: Population, part: Any, pairs: Any, sites: Any, where: str) -> End:
    """One side of a coupling, checked.

    Args:
        part: a place of the population's cell; pairs: neurons; sites: of the place, one for all pairs or one each.

    Raises:
        NetworkError: no such place, half, neuron or site.
    """
    if not isinstance(population.neuron, Cell):
        raise NetworkError(f"{where}: {population.name} has no potentials to couple", got=repr(population.neuron), expected="cells with morphology")
    places = population.neuron.placed
    if part not in places:
        raise NetworkError(f"{where}: {population.name} has no place {part!r}", fix=did_you_mean(part, places))
    inputs = places[part].process.spec.inputs
    if inputs.get(PARTNER) != mV.dimension:
        raise NetworkError(f"{where}: {part} is no half of a gap junction", got=f"inputs {', '.join(inputs)}", expected=f"an input {PARTNER} in {unit_name(mV.dimension)}")
    count = population.parts[part].sites
    neurons, which = np.asarray(pairs), np.asarray(sites)
    for array, top, what in ((neurons, population.size, "neuron"), (which, count, "site")):
        if array.size and (not np.issubdtype(array.dtype, np.integer) or array.min() < 0 or array.max() >= top):
            raise NetworkError(f"{where}: no such {what} of {population.name}.{part}", got=array.tolist()[:8] if array.ndim else array.item(), expected=f"whole numbers from 0 to {top - 1}")
    if neurons.ndim != 1 or which.shape not in ((), neurons.shape):
        raise NetworkError(f"{where}: one neuron, and one site or one for all, per pair", got=f"shapes {neurons.shape} and {which.shape}")
    return End(population, part, (neurons * count + which).astype(np.int64))


def check_couplings(couplings: list[Coupling], populations: dict[str, Population], driven: set[tuple[str, str]]) -> list[NetworkError]:
    """What is wrong with all couplings together: each half needs one partner, and one only."""
    found = []
    for pop in populations.values():
        if not isinstance(pop.neuron, Cell):
            continue
        for part, placed in pop.neuron.placed.items():
            if PARTNER not in placed.process.spec.inputs or (pop.name, f"{part}.{PARTNER}") in driven:
                continue
            ends = [e.places for c in couplings for e in (c.first, c.second) if e.population is pop and e.part == part]
            count = np.bincount(np.concatenate(ends) if ends else np.empty(0, np.int64), minlength=pop.size * pop.parts[part].sites)
            if np.any(count != 1):
                neuron, site = divmod(int(np.argmax(count != 1)), pop.parts[part].sites)
                found.append(
                    NetworkError(
                        f"{pop.name}.{part}: half a gap junction needs one partner", got=f"{count[count != 1][0]} at site {site} of neuron {neuron}",
                        fix="couple every site once; place one for each partner",
                    )
                )  # fmt: skip
    return found
