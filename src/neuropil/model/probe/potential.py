"""Extracellular potentials of cells with morphology: at each electrode the sum, over all compartments of all cells, of a weight times the current
through the membrane.

The tissue is an infinite, homogeneous, ohmic medium. Currents are never stored: a sample is one number for each electrode. A kind of source is a
class with one function of the geometry, `weights`; two are here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from neuropil.errors import NetworkError
from neuropil.model.base.immutable import unchanging
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.compartments import Compartments
from neuropil.model.contents.contents import Population, Probe
from neuropil.model.contents.recordable import Asked, Recordable
from neuropil.model.probe.currents import Sum, membrane
from neuropil.units import Dimension, Quantity, magnitude, mm, mS, mV, um

SIEMENS_PER_METRE = mS / mm
CORTEX = 0.3 * SIEMENS_PER_METRE
"""Conductivity of cortical grey matter that models of potentials take by default (Ness et al. 2022, Adv. Exp. Med. Biol. 1359:179)."""


@unchanging
@dataclass(frozen=True, eq=False)
class ExtracellularPotential(Recordable):
    """The potential at electrodes around cells with morphology, mV; a column for each electrode.

        net.probe(cells, npl.LineSource(np.array([[50.0, 0.0, 0.0], [50.0, 100.0, 0.0]]) * um), interval=0.1 * ms)

    Cells lie at the positions of their population, as their morphology has its coordinates; those of the probe count, so that a view records
    their share.

    Args:
        electrodes: quantity [electrodes, 3] in µm.
        conductivity: of the tissue, the same everywhere: `0.3 * mS / mm` is 0.3 S/m.
        rotations: [cells, 3, 3], applied to the coordinates of each cell of the population before it is moved to its position; None: none.
        name: shown in messages and in the name of the probe.

    Raises:
        NetworkError: electrodes or rotations of another shape, or a conductivity that is not positive. UnitError: wrong units.
    """

    electrodes: Any
    conductivity: Quantity = CORTEX
    rotations: Any = None
    name: str = "potential"

    def __post_init__(self) -> None:
        at = np.asarray(magnitude(self.electrodes, um.dimension, f"{self.name}: electrodes"), float)
        sigma = magnitude(self.conductivity, CORTEX.dimension, f"{self.name}: conductivity")
        if at.ndim != 2 or at.shape[1] != 3 or not len(at) or not np.all(np.isfinite(at)):
            raise NetworkError(f"{self.name}: electrodes must be positions in µm", got=f"shape {at.shape}", expected="[electrodes, 3]")
        if np.ndim(sigma) or not np.isfinite(sigma) or not sigma > 0:
            raise NetworkError(f"{self.name}: the conductivity must be one positive number", got=sigma, expected="for example 0.3 * mS / mm")

    def weights(self, start: np.ndarray, end: np.ndarray, diameter: np.ndarray, at: np.ndarray, conductivity: float) -> np.ndarray:
        """Potentials by a current of 1 pA out of each compartment.

        Args:
            start, end: float64[compartments, 3], µm.
            diameter: float64[compartments], µm.
            at: float64[electrodes, 3], µm.
            conductivity: nS/µm.

        Returns:
            float64[electrodes, compartments], mV/pA.
        """
        raise NotImplementedError

    def probe(self, asked: Asked) -> PotentialProbe:
        pop = asked.population
        if not isinstance(pop.neuron, Cell):
            raise NetworkError(f"{self.name}: only cells with morphology have compartments that currents leave", got=pop.name)
        if asked.sites is not None or asked.at is not None:
            raise NetworkError(f"{self.name}: all compartments of a cell count", got="sites or at", fix="leave it out")
        if pop.positions is None and pop.size > 1:
            raise NetworkError(f"{self.name}: {pop.name} has no positions, so its cells would all lie at one position", fix=f"network.population({pop.name!r}, ..., positions=... * um)")
        if self.rotations is not None and np.shape(self.rotations) != (pop.size, 3, 3):
            raise NetworkError(f"{self.name}: a rotation for each cell is needed", got=np.shape(self.rotations), expected=(pop.size, 3, 3))
        return PotentialProbe(asked.named(self.name), pop, self.name, asked.neurons, asked.interval, None, asked.start, source=self)


class LineSource(ExtracellularPotential):
    """Each compartment lets its current out evenly along a straight line from its start to its end:

        φ = I / (4πσL) · (asinh(l/r) - asinh(h/r))

    where L is its length, l and h are the distances along the line from its start and its end to the electrode's foot, and r, at least the
    compartment's radius, is the electrode's distance from the line.

    Source: Holt & Koch (1999) J. Comput. Neurosci. 6:169, in an algebraically equal form without cancellation.
    """

    def weights(self, start: np.ndarray, end: np.ndarray, diameter: np.ndarray, at: np.ndarray, conductivity: float) -> np.ndarray:
        along, length = end - start, np.linalg.norm(end - start, axis=1)
        short = length < 1e-9
        unit = along / np.where(short, 1.0, length)[:, None]
        h = np.einsum("ecx,cx->ec", at[:, None] - end, unit)
        across = at[:, None] - end - h[:, :, None] * unit
        r = np.maximum(np.linalg.norm(across, axis=2), diameter / 2)
        even = (np.arcsinh((h + length) / r) - np.arcsinh(h / r)) / np.where(short, 1.0, length)
        return np.where(short, 1.0 / r, even) / (4 * np.pi * conductivity)


class PointSource(ExtracellularPotential):
    """Each compartment lets its current out at its middle: φ = I / (4πσr), r being at least its radius."""

    def weights(self, start: np.ndarray, end: np.ndarray, diameter: np.ndarray, at: np.ndarray, conductivity: float) -> np.ndarray:
        r = np.linalg.norm(at[:, None] - (start + end) / 2, axis=2)
        return 1.0 / (4 * np.pi * conductivity * np.maximum(r, diameter / 2))


def ends_of(compartments: Compartments) -> tuple[np.ndarray, np.ndarray]:
    """Where compartments begin and end, float64[n, 3] twice, µm; a node without membrane begins and ends at its position."""
    start, end = compartments.xyz.copy(), compartments.xyz.copy()
    for number, (section, count) in enumerate(zip(compartments.morphology.sections, compartments.counts, strict=True)):
        points = np.array([section.point_at(k / count)[:3] for k in range(int(count) + 1)])
        own = compartments.of_section(number)
        start[own], end[own] = points[:-1], points[1:]
    return start, end


@dataclass(frozen=True, eq=False)
class PotentialProbe(Probe):
    """Potentials at electrodes.

    Attributes:
        source: how currents make potentials.
    """

    source: ExtracellularPotential = field(kw_only=True)

    @property
    def columns(self) -> np.ndarray:
        return np.arange(len(magnitude(self.source.electrodes, um.dimension, "electrodes")))

    @property
    def site_count(self) -> int:
        return 1

    @property
    def recorded(self) -> Any:
        source = self.source
        return type(source), magnitude(source.electrodes, um.dimension, "electrodes"), magnitude(source.conductivity, CORTEX.dimension, "conductivity"), source.rotations

    @property
    def sum(self) -> Sum:
        """The currents through the membrane."""
        assert isinstance(self.target.neuron, Cell)
        return membrane(self.target.neuron)

    @property
    def parameters(self) -> set[str]:
        return self.sum.parameters(self.target)

    @property
    def numbers(self) -> int:
        currents = self.neurons.size * len(self.target.neuron.compartments)  # type: ignore[union-attr]
        return int(currents * (1 + self.columns.size))  # each cell's matrix, and the currents that it is multiplied with

    @property
    def dimension(self) -> Dimension:
        return mV.dimension

    @cached_property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(self.target.neuron, Cell)
        return ends_of(self.target.neuron.compartments)

    def matrix(self, neuron: int) -> np.ndarray:
        """What 1 pA out of each compartment of a cell does: float64[electrodes, compartments], mV/pA.

        Args:
            neuron: index within the population.
        """
        pop, source = self.target, self.source
        assert isinstance(pop.neuron, Cell)
        start, end = self._ends
        if source.rotations is not None:
            start, end = (ends @ np.asarray(source.rotations, float)[neuron].T for ends in (start, end))
        position = _position(pop, neuron)
        at = np.asarray(magnitude(source.electrodes, um.dimension, "electrodes"), float)
        sigma = float(magnitude(source.conductivity, CORTEX.dimension, "conductivity"))
        made = source.weights(start + position, end + position, np.asarray(pop.neuron.compartments.diameter), at, sigma)
        return made * np.asarray(pop.neuron.compartments.has_membrane)


def _position(population: Population, neuron: int) -> np.ndarray:
    """Where the origin of a cell's coordinates lies, float64[3], µm; axes that the population does not have are 0."""
    position = np.zeros(3)
    if population.positions is not None:
        own = population.positions[neuron]
        position[: own.size] = own
    return position
