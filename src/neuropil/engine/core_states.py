"""States of neurons, amplitudes of stimuli and weight scales in the arrays of threads: gathered in the order of neurons, and set."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neuropil.engine.cells.arrays import gather as gather_cells
from neuropil.engine.cells.arrays import scatter as scatter_cells
from neuropil.engine.compose import Machine
from neuropil.engine.layout import Layout
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population, Projection
from neuropil.model.neuron.composite import full_name, split
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, Kind, state


class CoreStates:
    """The part of a `Core` that reads and sets what its arrays hold, between steps."""

    plan: Plan
    now: Plan
    layout: Layout
    machine: Machine

    def states(self) -> dict[tuple[str, str, Argument], np.ndarray]:
        """All that neurons go on from: (population, part, array) -> values as `gather` gives them."""
        found = {}
        for batch in self.plan.batches:
            kept = [a for a in batch.arguments if a.kind in (Kind.STATE, Kind.REFRACTORY)]
            found.update({(m.population.name, m.part, a): self.gather(m.population, m.part, a) for m in batch.members for a in kept})
        for cells in self.plan.cells.values():
            for part, name in map(split, cells.flat()):
                found[cells.population.name, part, state(name)] = self.gather(cells.population, part, state(name))
        return found

    def gather(self, population: Population, part: str, argument: Argument) -> np.ndarray:
        """An array of a part (such as a state, or the refractory count), one value per site of every neuron, neuron by neuron."""
        if self.of_compartments(population, part):
            return gather_cells(self.machine.cells[population.name], population.size, full_name(part, str(argument.name))).ravel()
        pieces = list(self._pieces(population, part, argument))
        sites = self.plan.parts[population.name, part].part.sites
        values = np.zeros((population.size, sites), pieces[0][1].dtype)
        for own, array in pieces:
            values[own] = array.reshape(sites, -1).T
        return values.ravel()

    def scatter(self, population: Population, part: str, argument: Argument, values: np.ndarray) -> None:
        """Set an array of a part.

        Args:
            values: [sites · neurons].
        """
        if self.of_compartments(population, part):
            values = values.reshape(population.size, -1)
            return scatter_cells(self.machine.cells[population.name], full_name(part, str(argument.name)), values)
        for own, array in self._pieces(population, part, argument):
            array[:] = values.reshape(population.size, -1)[own].T.ravel()

    def of_compartments(self, population: Population, part: str) -> bool:
        """Whether this is a state of a cell's membrane and not of a part."""
        return isinstance(population.neuron, Cell) and part not in population.neuron.placed

    def present(self, population: Population, state: str) -> np.ndarray:
        """bool[neurons * compartments]: where a state of a cell's membrane exists."""
        _, cells = self.machine.cells[population.name][0]
        there = np.zeros(cells.plan.size, bool)
        there[cells.compartments_with(state)] = True
        return np.tile(there, population.size)

    def _pieces(self, population: Population, part: str, argument: Argument) -> Iterator[tuple[slice, np.ndarray]]:
        g, _ = self.plan.indices_of(population, part)
        for t, share in enumerate(self.layout.shares):
            mine = self.layout.slice(population, part, t)
            slots = slice(mine.start - share.start[g], mine.stop - share.start[g])
            yield slice(mine.lower, mine.lower + mine.neurons), self.machine.groups[t][g].arrays[argument][slots]

    def amplitude(self, drive: int) -> np.ndarray:
        """The settable amplitude of a drive, [sites, neurons]."""
        return np.concatenate(self.machine.amplitudes[drive], axis=1)

    def set_amplitude(self, drive: int, values: np.ndarray) -> None:
        """Set the amplitude of a stimulus.

        Args:
            drive: its index.
            values: float64[neurons] or [sites, neurons].
        """
        start = 0
        for part in self.machine.amplitudes[drive]:  # the threads' parts are consecutive
            part[:] = values[..., start : start + part.shape[1]]
            start += part.shape[1]

    def set_weight_scale(self, projection: Projection, weight_scale: float) -> None:
        """Let `weight_scale` be the weight scale at the port of a packed projection, between steps."""
        part, port = split(projection.port or "")
        if projection.target.name in self.plan.cells:
            for _, cells in self.machine.cells[projection.target.name]:
                cells.set_weight_scale(part, port, weight_scale)
            return
        g, m = self.plan.indices_of(projection.target, part)
        group = self.now.groups[g]
        first = sum(member.sites for member in group.members[:m])
        self.machine.numbers[g][first : first + group.members[m].sites, group.signature.column(Kind.WEIGHT_SCALE, port)] = weight_scale
