"""The operations of modulators: levels, and effects on parts of populations and on membranes of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuropil.engine.cells.arrays import CellArrays
from neuropil.engine.effects.faults import Effects
from neuropil.engine.effects.level import Level
from neuropil.engine.effects.modulated_membrane import ModulatedMembrane, Place, modulated_places, modulated_values_of
from neuropil.engine.effects.modulated_part import ModulatedPart
from neuropil.engine.effects.modulated_target import ModulatedTarget
from neuropil.engine.layout import Layout
from neuropil.model.modulation.bound_effect import vary_by_cell
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.neuron.composite import full_name
from neuropil.plan.buffers import Buffer
from neuropil.plan.parts import PopulationSlice
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument

Target = tuple[str, str | Place]
"""A population, and its part, or what of its cells."""


@dataclass
class Arrays:
    """What kernels of neurons read.

    Attributes:
        groups: by owner, by batch, the arrays by argument.
        numbers, periods: by batch, the table that all owners read, and the refractory periods.
        cells: by population with morphology, those of each owner.
    """

    groups: list[list[dict[Argument, np.ndarray]]]
    numbers: dict[int, np.ndarray]
    periods: dict[int, np.ndarray]
    cells: dict[str, list[CellArrays]]


def modulators_of(plan: Plan, layout: Layout, arrays: Arrays) -> tuple[dict[str, Level], dict[Target, ModulatedTarget]]:
    """What modulators do at ticks: concentrations by name, and effects by target.

    Args:
        plan, layout: the network's; arrays: which effects write.
    """
    levels = {name: Level(m, plan.dt, len(layout.shares)) for name, m in plan.network.modulators.items()}
    modulated = [(g, member) for g, batch in enumerate(plan.groups) for member in batch.members if member.modulated]
    found: dict[Target, ModulatedTarget] = {(m.population.name, m.part): modulated_part(plan, layout, arrays, levels, g, m) for g, m in modulated}
    return levels, found | {key: modulated_membrane(plan, arrays, levels, key, effects) for key, effects in modulated_places(plan).items()}


def modulated_membrane(plan: Plan, arrays: Arrays, levels: dict[str, Level], key: tuple[str, Place], effects: Effects) -> ModulatedMembrane:
    """What modulators change of membranes of cells.

    Args:
        plan: as it is now.
        arrays: which the effects write; levels: by name.
        key: population and place.
        effects: by "mechanism.name".
    """
    buffer = modulated_values_of(plan, *key, effects)
    return ModulatedMembrane(plan.cells[key[0]], arrays.cells[key[0]], key[1], effects, plan.dt, levels, buffer)


def modulated_part(plan: Plan, layout: Layout, arrays: Arrays, levels: dict[str, Level], g: int, member: PopulationSlice) -> ModulatedPart:
    """A part of a population that modulators change.

    Args:
        plan: as it is now; layout: of the neurons.
        arrays: which the effects write; levels: by name.
        g: place of the batch; member: the part.
    """
    start = [share.start[g] for share in layout.shares]
    return ModulatedPart(
        plan.dt, layout, [own[g] for own in arrays.groups], arrays.numbers[g], arrays.periods[g], start, plan.groups[g], member, _effects(plan, member), levels,
        modulated_values(plan, member),
    )  # fmt: skip


def modulated_values(plan: Plan, member: PopulationSlice) -> Buffer:
    """What is declared of the parameters of a part that modulators change: as described, as they are now, and whether they changed.

    Args:
        plan: of the network; member: the part.
    """
    varied = [n for n, listed in _effects(plan, member).items() if np.ndim(member.parameters[n]) or vary_by_cell(listed)]
    return Buffer(f"modulated parameters of {member.population.name} {member.part}".rstrip(), np.float64, 3.0 * len(varied) * member.size)


def _effects(plan: Plan, member: PopulationSlice) -> Effects:
    """The effects on a part, by parameter within its model."""
    whole = effects_on(plan.network.modulators, member.population)
    return {n: whole[full_name(member.part, n)] for n in sorted(member.modulated)}
