"""Gap junctions: sites that see each other's potential.

A coupling joins pairs of sites. On a cell with morphology a site is a point process with an input `v_partner`, half of a
junction: in a step it sees its partner as it is at t_k; its own side is implicit like every conductance of the cell. Of
other neurons it is an input in pA of a part with a potential, into which flows, during the step from t_k,

    i = sum over junctions of g (v_partner - v),    both potentials as they are at t_k,

which is first order in dt and stable while dt is below twice the capacitance over the sum of g. What flows may be another function of
the two potentials (`neuropil.model.network.junction`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population
from neuropil.model.network.junction import Junction, OhmicJunction
from neuropil.model.neuron.composite import full_name, split
from neuropil.units import Quantity, mV, nS, pA, unit_name

PARTNER = "v_partner"
"""The input by which half a junction sees the other."""


@dataclass(frozen=True, eq=False)
class End:
    """One side of a coupling.

    Attributes:
        population, part: whose potential is seen.
        input: full name of the input that sees the partner, or into which the current flows.
        flat_index: int64[pairs], for each pair the index (neuron * sites + site) among all sites of the part.
    """

    population: Population
    part: str
    input: str
    flat_index: np.ndarray

    @property
    def half(self) -> bool:
        """Whether the sites are halves of junctions on cells, which have equations of their own."""
        return isinstance(self.population.neuron, Cell)

    @property
    def sites(self) -> int:
        """Sites of the part in each neuron."""
        return self.population.parts[self.part].sites


@dataclass(frozen=True, eq=False)
class Coupling:
    """Pairs of sites, joined both ways.

    Attributes:
        name: unique in the network.
        first, second: the two sides, pair by pair.
        junction: what flows into sides that are no halves of junctions; None where both are.
        values: its parameters, float64[pairs] in base units.
    """

    name: str
    first: End
    second: End
    junction: Junction | None = None
    values: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def directed(self) -> tuple[tuple[End, End, float], ...]:
        """(who sees, whom, side): both ways; of the first the side is 1, of the second -1."""
        return (self.first, self.second, 1.0), (self.second, self.first, -1.0)

    def flow(self, here: Any, there: Any, side: float, values: dict[str, Any] | None = None) -> Any:
        """The currents into one side's sites, pA: [pairs].

        Args:
            here, there: potentials of the sites and of their partners, mV.
            side: 1 of the first, -1 of the second.
            values: in place of the parameters' own.
        """
        assert self.junction is not None
        return self.junction.flow(self.values if values is None else values, here, there, side)


def end(population: Population, name: Any, pairs: Any, sites: Any, where: str) -> End:
    """One side of a coupling, checked.

    Args:
        name: of cells with morphology the name of half a junction; of other neurons an input in pA.
        pairs: neurons; sites: of what is named, one for all pairs or one each.
        sites: int, of what is named: one for all pairs, or [pairs].
        where: of which coupling; opens the error message.

    Raises:
        NetworkError: no such half, input, neuron or site.
    """
    if isinstance(population.neuron, Cell):
        part, entry = _half(population, name, where), full_name(name, PARTNER)
    else:
        part, entry = _current_input(population, name, where), name
    count = population.parts[part].sites
    neurons, which = np.asarray(pairs), np.asarray(sites)
    for array, top, what in ((neurons, population.size, "neuron"), (which, count, "site")):
        if array.size and (not np.issubdtype(array.dtype, np.integer) or array.min() < 0 or array.max() >= top):
            raise NetworkError(f"{where}: no such {what} of {population.name}.{name}", got=array.tolist()[:8] if array.ndim else array.item(), expected=f"whole numbers from 0 to {top - 1}")
    if neurons.ndim != 1 or which.shape not in ((), neurons.shape):
        raise NetworkError(f"{where}: one neuron, and one site or one for all, per pair", got=f"shapes {neurons.shape} and {which.shape}")
    return End(population, part, entry, (neurons * count + which).astype(np.int64))


def coupled(name: str, first: End, second: End, g: Any, junction: Any) -> Coupling:
    """A coupling, checked.

    Args:
        name: unique in the network.
        first, second: its sides.
        g: conductance of an `OhmicJunction`, one for all pairs or one each; None: it is not given.
        junction: another `Junction`, or None.

    Raises:
        NetworkError: neither or both are given, or something for halves of junctions on cells, which have their own.
        ModelError, UnitError: values that do not fit.
    """
    where, pairs = f"coupling {name}", first.flat_index.size
    if junction is not None and not isinstance(junction, Junction):
        raise NetworkError(f"{where}: not a junction", got=junction, expected="an instance of a Junction subclass")
    if g is not None and junction is not None:
        raise NetworkError(f"{where}: g and junction are both given", got=f"g={g}, {junction}", fix="give the conductance to the junction")
    if first.half and second.half:
        if g is not None or junction is not None:
            given = f"g={g}" if junction is None else junction
            raise NetworkError(f"{where}: these halves of junctions have conductances of their own", got=given, fix="leave g out, and give it where the halves are placed")
        return Coupling(name, first, second)
    if junction is None:
        junction = OhmicJunction(g=Quantity(_conductance(g, pairs, where), nS.dimension))
    return Coupling(name, first, second, junction, junction.checked(pairs, where))


def _half(population: Population, name: Any, where: str) -> str:
    """The part of a cell that is half a junction."""
    assert isinstance(population.neuron, Cell)
    placed = population.neuron.placed
    if name not in placed:
        raise NetworkError(f"{where}: {population.name} has no point process {name!r}", fix=did_you_mean(name, placed))
    inputs = placed[name].process.spec.inputs
    if inputs.get(PARTNER) != mV.dimension:
        raise NetworkError(f"{where}: {name} is not half a gap junction", got=f"inputs {', '.join(inputs)}", expected=f"an input {PARTNER} in {unit_name(mV.dimension)}")
    return str(name)


def _current_input(population: Population, name: Any, where: str) -> str:
    """The part of a neuron that an input belongs to, which has a potential."""
    spec = population.neuron.spec
    if not isinstance(name, str) or name not in spec.inputs:
        raise NetworkError(f"{where}: {population.name} has no input {name!r}", fix=did_you_mean(name, spec.inputs))
    part = split(name)[0]
    if spec.inputs[name] != pA.dimension or spec.state_dimensions.get(full_name(part, "v")) != mV.dimension:
        raise NetworkError(
            f"{where}: {population.name}.{name} cannot take a gap junction", got=f"an input in {unit_name(spec.inputs[name])}",
            expected="an input in pA, of a model with a state v in mV",
        )  # fmt: skip
    return part


def _conductance(g: Any, pairs: int, where: str) -> np.ndarray:
    """float64[pairs], nS."""
    if g is None:
        raise NetworkError(f"{where}: junctions of these neurons need a conductance", fix="g=0.5 * nS")
    values = checked_values(g, nS.dimension, f"{where}: g", (pairs,))
    if isinstance(values, Distribution):
        raise NetworkError(f"{where}: g must be a number or an array", got=g, expected="one conductance for all pairs, or one each")
    if not np.all(np.isfinite(values)) or np.min(values, initial=0.0) < 0.0:
        raise NetworkError(f"{where}: g must be finite and not negative", got=float(np.min(values)))
    return np.array(np.broadcast_to(values, (pairs,)), float)


def check_couplings(couplings: list[Coupling], populations: dict[str, Population], driven: set[tuple[str, str]]) -> list[NetworkError]:
    """What is wrong with all couplings together: each half of a gap junction needs one partner, and one only.

    Args:
        couplings: of the network.
        populations: of the network by name.
        driven: (population, input) that stimuli drive.
    """
    found = []
    for pop in populations.values():
        if not isinstance(pop.neuron, Cell):
            continue
        for part, placed in pop.neuron.placed.items():
            if PARTNER not in placed.process.spec.inputs or (pop.name, f"{part}.{PARTNER}") in driven:
                continue
            ends = [e.flat_index for c in couplings for e in (c.first, c.second) if e.population is pop and e.part == part]
            count = np.bincount(np.concatenate(ends) if ends else np.empty(0, np.int64), minlength=pop.size * pop.parts[part].sites)
            if np.any(count != 1):
                neuron, site = divmod(int(np.argmax(count != 1)), pop.parts[part].sites)
                found.append(
                    NetworkError(
                        f"{pop.name}.{part}: half a gap junction needs one partner", got=f"{count[count != 1][0]} at site {site} of neuron {neuron}",
                        fix="couple every site once; add one for each partner",
                    )
                )  # fmt: skip
    return found
